import RealModule
import RefrainKernels

/// Adam (Kingma and Ba 2015), as in PyTorch, at step t:
///
///     g' = g + λ θ                     weight decay λ
///     m' = β₁ m + (1 − β₁) g'
///     v' = β₂ v + (1 − β₂) g'²
///     θ' = θ − η / (1 − β₁ᵗ) · m' / (√v' / √(1 − β₂ᵗ) + ε)
public struct Adam: Optimizer {
  /// How far a step goes.
  public var learningRate: Float
  /// How much of the mean gradient is kept from step to step.
  public var beta1: Float
  /// How much of the mean squared gradient is kept from step to step.
  public var beta2: Float
  /// What keeps the divisor from zero.
  public var epsilon: Float
  /// How strongly parameters are drawn to zero.
  public var weightDecay: Float
  public var state = OptimizerState()

  /// An optimizer with PyTorch's settings where none are given.
  public init(
    learningRate: Float = 1e-3, beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8, weightDecay: Float = 0
  ) {
    Self.check(
      notNegative: ["the learning rate": learningRate, "epsilon": epsilon, "the weight decay": weightDecay],
      shares: ["beta1": beta1, "beta2": beta2])
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  public var moments: [Moment] { [Moment("exp_avg"), Moment("exp_avg_sq")] }

  public func update(_ run: ParameterRun) { update(run, decoupled: false) }

  fileprivate func update(_ run: ParameterRun, decoupled: Bool) {
    kernels.adamUpdate(
      AdamArguments(
        count: run.count, parameter: run.parameter, gradient: run.gradient, first: run.moment(0),
        second: run.moment(1), learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
        weightDecay: weightDecay, decoupled: decoupled, correction1: correction(beta1, run.step),
        correction2: correction(beta2, run.step)))
  }

  /// 1 − βᵗ, which makes up for moments that start at 0.
  private func correction(_ beta: Float, _ step: Int) -> Float { Float(1 - Double.pow(Double(beta), step)) }
}

/// An optimizer whose options and memory are those of an ``Adam`` within.
public protocol AroundAdam: Optimizer {
  /// The optimizer within.
  var adam: Adam { get set }
}

extension AroundAdam {
  /// How far a step goes.
  public var learningRate: Float {
    get { adam.learningRate }
    set { adam.learningRate = newValue }
  }
  /// How much of the mean gradient is kept from step to step.
  public var beta1: Float {
    get { adam.beta1 }
    set { adam.beta1 = newValue }
  }
  /// How much of the mean squared gradient is kept from step to step.
  public var beta2: Float {
    get { adam.beta2 }
    set { adam.beta2 = newValue }
  }
  /// What keeps the divisor from zero.
  public var epsilon: Float {
    get { adam.epsilon }
    set { adam.epsilon = newValue }
  }
  public var state: OptimizerState {
    get { adam.state }
    set { adam.state = newValue }
  }
  public var moments: [Moment] { adam.moments }
}

/// Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019), as in PyTorch: θ is first multiplied by
/// 1 − η λ, then moved as by ``Adam`` without decay.
public struct AdamW: AroundAdam {
  public var adam: Adam

  /// An optimizer with PyTorch's settings where none are given.
  public init(
    learningRate: Float = 1e-3, beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8,
    weightDecay: Float = 1e-2
  ) {
    adam = Adam(
      learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
  }

  /// How strongly parameters are drawn to zero.
  public var weightDecay: Float {
    get { adam.weightDecay }
    set { adam.weightDecay = newValue }
  }

  public func update(_ run: ParameterRun) { adam.update(run, decoupled: true) }
}
