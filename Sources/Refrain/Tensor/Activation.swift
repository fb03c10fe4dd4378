import RefrainKernels

/// A function applied to each value, or (softmax) to each row.
public enum Activation: String, Codable, Sendable, CaseIterable {
  /// x itself.
  case identity
  /// The hyperbolic tangent.
  case tanh
  /// 1 / (1 + e^−x).
  case sigmoid
  /// max(x, 0).
  case relu
  /// log(1 + e^x).
  case softplus
  /// x Φ(x), with a hyperbolic tangent in the place of the normal distribution Φ (Hendrycks and Gimpel 2016).
  case gelu
  /// x Φ(x) with the normal distribution itself.
  case geluExact
  /// x σ(x).
  case silu
  /// e^x over the sum of e^x along the last axis.
  case softmax

  /// The function of a tensor, of its shape.
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
