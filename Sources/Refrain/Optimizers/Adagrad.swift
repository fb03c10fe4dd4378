import RefrainKernels

/// Adagrad (Duchi, Hazan and Singer 2011), as in PyTorch, at step t:
///
///     g' = g + λ θ                     weight decay λ
///     s' = s + g'²
///     θ' = θ − η / (1 + (t − 1) δ) · g' / (√s' + ε)        δ makes the learning rate fall
public struct Adagrad: Optimizer {
  /// How far a step goes.
  public var learningRate: Float
  /// How much the rate falls: step t goes learningRate / (1 + (t − 1) · learningRateDecay).
  public var learningRateDecay: Float
  /// How strongly parameters are drawn to zero.
  public var weightDecay: Float
  /// What keeps the divisor from zero.
  public var epsilon: Float
  /// What s is at first.
  public let initialAccumulator: Float
  public var state = OptimizerState()

  /// An optimizer with PyTorch's settings where none are given.
  public init(
    learningRate: Float = 1e-2, learningRateDecay: Float = 0, weightDecay: Float = 0, initialAccumulator: Float = 0,
    epsilon: Float = 1e-10
  ) {
    Self.check(notNegative: [
      "the learning rate": learningRate, "its decay": learningRateDecay, "the weight decay": weightDecay,
      "the initial accumulator": initialAccumulator, "epsilon": epsilon,
    ])
    self.learningRate = learningRate
    self.learningRateDecay = learningRateDecay
    self.weightDecay = weightDecay
    self.initialAccumulator = initialAccumulator
    self.epsilon = epsilon
  }

  public var moments: [Moment] { [Moment("sum", initialValue: initialAccumulator)] }
  public var skipsZeroGradients: Bool { weightDecay == 0 }

  public func update(_ run: ParameterRun) {
    let rate = learningRate / (1 + Float(run.step - 1) * learningRateDecay)
    kernels.adagradUpdate(
      AdagradArguments(
        count: run.count, parameter: run.parameter, gradient: run.gradient, sum: run.moment(0), learningRate: rate,
        epsilon: epsilon, weightDecay: weightDecay))
  }
}
