/// Which tokens an answer may have: how it ends, how long it is, what is forbidden.
///
/// What a rule forbids is never chosen; the probabilities that are reported stay those of the model.
public struct DecodingRules: Sendable {
  /// The tokens that end an answer; none where it ends at its greatest length alone.
  public var ends: Set<Int>
  /// The least number of tokens before an end.
  public var minimumLength: Int
  /// The greatest number of tokens, the end among them.
  public var maximumLength: Int
  /// Tokens that are never chosen, such as the one that stands for padding.
  public var forbidden: Set<Int>
  /// No run of so many tokens occurs twice in an answer, except with an end in it; 0 allows it.
  public var noRepeatSize: Int
  /// The tokens that may come next, or nil for any: told the tokens so far and the number of the sequence. For answers
  /// that have a grammar, or are one of a list. An end is chosen only where it is among them.
  public var allowed: (@Sendable (_ tokens: [Int], _ sequence: Int) -> [Int]?)?

  /// Rules that forbid nothing but what is given.
  public init(
    ends: Set<Int> = [], minimumLength: Int = 0, maximumLength: Int, forbidden: Set<Int> = [], noRepeatSize: Int = 0,
    allowed: (@Sendable (_ tokens: [Int], _ sequence: Int) -> [Int]?)? = nil
  ) {
    require(maximumLength > 0, "answers of at most \(maximumLength) tokens were asked for; they have at least 1")
    require(
      minimumLength >= 0 && noRepeatSize >= 0,
      "the least length \(minimumLength) and the size of runs \(noRepeatSize) must not be negative")
    self.ends = ends
    self.minimumLength = minimumLength
    self.maximumLength = maximumLength
    self.forbidden = forbidden
    self.noRepeatSize = noRepeatSize
    self.allowed = allowed
  }

  /// Whether the rules ask for the tokens of an answer, and not only for their number.
  var readsTokens: Bool { noRepeatSize > 0 || allowed != nil }

  /// Puts minus infinity where a token may not come next.
  ///
  /// - Parameters:
  ///   - values: logits or logarithms of probabilities, V of them.
  ///   - length: how many tokens the answer has.
  ///   - tokens: the answer so far; asked for only where ``readsTokens``.
  ///   - sequence: the number of the sequence.
  func forbid(
    in values: UnsafeMutableBufferPointer<Float>, length: Int, after tokens: @autoclosure () -> [Int], of sequence: Int
  ) {
    func forbid(_ token: Int) {
      require(values.indices.contains(token), "the token \(token) of a rule is outside a vocabulary of \(values.count)")
      values[token] = -.infinity
    }
    for token in forbidden { forbid(token) }
    if length < minimumLength { for token in ends { forbid(token) } }
    guard readsTokens else { return }
    let tokens = tokens()
    if noRepeatSize > 0, tokens.count >= noRepeatSize {
      let run = tokens.suffix(noRepeatSize - 1)
      for end in noRepeatSize - 1..<tokens.count where tokens[(end - noRepeatSize + 1)..<end].elementsEqual(run) {
        if !ends.contains(tokens[end]) { forbid(tokens[end]) }
      }
    }
    guard let allowed = allowed?(tokens, sequence) else { return }
    let kept = Set(allowed).map { token in
      require(values.indices.contains(token), "the token \(token) of a rule is outside a vocabulary of \(values.count)")
      return (token, values[token])
    }
    for index in values.indices { values[index] = -.infinity }
    for (token, value) in kept { values[token] = value }
  }

  /// The greatest number of tokens of a sequence.
  func maximumLength<Model: SteppingDecoder>(of sequence: Int, in start: DecodingStart<Model>) -> Int {
    max(1, min(maximumLength, start.maximumLengths?[sequence] ?? maximumLength))
  }
}
