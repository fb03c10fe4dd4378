/// The value of `loss` at `model`, and its gradient by every tensor of the model, as a model of the same type.
///
/// - Parameters:
///   - model: where to differentiate.
///   - training: whether layers that act only in training (dropout) act; false explains a finished model.
///   - checkpointInterval: how many time steps of a recurrent layer keep their gates for the backward pass at a time;
///     those of the others are computed again from the state before them, which costs another way forward and saves
///     most of the memory of a long sequence (Chen et al. 2016). nil keeps them all. The gradient is the same to the
///     last bits of its sums.
///   - generator: what such layers draw from; it is advanced.
///   - loss: makes a scalar from the model. A tensor from outside is a constant, and so is a state kept from an earlier
///     call: truncated backpropagation through time needs nothing more.
public func valueAndGradient<M: TensorGroup, E: Error>(
  at model: M, training: Bool = true, checkpointInterval: Int? = nil, using generator: inout RandomGenerator,
  of loss: (M) throws(E) -> Tensor
) throws(E) -> (value: Float, gradient: M) {
  var statistics = KeptStatistics()
  return try valueAndGradient(
    at: model, training: training, checkpointInterval: checkpointInterval, keeping: &statistics, using: &generator,
    of: loss)
}

/// The same, with what layers such as ``BatchNorm`` keep of the data rather than learn:
///
///     let (loss, gradient) = valueAndGradient(at: model, keeping: &statistics, using: &generator) { … }
///     optimizer.update(&model, along: gradient)
///     model.take(statistics)
///
/// ``Trainer`` and ``Sequential`` do this by themselves. The other parameters are those of
/// ``valueAndGradient(at:training:checkpointInterval:using:of:)``.
///
/// - Parameter statistics: on return what the tensors of the model that are statistics become with this batch.
public func valueAndGradient<M: TensorGroup, E: Error>(
  at model: M, training: Bool = true, checkpointInterval: Int? = nil, keeping statistics: inout KeptStatistics,
  using generator: inout RandomGenerator, of loss: (M) throws(E) -> Tensor
) throws(E) -> (value: Float, gradient: M) {
  try valueAndGradient(
    at: model, training: training, checkpointInterval: checkpointInterval, keeping: &statistics, using: &generator,
    rows: nil, watchedBy: nil, of: loss)
}

/// Hears of gradients while the backward pass is on its way.
protocol BackwardWatcher: AnyObject {
  /// The way forward is done.
  func computed(_ value: Float)
  /// Nothing is added any more to the gradient of a variable, by its place in the walk; nil where it has none.
  func isFinal(_ gradient: Tensor?, of variable: Int)
}

/// The same, heard by a watcher.
///
/// - Parameters:
///   - rows: which rows of the whole batch are drawn for, where several processes share it; nil means all.
///   - watcher: hears of the value and the gradients.
///   - hearsGradients: whether it hears of gradients too, and not of the value alone.
func valueAndGradient<M: TensorGroup, E: Error>(
  at model: M, training: Bool = true, checkpointInterval: Int? = nil, keeping statistics: inout KeptStatistics,
  using generator: inout RandomGenerator, rows: SharedRows?, watchedBy watcher: (any BackwardWatcher)?,
  hearsGradients: Bool = true,
  of loss: (M) throws(E) -> Tensor
) throws(E) -> (value: Float, gradient: M) {
  let tape = Tape(isTraining: training, generator: generator, rows: rows, checkpointInterval: checkpointInterval)
  var watched = model
  var leaves = 0
  watched.forEachTensor { _, tensor in
    tape.watch(&tensor)
    leaves += 1
  }
  let value = try tape.recording { () throws(E) -> Tensor in
    let value = try loss(watched)
    // Read after the loss: its layers add to them.
    return tape.penalties.reduce(value, +)
  }
  require(value.count == 1, "the loss has shape \(value.shape), and must be one number")
  generator = tape.generator
  // The variables have the first slots, in the order of the walk.
  statistics = KeptStatistics(values: tape.statistics)
  watcher?.computed(value.item)
  let gradients = Recording.run(nil) {
    tape.gradients(of: value, leaves: leaves, watcher: hearsGradients ? watcher : nil)
  }
  var remaining = gradients[...]
  let gradient = model.mapTensors { remaining.removeFirst() ?? .zeros($0.shape) }
  return (value.item, gradient)
}

/// What the layers of a model keep of the data rather than learn, as it is after a batch: running means.
public struct KeptStatistics: Sendable {
  /// By the places of the tensors in the walk.
  let values: [Int: Tensor]

  init(values: [Int: Tensor]) { self.values = values }

  /// Nothing yet.
  public init() { values = [:] }
}

extension TensorGroup {
  /// Sets the tensors that are statistics of the data to what they have become, whatever an optimizer made of them (a
  /// weight decay shrinks all tensors).
  public mutating func take(_ statistics: KeptStatistics) {
    guard !statistics.values.isEmpty else { return }
    var place = 0
    forEachTensor { _, tensor in
      if let value = statistics.values[place] { tensor = value }
      place += 1
    }
  }
}

/// The value of `loss` at `model` and its gradient; layers that act only in training draw from the default generator.
public func valueAndGradient<M: TensorGroup, E: Error>(
  at model: M, training: Bool = true, checkpointInterval: Int? = nil, of loss: (M) throws(E) -> Tensor
) throws(E) -> (value: Float, gradient: M) {
  var generator = makeRandomGenerator()
  return try valueAndGradient(
    at: model, training: training, checkpointInterval: checkpointInterval, using: &generator, of: loss)
}

/// The value of `loss` at several groups, and its gradient by each: by the weights, the input and the state, say. The
/// groups and their gradients are of the same types and in the same order.
///
///     let (value, gradient) = valueAndGradient(at: cell, input, state) { cell, input, state in … }
///
/// The parameters are those of ``valueAndGradient(at:training:checkpointInterval:of:)``.
public func valueAndGradient<each Group: TensorGroup, E: Error>(
  at groups: repeat each Group, training: Bool = true, checkpointInterval: Int? = nil,
  of loss: (repeat each Group) throws(E) -> Tensor
) throws(E) -> (value: Float, gradient: (repeat each Group)) {
  let all = TensorGroups(repeat each groups)
  let (value, gradient) = try valueAndGradient(
    at: all, training: training, checkpointInterval: checkpointInterval
  ) { (all: TensorGroups<repeat each Group>) throws(E) in try loss(repeat each all.groups) }
  return (value, gradient.groups)
}

/// Groups side by side.
private struct TensorGroups<each Group: TensorGroup>: TensorGroup {
  var groups: (repeat each Group)

  init(_ groups: repeat each Group) { self.groups = (repeat each groups) }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    func visited<Part: TensorGroup>(_ part: Part) throws(E) -> Part {
      var part = part
      try part.forEachTensor(body)
      return part
    }
    groups = (repeat try visited(each groups))
  }
}
