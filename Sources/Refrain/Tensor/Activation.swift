import RefrainKernels

/// A function applied to each value, or (softmax) to each row.
public enum Activation: String, Codable, Sendable, CaseIterable {
  /// `gelu` is the form with tanh, `geluExact` the one with the normal distribution itself.
  case identity, tanh, sigmoid, relu, softplus, gelu, geluExact, silu, softmax

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
