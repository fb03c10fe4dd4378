/// How gradients are kept from growing too large.
public enum Clipping: Sendable, Equatable {
  /// All tensors are scaled together until their common norm is at most this (Pascanu, Mikolov and Bengio 2013).
  case globalNorm(Float)
  /// Each value is brought into − limit … limit.
  case value(Float)
}

extension TensorGroup {
  /// The Euclidean norm of all values of all tensors together.
  public var globalNorm: Float {
    Float(tensors.reduce(0) { $0 + $1.sumOfSquares }.squareRoot())
  }

  /// The group scaled so that its ``globalNorm`` is at most `limit`: by limit / (norm + 1e-6) where that is below 1, as
  /// PyTorch's `clip_grad_norm_` does. Sparse gradients stay sparse.
  public func clipped(globalNorm limit: Float) -> Self {
    var copy = self
    copy.clip(globalNorm: limit)
    return copy
  }

  /// The group with each value brought into −`limit` … `limit`. Sparse gradients stay sparse.
  public func clipped(value limit: Float) -> Self {
    var copy = self
    copy.clip(value: limit)
    return copy
  }

  /// Scales the group in place as ``clipped(globalNorm:)`` does, and returns the norm before.
  @discardableResult
  public mutating func clip(globalNorm limit: Float) -> Float {
    require(limit > 0, "the limit of a norm is \(limit), and must be positive")
    let norm = globalNorm
    let factor = limit / (norm + 1e-6)
    if factor < 1 {
      forEachTensor { _, tensor in tensor.mapInPlace { kernels.scale($0, factor, $1, $1) } }
    }
    return norm
  }

  /// Brings each value into −`limit` … `limit`, in place.
  public mutating func clip(value limit: Float) {
    require(limit > 0, "the limit of a gradient is \(limit), and must be positive")
    forEachTensor { _, tensor in tensor.mapInPlace { kernels.clamp($0, -limit, limit, $1, $1) } }
  }

  /// Clips in place.
  mutating func clip(_ clipping: Clipping) {
    switch clipping {
    case .globalNorm(let limit): clip(globalNorm: limit)
    case .value(let limit): clip(value: limit)
    }
  }

  /// The name of the first tensor, in the order of the walk, that holds an infinite value or one that is not a number.
  var firstNotFinite: String? {
    // The names are made only when one is needed: this is asked at every step.
    let index = tensors.firstIndex { !($0.sparseRows?.values ?? $0).mapParts(kernels.allFinite).allSatisfy { $0 } }
    return index.map { namedTensors[$0].name }
  }
}

extension Tensor {
  /// The sum of the squares of all values.
  fileprivate var sumOfSquares: Double {
    (sparseRows?.values ?? self).mapParts { Double(kernels.sumOfSquares($0, $1)) }.reduce(0, +)
  }

  /// Changes runs of values in place; of a sparse gradient its rows alone, so `body` must leave 0 as it is.
  fileprivate mutating func mapInPlace(_ body: (_ count: Int, _ values: M) -> Void) {
    if let rows = sparseRows {
      var values = rows.values
      values.mapInPlace(body)
      self = Tensor(sparseRows: SparseRows(rows, values: values), shape: shape)
      return
    }
    let count = count
    write { values in
      parallel(count, grain: Tensor.elementGrain, multiple: 16) { body($0.count, values + $0.lowerBound) }
    }
  }
}
