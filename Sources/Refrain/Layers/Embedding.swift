/// A learned row for each of V indices: `[…]` of whole numbers → `[…, O]`. Rows start normal with deviation 0.05.
public struct Embedding: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The number **V** of indices.
    public var vocabulary: Int
    /// The size **O** of a row.
    public var size: Int
  }

  public static let kind = "embedding"
  public let configuration: Configuration
  /// `[V, O]`
  public var weight: Tensor

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    weight = .zeros([0, 0])
  }

  /// A layer built by ``Sequential``.
  public init(_ vocabulary: Int, _ size: Int) {
    self.init(Configuration(vocabulary: vocabulary, size: size))
  }

  /// A layer with rows drawn from `generator`.
  public init(vocabulary: Int, size: Int, using generator: inout RandomGenerator) {
    self = Embedding(vocabulary, size).built(for: [nil], using: &generator)
  }

  /// A layer with weights drawn from the default generator.
  public init(vocabulary: Int, size: Int) {
    var generator = makeRandomGenerator()
    self.init(vocabulary: vocabulary, size: size, using: &generator)
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    try check(configuration.vocabulary, "the vocabulary", of: "Embedding")
    try check(configuration.size, "the size", of: "Embedding")
    return inputShape + [configuration.size]
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    weight = .normal([configuration.vocabulary, configuration.size], deviation: 0.05, using: &generator)
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try body("weight", &weight) }

  public func callAsFunction(_ input: Tensor, lengths: [Int]?) -> Tensor {
    let indices = input.values.map { value in
      require(
        value >= 0 && value < Float(configuration.vocabulary) && value == value.rounded(),
        "Embedding: \(value) is no index into a vocabulary of \(configuration.vocabulary)")
      return Int(value)
    }
    return weight.gatheringRows(indices).reshaped(input.shape + [configuration.size])
  }
}
