// Functions too rare for a kernel, by their scalar form.

extension Tensor {
  /// A function of each value by its scalar form.
  ///
  /// - Parameters:
  ///   - derivative: the derivative at x; nil where it is zero everywhere or there is none, and no gradient flows.
  ///   - function: the function.
  package func map(derivative: (@Sendable (Float) -> Float)?, _ function: @Sendable (Float) -> Float) -> Tensor {
    let result = Tensor(shape) { target in
      read { source in
        for index in 0..<count { target[index] = function(source[index]) }
      }
    }
    return result.recorded(as: Operations.Opaque(name: "map"), of: [self]) {
      [derivative.map { derivative in .pullback { [x = detached] in $0 * x.map(derivative: nil, derivative) } }]
    }
  }
}

/// A function of two tensors' values by its scalar form, broadcast.
///
/// - Parameters:
///   - derivatives: the derivatives by x and by y at both; nil where no gradient flows.
///   - function: the function.
package func combine(
  _ x: Tensor, _ y: Tensor, derivatives: (x: @Sendable (Float, Float) -> Float, y: @Sendable (Float, Float) -> Float)?,
  _ function: @Sendable (Float, Float) -> Float
) -> Tensor {
  let shape = Broadcast(x.shape, y.shape).shape
  let (left, right) = (x.detached.expanded(to: shape), y.detached.expanded(to: shape))
  let result = Tensor(shape) { target in
    read(left, right) { x, y in
      for index in 0..<shape.product { target[index] = function(x[index], y[index]) }
    }
  }
  return result.recorded(as: Operations.Opaque(name: "combine"), of: [x, y]) {
    guard let derivatives else { return [nil, nil] }
    return [
      .pullback { ($0 * combine(left, right, derivatives: nil, derivatives.x)).summed(to: x.shape) },
      .pullback { ($0 * combine(left, right, derivatives: nil, derivatives.y)).summed(to: y.shape) },
    ]
  }
}
