import Refrain
import RefrainData

extension Translator {
  /// What a user may decide on before a translator is trained.
  public struct Configuration: TaskConfiguration, Equatable {
    /// Columns, units, network and training.
    public static let options: [TaskOption<Self>] =
      PairColumns.options.map { $0.within(\.columns) } + CorpusOptions.options.map { $0.within(\.corpus) } + [
        .files(
          "validation", \.validation,
          help: """
            A file of sources and one of targets, or a table, to judge by after each epoch. (default: the last \
            twentieth of the pairs, at most 1000)
            """),
        TaskOption(
          "shared", .flag, help: "One vocabulary and one embedding for both sides. (default: one each)"
        ) { configuration, _ in configuration.isShared = true },
        .count("embedding", \.embedding, in: 1...16_384, help: "The size of a token's row. (default: 256)"),
        .choice(
          "attention", \.attention, of: AttentionScore.allCases.map { ($0.rawValue, $0) }, valueName: "score",
          help: "How what is written is compared with what is read: additive, dot, general, concat. (default: general)"),
        .decimal(
          "smoothing", \.smoothing, in: 0...0.9, help: "Spread this part of each target over all tokens. (default: 0.1)"
        ),
        .count(
          "longest", \.longest, in: 1...100_000,
          help: "Pairs with more tokens than this on a side are not learned from. (default: 200)"),
        .choice(
          "choose-by", \.criterion, of: Criterion.allCases.map { ($0.rawValue, $0) }, valueName: "measure",
          help: "By what the best epoch is chosen: bleu, rouge or loss. (default: bleu; loss for short targets)"),
        .choice(
          "bleu", \.bleuTokens, of: BLEU.Tokens.allCases.map { ($0.rawValue, $0) }, valueName: "tokens",
          help: "Where the tokens of BLEU end: 13a (as sacrebleu), none (at spaces), characters. (default: 13a)"
        ).ofMeasure(),
      ] + TextTrainingOptions.options.map { $0.within(\.training) }

    /// The encoder's units are divided into two directions.
    public static let unitMultiple = 2

    /// By what the best epoch is chosen.
    public enum Criterion: String, Codable, Sendable, CaseIterable {
      /// The BLEU of greedy answers.
      case bleu
      /// The ROUGE-L of greedy answers.
      case rouge
      /// The cross entropy.
      case loss
    }

    /// Which columns of a table are read and written.
    public var columns = PairColumns()
    /// How texts become tokens.
    public var corpus = CorpusOptions()
    /// Files to judge by.
    public var validation: [String] = []
    /// Whether both sides have one vocabulary.
    public var isShared = false
    /// The cell's name; nil is `gru`.
    public var cell: String?
    /// The layers of the encoder, and of the decoder.
    public var layers: Int?
    /// The units of each.
    public var hidden: Int?
    /// The size of a token's row.
    public var embedding: Int?
    /// How a state of the decoder is compared with the steps of the source.
    public var attention: AttentionScore?
    /// The share of values that is dropped.
    public var dropout: Float?
    /// The part of each target that is spread over all tokens.
    public var smoothing: Float?
    /// The greatest number of tokens of a side.
    public var longest: Int?
    /// By what the best epoch is chosen.
    public var criterion: Criterion?
    /// Where the tokens of BLEU end.
    public var bleuTokens: BLEU.Tokens?
    /// Passes over the pairs.
    public var epochs: Int?
    /// What all random choices follow from.
    public var seed: UInt64?
    /// Batches, rule and rate.
    public var training = TextTrainingOptions()

    /// Everything left to the texts.
    public init() {}

    public mutating func choose(_ options: SharedOptions) throws(TaskError) {
      if let cell = options.cell { self.cell = cell }
      if let layers = options.layers { self.layers = layers }
      if let hidden = options.hidden { self.hidden = hidden }
      if let dropout = options.dropout { self.dropout = dropout }
      if let epochs = options.epochs { self.epochs = epochs }
      if let seed = options.seed { self.seed = seed }
    }
  }
}

/// What may be asked of a translator besides texts.
public struct TranslationRequest: TaskRequest {
  /// Columns, and how answers are looked for.
  public static let options: [TaskOption<Self>] =
    PairColumns.options.map { $0.within(\.columns) } + [
      .count("beam", \.beam, in: 1...1000, help: "How many answers are kept at each step. (default: 5)"),
      .count("best", \.best, in: 1...1000, help: "How many answers are given for each text. (default: 1)"),
      .decimal(
        "length-penalty", \.lengthPenalty, in: -10...10, help: "Above 0 long answers are not at a loss. (default: 1)"),
      .decimal(
        "coverage-penalty", \.coveragePenalty, in: 0...10,
        help: "Above 0 all of the source is to be looked at. (default: 0)"),
      .count("longest", \.longest, in: 1...100_000, help: "The most tokens of an answer. (default: by the source)"),
      .count(
        "no-repeat", \.noRepeat, in: 1...100, help: "No run of so many tokens stands twice. (default: they may)"),
      TaskOption("alignment", .flag, help: "Say which words of the source each word was made of. (default: the text)") {
        request, _ in request.saysAlignment = true
      },
      .choice(
        "bleu", \.bleuTokens, of: BLEU.Tokens.allCases.map { ($0.rawValue, $0) }, valueName: "tokens",
        help: "Where the tokens of BLEU end: 13a, none, characters. (default: as in training)"),
    ]

  /// Which columns of a table are read, and measured by; those of the training where none are named.
  public var columns = PairColumns()
  /// How many answers are kept at each step.
  public var beam: Int?
  /// How many answers are given for each text.
  public var best: Int?
  /// α of ``BeamSearch``.
  public var lengthPenalty: Float?
  /// β of ``BeamSearch``.
  public var coveragePenalty: Float?
  /// The most tokens of an answer.
  public var longest: Int?
  /// No run of so many tokens stands twice.
  public var noRepeat: Int?
  /// Whether answers say what they were made of.
  public var saysAlignment = false
  /// Where the tokens of BLEU end; nil is as in training.
  public var bleuTokens: BLEU.Tokens?

  /// Nothing but the defaults.
  public init() {}
}

/// What is made of a text.
public struct Translation: Encodable, Sendable, Equatable {
  /// Another answer.
  public struct Alternative: Encodable, Sendable, Equatable {
    /// The answer.
    public var text: String
    /// Its score.
    public var score: Double
  }

  /// A token of an answer, and the token of the source that counted most for it.
  public struct Link: Encodable, Sendable, Equatable {
    /// The token of the answer.
    public var token: String
    /// The token of the source.
    public var source: String
    /// Its place in the source, from 0.
    public var index: Int
    /// How much it counted, at most 1.
    public var weight: Double
  }

  /// The answer.
  public var text: String
  /// What answers are ordered by: the logarithm of the probability, with the penalties.
  public var score: Double
  /// The next best answers, where more than one was asked for.
  public var alternatives: [Alternative]?
  /// What each token of the answer was made of, where it was asked for.
  public var alignment: [Link]?
}
