import RefrainKernels

/// A function applied to each value, or (softmax, logSoftmax) to each row.
///
/// Some have one or two numbers, α and β; ``ActivationFunction`` is one with numbers of its own, the function itself
/// has the usual ones.
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

  /// x where it is positive, else α (eˣ − 1); α is 1 (Clevert, Unterthiner and Hochreiter 2016).
  case elu
  /// 1.0507 · elu with α = 1.6733, so that layers keep mean 0 and variance 1 (Klambauer et al. 2017).
  case selu
  /// x / (1 + |x|)
  case softsign
  /// eˣ
  case exponential
  /// x / 6 + 1/2 within 0 … 1: PyTorch's, and Keras 3's.
  case hardSigmoid
  /// α x + β within 0 … 1; α is 0.2 and β 0.5, as in Keras 1 and 2 and in ONNX.
  case hardSigmoidLinear
  /// x within −1 … 1
  case hardTanh
  /// x · hardSigmoid(x)
  case hardSwish
  /// x where it is positive, else α x; α is 0.01.
  case leakyReLU
  /// The rectifier within 0 … α; α is 6.
  case cappedReLU
  /// x where it is above α, else 0; α is 1.
  case thresholdedReLU
  /// α tanh(β x); both are 1 (LeCun's is 1.7159 and 2/3).
  case scaledTanh
  /// α x + β; α is 1 and β 0.
  case affine
  /// x · tanh(softplus(x)) (Misra 2019).
  case mish
  /// The logarithm of softmax.
  case logSoftmax

  /// α and β where nothing is said; nil where the function has no such number.
  public var numbers: (alpha: Float?, beta: Float?) {
    switch self {
    case .elu, .thresholdedReLU: (1, nil)
    case .leakyReLU: (0.01, nil)
    case .cappedReLU: (6, nil)
    case .hardSigmoidLinear: (0.2, 0.5)
    case .scaledTanh: (1, 1)
    case .affine: (1, 0)
    default: (nil, nil)
    }
  }

  /// The function with its usual numbers.
  public func callAsFunction(_ x: Tensor) -> Tensor { ActivationFunction(self)(x) }

  /// The function of a single value that has a kernel.
  var operation: UnaryOperation? {
    switch self {
    case .tanh: .tanh
    case .sigmoid: .sigmoid
    case .relu: .relu
    case .softplus: .softplus
    case .gelu: .gelu
    case .geluExact: .geluExact
    case .silu: .silu
    case .exponential: .exponential
    default: nil
    }
  }
}

/// An activation with numbers of its own, such as a leaky rectifier of the slope 0.3.
public struct ActivationFunction: Codable, Sendable, Hashable {
  /// The function.
  public var activation: Activation
  /// Its first number; 0 where it has none.
  public var alpha: Float
  /// Its second number; 0 where it has none.
  public var beta: Float

  /// A function, with the usual numbers unless others are given.
  public init(_ activation: Activation, alpha: Float? = nil, beta: Float? = nil) {
    self.activation = activation
    self.alpha = alpha ?? activation.numbers.alpha ?? 0
    self.beta = beta ?? activation.numbers.beta ?? 0
  }

  /// Whether its numbers are the usual ones.
  public var isUsual: Bool { self == ActivationFunction(activation) }

  /// The function of each value, or of each row. But for softmax and the functions with a jump it is made of operations
  /// that the steps of cells are compiled from.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    if let operation = activation.operation { return x.apply(operation) }
    return switch activation {
    case .softmax: x.softmax()
    case .logSoftmax: x.logSoftmax()
    case .elu: elu(x, alpha)
    case .selu: elu(x, 1.673_263_24) * 1.050_701
    case .softsign: x * (abs(x) + 1).reciprocal
    case .hardSigmoid: withinUnit(x * (1.0 / 6) + 0.5)
    case .hardSigmoidLinear: withinUnit(x * alpha + beta)
    case .hardTanh: 1 - relu(2 - relu(x + 1))
    case .hardSwish: x * withinUnit(x * (1.0 / 6) + 0.5)
    case .leakyReLU: relu(x) - relu(-x) * alpha
    case .cappedReLU: alpha - relu(alpha - relu(x))
    case .thresholdedReLU: select(greater(x, Tensor(alpha)), x, Tensor(0))
    case .scaledTanh: tanh(x * beta) * alpha
    case .affine: x * alpha + beta
    case .mish: x * tanh(softplus(x))
    default: x
    }
  }

  /// The exponential of what is positive would overflow, and is not wanted.
  private func elu(_ x: Tensor, _ alpha: Float) -> Tensor { relu(x) + (exp(-relu(-x)) - 1) * alpha }

  /// The values within 0 … 1, by the rectifier: what is clamped is not compiled.
  private func withinUnit(_ x: Tensor) -> Tensor { 1 - relu(1 - relu(x)) }
}
