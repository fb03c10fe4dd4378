import Refrain
import RefrainData

extension Tagger: TaskModel {
  /// The word on the command line.
  public static let name = "tag"
  /// Its measures.
  public static let measures: [TaskMeasure] = [
    .more("f1"), .more("precision"), .more("recall"), .more("accuracy"), .more("labelAccuracy"),
    .more("sentenceAccuracy"),
  ]
  /// They are.
  public static let savesTraining = true
  /// Words that are unknown; a word that is left out would take its tag along.
  public static let augmentations: [Augmentation.Kind] = [.wordDropout]
  /// What the task does.
  public static let purpose =
    "Give every word of a sentence a tag, and its spans types: names, phrases, parts of speech."

  public typealias Configuration = TagConfiguration
  public typealias Request = TagRequest

  // MARK: - Data

  /// The sentences of files of columns, or of folders with `seq.in`, `seq.out` and `label`.
  ///
  /// - Throws: What ``TaggedSentence/all(in:columns:tags:)`` and finding the scheme throw.
  public static func examples(
    from source: DataSource, _ configuration: TagConfiguration
  ) throws(DataError) -> TagExamples {
    let columns = configuration.columns
    let sentences = try TaggedSentences(in: source, columns: columns)
    let validation = try configuration.validation.map { path throws(DataError) in
      try TaggedSentences(in: DataSource(paths: [path]), columns: columns)
    }
    var examples = try TagExamples(sentences, validation: validation, scheme: configuration.scheme)
    if let path = configuration.vectors {
      let words = TagEncoder(learning: sentences).words
      examples.vectors = (words, try WordVectors(contentsOf: path, for: words))
    }
    return examples
  }

  /// Sentences in columns, with or without tags, or plain text.
  ///
  /// - Throws: What reading them throws; `wrongFormat` for a sentence of more words than
  ///   ``TagExamples/longestSentence``.
  public func examples(from source: DataSource, _ request: TagRequest) throws(DataError) -> TagExamples {
    guard !source.isEmpty else {
      throw DataError(.wrongInput, "there is no sentence to tag", remedy: "name a file, or - for what is piped in")
    }
    var columns = request.columns
    columns.tags = columns.tags ?? self.columns.tags
    columns.words = columns.words ?? self.columns.words
    var sentences = TaggedSentences()
    for part in source.parts {
      let input = TagInput(part, isTag: { labels.isKnown($0) }, columns: columns)
      let first = sentences.count
      try input.read(into: &sentences, as: request.input)
      do throws(DataError) {
        try TagExamples.checkLengths(sentences, from: first)
      } catch {
        throw error.inFile(part.name)
      }
    }
    return TagExamples(toAnswer: sentences)
  }

  // MARK: - Verbs

  /// Trains; see ``train(on:configuration:_:)``.
  public static func train(
    on examples: TagExamples, _ configuration: TagConfiguration, _ context: TrainingContext
  ) throws(TaskError) -> Tagger {
    try train(on: examples, configuration: configuration, context)
  }

  /// An answer for each sentence, word or span.
  public func predict(_ examples: TagExamples, _ request: TagRequest) throws(TaskError) -> [TagAnswer] {
    try check(request)
    return try answers(examples, nil, request)
  }

  /// An answer for each sentence, word or span of a share of the sentences.
  public func predict(
    _ examples: TagExamples, _ request: TagRequest, share: ExampleShare
  ) throws(TaskError) -> [TagAnswer]? {
    try check(request)
    guard let places = share.places(of: examples.sentences.count) else { return nil }
    return try answers(examples, places, request)
  }

  /// - Parameter places: Which of the sentences; nil means all.
  private func answers(
    _ examples: TagExamples, _ places: Range<Int>?, _ request: TagRequest
  ) throws(TaskError) -> [TagAnswer] {
    var answers: [TagAnswer] = []
    for part in Self.parts(of: examples.sentences, at: places) {
      answers += try self.answers(part.sentences, from: part.first + 1, request)
    }
    try examples.requireWhole()
    return answers
  }

  /// An answer for each sentence, word or span, those of some sentences at a time.
  public func predictInParts(
    _ examples: TagExamples, _ request: TagRequest, _ body: ([TagAnswer]) throws -> Void
  ) throws {
    try check(request)
    for part in Self.parts(of: examples.sentences) {
      let answers = try answers(part.sentences, from: part.first + 1, request)
      try examples.requireWhole()
      try body(answers)
    }
  }

  private func check(_ request: TagRequest) throws(TaskError) {
    guard request.unit != .span || scheme != .none else {
      throw TaskError("the tags of this model say nothing of spans", remedy: "ask for words")
    }
  }

  /// - Parameter first: The number of the first sentence.
  private func answers(
    _ sentences: [TaggedSentence], from first: Int, _ request: TagRequest
  ) throws(TaskError) -> [TagAnswer] {
    let texts = try texts(sentences, best: request.best) { tags, lengths throws(TaskError) in
      try TaskError.checkCancellation()
      try checkScores(tags, lengths)
    }
    switch request.unit ?? .sentence {
    case .sentence: return texts.map { .sentence($0) }
    case .word:
      return texts.enumerated().flatMap { number, text in
        text.words.indices.map { place in
          .word(
            .init(
              sentence: first + number, word: text.words[place], tag: text.tags[place],
              probability: text.probabilities[place]))
        }
      }
    case .span:
      return texts.enumerated().flatMap { number, text in
        (text.spans ?? []).map { span in
          .span(
            .init(
              sentence: first + number, type: span.type, start: span.start, end: span.end, text: span.text,
              probability: span.probability))
        }
      }
    }
  }

  /// Precision, recall and F1 of the spans by conlleval's rules, the share of right tags, and of right labels.
  ///
  /// - Throws: ``TaskError`` for sentences without tags, or with others than were learned.
  public func evaluate(on examples: TagExamples, _ request: TagRequest) throws(TaskError) -> TaskEvaluation {
    let sentences = examples.sentences
    guard !sentences.isEmpty else { throw TaskError("there is no sentence to be evaluated on", remedy: "name a file") }
    let counts = sentences.indices.lazy.map { sentences.counts(of: $0) }
    if let bare = counts.firstIndex(where: { $0.words != $0.tags }) {
      let error = sentences[bare].error(
        at: 0, "there are no tags to compare with", remedy: "name a file whose tags are known")
      throw TaskError(error.description)
    }
    do throws(DataError) { try labels.check(sentences) } catch { throw TaskError(error) }
    let evaluation = try measured(on: sentences, byType: request.measuresTypes, check: checkScores)
    try examples.requireWhole()
    return evaluation
  }

  /// What was learned from, and by which network.
  public var facts: [(name: String, value: String)] {
    let types = Set(labels.tags.flatMap { TagSpan.spans(of: [$0]).map(\.type) })
    let sizes = tagNetwork.sizes
    let parts = [
      sizes.layers > 1 ? "\(sizes.layers) layers" : nil, "2 × \(sizes.hiddenSize) units",
      "\(training.parameters) parameters", "seed \(training.seed)",
    ]
    return [
      ("Sentences", "\(sentenceCount), of \(wordCount) words; \(encoder.words.count) different"),
      (
        "Tags",
        scheme == .none ? "\(labels.tags.count), of single words" : "\(scheme.title), \(types.count) types of spans"
      ),
    ] + (hasLabels ? [("Labels", "\(labels.labels.count)")] : []) + [
      ("Model", ([sizes.cell] + parts.compactMap(\.self)).joined(separator: ", ")),
      ("Training", "\(training.epochs) epochs, \(training.seconds) s"),
    ]
  }
}

extension TagLabels {
  /// Whether a tag is one of those that were learned, as files or as the network write it.
  func isKnown(_ tag: String) -> Bool {
    if scheme == .none { return tags.contains(tag) }
    guard let tag = SpanTag(tag[...]) else { return false }
    return tag.position == .outside || tags.contains { SpanTag($0[...])?.type == tag.type }
  }

  /// Makes sure that the tags of sentences are such as were learned.
  ///
  /// - Throws: `wrongFormat` with the file and line of the first that is not.
  func check(_ sentences: some Collection<TaggedSentence>) throws(DataError) {
    if scheme == .none {
      guard let first = sentences.first, !sentences.contains(where: { $0.tags.contains(where: isKnown) }) else {
        return
      }
      throw first.error(
        at: 0, "the tag \(first.tags[0].quoted) is none that the model knows, nor is any other",
        remedy: "choose another column")
    }
    try TagScheme.checkSpans(sentences)
    if scheme != .loose { _ = try TagScheme.found(in: sentences) }
  }
}
