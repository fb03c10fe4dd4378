import RealModule
import Refrain
import RefrainData

/// Where a language model stands in a text that it reads piece by piece, besides what its network remembers.
package struct LanguagePlace: Codable, Sendable, Equatable {
  /// The last token, which the network has not read yet.
  package private(set) var last = LanguageModel.lineEnd
  /// The last tokens of the line, of which ``last`` is one: how a word is written depends on the one before it.
  package private(set) var line: [Int] = []

  /// More tokens of a line are not kept.
  private static let longestLine = 64

  /// At the beginning of a line.
  package init() {}

  /// Goes on by a token.
  package mutating func pass(_ token: Int) {
    last = token
    if token == LanguageModel.lineEnd { line = [] } else { line = line.suffix(Self.longestLine - 1) + [token] }
  }

  /// Whether it can be a place in a text of so many different tokens.
  package func isSound(vocabulary: Int) -> Bool {
    line.count <= Self.longestLine && (line + [last]).allSatisfy { (0..<vocabulary).contains($0) }
  }
}

extension LanguageModel {
  /// The network as one chain of layers, from a token to the logits of the next.
  package var chain: Sequential {
    var head = Dense(languageNetwork.vocabulary)
    (head.weight, head.bias) = (languageNetwork.outputWeight, languageNetwork.bias)
    return Sequential(inputShape: [nil, nil], builtLayers: languageNetwork.trunk.layers + [head])
  }

  /// The tokens of a text in the middle of others: a line break ends a line.
  package func tokens(goingOnWith text: String) -> [Int] {
    let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
    return lines.enumerated().flatMap { index, line in
      (index > 0 ? [Self.lineEnd] : []) + tokenizer.encode(String(line))
    }
  }

  /// A token and how likely it is, as ``predict(_:_:)`` says it.
  package func shown(_ token: Int, logProbability: Float) -> LanguageAnswer.Token {
    LanguageAnswer.Token(
      token: token == Self.lineEnd ? "\n" : tokenizer.vocabulary.token(at: token),
      probability: Double.exp(Double(logProbability)))
  }

  /// The likeliest of all tokens, the likeliest first; of equals the one that stands first in the vocabulary.
  ///
  /// - Parameter logits: those of all tokens, `[V]`.
  package func likeliest(_ count: Int, _ logits: [Float]) -> [LanguageAnswer.Token] {
    let logarithms = Tensor(logits, shape: [1, logits.count]).logSoftmax().values
    let order = logarithms.indices.sorted { (logarithms[$1], $0) < (logarithms[$0], $1) }
    return order.prefix(count).map { shown($0, logProbability: logarithms[$0]) }
  }

  /// Tokens that were pushed, each with how likely it was after those before it.
  ///
  /// - Parameter logits: those before each token, `[V]` one after the other.
  package func judged(_ tokens: ArraySlice<Int>, _ logits: [Float]) -> [LanguageAnswer.Token] {
    guard !tokens.isEmpty else { return [] }
    let width = logits.count / tokens.count
    let logarithms = Tensor(logits, shape: [tokens.count, width]).logSoftmax().values
    return tokens.enumerated().map { row, token in shown(token, logProbability: logarithms[row * width + token]) }
  }
}

/// A text that a language model writes while somebody else runs its network: logits in, tokens out.
package struct LanguageWriter: Sendable {
  private var draw: TokenDraw
  private var continuation: Continuation

  /// Goes on from a place. What is asked for of the prompt and of samples means nothing here.
  package init(_ model: LanguageModel, from place: LanguagePlace, _ request: LanguageRequest) {
    draw = TokenDraw(model.rules(request), request.sampling)
    continuation = Continuation(model, lead: place.line, stop: request.stop)
  }

  /// Whether there is no next token.
  package var isOver: Bool { draw.isOver || continuation.isStopped }

  /// The next token, what it adds to the text, and how likely it was; nil at the end.
  ///
  /// - Parameter logits: those of the next token, `[V]`.
  package mutating func next(_ logits: [Float]) -> (token: Int, text: String, shown: LanguageAnswer.Token)? {
    guard !isOver, let (token, logProbability) = draw.next(logits) else { return nil }
    return (token, continuation.take(token), continuation.model.shown(token, logProbability: logProbability))
  }

  /// What is left of the text at the end.
  package mutating func rest() -> String { continuation.rest() }
}
