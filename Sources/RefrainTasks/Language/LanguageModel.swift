import RealModule
import Refrain
import RefrainData

/// A model of the texts of a corpus: how likely each token is after those before it. It goes on from a prompt, and says
/// how likely texts are.
///
///     let model = try LanguageModel.train(on: .init(TextLines(paths: ["corpus.txt"])))
///     print(try model.predict(.init(prompts: ["The"]))[0].text)
public struct LanguageModel: Sendable {
  /// How texts become tokens.
  public let tokenizer: Tokenizer
  /// What the network looks like.
  let architecture: LanguageArchitecture
  /// The network.
  let languageNetwork: LanguageNetwork
  /// How often each token stood in the text that was learned from.
  let counts: [Int]
  /// What was measured on what training kept aside.
  let held: TextSurprise?
  /// Whether training went to its end.
  public let isComplete: Bool
  /// How it went.
  public let training: TrainingReport

  /// The token that stands for the end of a line.
  static let lineEnd = Vocabulary.end

  /// Learns the texts.
  public static func train(
    on examples: LanguageExamples, configuration: Configuration = Configuration(),
    _ context: TrainingContext = TrainingContext()
  ) throws(TaskError) -> LanguageModel {
    let start = ContinuousClock.now
    context.progress?(0, "reading")
    let options = configuration.corpus.textOptions(orElse: .words)
    // Where nothing else is given, the last tenth is kept aside.
    let (training, held) = try examples.parts()
    let tokenizer = Tokenizer(learning: training, options)
    let text = try tokens(of: training, by: tokenizer)
    guard text.count > 32 else {
      throw TaskError(
        "there are \(text.count - 1) tokens to learn from, and at least 32 are needed", remedy: "give more text")
    }
    let judged = try tokens(of: held, by: tokenizer)
    var planned = try LanguagePlan(
      configuration, context.regularization, unit: options.unit, count: text.count,
      vocabulary: tokenizer.vocabulary.count)
    var generator = RandomGenerator(seed: planned.seed)
    var network = try LanguageNetwork(planned.architecture, using: &generator)
    if configuration.training.batch != nil {
      planned.take(rows: try rows(configuration.training.batch, planned, text, network, context))
    }
    let plan = planned
    let counts = counts(of: text, vocabulary: tokenizer.vocabulary.count)
    func model(_ network: LanguageNetwork, _ history: History?) -> LanguageModel {
      let elapsed = start.duration(to: .now) / .seconds(1)
      return LanguageModel(
        tokenizer: tokenizer, architecture: plan.architecture, languageNetwork: network, counts: counts,
        held: history.flatMap { _ in measure(held, tokens: judged, network, counts: counts) },
        isComplete: history.map { $0.stopReason != .cancelled } ?? false,
        training: TrainingReport(
          epochs: history?.epochs.count ?? 0, seconds: (elapsed * 1000).rounded() / 1000,
          parameters: network.parameterCount, seed: plan.seed))
    }
    let history = try learn(text, judgedBy: judged, &network, plan, configuration.training, context) { network in
      model(network, nil)
    }
    let trained = model(network, history)
    try text.requireWhole()
    try judged.requireWhole()
    return trained
  }

  /// How many streams are read side by side, where that is asked for.
  private static func rows(
    _ wanted: BatchSize?, _ plan: LanguagePlan, _ text: TokenText, _ network: LanguageNetwork,
    _ context: TrainingContext
  ) throws(TaskError) -> Int {
    // Of a number that is asked for there are no more than the plan has taken.
    let possible = wanted.map { $0 == .fitting ? $0 : .count(plan.rows) }
    return try context.batchSize(possible, usually: plan.rows) { () throws(TaskError) in
      let windows = (text.count - 1) / plan.steps
      let memory = try StepMemory(
        network, examples: min(StepMemory.examples(for: possible), windows), within: MemoryBudget.current.left
      ) { network, count in
        let window = CorpusStreams(text, rows: count).window(0, of: plan.steps)
        var memory = network.initialMemory(count)
        return Loss.crossEntropy(network(window.input, memory: &memory), window.target)
      }
      return context.fit(memory, usual: plan.rows, examples: windows, longest: plan.steps) {
        plan.rows(of: $0) * plan.steps
      }
    }
  }

  private static func learn(
    _ text: TokenText, judgedBy judged: TokenText, _ network: inout LanguageNetwork, _ plan: LanguagePlan,
    _ options: TextTrainingOptions, _ context: TrainingContext, model: @escaping (LanguageNetwork) -> LanguageModel
  ) throws(TaskError) -> History {
    let (rows, steps) = (plan.rows, plan.steps)
    let changes = try context.regularization.augmentations(for: LanguageModel.self)
    let validation = judged.count > 1 ? CorpusStreams(judged, rows: 1, isValidation: true) : nil
    func initial(_ network: LanguageNetwork, _ batch: CorpusStreams) -> Sequential.Memory {
      network.initialMemory(batch.count)
    }
    return try options.fit(
      &network, source: CorpusSource(text, rows: rows, size: steps, seed: plan.seed), validation: validation,
      epochs: plan.epochs, updates: CorpusStreams.windowCount(of: text, rows: rows, size: steps), seed: plan.seed,
      defaultRate: plan.rate, truncation: steps, measure: "validation", context, carrying: Sequential.Memory.self,
      from: initial, task: model
    ) { network, batch, memory in
      if batch.isValidation {
        return Tensor(Float(network.surprise(ofLong: batch.text) / Double(batch.text.count - 1)))
      }
      var own = memory ?? network.initialMemory(batch.count)
      let seen = changes.whileTraining(batch.input) { $0.changed(read: $1, using: &$2) }
      let logits = network(seen, memory: &own)
      memory = own
      return Loss.crossEntropy(logits, batch.target)
    }
  }

  /// The tokens of lines one after another, each line with its end, and an end before the first.
  ///
  /// - Throws: Where they are more than memory is to hold, and cannot be written to a file.
  static func tokens(of lines: some Sequence<String>, by tokenizer: Tokenizer) throws(TaskError) -> TokenText {
    var text = TokenText()
    text.append(Int32(lineEnd))
    for line in lines {
      for token in tokenizer.encode(line) { text.append(Int32(token)) }
      text.append(Int32(lineEnd))
      // A full disk is told of at once.
      try text.requireWhole()
    }
    return text
  }

  private static func counts(of text: TokenText, vocabulary: Int) -> [Int] {
    var counts = [Int](repeating: 0, count: vocabulary)
    text.forEachPart(from: 1) { part in for token in part { counts[Int(token)] += 1 } }
    return counts
  }

  /// How surprising lines are; nil where there are none.
  static func measure(
    _ lines: some Sequence<String>, tokens: TokenText, _ network: LanguageNetwork, counts: [Int]
  ) -> TextSurprise? {
    guard tokens.count > 1 else { return nil }
    // Of a token that was never seen as of one that was seen once more.
    let total = Double(counts.reduce(0, +) + counts.count)
    let logarithms = counts.map { Double.log(Double($0 + 1) / total) }
    var (unigram, unknown) = (0.0, 0)
    tokens.forEachPart(from: 1) { part in
      for token in part {
        unigram -= logarithms[Int(token)]
        if token == Vocabulary.unknown { unknown += 1 }
      }
    }
    return TextSurprise(
      tokens: tokens.count - 1, characters: lines.reduce(0) { $0 + $1.count + 1 },
      unknown: unknown, nats: network.surprise(ofLong: tokens), unigram: unigram)
  }
}

extension LanguageNetwork {
  /// −log p of a long text, cut into streams that are read side by side, each of which first reads what stands before
  /// it.
  func surprise(ofLong text: TokenText) -> Double {
    let rows = min(32, max(1, text.count / 2000))
    return surprise(of: text, rows: rows, lead: rows > 1 ? 200 : 0)
  }
}

/// How surprising a text is to a model.
struct TextSurprise: Codable, Sendable, Equatable {
  /// How many tokens were asked for, ends of lines among them.
  var tokens: Int
  /// How many characters they are of, ends of lines among them.
  var characters: Int
  /// How many of the tokens stand for unknown words.
  var unknown: Int
  /// The sum of −log p.
  var nats: Double
  /// The same of a model that knows how often tokens occur, and nothing else (each counted once more than it was seen).
  var unigram: Double

  /// The measures of a sum of −log p.
  private func measures(_ nats: Double) -> [TaskEvaluation.Measure] {
    [
      .init("perplexity", Double.exp(nats / Double(tokens))),
      .init("bitsPerCharacter", nats / Double(characters) / Double.log(2)),
      .init("crossEntropy", nats / Double(tokens)),
    ]
  }

  /// The measures of the model and of the unigrams.
  var evaluation: TaskEvaluation {
    TaskEvaluation(
      task: LanguageModel.name, examples: tokens,
      measures: measures(nats) + [.init("unknown", Double(unknown) / Double(tokens))],
      baselines: [.init("unigram", measures(unigram))])
  }

  /// Whether it can be what was measured.
  var isSound: Bool { tokens > 0 && characters > 0 && nats.isFinite && unigram.isFinite && unknown >= 0 }
}
