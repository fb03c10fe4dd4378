import RefrainData

/// Sentences that a ``Tagger`` learns from or answers.
public struct TagExamples: Sendable {
  /// The sentences.
  public var sentences: TaggedSentences
  /// Those that say when training is at its best; nil where some of the others are to be kept aside for it.
  public var validation: TaggedSentences?
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
    try self.init(TaggedSentences(sentences), validation: validation.map { TaggedSentences($0) }, scheme: scheme)
  }

  /// The same of sentences that may be more than memory holds.
  public init(
    _ sentences: TaggedSentences, validation: TaggedSentences? = nil, scheme: TagScheme? = nil
  ) throws(DataError) {
    self.sentences = sentences
    self.validation = validation
    let all = sentences + (validation ?? TaggedSentences())
    for place in all.indices {
      let (words, tags) = all.counts(of: place)
      guard words == tags else {
        throw all[place].error(
          at: 0, "the sentence has \(words) words and \(tags) tags", remedy: "give every word a tag")
      }
    }
    try Self.checkLengths(all)
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

  /// - Parameter first: Which sentence is the first to be looked at.
  /// - Throws: `wrongFormat` for a sentence of more words.
  static func checkLengths(_ sentences: TaggedSentences, from first: Int = 0) throws(DataError) {
    for place in first..<sentences.count {
      let count = sentences.counts(of: place).words
      guard count > longestSentence else { continue }
      throw sentences[place].error(
        at: 0, "the sentence has \(count) words, more than \(longestSentence)",
        remedy: "leave a line empty after each sentence of a file of columns, and write plain text a sentence a line")
    }
  }

  /// Sentences to be answered.
  init(toAnswer sentences: TaggedSentences) { self.sentences = sentences }

  /// Sentences to be answered.
  init(toAnswer sentences: [TaggedSentence]) { self.init(toAnswer: TaggedSentences(sentences)) }

  /// Makes sure that all sentences could be kept and read.
  func requireWhole() throws(TaskError) {
    do throws(DataError) {
      try sentences.check()
      try validation?.check()
    } catch {
      throw TaskError(error)
    }
  }
}
