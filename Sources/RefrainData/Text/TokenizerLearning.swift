/// Counts what occurs in texts, for a ``Tokenizer``. Only counts are kept, and the first texts until it is known where
/// their words end.
public struct TokenizerLearning {
  private var options: TextOptions
  private var counts: [String: Int] = [:]
  private var evidence = WordSeparation.Evidence()
  private var waiting: [String] = []

  /// Nothing counted yet.
  public init(_ options: TextOptions) { self.options = options }

  /// Counts what a text holds.
  public mutating func add(_ text: String) {
    let text = options.prepared(text)
    if options.unit == .characters {
      for character in text { counts[String(character), default: 0] += 1 }
    } else if options.separation == nil {
      evidence.note(text)
      waiting.append(text)
      if evidence.isEnough { decide() }
    } else {
      count(text)
    }
  }

  private mutating func decide() {
    options.separation = options.separation ?? evidence.separation
    for text in waiting { count(text) }
    waiting = []
  }

  private mutating func count(_ text: String) {
    // Moved out, so that the closure does not hold all of self.
    var counts = counts
    self.counts = [:]
    options.forEachWord(text) { counts[$0, default: 0] += 1 }
    self.counts = counts
  }

  /// What was learned.
  public func tokenizer() -> Tokenizer {
    var copy = self
    if options.unit != .characters { copy.decide() }
    return copy.finished()
  }

  private func finished() -> Tokenizer {
    switch options.unit {
    case .pieces: return pieces()
    case .words where options.spellsUnknown:
      let vocabulary = Spelling.vocabulary(counts, size: options.size, minimumCount: options.minimumCount)
      return Tokenizer(options: options, vocabulary: vocabulary, bytePairs: nil)
    case .words, .characters:
      let vocabulary = Vocabulary(counts: counts, size: options.size, minimumCount: options.minimumCount)
      return Tokenizer(options: options, vocabulary: vocabulary, bytePairs: nil)
    }
  }

  private func pieces() -> Tokenizer {
    let training = BytePairTraining(
      counts.filter { $0.value >= options.minimumCount }, size: options.size - Vocabulary.specials.count)
    let pieceCounts = Dictionary(uniqueKeysWithValues: zip(training.pieces, training.pieceCounts))
    let vocabulary = Vocabulary(counts: pieceCounts, minimumCount: 0)
    let indices = training.pieces.map { Int32(vocabulary.index(of: $0)) }
    let pairs = BytePairs(pairs: training.pairs.map { indices[Int($0)] }, in: vocabulary)
    return Tokenizer(options: options, vocabulary: vocabulary, bytePairs: pairs)
  }
}
