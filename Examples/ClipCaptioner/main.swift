// A sentence about a clip: convolutions look at its frames, one LSTM reads these and hands its state to another, which
// writes the sentence word by word (as Vinyals et al. 2015 did for images, and Venugopalan et al. 2015 for clips). The
// clips are made here, of things that move, so that it is known what is right.
import Refrain
import RefrainData

/// Things that move over a noisy ground of 12 × 12, five frames each.
enum Scene {
  static let (side, frames) = (12, 5)
  private static let shapes: [(name: String, places: [(row: Int, column: Int)])] = [
    ("square", [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)]),
    ("cross", [(0, 1), (1, 0), (1, 1), (1, 2), (2, 1)]),
    ("bar", [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]),
  ]
  private static let ways: [(name: String, row: Int, column: Int)] = [
    ("up", -1, 0), ("down", 1, 0), ("left", 0, -1), ("right", 0, 1),
  ]

  /// Clips `[count, 5, 12, 12, 1]`, and what happens in each, such as "a cross goes left fast".
  static func make(_ count: Int, using generator: inout RandomGenerator) -> (clips: Tensor, captions: [String]) {
    var clips = Tensor.normal([count, frames, side, side, 1], deviation: 0.05, using: &generator)
    let captions = (0..<count).map { number in
      let shape = shapes[generator.integer(below: shapes.count)]
      let way = ways[generator.integer(below: ways.count)]
      let speed = 1 + generator.integer(below: 2)
      let reach = (frames - 1) * speed
      func start(_ step: Int) -> Int {
        guard step != 0 else { return generator.integer(below: side - 2) }
        return generator.integer(below: side - 2 - reach) + (step < 0 ? reach : 0)
      }
      let place = (row: start(way.row), column: start(way.column))
      for frame in 0..<frames {
        for part in shape.places {
          let row = place.row + part.row + frame * speed * way.row
          clips[number, frame, row, place.column + part.column + frame * speed * way.column, 0] += 1
        }
      }
      return "a \(shape.name) goes \(way.name) \(speed == 1 ? "slowly" : "fast")"
    }
    return (clips, captions)
  }
}

/// Looks at clips and writes sentences.
struct ClipCaptioner: Module, SteppingDecoder {
  /// Clips `[B, T, 12, 12, 1]` → what the sentence begins from, `[B, 2H]`.
  var reader: Sequential
  var words: Embedding
  var writer: Recurrent<LSTMCell>
  var head: Dense
  let size: Int

  init(vocabulary: Int, size: Int = 48, using generator: inout RandomGenerator) {
    self.size = size
    reader = Sequential(exampleShape: [nil, Scene.side, Scene.side, 1], seed: generator.next()) {
      Conv2D(12, kernel: [3, 3], activation: .relu)
      Pooling2D(.maximum, size: [2, 2])
      TimeDistributed(Flatten())
      LSTM(size)
      Dense(2 * size, activation: .tanh)
    }
    words = Embedding(vocabulary: vocabulary, size: 16, using: &generator)
    writer = Recurrent(inputSize: 16, hiddenSize: size, returning: .everyStep, using: &generator)
    head = Dense(inputSize: size, outputSize: vocabulary, using: &generator)
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try reader.forEachTensor(under: "reader", body)
    try words.forEachTensor(under: "words", body)
    try writer.forEachTensor(under: "writer", body)
    try head.forEachTensor(under: "head", body)
  }

  var vocabulary: Int { head.configuration.outputSize }

  /// The state that sentences about clips begin with.
  func look(_ clips: Tensor) -> LSTMCell.State {
    let seen = reader(clips)
    return LSTMCell.State(
      hidden: seen.slice(0..<size, axis: 1), cell: seen.slice(size..<2 * size, axis: 1))
  }

  /// The logits of each word, `[B, T, V]`, given those before it.
  func callAsFunction(_ clips: Tensor, writing tokens: Tensor) -> Tensor {
    head(writer.scan(words(tokens), steps: Steps(), from: look(clips)).outputs)
  }

  func step(_ tokens: [Int], _ state: inout LSTMCell.State, context: NoMemory) -> DecoderOutput {
    DecoderOutput(logits: head(writer.advance(&state, with: words(Tensor(tokens)))))
  }
}

func clipCaptioner() throws -> (history: History, right: Int) {
  var generator = RandomGenerator(seed: 1)
  let (clips, captions) = Scene.make(800, using: &generator)
  let tokenizer = Tokenizer(learning: captions)
  // All sentences are equally long.
  let sentences = captions.map { tokenizer.encode($0) }
  let examples = Batch(clips, Tokens(sentences.map { $0 + [Vocabulary.end] }).tensor)

  var model = ClipCaptioner(vocabulary: tokenizer.vocabulary.count, using: &generator)
  var optimizer = Adam(learningRate: 0.005)
  let trainer = Trainer(epochs: 20, schedule: .oneCycle(), clipping: .globalNorm(1))
  let history = try trainer.fit(&model, optimizer: &optimizer, examples: examples, batchSize: 20) { model, batch in
    let begin = Tensor(Array(repeating: Vocabulary.begin, count: batch.count), shape: [batch.count, 1])
    let read = concatenate([begin, batch.target.slice(0..<batch.target.shape[1] - 1, axis: 1)], axis: 1)
    return Loss.crossEntropy(model(batch.input, writing: read), batch.target)
  }

  let (others, truths) = Scene.make(100, using: &generator)
  let search = BeamSearch(width: 3, rules: DecodingRules(ends: [Vocabulary.end], maximumLength: 8))
  let start = DecodingStart<ClipCaptioner>(
    tokens: Array(repeating: Vocabulary.begin, count: truths.count), state: model.look(others))
  let answers = search(model, from: start).map { tokenizer.decode($0[0].content) }
  for (truth, answer) in zip(truths, answers).prefix(3) { print("seen \"\(answer)\", happened \"\(truth)\"") }
  let right = zip(truths, answers).count { $0 == $1 }
  print("Of 100 new clips \(right) are told right")
  return (history, right)
}

_ = try clipCaptioner()
