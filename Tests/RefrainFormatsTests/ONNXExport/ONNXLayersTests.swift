import Foundation
import Refrain
import RefrainData
import RefrainFormats
import RefrainTestSupport
import Testing

@Suite struct `Layers read from ONNX` {
  /// Those in which there is no loop.
  static let chains = ExportCase.all.filter { example in
    !ExportCase.loops.contains { $0.name == example.name } && !ExportCase.others.contains { $0.name == example.name }
  }

  @Test(arguments: chains) func `are those that were exported`(example: ExportCase) throws {
    let model = try Sequential(onnx: ONNXModel(bytes: example.model.onnx(example.options)))
    for run in example.runs() {
      let input = run.inputs["input"] ?? Tensor(0)
      let what = "\(example.name) with lengths \(run.lengths ?? [])"
      guard example.options.states else {
        expectClose(model(input, lengths: run.lengths), run.outputs["output"] ?? Tensor(0), what, within: .exported)
        continue
      }
      let initial = model.initialMemory(batch: ExportCase.batch)
      try #require(initial.tensors.count == run.statesBefore.count)
      var memory = initial.replacingTensors(run.statesBefore)
      let output = model(input, steps: Steps(lengths: run.lengths), memory: &memory)
      expectClose(output, run.outputs["output"] ?? Tensor(0), what, within: .exported)
      for (after, expected) in zip(memory.tensors, run.statesAfter) {
        expectClose(after, expected, what + ", states", within: .exported)
      }
    }
  }

  @Test func `keep their kinds`() throws {
    let model = Sequential {
      Embedding(5, 3)
      Bidirectional<PeepholeLSTMCell>(4, returning: .everyStep, merge: .average)
      Recurrent<CoupledGatesLSTMCell>(4, returning: .everyStep, direction: .backward)
      Dropout(0.5)
      LayerNorm()
      GRU(3)
      Dense(2, activation: .gelu)
    }
    let imported = try Sequential(onnx: ONNXModel(bytes: model.onnx()))
    #expect(
      imported.layers.map(kind) == [
        "embedding", "bidirectional-peephole-lstm", "lstm-coupled-gates", "layer-norm", "gru", "dense",
      ])
    #expect(imported.namedTensors.map(\.tensor.shape) == model.namedTensors.map(\.tensor.shape))
    for (found, wanted) in zip(imported.tensors, model.tensors) { #expect(found == wanted) }
  }

  /// The layers of a model, exported and found again, with every weight as it was.
  private func expectSame(_ model: Sequential, _ opset: Int, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let example = ExportCase("", model, ONNXExportOptions(lengths: true, states: false, opset: opset))
    let imported = try Sequential(onnx: ONNXModel(bytes: example.model.onnx(example.options)))
    #expect(imported.layers.map(kind) == model.layers.map(kind), sourceLocation: sourceLocation)
    #expect(imported.namedTensors.map(\.name) == model.namedTensors.map(\.name), sourceLocation: sourceLocation)
    #expect(imported.tensors == example.model.tensors, sourceLocation: sourceLocation)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let (found, wanted) = try (encoder.encode(imported.configuration), encoder.encode(model.configuration))
    #expect(
      String(decoding: found, as: UTF8.self) == String(decoding: wanted, as: UTF8.self), sourceLocation: sourceLocation)
  }

  @Test(arguments: ONNXExportOptions.versions) func `are told all that they were`(opset: Int) throws {
    try expectSame(
      Sequential(inputSize: 3) {
        Masking(-1.5)
        Stacked<LSTM>([4, 4, 4], connection: .residual, returning: .everyStep)
        Activate(.geluExact)
        Stacked<Bidirectional<GRUCell>>([2, 2], connection: .highway, returning: .everyStep)
        Activate(.silu)
        Stacked<LSTM>([4, 4], connection: .depthWise, returning: .everyStep)
        AttentionPooling(size: 3)
        Dense(2, activation: .geluExact)
      }, opset)
    try expectSame(
      Sequential {
        Embedding(5, 3, maskZero: true)
        Stacked<Recurrent<PeepholeLSTMCell>>([4, 4], connection: .residual, initial: .learned)
      }, opset)
    try expectSame(
      Sequential(inputSize: 3) {
        Conv1D(4, kernel: 3, activation: .geluExact)
        Conv1D(5, kernel: 2, stride: 2, padding: .causal, activation: .relu)
        Conv1D(6, kernel: 4, stride: 3, padding: .valid, activation: .gelu)
        LSTM(3)
      }, opset)
  }
}
