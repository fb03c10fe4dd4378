/// Some examples to learn from together.
public struct Batch: TrainingBatch {
  /// `[B, …]`: a row an example; sequences are `[B, T, I]`, or `[B, T]` for tokens.
  public var input: Tensor
  /// `[B, …]`: what is to be predicted.
  public var target: Tensor
  /// Which steps of each example there are, and where episodes begin.
  public var steps: Steps
  /// `[B]`, or `[B, T]` one a step: how much each counts; nil means all the same.
  public var weights: Tensor?
  /// Of targets that have steps of their own, such as the words of a recording, how many of each there are: for a loss
  /// of sequences. nil says nothing of them.
  public var targetLengths: [Int]?

  /// Examples from tensors that agree in their number of rows.
  public init(
    _ input: Tensor, _ target: Tensor, lengths: [Int]? = nil, weights: Tensor? = nil, targetLengths: [Int]? = nil
  ) {
    self.init(input, target, steps: Steps(lengths: lengths), weights: weights, targetLengths: targetLengths)
  }

  /// Examples from tensors that agree in their number of rows, with gaps or resets. Steps that are absent do not count
  /// in the loss of an output that has steps.
  public init(
    _ input: Tensor, _ target: Tensor, steps: Steps, weights: Tensor? = nil, targetLengths: [Int]? = nil
  ) {
    require(
      input.rank > 0 && target.rank > 0 && input.shape[0] == target.shape[0],
      "an input of shape \(input.shape) and a target of shape \(target.shape) differ in their number of examples")
    require(
      steps.lengths.map { $0.count == input.shape[0] } ?? true,
      "\(steps.lengths?.count ?? 0) lengths were given for \(input.shape[0]) examples")
    require(
      weights.map { $0.rank > 0 && $0.shape[0] == input.shape[0] } ?? true,
      "weights of shape \(weights?.shape ?? []) do not fit \(input.shape[0]) examples")
    require(
      targetLengths.map { $0.count == input.shape[0] } ?? true,
      "\(targetLengths?.count ?? 0) lengths of targets were given for \(input.shape[0]) examples")
    require(steps.layout == .batchFirst, "a batch to learn from has the examples first")
    self.input = input
    self.target = target
    self.steps = steps
    self.weights = weights
    self.targetLengths = targetLengths
  }

  /// The valid steps of each example; nil means all.
  public var lengths: [Int]? {
    get { steps.lengths }
    set { steps.lengths = newValue }
  }

  /// The number of examples **B**.
  public var count: Int { input.shape[0] }

  /// How many steps of all examples there are; of inputs without steps, how many examples.
  var validSteps: Int {
    guard input.rank > 1 else { return count }
    return steps.episodes(batch: count, time: input.shape[1]).reduce(0) { $0 + $1.count }
  }

  /// The examples with the given indices, in that order.
  public func selecting(_ indices: [Int]) -> Batch {
    Batch(
      input.gatheringRows(indices), target.gatheringRows(indices),
      steps: steps.selecting(indices),
      weights: weights?.gatheringRows(indices), targetLengths: targetLengths.map { all in indices.map { all[$0] } })
  }

  /// The examples in `range`.
  public func slice(_ range: Range<Int>) -> Batch {
    Batch(
      input.slice(range, axis: 0), target.slice(range, axis: 0), steps: steps.selecting(range),
      weights: weights?.slice(range, axis: 0), targetLengths: targetLengths.map { Array($0[range]) })
  }

  /// How much each step counts: the weights, and 0 where a step is absent.
  var stepWeights: Tensor? {
    guard steps.present != nil else { return weights }
    let mask = Steps(present: steps.present).mask(batch: count, time: input.shape[1])
    guard let weights else { return mask }
    return mask * (weights.rank == 1 ? weights.reshaped([count, 1]) : weights)
  }

  /// The number of valid steps.
  public var windowWeight: Double { Double(validSteps) }

  /// The input or the target, where it holds a value that is not finite at a valid step.
  public var firstNotFinite: String? {
    if !input.validSteps(steps).isFinite { return "the input of the batch" }
    return target.validSteps(steps).isFinite ? nil : "the target of the batch"
  }

  /// How many windows of at most `size` steps the batch is cut into; one if it has no more.
  public func windowCount(of size: Int) -> Int {
    guard input.rank > 1, input.shape[1] > size else { return 1 }
    return (input.shape[1] + size - 1) / size
  }

  /// A window of at most `size` steps, by its number; the batch itself if it has no more.
  public func window(_ number: Int, of size: Int) -> Batch {
    guard input.rank > 1, input.shape[1] > size else { return self }
    let time = input.shape[1]
    require(targetLengths == nil, "targets with steps of their own are not cut into windows")
    require(
      target.rank > 1 && target.shape[1] == time,
      "a target of shape \(target.shape) has no steps to cut into windows with an input of shape \(input.shape)")
    let range = number * size..<min((number + 1) * size, time)
    return Batch(
      input.slice(range, axis: 1), target.slice(range, axis: 1), steps: steps.window(range),
      weights: weights.map { $0.rank > 1 ? $0.slice(range, axis: 1) : $0 })
  }
}

/// Examples cut into batches of one size; the last may be smaller. It can be gone through again and again.
public struct Batches: Sequence, Sendable {
  /// All examples.
  public let examples: Batch
  /// The number of examples in a batch.
  public let size: Int
  fileprivate let order: [Int]?

  /// - Parameters:
  ///   - examples: what to cut.
  ///   - size: the number of examples in a batch.
  ///   - order: in which order to take them; nil means as they stand.
  public init(_ examples: Batch, size: Int, order: [Int]? = nil) {
    require(size > 0, "the batch size is \(size), and must be positive")
    self.examples = examples
    self.size = size
    self.order = order
  }

  /// The number of batches.
  public var count: Int { ((order?.count ?? examples.count) + size - 1) / size }
  /// The number of batches.
  public var underestimatedCount: Int { count }

  /// Begins with the first batch.
  public func makeIterator() -> Iterator { Iterator(batches: self) }

  /// Goes through the batches once.
  public struct Iterator: IteratorProtocol {
    fileprivate let batches: Batches
    private var start = 0

    fileprivate init(batches: Batches) { self.batches = batches }

    /// The next batch, or nil after the last.
    public mutating func next() -> Batch? {
      let total = batches.order?.count ?? batches.examples.count
      guard start < total else { return nil }
      let range = start..<Swift.min(start + batches.size, total)
      start = range.upperBound
      return batches.order.map { batches.examples.selecting(Array($0[range])) } ?? batches.examples.slice(range)
    }
  }
}
