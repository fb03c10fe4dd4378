import Foundation
import Refrain
import RefrainData
import RefrainFormats
import Testing

@Suite struct `Layers read from ONNX` {
  /// Cases whose nodes are more than a chain of layers.
  private static let entangled =
    ["residual", "highway", "depthWise", "pooling", "activate"] + ExportCase.loops.map(\.name)

  static let chains = ExportCase.all.filter { example in !entangled.contains { example.name.contains($0) } }
  static let others = ExportCase.all.filter { example in entangled.contains { example.name.contains($0) } }

  @Test(arguments: chains) func `are those that were exported`(example: ExportCase) throws {
    let model = try Sequential(onnx: ONNXModel(bytes: example.model.onnx(example.options)))
    for run in example.runs() {
      let input = run.inputs["input"] ?? Tensor(0)
      let what = "\(example.name) with lengths \(run.lengths ?? [])"
      guard example.options.states else {
        expectClose(model(input, lengths: run.lengths), run.outputs["output"] ?? Tensor(0), what)
        continue
      }
      let initial = model.initialMemory(batch: ExportCase.batch)
      try #require(initial.tensors.count == run.statesBefore.count)
      var memory = initial.replacingTensors(run.statesBefore)
      let output = model(input, steps: Steps(lengths: run.lengths), memory: &memory)
      expectClose(output, run.outputs["output"] ?? Tensor(0), what)
      for (after, expected) in zip(memory.tensors, run.statesAfter) { expectClose(after, expected, what + ", states") }
    }
  }

  @Test(arguments: others) func `are not found where there are others`(example: ExportCase) throws {
    let graph = try ONNXModel(bytes: example.model.onnx(example.options))
    let error = #expect(throws: DataError.self) { try Sequential(onnx: graph) }
    #expect(error?.code == .unsupportedContent)
    #expect(error?.description.hasPrefix("node 'node_") == true, "\(String(describing: error))")
    #expect(error?.remedy == "the graph can still be run")
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
    let raised = try Sequential(onnx: ONNXModel(bytes: model.onnx()))
    #expect(
      raised.layers.map(kind) == [
        "embedding", "bidirectional-peephole-lstm", "lstm-coupled-gates", "layer-norm", "gru", "dense",
      ])
    #expect(raised.namedTensors.map(\.tensor.shape) == model.namedTensors.map(\.tensor.shape))
    for (found, wanted) in zip(raised.tensors, model.tensors) { #expect(found == wanted) }
  }
}
