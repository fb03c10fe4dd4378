import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

/// What lies in `Tests/Fixtures/keras`.
enum KerasFixtures {
  static let folder = fixturePath("keras") + "/"

  static let names: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".keras") }
    .map { String($0.dropLast(6)) }.sorted()

  static let results = try? HDF5Tree(bytes: bytes("cases.h5"), below: "cases")

  static func bytes(_ file: String) throws -> [UInt8] { try fixture("keras/" + file) }

  static func tensor(_ path: String) throws -> Tensor {
    let array = try #require(results?.arrays["cases/" + path], "\(path)")
    return Tensor(array.values.floats, shape: array.shape)
  }
}

@Suite struct `A Keras file` {
  /// The greatest difference at the steps that count.
  private func difference(_ found: Tensor, _ expected: Tensor, _ name: String) throws -> Float {
    guard found.shape == expected.shape else { return .infinity }
    var differences = zip(found.values, expected.values).map { $1.isFinite ? abs($0 - $1) : .infinity }
    if let valid = KerasFixtures.results?.arrays["cases/\(name)/valid"]?.values.floats {
      let width = differences.count / valid.count
      for index in differences.indices where valid[index / width] == 0 { differences[index] = 0 }
    }
    return differences.max() ?? 0
  }

  @Test func `is there for every case`() { #expect(KerasFixtures.names.count == 36) }

  @Test(arguments: KerasFixtures.names) func `gives what Keras gives, and comes back the same`(name: String) throws {
    let (input, expected) = (try KerasFixtures.tensor("\(name)/input"), try KerasFixtures.tensor("\(name)/output"))
    let model = try KerasFile.read(KerasFixtures.folder + name + ".keras")
    let output = model(input)
    #expect(try difference(output, expected, name) <= 1e-5)

    let bytes = try KerasFile.bytes(of: model)
    #expect(try KerasFile.bytes(of: model) == bytes)
    #expect(try KerasFile.read(bytes: bytes)(input) == output)
    let weights = try KerasFile.weightBytes(of: model)
    var other = model.mapTensors { $0 * 0 }
    try KerasFile.readWeights(bytes: weights, into: &other)
    #expect(other(input) == output)

    if let folder = ProcessInfo.processInfo.environment["REFRAIN_KERAS_FOLDER"] {
      try KerasFile.write(model, to: "\(folder)/\(name).keras")
      try KerasFile.writeWeights(of: model, to: "\(folder)/\(name).weights.h5")
    }
  }

  @Test func `of weights alone fills a model with the same layers`() throws {
    var model = Sequential(inputSize: 3, seed: 1) {
      LSTM(6, returning: .everyStep)
      GRU(5, returning: .everyStep)
      LSTM(4)
      Dense(3, activation: .relu)
      Dense(2)
    }
    try KerasFile.readWeights(KerasFixtures.folder + "stack.weights.h5", into: &model)
    let output = model(try KerasFixtures.tensor("stack/input"))
    #expect(try difference(output, KerasFixtures.tensor("stack/output"), "stack") <= 1e-5)
  }

  @Test func `of layers with dropout keeps the rates`() throws {
    let model = try KerasFile.read(KerasFixtures.folder + "lstm_dropout.keras")
    #expect((model.layers[0] as? LSTM)?.regularization.inputDropout == 0.25)
    #expect((model.layers[0] as? LSTM)?.regularization.recurrentDropout == 0.5)
    #expect((model.layers[1] as? Dropout)?.configuration.rate == 0.1)
  }

  private func error(_ bytes: [UInt8]) throws -> DataError {
    try #require(throws: DataError.self) { try KerasFile.read(bytes: bytes) }
  }

  /// A `.keras` file of these entries.
  private func archive(_ entries: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    var writer = ZipWriter()
    for entry in entries { writer.add(entry.name, entry.bytes) }
    return writer.bytes()
  }

  @Test func `is refused when it is none`() throws {
    #expect(try error(Array("no zip at all".utf8)).code == .wrongFormat)
    #expect(try error([]).code == .wrongFormat)
    #expect(try error(archive([("config.json", [])])).code == .wrongFormat)
    let refusal = try error(KerasFixtures.bytes("stack.weights.h5"))
    #expect(refusal.code == .wrongFormat && refusal.problem.contains("weights without the model"))
  }

  @Test func `is refused when config or weights are damaged`() throws {
    let good = try ZipArchive(bytes: KerasFixtures.bytes("stack.keras"))
    let (config, weights) = (try good.contents(of: "config.json"), try good.contents(of: "model.weights.h5"))
    func error(config: [UInt8]? = nil, weights: [UInt8]? = nil) throws -> DataError {
      let entries = [
        ("config.json", config ?? good[config: "config.json"]),
        ("model.weights.h5", weights ?? good[config: "model.weights.h5"]),
      ]
      return try self.error(archive(entries))
    }
    let deep = Array(String(repeating: "[", count: 1_000_000).utf8)
    #expect(try error(config: deep).problem.hasPrefix("config.json is no JSON"))
    #expect(try error(config: Array("{}".utf8)).code == .unsupportedContent)
    let other = String(decoding: config, as: UTF8.self).replacingOccurrences(
      of: "\"units\": 6", with: "\"units\": 600000")
    #expect(try error(config: Array(other.utf8)).problem.contains("expected [3, 2400000]"))
    #expect(try error(weights: Array("garbage".utf8)).code == .wrongFormat)
    #expect(try error(weights: weights.prefix(96) + weights.dropFirst(96).map { ~$0 }).code == .damagedFile)
    #expect(try error(weights: Array(weights.prefix(weights.count / 2))).code == .damagedFile)
    #expect(try error(weights: HDF5Tree().bytes()).problem.contains("'layers/lstm/cell/vars/0' is missing"))
  }
}

extension ZipArchive {
  fileprivate subscript(config name: String) -> [UInt8] { (try? contents(of: name)) ?? [] }
}
