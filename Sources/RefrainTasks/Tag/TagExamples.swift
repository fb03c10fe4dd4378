import RefrainData

/// Sentences that a ``Tagger`` learns from or answers.
public struct TagExamples: Sendable {
  /// The sentences.
  public var sentences: [TaggedSentence]
  /// Those that say when training is at its best; nil where some of the others are to be kept aside for it.
  public var validation: [TaggedSentence]?
  /// The scheme of the tags; nil where none is known.
  var scheme: TagScheme?
  /// Word vectors that others have learned, with the words that they are of.
  var vectors: (words: Vocabulary, vectors: WordVectors)?

  /// Sentences at hand, whose tags are checked.
  ///
  /// - Parameters:
  ///   - sentences: What to learn from; each word has a tag.
  ///   - validation: What says when training is at its best; nil keeps some of the others aside.
  ///   - scheme: What the tags follow; nil is found out.
  /// - Throws: `wrongFormat` for a tag that does not fit, or a sentence of more than ``longestSentence`` words.
  public init(
    _ sentences: [TaggedSentence], validation: [TaggedSentence]? = nil, scheme: TagScheme? = nil
  ) throws(DataError) {
    self.sentences = sentences
    self.validation = validation
    for sentence in sentences + (validation ?? []) where sentence.tags.count != sentence.words.count {
      throw sentence.error(
        at: 0, "the sentence has \(sentence.words.count) words and \(sentence.tags.count) tags",
        remedy: "give every word a tag")
    }
    try Self.checkLengths(sentences + (validation ?? []))
    if let scheme {
      try scheme.check(sentences)
      self.scheme = scheme
    } else {
      self.scheme = try TagScheme.found(in: sentences)
    }
    if let validation { try self.scheme?.check(validation) }
  }

  /// The most words of a sentence: what the network makes of each is in memory at once.
  static let longestSentence = 20_000

  /// - Throws: `wrongFormat` for a sentence of more words.
  static func checkLengths(_ sentences: [TaggedSentence]) throws(DataError) {
    for sentence in sentences where sentence.words.count > longestSentence {
      throw sentence.error(
        at: 0, "the sentence has \(sentence.words.count) words, more than \(longestSentence)",
        remedy: "leave a line empty after each sentence of a file of columns, and write plain text a sentence a line")
    }
  }

  /// Sentences to be answered.
  init(toAnswer sentences: [TaggedSentence]) { self.sentences = sentences }
}
