import RealModule

/// Normal noise added to gradients (Neelakantan et al. 2015), which falls with the steps t = 0, 1, … of the optimizer:
///
///     σ_t² = η / (1 + t)^γ
///
/// Of a sparse gradient the rows used get noise, so that it stays sparse.
public struct GradientNoise: Sendable, Equatable {
  /// The variance η at the first step; the paper tries 0.01, 0.3 and 1.
  public var variance: Float
  /// How fast it falls, γ.
  public var decay: Float

  /// Noise of the variance η at first, with the paper's γ.
  public init(variance: Float, decay: Float = 0.55) {
    require(variance >= 0, "the variance of gradient noise is \(variance), and must not be negative")
    self.variance = variance
    self.decay = decay
  }

  /// The standard deviation at a step, the first being 0.
  public func deviation(at step: Int) -> Float {
    (variance / Float.pow(1 + Float(step), decay)).squareRoot()
  }

  func add<M: TensorGroup>(to gradient: inout M, step: Int, using generator: inout RandomGenerator) {
    let deviation = deviation(at: step)
    guard deviation > 0 else { return }
    gradient.forEachTensor { _, tensor in
      if let rows = tensor.sparseRows {
        let noise = Tensor.normal(rows.values.shape, deviation: deviation, using: &generator)
        tensor = Tensor(sparseRows: SparseRows(rows, values: rows.values + noise), shape: tensor.shape)
      } else {
        tensor += .normal(tensor.shape, deviation: deviation, using: &generator)
      }
    }
  }
}
