/// A function applied to each value, or (softmax) to each row.
public enum Activation: String, Codable, Sendable, CaseIterable {
  case identity, tanh, sigmoid, relu, softplus, gelu, silu, softmax

  public func callAsFunction(_ x: Tensor) -> Tensor {
    switch self {
    case .identity: x
    case .tanh: Refrain.tanh(x)
    case .sigmoid: Refrain.sigmoid(x)
    case .relu: Refrain.relu(x)
    case .softplus: Refrain.softplus(x)
    case .gelu: Refrain.gelu(x)
    case .silu: Refrain.silu(x)
    case .softmax: x.softmax()
    }
  }
}
