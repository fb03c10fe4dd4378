/// One or many live sequences on their way through a model: push a step of each, get an output of each.
///
///     var streams = try Streams(model, count: 3)
///     let outputs = streams.push(step)  // [3, I] → [3, O]
///
/// It is a value: `let snapshot = streams` keeps where all of them stand, to go back to or to go on from in another
/// direction. The outputs equal those of the whole sequences in one batch. (Its name is a plural because Foundation has
/// a `Stream`.)
public struct Streams<Model: SteppingLayer>: Sendable {
  /// What the steps go through.
  public let model: Model
  /// What the model remembers of each stream: all tensors are `[count, …]`.
  public private(set) var memory: Model.Memory
  /// How many streams there are.
  public private(set) var count: Int

  /// Streams before their first step.
  ///
  /// - Throws: ``LayerError`` when a layer of the model needs what comes later, such as a backward direction.
  public init(_ model: Model, count: Int = 1) throws(LayerError) {
    try model.checkStepping()
    require(count >= 0, "\(count) streams were asked for")
    self.model = model
    self.count = count
    memory = model.initialMemory(batch: count)
  }

  /// Streams that go on from a memory that was kept: all its tensors are `[count, …]`.
  public init(_ model: Model, memory: Model.Memory, count: Int) {
    require(
      memory.tensors.allSatisfy { $0.shape.first == count },
      "the memory has rows of shapes \(memory.tensors.map(\.shape)), expected \(count) rows")
    (self.model, self.memory, self.count) = (model, memory, count)
  }

  /// Takes one step of every stream.
  ///
  /// Memory is overwritten where it lies. An output that is still held when the next step comes costs a copy of the
  /// state it shares.
  ///
  /// - Parameter step: `[count, I]`, or `[count]` for tokens.
  /// - Returns: `[count, …]`, what the model says after this step.
  public mutating func push(_ step: Tensor) -> Tensor {
    require(
      step.rank > 0 && step.shape[0] == count, "a step of shape \(step.shape) was pushed to \(count) streams")
    return model.advance(&memory, with: step)
  }

  /// Takes one step of a single stream: the **I** values of its input give those of its output.
  public mutating func push(_ step: [Float]) -> [Float] { push(Tensor(step, shape: [1, step.count])).values }

  /// The streams with the given indices, in that order; one that is named twice is there twice.
  public func selecting(_ indices: [Int]) -> Streams {
    Streams(model, memory: memory.mapTensors { $0.gatheringRows(indices) }, count: indices.count)
  }

  /// Adds streams before their first step, with the next indices.
  public mutating func append(count added: Int = 1) {
    require(added >= 0, "\(added) streams were to be added")
    append(Streams(model, memory: model.initialMemory(batch: added), count: added))
  }

  /// Adds the streams of `other`, which are on their way through the same model, with the next indices.
  public mutating func append(_ other: Streams) {
    let joined = zip(memory.tensors, other.memory.tensors).map { concatenate([$0, $1], axis: 0) }
    memory = memory.replacingTensors(joined)
    count += other.count
  }

  /// Drops the stream with the given index; those after it move up.
  public mutating func remove(at index: Int) {
    require((0..<count).contains(index), "there is no stream \(index) among \(count)")
    self = selecting((0..<count).filter { $0 != index })
  }

  /// Puts the stream with the given index back before its first step.
  public mutating func restart(at index: Int) {
    require((0..<count).contains(index), "there is no stream \(index) among \(count)")
    let mine = Tensor((0..<count).map { $0 == index ? Float(1) : 0 })
    let renewed = zip(memory.tensors, model.initialMemory(batch: count).tensors).map { old, new in
      select(mine.reshaped([count] + Array(repeating: 1, count: old.rank - 1)), new, old)
    }
    memory = memory.replacingTensors(renewed)
  }
}
