import Refrain
import RefrainData

extension Translator: TaskModel {
  /// The word on the command line.
  public static let name = "translate"
  /// Its measures.
  public static let measures: [TaskMeasure] = [
    .more("bleu"), .more("rougeL"), .more("exactMatch"), .less("perplexity"),
  ]
  /// They are.
  public static let savesTraining = true
  /// Sources in other forms; what is to be made of them stays. Typing errors are for characters.
  public static let augmentations: [Augmentation.Kind] = [.wordDropout, .deletion, .swap, .typos]
  /// What the task does.
  public static let purpose = "Make a text of a text: translations, summaries, other spellings."

  /// The pairs of two files with a line each, or of a table.
  ///
  /// - Throws: What ``TextLines/init(_:)`` and reading a table throw; `wrongInput` where the files have not as many
  ///   lines as each other.
  public static func examples(
    from source: DataSource, _ configuration: Configuration
  ) throws(DataError) -> TranslationExamples {
    let pairs = try configuration.columns.pairs(source.parts, needsTargets: true)
    guard !configuration.validation.isEmpty else { return TranslationExamples(pairs) }
    let others = DataSource(paths: configuration.validation)
    return TranslationExamples(pairs, validation: try configuration.columns.pairs(others.parts, needsTargets: true))
  }

  /// Sources, and their targets where there is a second file or the table has them; its columns are those of the
  /// training, unless others are named.
  public func examples(from source: DataSource, _ request: TranslationRequest) throws(DataError) -> TranslationExamples
  {
    guard !source.isEmpty else {
      throw DataError(
        .wrongInput, "there is no text to make another of", remedy: "name a file of lines, or - for what is piped in")
    }
    let pairs = try request.columns.pairs(source.parts, needsTargets: false, learned: columns)
    try pairs.sources.checkLengths()
    try pairs.targets?.checkLengths()
    return TranslationExamples(pairs)
  }

  /// Learns to make the targets of the sources.
  public static func train(
    on examples: TranslationExamples, _ configuration: Configuration, _ context: TrainingContext
  ) throws(TaskError) -> Translator {
    try train(on: examples, configuration: configuration, context)
  }

  /// What is made of each source, in their order.
  public func predict(
    _ examples: TranslationExamples, _ request: TranslationRequest
  ) throws(TaskError) -> [Translation] {
    try answers(examples.pairs.sources, request)
  }

  /// What is made of each source of a share.
  public func predict(
    _ examples: TranslationExamples, _ request: TranslationRequest, share: ExampleShare
  ) throws(TaskError) -> [Translation]? {
    let sources = examples.pairs.sources
    guard let places = share.places(of: sources.count) else { return nil }
    return try answers(sources.dropFirst(places.lowerBound).prefix(places.count), request)
  }

  /// What is made of each text, read some at a time.
  private func answers(
    _ texts: some Sequence<String>, _ request: TranslationRequest
  ) throws(TaskError) -> [Translation] {
    var answers: [Translation] = []
    var waiting: [String] = []
    for text in texts {
      waiting.append(text)
      if waiting.count == 2048 {
        answers += try self.answers(waiting, request, check: TaskError.checkCancellation)
        waiting = []
      }
    }
    return try answers + self.answers(waiting, request, check: TaskError.checkCancellation)
  }

  /// How like the targets the answers are, beside the sources themselves.
  public func evaluate(
    on examples: TranslationExamples, _ request: TranslationRequest
  ) throws(TaskError) -> TaskEvaluation {
    guard let targets = examples.pairs.targets else {
      throw TaskError(
        "there are sources alone to be evaluated on",
        remedy: "name a second file with a line for each, or a table with a column of each")
    }
    let (sources, wanted) = (Array(examples.pairs.sources), Array(targets))
    guard !sources.isEmpty else { throw TaskError("there is no text to be evaluated on; name another file") }
    return measure((sources, wanted), request).evaluation
  }

  /// How good the answers are to what training kept aside.
  public var evaluation: TaskEvaluation? { held?.evaluation }

  /// What was learned, by which network, and what was left out.
  public var facts: [(name: String, value: String)] {
    let architecture = translationNetwork.architecture
    let vocabularies = "\(sourceTokenizer.vocabulary.count) to \(targetTokenizer.vocabulary.count)"
    return [
      ("Tokens", "\(vocabularies) \(sourceTokenizer.options.unit.rawValue)"),
      (
        "Model",
        "\(architecture.cell), \(architecture.layers) layers of \(architecture.hidden) units, embedding "
          + "\(architecture.embedding), attention \(architecture.attention.rawValue), \(training.parameters) parameters, "
          + "seed \(training.seed)"
      ),
    ] + notes.map { ("Note", $0) }
  }
}
