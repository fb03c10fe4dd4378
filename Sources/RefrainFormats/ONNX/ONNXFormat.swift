import Refrain
import RefrainData

/// Graphs of ONNX.
package enum ONNXFormat: WritableFormat {
  package static let name = "onnx"
  package static let title = "ONNX model"
  package static let endings = ["onnx"]

  /// By the first field of a message: there is no signature. The reader says whether it is one.
  package static func recognizes(_ file: ForeignFile) -> Bool {
    guard file.entries == nil, let first = file.bytes.first else { return false }
    return [0x08, 0x12, 0x1A, 0x22, 0x2A, 0x32, 0x3A].contains(first)
  }

  package static func model(in file: ForeignFile, assuming: StateAssumptions) throws(DataError) -> ImportedModel {
    // Values may lie in files beside this one.
    guard let path = file.path else { return ImportedModel(.graph(try ONNXModel(bytes: file.bytes))) }
    return ImportedModel(.graph(try ONNXModel(contentsOf: path)))
  }

  package static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError) {
    information.addGraph(try ONNXReader.message(file.bytes))
  }

  package static func write(_ model: Sequential, _ options: WritingOptions) throws(DataError) -> WrittenModel {
    var export = options.onnx
    var notes: [String] = []
    if export.states, model.namedTensors.contains(where: { $0.name.contains("initial_") }) {
      export.states = false
      notes.append("the states before the first step are learned: they are in the graph, and no inputs")
    }
    let bytes = try model.onnx(export)
    return WrittenModel(bytes: bytes, readBack: try ONNXModel(bytes: bytes), notes: notes)
  }

  package static func write(
    _ network: any TracedNetwork, _ options: WritingOptions
  ) throws(DataError) -> WrittenModel {
    let bytes = try network.onnx(opset: options.onnx.opset)
    return WrittenModel(bytes: bytes, readBack: try ONNXModel(bytes: bytes))
  }
}
