// The Swift of Guides/Formats.md, so that it compiles and does what the text says.
import Foundation
import Refrain
import RefrainFormats
import RefrainTestSupport
import Testing

@Suite("The code of the guide to formats runs")
struct FormatsGuideTests {
  @Test("A state dictionary goes into a model, and makes one")
  func stateDictionary() throws {
    let path = fixturePath("pytorch/tagger.pt")
    let weights = try StateDictionary(contentsOf: path)
    var model = Sequential(seed: 1) {
      Embedding(7, 4)
      Stacked<Bidirectional<LSTMCell>>([5, 5], returning: .everyStep)
      LayerNorm()
      Dense(3)
    }
    try model.load(weights, naming: ["0": "embedding", "1": "rnn", "2": "norm", "3": "fc"])

    let inferred = try weights.inferredModel(returning: .everyStep)
    for note in inferred.notes { print(note) }

    #expect(!inferred.notes.isEmpty)
    let tokens = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
    #expect(inferred.model(tokens) == model(tokens))
  }

  @Test("A graph trains on")
  func graph() throws {
    let path = fixturePath("onnx-layers/last_step_dynamo.onnx")
    var generator = RandomGenerator(seed: 1)
    let x = Tensor.normal([4, 6, 3], using: &generator)
    var graph = try ONNXModel(contentsOf: path)
    var optimizer = Adam(learningRate: 0.01)
    var losses: [Float] = []
    for _ in 0..<5 {
      let (loss, gradient) = try valueAndGradient(at: graph) { graph in try graph(x).squared.mean() }
      optimizer.update(&graph, along: gradient)
      losses.append(loss)
    }
    #expect(losses[4] < losses[0])
  }

  @Test("A model of Keras' comes and goes")
  func keras() throws {
    let path = fixturePath("keras/stack.keras")
    let copy = temporaryPath(".keras")
    defer { try? FileManager.default.removeItem(atPath: copy) }
    let classifier = try KerasFile.read(path)
    try KerasFile.write(classifier, to: copy)
    #expect(try KerasFile.read(copy).namedTensors.map(\.tensor) == classifier.namedTensors.map(\.tensor))
  }
}
