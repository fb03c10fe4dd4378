/// Each row along the last axis brought to mean 0 and variance 1, then scaled and shifted by learned factors
/// (Ba, Kiros and Hinton 2016): `[…, I]` → `[…, I]`.
public struct LayerNorm: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// What is added to the variance.
    public var epsilon: Float
  }

  public static let kind = "layer-norm"
  public let configuration: Configuration
  /// The gain, `[I]`, 1 at first.
  public var weight: Tensor
  /// The shift, `[I]`, 0 at first.
  public var bias: Tensor

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    weight = .undrawn(rank: 1)
    bias = .undrawn(rank: 1)
  }

  /// A layer whose size ``Sequential`` finds. `epsilon` is added to the variance.
  public init(epsilon: Float = 1e-5) { self.init(Configuration(epsilon: epsilon)) }

  /// A layer for rows of the given size.
  public init(size: Int, epsilon: Float = 1e-5) {
    self.init(epsilon: epsilon)
    weight = .ones([size])
    bias = .zeros([size])
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    _ = try features(of: inputShape, for: "LayerNorm")
    return inputShape
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    guard let size = inputShape[inputShape.count - 1] else { return }
    self = LayerNorm(size: size, epsilon: configuration.epsilon)
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight", &weight)
    try body("bias", &bias)
  }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    requireBuilt()
    return input.map { $0.normalized(gain: weight, shift: bias, epsilon: configuration.epsilon) }
  }

  public func outputActivation(after previous: Activation?) -> Activation? { .identity }

  public var isBuilt: Bool { weight.isDrawn }
}
