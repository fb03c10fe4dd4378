import Refrain
import RefrainData

extension LanguageModel {
  /// What a user may decide on before a language model is trained.
  public struct Configuration: TaskConfiguration, Equatable {
    /// Units, network, regularizers and training.
    public static let options: [TaskOption<Self>] =
      // Perplexity is by token, and these say what a token is.
      CorpusOptions.options.map { $0.within(\.corpus).ofMeasure() } + [
        .files(
          "validation", \.validation,
          help: "Texts to judge by after each epoch, and to measure at the end. (default: the last tenth of the corpus)"
        ),
        .count(
          "embedding", \.embedding, in: 1...16_384, help: "The size of a token's row. (default: from the vocabulary)"),
        .choice(
          "tied", \.isTied, of: [("yes", true), ("no", false)], valueName: "yes|no",
          help: """
            Whether the rows of the tokens are the weights of the output too; the last layer has the embedding's size \
            then. (default: yes, but for characters)
            """),
        .count(
          "steps", \.steps, in: 1...100_000,
          help: "How many steps back a gradient goes. (default: 128 characters, 35 words or pieces)"),
        .decimal(
          "embedding-dropout", \.embeddingDropout, in: 0...0.99, help: "Drop whole words of the embedding. (default: 0)"
        ),
        .decimal(
          "input-dropout", \.inputDropout, in: 0...0.99,
          help: "Drop what the first layer reads, the same at every step. (default: the dropout)"),
        .decimal(
          "output-dropout", \.outputDropout, in: 0...0.99,
          help: "Drop what the last layer says, the same at every step. (default: the dropout)"),
        .decimal("weight-dropout", \.weightDropout, in: 0...0.99, help: "Drop recurrent weights. (default: 0)"),
        .decimal(
          "activation-penalty", \.activationPenalty, in: 0...1000,
          help: "Hold the outputs of the last layer small: AR. (default: 0)"),
        .decimal(
          "temporal-penalty", \.temporalPenalty, in: 0...1000,
          help: "Hold them from changing fast: TAR. (default: 0)"),
      ] + TextTrainingOptions.options.map { $0.within(\.training) }

    /// How the text becomes tokens.
    public var corpus = CorpusOptions()
    /// Texts to judge by; the last tenth of the corpus where there are none.
    public var validation: [String] = []
    /// The cell's name; nil is `lstm`.
    public var cell: String?
    /// The number of recurrent layers.
    public var layers: Int?
    /// The units of each.
    public var hidden: Int?
    /// The size of a token's row.
    public var embedding: Int?
    /// Whether the output is tied to the embedding.
    public var isTied: Bool?
    /// How many steps back a gradient goes.
    public var steps: Int?
    /// The share of what goes from layer to layer that is dropped.
    public var dropout: Float?
    /// The share of the words that are dropped.
    public var embeddingDropout: Float?
    /// The share of what the first layer reads that is dropped; nil is ``dropout``.
    public var inputDropout: Float?
    /// The share of what the last layer says that is dropped; nil is ``dropout``.
    public var outputDropout: Float?
    /// The share of the recurrent weights that is dropped.
    public var weightDropout: Float?
    /// The weight of the squared outputs of the last layer.
    public var activationPenalty: Float?
    /// The weight of their squared changes.
    public var temporalPenalty: Float?
    /// Passes over the text.
    public var epochs: Int?
    /// What all random choices follow from.
    public var seed: UInt64?
    /// Batches, rule and rate.
    public var training = TextTrainingOptions()

    /// Everything left to the text.
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

/// All that is decided about a training once the text is known.
struct LanguagePlan {
  let architecture: LanguageArchitecture
  let epochs: Int
  /// How many streams are read side by side, and how many steps of them at a time.
  private(set) var rows: Int
  private(set) var steps: Int
  private let wantedSteps: Int
  private let count: Int
  let rate: Float
  let seed: UInt64

  /// - Parameters:
  ///   - configuration: What is not left to the text.
  ///   - shared: What every task may be told beside it; the configuration stands above it.
  ///   - unit: What the text was cut into.
  ///   - count: How many tokens it has.
  ///   - vocabulary: How many different ones.
  init(
    _ configuration: LanguageModel.Configuration, _ shared: RegularizationOptions, unit: TextUnit, count: Int,
    vocabulary: Int
  ) throws(TaskError) {
    let isSmall = unit == .characters
    let hidden = configuration.hidden ?? (count < 100_000 ? 128 : count < 500_000 ? 256 : 512)
    let layers = configuration.layers ?? (count < 100_000 ? 1 : 2)
    epochs = configuration.epochs ?? (count < 1_000_000 ? 20 : 10)
    guard layers > 0, hidden > 0, epochs > 0, configuration.embedding ?? 1 > 0 else {
      throw TaskError("layers, units, the embedding and epochs must be at least 1")
    }
    let isTied = configuration.isTied ?? !isSmall
    let embedding = configuration.embedding ?? (isSmall ? min(64, vocabulary) : isTied ? min(hidden, 400) : hidden)
    var sizes = Array(repeating: hidden, count: layers)
    if isTied { sizes[layers - 1] = embedding }
    let dropout = configuration.dropout ?? (count < 5_000_000 ? 0.3 : 0.1)
    architecture = LanguageArchitecture(
      vocabulary: vocabulary, cell: configuration.cell ?? LSTMCell.name, embedding: embedding, hidden: sizes,
      isTied: isTied,
      regularizers: LanguageRegularizers(
        embeddingDropout: configuration.embeddingDropout ?? 0,
        inputDropout: configuration.inputDropout ?? (isSmall ? 0 : dropout), hiddenDropout: dropout,
        outputDropout: configuration.outputDropout ?? dropout,
        weightDropout: configuration.weightDropout ?? shared.weightDropout ?? 0,
        activationPenalty: configuration.activationPenalty ?? shared.activationPenalty ?? 0,
        temporalPenalty: configuration.temporalPenalty ?? shared.temporalPenalty ?? 0,
        zoneout: shared.zoneout.flatMap { $0 > 0 ? $0 : nil },
        recurrentDropout: shared.recurrentDropout.flatMap { $0 > 0 ? $0 : nil }))
    seed = configuration.seed ?? 0
    wantedSteps = configuration.steps ?? (isSmall ? 128 : 35)
    self.count = count
    (rows, steps) = (1, 1)
    rate = 2e-3
    let wanted = if case .count(let size) = configuration.training.batch { size } else { 32 }
    take(rows: wanted)
  }

  /// How many streams there are of those that are wanted: each has some windows, so that there is something to carry
  /// from one to the next.
  func rows(of wanted: Int) -> Int { max(1, min(wanted, (count - 1) / 32)) }

  /// Takes another number of streams.
  mutating func take(rows wanted: Int) {
    rows = rows(of: wanted)
    steps = max(1, min(wantedSteps, (count - 1) / rows))
  }
}
