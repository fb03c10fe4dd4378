import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

@Suite struct `An exported model` {
  /// For `Tests/Fixtures/onnx-layers/check_exports.py`, which compares them with ONNX Runtime.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["REFRAIN_EXPORTS"] != nil))
  func `goes into a folder with what Refrain computes`() throws {
    let folder = ProcessInfo.processInfo.environment["REFRAIN_EXPORTS"] ?? "."
    for example in ExportCase.all {
      try example.model.writeONNX(to: "\(folder)/\(example.name).onnx", example.options)
      var entries: [NamedArray] = []
      for (index, run) in example.runs().enumerated() {
        for (side, values) in [("in", run.inputs), ("out", run.outputs)] {
          entries += values.sorted { $0.key < $1.key }.map {
            .init(name: "\(index).\(side).\($0.key)", shape: $0.value.shape, values: $0.value.values)
          }
        }
      }
      try SafeTensorsFile(tensors: entries).write(to: "\(folder)/\(example.name).safetensors")
    }
  }

  /// Run by ``ONNXModel``; ONNX Runtime says the same of the files, by `check_exports.py`.
  @Test(arguments: ExportCase.all) func `gives what the model gives`(example: ExportCase) throws {
    let model = try ONNXModel(bytes: example.model.onnx(example.options))
    for run in example.runs() {
      let outputs = try model(run.inputs)
      #expect(Set(outputs.keys) == Set(run.outputs.keys))
      for (name, expected) in run.outputs {
        let what = "\(example.name): \(name) with lengths \(run.lengths ?? [])"
        expectClose(outputs[name] ?? Tensor(0), expected, what, within: .exported)
      }
    }
  }

  @Test func `is the same every time`() throws {
    for example in ExportCase.all.prefix(20) {
      #expect(try example.model.onnx(example.options) == example.model.onnx(example.options))
    }
  }

  @Test func `that ONNX cannot express is refused with all that stands in the way`() {
    let model = Sequential(inputSize: 3) {
      LSTM(4, returning: .everyStep)
      Recurrent<ChoosingCell>(4, returning: .everyStep)
      Stacked<Bidirectional<ChoosingCell>>([4, 4], returning: .everyStep)
      Dense(2)
    }
    let error = #expect(throws: DataError.self) { try model.onnx() }
    #expect(error?.code == .unsupportedContent)
    #expect(
      error?.problem == "ONNX cannot express the cell choosing, whose operations depend on the values it is given "
        + "(layer 1), the cell choosing, whose operations depend on the values it is given (layer 2)")
  }

  @Test func `with an operation that ONNX does not have is refused by its name`() {
    let model = Sequential(inputSize: 3) { Recurrent<MappingCell>(4) }
    let error = #expect(throws: DataError.self) { try model.onnx() }
    #expect(error?.problem == "ONNX cannot express the cell mapping: the operation 'map' (layer 0)")
  }

  @Test func `of a version that is not written is refused`() {
    let model = Sequential(inputSize: 3) { LSTM(4) }
    for opset in [Int.min, 16, 24, Int.max] {
      #expect(throws: DataError.self) { try model.onnx(ONNXExportOptions(lengths: true, states: true, opset: opset)) }
    }
  }

  @Test func `has every cell`() throws {
    for cell in Cells.all {
      func model<Cell: RecurrentCell>(_ cell: Cell.Type) -> Sequential {
        Sequential(inputSize: 4) { Recurrent<Cell>(4) }
      }
      let operations = Set(try ONNXModel(bytes: model(cell).onnx()).graph.nodes.map(\.operation))
      let isOperator = ExportCase.operators.contains { $0.name == cell.name }
      #expect(operations.contains("Scan") != isOperator, "\(cell.name)")
      #expect(operations.isDisjoint(with: ["LSTM", "GRU", "RNN"]) != isOperator, "\(cell.name)")
    }
  }

  @Test func `has a cell's weights once, under their names`() throws {
    let model = Sequential(inputSize: 3) { Bidirectional<LayerNormGRUCell>(4) }
    let graph = try ONNXModel(bytes: model.onnx(ONNXExportOptions(lengths: true, states: false)))
    #expect(Set(graph.namedTensors.map(\.name)) == Set(model.namedTensors.map(\.name)))
    #expect(graph.parameterCount == model.parameterCount)
  }

  @Test func `of images takes and gives states`() throws {
    var generator = RandomGenerator(seed: 3)
    let model = Sequential(exampleShape: [nil, 4, 3, 2], seed: 3) {
      ConvLSTM(2, kernel: [3, 2], returning: .everyStep)
    }
    let layer = try #require(model.layers[0] as? ConvLSTM)
    let (input, lengths) = (Tensor.normal([3, 5, 4, 3, 2], using: &generator), [5, 0, 2])
    let state = LSTMCell.State(
      hidden: .normal([3, 24], using: &generator), cell: .normal([3, 24], using: &generator))
    let expected = layer.scan(input, lengths: lengths, from: state)
    let found = try ONNXModel(bytes: model.onnx(ONNXExportOptions(lengths: true, states: true)))([
      "input": input, "lengths": Tensor(lengths), "initial.0.hidden_l0": stack([state.hidden]),
      "initial.0.cell_l0": stack([state.cell]),
    ])
    expectClose(found["output"] ?? Tensor(0), expected.outputs, "output", within: .exported)
    expectClose(found["final.0.hidden_l0"] ?? Tensor(0), stack([expected.state.hidden]), "hidden", within: .exported)
    expectClose(found["final.0.cell_l0"] ?? Tensor(0), stack([expected.state.cell]), "cell", within: .exported)
  }

  @Test func `computes what is the same at every step once`() throws {
    let model = Sequential(inputSize: 3) { Recurrent<SRUCell>(4) }
    let options = ONNXExportOptions(lengths: true, states: true)
    let graph = try ONNXModel(bytes: model.onnx(options)).graph
    let loop = try #require(graph.nodes.first { $0.operation == "Scan" })
    let within = Set(try #require(loop.graph("body")).nodes.map(\.operation))
    // Slices of weights and products with the input stand before the loop.
    #expect(within == ["Mul", "Add", "Sigmoid", "Sub", "Where", "Identity"])
    #expect(graph.nodes.count { $0.operation == "Gemm" } == 1)
    #expect(graph.nodes.count { $0.operation == "Range" } == 1)
    // Of a convolution's two operands and its result, the weights are turned outside.
    let images = Sequential(exampleShape: [nil, 4, 3, 2]) { ConvLSTM(2, kernel: [3, 2]) }
    let convolution = try #require(ONNXModel(bytes: images.onnx(options)).graph.nodes.first { $0.operation == "Scan" })
    #expect(try #require(convolution.graph("body")).nodes.count { $0.operation == "Transpose" } == 2)
  }

  @Test func `trains on as the model does`() throws {
    let model = try #require(ExportCase.all.first { $0.name == "layer-norm-lstm_both_everyStep_17" })
    let run = model.runs()[1]
    let graph = try ONNXModel(bytes: model.model.onnx(ONNXExportOptions(lengths: true, states: false)))
    let (input, lengths) = (run.inputs["input"] ?? Tensor(0), run.inputs["lengths"] ?? Tensor(0))
    let weights = ramp([ExportCase.batch, ExportCase.time, 8], 0.7)
    let expected = valueAndGradient(at: model.model) { model in
      (model(input, lengths: run.lengths) * weights).sum()
    }.gradient
    let found = try valueAndGradient(at: graph) { graph throws(DataError) in
      let outputs = try graph(["input": input, "lengths": lengths])
      return ((outputs["output"] ?? Tensor(0)) * weights).sum()
    }.gradient
    #expect(found.namedTensors.count == expected.namedTensors.count)
    let gradients = Dictionary(uniqueKeysWithValues: found.namedTensors.map { ($0.name, $0.tensor) })
    for (name, gradient) in expected.namedTensors {
      expectClose(gradients[name] ?? Tensor(0), gradient, name, within: .exported)
    }
  }
}
