// A tagger from its parts: each word becomes a row of numbers, an LSTM reads the words in both directions, and a
// conditional random field, which knows which tag follows which, finds the times and days in what somebody wishes for.
// `refrain train tag` has all that real sentences need besides; here is how the parts fit together.
import Refrain
import RefrainData

/// Wishes for an alarm clock, with the tags of their words.
func makeWishes(_ count: Int, seed: UInt64) -> [TaggedSentence] {
  let hours = ["six", "seven", "eight", "nine"]
  let days = ["monday", "friday", "sunday"]
  var generator = RandomGenerator(seed: seed)
  func any(_ words: [String]) -> String { words[generator.integer(below: words.count)] }
  return (0..<count).map { _ in
    let time =
      switch generator.integer(below: 3) {
      case 0: [any(hours)]
      case 1: ["half", "past", any(hours)]
      default: ["ten", "to", any(hours)]
      }
    let day = generator.integer(below: 2) == 0 ? [any(days)] : ["next", any(days)]
    var sentence = TaggedSentence(words: [])
    func add(_ words: [String], _ type: String? = nil) {
      sentence.words += words
      sentence.tags += words.indices.map { place in type.map { (place == 0 ? "B-" : "I-") + $0 } ?? "O" }
    }
    add(generator.integer(below: 2) == 0 ? ["wake", "me", "at"] : ["an", "alarm", "for"])
    if generator.integer(below: 2) == 0 {
      add(time, "time")
      add(["on"])
      add(day, "day")
    } else {
      add(day, "day")
      add(["at"])
      add(time, "time")
    }
    return sentence
  }
}

/// Words `[B, T]` by their numbers → scores of the tags `[B, T, K]`, and what makes tags of them.
struct WishTagger: Module {
  var embedding: Embedding
  var lstm: Bidirectional<LSTMCell>
  var linear: Dense
  var field: ConditionalRandomField

  init(words: Int, tags: Int, using generator: inout RandomGenerator) {
    embedding = Embedding(vocabulary: words, size: 16, using: &generator)
    lstm = Bidirectional(inputSize: 16, hiddenSize: 16, returning: .everyStep, using: &generator)
    linear = Dense(inputSize: 32, outputSize: tags, using: &generator)
    field = ConditionalRandomField(tagCount: tags, using: &generator)
  }

  func callAsFunction(_ words: Tensor, lengths: [Int]) -> Tensor {
    linear(lstm(embedding(words), lengths: lengths))
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try embedding.forEachTensor(under: "embedding", body)
    try lstm.forEachTensor(under: "lstm", body)
    try linear.forEachTensor(under: "linear", body)
    try field.forEachTensor(under: "field", body)
  }
}

/// Numbers, row by row, as `[B, T]`, filled up with 0.
func padded(_ rows: [[Int]]) -> Tensor {
  let time = rows.map(\.count).max() ?? 0
  return Tensor(rows.flatMap { $0 + Array(repeating: 0, count: time - $0.count) }, shape: [rows.count, time])
}

func wishTagger() throws -> (history: History, scores: SpanScores) {
  let wishes = makeWishes(300, seed: 1)
  let tags = ["O", "B-time", "I-time", "B-day", "I-day"]
  let vocabulary = Vocabulary(tokens: wishes.flatMap(\.words))
  func words(_ sentences: [TaggedSentence]) -> Tensor {
    padded(sentences.map { $0.words.map { vocabulary.index(of: $0) } })
  }

  var generator = RandomGenerator(seed: 1)
  var model = WishTagger(words: vocabulary.count, tags: tags.count, using: &generator)
  var optimizer = Adam(learningRate: 0.01)
  let examples = Batch(
    words(wishes), padded(wishes.map { $0.tags.map { tags.firstIndex(of: $0)! } }), lengths: wishes.map(\.words.count))
  let history = try Trainer(epochs: 10, clipping: .globalNorm(1)).fit(
    &model, optimizer: &optimizer, examples: examples, batchSize: 16
  ) { model, batch in
    let lengths = batch.lengths ?? []
    return model.field.loss(model(batch.input, lengths: lengths), batch.target, lengths: lengths)
  }

  // `I-time` follows `B-time` or `I-time` and nothing else; so it is with days.
  var rules = TransitionConstraints(tagCount: tags.count)
  for inside in [2, 4] {
    rules.forbidStart(inside)
    for before in tags.indices where before != inside && before != inside - 1 { rules.forbid(inside, after: before) }
  }

  let others = makeWishes(100, seed: 2)
  let lengths = others.map(\.words.count)
  let paths = model.field.bestPaths(model(words(others), lengths: lengths), lengths: lengths, constraints: rules)
  var scores = SpanScores()
  for (number, (wish, path)) in zip(others, paths).enumerated() {
    let found = path.map { tags[$0] }
    scores.add(truth: wish.tags, found: found)
    guard number < 3 else { continue }
    let spans = TagSpan.spans(of: found).map { "\($0.type): \(wish.words[$0.range].joined(separator: " "))" }
    print(wish.words.joined(separator: " "), "→", spans.joined(separator: ", "))
  }
  print("On new wishes: F1 \(scores.all.f1)")
  return (history, scores)
}

_ = try wishTagger()
