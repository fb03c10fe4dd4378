import RefrainData

/// Finds the tensors in a pickle: those of dictionaries within dictionaries, and of lists, under names joined by dots.
///
/// The walk is bounded in depth, in steps and in the length of what it writes, whatever a file refers to how often.
struct PickleTensors {
  private let pickle: Pickle
  private(set) var found: [(name: String, tensor: Int)] = []
  private var stepsLeft: Int
  private var lettersLeft: Int

  private static let deepest = 32

  /// The tensors under the dictionary that `key` names.
  ///
  /// - Parameters:
  ///   - pickle: what a file holds.
  ///   - key: keys of dictionaries, joined by dots, such as `checkpoint.model`. With nil everything is taken, unless
  ///     the tensors of a single dictionary one level down are all that there is, such as those of `{"model": {…},
  ///     "epoch": 3}`.
  ///   - size: the bytes of the file's pickle.
  static func of(_ pickle: Pickle, at key: String?, size: Int) throws(DataError) -> [(name: String, tensor: Int)] {
    var walk = PickleTensors(pickle: pickle, size: size)
    let root = try key.map { key throws(DataError) in try walk.value(at: key) } ?? walk.onlyDictionary()
    try walk.collect(root, name: "", depth: 0)
    guard !walk.found.isEmpty else {
      throw DataError(
        .wrongInput, "there is no tensor \(key.map { "under \($0.quoted)" } ?? "in the file")",
        remedy: "save the model's state_dict()")
    }
    return walk.found
  }

  private init(pickle: Pickle, size: Int) {
    self.pickle = pickle
    // Twice what the file holds, since parts may be named twice.
    let sizes = pickle.lists.reduce(0) { $0 + $1.count } + pickle.dictionaries.reduce(0) { $0 + $1.count }
    stepsLeft = 1024 + 2 * sizes
    lettersLeft = 1 << 16 + 4 * size
  }

  private mutating func collect(_ value: PickleValue, name: String, depth: Int) throws(DataError) {
    stepsLeft -= 1
    lettersLeft -= name.utf8.count
    guard depth <= Self.deepest, stepsLeft >= 0, lettersLeft >= 0 else {
      throw DataError(
        .unsupportedContent, "the file's dictionaries are nested too deep, or in themselves",
        remedy: "save the model's state_dict() alone")
    }
    func inner(_ key: String) -> String { name.isEmpty ? key : name + "." + key }
    switch value {
    case .tensor(let index): found.append((name, index))
    case .list(let index):
      for (place, item) in pickle.lists[index].enumerated() {
        try collect(item, name: inner(String(place)), depth: depth + 1)
      }
    case .dictionary(let index):
      let items = pickle.dictionaries[index]
      for place in stride(from: 0, to: items.count, by: 2) {
        let before = found.count
        let key = text(of: items[place])
        try collect(items[place + 1], name: inner(key ?? "?"), depth: depth + 1)
        guard key != nil || found.count == before else {
          throw DataError(
            .unsupportedContent, "a tensor in \(name.quoted) lies under a key that is neither a text nor a number",
            remedy: "save the model's state_dict()")
        }
      }
    default: break
    }
  }

  private func text(of key: PickleValue) -> String? {
    switch key {
    case .text(let index): pickle.texts[index]
    case .integer(let number): String(number)
    default: nil
    }
  }

  /// The dictionary's keys that are texts, and their values.
  private func items(of value: PickleValue) -> [(key: String, value: PickleValue)] {
    guard case .dictionary(let index) = value else { return [] }
    let items = pickle.dictionaries[index]
    return stride(from: 0, to: items.count, by: 2).compactMap { place in
      text(of: items[place]).map { ($0, items[place + 1]) }
    }
  }

  private func hasTensor(_ value: PickleValue) -> Bool {
    items(of: value).contains { if case .tensor = $0.value { true } else { false } }
  }

  /// The root, or the only dictionary in it that has tensors.
  private func onlyDictionary() -> PickleValue {
    if hasTensor(pickle.root) { return pickle.root }
    let inner = items(of: pickle.root).filter { hasTensor($0.value) }
    return inner.count == 1 ? inner[0].value : pickle.root
  }

  private func value(at path: String) throws(DataError) -> PickleValue {
    var (value, rest) = (pickle.root, path[...])
    for _ in 0..<Self.deepest {
      let items = items(of: value)
      if let item = items.last(where: { $0.key == rest }) { return item.value }
      guard let item = items.last(where: { rest.hasPrefix($0.key + ".") }) else { break }
      value = item.value
      rest = rest.dropFirst(item.key.count + 1)
    }
    let known = items(of: pickle.root).prefix(8).map(\.key.quoted).joined(separator: ", ")
    throw DataError(.wrongInput, "the file has nothing under \(path.quoted)", remedy: "choose among \(known)")
  }
}
