import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Sequential")
struct SequentialTests {
  private func kinds(_ model: Sequential) -> [String] {
    func kind<L: Layer>(_ layer: L) -> String { L.kind }
    return model.layers.map { kind($0) }
  }

  @Test("understands if, if/else and for", arguments: [false, true], [0, 1, 3])
  func builder(flag: Bool, count: Int) {
    let model = Sequential(inputSize: 4) {
      if flag { LayerNorm() }
      for index in 0..<count {
        GRU(3 + index, returning: .everyStep)
        if index > 0 { Dropout(0.1) }
      }
      if flag {
        LSTM(2)
      } else {
        RNN(2)
        Dense(5)
      }
      [Dense(1)]
    }
    var expected = flag ? ["layer-norm"] : []
    for index in 0..<count { expected += index > 0 ? ["gru", "dropout"] : ["gru"] }
    expected += flag ? ["lstm", "dense"] : ["rnn", "dense", "dense"]
    #expect(kinds(model) == expected)
    #expect(model(ramp([2, 3, 4])).shape == [2, 1])
  }

  @Test("finds the sizes of its layers from the size of the input")
  func sizes() throws {
    let model = Sequential(inputSize: 10) {
      Stacked<Bidirectional<LSTMCell>>([6, 5], returning: .everyStep)
      LayerNorm()
      GRU(4)
      Dense(3, activation: .relu)
    }
    #expect((model.layers[1] as? LayerNorm)?.weight.shape == [10])
    #expect((model.layers[2] as? GRU)?.cell.inputSize == 10)
    #expect((model.layers[3] as? Dense)?.weight.shape == [3, 4])
    #expect(try model.outputShape(for: [nil, nil, 10]) == [nil, 3])
    #expect(model(ramp([2, 7, 10]), lengths: [3, 7]).shape == [2, 3])

    let tokens = Sequential {
      Embedding(20, 6)
      LSTM(4, returning: .everyStep)
      Dense(20)
    }
    #expect(tokens(Tensor([[1, 2, 3], [19, 0, 5]])).shape == [2, 3, 20])

    let windows = Sequential(exampleShape: [10, 2]) {
      Flatten()
      Dense(12)
      Reshape([3, 4])
      LSTM(5)
    }
    #expect((windows.layers[1] as? Dense)?.weight.shape == [12, 20])
    #expect((windows.layers[3] as? LSTM)?.cell.inputSize == 4)
    #expect(windows(ramp([2, 10, 2])).shape == [2, 5])
  }

  @Test("is its layers one after another, with lengths for those that read them")
  func composition() throws {
    let model = Sequential(inputSize: 3, seed: 4) {
      LSTM(4, returning: .everyStep)
      GRU(5)
      Dense(2, activation: .tanh)
    }
    let x = ramp([3, 6, 3])
    let first = try #require(model.layers[0] as? LSTM)
    let second = try #require(model.layers[1] as? GRU)
    let third = try #require(model.layers[2] as? Dense)
    let lengths = [2, 6, 4]
    expectSameBits(model(x, lengths: lengths), third(second(first(x, lengths: lengths), lengths: lengths)))
    #expect(model(x, lengths: lengths) != model(x))
    expectGradientMatchesDifferences(at: model) { [$0(x, lengths: lengths)] }
  }

  @Test("names tensors by the layer's number, then PyTorch's name")
  func names() {
    let model = Sequential(inputSize: 3) {
      Bidirectional<GRUCell>(2, returning: .everyStep)
      Dropout(0.2)
      Stacked<LSTM>([3, 2])
      Dense(1)
    }
    let gru = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hn_l0"]
    let lstm = ["0", "1"].flatMap { level in ["weight_ih_l", "weight_hh_l", "bias_ih_l"].map { $0 + level } }
    let both = gru + gru.map { $0 + "_reverse" }
    let expected: [String] = both.map { "0." + $0 } + lstm.map { "2." + $0 } + ["3.weight", "3.bias"]
    #expect(model.namedTensors.map(\.name) == expected)
  }

  @Test("draws the same weights from the same seed")
  func seeds() {
    func model(_ seed: UInt64) -> Sequential {
      Sequential(inputSize: 3, seed: seed) {
        LSTM(4)
        Dense(1)
      }
    }
    #expect(model(3).tensors == model(3).tensors)
    #expect(model(3).tensors[0] != model(4).tensors[0])
  }

  @Test("says which layer does not fit, and why")
  func wrongStacking() {
    func problem(_ inputShape: [Int?], @LayerBuilder _ layers: () -> [any Layer]) -> String {
      let shape: [Int?] = [nil] + inputShape
      let model = Sequential(.init(inputShape: shape, layers: layers().map(LayerDescription.init)))
      do throws(LayerError) {
        return "\(try model.outputShape(for: shape))"
      } catch {
        return error.description
      }
    }
    #expect(
      problem([nil, 3]) {
        LSTM(4)
        GRU(2)
      }
        == "layer 1: gru: the input has shape [B, 4], expected [B, T, I]; let the recurrent layer before it return every step"
    )
    #expect(
      problem([nil]) { LSTM(4) }
        == "layer 0: lstm: the input of shape [B, T] has no known size; give Sequential an inputSize")
    #expect(
      problem([5, nil, 2, 3]) { RNN(4) } == "layer 0: rnn: the input has shape [B, 5, T, 2, 3], expected [B, T, I]")
    #expect(problem([nil, 3]) { Dense(0) } == "layer 0: Dense: the output size is 0, and must be positive")
    #expect(problem([nil, 3]) { LSTM(-1) } == "layer 0: lstm: the hidden size is -1, and must be positive")
    #expect(problem([nil]) { Embedding(0, 3) } == "layer 0: Embedding: the vocabulary is 0, and must be positive")
    #expect(problem([nil, 3]) { Flatten() } == "layer 0: Flatten: the input of shape [B, T, 3] has an unknown size")
    #expect(
      problem([2, 3]) { Reshape([4]) } == "layer 0: Reshape: the input of shape [B, 2, 3] cannot take the shape [4]")
    #expect(problem([nil, 3]) { Stacked<LSTM>([]) } == "layer 0: stacked-lstm: there is no level")
    #expect(
      problem([nil, 3]) { Stacked<LSTM>([2], dropout: 1) }
        == "layer 0: stacked-lstm: the dropout is 1.0, and must be at least 0 and below 1")
    #expect(
      problem([nil, 3]) {
        Dense(2)
        Stacked<GRU>([4, 0])
      } == "layer 1: gru: the hidden size is 0, and must be positive")
    let nested = problem([nil, 3]) {
      Dense(3)
      Sequential(.init(inputShape: [nil, nil, 3], layers: [LSTM(2), LSTM(2)].map(LayerDescription.init)))
    }
    #expect(nested.hasPrefix("layer 1: layer 1: lstm: the input has shape [B, 2]"))
  }

  @Test("prints a table of layers, output shapes and parameters")
  func summary() {
    let model = Sequential(inputSize: 10) {
      LSTM(128, returning: .everyStep)
      Dropout(0.5)
      GRU(64)
      Dense(1)
    }
    #expect(
      model.summary == """
        Layer      Output shape  Parameters
        ───────────────────────────────────
        0 lstm     [B, T, 128]       71,168
        1 dropout  [B, T, 128]            0
        2 gru      [B, 64]           37,120
        3 dense    [B, 1]                65
        ───────────────────────────────────
        Total parameters: 108,353 (423.3 KB)
        """)
  }

  @Test("is a value: a copy keeps its weights, and training one leaves the other")
  func copies() {
    var model = Sequential(inputSize: 2, seed: 1) {
      LSTM(3)
      Dense(1)
    }
    let kept = model
    let before = kept.tensors
    let gradient = valueAndGradient(at: model) { $0(ramp([2, 3, 2])).sum() }.gradient
    var steps = gradient.tensors[...]
    model.forEachTensor { _, tensor in tensor = tensor - 0.1 * steps.removeFirst() }
    #expect(kept.tensors == before && model.tensors != before)
  }
}
