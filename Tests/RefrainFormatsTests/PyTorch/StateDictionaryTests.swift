import Foundation
import Refrain
import RefrainData
import RefrainFormats
import RefrainTestSupport
import Testing

@Suite struct `A state dictionary` {
  private func weights(_ shapes: [(String, [Int])]) throws -> StateDictionary {
    try StateDictionary(
      shapes.map { name, shape in
        let count = shape.reduce(1, *)
        return .init(name: name, array: NumericArray((0..<count).map { Float($0) / 16 }, shape: shape))
      })
  }

  private func problem(_ body: () throws(DataError) -> some Any) -> String { dataError(body)?.description ?? "" }

  @Test func `keeps its order and its names apart`() throws {
    var dictionary = try weights([("b", [1]), ("a.x", [2]), ("a.y", [3]), ("ab", [4])])
    #expect(dictionary.names == ["b", "a.x", "a.y", "ab"])
    #expect(dictionary.under("a").names == ["x", "y"])
    dictionary["b"] = nil
    dictionary["a.y"] = NumericArray([1] as [Float], shape: [1])
    #expect(dictionary.names == ["a.x", "a.y", "ab"] && dictionary["a.y"]?.shape == [1] && dictionary["ab"] != nil)
    #expect(
      dataError { () throws(DataError) in try StateDictionary(dictionary.entries + dictionary.entries) }?.code
        == .wrongInput)
  }

  @Test func `keeps numbers of every kind, in both formats`() throws {
    var dictionary = try weights([("weight", [2, 3]), ("empty", [0, 3]), ("scalar", [])])
    dictionary["steps"] = NumericArray([(1 << 60) + 1], shape: [])
    dictionary["mask"] = NumericArray(type: .bool, shape: [2], values: .booleans([true, false]))
    #expect(try StateDictionary(bytes: dictionary.torchBytes()) == dictionary)
    let read = try StateDictionary(bytes: dictionary.safeTensorsBytes())
    #expect(Set(read.entries) == Set(dictionary.entries))
  }

  @Test func `is written to a file whose ending says the format`() throws {
    let dictionary = try weights([("weight", [2, 3])])
    for ending in ["pt", "pth", "safetensors"] {
      let path = temporaryPath("." + ending)
      defer { try? FileManager.default.removeItem(atPath: path) }
      try dictionary.write(to: path)
      #expect(try StateDictionary(contentsOf: path) == dictionary)
    }
    #expect(
      problem { () throws(DataError) in try dictionary.write(to: "/tmp/model.bin") }.contains("let it end in .pt"))
  }

  @Test func `loads into a model of one's own, by the names of its parts`() throws {
    struct Reader: Module {
      var words = Embedding(vocabulary: 7, size: 4)
      var memory = Stacked<Bidirectional<LSTMCell>>(inputSize: 4, hiddenSizes: [5, 5], returning: .everyStep)
      var norm = LayerNorm(size: 10)
      var head = Dense(inputSize: 10, outputSize: 3)

      mutating func forEachTensor<E: Error>(
        _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
      ) throws(E) {
        try words.forEachTensor(under: "words", body)
        try memory.forEachTensor(under: "inner.memory", body)
        try norm.forEachTensor(under: "inner.norm", body)
        try head.forEachTensor(under: "head", body)
      }
    }
    let test = TorchCase(name: "tagger")
    var model = Reader()
    let naming = ["words": "embedding", "inner": "", "inner.memory": "rnn", "head": "fc"]
    #expect(try model.load(test.weights(), naming: naming) == [])
    let steps = try model.memory(model.words(test.number("input")), lengths: TorchCase.lengths)
    expectClose(model.head(model.norm(steps)), try test.number("outputs"), within: .torch)
    #expect(try StateDictionary(model, naming: naming).names == test.weights().names)
  }

  @Test func `loads a cell, or a layer of a cell`() throws {
    let test = TorchCase(name: "lstm_cell")
    var generator = RandomGenerator(seed: 1)
    var cell = LSTMCell(inputSize: 3, hiddenSize: 4, using: &generator)
    try cell.load(test.weights().under("cell"))
    expectClose(LSTM(cell, returning: .everyStep)(try test.number("input")), try test.number("outputs"), within: .torch)
    var layer = LSTM(inputSize: 3, hiddenSize: 4, returning: .everyStep)
    try layer.load(test.weights(), naming: ["": "cell"])
    #expect(layer.tensors == cell.tensors)
  }

  @Test func `names every tensor that does not fit, and changes nothing then`() throws {
    var model = Sequential(inputSize: 3, seed: 1) {
      LSTM(4, returning: .everyStep)
      Dense(2)
    }
    let before = model.tensors
    let dictionary = try weights([
      ("0.weight_ih_l0", [16, 3]), ("0.weight_hh_l0", [16, 5]), ("0.bias_ih_l0", [16]), ("1.weight", [4, 2]),
      ("1.bias", [2]), ("2.weight", [1]), ("2.bias", [1]),
    ])
    #expect(
      problem { () throws(DataError) in try model.load(dictionary) } == """
        the weights do not fit the model: missing are '0.bias_hh_l0'; left over are '2.weight', '2.bias'; \
        '0.weight_hh_l0' has shape [16, 5], expected [16, 4]; '1.weight' has shape [4, 2], expected [2, 4]; \
        change the model, or say what its modules are called
        """)
    #expect(model.tensors == before)
  }

  @Test func `says where a bias is missing, and takes zero only where a module has none`() throws {
    var layer = Stacked<GRU>(inputSize: 3, hiddenSizes: [4, 4])
    let gru = try weights([
      ("weight_ih_l0", [12, 3]), ("weight_hh_l0", [12, 4]), ("weight_ih_l1", [12, 4]), ("weight_hh_l1", [12, 4]),
    ])
    #expect(try layer.load(gru, naming: [:]) == ["'' has no bias; it is taken as zero"])
    #expect(layer.levels[1].cell.bias == .zeros([12]) && layer.levels[1].cell.biasHidden == .zeros([4]))
    var partly = gru
    partly["bias_ih_l0"] = NumericArray(Array(repeating: Float(0), count: 12), shape: [12])
    #expect(
      problem { () throws(DataError) in try layer.load(partly) }.contains("'bias_hh_l0', 'bias_ih_l1', 'bias_hh_l1'"))
  }

  @Test func `knows the layers that PyTorch has not`() throws {
    let models: [any Layer] = [
      GRUResetBefore(inputSize: 3, hiddenSize: 4), Recurrent<PeepholeLSTMCell>(inputSize: 3, hiddenSize: 4),
      Recurrent<NoInputActivationLSTMCell>(inputSize: 3, hiddenSize: 4),
      Stacked<LSTM>(inputSize: 3, hiddenSizes: [4, 5]),
      LSTM(inputSize: 3, hiddenSize: 4, initial: .learned),
      Sequential(inputSize: 3) { Recurrent<SLSTMCell>(4) }, Sequential(inputSize: 3) { AttentionPooling(size: 3) },
    ]
    func check(_ layer: some Layer) {
      #expect(dataError { () throws(DataError) in try StateDictionary(layer) }?.code == .unsupportedContent, "\(layer)")
      var copy = layer
      #expect(dataError { () throws(DataError) in try copy.load(StateDictionary()) }?.code == .unsupportedContent)
    }
    for layer in models { check(layer) }
  }
}
