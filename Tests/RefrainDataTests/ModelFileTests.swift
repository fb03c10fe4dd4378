import Foundation
import Refrain
import RefrainData
import Testing

@Suite("Model files") struct ModelFileTests {
  private let path = FileManager.default.temporaryDirectory
    .appendingPathComponent("\(UUID().uuidString).safetensors").path

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
    try Data("no model".utf8).write(to: URL(filePath: path))
    #expect(throws: DataError.self) { try Sequential(contentsOf: path) }
  }
}
