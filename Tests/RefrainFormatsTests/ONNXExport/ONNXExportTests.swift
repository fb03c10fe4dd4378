import Foundation
import Refrain
import RefrainData
import RefrainFormats
import Testing

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
        expectClose(outputs[name] ?? Tensor(0), expected, what)
      }
    }
  }

  @Test func `is the same every time`() throws {
    for example in ExportCase.all.prefix(20) {
      #expect(try example.model.onnx(example.options) == example.model.onnx(example.options))
    }
  }

  @Test func `that ONNX has no operators for is refused with all that stands in the way`() {
    let model = Sequential(inputSize: 3) {
      LSTM(4, returning: .everyStep)
      Recurrent<SRUCell>(4, returning: .everyStep)
      Stacked<Bidirectional<ProjectedLSTMCell>>([4, 4], returning: .everyStep)
      LSTM(4).regularized(by: Regularization(zoneoutHidden: 0.1))
      Dense(2)
    }
    let error = #expect(throws: DataError.self) { try model.onnx() }
    #expect(error?.code == .unsupportedContent)
    #expect(
      error?.description.hasPrefix(
        """
        ONNX has no operator for the cell sru (layer 1), the cell projected-lstm (layer 2), the zoneout of lstm (layer 3); \
        export the cells lstm, gru, 
        """) == true, "\(String(describing: error))")
  }

  @Test func `of a version that is not written is refused`() {
    let model = Sequential(inputSize: 3) { LSTM(4) }
    for opset in [Int.min, 16, 24, Int.max] {
      #expect(throws: DataError.self) { try model.onnx(ONNXExportOptions(opset: opset)) }
    }
  }

  @Test func `covers every cell that ONNX has an operator for`() {
    let exported = Cells.all.filter { cell in
      func model<Cell: RecurrentCell>(_ cell: Cell.Type) -> Sequential {
        Sequential(inputSize: 4) { Recurrent<Cell>(4) }
      }
      return (try? model(cell).onnx()) != nil
    }
    #expect(exported.map { $0.name } == ExportCase.cells.map { $0.name })
  }
}
