import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@Suite("Model files") struct ModelFileTests {
  private let path = temporaryPath(".safetensors")

  private func model(seed: UInt64 = 7) -> Sequential {
    Sequential(inputSize: 3, seed: seed) {
      Stacked<Bidirectional<GRUCell>>([4, 5], dropout: 0.1, returning: .everyStep)
      LayerNorm()
      Dropout(0.2)
      Sequential(inputSize: 10) {
        LSTM(6, returning: .everyStep, direction: .backward)
        RNN(4)
      }
      Dense(2, activation: .softmax)
    }
  }

  @Test("A Sequential is rebuilt from its file alone, to the last bit")
  func roundTrip() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let model = model()
    try model.save(to: path)
    let loaded = try Sequential(contentsOf: path)
    var generator = RandomGenerator(seed: 1)
    let input = Tensor.normal([3, 5, 3], using: &generator)
    #expect(loaded.summary == model.summary)
    #expect(loaded(input, lengths: [5, 2, 4]) == model(input, lengths: [5, 2, 4]))
    #expect(loaded.namedTensors.map(\.name) == model.namedTensors.map(\.name))
    #expect(loaded.tensors == model.tensors)
  }

  @Test("An embedding model and a fixed input shape survive")
  func embedding() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let model = Sequential(exampleShape: [4], seed: 3) {
      Embedding(10, 3)
      Flatten()
      Reshape([2, 6])
      LSTM(2)
    }
    try model.save(to: path)
    let tokens = Tensor([1, 2, 3, 9], shape: [1, 4])
    #expect(try Sequential(contentsOf: path)(tokens) == model(tokens))
  }

  @Test("The number of weights is known before they are made, of every kind of layer")
  func weightCounts() {
    func check(_ inputShape: [Int?], _ layer: any Layer) {
      var generator = RandomGenerator(seed: 0)
      let model = Sequential(exampleShape: inputShape, layers: [layer], using: &generator)
      let count = model.weightCount(for: model.inputShape, atMost: model.parameterCount)
      #expect(count.map { Int($0.rounded()) } == model.parameterCount, "\(layer)")
    }
    func checkCell<Cell: RecurrentCell>(_ type: Cell.Type) {
      check([nil, 6], Recurrent<Cell>(8))
      check([nil, 6], Bidirectional<Cell>(8))
      check([nil, 6], Stacked<Recurrent<Cell>>([8, 8, 8]))
      if Cell.lastColumn == nil {
        for connection in Connection.allCases {
          check([nil, 8], Stacked<Recurrent<Cell>>([8, 8], connection: connection))
        }
      }
    }
    for cell in Cells.all { checkCell(cell) }
    // As many heads as divide the units, and as are asked for.
    for size in [5, 6, 9, 10, 16] {
      check([nil, 6], Recurrent<SLSTMCell>(size))
      check([nil, 6], Recurrent<MatrixLSTMCell>(size))
    }
    for heads in [1, 2, 3, 6, 12] {
      check([nil, 5], Recurrent<SLSTMCell>(12, options: SLSTMCell.Options(heads: heads)))
      check([nil, 5], Recurrent<MatrixLSTMCell>(12, options: MatrixLSTMCell.Options(heads: heads)))
    }
    check([nil, 6], Dense(4))
    check([nil], Embedding(7, 3))
    check([nil, 6], LayerNorm())
    check([nil, 6], BatchNorm())
    check([nil, 6], ParametricReLU(sharedAxes: [1]))
    check([4, 6], ParametricReLU())
    check([nil, 5, 6], TimeDistributed(Conv1D(3, kernel: 2)))
    check([nil, 5, 6], TimeDistributed(LSTM(4)))
    check([nil, 5, 6], TimeDistributed(Flatten()))
    check([nil, 6], AttentionPooling(size: 4))
    check([nil, 6], AttentionPooling())
    check([nil, 6], Conv1D(5, kernel: 3))
    check([nil, 5, 6, 2], ConvLSTM(3, kernel: [3, 2]))
    check([nil, 5, 6, 2], DepthwiseLSTM(3, kernel: [3, 2]))
    check([4, 5, 3], GridLSTM(6))
  }

  @Test("Of layers that are too large for their file the weights are counted without any being made")
  func largeWeightCounts() {
    let size = 1 << 20
    func count<Cell: RecurrentCell>(_ type: Cell.Type, _ inputSize: Int) -> Double? {
      let shape = [nil, nil, inputSize]
      return Sequential(inputShape: shape, builtLayers: [Recurrent<Cell>(size)]).weightCount(for: shape, atMost: size)
    }
    for cell in Cells.all {
      // Each has at least a weight between every input and every unit.
      for inputSize in [size, size - 1] {
        let found = count(cell, inputSize) ?? 0
        #expect(found > 0.9 * Double(size) * Double(size), "\(cell.name): \(found)")
      }
    }
  }

  @Test("Other files and damaged ones are refused in one line that says why")
  func refused() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let model = model()
    try model.save(to: path)
    let good = try SafeTensorsFile(contentsOf: path)
    func expect(_ code: DataError.Code, _ change: (inout SafeTensorsFile) -> Void) throws {
      var file = good
      change(&file)
      try file.write(to: path)
      let error = #expect(throws: DataError.self) { try Sequential(contentsOf: path) }
      #expect(error?.code == code)
      #expect(error?.description.contains("\n") == false)
    }
    try expect(.notAModel) { $0.metadata = [:] }
    try expect(.notAModel) { $0.metadata["kind"] = "forecaster" }
    try expect(.newerModel) { $0.metadata["version"] = "99" }
    try expect(.damagedModel) { $0.metadata["description"] = "{" }
    try expect(.damagedModel) {
      $0.metadata["description"] = $0.metadata["description"]!.replacingOccurrences(of: "layer-norm", with: "magic")
    }
    try expect(.damagedModel) {
      $0.metadata["description"] = $0.metadata["description"]!.replacingOccurrences(of: "[4,5]", with: "[4,-5]")
    }
    try expect(.damagedModel) { $0.tensors.removeLast() }
    try expect(.damagedModel) { $0.tensors.append(.init(name: "extra", shape: [1], values: [0])) }
    try expect(.damagedModel) {
      let last = $0.tensors.removeLast()
      $0.tensors.append(.init(name: last.name, shape: [1] + last.shape, values: last.values))
    }
    // Weights that are no finite numbers, of any type.
    for value in [Float.nan, .infinity, -.infinity] {
      for type in [ElementType.float32, .bfloat16, .float16] {
        try expect(.damagedModel) {
          let entry = $0.tensors[1]
          guard case .floats(var values) = entry.array.values else { return }
          values[values.count - 1] = value
          $0.tensors[1].array = NumericArray(type: type, shape: entry.shape, values: .floats(values))
        }
      }
      let error = dataError { () throws(DataError) in try Sequential(contentsOf: path) }
      let name = good.tensors[1].name
      #expect(error?.problem == "the tensor '\(name)' holds a value that is not a number, or infinite")
    }
    // Sizes that the file cannot hold: nothing is made of them.
    let small = Sequential(inputSize: 3, seed: 1) {
      LSTM(5, returning: .everyStep)
      Dense(2)
    }
    try small.save(to: path)
    let numbers = try SafeTensorsFile(contentsOf: path)
    for size in ["-2", "0", "16777216", "2147483648", "4611686018427387904", "9223372036854775807"] {
      for (old, new) in [
        ("\"hiddenSize\":5", "\"hiddenSize\":\(size)"), ("\"outputSize\":2", "\"outputSize\":\(size)"),
        ("[null,null,3]", "[null,null,\(size)]"),
      ] {
        var file = numbers
        #expect(file.metadata["description"]?.contains(old) == true, "no \(old)")
        file.metadata["description"] = file.metadata["description"]!.replacingOccurrences(of: old, with: new)
        let error = dataError { () throws(DataError) in try Sequential(file, path: "m") }
        #expect(error?.code == .damagedModel, "\(new): \(error as Any)")
      }
    }
    try expect(.damagedModel) { $0.metadata["version"] = "0" }
    try expect(.damagedModel) { $0.metadata["version"] = "one" }
    try expect(.damagedModel) { $0.metadata["description"] = String(repeating: " ", count: 2 << 20) }
    try Data("no model".utf8).write(to: URL(filePath: path))
    #expect(throws: DataError.self) { try Sequential(contentsOf: path) }
  }
}
