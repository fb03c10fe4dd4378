/// Draws the tokens of one answer, of which somebody else computes the logits.
package struct TokenDraw: Sendable {
  private let rules: DecodingRules
  private let sampling: Sampling
  private let sequence: Int
  private var generator: RandomGenerator
  private var history: [Int] = []
  /// How many were drawn.
  private(set) var length = 0
  /// Whether the answer has ended.
  package private(set) var isOver = false

  /// - Parameter sequence: The number of the answer among others; each draws from a generator of its own.
  package init(_ rules: DecodingRules, _ sampling: Sampling, sequence: Int = 0) {
    (self.rules, self.sampling, self.sequence) = (rules, sampling, sequence)
    generator = sampling.generator(of: sequence)
  }

  /// The next token; nil where all are impossible.
  ///
  /// - Parameters:
  ///   - logarithms: those of the probabilities of all tokens, `[V]`.
  ///   - values: room for as many.
  mutating func next(_ logarithms: UnsafeBufferPointer<Float>, in values: inout [Float]) -> Int? {
    let token = values.withUnsafeMutableBufferPointer { values -> Int? in
      _ = values.update(from: logarithms)
      rules.forbid(in: values, length: length, after: history, of: sequence)
      return sampling.draw(from: UnsafeBufferPointer(values), using: &generator)
    }
    length += 1
    if rules.readsTokens, let token { history.append(token) }
    return token
  }

  /// The next token and the logarithm of its probability by the model alone; nil at the end of the answer.
  ///
  /// - Parameter logits: those of all tokens, `[V]`.
  package mutating func next(_ logits: [Float]) -> (token: Int, logProbability: Float)? {
    guard !isOver else { return nil }
    let logarithms = Tensor(logits, shape: [1, logits.count]).logSoftmax()
    var values = logits
    let found = logarithms.withUnsafeValues { all -> (token: Int, logProbability: Float)? in
      next(all, in: &values).map { ($0, all[$0]) }
    }
    isOver = found.map { rules.ends.contains($0.token) || length >= rules.maximumLength } ?? true
    return found
  }
}
