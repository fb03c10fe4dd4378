import Foundation
import Refrain
import RefrainData
import RefrainFormats
import RefrainTestSupport
import Testing

@testable import RefrainModels

/// The formats of these names.
func targets(_ names: String...) throws -> [Conversion.Target] {
  try names.map { try #require(Conversion.Target(name: $0)) }
}

@Suite struct `A conversion` {
  private func model(_ seed: UInt64 = 1) -> Sequential {
    Sequential(inputSize: 3, seed: seed) {
      LSTM(4, returning: .everyStep)
      Dense(2)
    }
  }

  @Test func `sees no difference between a model and itself, and a small one in one weight`() throws {
    let first = model()
    let same = try ConversionTrial(first, first).run()
    // Ragged: 7 + 3 + 1 + 5 steps of 2 numbers; then 3 · 6, 9 and 2 steps.
    #expect(same.difference == 0 && same.count == 2 * (16 + 18 + 9 + 2))
    var second = first
    second.forEachTensor { name, tensor in if name == "1.bias" { tensor[1] += 0.001 } }
    let difference = try ConversionTrial(first, second).run().difference
    #expect(abs(difference - 0.001) < 1e-5)
  }

  @Test func `does not look past a sequence's length`() throws {
    struct Padded: RunnableModel {
      var model: Sequential
      var inputs: [ModelPort] { model.inputs }
      var outputs: [ModelPort] { model.outputs }
      func run(_ inputs: [String: NumericArray]) throws(DataError) -> [String: NumericArray] {
        var output = try model.run(inputs)["output"] ?? NumericArray([Float](), shape: [0])
        guard case .integers(let lengths) = inputs["lengths"]?.values, case .floats(var values) = output.values else {
          return ["output": output]
        }
        let (time, size) = (output.shape[1], output.shape[2])
        for (row, length) in lengths.enumerated() {
          for place in row * time * size + length * size..<(row + 1) * time * size { values[place] = 99 }
        }
        output.values = .floats(values)
        return ["output": output]
      }
    }
    #expect(try ConversionTrial(model(), Padded(model: model())).run().difference == 0)
  }

  @Test func `is refused when one side is no number or of another shape`() throws {
    var broken = model()
    broken.forEachTensor { name, tensor in if name == "1.bias" { tensor[0] = .nan } }
    #expect(try ConversionTrial(model(), broken).run().difference == .infinity)
    let wider = Sequential(inputSize: 3, seed: 1) {
      LSTM(4, returning: .everyStep)
      Dense(3)
    }
    #expect(throws: DataError.self) { try ConversionTrial(model(), wider).run() }
  }

  @Test func `of sizes that no memory holds, or of none, is refused before anything is made`() {
    struct Claims: RunnableModel {
      var shape: [Int?]
      var inputs: [ModelPort] { [ModelPort(name: "input", type: .float32, shape: shape)] }
      var outputs: [ModelPort] { [] }
      func run(_ inputs: [String: NumericArray]) -> [String: NumericArray] { [:] }
    }
    let shapes: [[Int?]] = [
      [1 << 62, 7, 3], [1 << 33, 7, 3], [2, 1 << 33, 3], [1 << 40, 1 << 40, 3], [-5, -6, 3], [0, 0, 3],
      [nil, nil, 1 << 40], [nil, 1 << 24, 1], [2, 6, Int.max], [1 << 26, nil, 1],
    ]
    for shape in shapes {
      let error = dataError { () throws(DataError) in
        try ConversionTrial(Claims(shape: shape), Claims(shape: shape)).run()
      }
      #expect(error?.code == .unsupportedContent, "\(shape): \(error as Any)")
    }
    // Outputs without numbers prove nothing.
    let nothing = dataError { () throws(DataError) in
      try ConversionTrial(Claims(shape: [nil, 3]), Claims(shape: [nil, 3])).run()
    }
    #expect(nothing?.code == .inexactConversion)
  }

  @Test func `says what was compared, and is proven by outputs of the other program`() throws {
    let model = model()
    let loaded = try LoadedModel(model.fileContents().bytes(), path: nil, assuming: StateAssumptions())
    let input = NumericArray((0..<12).map { Float($0) / 10 }, shape: [1, 4, 3])
    var output = try #require(try model.run(["input": input])["output"])
    func convert(to target: Conversion.Target) throws(DataError) -> Conversion {
      try Conversion(
        loaded, to: target, sample: ModelSample(inputs: ["input": input], expected: ["output": output]))
    }
    for target in Conversion.Target.all {
      let conversion = try convert(to: target)
      #expect(conversion.compared.contains("read back"))
      #expect(conversion.proof.map { $0.count == 8 && $0.difference < 1e-6 } == true)
    }
    let onnx = try targets("onnx")[0]
    guard case .floats(var values) = output.values else { return }
    values[3] += 0.01
    output.values = .floats(values)
    #expect(dataError { () throws(DataError) in try convert(to: onnx) }?.code == .inexactConversion)
    output = NumericArray(values, shape: [8])
    #expect(dataError { () throws(DataError) in try convert(to: onnx) }?.code == .wrongInput)
  }

  @Test func `to ONNX takes the input alone unless more is asked for`() throws {
    let loaded = try LoadedModel(model().fileContents().bytes(), path: nil, assuming: StateAssumptions())
    func names(_ options: ONNXExportOptions) throws -> [String] {
      try ONNXModel(bytes: Conversion(loaded, to: targets("onnx")[0], options: options).bytes).inputs.map(\.name)
    }
    #expect(try names(ONNXExportOptions()) == ["input"])
    #expect(try names(ONNXExportOptions(lengths: true)) == ["input", "lengths"])
    #expect(
      try names(ONNXExportOptions(states: true)) == ["input", "initial.0.hidden_l0", "initial.0.cell_l0"])
  }

  @Test func `to loops of ONNX is proven too`() throws {
    let models = [
      Sequential(inputSize: 3, seed: 4) {
        Bidirectional<LayerNormLSTMCell>(4, returning: .everyStep)
        Recurrent<MatrixLSTMCell>(4).regularized(by: Regularization(zoneoutHidden: 0.2))
        Dense(2)
      },
      Sequential(exampleShape: [nil, 4, 3, 2], seed: 5) {
        ConvLSTM(3, kernel: [3, 2], returning: .everyStep)
        DepthwiseLSTM(2, kernel: [2, 2])
      },
      Sequential(exampleShape: [4, 5, 3], seed: 6) { GridLSTM(3) },
    ]
    for model in models {
      let loaded = try LoadedModel(model.fileContents().bytes(), path: nil, assuming: StateAssumptions())
      let conversion = try Conversion(loaded, to: targets("onnx")[0])
      #expect(conversion.difference <= Conversion.tolerance && conversion.comparisons > 0)
    }
  }

  @Test func `of a learned initial state and of tokens goes to every format that has them`() throws {
    var model = Sequential(seed: 3) {
      Embedding(5, 3)
      GRU(4, returning: .everyStep)
      LSTM(4, initial: .learned)
      Dense(2, activation: .tanh)
    }
    model.forEachTensor { name, tensor in
      if name.contains("initial_") { tensor = Tensor(repeating: 0.5, shape: tensor.shape) }
    }
    let loaded = try LoadedModel(model.fileContents().bytes(), path: nil, assuming: StateAssumptions())
    for target in try targets("refrain", "onnx") {
      let conversion = try Conversion(loaded, to: target)
      #expect(conversion.difference <= Conversion.tolerance && conversion.comparisons > 0)
    }
  }

  @Test(arguments: ["script", "dynamo"])
  func `of a graph with the time first compares sequences step by step`(exporter: String) throws {
    let loaded = try LoadedModel(contentsOf: fixturePath("onnx-layers/time_first_\(exporter).onnx"))
    for target in try targets("refrain", "keras", "onnx") {
      let conversion = try Conversion(loaded, to: target)
      #expect(conversion.difference <= Conversion.tolerance && conversion.comparisons == 2 * (18 + 9 + 2))
      #expect(conversion.notes.contains("the graph has the time first; the layers take the batch first"))
    }
  }

  @Test func `of a convolution that takes steps away looks at sequences that are long enough`() throws {
    let model = Sequential(inputSize: 3, seed: 4) {
      Conv1D(4, kernel: 9, padding: .valid, activation: .tanh)
      Conv1D(2, kernel: 3, stride: 2, padding: .valid)
    }
    let loaded = try LoadedModel(model.fileContents().bytes(), path: nil, assuming: StateAssumptions())
    for target in try targets("refrain", "onnx", "keras") {
      let conversion = try Conversion(loaded, to: target, options: ONNXExportOptions(lengths: true))
      // One step of 2 numbers of each of the 11 that every sequence has.
      #expect(conversion.difference <= Conversion.tolerance && conversion.comparisons == 2 * (4 + 3 + 1 + 2))
    }
    // A graph without lengths is given whole sequences alone.
    let conversion = try Conversion(loaded, to: targets("onnx")[0])
    #expect(conversion.difference <= Conversion.tolerance && conversion.comparisons == 2 * (3 + 1 + 2))
  }

  @Test func `goes to the format that a name's ending says, and to no other`() {
    #expect(
      ["m.onnx", "a.b.KERAS", "m.pt", "m.pth", "m.safetensors"].map { Conversion.Target(path: $0)?.name }
        == ["onnx", "keras", "pytorch", "pytorch", "refrain"])
    #expect(Conversion.Target(path: "m.npz") == nil && Conversion.Target(name: "npz") == nil)
    #expect(Conversion.Target.all.map(\.name) == ["refrain", "keras", "pytorch", "onnx"])
  }
}
