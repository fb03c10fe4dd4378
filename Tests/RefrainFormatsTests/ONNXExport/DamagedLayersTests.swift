import Foundation
import Refrain
import RefrainData
import RefrainFormats
import RefrainTestSupport
import Testing

@Suite struct `Layers read from damaged graphs` {
  private static let names = ["last_step_script", "last_hidden_dynamo", "every_step_dynamo", "both_ends_script"]

  /// The bytes with a few of them replaced, more often before the weights than in them.
  private func damaged(_ bytes: [UInt8], using generator: inout RandomGenerator) -> [UInt8] {
    var bytes = bytes
    func draw(below limit: Int) -> Int { min(limit - 1, Int(generator.uniform() * Float(limit))) }
    for _ in 0...draw(below: 3) {
      let place = draw(below: bytes.count)
      bytes[place] = draw(below: 3) == 0 ? bytes[place] ^ (1 << draw(below: 8)) : UInt8(draw(below: 256))
    }
    return bytes
  }

  @Test func `are refused or run`() throws {
    var generator = RandomGenerator(seed: 7)
    let files = try Self.names.map { try fixture("onnx-layers/\($0).onnx") }
    let names = [
      "opset_17", "concatenate_lastStep", "stacked_highway_everyStep", "stacked_depthWise_lastStep", "convolutions",
    ]
    let exports = try ExportCase.all.filter { example in names.contains { example.name.contains($0) } }
      .map { try $0.model.onnx($0.options) }
    var found = 0
    for bytes in files + exports {
      for _ in 0..<200 {
        guard let graph = try? ONNXModel(bytes: damaged(bytes, using: &generator)), let layers = try? ONNXLayers(graph)
        else { continue }
        let shape = layers.model.configuration.inputShape.map { $0 ?? 2 }
        guard shape.allSatisfy({ $0 < 100 }), elementCount(of: shape) ?? .max < 10_000 else { continue }
        found += 1
        _ = layers.model(Tensor.zeros(shape))
      }
    }
    // Most damage lies in weights and names, and is none to the graph.
    #expect(found > 100)
  }

  @Test func `need no more than a chain of a thousand`() throws {
    let model = Sequential(inputSize: 1) { (0..<1001).map { _ in Dense(1) } }
    let graph = try ONNXModel(bytes: model.onnx())
    #expect(throws: DataError.self) { try ONNXLayers(graph) }
    let shorter = Sequential(inputSize: 1) { (0..<1000).map { _ in Dense(1) } }
    #expect(try ONNXLayers(ONNXModel(bytes: shorter.onnx())).model.layers.count == 1000)
  }
}
