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
    var next = 0
    let copy = mapTensors { tensor in
      defer { next += 1 }
      return next < tensors.count ? tensors[next] : tensor
    }
    require(next == tensors.count, "\(tensors.count) tensors were given for a group of \(next)")
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
