import Refrain

/// What a file of streams says besides their memory.
private struct StreamsDescription: Codable {
  var model: String
  var count: Int
}

extension Streams {
  /// Writes where all streams stand, without the model, to a `.safetensors` file.
  ///
  /// - Throws: What ``ModelFile/write(_:kind:description:to:)`` throws.
  public func save(to path: String) throws(DataError) {
    do throws(DataError) { try fileContents().write(to: path) } catch { throw error.inFile(path) }
  }

  /// What ``save(to:)`` writes.
  package func fileContents() throws(DataError) -> SafeTensorsFile {
    try ModelFile.contents(
      of: memory, kind: "streams", description: StreamsDescription(model: Model.kind, count: count))
  }

  /// Streams that go on from where those in a file stood.
  ///
  /// - Parameters:
  ///   - model: The model they were on their way through.
  ///   - path: A file that ``save(to:)`` wrote.
  /// - Throws: What ``ModelFile/read(_:kind:description:)`` throws; `damagedModel` when the file is of another model,
  ///   or the model does not go step by step.
  public init(_ model: Model, contentsOf path: String) throws(DataError) {
    try self.init(model, file: SafeTensorsFile(contentsOf: path), path: path)
  }

  /// Streams that go on from what ``fileContents()`` gave; `path` is where it was, for messages.
  package init(_ model: Model, file: SafeTensorsFile, path: String?) throws(DataError) {
    let contents = try ModelFile.read(file, path: path, kind: "streams", description: StreamsDescription.self)
    let (kind, count) = (contents.description.model, contents.description.count)
    guard kind == Model.kind else {
      throw contents.damaged("its streams went through a model of the kind \(kind.quoted), not \(Model.kind.quoted)")
    }
    guard count >= 0, contents.file.tensors.allSatisfy({ $0.shape.first == count }) else {
      throw contents.damaged("its tensors do not hold \(count) streams")
    }
    do throws(LayerError) {
      try self.init(model, count: count)
    } catch {
      throw contents.damaged(error.description)
    }
    var memory = memory
    try contents.load(into: &memory, checkingValues: false)
    self = Streams(model, memory: memory, count: count)
  }
}
