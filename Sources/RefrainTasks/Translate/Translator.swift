import RealModule
import Refrain
import RefrainData

/// A network that makes a text of a text: a translation, a summary, another spelling.
///
///     let translator = try Translator.train(on: .init(.init(.values(english), .values(german))))
///     print(try translator.predict(.init(.init(.values(["a dog runs"]))))[0].text)
public struct Translator: Sendable {
  /// How sources become tokens.
  public let sourceTokenizer: Tokenizer
  /// How targets become tokens.
  public let targetTokenizer: Tokenizer
  /// The network.
  let translationNetwork: TranslationNetwork
  /// The columns of the training, where it was of a table.
  let columns: PairColumns
  /// Where the tokens of BLEU end.
  let bleuTokens: BLEU.Tokens
  /// What was measured on what training kept aside.
  let held: TranslationMeasure?
  /// What was left out of the training, a line each.
  public let notes: [String]
  /// Whether training went to its end.
  public let isComplete: Bool
  /// How it went.
  public let training: TrainingReport

  /// Learns to make the targets of the sources.
  public static func train(
    on examples: TranslationExamples, configuration: Configuration = Configuration(),
    _ context: TrainingContext = TrainingContext()
  ) throws(TaskError) -> Translator {
    let start = ContinuousClock.now
    context.progress?(0, "reading")
    let material = try TranslationMaterial(examples, configuration)
    let seed = configuration.seed ?? 0
    var architecture = TranslationArchitecture(
      sourceVocabulary: material.source.vocabulary.count, targetVocabulary: material.target.vocabulary.count,
      cell: configuration.cell ?? GRUCell.name, embedding: configuration.embedding ?? 256,
      hidden: configuration.hidden ?? 256, layers: configuration.layers ?? 2,
      attention: configuration.attention ?? .general, dropout: configuration.dropout ?? 0.3,
      smoothing: configuration.smoothing ?? 0.1, isShared: configuration.isShared)
    architecture.regularizers = try context.regularization.recurrent(of: architecture.cell)
    guard architecture.layers > 0, architecture.hidden > 0, architecture.embedding > 0 else {
      throw TaskError("layers, units and the embedding must be at least 1")
    }
    var generator = RandomGenerator(seed: seed)
    var network = try TranslationNetwork(architecture, using: &generator)
    let bleuTokens = configuration.bleuTokens ?? .international
    func translator(_ network: TranslationNetwork, _ held: TranslationMeasure? = nil, _ history: History? = nil)
      -> Translator
    {
      let elapsed = start.duration(to: .now) / .seconds(1)
      return Translator(
        sourceTokenizer: material.source, targetTokenizer: material.target, translationNetwork: network,
        columns: PairColumns(of: examples.pairs), bleuTokens: bleuTokens, held: held, notes: material.notes,
        isComplete: history.map { $0.stopReason != .cancelled } ?? false,
        training: TrainingReport(
          epochs: history?.epochs.count ?? 0, seconds: (elapsed * 1000).rounded() / 1000,
          parameters: network.parameterCount, seed: seed))
    }
    let history = try learn(material, &network, configuration, seed: seed, context) { network in
      translator(network)
    }
    // The measures at the end are those of a user's answers, by a beam.
    let best = translator(network)
    let held = material.held.count == 0 ? nil : best.measure(material.heldTexts, TranslationRequest())
    return translator(network, held, history)
  }

  private static func learn(
    _ material: TranslationMaterial, _ network: inout TranslationNetwork, _ configuration: Configuration, seed: UInt64,
    _ context: TrainingContext, translator: @escaping (TranslationNetwork) -> Translator
  ) throws(TaskError) -> History {
    // Few pairs come in small batches, so that there are enough updates.
    let usual = min(64, max(8, material.pairs.count / 50))
    let smoothing = network.architecture.smoothing
    let wanted = try context.batchSize(
      configuration.training.batch, usually: usual, source: material.pairs, model: network,
      loss: { network, batch in network.loss(batch.sources, batch.targets, smoothing: smoothing) })
    let size = min(wanted, material.pairs.count)
    let batches = LengthBatches(material.pairs, size: size, seed: seed, order: LongOrder())
    // BLEU is 0 for all answers of less than four words, and says nothing of them.
    let long = material.heldTexts.targets.count { $0.split(separator: " ").count >= 4 }
    let criterion = configuration.criterion ?? (2 * long >= material.heldTexts.targets.count ? .bleu : .loss)
    let vocabulary = network.architecture.sourceVocabulary
    let content: Augmentation.Content = material.source.options.unit == .characters ? .characters : .words
    let changes = try context.regularization.augmentations(for: Translator.self, fitting: content.kinds)
    let names = [Configuration.Criterion.bleu: "1 - BLEU / 100", .rouge: "1 - ROUGE-L", .loss: "validation"]
    return try configuration.training.fit(
      &network, source: batches, validation: material.held.count == 0 ? nil : material.heldBatch,
      epochs: configuration.epochs ?? (material.pairs.count < 100_000 ? 20 : 10),
      updates: (material.pairs.count + size - 1) / size, seed: seed, defaultRate: 1e-3,
      measure: names[criterion] ?? "", context, carrying: NoMemory.self, task: translator
    ) { network, batch, _ in
      guard batch.isValidation else {
        let sources = changes.whileTraining(batch.sources) { changes, sources, generator in
          sources.map { changes.changed(tokens: $0, vocabulary: vocabulary, using: &generator) }
        }
        return network.loss(
          sources, batch.targets, paddedTo: (batch.sourceTime, batch.targetTime), smoothing: smoothing)
      }
      // What training makes small is the loss; what the best epoch is chosen by may be something else.
      let measured = translator(network).measure(
        material.heldTexts, TranslationRequest(), greedily: true, losses: criterion == .loss)
      switch criterion {
      case .bleu: return Tensor(Float(1 - measured.bleu / 100))
      case .rouge: return Tensor(Float(1 - measured.rouge))
      case .loss: return Tensor(Float(measured.crossEntropy ?? 0))
      }
    }
  }
}

/// How good answers are.
struct TranslationMeasure: Codable, Sendable, Equatable {
  var count: Int
  var bleu: Double
  var rouge: Double
  /// The share of the answers that are as they should be.
  var exact: Double
  /// The mean of −log p of the targets' tokens; nil where it was not asked for.
  var crossEntropy: Double?
  /// The same of answers that are the sources themselves.
  var copyBLEU: Double
  var copyROUGE: Double
  var copyExact: Double

  var evaluation: TaskEvaluation {
    var measures: [TaskEvaluation.Measure] = [.init("bleu", bleu), .init("rougeL", rouge), .init("exactMatch", exact)]
    if let crossEntropy { measures.append(.init("perplexity", Double.exp(crossEntropy))) }
    return TaskEvaluation(
      task: Translator.name, examples: count, measures: measures,
      baselines: [
        .init("copy", [.init("bleu", copyBLEU), .init("rougeL", copyROUGE), .init("exactMatch", copyExact)])
      ])
  }

  /// Whether it can be what was measured.
  var isSound: Bool { count > 0 && [bleu, rouge, exact, copyBLEU, copyROUGE, copyExact].allSatisfy(\.isFinite) }
}

/// Pairs as they are learned from.
private struct TranslationMaterial {
  let source: Tokenizer
  let target: Tokenizer
  let pairs: TokenPairs
  /// What is judged by.
  let held: TokenPairs
  let heldTexts: (sources: [String], targets: [String])
  let notes: [String]

  var heldBatch: PairBatch { held.pairs(Array(0..<held.count)) }

  init(_ examples: TranslationExamples, _ configuration: Translator.Configuration) throws(TaskError) {
    guard let targets = examples.pairs.targets else {
      throw TaskError("there are sources alone; give what is to be made of them")
    }
    let sources = examples.pairs.sources
    let options = configuration.corpus.textOptions(orElse: .pieces)
    // Where nothing else is given, the last twentieth is kept aside.
    let aside = examples.validation != nil || sources.count < 40 ? 0 : min(1000, sources.count / 20)
    let learned = sources.count - aside
    func learn(_ texts: [TranslationExamples.Texts]) -> Tokenizer {
      var learning = TokenizerLearning(options)
      for text in texts { for line in text.lazy.prefix(learned) { learning.add(line) } }
      return learning.tokenizer()
    }
    source = learn(configuration.isShared ? [sources, targets] : [sources])
    target = configuration.isShared ? source : learn([targets])
    let longest = configuration.longest ?? 200
    var (kept, keptTargets) = (TokenSequences(), TokenSequences())
    var (lastSources, lastTargets): ([String], [String]) = ([], [])
    var left: [(count: Int, first: Int, why: String)] = [(0, 0, "without a text on a side"), (0, 0, "")]
    left[1].why = "with more than \(longest) tokens on a side"
    for (index, (text, other)) in zip(sources, targets).enumerated() {
      guard index < learned else {
        lastSources.append(text)
        lastTargets.append(other)
        continue
      }
      let (tokens, answer) = (source.encode(text), target.encode(other))
      let reason = tokens.isEmpty || answer.isEmpty ? 0 : max(tokens.count, answer.count) > longest ? 1 : nil
      if let reason {
        if left[reason].count == 0 { left[reason].first = index }
        left[reason].count += 1
        continue
      }
      kept.append(tokens)
      keptTargets.append(answer)
    }
    notes = left.filter { $0.count > 0 }.map { reason in
      "\(reason.count) pairs \(reason.why) were not learned from, the first at \(sources.place(of: reason.first))"
    }
    if let validation = examples.validation {
      guard let known = validation.targets else {
        throw TaskError("there are sources alone to judge by; give what is to be made of them")
      }
      (lastSources, lastTargets) = (Array(validation.sources), Array(known))
    }
    guard kept.count > 1 else {
      throw TaskError(
        "there are \(kept.count) pairs to learn from" + (notes.first.map { ": " + $0 } ?? ""), remedy: "give more")
    }
    // A source without a token has no answer, and nothing to be judged.
    let (encoder, texts) = (source, lastSources)
    let valid = texts.indices.filter { !encoder.encode(texts[$0]).isEmpty }
    heldTexts = (valid.map { lastSources[$0] }, valid.map { lastTargets[$0] })
    pairs = TokenPairs(sources: kept, targets: keptTargets)
    held = TokenPairs(
      sources: source.encode(contentsOf: heldTexts.sources), targets: target.encode(contentsOf: heldTexts.targets),
      isValidation: true)
  }
}
