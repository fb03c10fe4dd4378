/// A convolution over time: `[B, T, I]` → `[B, T′, O]`, each output the sum over **K** neighboring steps.
///
///     y_t = φ(Σ_k W_k x_{t·s + k − before} + b)       s: the stride
///
/// What lies past a sequence's length counts as zeros, and outputs past the length that it then has are zero: a padded
/// sequence gives what it gives alone. Weights start by Glorot's rule, biases at 0.
public struct Conv1D: Layer {
  /// How far the kernel reaches over the ends of a sequence.
  public enum Padding: String, Codable, Sendable, CaseIterable {
    /// Not at all: T′ = (T − K) / s + 1, rounded down.
    case valid
    /// As many zeros before as after, of an odd number the greater half after; T′ = T. The stride must be 1, as PyTorch
    /// wants it: otherwise where a sequence's steps fall would depend on the batch.
    case same
    /// K − 1 zeros before, so that no output sees a later step: T′ = T / s, rounded up.
    case causal
  }

  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The number **O** of filters.
    public var filters: Int
    /// The steps **K** that an output sees.
    public var kernel: Int
    /// How far apart outputs lie.
    public var stride: Int
    /// What happens at the ends of a sequence.
    public var padding: Padding
    /// The function φ of the output.
    public var activation: Activation
  }

  public static let kind = "conv-1d"
  public let configuration: Configuration
  /// W, `[O, K, I]` (PyTorch has `[O, I, K]`).
  public var weight: Tensor
  /// b, `[O]`
  public var bias: Tensor

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    weight = .undrawn(rank: 3)
    bias = .undrawn(rank: 1)
  }

  /// A layer whose input size ``Sequential`` finds.
  ///
  /// - Parameters:
  ///   - filters: the size **O** of the output.
  ///   - kernel: the steps **K** that an output sees.
  ///   - stride: how far apart outputs lie.
  ///   - padding: what happens at the ends of a sequence.
  ///   - activation: the function of the output.
  public init(
    _ filters: Int, kernel: Int, stride: Int = 1, padding: Padding = .same, activation: Activation = .identity
  ) {
    self.init(
      Configuration(filters: filters, kernel: kernel, stride: stride, padding: padding, activation: activation))
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    try check(configuration.filters, "the number of filters", of: Self.kind)
    try check(configuration.kernel, "the kernel", of: Self.kind)
    try check(configuration.stride, "the stride", of: Self.kind)
    guard configuration.padding != .same || configuration.stride == 1 else {
      throw LayerError("\(Self.kind): padding 'same' has a stride of 1, not \(configuration.stride); choose 'causal'")
    }
    _ = try features(of: inputShape, for: Self.kind)
    guard inputShape.count == 3 else {
      throw LayerError("\(Self.kind): the input has shape \(shapeText(inputShape)), expected [B, T, I]")
    }
    return [inputShape[0], inputShape[1].map(outputLength), configuration.filters]
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    guard let inputs = inputShape[inputShape.count - 1] else { return }
    let (filters, kernel) = (configuration.filters, configuration.kernel)
    weight = Initializer.glorotUniform(
      [filters, kernel, inputs], between: kernel * inputs, and: kernel * filters, using: &generator)
    bias = .zeros([filters])
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight", &weight)
    try body("bias", &bias)
  }

  /// The steps **T′** of the output for a sequence of `length` steps.
  public func outputLength(_ length: Int) -> Int {
    let (kernel, stride) = (configuration.kernel, configuration.stride)
    return switch configuration.padding {
    case .valid: length < kernel ? 0 : (length - kernel) / stride + 1
    case .same, .causal: length / stride + (length % stride == 0 ? 0 : 1)
    }
  }

  public func outputActivation(after previous: Activation?) -> Activation? { configuration.activation }

  public var isBuilt: Bool { weight.isDrawn }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    let lengths = input.lengthsAlone(for: Self.kind)
    let output = Steps(lengths: lengths?.map(outputLength))
    return StepValues(convolution(input.values, lengths: lengths).masked(output), steps: output)
  }

  /// The outputs, without regard to which of their steps there are.
  private func convolution(_ input: Tensor, lengths: [Int]?) -> Tensor {
    requireBuilt()
    require(
      input.rank == 3 && input.shape[2] == weight.shape[2],
      "\(Self.kind): the input has shape \(input.shape), expected [B, T, \(weight.shape[2])]")
    var x = input.masked(Steps(lengths: lengths))
    if configuration.padding == .causal, configuration.kernel > 1 {
      x = concatenate([.zeros([x.shape[0], configuration.kernel - 1, x.shape[2]]), x], axis: 1)
    }
    let sums = x.convolution(
      weight: weight, strides: [configuration.stride], padding: configuration.padding == .same ? .same : .valid)
    return configuration.activation(sums + bias)
  }
}
