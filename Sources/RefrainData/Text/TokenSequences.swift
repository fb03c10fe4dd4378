/// Many texts as tokens, four bytes a token, in one array: a million lines are not a million arrays. Where the tokens
/// are too many for memory they are in a file without a name.
public struct TokenSequences: Sendable, Equatable {
  /// The tokens of all texts, one text after another.
  private var tokens: LongArray<Int32>
  /// Where each text ends in ``tokens``.
  private var ends: LongArray<Int>

  /// None yet.
  public init() { (tokens, ends) = (LongArray(), LongArray()) }

  /// - Parameter most: How many tokens are held in memory.
  package init(most: Int) { (tokens, ends) = (LongArray(most: most), LongArray(most: most)) }

  /// How many texts there are.
  public var count: Int { ends.count }
  /// Whether tokens are in a file.
  package var areInFile: Bool { tokens.isInFile }

  /// Where a text lies in ``tokens``.
  private func range(of text: Int) -> Range<Int> { ends.step(to: text) }

  /// How many tokens a text has.
  public func length(of text: Int) -> Int { range(of: text).count }

  /// The tokens of a text.
  public subscript(text: Int) -> ArraySlice<Int32> { tokens[range(of: text)] }

  /// Adds a text.
  public mutating func append(_ text: some Sequence<Int>) {
    for token in text { tokens.append(Int32(truncatingIfNeeded: token)) }
    ends.append(tokens.count)
  }

  /// Adds a text.
  public mutating func append(_ text: some Sequence<Int32>) {
    tokens.append(contentsOf: text)
    ends.append(tokens.count)
  }

  /// Adds a token to the text that is being added; ``endText()`` ends it.
  mutating func add(_ token: Int) { tokens.append(Int32(truncatingIfNeeded: token)) }

  /// Ends the text whose tokens were added.
  mutating func endText() { ends.append(tokens.count) }

  /// The texts of the given numbers, in that order.
  public func selecting(_ texts: some Sequence<Int>) -> TokenSequences {
    var result = TokenSequences()
    for text in texts { result.append(self[text]) }
    return result
  }

  /// Makes sure that the file of long sequences could be written, and read as far as tokens were asked for: those that
  /// could not are 0.
  ///
  /// - Throws: `diskFull`, `unwritableFile` or `unreadableFile`.
  public func check() throws(DataError) {
    try tokens.check()
    try ends.check()
  }
}
