/// All that turns texts into tokens and back: how they are cut, and the vocabulary. Learned of texts, saved with a
/// model.
///
///     let tokenizer = Tokenizer(learning: try TextLines(paths: ["corpus.txt"]), TextOptions(unit: .pieces))
///     tokenizer.decode(tokenizer.encode("Hello, world."))
public struct Tokenizer: Sendable, Equatable {
  /// How texts are cut. Nothing is left to be found.
  public let options: TextOptions
  /// The tokens there are.
  public let vocabulary: Vocabulary
  private let bytePairs: BytePairs?

  /// Learns the vocabulary of texts, each of which is looked at once.
  public init(learning texts: some Sequence<String>, _ options: TextOptions = TextOptions()) {
    var learning = TokenizerLearning(options)
    for text in texts { learning.add(text) }
    self = learning.tokenizer()
  }

  /// A tokenizer with a vocabulary of words or characters that is known beforehand.
  ///
  /// - Parameter options: Unless they say where words end, it is at spaces.
  public init(_ vocabulary: Vocabulary, _ options: TextOptions) {
    var options = options
    options.separation = options.separation ?? .spaces
    self.init(options: options, vocabulary: vocabulary, bytePairs: options.unit == .pieces ? .init([]) : nil)
  }

  init(options: TextOptions, vocabulary: Vocabulary, bytePairs: BytePairs?) {
    (self.options, self.vocabulary, self.bytePairs) = (options, vocabulary, bytePairs)
  }

  // MARK: - Text to tokens

  /// The tokens of a text as texts; those that are unknown stand as they are written.
  ///
  /// - Complexity: O(*n*) in the length of the text.
  public func tokens(_ text: String) -> [String] {
    var result: [String] = []
    forEachToken(text) { index, token in
      result.append(index == Vocabulary.unknown ? token() : vocabulary.tokens[index])
    }
    return result
  }

  /// The tokens of a text as indices of the ``vocabulary``.
  ///
  /// - Complexity: O(*n*) in the length of the text.
  public func encode(_ text: String) -> [Int] {
    var result: [Int] = []
    forEachToken(text) { index, _ in result.append(index) }
    return result
  }

  /// Adds the tokens of a text to others.
  public func encode(_ text: String, into sequences: inout TokenSequences) {
    forEachToken(text) { index, _ in sequences.add(index) }
    sequences.endText()
  }

  /// The tokens of one text after another.
  public func encode(contentsOf texts: some Sequence<String>) -> TokenSequences {
    var sequences = TokenSequences()
    for text in texts { encode(text, into: &sequences) }
    return sequences
  }

  /// - Parameter body: Is given each token's index, and its text where it is asked for.
  private func forEachToken(_ text: String, _ body: (_ index: Int, _ token: () -> String) -> Void) {
    let text = options.prepared(text)
    if options.unit == .characters {
      for character in text {
        let token = String(character)
        body(vocabulary.index(of: token)) { token }
      }
      return
    }
    var pieces: [Int32] = []
    options.forEachWord(text) { word in
      guard let bytePairs else {
        let index = vocabulary.index(of: word)
        guard index == Vocabulary.unknown, options.spellsUnknown, word != Vocabulary.specials[index] else {
          return body(index) { word }
        }
        for spelled in Spelling.tokens(word) { body(vocabulary.index(of: spelled)) { spelled } }
        return
      }
      pieces.removeAll(keepingCapacity: true)
      for scalar in word.unicodeScalars { pieces.append(Int32(vocabulary.index(of: String(scalar)))) }
      bytePairs.join(&pieces)
      var rest = word.unicodeScalars[...]
      for piece in pieces {
        let token = vocabulary.tokens[Int(piece)]
        let count = piece == Vocabulary.unknown ? 1 : token.unicodeScalars.count
        let written = rest.prefix(count)
        rest = rest.dropFirst(count)
        body(Int(piece)) { String(written) }
      }
    }
  }

  // MARK: - Tokens to text

  /// The text of tokens. Special tokens but ``Vocabulary/unknown`` are left out.
  public func decode(_ tokens: some Sequence<Int>) -> String { text(of: tokens.compactMap(shown)) }

  /// A token as it stands in a text; nil for special ones but ``Vocabulary/unknown``.
  package func shown(_ token: Int) -> String? {
    token == Vocabulary.unknown || token >= Vocabulary.specials.count ? vocabulary.token(at: token) : nil
  }

  /// The text of tokens as texts, such as those of ``tokens(_:)``.
  public func text(of texts: [String]) -> String {
    var (result, previous) = ("", nil as String?)
    for text in texts { result += self.text(of: text, after: &previous) }
    return result
  }

  /// What a token adds to a text, of which all is made so: by Unicode scalars, as a mark may join what stands before.
  ///
  /// - Parameter previous: the token before it, and then this one; nil at the beginning of the text.
  package func text(of token: String, after previous: inout String?) -> String {
    let before = previous
    // A piece of nothing is no beginning.
    if options.unit != .pieces || !token.isEmpty { previous = token }
    switch options.unit {
    case .characters: return token
    case .pieces:
      var scalars = token.unicodeScalars[...]
      if before == nil, scalars.first == BytePairs.wordStart || scalars.first == " " { scalars.removeFirst() }
      return String(String.UnicodeScalarView(scalars.map { $0 == BytePairs.wordStart ? " " : $0 }))
    case .words: return Spelling.text(of: token, after: before, options.separation ?? .spaces)
    }
  }
}

extension TextOptions {
  /// Cuts a prepared text; a word that follows a space begins with a mark where pieces are wanted.
  func forEachWord(_ text: String, _ body: (String) -> Void) {
    let scanner = WordScanner(separation: separation ?? .punctuation, joinsIdeographs: unit == .pieces)
    var text = text
    text.withUTF8 { bytes in
      scanner.scan(bytes) { range, followsSpace in
        let word = String(decoding: bytes[range], as: UTF8.self)
        guard unit == .pieces else { return body(word) }
        var scalars = word.unicodeScalars[...]
        if followsSpace { body(String(BytePairs.wordStart) + take(&scalars)) }
        while !scalars.isEmpty { body(take(&scalars)) }
      }
    }
  }

  private func take(_ scalars: inout Substring.UnicodeScalarView) -> String {
    let part = scalars.prefix(BytePairs.longestWord)
    scalars = scalars.dropFirst(BytePairs.longestWord)
    return String(part)
  }
}

extension BytePairs {
  /// No pairs: words stay single characters.
  init(_ none: [Int32]) { self.init(pairs: [], in: Vocabulary(tokens: []))! }
}

extension Tokenizer: Codable {
  private enum Key: String, CodingKey { case options, vocabulary, pairs }

  /// Options, vocabulary and pairs.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(options, forKey: .options)
    try container.encode(vocabulary, forKey: .vocabulary)
    try container.encodeIfPresent(bytePairs?.pairs, forKey: .pairs)
  }

  /// - Throws: A `DecodingError` when pairs are not of the vocabulary.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let options = try container.decode(TextOptions.self, forKey: .options)
    let vocabulary = try container.decode(Vocabulary.self, forKey: .vocabulary)
    let pairs = try container.decodeIfPresent([Int32].self, forKey: .pairs)
    let bytePairs = pairs.flatMap { BytePairs(pairs: $0, in: vocabulary) }
    guard (bytePairs != nil) == (pairs != nil), (options.unit == .pieces) == (pairs != nil) else {
      throw DecodingError.dataCorruptedError(
        forKey: .pairs, in: container, debugDescription: "the pairs of pieces are not of the vocabulary")
    }
    self.init(options: options, vocabulary: vocabulary, bytePairs: bytePairs)
  }
}
