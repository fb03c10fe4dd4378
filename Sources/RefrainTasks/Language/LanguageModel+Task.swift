import RealModule
import Refrain
import RefrainData

extension LanguageModel: TaskModel {
  /// The word on the command line.
  public static let name = "language"
  /// Its measures.
  public static let measures: [TaskMeasure] = [
    .less("perplexity"), .less("bitsPerCharacter"), .less("crossEntropy"), .neither("unknown"),
  ]
  /// They are.
  public static let savesTraining = true
  /// Tokens that are unknown where they are read; those that are to be foretold stay.
  public static let augmentations: [Augmentation.Kind] = [.wordDropout]
  /// What the task does.
  public static let purpose = "Learn a language from texts: go on from a prompt, and say how likely texts are."

  /// The lines of the files.
  ///
  /// - Throws: What ``TextLines/init(_:)`` throws; `emptyFile` where there is no text.
  public static func examples(
    from source: DataSource, _ configuration: Configuration
  ) throws(DataError) -> LanguageExamples {
    guard !source.isEmpty else {
      throw DataError(.wrongInput, "there is no text to learn from", remedy: "name a file, or - for what is piped in")
    }
    let validation = configuration.validation
    return LanguageExamples(
      try text(source), validation: validation.isEmpty ? nil : try text(DataSource(paths: validation)))
  }

  /// The lines of the files, or the prompts of the request; without either, one empty prompt.
  public func examples(from source: DataSource, _ request: LanguageRequest) throws(DataError) -> LanguageExamples {
    guard !source.isEmpty else {
      return LanguageExamples(prompts: request.prompt.map { [$0] } ?? [""])
    }
    guard request.prompt == nil else {
      throw DataError(
        .wrongInput, file: source.parts[0].name, "a prompt and a file to be judged were both given",
        remedy: "leave one of them out")
    }
    return LanguageExamples(try Self.text(source))
  }

  private static func text(_ source: DataSource) throws(DataError) -> TextLines {
    let lines = try TextLines(source)
    guard lines.contains(where: { $0.contains { !$0.isWhitespace } }) else {
      throw DataError(.emptyFile, file: source.parts[0].name, "there is no text in it", remedy: "name another file")
    }
    return lines
  }

  /// Learns the texts.
  public static func train(
    on examples: LanguageExamples, _ configuration: Configuration, _ context: TrainingContext
  ) throws(TaskError) -> LanguageModel {
    try train(on: examples, configuration: configuration, context)
  }

  /// How the prompts go on, as often as the request says; or how likely each line is.
  public func predict(
    _ examples: LanguageExamples, _ request: LanguageRequest
  ) throws(TaskError) -> [LanguageAnswer] {
    guard let lines = examples.lines else {
      var answers: [LanguageAnswer] = []
      for prompt in examples.prompts { answers += try continuations(of: prompt, request) }
      return answers
    }
    return try judgments(of: Excerpt(lines), request)
  }

  /// How likely the lines of a share are; prompts are gone on from by one process.
  public func predict(
    _ examples: LanguageExamples, _ request: LanguageRequest, share: ExampleShare
  ) throws(TaskError) -> [LanguageAnswer]? {
    guard let lines = examples.lines, let places = share.places(of: lines.count) else { return nil }
    return try judgments(of: Excerpt(lines, places), request)
  }

  /// How likely lines are, read some at a time.
  private func judgments(of lines: Excerpt, _ request: LanguageRequest) throws(TaskError) -> [LanguageAnswer] {
    var answers: [LanguageAnswer] = []
    var waiting: [String] = []
    for line in lines {
      waiting.append(line)
      if waiting.count == 64 {
        try TaskError.checkCancellation()
        answers += judgments(of: waiting, request)
        waiting = []
      }
    }
    return answers + judgments(of: waiting, request)
  }

  /// How surprising the lines are, each after those before it, beside how often their tokens occur.
  public func evaluate(
    on examples: LanguageExamples, _ request: LanguageRequest
  ) throws(TaskError) -> TaskEvaluation {
    guard let lines = examples.lines else {
      throw TaskError("there is no text to be evaluated on; name a file")
    }
    let tokens = try Self.tokens(of: lines, by: tokenizer)
    guard let measured = Self.measure(lines, tokens: tokens, languageNetwork, counts: counts) else {
      throw TaskError("there is no text to be evaluated on; name another file")
    }
    try tokens.requireWhole()
    return measured.evaluation
  }

  /// How surprising the text is that training kept aside.
  public var evaluation: TaskEvaluation? { held?.evaluation }

  /// What was learned, and by which network.
  public var facts: [(name: String, value: String)] {
    let sizes = architecture.hidden.map(String.init).joined(separator: ", ")
    return [
      ("Text", "\(counts.reduce(0, +)) \(tokenizer.options.unit.rawValue), \(tokenizer.vocabulary.count) different"),
      (
        "Model",
        "\(architecture.cell), layers of \(sizes) units, embedding \(architecture.embedding)"
          + "\(architecture.isTied ? ", tied" : ""), \(training.parameters) parameters, seed \(training.seed)"
      ),
    ]
  }
}

/// What may be asked of a language model besides texts.
public struct LanguageRequest: TaskRequest {
  /// A prompt, and how it goes on.
  public static let options: [TaskOption<Self>] = [
    .text("prompt", \.prompt, help: "Go on from this text. (default: from the start of a line)"),
    .count(
      "length", \.length, in: 1...1_000_000, help: "The most tokens to go on with. (default: 100, or 400 characters)"),
    .count("samples", \.samples, in: 1...10_000, help: "How many times to go on. (default: 1)"),
    .decimal(
      "temperature", \.temperature, in: 0...100,
      help: "Below 1 likely tokens become more likely; 0 always takes the most likely. (default: 1)"),
    .count("top-k", \.topK, in: 1...1_000_000, help: "Draw from the so many most likely tokens. (default: all)"),
    .decimal(
      "top-p", \.topP, in: 1e-6...1,
      help: "Draw from the most likely tokens that together have this probability. (default: 1)"),
    .count(
      "seed", \.seed, in: 0...Int.max, help: "Where chance begins: the same seed gives the same text. (default: 0)"),
    .text("stop", \.stop, help: "End before this text. (default: at the length)"),
    TaskOption("probabilities", .flag, help: "Say how likely each token is. (default: of the whole)") { request, _ in
      request.saysProbabilities = true
    },
  ]

  /// What to go on from.
  public var prompt: String?
  /// The most tokens to go on with; nil is 100, or 400 characters.
  public var length: Int?
  /// How many times to go on; nil is once.
  public var samples: Int?
  /// The temperature; nil is 1.
  public var temperature: Float?
  /// From how many of the most likely tokens to draw; nil is all.
  public var topK: Int?
  /// What the tokens that are drawn from have together; nil is 1.
  public var topP: Float?
  /// What all draws follow from; nil is 0.
  public var seed: Int?
  /// The text to end before.
  public var stop: String?
  /// Whether each token is said with its probability.
  public var saysProbabilities = false

  /// Nothing but the defaults.
  public init() {}

  var sampling: Sampling {
    Sampling(temperature: temperature ?? 1, topK: topK, topP: topP, seed: UInt64(seed ?? 0))
  }
}

/// A text and how likely it is.
public struct LanguageAnswer: Encodable, Sendable, Equatable {
  /// A token and how likely it was.
  public struct Token: Encodable, Sendable, Equatable {
    /// Its text; an end of a line is a line break.
    public var token: String
    /// Its probability, given those before it.
    public var probability: Double
  }

  /// What was gone on from; nil for a text that was judged.
  public var prompt: String?
  /// How it goes on, or what was judged.
  public var text: String
  /// The logarithm of the probability of ``text``, in nats; of a line that was judged its end is a part.
  public var logProbability: Double
  /// Among how many tokens of equal chance the model is in doubt.
  public var perplexity: Double
  /// The tokens, where they were asked for.
  public var tokens: [Token]?
}
