/// A value made of named tensors: a cell, a layer, a model, a state, an optimizer's moments.
public protocol TensorGroup: Sendable {
  /// Visits every tensor once, in the order and under the names used in saved files.
  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E)
}

/// A group whose tensors are learned.
public protocol Module: TensorGroup {}

extension TensorGroup {
  /// The tensors in the order of the walk.
  public var tensors: [Tensor] {
    var copy = self
    var tensors: [Tensor] = []
    copy.forEachTensor { _, tensor in tensors.append(tensor) }
    return tensors
  }

  /// The tensors with their names in the order of the walk.
  public var namedTensors: [(name: String, tensor: Tensor)] {
    var copy = self
    var result: [(name: String, tensor: Tensor)] = []
    copy.forEachTensor { name, tensor in result.append((name, tensor)) }
    return result
  }

  /// The tensor of this name, or nil.
  func tensor(_ name: String) -> Tensor? { namedTensors.first { $0.name == name }?.tensor }

  /// The number of values in all tensors.
  public var parameterCount: Int { tensors.reduce(0) { $0 + $1.count } }

  /// The group with every tensor replaced.
  public func mapTensors(_ transform: (Tensor) -> Tensor) -> Self {
    var copy = self
    copy.forEachTensor { _, tensor in tensor = transform(tensor) }
    return copy
  }

  /// The group with its tensors replaced by `tensors`, in the order of the walk.
  public func replacingTensors(_ tensors: [Tensor]) -> Self {
    var remaining = tensors[...]
    let copy = mapTensors { _ in remaining.removeFirst() }
    require(remaining.isEmpty, "\(tensors.count) tensors were given for a group of fewer")
    return copy
  }

  /// Visits the tensors as part of a larger group, in which this one is called `name`.
  public mutating func forEachTensor<E: Error>(
    under name: String, _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try forEachTensor { (own: String, tensor: inout Tensor) throws(E) in
      try body(own.isEmpty ? name : name + "." + own, &tensor)
    }
  }
}

/// A tensor alone is a group of one, without a name.
extension Tensor: Module {
  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try body("", &self) }
}

/// A list of groups; names are preceded by the index and a dot.
extension Array: TensorGroup where Element: TensorGroup {
  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    for index in indices {
      try self[index].forEachTensor(under: "\(index)", body)
    }
  }
}
extension Array: Module where Element: Module {}

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
  let tape = Tape(isTraining: training, generator: generator, checkpointInterval: checkpointInterval)
  var watched = model
  var leaves = 0
  watched.forEachTensor { _, tensor in
    tape.watch(&tensor)
    leaves += 1
  }
  let outcome = Tape.$current.withValue(tape) { () -> Result<Tensor, E> in
    do throws(E) {
      let value = try loss(watched)
      // Read after the loss: its layers add to them.
      return .success(tape.penalties.reduce(value, +))
    } catch {
      return .failure(error)
    }
  }
  let value = try outcome.get()
  require(value.count == 1, "the loss has shape \(value.shape), and must be one number")
  generator = tape.generator
  let gradients = Tape.$current.withValue(nil) { tape.gradients(of: value, leaves: leaves) }
  var remaining = gradients[...]
  let gradient = model.mapTensors { remaining.removeFirst() ?? .zeros($0.shape) }
  return (value.item, gradient)
}

/// The value of `loss` at `model` and its gradient; layers that act only in training draw from the default generator.
public func valueAndGradient<M: TensorGroup, E: Error>(
  at model: M, training: Bool = true, checkpointInterval: Int? = nil, of loss: (M) throws(E) -> Tensor
) throws(E) -> (value: Float, gradient: M) {
  var generator = makeRandomGenerator()
  return try valueAndGradient(
    at: model, training: training, checkpointInterval: checkpointInterval, using: &generator, of: loss)
}
