import RefrainKernels

/// Stochastic gradient descent (Robbins and Monro 1951), as in PyTorch:
///
///     g' = g + λ θ                     weight decay λ
///     b' = μ b + g'                    momentum μ (Polyak 1964)
///     θ' = θ − η b'                    or θ − η (g' + μ b') with Nesterov's look ahead
public struct SGD: Optimizer {
  /// How far a step goes.
  public var learningRate: Float
  /// How much of the last step is added to this one.
  public var momentum: Float
  /// Whether the momentum looks ahead (Nesterov 1983).
  public var nesterov: Bool
  /// How strongly parameters are drawn to zero.
  public var weightDecay: Float
  public var state = OptimizerState()

  /// An optimizer with PyTorch's settings where none are given.
  public init(learningRate: Float = 1e-3, momentum: Float = 0, nesterov: Bool = false, weightDecay: Float = 0) {
    Self.check(
      notNegative: ["the learning rate": learningRate, "the momentum": momentum, "the weight decay": weightDecay])
    require(!nesterov || momentum > 0, "SGD: Nesterov's rule needs a momentum")
    self.learningRate = learningRate
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
  }

  public var moments: [Moment] { momentum == 0 ? [] : [Moment("momentum_buffer")] }
  public var skipsZeroGradients: Bool { momentum == 0 && weightDecay == 0 }

  public func update(_ run: ParameterRun) {
    kernels.sgdUpdate(
      SGDArguments(
        count: run.count, parameter: run.parameter, gradient: run.gradient,
        momentumBuffer: momentum == 0 ? nil : run.moment(0), learningRate: learningRate, momentum: momentum,
        nesterov: nesterov, weightDecay: weightDecay, isFirstStep: run.step == 1))
  }
}
