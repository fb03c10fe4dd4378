import Foundation
import Refrain
import RefrainData
import RefrainFormats
import RefrainTestSupport
import Testing

/// Models that PyTorch exported, each by its older exporter (`script`) and by the newer one (`dynamo`).
@Suite struct `Layers read from PyTorch's exports` {
  static let exporters = ["script", "dynamo"]

  private func read(_ name: String, _ exporter: String) throws -> ONNXLayers {
    try ONNXLayers(ONNXModel(contentsOf: "\(PyTorchLayers.path)/\(name)_\(exporter).onnx"))
  }

  private func fixture(_ name: String) throws -> Tensor {
    try Fixture("onnx-layers/layers")(name)
  }

  private func expectLayers(_ name: String, _ exporter: String, _ kinds: [String]) throws {
    let layers = try read(name, exporter)
    #expect(layers.model.layers.map(kind) == kinds)
    #expect(!layers.isTimeFirst)
    #expect(layers.input == "x")
    #expect(layers.output == "y")
    expectClose(
      layers.model(try fixture(name + ".input")), try fixture(name + ".output"), "\(name), \(exporter)",
      within: .exported)
  }

  @Test(arguments: exporters) func `are a stack with a linear layer on the last step`(exporter: String) throws {
    try expectLayers("last_step", exporter, ["lstm", "lstm", "dense"])
  }

  @Test(arguments: exporters) func `are a GRU with a perceptron on its final state`(exporter: String) throws {
    try expectLayers("last_hidden", exporter, ["gru", "dense", "dense"])
  }

  @Test(arguments: exporters) func `are a tagger in both directions`(exporter: String) throws {
    try expectLayers(
      "every_step", exporter, ["embedding", "bidirectional-lstm", "bidirectional-lstm", "layer-norm", "dense"])
  }

  @Test(arguments: exporters) func `are both final states side by side`(exporter: String) throws {
    try expectLayers("both_ends", exporter, ["bidirectional-gru", "dense"])
  }

  @Test func `are Elman's network without biases`() throws {
    try expectLayers("plain", "script", ["rnn-relu", "dense"])
  }

  @Test(arguments: exporters) func `are a perceptron with the exact GELU`(exporter: String) throws {
    try expectLayers("gelu", exporter, ["gru", "activate", "dense", "dense"])
    let activations = try read("gelu", exporter).model.layers.map {
      ($0 as? Dense)?.configuration.activation ?? ($0 as? Activate)?.configuration.activation
    }
    #expect(activations == [nil, .geluExact, .geluExact, .identity])
  }

  @Test(arguments: exporters) func `go through time in the order in which the graph has it`(exporter: String) throws {
    let layers = try read("time_first", exporter)
    #expect(layers.isTimeFirst)
    let outputs = layers.model(try fixture("time_first.input").transposed([1, 0, 2]))
    expectClose(outputs.transposed([1, 0, 2]), try fixture("time_first.output"), exporter, within: .exported)
    #expect(layers.isOutputTimeFirst)
    let graph = try ONNXModel(contentsOf: "\(PyTorchLayers.path)/time_first_\(exporter).onnx")
    #expect(try Sequential(onnx: graph).tensors == layers.model.tensors)
  }

  @Test(arguments: exporters) func `go on from a state that the graph is given`(exporter: String) throws {
    let model = try read("stream", exporter).model
    let states = try ["hidden", "cell"].map { try fixture("stream.\($0)").at(0, axis: 0) }
    var memory = model.initialMemory(batch: states[0].shape[0]).replacingTensors(states)
    let outputs = model(try fixture("stream.input"), steps: Steps(), memory: &memory)
    expectClose(outputs, try fixture("stream.output"), exporter, within: .exported)
    for (after, name) in zip(memory.tensors, ["hidden", "cell"]) {
      expectClose(after, try fixture("stream.final.\(name)").at(0, axis: 0), name, within: .exported)
    }
  }

  @Test(arguments: exporters) func `are refused where they are no chain, with the node`(exporter: String) throws {
    let error = #expect(throws: DataError.self) { try read("residual", exporter) }
    #expect(error?.code == .unsupportedContent)
    #expect(error?.description.contains("(Add): it is no layer, nor part of one; the graph can still be run") == true)
  }
}

/// Where the models are.
enum PyTorchLayers {
  static let path = fixturePath("onnx-layers")
}

/// The kind of a layer.
func kind(_ layer: any Layer) -> String {
  func kind<L: Layer>(_ layer: L) -> String { L.kind }
  return kind(layer)
}
