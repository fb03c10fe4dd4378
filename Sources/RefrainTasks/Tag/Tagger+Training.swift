import Refrain
import RefrainData

extension Tagger {
  /// The share of the sentences that is kept aside where there is no validation file, and how many at most.
  private static let heldOut = (share: 0.1, most: 2000)
  /// How many words are learned from altogether, in all epochs, where nobody says how many epochs there are.
  private static let wordsToLearn = 4_000_000

  /// Trains on sentences: looks after each epoch at those kept aside, and takes the network that does best on them.
  ///
  /// - Parameters:
  ///   - examples: What to learn from.
  ///   - configuration: What is not left to the data.
  ///   - context: What goes on around the training; when it is to stop, the result so far is returned, with
  ///     ``isComplete`` false.
  /// - Throws: ``TaskError`` when there is too little to learn from, or training was stopped before there was a result.
  public static func train(
    on examples: TagExamples, configuration: TagConfiguration = TagConfiguration(),
    _ context: TrainingContext = TrainingContext()
  ) throws(TaskError) -> Tagger {
    let start = ContinuousClock.now
    guard examples.sentences.count > 1 || examples.validation != nil, let scheme = examples.scheme else {
      throw TaskError("one sentence is too little to learn from", remedy: "give more")
    }
    guard Cells.named(configuration.cell).map({ $0.lastColumn == nil }) == true else {
      throw TaskError("there is no cell \(configuration.cell.quoted) for tags", remedy: "choose another, such as lstm")
    }
    guard configuration.layers > 0, configuration.hiddenSize > 0, configuration.wordSize ?? 1 > 0 else {
      throw TaskError("layers, units and the size of a word's vector must be at least 1")
    }
    guard (0..<1).contains(configuration.dropout) else {
      throw TaskError("the dropout is \(configuration.dropout), and must be at least 0 and below 1")
    }
    var (training, validation) = (examples.sentences, examples.validation ?? TaggedSentences())
    if examples.validation == nil {
      let count = min(max(1, Int(Double(training.count) * heldOut.share)), heldOut.most)
      var generator = RandomGenerator(seed: configuration.seed ^ 0x7A6)
      let chosen = generator.permutation(prefix: count, of: training.count).sorted()
      (training, validation) = (training.leavingOut(chosen), training.selecting(chosen))
    }
    let words = training.wordCount
    let epochs = configuration.epochs ?? min(40, max(12, wordsToLearn / max(words, 1)))
    let refits = configuration.refits
    let total = Double(refits ? 2 * epochs : epochs)

    var first = try Preparation(training, examples, configuration, scheme, context)
    let batchSize = try context.batchSize(
      configuration.batchSize, usually: 16, source: first.source, model: first.network, steps: TagTraining.words,
      loss: { [singletons = first.singletons] network, batch in network.loss(batch, singletons: singletons) })
    let judged = validation
    let outcome = try first.fit(
      "held", epochs: epochs, batchSize: batchSize, configuration, context,
      score: { [first] network in first.tagger(network).score(on: judged) },
      progress: { context.progress?($0 * Double(epochs) / total, $1) })
    func finished(_ preparation: Preparation, epochs: Int, isComplete: Bool) -> Tagger {
      let elapsed = start.duration(to: .now) / .seconds(1)
      return preparation.tagger(
        preparation.network, isComplete: isComplete,
        training: TrainingReport(
          epochs: epochs, seconds: (elapsed * 1000).rounded() / 1000, parameters: preparation.network.parameterCount,
          seed: configuration.seed))
    }
    var tagger = finished(first, epochs: outcome.epochs, isComplete: outcome.isComplete)
    let evaluation = tagger.measured(on: validation, byType: false) { _, _ in }
    tagger.evaluation = evaluation
    try first.requireWhole()
    try examples.requireWhole()
    guard refits, outcome.isComplete else { return tagger }
    var second = try Preparation(training + validation, examples, configuration, scheme, context)
    let share = Double(epochs) / total
    let again = try second.fit(
      "whole", epochs: outcome.epochs, batchSize: batchSize, configuration, context, score: nil,
      progress: { context.progress?(share + $0 * (1 - share), "all sentences, " + $1) })
    guard again.isComplete else { return tagger }
    tagger = finished(second, epochs: outcome.epochs + again.epochs, isComplete: true)
    tagger.evaluation = evaluation
    return tagger
  }

  /// What is learned of sentences before the network is, and the network.
  private struct Preparation {
    let encoder: TagEncoder
    let labels: TagLabels
    let baseline: TagBaseline
    let columns: TaggedColumns
    let source: TagSource
    let sentenceCount, wordCount: Int
    private let changes: Augmentations
    var network: TagNetwork

    init(
      _ sentences: TaggedSentences, _ examples: TagExamples, _ configuration: TagConfiguration, _ scheme: TagScheme,
      _ context: TrainingContext
    ) throws(TaskError) {
      changes = try context.regularization.augmentations(for: Tagger.self)
      encoder = TagEncoder(learning: sentences)
      labels = TagLabels(sentences, scheme: scheme, learned: configuration.learnedScheme ?? .bioes)
      baseline = TagBaseline(sentences, encoder)
      columns = configuration.columns
      sentenceCount = sentences.count
      wordCount = sentences.wordCount
      let numbers = Dictionary(labels.labels.enumerated().map { ($1, $0) }) { first, _ in first }
      var ownLabels: LongArray<Int32>?
      if !labels.labels.isEmpty {
        var all = LongArray<Int32>()
        for sentence in sentences { all.append(Int32(sentence.label.flatMap { numbers[$0] } ?? 0)) }
        ownLabels = all
      }
      source = TagSource(
        encoded: EncodedSentences(sentences, encoder), tags: labels.numbers(of: sentences), labels: ownLabels)
      guard labels.tags.count > 1 || labels.labels.count > 1 else {
        throw TaskError(
          "every word has the same tag \((labels.tags.first ?? "").quoted): there is nothing to learn",
          remedy: "choose another column")
      }
      var sizes = TagNetwork.Sizes(
        words: encoder.words.count, characters: encoder.characters.count, prefixes: encoder.prefixes.count,
        suffixes: encoder.suffixes.count, shapes: encoder.shapes.count, tags: labels.tags.count,
        labels: labels.labels.count, cell: configuration.cell, hiddenSize: configuration.hiddenSize,
        layers: configuration.layers, dropout: configuration.dropout)
      if let size = examples.vectors?.vectors.size ?? configuration.wordSize { sizes.wordSize = size }
      sizes.regularizers = try context.regularization.recurrent(of: configuration.cell)
      var generator = RandomGenerator(seed: configuration.seed)
      network = TagNetwork(sizes, using: &generator)
      if let (words, vectors) = examples.vectors { network.take(vectors, of: words, for: encoder.words) }
    }

    /// For each word whether it was seen once.
    var singletons: [Bool] { encoder.words.counts.map { $0 == 1 } }

    /// Makes sure that all that was asked for could be read.
    func requireWhole() throws(TaskError) {
      do throws(DataError) { try source.check() } catch { throw TaskError(error) }
    }

    /// Trains the network.
    mutating func fit(
      _ stage: String, epochs: Int, batchSize: Int, _ configuration: TagConfiguration, _ context: TrainingContext,
      score: ((TagNetwork) -> Double)?, progress: @escaping (_ share: Double, _ message: String) -> Void
    ) throws(TaskError) -> (epochs: Int, isComplete: Bool) {
      let untrained = self
      return try TagTraining(
        source: source, singletons: singletons, wordDropout: changes[.wordDropout] ?? 0, epochs: epochs,
        batchSize: batchSize, learningRate: configuration.learningRate, seed: configuration.seed,
        stage: stage, context: context
      ).run(&network, score: score, task: { untrained.tagger($0, isComplete: false) }, progress: progress)
    }

    func tagger(
      _ network: TagNetwork, isComplete: Bool = true,
      training: TrainingReport = TrainingReport(epochs: 0, seconds: 0, parameters: 0, seed: 0)
    ) -> Tagger {
      Tagger(
        encoder: encoder, labels: labels, baseline: baseline, columns: columns, tagNetwork: network,
        isComplete: isComplete, training: training, sentenceCount: sentenceCount, wordCount: wordCount)
    }
  }
}

extension TagNetwork {
  /// Begins with vectors that others have learned, for the words that have one.
  fileprivate mutating func take(_ vectors: WordVectors, of vocabulary: Vocabulary, for words: Vocabulary) {
    let found = Set(vectors.found)
    let size = vectors.size
    self.words.withUnsafeMutableValues { table in
      for (row, word) in words.tokens.enumerated() where row >= Vocabulary.specials.count && vocabulary.contains(word) {
        let index = vocabulary.index(of: word)
        guard found.contains(index) else { continue }
        for place in 0..<size { table[row * size + place] = vectors.values[index * size + place] }
      }
    }
  }
}
