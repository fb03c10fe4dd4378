// A translator from its parts: a network reads a number in words, another writes it in digits, and attention tells the
// second where in the words to look. `refrain train translate` has all that real sentences need besides.
import Refrain
import RefrainData

/// A number below a million in English words.
func inWords(_ number: Int) -> [String] {
  let small = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
  ]
  let tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
  func rest(_ number: Int, _ joint: [String] = []) -> [String] { number == 0 ? [] : joint + inWords(number) }
  return switch number {
  case ..<20: [small[number]]
  case ..<100: [tens[number / 10 - 2]] + rest(number % 10)
  case ..<1000: [small[number / 100], "hundred"] + rest(number % 100, ["and"])
  default: inWords(number / 1000) + ["thousand"] + rest(number % 1000)
  }
}

/// Reads words in both directions, and writes digits one after another.
struct NumberTranslator: Module, SteppingDecoder {
  var words: Embedding
  var digits: Embedding
  var encoder: Bidirectional<LSTMCell>
  var decoder: Recurrent<LSTMCell>
  var attention: Attention
  var head: Dense

  init(words: Int, digits: Int, size: Int = 64, using generator: inout RandomGenerator) {
    self.words = Embedding(vocabulary: words, size: size / 2, using: &generator)
    self.digits = Embedding(vocabulary: digits, size: size / 2, using: &generator)
    encoder = Bidirectional(
      inputSize: size / 2, hiddenSize: size / 2, returning: .everyStep, using: &generator)
    decoder = Recurrent(inputSize: size / 2, hiddenSize: size, returning: .everyStep, using: &generator)
    attention = Attention(.general, querySize: size, keySize: size, using: &generator)
    head = Dense(inputSize: 2 * size, outputSize: digits, using: &generator)
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try words.forEachTensor(under: "words", body)
    try digits.forEachTensor(under: "digits", body)
    try encoder.forEachTensor(under: "encoder", body)
    try decoder.forEachTensor(under: "decoder", body)
    try attention.forEachTensor(under: "attention", body)
    try head.forEachTensor(under: "head", body)
  }

  /// The logits of each digit, `[B, T, V]`, given those before it: what is compared in training.
  func callAsFunction(_ source: Tokens, writing target: Tokens) -> Tensor {
    let keys = encoder(StepValues(words(source), steps: Steps(lengths: source.lengths)))
    let states = decoder(digits(target))
    return said(states, keys.values, keys.steps).logits
  }

  /// What is said at states `[B, T, H]`, or `[B, H]`, that look for something in the keys.
  private func said(_ states: Tensor, _ keys: Tensor, _ steps: Steps) -> DecoderOutput {
    let (context, weights) = attention(states, over: keys, steps: steps)
    return DecoderOutput(logits: head(concatenate([states, context], axis: states.rank - 1)), attention: weights)
  }

  // MARK: - As a decoder

  /// What the encoder made of some sources, and how long they are.
  struct Source: TensorGroup {
    var keys: Tensor
    var lengths: Tensor

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try body("keys", &keys)
      try body("lengths", &lengths)
    }
  }

  var vocabulary: Int { head.configuration.outputSize }

  func step(_ tokens: [Int], _ state: inout LSTMCell.State, context: Source) -> DecoderOutput {
    // As many answers are on their way for each source.
    let answers = tokens.count / context.keys.shape[0]
    let sources = tokens.indices.map { $0 / answers }
    let output = decoder.advance(&state, with: digits(Tensor(tokens)))
    let lengths = context.lengths.values.map { Int($0) }
    return said(
      output, context.keys.gatheringRows(sources), Steps(lengths: sources.map { lengths[$0] }))
  }

  /// Where writing begins for some sources.
  func start(_ sources: Tokens) -> DecodingStart<Self> {
    let lengths = sources.sequences.map(\.count)
    let keys = encoder(StepValues(words(sources), steps: Steps(lengths: lengths))).values
    return DecodingStart(
      tokens: Array(repeating: Vocabulary.begin, count: sources.count),
      state: decoder.initialMemory(batch: sources.count), context: Source(keys: keys, lengths: Tensor(lengths)))
  }
}

/// Numbers to learn from or to be tried with.
struct NumberPairs: TrainingBatch {
  var source: Tokens
  var target: [[Int]]

  var count: Int { target.count }
  var weight: Double { Double(target.reduce(0) { $0 + $1.count + 1 }) }
}

func numberTranslator() throws -> (history: History, right: Int) {
  let vocabulary = Vocabulary(
    tokens: (0...20).flatMap(inWords) + (2...9).flatMap { inWords(10 * $0) }
      + ["hundred", "thousand", "and"])
  // Behind the special tokens.
  let zero = Vocabulary.specials.count
  var generator = RandomGenerator(seed: 1)
  func draw(_ count: Int) -> [Int] {
    // Short ones as often as long ones.
    (0..<count).map { _ in generator.integer(below: [100, 1000, 10_000, 1_000_000][generator.integer(below: 4)]) }
  }
  func pairs(_ numbers: [Int]) -> NumberPairs {
    NumberPairs(
      source: Tokens(numbers.map { inWords($0).map { vocabulary.index(of: $0) } }),
      target: numbers.map { "\($0)".compactMap(\.wholeNumberValue).map { $0 + zero } })
  }

  let numbers = (0..<60).map { _ in draw(32) }
  let batches = numbers.map(pairs)
  var model = NumberTranslator(words: vocabulary.count, digits: zero + 10, using: &generator)
  var optimizer = Adam(learningRate: 0.005)
  let trainer = Trainer(epochs: 30, schedule: .oneCycle(), clipping: .globalNorm(1))
  let history = try trainer.fit(&model, optimizer: &optimizer, batches: batches) { model, batch in
    let read = Tokens(batch.target.map { [Vocabulary.begin] + $0 })
    let written = Tokens(batch.target.map { $0 + [Vocabulary.end] })
    return Loss.crossEntropy(model(batch.source, writing: read), written.tensor, lengths: written.lengths)
  }

  let seen = Set(numbers.joined())
  let others = pairs(Array(draw(600).filter { !seen.contains($0) }.prefix(200)))
  let search = BeamSearch(width: 4, rules: DecodingRules(ends: [Vocabulary.end], maximumLength: 8))
  let answers = search(model, from: model.start(others.source)).map { Array($0[0].content) }
  for (words, digits) in zip(others.source.sequences, answers).prefix(4) {
    print(
      words.map { vocabulary.token(at: $0) }.joined(separator: " "), "→",
      digits.map { "\($0 - zero)" }.joined())
  }
  let right = zip(answers, others.target).count { $0 == $1 }
  print("Of \(others.count) new numbers \(right) are right")
  return (history, right)
}

_ = try numberTranslator()
