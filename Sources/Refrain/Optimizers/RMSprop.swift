/// RMSprop (Hinton 2012), as in PyTorch:
///
///     g' = g + λ θ                     weight decay λ
///     v' = α v + (1 − α) g'²
///     a' = α a + (1 − α) g'            if centered (Graves 2013); then v' − a'² stands for v' below
///     θ' = θ − η g' / (√v' + ε)        or, with momentum μ, b' = μ b + g' / (√v' + ε) and θ' = θ − η b'
public struct RMSprop: Optimizer {
  public var learningRate: Float
  public var alpha: Float
  public var epsilon: Float
  public var weightDecay: Float
  public var momentum: Float
  public var centered: Bool
  public var state = OptimizerState()

  public init(
    learningRate: Float = 1e-2, alpha: Float = 0.99, epsilon: Float = 1e-8, weightDecay: Float = 0,
    momentum: Float = 0, centered: Bool = false
  ) {
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
      run.count, run.parameter, run.gradient, run.moment(0), momentum == 0 ? nil : run.moment(1),
      centered ? run.moment(average) : nil, learningRate, alpha, epsilon, weightDecay, momentum)
  }
}
