import Refrain
import RefrainFoundation

extension TrainingContext {
  /// What is made of each of `count` items, in their order: by the processes of the group, each of which makes a share
  /// and is handed the others; without one, by this process.
  ///
  /// - Parameter make: What is made of the item at a place: the same in whichever process.
  /// - Throws: ``TaskError`` where the processes cannot reach one another.
  func shared<Value: Codable>(_ count: Int, _ make: (_ place: Int) -> Value) throws(TaskError) -> [Value] {
    guard let group, group.count > 1,
      let places = ExampleShare(group.rank, of: group.count).places(of: count)
    else { return (0..<count).map(make) }
    let encoder = PropertyListEncoder()
    encoder.outputFormat = .binary
    do {
      let own = try encoder.encode(SharedItems(items: places.map { .init(value: make($0)) }))
      let all = try group.gather(bytes: [UInt8](own), everywhere: true)
      return try all.flatMap { bytes in
        try PropertyListDecoder().decode(SharedItems<Value>.self, from: Data(bytes)).items.map(\.value)
      }
    } catch {
      throw TaskError("what several processes found cannot be put together: \(error)")
    }
  }

  /// What the first process of the group says, whose clock and whose signals count for all.
  func agreed(_ own: Bool) throws(TaskError) -> Bool {
    guard let group, group.count > 1 else { return own }
    do throws(TrainingError) { return try group.broadcast([own ? 1 : 0]) == [1] } catch {
      throw TaskError(error.description)
    }
  }
}

/// What a process hands to the others. A list of properties keeps every bit of a number, whatever number it is.
private struct SharedItems<Value: Codable>: Codable {
  /// A value that may be none.
  struct Item: Codable { var value: Value }
  var items: [Item]
}
