/// Each feature brought to mean 0 and variance 1 by statistics of the data, then scaled and shifted by learned factors
/// (Ioffe and Szegedy 2015): `[…, I]` → `[…, I]`.
///
///     y = γ ⊙ (x − μ) / √(σ² + ε) + β
///
/// μ and σ² belong to the model, and a finished one uses them. While a model trains they stay as they are where the
/// layer is **frozen**; else each batch is normalized by its own statistics, over all steps that are there, and the
/// model's move towards these, as in PyTorch:
///
///     μ' = (1 − m) μ + m · mean of the batch
///     σ²' = (1 − m) σ² + m · variance of the batch · n / (n − 1)        n values of each feature
///
/// ``Sequential/calibrated(on:lengths:)`` measures them on data instead, once a model is trained (Wu and Johnson 2021:
/// "precise" statistics, in place of averages that trail behind the weights). In a loop of one's own
/// ``valueAndGradient(at:training:checkpointInterval:keeping:using:of:)`` finds them.
public struct BatchNorm: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// What is added to the variance.
    public var epsilon: Float
    /// Whether training, too, uses the model's statistics.
    public var isFrozen: Bool
    /// The part **m** that a batch has in the statistics after it; nil is 0.1.
    public var momentum: Float?
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

  /// A layer whose size ``Sequential`` finds. `epsilon` is added to the variance; `momentum` is the part that a batch
  /// has in the statistics after it (Keras names what is left of those before, 0.99 for 0.01).
  public init(epsilon: Float = 1e-5, momentum: Float = 0.1, isFrozen: Bool = false) {
    self.init(
      Configuration(epsilon: epsilon, isFrozen: isFrozen, momentum: momentum == 0.1 ? nil : momentum))
  }

  /// The part **m** that a batch has in the statistics after it.
  public var momentum: Float { configuration.momentum ?? 0.1 }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    _ = try features(of: inputShape, for: Self.kind)
    guard configuration.epsilon >= 0 else {
      throw LayerError("\(Self.kind): epsilon is \(configuration.epsilon), and must be at least 0")
    }
    guard (0...1).contains(momentum) else {
      throw LayerError("\(Self.kind): the momentum is \(momentum), and must be in 0 … 1")
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
    // What is not learned has no gradient.
    var (mean, variance) = (self.mean.detached, self.variance.detached)
    if let tape = Tape.training {
      if configuration.isFrozen {
        keep(mean, variance, on: tape)
      } else {
        let rows = rows(of: input, steps)
        (mean, variance) = statistics(of: rows)
        move(towards: mean, variance, count: rows.shape[0], on: tape)
      }
    }
    let scale = weight * sqrt(variance + configuration.epsilon).reciprocal
    let output = input * scale + (bias - mean * scale)
    return input.rank > 2 ? output.masked(steps) : output
  }

  /// Lets the model's statistics follow those of a batch of `count` values of each feature.
  private func move(towards mean: Tensor, _ variance: Tensor, count: Int, on tape: Tape) {
    let (oldMean, oldVariance) = (tape.statistic(in: self.mean), tape.statistic(in: self.variance))
    guard count > 0 else { return keep(oldMean, oldVariance, on: tape) }
    let unbiased = Float(count) / Float(max(1, count - 1))
    Recording.run(nil) {
      keep(
        oldMean * (1 - momentum) + mean.detached * momentum,
        oldVariance * (1 - momentum) + variance.detached * (momentum * unbiased), on: tape)
    }
  }

  private func keep(_ mean: Tensor, _ variance: Tensor, on tape: Tape) {
    tape.keep(mean, in: self.mean)
    tape.keep(variance, in: self.variance)
  }

  /// All rows that are there, `[N, I]`.
  private func rows(of input: Tensor, _ steps: Steps) -> Tensor {
    let rows = input.reshaped([-1, weight.shape[0]])
    guard input.rank == 3, steps.lengths != nil || steps.present != nil else { return rows }
    let (batch, time) = steps.extent(of: input.shape)
    return rows.gatheringRows(steps.episodes(batch: batch, time: time).flatMap { $0 })
  }

  /// The mean and the variance of each feature, over all rows that are there.
  func statistics(of input: Tensor, _ steps: Steps) -> (mean: Tensor, variance: Tensor) {
    statistics(of: rows(of: input, steps))
  }

  private func statistics(of rows: Tensor) -> (mean: Tensor, variance: Tensor) {
    guard rows.shape[0] > 0 else { return (mean.detached, variance.detached) }
    let average = rows.mean(axes: [0])
    return (average, (rows - average).squared.mean(axes: [0]))
  }
}

extension BatchNorm: SteppingLayer {}

extension Sequential {
  /// The model whose ``BatchNorm`` layers have the statistics of these inputs, each measured with those before it
  /// measured already: more precise than what has followed the batches of training, with as much of its data as fits.
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
