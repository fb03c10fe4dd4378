import Refrain
import RefrainData
import RefrainFoundation

/// Writes down what recordings say: learns from recordings and their texts with a recurrent network and connectionist
/// temporal classification, and finds words with a language model built from the same texts.
///
///     let transcriber = try Transcriber.train(on: Transcriber.examples(from: source, configuration), configuration,
///     context) for answer in try transcriber.predict(transcriber.examples(from: others)) { print(answer.text) }
public struct Transcriber: Sendable {
  /// What the user may decide; nil is chosen from the data.
  public struct Configuration: Codable, Sendable {
    /// The column of paths; by default `audio`, `path` or `file`.
    public var audio: String?
    /// The column of texts; by default `text`, `transcript` or `sentence`.
    public var target: String?
    /// The column that says who speaks; none by default.
    public var speaker: String?
    /// What a row of features holds; ``Features/logMel`` by default.
    public var features: Features?
    /// How many rows make a step of the network; 3 by default.
    public var stacking: Int?
    /// Whether the network goes through time forward alone.
    public var isLive = false
    /// Whether only words of the training are found; by default what is better on held-out recordings.
    public var isClosed: Bool?
    /// The length of the language model's n-grams; 3 by default, 0 for none.
    public var languageOrder: Int?
    /// A language model in ARPA format, in place of one of the texts.
    public var languageModel: String?
    /// Recordings in a step of training; by default from how many there are, at most 16.
    public var batchSize: BatchSize?
    /// The cell's name, one of ``Cells/all``.
    public var cell = LSTMCell.name
    /// The size of the hidden state of a direction; by default from how much is said.
    public var hiddenSize: Int?
    /// The number of recurrent layers; by default from how much is said.
    public var layers: Int?
    /// The dropout between layers, and how much is masked; 0.3 by default.
    public var dropout: Float?
    /// Passes through the recordings; by default from how many there are.
    public var epochs: Int?
    /// What all random choices follow from.
    public var seed: UInt64 = 0

    /// Everything left to the data.
    public init() {}
  }

  /// What a row of features holds.
  public enum Features: String, Codable, Sendable, CaseIterable {
    /// 40 filters of the mel scale.
    case logMel = "log-mel"
    /// 13 cepstral coefficients with their changes, and how these change.
    case mfcc
  }

  let plan: TranscriptionPlan
  let search: TranscriptionSearch
  let language: SpokenLanguage
  package let transcriptionNetwork: TranscriptionNetwork
  let report: TrainingSummary

  /// What is known of a training.
  struct TrainingSummary: Codable, Equatable {
    var recordings = 0
    var heldOut = 0
    var epochs = 0
    var seconds = 0.0
    var isComplete = true
    var wordErrorRate: Double?
    var characterErrorRate: Double?
    var notes: [String] = []
  }

  /// The characters that it writes.
  public var alphabet: [String] { Array(plan.symbols.dropFirst()) }
  /// The language model that guides it; nil where there is none.
  public var languageModel: NGramModel? { language.model }
  /// The weight of the language model, and what each word adds, as tuned on held-out recordings.
  public var languageWeights: (weight: Double, wordBonus: Double) { (search.weight, search.wordBonus) }

  // MARK: - Training

  static func trained(
    on utterances: Utterances, _ configuration: Configuration, _ context: TrainingContext
  ) throws(TaskError) -> Transcriber {
    let start = ContinuousClock.now
    var plan = try plan(for: utterances, configuration)
    plan.regularizers = try context.regularization.recurrent(of: plan.cell)
    let changes = try context.regularization.augmentations(for: Self.self)
    if changes.names(.masks) { plan.masks = FeatureMasks(changes) ?? .none }
    let external = try configuration.externalModel()
    if configuration.isClosed == true, external == nil, configuration.languageOrder == 0 {
      throw TaskError(
        "without a language model there are no words to be found alone",
        remedy: "leave the lexicon open, or take n-grams of at least one word")
    }
    let texts = utterances.all.map { $0.text ?? "" }
    let inputs = plan.inputs(utterances)
    let labels = texts.map(plan.labels)
    try checkPaths(utterances, inputs, labels)

    // A tenth is held out, at most 64, to tune the search by and to say how good it is.
    var order = RandomGenerator(seed: plan.seed ^ 0x5EED_0F_5911)
    let held = inputs.count < 10 ? 0 : min(64, inputs.count / 10)
    let shuffled = order.permutation(inputs.count)
    let (aside, learned) = (shuffled.prefix(held).sorted(), shuffled.dropFirst(held).sorted())
    func examples(_ chosen: [Int]) -> TranscriptionExamples {
      TranscriptionExamples(inputs: chosen.map { inputs[$0] }, labels: chosen.map { labels[$0] })
    }
    let heldOut = examples(aside)
    var generator = RandomGenerator(seed: plan.seed)
    var network = TranscriptionNetwork(plan, using: &generator)
    let (rate, ownSize) = (plan.dropout, plan.batchSize)
    plan.batchSize = try context.batchSize(
      configuration.batchSize, usually: ownSize, source: examples(learned), model: network,
      loss: { network, batch in
        let logits = network.logits(batch.input, lengths: batch.lengths ?? [], dropout: rate)
        return Loss.ctc(perLabel: false)(
          logits, batch.target, lengths: batch.lengths, targetLengths: batch.targetLengths)
      })
    plan.columns = UtteranceColumns(
      audio: configuration.audio, text: configuration.target, speaker: configuration.speaker)
    let languageOrder = configuration.languageOrder ?? 3
    func language(of chosen: [Int]) -> SpokenLanguage {
      if let external { return SpokenLanguage(model: external, plan: plan) }
      guard languageOrder > 0 else { return SpokenLanguage(model: nil, plan: plan) }
      return SpokenLanguage(texts: chosen.map { texts[$0] }, order: languageOrder, plan: plan)
    }
    lazy var whole = language(of: Array(inputs.indices))
    let untuned = TranscriptionSearch(
      weight: external == nil && languageOrder == 0 ? 0 : 0.5, wordBonus: 1, isClosed: configuration.isClosed ?? false)
    let history = try TranscriptionTraining(
      plan: plan, training: examples(learned), heldOut: heldOut, context: context
    ).run(&network) { network in
      var report = TrainingSummary(recordings: learned.count, heldOut: held, isComplete: false)
      report.notes =
        utterances.notes + ["this is a checkpoint from the middle of a training: the search for words is not tuned yet"]
      return Transcriber(plan: plan, search: untuned, language: whole, transcriptionNetwork: network, report: report)
    }

    context.progress?(0.92, "tuning the search on \(held) held-out recordings")
    let values = heldOut.logProbabilities(network)
    let known = aside.map { texts[$0] }
    let others = language(of: learned)
    let search =
      held > 0
      ? others.tuned(
        values, texts: known, plan: plan, isClosed: configuration.isClosed, shouldStop: context.shouldStop)
      : untuned
    var report = TrainingSummary(recordings: learned.count, heldOut: held, epochs: history.epochs.count)
    report.isComplete = history.stopReason == .completed
    report.notes = utterances.notes
    if held > 0 {
      let prefixes = search.prefixSearch(plan, lexicon: others.lexicon)
      let found = values.map { plan.text(others.best($0, prefixes)) }
      let rates = errorRates(references: known, found)
      (report.wordErrorRate, report.characterErrorRate) = (rates.words.rate, rates.characters.rate)
    }
    report.seconds = (start.duration(to: .now) / .seconds(1) * 1000).rounded() / 1000
    return Transcriber(plan: plan, search: search, language: whole, transcriptionNetwork: network, report: report)
  }

  /// Makes sure that every text can be said in the steps of its recording.
  private static func checkPaths(
    _ utterances: Utterances, _ inputs: [FeatureFrames], _ labels: [[Int]]
  ) throws(TaskError) {
    for (index, one) in utterances.all.enumerated() {
      let needed = Loss.ctcStepsNeeded(labels[index])
      guard needed > inputs[index].count else { continue }
      throw TaskError(
        "\(utterances.place(of: one)): the text of \(labels[index].count) characters takes \(needed) steps, and the "
          + "recording \(one.name.shortened) has \(inputs[index].count)",
        remedy: "correct the text or remove the row, or stack fewer frames")
    }
  }

  // MARK: - Answers

  /// What recordings say, with times and confidence.
  ///
  /// - Parameter places: Which of the recordings; nil means all. What is known of a speaker is known of all.
  /// - Throws: ``TaskError`` when the task that this runs in is canceled.
  func transcriptions(
    _ utterances: Utterances, at places: Range<Int>? = nil, width: Int?
  ) throws(TaskError) -> [Transcription] {
    let places = places ?? utterances.all.indices
    let inputs = Array(plan.inputs(utterances)[places])
    let values = TranscriptionExamples(inputs: inputs, labels: inputs.map { _ in [] })
      .logProbabilities(transcriptionNetwork)
    var search = search
    if let width { search.width = width }
    let prefixes = search.prefixSearch(plan, lexicon: language.lexicon)
    return try zip(utterances.all[places], values).map { one, values throws(TaskError) in
      try TaskError.checkCancellation()
      var answer = Transcription(audio: one.name, text: "", confidence: 0, words: [])
      answer.problem = one.problem?.description
      if one.problem == nil {
        let labels = language.best(values, prefixes)
        answer.text = plan.text(labels)
        (answer.words, answer.confidence) = words(labels, values)
      }
      if let reference = one.text {
        answer.reference = reference
        answer.errors = edits(from: reference.split(separator: " "), to: answer.text.split(separator: " ")).map {
          switch $0 {
          case (let wanted?, let found?): "\(wanted) → \(found)"
          case (let wanted?, nil): "− \(wanted)"
          case (nil, let found): "+ \(found ?? "")"
          }
        }
      }
      return answer
    }
  }

  /// The words of a text with their times, and how sure the network is of all.
  private func words(_ labels: [Int], _ values: Tensor) -> (words: [Transcription.Word], confidence: Double) {
    guard !labels.isEmpty, let alignment = CTCAlignment(values, labels: labels) else { return ([], 0) }
    func confidence(_ places: Range<Int>) -> Double {
      let sum = places.reduce(0.0) { $0 + Double(alignment.logProbabilities[$1]) }
      return rounded(exp(sum / Double(max(1, places.count))))
    }
    func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
    var words: [Transcription.Word] = []
    var start = 0
    for end in 0...labels.count where end == labels.count || labels[end] == plan.separator {
      if end > start {
        words.append(
          Transcription.Word(
            word: plan.text(Array(labels[start..<end])),
            start: rounded(Double(alignment.steps[start].lowerBound) * plan.period),
            end: rounded(Double(alignment.steps[end - 1].upperBound) * plan.period), confidence: confidence(start..<end)
          ))
      }
      start = end + 1
    }
    return (words, confidence(0..<labels.count))
  }

  /// The error rates of whole sets of texts, as jiwer measures them.
  static func errorRates(
    references: [String], _ hypotheses: [String]
  ) -> (words: EditCounts, characters: EditCounts) {
    var (words, characters) = (EditCounts(), EditCounts())
    for (reference, hypothesis) in zip(references, hypotheses) {
      words.add(EditCounts(reference: reference.split(separator: " "), hypothesis.split(separator: " ")))
      characters.add(EditCounts(reference: Array(reference), Array(hypothesis)))
    }
    return (words, characters)
  }
}
