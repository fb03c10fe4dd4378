import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

/// The blocks of Guides/Sequential.md on training.
@Suite("What the guide says of training is true") struct TrainingGuideTests {
  @Test("a module that names its parts is whole")
  func parts() {
    #expect(WordLabels().namedTensors.map(\.name).first == "words.weight" && WordLabels().tensors.count == 6)
  }

  @Test("a training goes on from its checkpoint to the same weights")
  func checkpoint() throws {
    let path = temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: path) }
    var generator = RandomGenerator(seed: 1)
    let (x, y) = (Tensor.normal([40, 5, 1], using: &generator), Tensor.normal([40, 5, 1], using: &generator))
    let fresh = StreamModel()
    var results: [[Tensor]] = []
    for epochs in [3, 20, 20] {
      var (model, optimizer) = (fresh, Adam())
      if epochs == 3 {
        try Trainer(epochs: 3, observers: [Checkpoints(path)]).fit(
          &model, optimizer: &optimizer, examples: Batch(x, y)
        ) { Loss.meanSquaredError($0($1.input), $1.target) }
        continue
      }

      let state =
        FileManager.default.fileExists(atPath: path)
        ? try TrainingState(contentsOf: path, model: model, optimizer: optimizer) : nil
      let trainer = Trainer(epochs: 20, observers: [Checkpoints(path, everySteps: 100)])
      try trainer.fit(&model, optimizer: &optimizer, examples: Batch(x, y), resuming: state) { model, batch in
        Loss.meanSquaredError(model(batch.input), batch.target)
      }

      #expect((state != nil) == results.isEmpty)
      results.append(model.tensors)
      try FileManager.default.removeItem(atPath: path)
    }
    #expect(results[0] == results[1])
  }

  @Test("a model learns from a source batch by batch")
  func source() throws {
    var model = Sequential(seed: 1) {
      Embedding(50, 8)
      LSTM(8)
      Dense(2)
    }
    model.compile(optimizer: Adam(learningRate: 0.02), loss: .crossEntropy)
    let reviews = Reviews(offsets: (0...200).map { $0 * 4 + $0 % 3 })

    try model.fit(source: LengthBatches(reviews, size: 32, seed: 1), trainer: Trainer(epochs: 2))

    let history = try model.fit(source: LengthBatches(reviews, size: 32, seed: 1), trainer: Trainer(epochs: 5))
    #expect(history.losses[4] < 0.6)
  }
}

struct WordLabels: ModuleOfParts {
  var words = Embedding(vocabulary: 5000, size: 16)
  var lstm = LSTM(inputSize: 16, hiddenSize: 32, returning: .everyStep)
  var head = Dense(inputSize: 32, outputSize: 9)

  static let parts: [Part<Self>] = [Part("words", \.words), Part("lstm", \.lstm), Part("head", \.head)]
}

struct Reviews: ExampleSource {
  let offsets: [Int]  // where each begins in the file, and where the last ends

  var count: Int { offsets.count - 1 }
  func length(of example: Int) -> Int { offsets[example + 1] - offsets[example] }

  func batch(_ examples: [Int]) throws(TrainingError) -> Batch {
    let tokens = Tokens(try examples.map(read))
    return Batch(tokens.tensor, Tensor(examples.map { $0 % 2 }), lengths: tokens.lengths)
  }

  private func read(_ example: Int) throws(TrainingError) -> [Int] {
    (0..<length(of: example)).map { 2 * ($0 % 20) + example % 2 }
  }
}
