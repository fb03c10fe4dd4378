import RefrainKernels

/// A function applied to each value, or (softmax) to each row.
public enum Activation: String, Codable, Sendable, CaseIterable {
  /// x
  case identity
  /// The hyperbolic tangent.
  case tanh
  /// 1 / (1 + e^−x)
  case sigmoid
  /// max(x, 0)
  case relu
  /// log(1 + eˣ)
  case softplus
  /// The Gaussian error linear unit in its form with tanh (Hendrycks and Gimpel 2016).
  case gelu
  /// The Gaussian error linear unit with the normal distribution itself.
  case geluExact
  /// x · sigmoid(x)
  case silu
  /// e to each value over the sum of these along the last axis.
  case softmax

  /// The function of every value of `x`, or of every row.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    operation.map { x.apply($0) } ?? (self == .softmax ? x.softmax() : x)
  }

  /// The function of a single value, where it is one.
  var operation: UnaryOperation? {
    switch self {
    case .tanh: .tanh
    case .sigmoid: .sigmoid
    case .relu: .relu
    case .softplus: .softplus
    case .gelu: .gelu
    case .geluExact: .geluExact
    case .silu: .silu
    case .identity, .softmax: nil
    }
  }
}
