/// Adam that leaves alone the rows of a table which a batch does not use, with all that is remembered of them, as
/// PyTorch's `SparseAdam` does: a large vocabulary costs what is used of it. Everything else moves as by ``Adam``.
///
/// Rows count as unused where the gradient says so, ``Tensor/sparseRows``, as that of an embedding does. The steps that
/// the moments' beginnings are made up for are counted together.
public struct SparseAdam: AroundAdam {
  public var adam: Adam

  /// An optimizer with PyTorch's settings where none are given.
  public init(learningRate: Float = 1e-3, beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8) {
    adam = Adam(learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon)
  }

  public var skipsZeroGradients: Bool { true }

  public func update(_ run: ParameterRun) { adam.update(run) }
}
