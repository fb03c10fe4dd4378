/// How well a query q fits a key k: the score of attention.
public enum AttentionScore: String, Codable, Sendable, CaseIterable {
  /// vᵀ tanh(W q + U k) (Bahdanau, Cho and Bengio 2015).
  case additive
  /// qᵀ k (Luong, Pham and Manning 2015); queries and keys have one width.
  case dot
  /// qᵀ W k (Luong, Pham and Manning 2015).
  case general
  /// vᵀ tanh(W [q; k]) (Luong, Pham and Manning 2015).
  case concat
}

/// Attention: for each query a mean of the values at the steps of a sequence, weighted by how well the query fits each
/// step.
///
///     a = softmax(score(q, k₁), …, score(q, k_T))
///     context = Σ a_t k_t
///
/// The keys are the outputs of a recurrent layer that read the sequence; a query is what looks for something in it,
/// such as the state of a decoder. Steps that are not there get the weight 0, and no steps the context 0.
public struct Attention: Module {
  /// How well a query fits a key.
  public let score: AttentionScore
  /// For `additive` W `[A, Q]`, for `general` `[Q, K]`, for `concat` `[A, Q + K]`; else `[0, 0]`.
  public var weightQuery: Tensor
  /// U, `[A, K]` for `additive`; else `[0, 0]`.
  public var weightKey: Tensor
  /// v, `[1, A]` for `additive` and `concat`; else `[0, 0]`.
  public var weightScore: Tensor

  /// Weights drawn by Glorot's rule.
  ///
  /// - Parameters:
  ///   - score: how well a query fits a key.
  ///   - querySize: the width **Q** of a query.
  ///   - keySize: the width **K** of a key.
  ///   - size: the width **A** of what `additive` and `concat` make of both; nil means K.
  ///   - generator: where the weights are drawn from.
  public init(
    _ score: AttentionScore, querySize: Int, keySize: Int, size: Int? = nil, using generator: inout RandomGenerator
  ) {
    require(
      score != .dot || querySize == keySize,
      "Attention: queries of width \(querySize) and keys of width \(keySize) have no dot product; take another score")
    self.score = score
    let size = size ?? keySize
    func draw(_ rows: Int, _ columns: Int, if isUsed: Bool) -> Tensor {
      isUsed ? Initializer.glorotUniform(rows, columns, using: &generator) : .zeros([0, 0])
    }
    switch score {
    case .additive: weightQuery = draw(size, querySize, if: true)
    case .general: weightQuery = draw(querySize, keySize, if: true)
    case .concat: weightQuery = draw(size, querySize + keySize, if: true)
    case .dot: weightQuery = .zeros([0, 0])
    }
    weightKey = draw(size, keySize, if: score == .additive)
    weightScore = draw(1, size, if: score == .additive || score == .concat)
  }

  /// Weights drawn from the default generator.
  public init(_ score: AttentionScore, querySize: Int, keySize: Int, size: Int? = nil) {
    var generator = makeRandomGenerator()
    self.init(score, querySize: querySize, keySize: keySize, size: size, using: &generator)
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_query", &weightQuery)
    try body("weight_key", &weightKey)
    try body("weight_score", &weightScore)
  }

  /// What the queries find.
  ///
  /// - Parameters:
  ///   - queries: `[B, N, Q]`, or `[B, Q]` for one a sequence.
  ///   - keys: `[B, T, K]`, the outputs of a recurrent layer.
  ///   - steps: lengths and gaps of the keys.
  /// - Returns: the contexts `[B, N, K]` and the weights `[B, N, T]`; for one query a sequence `[B, K]` and `[B, T]`.
  public func callAsFunction(
    _ queries: Tensor, over keys: Tensor, steps: Steps = Steps()
  ) -> (context: Tensor, weights: Tensor) {
    require(
      (2...3).contains(queries.rank) && keys.rank == 3 && queries.shape[0] == keys.shape[0],
      "Attention: queries of shape \(queries.shape) over keys of shape \(keys.shape), expected [B, N, Q] over [B, T, K]"
    )
    require(steps.layout == .batchFirst, "Attention takes the batch first")
    if queries.rank == 2 {
      let one = self(queries.reshaped([queries.shape[0], 1, queries.shape[1]]), over: keys, steps: steps)
      return (one.context.at(0, axis: 1), one.weights.at(0, axis: 1))
    }
    let keys = keys.masked(steps)
    let weights = scores(queries, keys).softmax(over: steps)
    return (weights.matrixProduct(keys), weights)
  }

  /// `[B, N, Q]` and `[B, T, K]` → `[B, N, T]`.
  private func scores(_ queries: Tensor, _ keys: Tensor) -> Tensor {
    func map(_ rows: Tensor, _ weight: Tensor) -> Tensor { rows.matrixProduct(weight, transposingOther: true) }
    /// vᵀ tanh(a + b) for every query and every key.
    func perceptron(_ a: Tensor, _ b: Tensor) -> Tensor {
      let (batch, count, time, size) = (a.shape[0], a.shape[1], b.shape[1], a.shape[2])
      let hidden = tanh(a.reshaped([batch, count, 1, size]) + b.reshaped([batch, 1, time, size]))
      return map(hidden, weightScore).reshaped([batch, count, time])
    }
    switch score {
    case .dot: return map(queries, keys)
    case .general: return map(queries.matrixProduct(weightQuery), keys)
    case .additive: return perceptron(map(queries, weightQuery), map(keys, weightKey))
    case .concat:
      let (width, split) = (weightQuery.shape[1], queries.shape[2])
      return perceptron(
        map(queries, weightQuery.slice(0..<split, axis: 1)), map(keys, weightQuery.slice(split..<width, axis: 1)))
    }
  }
}

extension Tensor {
  /// The softmax of scores `[B, N, T]` over the valid steps; the others get 0, and where there is none all do.
  func softmax(over steps: Steps) -> Tensor {
    guard steps.lengths != nil || steps.present != nil else { return softmax() }
    let mask = steps.mask(batch: shape[0], time: shape[2]).reshaped([shape[0], 1, shape[2]])
    // A score so low that e to its power is 0, and finite: without a valid step it stands alone.
    return select(mask, self, Tensor(-1e30)).softmax() * mask
  }
}

/// A sequence as one vector, a mean over its steps whose weights are learned (the word attention of Yang et al. 2016):
/// `[B, T, H]` → `[B, H]`.
///
///     a = softmax(vᵀ tanh(W h₁ + b), …, vᵀ tanh(W h_T + b))
///     output = Σ a_t h_t
///
/// It stands after a recurrent layer that returns every step, in the place of its last output.
public struct AttentionPooling: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The width **A** of what is made of a step before it is scored; nil means H.
    public var size: Int?
  }

  public static let kind = "attention-pooling"
  public let configuration: Configuration
  /// W, `[A, H]`, and b, `[A]`
  public var hidden: Dense
  /// v, `[1, A]`
  public var weightScore: Tensor

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    hidden = Dense(0, activation: .tanh)
    weightScore = .zeros([1, 0])
  }

  /// A layer whose input size ``Sequential`` finds. `size` is the width **A** of what is made of a step before it is
  /// scored; nil means H.
  public init(size: Int? = nil) { self.init(Configuration(size: size)) }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    if let size = configuration.size { try check(size, "the size", of: Self.kind) }
    return try recurrentShape(inputShape, features(of: inputShape, for: Self.kind), .lastStep, Self.kind)
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    guard let inputSize = inputShape[inputShape.count - 1] else { return }
    let size = configuration.size ?? inputSize
    hidden = Dense(inputSize: inputSize, outputSize: size, activation: .tanh, using: &generator)
    weightScore = Initializer.glorotUniform(1, size, using: &generator)
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try hidden.forEachTensor(body)
    try body("weight_score", &weightScore)
  }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    pooled(input, by: weights(of: input.values, steps: input.steps))
  }

  /// The mean of the steps with weights `[B, T]`.
  func pooled(_ input: StepValues, by weights: Tensor) -> StepValues {
    let (batch, time) = (weights.shape[0], weights.shape[1])
    let values = input.values.batchFirst(input.steps)
    return StepValues(weights.reshaped([batch, 1, time]).matrixProduct(values).at(0, axis: 1))
  }

  public var isBuilt: Bool { hidden.isBuilt }

  /// How much each step counts, `[B, T]`.
  public func weights(of input: Tensor, steps: Steps = Steps()) -> Tensor {
    requireBuilt()
    require(input.rank == 3, "\(Self.kind): the input has shape \(input.shape), expected [B, T, H]")
    let values = input.batchFirst(steps)
    let scores = hidden(values).matrixProduct(weightScore, transposingOther: true)
    var steps = steps
    steps.layout = .batchFirst
    return scores.transposed.softmax(over: steps).at(0, axis: 1)
  }
}
