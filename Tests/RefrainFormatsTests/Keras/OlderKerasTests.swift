import Foundation
import Refrain
import RefrainData
import Testing

@testable import RefrainFormats

/// Models as each age of Keras writes them, with what Keras makes of an input: `Tests/Fixtures/keras/make_older.py`.
@Suite struct `A Keras model of any age` {
  private static let files: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: KerasFixtures.folder + "older")) ?? [])
    .filter { $0.hasSuffix(".h5") || $0.hasSuffix(".keras") }.sorted()

  private static let results = try? HDF5Tree(bytes: KerasFixtures.bytes("older.h5"), below: "cases")

  private func tensor(_ file: String, _ name: String) throws -> Tensor {
    let parts = file.split(separator: ".")[0].split(separator: "_").dropFirst()
    let array = try #require(Self.results?.arrays["cases/\(parts.joined(separator: "_"))/\(name)"], "\(file)")
    return Tensor(array.values.floats, shape: array.shape)
  }

  private func difference(_ found: Tensor, _ expected: Tensor) -> Float {
    guard found.shape == expected.shape else { return .infinity }
    return zip(found.values, expected.values).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? .infinity
  }

  @Test func `is there in every form`() {
    #expect(Self.files.count == 60)
    for age in ["k1_", "k22_", "k2_", "k3_", "windows_"] { #expect(Self.files.contains { $0.hasPrefix(age) }) }
  }

  @Test(arguments: files) func `gives what Keras gives`(file: String) throws {
    let model = try KerasFile.read(KerasFixtures.folder + "older/" + file)
    #expect(difference(model(try tensor(file, "input")), try tensor(file, "output")) <= 1e-5)
  }

  @Test(arguments: files) func `comes back from Refrain's own file, and from Keras' and ONNX' where they have it`(
    file: String
  ) throws {
    let model = try KerasFile.read(KerasFixtures.folder + "older/" + file)
    let input = try tensor(file, "input")
    let output = model(input)
    let own = try Sequential(SafeTensorsFile(bytes: model.fileContents().bytes()))
    #expect(own(input) == output)
    // The old hard sigmoid, and reversed steps, have no name in Keras 3.
    if !file.contains("hard.") && !file.contains("k1_gru") && !file.contains("k22_gru") && !file.contains("reversed") {
      #expect(try KerasFile.read(bytes: KerasFile.bytes(of: model))(input) == output)
    }
  }

  @Test func `of weights alone is named for what it is, with a way on`() throws {
    let bytes = try KerasFixtures.bytes("stack.weights.h5")
    #expect(try formatName(bytes) == "kerasWeights")
    let error = try #require(throws: DataError.self) {
      try KerasWeightsFormat.model(in: ForeignFile(bytes: bytes), assuming: StateAssumptions())
    }
    #expect(error.description.contains("weights without the model; in Keras build the model, call its load_weights"))
  }

  @Test func `is known for a model by its attribute`() throws {
    #expect(try formatName(KerasFixtures.bytes("older/k1_lstm.h5")) == "keras")
    #expect(try formatName(KerasFixtures.bytes("older/k3_lstm.h5")) == "keras")
  }

  @Test func `that is stateful says that it begins anew`() throws {
    var config = try JSONValue(
      ZipArchive(bytes: KerasFixtures.bytes("older/k3_lstm.keras")).contents(of: "config.json"))
    config = try JSONValue(
      Array(config.text.replacingOccurrences(of: "\"stateful\":false", with: "\"stateful\":true").utf8))
    #expect(try KerasModel(config: config).notes.first == "LSTM 'lstm': stateful: here every run begins with zeros")
  }

  @Test(arguments: ["k1_lstm.h5", "k3_lstm.h5"]) func `that is damaged is refused, and never stops the program`(
    file: String
  ) throws {
    let bytes = try KerasFixtures.bytes("older/" + file)
    var generator = RandomGenerator(seed: 3)
    for _ in 0..<400 {
      var damaged = bytes
      for _ in 0..<(1 + generator.integer(below: 3)) {
        damaged[generator.integer(below: damaged.count)] = UInt8(generator.integer(below: 256))
      }
      _ = try? KerasFile.read(bytes: damaged)
      _ = try? KerasFile.read(bytes: Array(bytes.prefix(generator.integer(below: bytes.count))))
    }
  }
}
