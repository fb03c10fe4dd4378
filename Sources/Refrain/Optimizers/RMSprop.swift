import RefrainKernels

/// RMSprop (Hinton 2012), as in PyTorch:
///
///     g' = g + λ θ                     weight decay λ
///     v' = α v + (1 − α) g'²
///     a' = α a + (1 − α) g'            if centered (Graves 2013); then v' − a'² stands for v' below
///     θ' = θ − η g' / (√v' + ε)        or, with momentum μ, b' = μ b + g' / (√v' + ε) and θ' = θ − η b'
public struct RMSprop: Optimizer {
  /// How far a step goes.
  public var learningRate: Float
  /// How much of the mean squared gradient is kept from step to step.
  public var alpha: Float
  /// What keeps the divisor from zero.
  public var epsilon: Float
  /// How strongly parameters are drawn to zero.
  public var weightDecay: Float
  /// How much of the last step is added to this one.
  public var momentum: Float
  /// Whether the gradient's variance takes the place of its mean square.
  public var centered: Bool
  public var state = OptimizerState()

  /// An optimizer with PyTorch's settings where none are given.
  public init(
    learningRate: Float = 1e-2, alpha: Float = 0.99, epsilon: Float = 1e-8, weightDecay: Float = 0,
    momentum: Float = 0, centered: Bool = false
  ) {
    Self.check(
      notNegative: [
        "the learning rate": learningRate, "epsilon": epsilon, "the weight decay": weightDecay,
        "the momentum": momentum,
      ], shares: ["alpha": alpha])
    self.learningRate = learningRate
    self.alpha = alpha
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.momentum = momentum
    self.centered = centered
  }

  public var moments: [Moment] {
    [Moment("square_avg")] + (momentum == 0 ? [] : [Moment("momentum_buffer")])
      + (centered ? [Moment("grad_avg")] : [])
  }

  public func update(_ run: ParameterRun) {
    let average = momentum == 0 ? 1 : 2
    kernels.rmspropUpdate(
      RMSpropArguments(
        count: run.count, parameter: run.parameter, gradient: run.gradient, square: run.moment(0),
        momentumBuffer: momentum == 0 ? nil : run.moment(1), average: centered ? run.moment(average) : nil,
        learningRate: learningRate, alpha: alpha, epsilon: epsilon, weightDecay: weightDecay, momentum: momentum))
  }
}
