/// Adam that leaves alone the rows of a table which a batch does not use, with all that is remembered of them, as
/// PyTorch's `SparseAdam` does: a large vocabulary costs what is used of it. Everything else moves as by ``Adam``.
///
/// Rows count as unused where the gradient says so, ``Tensor/sparseRows``, as that of an embedding does. The steps that
/// the moments' beginnings are made up for are counted together.
public struct SparseAdam: Optimizer {
  private var adam: Adam

  /// An optimizer with PyTorch's settings where none are given.
  public init(learningRate: Float = 1e-3, beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8) {
    adam = Adam(learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon)
  }

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
  public var skipsZeroGradients: Bool { true }

  public func update(_ run: ParameterRun) { adam.update(run) }
}
