import Refrain
import RefrainData

extension Detector {
  /// What a saved detector needs besides its tensors.
  struct Description: Codable {
    let plan: DetectorPlan
    let state: DetectorStream.State
    let isComplete: Bool
    let rowCount: Int
    let notes: [String]
  }

  /// Everything a detector needs, as the contents of a `.safetensors` file.
  public func modelFile() throws(DataError) -> SafeTensorsFile {
    try ModelFile.contents(
      of: DetectorTensors(network: networks, memory: end.predictor?.memory), kind: Self.kind,
      description: Description(
        plan: plan, state: end.state, isComplete: isComplete, rowCount: rowCount, notes: notes))
  }

  /// Rebuilds a detector from what ``modelFile()`` gave; its answers are the same to the last bit.
  ///
  /// - Throws: What ``ModelFile/read(_:path:kind:description:layers:)`` throws; `damagedModel` when the parts do not
  ///   fit together.
  public init(modelFile: SafeTensorsFile, path: String? = nil) throws(DataError) {
    let contents = try ModelFile.read(modelFile, path: path, kind: Self.kind, description: Description.self)
    let description = contents.description
    let plan = description.plan
    guard plan.isSound, description.state.isSound(plan), description.rowCount >= 0 else {
      throw contents.damaged("the model's numbers contradict each other")
    }
    try contents.checkSize(DetectionNetwork.weightCount(plan))
    var generator = RandomGenerator(seed: 0)
    let network = DetectionNetwork(plan, using: &generator)
    var tensors = DetectorTensors(network: network, memory: DetectorStream(plan, network).predictor?.memory)
    try contents.load(into: &tensors)
    var end = DetectorStream(plan, tensors.network)
    end.state = description.state
    end.remember(tensors.memory)
    self.init(
      plan: plan, networks: tensors.network, end: end, isComplete: description.isComplete,
      rowCount: description.rowCount, notes: description.notes)
  }
}

/// What a saved detector walks over: the weights, and where the predictor stands.
private struct DetectorTensors: TensorGroup {
  var network: DetectionNetwork
  var memory: Sequential.Memory?

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try network.forEachTensor(body)
    try memory?.forEachTensor(under: "memory", body)
  }
}

/// Nothing but where the predictor stands.
private struct StreamTensors: TensorGroup {
  var memory: Sequential.Memory?

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try memory?.forEachTensor(under: "memory", body) }
}

extension DetectorStream {
  fileprivate static let kind = "detector-stream"

  fileprivate struct Description: Codable {
    let plan: DetectorPlan
    let state: State
  }

  /// Goes on from a memory that was kept.
  mutating func remember(_ memory: Sequential.Memory?) {
    guard let predictor, let memory else { return }
    self.predictor = Streams(predictor.model, memory: memory, count: 1)
  }

  /// Writes where the stream stands, without the detector's weights, to a `.safetensors` file.
  ///
  /// - Throws: What ``ModelFile/write(_:kind:description:to:)`` throws.
  public func save(to path: String) throws(DataError) {
    do throws(DataError) { try fileContents().write(to: path) } catch { throw error.inFile(path) }
  }

  /// What ``save(to:)`` writes.
  package func fileContents() throws(DataError) -> SafeTensorsFile {
    try ModelFile.contents(
      of: StreamTensors(memory: predictor?.memory), kind: Self.kind, description: Description(plan: plan, state: state))
  }
}

extension Detector {
  /// A stream that goes on from where one of this detector stood when it was saved.
  ///
  /// - Parameter path: A file that ``DetectorStream/save(to:)`` wrote.
  /// - Throws: What ``ModelFile/read(_:kind:description:)`` throws; `damagedModel` when the file is of a stream of
  ///   another detector.
  public func stream(contentsOf path: String) throws(DataError) -> DetectorStream {
    try stream(SafeTensorsFile(contentsOf: path), path: path)
  }

  /// A stream that goes on from what ``DetectorStream/fileContents()`` gave; `path` is where it was, for messages.
  package func stream(_ file: SafeTensorsFile, path: String?) throws(DataError) -> DetectorStream {
    let contents = try ModelFile.read(
      file, path: path, kind: DetectorStream.kind, description: DetectorStream.Description.self)
    guard contents.description.plan == plan else {
      throw contents.damaged("it is of a stream of another detector")
    }
    guard contents.description.state.isSound(plan) else {
      throw contents.damaged("the stream's numbers contradict each other")
    }
    var stream = DetectorStream(plan, networks)
    var tensors = StreamTensors(memory: stream.predictor?.memory)
    try contents.load(into: &tensors, checkingValues: false)
    stream.state = contents.description.state
    stream.remember(tensors.memory)
    return stream
  }
}
