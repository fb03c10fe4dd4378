/// A learned row for each of V indices: `[…]` of whole numbers → `[…, O]`. Rows start normal with deviation 0.05.
///
/// With dropout, whole rows are dropped while a model trains: all occurrences of a word in a batch are 0, or enlarged
/// by 1 / (1 − rate) (Gal and Ghahramani 2016; Merity, Keskar and Socher 2018).
///
/// With `maskZero`, as in Keras, a step of index 0 is not there for the layers after this one in a ``Sequential``, as
/// if ``Masking`` had found it.
public struct Embedding: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The number **V** of indices.
    public var vocabulary: Int
    /// The size **O** of a row.
    public var size: Int
    /// The probability of a row being dropped; nil is 0.
    public var dropout: Float?
    /// Whether index 0 stands where there is no step; nil is false.
    public var maskZero: Bool?
  }

  public static let kind = "embedding"
  public let configuration: Configuration
  /// `[V, O]`
  public var weight: Tensor

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    weight = .undrawn(rank: 2)
  }

  /// A layer built by ``Sequential``. `dropout` is the probability of a row being dropped, at least 0 and below 1; with
  /// `maskZero` index 0 stands where there is no step.
  public init(_ vocabulary: Int, _ size: Int, dropout: Float = 0, maskZero: Bool = false) {
    self.init(
      Configuration(
        vocabulary: vocabulary, size: size, dropout: dropout == 0 ? nil : dropout, maskZero: maskZero ? true : nil))
  }

  /// A layer with rows drawn from `generator`.
  public init(vocabulary: Int, size: Int, dropout: Float = 0, using generator: inout RandomGenerator) {
    self = Embedding(vocabulary, size, dropout: dropout).built(for: [nil], using: &generator)
  }

  /// A layer with weights drawn from the default generator.
  public init(vocabulary: Int, size: Int, dropout: Float = 0) {
    var generator = makeRandomGenerator()
    self.init(vocabulary: vocabulary, size: size, dropout: dropout, using: &generator)
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    try check(configuration.vocabulary, "the vocabulary", of: "Embedding")
    try check(configuration.size, "the size", of: "Embedding")
    guard (0..<1).contains(configuration.dropout ?? 0) else {
      throw LayerError("Embedding: the dropout is \(configuration.dropout ?? 0), and must be at least 0 and below 1")
    }
    guard configuration.maskZero != true || inputShape.count == 2 else {
      throw LayerError(
        "Embedding: the input has shape \(shapeText(inputShape)), and indices that stand for no step need [B, T]")
    }
    return inputShape + [configuration.size]
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    weight = .normal([configuration.vocabulary, configuration.size], deviation: 0.05, using: &generator)
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try body("weight", &weight) }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    requireBuilt()
    let indices: [Int]
    do throws(LayerError) { indices = try self.indices(in: input.values) } catch { fatalError(error.description) }
    let shape = input.values.shape
    return StepValues(
      dropped(weight.gatheringRows(indices), of: indices).reshaped(shape + [configuration.size]),
      steps: configuration.maskZero == true ? input.steps.keeping(shape) { indices[$0] != 0 } : input.steps)
  }

  /// The tokens that a tensor holds.
  func indices(in values: Tensor) throws(LayerError) -> [Int] {
    do throws(NoIndex) { return try values.indices(below: configuration.vocabulary) } catch {
      throw LayerError("Embedding: \(error.value) is no index into a vocabulary of \(configuration.vocabulary)")
    }
  }

  public var isBuilt: Bool { weight.isDrawn }

  /// The rows `[N, O]` of some indices with whole rows dropped. The table itself is not touched, so that its gradient
  /// stays that of the rows used.
  private func dropped(_ rows: Tensor, of indices: [Int]) -> Tensor {
    guard let rate = configuration.dropout, rate > 0, let tape = Tape.training else { return rows }
    // Of a batch that several processes share the words are those of all, in one order.
    let all = tape.wholeTokens(of: indices)
    var places: [Int: Int] = [:]
    for index in all ?? indices where places[index] == nil { places[index] = places.count }
    let words = indices.map { places[$0]! }
    return rows
      * tape.dropoutMask([places.count, 1], rate: rate, for: all == nil ? .own : .common).gatheringRows(words)
  }
}
