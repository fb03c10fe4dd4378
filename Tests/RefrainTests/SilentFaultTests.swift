import RefrainTestSupport
import Testing

@testable import Refrain

/// Mistakes that used to train, or answer, without a word.
@Suite("Instead of a silent wrong answer") struct SilentFaultTests {
  private func problem(_ activation: Activation, _ loss: Loss, _ metrics: [Metric] = [], outputs: Int = 3) -> String? {
    let models = [
      Sequential(inputSize: 2) {
        LSTM(4)
        Dense(outputs, activation: activation)
      },
      Sequential(inputSize: 2) {
        LSTM(4)
        Sequential(exampleShape: [4]) {
          Dense(outputs)
          Activate(activation)
        }
        Dropout(0.1)
      },
    ]
    let problems = models.map {
      $0.problem(with: CompiledTraining(optimizer: SGD(), loss: loss, metrics: metrics))
    }
    #expect(problems[0] == problems[1])
    return problems[0]
  }

  @Test("a loss on logits is refused after sigmoid or softmax, and one on probabilities without softmax")
  func losses() {
    #expect(problem(.sigmoid, .binaryCrossEntropy, outputs: 1)?.contains("gone through sigmoid") == true)
    #expect(problem(.softmax, .crossEntropy)?.contains("'cross entropy' takes logits") == true)
    #expect(problem(.softmax, .crossEntropy(smoothing: 0.1)) != nil)
    #expect(problem(.softmax, Loss.crossEntropy.summedOverSteps) != nil)
    #expect(problem(.identity, .categoricalCrossEntropy)?.contains("takes probabilities") == true)
    #expect(problem(.sigmoid, .categoricalCrossEntropy) != nil)
    #expect(problem(.identity, .binaryCrossEntropy, [.accuracy, .f1], outputs: 1) == nil)
    #expect(problem(.identity, .crossEntropy, [.accuracy, .perplexity]) == nil)
    #expect(problem(.softmax, .categoricalCrossEntropy, [.accuracy]) == nil)
    for activation in Activation.allCases { #expect(problem(activation, .meanSquaredError) == nil) }
  }

  @Test("a metric that compares logits with 0 is refused on probabilities of one column")
  func metrics() {
    #expect(problem(.sigmoid, .meanSquaredError, [.accuracy], outputs: 1)?.contains("accuracy(threshold: 0.5)") == true)
    #expect(problem(.sigmoid, .meanSquaredError, [.f1], outputs: 1) != nil)
    #expect(problem(.sigmoid, .meanSquaredError, [.accuracy(threshold: 0.5)], outputs: 1) == nil)
    #expect(problem(.sigmoid, .meanSquaredError, [.f1(of: 1, threshold: 0.5)], outputs: 1) == nil)
    #expect(problem(.sigmoid, .meanSquaredError, [.accuracy]) == nil)
    #expect(problem(.softmax, .categoricalCrossEntropy, [.perplexity]) != nil)
  }

  @Test("compile stops")
  func compiling() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var model = Sequential(inputSize: 2) {
        LSTM(4)
        Dense(1, activation: .sigmoid)
      }
      model.compile(optimizer: Adam(), loss: .binaryCrossEntropy)
    }
    expect(
      result, says: "the loss 'binary cross entropy' takes logits, and the model's output has gone through sigmoid")
  }

  private func expect(_ result: ExitTest.Result?, says text: String) {
    let message = result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
    #expect(message.contains(text))
  }

  @Test("an input of another rank or size is refused by predict, fit and evaluate, with both shapes")
  func shapes() async {
    let predict = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Sequential(inputSize: 3) { LSTM(4) }.predict(.zeros([300, 3]))
    }
    expect(
      predict, says: "the input has shape [300, 3], and the model takes [B, T, 3]; a single example has a batch of 1")
    let fit = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var model = makeModel()
      try model.fit(.zeros([300, 2]), .zeros([300, 1]))
    }
    expect(fit, says: "the input has shape [32, 2], and the model takes [B, T, 2]")
    let evaluate = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = makeModel().evaluate(.zeros([8, 4, 3]), .zeros([8, 1]))
    }
    expect(evaluate, says: "the input has shape [8, 4, 3], and the model takes [B, T, 2]")
    let fixed = Sequential(exampleShape: [5, 3]) { Flatten() }
    #expect(fixed.problem(withInputOf: [2, 5, 3]) == nil && fixed.problem(withInputOf: [2, 4, 3]) != nil)
  }

  @Test("what comes from outside is checked with errors, not with an end")
  func throwing() throws {
    func error<Value>(_ body: () throws(LayerError) -> Value) -> String {
      do throws(LayerError) {
        _ = try body()
        return ""
      } catch {
        return error.description
      }
    }
    let model = makeModel()
    let x = ramp([3, 4, 2])
    #expect(try model.predict(checking: x, lengths: [4, 1, 0]) == model.predict(x, lengths: [4, 1, 0]))
    #expect(error { () throws(LayerError) in try model.predict(checking: .zeros([300, 2])) }.contains("[B, T, 2]"))
    #expect(error { () throws(LayerError) in try model.predict(checking: Tensor(1 as Float)) }.contains("[]"))
    #expect(error { () throws(LayerError) in try model.predict(checking: x, lengths: [5, 1, 1]) }.contains("lengths"))
    #expect(error { () throws(LayerError) in try model.predict(checking: x, lengths: [1]) }.contains("lengths"))
    let steps = Steps(present: [[true]])
    #expect(error { () throws(LayerError) in try model.predict(checking: x, steps: steps) }.contains("present"))
    #expect(try model.evaluate(checking: x, .zeros([3, 1])) == model.evaluate(x, .zeros([3, 1])))
    #expect(error { () throws(LayerError) in try model.evaluate(checking: x, .zeros([3, 2])) }.contains("target"))
    let weights = Tensor([1, 2])
    #expect(
      error { () throws(LayerError) in try model.evaluate(checking: x, .zeros([3, 1]), weights: weights) }
        .contains("weights"))

    var tagger = Sequential(seed: 1) {
      Embedding(5, 3)
      LSTM(4, returning: .everyStep)
      Dense(2)
    }
    tagger.compile(optimizer: Adam(), loss: .crossEntropy)
    let tokens = Tensor([[0, 4], [1, 2]])
    #expect(try tagger.predict(checking: tokens).shape == [2, 2, 2])
    for wrong in [5, -1, 0.5, .nan] as [Float] {
      let message = error { () throws(LayerError) in try tagger.predict(checking: Tensor([[0, wrong]])) }
      #expect(message.contains("is no index into a vocabulary of 5"))
    }
    #expect(try tagger.evaluate(checking: tokens, tokens.clamped(0...1), lengths: [2, 1]).loss.isFinite)
    #expect(error { () throws(LayerError) in try tagger.evaluate(checking: tokens, tokens) }.contains("no class index"))
  }

  /// Walks past its second layer.
  private struct Forgetful: Module {
    var first = Dense(inputSize: 1, outputSize: 2)
    var second: Dense? = Dense(inputSize: 2, outputSize: 1)
    @Fixed var scale = Tensor([2])

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) { try first.forEachTensor(under: "first", body) }
  }

  @Test("a part left out of the walk is found when training begins, unless it is marked")
  func walk() async {
    #expect(Forgetful().tensorsLeftOut == ["second.weight", "second.bias"])
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var (model, optimizer) = (Forgetful(), SGD())
      try Trainer().fit(&model, optimizer: &optimizer, batches: [Batch(.zeros([2, 1]), .zeros([2, 1]))]) { model, _ in
        model.first.weight.sum()
      }
    }
    expect(
      result, says: "Forgetful: 'second.weight' is not visited by forEachTensor, so it would be neither trained nor")
  }

  @Test("of the library's own layers none leaves a part out")
  func ownWalks() throws {
    for type in Layers.all {
      func check<L: Layer>(_ type: L.Type) {
        // Not every kind can be made of a width alone; those of Cells.all all can.
        guard let recurrent = type as? any RecurrentLayer.Type else { return }
        func left<R: RecurrentLayer>(_ type: R.Type) -> [String] {
          var generator = RandomGenerator(seed: 1)
          let layer = R(4, returning: .everyStep, options: R.Options(), initial: .learned)
          return layer.built(for: [nil, nil, 4], using: &generator).tensorsLeftOut
        }
        #expect(left(recurrent).isEmpty, "\(L.kind)")
      }
      check(type)
    }
    var trained = makeModel()
    try trained.fit(.zeros([2, 4, 2]), .zeros([2, 1]))
    #expect(trained.tensorsLeftOut.isEmpty)
    let model = Sequential(inputSize: 6, seed: 1) {
      Stacked<LSTM>([6, 6, 6], connection: .highway, returning: .everyStep)
      Stacked<LSTM>([6, 6], connection: .depthWise, returning: .everyStep)
      Conv1D(4, kernel: 3)
      LayerNorm()
      AttentionPooling()
      Dense(2)
    }
    #expect(model.tensorsLeftOut.isEmpty)
    #expect(Sequential(exampleShape: [nil, 4, 2]) { ConvLSTM(3, kernel: [3]) }.tensorsLeftOut.isEmpty)
    #expect(Sequential(exampleShape: [nil, 4, 2]) { GridLSTM(3, initial: .learned) }.tensorsLeftOut.isEmpty)
  }

  @Test("a layer called before it has its weights says so")
  func unbuilt() async {
    let dense = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Dense(3)(.zeros([2, 2]))
    }
    expect(dense, says: "dense: the layer has no weights yet; put it into a Sequential, or give it an inputSize")
    let recurrent = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = GRU(3)(.zeros([2, 2, 2]))
    }
    expect(recurrent, says: "gru: the layer has no weights yet")
    let embedding = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Embedding(3, 2)(.zeros([2, 2]))
    }
    expect(embedding, says: "embedding: the layer has no weights yet")
    let convolution = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Conv1D(3, kernel: 2)(.zeros([2, 4, 2]))
    }
    expect(convolution, says: "conv-1d: the layer has no weights yet")
  }
}
