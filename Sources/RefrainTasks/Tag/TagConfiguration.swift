import Refrain
import RefrainData

/// What a user may decide on before a ``Tagger`` is trained; nil is chosen from the data.
public struct TagConfiguration: TaskConfiguration {
  /// Which columns hold words and tags.
  public var columns = TaggedColumns()
  /// The scheme that the tags follow; nil is found out.
  public var scheme: TagScheme?
  /// The scheme in which spans are learned, ``TagScheme/bio`` or ``TagScheme/bioes``; answers are in that of the file.
  public var learnedScheme: TagScheme?
  /// The file or folder whose sentences say when training is at its best; nil keeps some of the others aside.
  public var validation: String?
  /// Whether the network is trained again on all sentences, those of the validation too, as many epochs as were best.
  public var refits = false
  /// A file of word vectors that others have learned, as GloVe and word2vec write them as text.
  public var vectors: String?
  /// The size of a word's vector; by default 100, or that of the given vectors.
  public var wordSize: Int?
  /// The cell's name, one of ``Cells/all``.
  public var cell = LSTMCell.name
  /// The size of the hidden state of each direction.
  public var hiddenSize = 128
  /// The number of recurrent layers.
  public var layers = 1
  /// The share of values left out before and after the recurrent layers in training.
  public var dropout: Float = 0.5
  /// Passes over the sentences; by default from the number of words.
  public var epochs: Int?
  /// How many sentences are learned from together.
  public var batchSize: BatchSize?
  /// How far a step of the optimizer goes at most.
  public var learningRate: Float = 2e-3
  /// What all random choices follow from.
  public var seed: UInt64 = 0

  /// Everything left to the data.
  public init() {}

  /// The flags of the task.
  public static let options: [TaskOption<Self>] =
    TaggedColumns.options.map { $0.within(\.columns) } + [
      .choice(
        "scheme", \.scheme, of: TagScheme.allCases.map { ($0.rawValue, $0) }, valueName: "scheme",
        help: """
          How tags say where spans begin: bio, iob1, bioes, loose (as conlleval reads them), or none for tags of single \
          words. (default: found out)
          """
      ).ofReading(),
      .choice(
        "learn-as", \.learnedScheme, of: [("bio", .bio), ("bioes", .bioes)], valueName: "scheme",
        help: "The scheme in which spans are learned, bio or bioes; answers are in the file's. (default: bioes)"),
      .text(
        "validation", \.validation, valueName: "file",
        help: """
          Sentences that say when training is at its best. (default: some of the others are kept aside for it)
          """
      ).ofReading(),
      TaskOption(
        "refit", .flag,
        help: "Train again on all sentences, those of the validation too, as many epochs as were best."
      ) { configuration, _ in configuration.refits = true },
      .text(
        "vectors", \.vectors, valueName: "file",
        help: "Word vectors that others have learned, as GloVe and word2vec write them as text. (default: none)"
      ).ofReading(),
      .count("word-size", \.wordSize, in: 1...4096, help: "The size of a word's vector. (default: 100)"),
      .batchSize(\.batchSize, of: "sentences", usually: "16"),
    ]

  /// Whether the network is trained again; nil where a validation file is not to be learned from.
  public var refitting: Bool? {
    get { validation == nil || refits ? refits : nil }
    set { refits = newValue ?? false }
  }

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

extension TaggedColumns: OptionTable {
  /// Nothing chosen.
  public init() { self.init(words: nil) }

  /// The columns, as flags.
  public static let options: [TaskOption<Self>] = [
    TaskOption(
      "column", .value, valueName: "column", choosesData: true,
      help: """
        The column of tags: its number from 1, or its name in CoNLL-U. (default: the last; in CoNLL-U upos)
        """
    ) { columns, texts in columns.tags = texts[0] },
    TaskOption(
      "words", .value, valueName: "column", choosesData: true,
      help: "The column of words: its number from 1, or its name in CoNLL-U. (default: the first; in CoNLL-U form)"
    ) { columns, texts in columns.words = texts[0] },
  ]
}

/// What may be asked of a ``Tagger`` besides sentences.
public struct TagRequest: TaskRequest {
  /// What an answer speaks of.
  public enum Unit: String, Sendable, CaseIterable {
    /// A sentence, with all of its words, tags and spans.
    case sentence
    /// A word.
    case word
    /// A span.
    case span
  }

  /// What is handed in.
  public enum Input: String, Sendable, CaseIterable {
    /// A word a line, with or without its tag.
    case columns
    /// Plain text, a sentence a line, in which words are still to be found.
    case text
    /// Plain text, a sentence a line, whose words are divided by spaces.
    case words
  }

  /// Which columns hold words and tags; nil takes those of the training.
  public var columns = TaggedColumns()
  /// What is handed in; nil is found out.
  public var input: Input?
  /// What an answer speaks of.
  public var unit: Unit?
  /// How many taggings of a sentence are given, the most probable first.
  public var best: Int?
  /// Whether the measures of each type of span are given too.
  public var measuresTypes = false

  /// A sentence an answer.
  public init() {}

  /// The flags.
  public static let options: [TaskOption<Self>] =
    [
      .choice(
        "input", \.input, of: Input.allCases.map { ($0.rawValue, $0) }, valueName: "kind",
        help: """
          What the files hold: columns, text, or words divided by spaces, a sentence a line. (default: found out)
          """),
      .choice(
        "each", \.unit, of: Unit.allCases.map { ($0.rawValue, $0) }, valueName: "unit",
        help: "What an answer speaks of: a sentence, a word or a span. (default: sentence)"),
      .count(
        "best", \.best, in: 1...1000,
        help: "Give so many taggings of each sentence, the most probable first. (default: 1)"),
      TaskOption("by-type", .flag, help: "Evaluate: give the measures of each type of span, too.") { request, _ in
        request.measuresTypes = true
      },
    ] + TaggedColumns.options.map { $0.within(\.columns) }
}
