import Refrain
import RefrainData
import Testing

@testable import RefrainFormats

@Suite struct `The graph of an exported model` {
  private static let model = Sequential(inputSize: 3) {
    LSTM(4, returning: .everyStep)
    GRU(2)
  }

  private func graph(_ options: ONNXExportOptions) throws -> ONNXModel {
    try ONNXModel(bytes: Self.model.onnx(options))
  }

  @Test func `has ports for lengths and states`() throws {
    let model = try graph(ONNXExportOptions(lengths: true, states: true))
    func state(_ name: String, _ size: Int) -> ModelPort {
      ModelPort(name: name, type: .float32, shape: [1, nil, size])
    }
    #expect(
      model.inputs == [
        ModelPort(name: "input", type: .float32, shape: [nil, nil, 3]),
        ModelPort(name: "lengths", type: .int64, shape: [nil]),
        state("initial.0.hidden_l0", 4), state("initial.0.cell_l0", 4), state("initial.1.hidden_l0", 2),
      ])
    #expect(
      model.outputs == [
        ModelPort(name: "output", type: .float32, shape: [nil, 2]),
        state("final.0.hidden_l0", 4), state("final.0.cell_l0", 4), state("final.1.hidden_l0", 2),
      ])
  }

  @Test func `has nothing that nobody asks for`() throws {
    let model = try graph(ONNXExportOptions(lengths: false, states: false))
    #expect(model.inputs.map(\.name) == ["input"])
    #expect(model.outputs.map(\.name) == ["output"])
    // Between the layers nothing is turned round and back again.
    #expect(model.graph.nodes.map(\.operation) == ["Transpose", "LSTM", "Squeeze", "GRU", "Squeeze", "Identity"])
    #expect(model.parameterNames == ["0.W_l0", "0.R_l0", "0.B_l0", "1.W_l0", "1.R_l0", "1.B_l0"])
  }

  /// ONNX Runtime's operators make zeros of the states of a sequence without steps.
  @Test func `keeps the states of sequences without steps itself`() throws {
    let operations = try graph(ONNXExportOptions(lengths: true, states: true)).graph.nodes.map(\.operation)
    #expect(operations.count { $0 == "Where" } == 3)
    // Zeros are zeros.
    #expect(
      try !graph(ONNXExportOptions(lengths: true, states: false)).graph.nodes.contains { $0.operation == "Where" })
  }
}
