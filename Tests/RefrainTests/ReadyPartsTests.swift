import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("From ready parts") struct ReadyPartsTests {
  private let x = ramp([3, 5, 4])

  @Test("a bidirectional layer is its two directions, whichever way these went")
  func bidirectional() throws {
    var generator = RandomGenerator(seed: 2)
    let forward = LSTM(inputSize: 4, hiddenSize: 3, returning: .everyStep, using: &generator)
    let other = LSTM(inputSize: 4, hiddenSize: 3, returning: .everyStep, initial: .fixed, using: &generator)
    let both = Bidirectional(forward: forward, backward: other, returning: .everyStep, merge: .sum)
    let reversed = LSTM(other.cell, returning: .everyStep, direction: .backward)
    expectSameBits(both(x, lengths: [5, 2, 3]), forward(x, lengths: [5, 2, 3]) + reversed(x, lengths: [5, 2, 3]))
    #expect(both.returning == .everyStep && both.configuration.merge == .sum && both.hiddenSize == 3)
    let result = Bidirectional(forward: forward, backward: reversed)
    #expect(result(x).shape == [3, 6])
  }

  @Test("directions that do not fit are refused")
  func wrongDirections() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Bidirectional(forward: GRU(inputSize: 2, hiddenSize: 3), backward: GRU(inputSize: 2, hiddenSize: 4))
    }
    let message = result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
    #expect(message.contains("bidirectional-gru: the sizes of the directions differ: 2 → 3 and 2 → 4"))
  }

  @Test("a stack is its levels one after another, and is rebuilt from what a file says")
  func stacked() throws {
    var generator = RandomGenerator(seed: 2)
    let low = LSTM(inputSize: 4, hiddenSize: 6, returning: .everyStep, using: &generator)
    let high = LSTM(inputSize: 6, hiddenSize: 2, returning: .everyStep, using: &generator)
    let stack = Stacked(levels: [low, high], dropout: 0.1, returning: .everyStep)
    expectSameBits(stack(x), high(low(x)))
    #expect(stack.configuration.hiddenSizes == [6, 2] && stack.configuration.dropout == 0.1)
    let copy = Stacked<LSTM>(stack.configuration).built(for: [nil, nil, 4], using: &generator)
      .replacingTensors(stack.tensors)
    expectSameBits(copy(x), stack(x))
    let two = [4, 6].map {
      Bidirectional<GRUCell>(inputSize: $0, hiddenSize: 3, returning: .everyStep, using: &generator)
    }
    expectSameBits(Stacked(levels: two, returning: .everyStep)(x), two[1](two[0](x)))
    let connected = Stacked(
      levels: [2, 2].map { _ in LSTM(inputSize: 4, hiddenSize: 4, returning: .everyStep) }, connection: .highway)
    #expect(connected.links.highways.count == 1 && connected(x).shape == [3, 4])
  }

  @Test("AdamW has Adam's options, to read and to change")
  func adamW() {
    var optimizer = AdamW(learningRate: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 1e-3)
    #expect(optimizer.beta1 == 0.5 && optimizer.beta2 == 0.75 && optimizer.epsilon == 1e-3)
    (optimizer.beta1, optimizer.beta2, optimizer.epsilon) = (0.9, 0.999, 1e-8)
    var (one, two, other) = (Tensor([1, 2]), Tensor([1, 2]), AdamW(learningRate: 0.1))
    optimizer.update(&one, along: Tensor([0.5, -1]))
    other.update(&two, along: Tensor([0.5, -1]))
    #expect(one == two)
  }

  /// Named parts, a list and an array of tensors.
  private struct Parts: ModuleOfParts {
    var gain = Tensor([1, 2])
    var head = Dense(inputSize: 2, outputSize: 1)
    var more = [Dense(inputSize: 1, outputSize: 1), Dense(inputSize: 1, outputSize: 1)]

    static let parts: [Part<Self>] = [Part("gain", \.gain), Part("head", \.head), Part("more", \.more)]
  }

  @Test("a module that names its parts is walked, differentiated and updated in place as one that walks by hand")
  func parts() {
    var module = Parts()
    #expect(
      module.namedTensors.map(\.name)
        == ["gain", "head.weight", "head.bias", "more.0.weight", "more.0.bias", "more.1.weight", "more.1.bias"])
    let gradient = valueAndGradient(at: module) { ($0.gain * $0.head.weight).sum() }.gradient
    #expect(gradient.gain == module.head.weight.reshaped([2]) && gradient.head.weight.values == [1, 2])
    #expect(module.tensorsLeftOut.isEmpty)
    func address(_ module: inout Parts) -> UnsafePointer<Float> {
      module.head.weight.withUnsafeValues { $0.baseAddress! }
    }
    let before = address(&module)
    var optimizer = SGD(learningRate: 1)
    optimizer.update(&module, along: gradient)
    #expect(module.gain.values == zip([1, 2], gradient.gain.values).map { $0 - $1 })
    #expect(address(&module) == before)
  }

  @Test("tokens stay integers in batches, parts and other orders: a float would round this one")
  func integersStay() {
    let large = 1 << 24 + 1
    let tokens: Tokens = [[large, 2], [3]]
    let batch = Batch(tokens.tensor, Tensor([0, 1]), lengths: tokens.lengths)
    #expect(batch.input.integers == [large, 2, 3, 0])
    #expect(batch.selecting([1, 0]).input.integers == [3, 0, large, 2])
    #expect(batch.slice(0..<1).input.integers == [large, 2])
    #expect(batch.input.transposed.integers == [large, 3, 2, 0])
    #expect(batch.input.at(0, axis: 1).integers == [large, 3])
    #expect(stack([Tensor([large, 2]), Tensor([3, 0])]).integers == [large, 2, 3, 0])
    #expect(stack([Tensor([large, 2]), Tensor([3, 0])], axis: 1).integers == [large, 3, 2, 0])
    #expect(concatenate([batch.input, batch.input], axis: 1).integers == [large, 2, large, 2, 3, 0, 3, 0])
    #expect(stack([Tensor([large]), Tensor([Float(0.5)])]).integers == nil)
    #expect(batch.input.reshaped([4]).detached.integers == [large, 2, 3, 0])
    #expect(batch.input.masked(Steps(lengths: [1, 0])).integers == [large, 0, 0, 0])
    #expect(Tensor([Float(3), 4]).integers == [3, 4] && Tensor([Float(3), 4.5]).integers == nil)
    #expect((batch.input + 2).integers == nil)
    // What is written is no longer what was given.
    var written = batch.input
    written[0, 0] = 5
    #expect(written.integers == [5, 2, 3, 0] && batch.input.integers == [large, 2, 3, 0])
    var alone = Tensor([7, 8])
    alone[0] = 1
    #expect(alone.integers == [1, 8])
  }

  @Test("tokens are integers, of any lengths, checked against the vocabulary")
  func tokens() throws {
    let tokens: Tokens = [[3, 1, 2], [4], []]
    #expect(tokens.tensor == Tensor([[3, 1, 2], [4, 0, 0], [0, 0, 0]]) && tokens.lengths == [3, 1, 0])
    #expect(Tokens([[1, 2], [3, 4]]).lengths == nil && Tokens([[1], []], padding: 7).tensor == Tensor([[1], [7]]))
    let embedding = Embedding(vocabulary: 5, size: 2)
    #expect(embedding(tokens) == embedding(tokens.tensor))
    var model = Sequential(seed: 1) {
      Embedding(5, 3)
      GRU(4)
      Dense(2)
    }
    expectSameBits(model(tokens), model(tokens.tensor, lengths: [3, 1, 0]))
    expectSameBits(model.predict(tokens, batchSize: 2), model(tokens))
    model.compile(optimizer: Adam(learningRate: 0.05), loss: .crossEntropy)
    let history = try model.fit(tokens, Tensor([0, 1, 1]), trainer: Trainer(epochs: 30))
    #expect(history.losses[29] < history.losses[0])
    #expect(throws: LayerError.self) { try tokens.check(vocabulary: 4) }
    do throws(LayerError) { try tokens.check(vocabulary: 3) } catch {
      #expect(error.description == "sequence 0, step 0: 3 is no index into a vocabulary of 3")
    }
    try tokens.check(vocabulary: 5)
  }
}
