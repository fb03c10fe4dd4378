import Refrain
import RefrainData

extension Transcriber: TaskModel {
  /// The word on the command line.
  public static let name = "transcribe"
  /// Its measures.
  public static let measures: [TaskMeasure] = [
    .less("wordErrorRate"), .less("characterErrorRate"), .less("sentenceErrorRate"), .less("substitutions"),
    .less("deletions"), .less("insertions"), .neither("words"),
  ]
  /// They are.
  public static let savesTraining = true
  /// Those of recordings whose text stays what it is.
  public static let augmentations: [Augmentation.Kind] = [.masks, .noise, .gain, .speed, .shift]
  /// What the task does.
  public static let purpose = "Write down what is said in recordings."

  /// Recordings and their texts: a table of paths and texts, or a folder of pairs such as `a.wav` and `a.txt`.
  ///
  /// - Throws: What reading tables and recordings throws, with the row; `emptyFile` where there are no recordings;
  ///   `noSuchColumn`; `missingFile` where a text is missing.
  public static func examples(
    from source: DataSource, _ configuration: Configuration
  ) throws(DataError) -> Utterances {
    let columns = UtteranceColumns(
      audio: configuration.audio, text: configuration.target, speaker: configuration.speaker)
    return try UtteranceReader(columns: columns, needsTexts: true, goesOn: false, needsSpeakers: true).read(
      source, encoding: nil
    ) {
      path throws(DataError) in try encoding(for: path, configuration)
    }
  }

  /// Recordings by their names, of a table or of a folder; texts beside them are compared with.
  public func examples(from source: DataSource, _ request: TranscriptionRequest) throws(DataError) -> Utterances {
    var columns = plan.columns
    if let audio = request.audio { columns.audio = audio }
    if let target = request.target { columns.text = target }
    if let speaker = request.speaker { columns.speaker = speaker }
    func read(_ needsTexts: Bool) throws(DataError) -> Utterances {
      try UtteranceReader(
        columns: columns, needsTexts: needsTexts, goesOn: true, needsSpeakers: request.speaker != nil
      ).read(source, encoding: plan.encoding) {
        _ throws(DataError) in plan.encoding
      }
    }
    // A table that has the column of texts is compared with it, and one without it only transcribed.
    guard columns.text == nil || request.target != nil else {
      do throws(DataError) { return try read(false) } catch {
        guard error.code == .noSuchColumn else { throw error }
        columns.text = nil
        return try read(false)
      }
    }
    guard source.parts.contains(where: { !UtteranceReader.isRecording($0.name) }) else { return try read(false) }
    do throws(DataError) { return try read(true) } catch {
      guard error.code == .noSuchColumn || error.code == .missingFile || error.code == .wrongInput else { throw error }
      return try read(false)
    }
  }

  /// What was mended in tables and recordings.
  public static func notes(of examples: Utterances) -> [String] { examples.notes }

  /// Learns; see ``Transcriber``.
  public static func train(
    on examples: Utterances, _ configuration: Configuration, _ context: TrainingContext
  ) throws(TaskError) -> Transcriber {
    try trained(on: examples, configuration, context)
  }

  /// What the recordings say; of one that cannot be read, why.
  public func predict(_ examples: Utterances, _ request: TranscriptionRequest) throws(TaskError) -> [Transcription] {
    try transcriptions(examples, width: request.width)
  }

  /// What the recordings of a share say.
  public func predict(
    _ examples: Utterances, _ request: TranscriptionRequest, share: ExampleShare
  ) throws(TaskError) -> [Transcription]? {
    guard let places = share.places(of: examples.all.count) else { return nil }
    return try transcriptions(examples, at: places, width: request.width)
  }

  /// The word and the character error rate: the edits that it takes to make the answers right, over what there should
  /// be, of all recordings together. The baseline writes the most frequent text of the recordings every time.
  public func evaluate(on examples: Utterances, _ request: TranscriptionRequest) throws(TaskError) -> TaskEvaluation {
    if let problem = examples.all.lazy.compactMap(\.problem).first { throw TaskError(problem.description) }
    let references = examples.all.compactMap(\.text)
    guard references.count == examples.all.count, !references.isEmpty else {
      throw TaskError("there are no texts to compare with; name a table with a column of texts")
    }
    let answers = try transcriptions(examples, width: request.width)
    let rates = Self.errorRates(references: references, answers.map(\.text))
    let counts = Dictionary(references.map { ($0, 1) }, uniquingKeysWith: +)
    let frequent = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? ""
    let baseline = Self.errorRates(references: references, references.map { _ in frequent })
    let isRight = zip(references, answers).count { $0 == $1.text }
    return TaskEvaluation(
      task: Self.name, examples: references.count,
      measures: [
        .init("wordErrorRate", rates.words.rate), .init("characterErrorRate", rates.characters.rate),
        .init("sentenceErrorRate", 1 - Double(isRight) / Double(references.count)),
        .init("substitutions", Double(rates.words.substitutions)), .init("deletions", Double(rates.words.deletions)),
        .init("insertions", Double(rates.words.insertions)), .init("words", Double(rates.words.length)),
      ],
      baselines: [
        .init(
          "mostFrequentText",
          [
            .init("wordErrorRate", baseline.words.rate), .init("characterErrorRate", baseline.characters.rate),
          ])
      ])
  }

  /// The error rates of the held-out recordings; nil where there were too few to hold some out.
  public var evaluation: TaskEvaluation? {
    guard let words = report.wordErrorRate, let characters = report.characterErrorRate else { return nil }
    return TaskEvaluation(
      task: Self.name, examples: report.heldOut,
      measures: [.init("wordErrorRate", words), .init("characterErrorRate", characters)], baselines: [])
  }

  /// False when training was stopped before its end.
  public var isComplete: Bool { report.isComplete }

  /// What was learned from, and by which network.
  public var facts: [(name: String, value: String)] {
    let directions = plan.isLive ? "forward" : "both directions"
    var facts = [
      ("Recordings", "\(report.recordings), and \(report.heldOut) held out"),
      ("Alphabet", plan.symbols.dropFirst().joined()),
      (
        "Model",
        "\(plan.cell), \(plan.layers) layers, \(plan.hiddenSize) units, \(directions), "
          + "\(transcriptionNetwork.parameterCount) parameters, seed \(plan.seed)"
      ),
      ("Steps", "\(plan.stacking) frames of \(plan.encoding.width) features, \(plan.period) s"),
    ]
    if let model = language.model {
      let counts = model.counts.map(String.init).joined(separator: " + ")
      facts.append(
        (
          "Language model",
          "\(counts) n-grams, weight \(search.weight), word bonus \(search.wordBonus)"
            + (search.isClosed ? ", known words alone" : "")
        ))
    }
    return facts + report.notes.prefix(20).map { ("Note", $0) }
  }

  /// From normalized steps to the logits of symbols.
  public var network: (any TracedNetwork)? { transcriptionNetwork }
}

/// What may be asked of a transcriber besides recordings.
public struct TranscriptionRequest: TaskRequest {
  /// The options there are.
  public static let options: [TaskOption<Self>] = [
    .column("audio", \.audio, help: "The column of paths. (default: as in training)"),
    .column("target", \.target, help: "The column of texts to compare with. (default: as in training)"),
    .column("speaker", \.speaker, help: "The column that says who speaks. (default: as in training)"),
    .count("width", \.width, in: 1...10_000, help: "How many texts are considered side by side. (default: 100)"),
  ]

  /// The column of paths.
  public var audio: String?
  /// The column of texts.
  public var target: String?
  /// The column of speakers.
  public var speaker: String?
  /// How many prefixes are kept.
  public var width: Int?

  /// Everything as in training.
  public init() {}
}

extension Transcriber.Configuration: TaskConfiguration {
  /// The options there are.
  public static let options: [TaskOption<Self>] = [
    .column("audio", \.audio, help: "The column of paths of recordings. (default: audio, path or file)"),
    .column("target", \.target, help: "The column of texts. (default: text, transcript or sentence)"),
    .column(
      "speaker", \.speaker,
      help: "The column that says who speaks, whose recordings are normalized together. (default: none)"),
    .choice(
      "features", \.features, of: Transcriber.Features.allCases.map { ($0.rawValue, $0) }, valueName: "kind",
      help: "What is made of sound: log-mel or mfcc; files .mfc hold features already. (default: log-mel)"
    ).ofReading(),
    .count("stack", \.stacking, in: 1...16, help: "How many frames make a step of the network. (default: 3)"),
    TaskOption("live", .flag, help: "Go through time forward alone, for live use.") { target, _ in
      target.isLive = true
    },
    .choice(
      "lexicon", \.isClosed, of: [("open", false), ("closed", true)], valueName: "kind",
      help: """
        Whether words that the training has not are found: open or closed. (default: what is better on held-out \
        recordings)
        """),
    .count(
      "ngrams", \.languageOrder, in: 0...6,
      help: "The words of the language model's n-grams; 0 for no language model. (default: 3)"),
    .text(
      "language-model", \.languageModel, valueName: "file",
      help: "A language model in ARPA format. (default: one of the training's texts)"),
    .batchSize(\.batchSize, of: "recordings", in: 1...4096, usually: "from the data, at most 16"),
  ]

  /// Takes all.
  public mutating func choose(_ options: SharedOptions) throws(TaskError) {
    if let cell = options.cell { self.cell = cell }
    if let layers = options.layers { self.layers = layers }
    if let hidden = options.hidden { hiddenSize = hidden }
    if let dropout = options.dropout { self.dropout = dropout }
    if let epochs = options.epochs { self.epochs = epochs }
    if let seed = options.seed { self.seed = seed }
  }
}
