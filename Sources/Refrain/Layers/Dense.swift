/// y = φ(x Wᵀ + b), on each step alone: `[…, I]` → `[…, O]`. Weights start by Glorot's rule, biases at 0.
public struct Dense: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The size **O** of the output.
    public var outputSize: Int
    /// The function φ of the output.
    public var activation: Activation
  }

  public static let kind = "dense"
  public let configuration: Configuration
  /// W, `[O, I]`
  public var weight: Tensor
  /// b, `[O]`
  public var bias: Tensor

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    weight = .undrawn(rank: 2)
    bias = .undrawn(rank: 1)
  }

  /// A layer whose input size ``Sequential`` finds.
  public init(_ outputSize: Int, activation: Activation = .identity) {
    self.init(Configuration(outputSize: outputSize, activation: activation))
  }

  /// A layer with weights drawn from `generator`, or from the default generator.
  public init(
    inputSize: Int, outputSize: Int, activation: Activation = .identity,
    using generator: inout RandomGenerator
  ) {
    self = Dense(outputSize, activation: activation).built(for: [nil, inputSize], using: &generator)
  }

  /// A layer with weights drawn from the default generator.
  public init(inputSize: Int, outputSize: Int, activation: Activation = .identity) {
    var generator = makeRandomGenerator()
    self.init(inputSize: inputSize, outputSize: outputSize, activation: activation, using: &generator)
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    try check(configuration.outputSize, "the output size", of: "Dense")
    _ = try features(of: inputShape, for: "Dense")
    return inputShape.dropLast() + [configuration.outputSize]
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    guard let inputSize = inputShape[inputShape.count - 1] else { return }
    weight = Initializer.glorotUniform(configuration.outputSize, inputSize, using: &generator)
    bias = .zeros([configuration.outputSize])
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight", &weight)
    try body("bias", &bias)
  }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    requireBuilt()
    return input.map { $0.linear(weight: weight, bias: bias, activation: configuration.activation) }
  }

  public func outputActivation(after previous: Activation?) -> Activation? { configuration.activation }

  public var isBuilt: Bool { weight.isDrawn }
}
