/// Each feature brought to mean 0 and variance 1 by statistics of the data, then scaled and shifted by learned factors
/// (Ioffe and Szegedy 2015): `[…, I]` → `[…, I]`.
///
///     y = γ ⊙ (x − μ) / √(σ² + ε) + β
///
/// μ and σ² belong to the model: they are loaded with it, or measured by ``Sequential/calibrated(on:lengths:)``, and a
/// finished model uses them. While a model trains they stay as they are where the layer is **frozen**; else each batch
/// is normalized by its own statistics, over all steps that are there, and the model's are measured once it is trained
/// (Wu and Johnson 2021: "precise" statistics, in place of averages that trail behind the weights).
public struct BatchNorm: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// What is added to the variance.
    public var epsilon: Float
    /// Whether training, too, uses the model's statistics.
    public var isFrozen: Bool
  }

  public static let kind = "batch-norm"
  public let configuration: Configuration
  /// The gain γ, `[I]`, 1 at first.
  public var weight: Tensor
  /// The shift β, `[I]`, 0 at first.
  public var bias: Tensor
  /// The mean μ of the data, `[I]`, 0 at first.
  public var mean: Tensor
  /// The variance σ² of the data, `[I]`, 1 at first.
  public var variance: Tensor

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    (weight, bias, mean, variance) = (.undrawn(rank: 1), .undrawn(rank: 1), .undrawn(rank: 1), .undrawn(rank: 1))
  }

  /// A layer whose size ``Sequential`` finds. `epsilon` is added to the variance.
  public init(epsilon: Float = 1e-5, isFrozen: Bool = false) {
    self.init(Configuration(epsilon: epsilon, isFrozen: isFrozen))
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    _ = try features(of: inputShape, for: Self.kind)
    guard configuration.epsilon >= 0 else {
      throw LayerError("\(Self.kind): epsilon is \(configuration.epsilon), and must be at least 0")
    }
    return inputShape
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    guard let size = inputShape[inputShape.count - 1] else { return }
    (weight, bias, mean, variance) = (.ones([size]), .zeros([size]), .zeros([size]), .ones([size]))
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight", &weight)
    try body("bias", &bias)
    try body("running_mean", &mean)
    try body("running_var", &variance)
  }

  public func outputActivation(after previous: Activation?) -> Activation? { .identity }

  public var isBuilt: Bool { weight.isDrawn }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    requireBuilt()
    return StepValues(normalized(input.values, input.steps), steps: input.steps)
  }

  private func normalized(_ input: Tensor, _ steps: Steps) -> Tensor {
    require(
      input.shape.last == weight.shape[0], "\(Self.kind) of size \(weight.shape[0]) on an input of shape \(input.shape)"
    )
    let isMeasured = Tape.training != nil && !configuration.isFrozen
    // What is not learned has no gradient.
    let (mean, variance) = isMeasured ? statistics(of: input, steps) : (self.mean.detached, self.variance.detached)
    let scale = weight * sqrt(variance + configuration.epsilon).reciprocal
    let output = input * scale + (bias - mean * scale)
    return input.rank > 2 ? output.masked(steps) : output
  }

  /// The mean and the variance of each feature, over all rows that are there.
  func statistics(of input: Tensor, _ steps: Steps) -> (mean: Tensor, variance: Tensor) {
    let width = weight.shape[0]
    var rows = input.reshaped([-1, width])
    if input.rank == 3, steps.lengths != nil || steps.present != nil {
      let (batch, time) = steps.extent(of: input.shape)
      rows = rows.gatheringRows(steps.episodes(batch: batch, time: time).flatMap { $0 })
    }
    guard rows.shape[0] > 0 else { return (mean.detached, variance.detached) }
    let average = rows.mean(axes: [0])
    return (average, (rows - average).squared.mean(axes: [0]))
  }
}

extension BatchNorm: SteppingLayer {}

extension Sequential {
  /// The model whose ``BatchNorm`` layers have the statistics of these inputs, each measured with those before it
  /// measured already: what remains to be done after training, with as much of the training data as fits.
  ///
  /// - Parameters:
  ///   - input: `[B, …]`
  ///   - lengths: the valid steps of each sequence; nil means all.
  public func calibrated(on input: Tensor, lengths: [Int]? = nil) -> Sequential {
    var copy = self
    let steps = Steps(lengths: lengths)
    var running = StepValues(cleared(input, steps), steps: steps)
    for index in layers.indices {
      if var norm = layers[index] as? BatchNorm {
        (norm.mean, norm.variance) = norm.statistics(of: running.values, running.steps)
        copy.layers[index] = norm
      }
      running = copy.layers[index](running)
    }
    return copy
  }
}
