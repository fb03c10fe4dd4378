// Headlines from reports, with words that no vocabulary has: at each word the network writes one of its own or copies
// one of the report, where its attention lies (the pointer-generator of See, Liu and Manning 2017).
import Refrain
import RefrainData

/// Reports of events that never were, by people whose names are made up as they come, and what stands above them.
struct Report {
  var text: [String]
  var headline: [String]

  init(using generator: inout RandomGenerator) {
    func any(_ words: [String]) -> String { words[generator.integer(below: words.count)] }
    let syllables = ["ba", "do", "fi", "ka", "lu", "mo", "ne", "pi", "ra", "so", "tu", "wi"]
    func name() -> String { any(syllables) + any(syllables) + any(syllables) }
    let (person, town) = (name(), name())
    let day = any(["monday", "tuesday", "friday", "sunday"])
    switch generator.integer(below: 3) {
    case 0:
      let prize = any(["race", "medal", "cup"])
      text = ["on", day, person, "of", town, "won", "the", prize, "after", "three", "hours"]
      headline = [person, "wins", prize]
    case 1:
      let animal = any(["bear", "goose", "lynx"])
      text = ["a", animal, "was", "seen", "in", town, "by", person, "last", day]
      headline = [animal, "seen", "in", town]
    default:
      text = ["the", "people", "of", town, "elected", person, "as", "their", "mayor", "on", day]
      headline = [person, "is", "mayor", "of", town]
    }
  }
}

/// Reports as numbers. Words that are not in the vocabulary are numbered behind it, report by report.
struct Reports: TrainingBatch {
  /// Numbers below that of the words there are.
  var read: Tokens
  /// The same words with numbers of their own for unknown ones.
  var copied: [[Int]]
  var headlines: [[Int]]
  /// What these are.
  var unknown: [[String]]

  var count: Int { headlines.count }
  var weight: Double { Double(headlines.reduce(0) { $0 + $1.count + 1 }) }

  init(_ reports: [Report], _ vocabulary: Vocabulary) {
    unknown = reports.map { report in
      var seen: [String] = []
      for word in report.text where !vocabulary.contains(word) && !seen.contains(word) { seen.append(word) }
      return seen
    }
    func numbers(_ words: [String], _ unknown: [String]) -> [Int] {
      words.map { word in unknown.firstIndex(of: word).map { vocabulary.count + $0 } ?? vocabulary.index(of: word) }
    }
    read = Tokens(reports.map { $0.text.map { vocabulary.index(of: $0) } })
    copied = zip(reports, unknown).map { numbers($0.text, $1) }
    headlines = zip(reports, unknown).map { numbers($0.headline, $1) }
  }
}

/// Reads reports and writes headlines.
///
///     P(word) = g · softmax(head) + (1 − g) · Σ of the attention to the places where the word stands
struct HeadlineWriter: Module, SteppingDecoder {
  var words: Embedding
  var encoder: Bidirectional<LSTMCell>
  var decoder: Recurrent<LSTMCell>
  var attention: Attention
  var head: Dense
  /// g: how far the network uses words of its own.
  var gate: Dense
  /// The greatest number of unknown words in a report.
  let unknownCount: Int

  init(words: Int, unknownCount: Int, size: Int = 48, using generator: inout RandomGenerator) {
    self.unknownCount = unknownCount
    self.words = Embedding(vocabulary: words, size: size / 2, using: &generator)
    encoder = Bidirectional(inputSize: size / 2, hiddenSize: size / 2, returning: .everyStep, using: &generator)
    decoder = Recurrent(inputSize: size / 2, hiddenSize: size, returning: .everyStep, using: &generator)
    attention = Attention(.general, querySize: size, keySize: size, using: &generator)
    head = Dense(inputSize: 2 * size, outputSize: words, using: &generator)
    gate = Dense(inputSize: 2 * size, outputSize: 1, activation: .sigmoid, using: &generator)
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try words.forEachTensor(under: "words", body)
    try encoder.forEachTensor(under: "encoder", body)
    try decoder.forEachTensor(under: "decoder", body)
    try attention.forEachTensor(under: "attention", body)
    try head.forEachTensor(under: "head", body)
    try gate.forEachTensor(under: "gate", body)
  }

  /// What is known of reports.
  struct Source: TensorGroup {
    /// `[B, S, H]`, what was read at each word.
    var keys: Tensor
    /// `[B, S, V]`, 1 for the word that stands there.
    var places: Tensor
    /// `[B, S]`, 1 where there is a word.
    var present: Tensor

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try body("keys", &keys)
      try body("places", &places)
      try body("present", &present)
    }
  }

  var vocabulary: Int { head.configuration.outputSize + unknownCount }

  func source(of reports: Reports) -> Source {
    let (count, lengths) = (reports.count, reports.read.sequences.map(\.count))
    let time = lengths.max() ?? 0
    var (places, present) = (Tensor.zeros([count, time, vocabulary]), Tensor.zeros([count, time]))
    for (row, words) in reports.copied.enumerated() {
      for (step, word) in words.enumerated() { (places[row, step, word], present[row, step]) = (1, 1) }
    }
    let keys = encoder(StepValues(words(reports.read), steps: Steps(lengths: lengths))).values
    return Source(keys: keys, places: places, present: present)
  }

  /// The numbers that the embedding knows.
  private func known(_ tokens: [Int]) -> [Int] {
    tokens.map { $0 < head.configuration.outputSize ? $0 : Vocabulary.unknown }
  }

  /// The logarithms of the probabilities of all words, those of the report with them, at states `[B, T, H]`.
  private func said(_ states: Tensor, _ source: Source) -> (logits: Tensor, attention: Tensor) {
    let lengths = source.present.sum(axes: [1]).values.map { Int($0) }
    let (context, weights) = attention(states, over: source.keys, steps: Steps(lengths: lengths))
    let both = concatenate([states, context], axis: 2)
    let (own, share) = (head(both).softmax(), gate(both))
    let none = Tensor.zeros([own.shape[0], own.shape[1], unknownCount])
    let all = concatenate([own * share, none], axis: 2) + weights.matrixProduct(source.places) * (1 - share)
    // What stands nowhere has no chance; a logarithm wants more than 0.
    return (log(all + 1e-9), weights)
  }

  /// The logits of each word `[B, T, V]`, given those before it.
  func callAsFunction(_ reports: Reports, writing tokens: Tokens) -> Tensor {
    said(decoder(words(Tokens(tokens.sequences.map(known)))), source(of: reports)).logits
  }

  func step(_ tokens: [Int], _ state: inout LSTMCell.State, context: Source) -> DecoderOutput {
    // As many answers are on their way for each report.
    let answers = tokens.count / context.keys.shape[0]
    let rows = tokens.indices.map { $0 / answers }
    let output = decoder.advance(&state, with: words(Tensor(known(tokens))))
    let (logits, weights) = said(
      output.reshaped([tokens.count, 1, output.shape[1]]), context.mapTensors { $0.gatheringRows(rows) })
    return DecoderOutput(logits: logits.at(0, axis: 1), attention: weights.at(0, axis: 1))
  }
}

func headlineWriter() throws -> (history: History, right: Int) {
  var generator = RandomGenerator(seed: 1)
  func draw(_ count: Int) -> [Report] { (0..<count).map { _ in Report(using: &generator) } }
  let reports = (0..<30).map { _ in draw(16) }
  // Names come so seldom that they do not stand in the vocabulary.
  let counts = Dictionary(reports.joined().flatMap { ($0.text + $0.headline).map { ($0, 1) } }, uniquingKeysWith: +)
  let vocabulary = Vocabulary(counts: counts, minimumCount: 10)
  let batches = reports.map { Reports($0, vocabulary) }

  var model = HeadlineWriter(words: vocabulary.count, unknownCount: 2, using: &generator)
  var optimizer = Adam(learningRate: 0.005)
  let trainer = Trainer(epochs: 15, schedule: .oneCycle(), clipping: .globalNorm(1))
  let history = try trainer.fit(&model, optimizer: &optimizer, batches: batches) { model, batch in
    let written = Tokens(batch.headlines.map { $0 + [Vocabulary.end] })
    let logits = model(batch, writing: Tokens(batch.headlines.map { [Vocabulary.begin] + $0 }))
    return Loss.crossEntropy(logits, written.tensor, lengths: written.lengths)
  }

  let drawn = draw(100)
  let others = Reports(drawn, vocabulary)
  let search = BeamSearch(width: 4, rules: DecodingRules(ends: [Vocabulary.end], maximumLength: 8))
  let start = DecodingStart<HeadlineWriter>(
    tokens: Array(repeating: Vocabulary.begin, count: others.count),
    state: model.decoder.initialMemory(batch: others.count), context: model.source(of: others))
  let answers = zip(search(model, from: start), others.unknown).map { found, unknown in
    found[0].content.map { $0 < vocabulary.count ? vocabulary.token(at: $0) : unknown[$0 - vocabulary.count] }
  }
  for (report, answer) in zip(drawn, answers).prefix(3) {
    print(report.text.joined(separator: " "), "→", answer.joined(separator: " "))
  }
  let right = zip(drawn, answers).count { $0.headline == $1 }
  print("Of 100 new headlines \(right) are right")
  return (history, right)
}

_ = try headlineWriter()
