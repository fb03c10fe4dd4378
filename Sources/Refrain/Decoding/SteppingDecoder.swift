/// A model that is asked, step by step, which token comes next: a language model, the decoder of a translator, a model
/// of one's own. ``BeamSearch`` and ``TokenGeneration`` ask it for many sequences, and many answers of each, in one
/// call.
///
///     struct Bigrams: SteppingDecoder {
///       var table: Tensor  // [V, V]: the logits of the token after each
///       var vocabulary: Int { table.shape[1] }
///       func step(_ tokens: [Int], _ state: inout NoMemory, context: NoMemory) -> DecoderOutput {
///         DecoderOutput(logits: table.gatheringRows(tokens))
///       }
///     }
public protocol SteppingDecoder: Sendable {
  /// What depends on the tokens so far; all its tensors are `[N, …]`, a row an answer on its way.
  associatedtype State: TensorGroup = NoMemory
  /// What all answers for one sequence have in common, such as what an encoder made of it; all its tensors are
  /// `[B, …]`, a row a sequence.
  associatedtype Context: TensorGroup = NoMemory

  /// The number **V** of tokens.
  var vocabulary: Int { get }

  /// Takes a step of N answers on their way.
  ///
  /// - Parameters:
  ///   - tokens: the last token of each, N.
  ///   - state: in: what came of the tokens before; out: with these.
  ///   - context: of the B sequences that the answers are for: N is a multiple of B, and the answers for one sequence
  ///     stand next to each other, N / B for each.
  /// - Returns: what is known of the token after these. A row depends on its own token, state and sequence alone.
  func step(_ tokens: [Int], _ state: inout State, context: Context) -> DecoderOutput
}

/// What a ``SteppingDecoder`` knows of the next token.
public struct DecoderOutput: Sendable {
  /// Scores before a softmax, `[N, V]`; minus infinity is impossible.
  public var logits: Tensor
  /// How much each step of the source counted, `[N, S]`, each row adding up to 1; nil where there is no attention.
  public var attention: Tensor?

  /// An output from `[N, V]` and `[N, S]`.
  public init(logits: Tensor, attention: Tensor? = nil) {
    self.logits = logits
    self.attention = attention
  }
}

/// Where decoding begins: a token, a state and a context for each of B sequences.
public struct DecodingStart<Model: SteppingDecoder>: Sendable {
  /// The first token that the model is given for each sequence; it is no part of the answer.
  public var tokens: [Int]
  /// The state before these tokens, `[B, …]`.
  public var state: Model.State
  /// The context, `[B, …]`.
  public var context: Model.Context
  /// How many steps the source of each sequence has, for a coverage penalty; nil means as many as there are weights of
  /// attention.
  public var sourceLengths: [Int]?
  /// The greatest number of tokens for each sequence, where it is less than ``DecodingRules/maximumLength``.
  public var maximumLengths: [Int]?

  /// The beginning of `tokens.count` sequences.
  public init(
    tokens: [Int], state: Model.State, context: Model.Context, sourceLengths: [Int]? = nil,
    maximumLengths: [Int]? = nil
  ) {
    let count = tokens.count
    require(
      (state.tensors + context.tensors).allSatisfy { $0.shape.first == count },
      "decoding begins with \(count) tokens, and a state or context of other rows: "
        + "\((state.tensors + context.tensors).map(\.shape))")
    require(
      sourceLengths.map { $0.count == count } ?? true && maximumLengths.map { $0.count == count } ?? true,
      "decoding begins with \(count) tokens, and lengths for another number of sequences")
    (self.tokens, self.state, self.context) = (tokens, state, context)
    (self.sourceLengths, self.maximumLengths) = (sourceLengths, maximumLengths)
  }

  /// The number of sequences **B**.
  public var count: Int { tokens.count }
}

extension DecodingStart where Model.Context == NoMemory {
  /// The beginning of `tokens.count` sequences of a model that reads nothing besides its own tokens.
  public init(tokens: [Int], state: Model.State, maximumLengths: [Int]? = nil) {
    self.init(tokens: tokens, state: state, context: NoMemory(), maximumLengths: maximumLengths)
  }
}

extension DecodingStart where Model.Context == NoMemory, Model.State == NoMemory {
  /// The beginning of `tokens.count` sequences of a model that remembers nothing but the last token.
  public init(tokens: [Int], maximumLengths: [Int]? = nil) {
    self.init(tokens: tokens, state: NoMemory(), context: NoMemory(), maximumLengths: maximumLengths)
  }
}

/// An answer: tokens, and how likely the model finds them.
public struct Hypothesis: Sendable, Equatable {
  /// The tokens, with the one that ends them where ``isComplete``.
  public var tokens: [Int]
  /// The logarithm of the probability of each token, given those before it.
  public var logProbabilities: [Float]
  /// What answers are ordered by: the sum of the logarithms, with the penalties of the search.
  public var score: Double
  /// Whether the model itself ended the answer; else it was cut off at the greatest length.
  public var isComplete: Bool
  /// How much each step of the source counted at each token; empty where it was not asked for.
  public var attention: [[Float]]

  /// The tokens without the one that ends them.
  public var content: ArraySlice<Int> { isComplete ? tokens.dropLast() : tokens[...] }
  /// The logarithm of the probability of the whole answer.
  public var logProbability: Double { logProbabilities.reduce(0) { $0 + Double($1) } }
}

/// A layer that goes step by step from tokens to logits, as a decoder: a ``Sequential`` that begins with an
/// ``Embedding`` and ends with a ``Dense``, say.
///
///     let decoder = try StreamDecoder(model)
///     let answers = decoder.generate(from: decoder.start([[4, 8, 15]]), rules: rules, sampling: .greedy)
public struct StreamDecoder<Model: SteppingLayer>: SteppingDecoder {
  /// The layer, from tokens `[B, T]` to logits `[B, T, V]`.
  public let model: Model
  public let vocabulary: Int

  /// - Parameters:
  ///   - model: from tokens `[B, T]` to logits `[B, T, V]`.
  ///   - vocabulary: V; nil finds it in the shape of the output.
  /// - Throws: ``LayerError`` when the model does not go step by step, or its output has no known size.
  public init(_ model: Model, vocabulary: Int? = nil) throws(LayerError) {
    try model.checkStepping()
    let shape = try model.outputShape(for: [nil, nil])
    guard let size = vocabulary ?? shape.last ?? nil else {
      throw LayerError("\(Model.kind): the size of its output is not known; say how many tokens there are")
    }
    self.model = model
    self.vocabulary = size
  }

  public func step(_ tokens: [Int], _ state: inout Model.Memory, context: NoMemory) -> DecoderOutput {
    DecoderOutput(logits: model.advance(&state, with: Tensor(tokens)))
  }

  /// The beginning after prompts, each of at least one token.
  public func start(_ prompts: [[Int]]) -> DecodingStart<Self> {
    require(prompts.allSatisfy { !$0.isEmpty }, "a prompt has at least one token")
    var memory = model.initialMemory(batch: prompts.count)
    let read = Tokens(prompts.map { Array($0.dropLast()) })
    if read.sequences.contains(where: { !$0.isEmpty }) {
      _ = model(read.tensor, steps: Steps(lengths: read.sequences.map(\.count)), memory: &memory)
    }
    return DecodingStart(tokens: prompts.map { $0[$0.count - 1] }, state: memory)
  }
}
