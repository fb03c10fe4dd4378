// The arguments of the optimizers' updates. Every array has `count` elements and none overlaps another; parameters and
// moments are changed in place.

/// A step of stochastic gradient descent.
public struct SGDArguments {
  /// The number of parameters.
  public var count: Int
  /// The parameters.
  public var parameter: UnsafeMutablePointer<Float>
  /// Their gradient.
  public var gradient: UnsafePointer<Float>
  /// The momentum; nil if there is none.
  public var momentumBuffer: UnsafeMutablePointer<Float>?
  /// How far the step goes.
  public var learningRate: Float
  /// How much of the last step is added to this one.
  public var momentum: Float
  /// Whether the momentum looks ahead.
  public var nesterov: Bool
  /// How strongly parameters are drawn to zero.
  public var weightDecay: Float
  /// Whether the momentum begins here: what the buffer holds is not read.
  public var isFirstStep: Bool

  /// A step; the properties say what each means.
  public init(
    count: Int, parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
    momentumBuffer: UnsafeMutablePointer<Float>?, learningRate: Float, momentum: Float, nesterov: Bool,
    weightDecay: Float, isFirstStep: Bool
  ) {
    self.count = count
    self.parameter = parameter
    self.gradient = gradient
    self.momentumBuffer = momentumBuffer
    self.learningRate = learningRate
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
    self.isFirstStep = isFirstStep
  }
}

/// A step of Adam or AdamW.
public struct AdamArguments {
  /// The number of parameters.
  public var count: Int
  /// The parameters.
  public var parameter: UnsafeMutablePointer<Float>
  /// Their gradient.
  public var gradient: UnsafePointer<Float>
  /// The running mean of the gradient.
  public var first: UnsafeMutablePointer<Float>
  /// The running mean of its square.
  public var second: UnsafeMutablePointer<Float>
  /// How far the step goes.
  public var learningRate: Float
  /// β₁, how much of the first mean is kept.
  public var beta1: Float
  /// β₂, how much of the second mean is kept.
  public var beta2: Float
  /// ε, which keeps the divisor from zero.
  public var epsilon: Float
  /// How strongly parameters are drawn to zero.
  public var weightDecay: Float
  /// Whether the decay is taken off the parameters (AdamW), rather than added to the gradient.
  public var decoupled: Bool
  /// 1 − β₁ᵗ
  public var correction1: Float
  /// 1 − β₂ᵗ
  public var correction2: Float

  /// A step; the properties say what each means.
  public init(
    count: Int, parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
    first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>, learningRate: Float, beta1: Float,
    beta2: Float, epsilon: Float, weightDecay: Float, decoupled: Bool, correction1: Float, correction2: Float
  ) {
    self.count = count
    self.parameter = parameter
    self.gradient = gradient
    self.first = first
    self.second = second
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.decoupled = decoupled
    self.correction1 = correction1
    self.correction2 = correction2
  }
}

/// A step of RMSprop.
public struct RMSpropArguments {
  /// The number of parameters.
  public var count: Int
  /// The parameters.
  public var parameter: UnsafeMutablePointer<Float>
  /// Their gradient.
  public var gradient: UnsafePointer<Float>
  /// The running mean of its square.
  public var square: UnsafeMutablePointer<Float>
  /// The momentum; nil if there is none.
  public var momentumBuffer: UnsafeMutablePointer<Float>?
  /// The running mean of the gradient, of the centered form; nil for the other.
  public var average: UnsafeMutablePointer<Float>?
  /// How far the step goes.
  public var learningRate: Float
  /// α, how much of the means is kept.
  public var alpha: Float
  /// ε, which keeps the divisor from zero.
  public var epsilon: Float
  /// How strongly parameters are drawn to zero.
  public var weightDecay: Float
  /// How much of the last step is added to this one.
  public var momentum: Float

  /// A step; the properties say what each means.
  public init(
    count: Int, parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
    square: UnsafeMutablePointer<Float>, momentumBuffer: UnsafeMutablePointer<Float>?,
    average: UnsafeMutablePointer<Float>?, learningRate: Float, alpha: Float, epsilon: Float, weightDecay: Float,
    momentum: Float
  ) {
    self.count = count
    self.parameter = parameter
    self.gradient = gradient
    self.square = square
    self.momentumBuffer = momentumBuffer
    self.average = average
    self.learningRate = learningRate
    self.alpha = alpha
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.momentum = momentum
  }
}

/// A step of Adagrad.
public struct AdagradArguments {
  /// The number of parameters.
  public var count: Int
  /// The parameters.
  public var parameter: UnsafeMutablePointer<Float>
  /// Their gradient.
  public var gradient: UnsafePointer<Float>
  /// The sum of its squares.
  public var sum: UnsafeMutablePointer<Float>
  /// How far the step goes, its own decay done.
  public var learningRate: Float
  /// ε, which keeps the divisor from zero.
  public var epsilon: Float
  /// How strongly parameters are drawn to zero.
  public var weightDecay: Float

  /// A step; the properties say what each means.
  public init(
    count: Int, parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
    sum: UnsafeMutablePointer<Float>, learningRate: Float, epsilon: Float, weightDecay: Float
  ) {
    self.count = count
    self.parameter = parameter
    self.gradient = gradient
    self.sum = sum
    self.learningRate = learningRate
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }
}
