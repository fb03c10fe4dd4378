import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

/// A model with inputs and the outputs that another program computes, from a file of `Tests/Fixtures/onnx` whose format
/// `cases.py` describes.
struct ONNXCase: Sendable, CustomTestStringConvertible {
  var name: String
  var relativeTolerance: Float
  var absoluteTolerance: Float
  var model: [UInt8]
  var inputs: [String: NumericArray]
  var outputs: [String: NumericArray]

  var testDescription: String { name }

  /// The cases of `<name>.cases`, `<name>_2.cases` and so on.
  static func load(_ name: String) throws -> [ONNXCase] {
    var cases: [ONNXCase] = []
    for part in 1... {
      let path = fixturePath("onnx/\(name)\(part == 1 ? "" : "_\(part)").cases")
      guard part == 1 || FileManager.default.fileExists(atPath: path) else { break }
      var reader = Reader(bytes: try readFile(path))
      for _ in 0..<reader.number() { cases.append(try reader.readCase()) }
    }
    return cases
  }

  private struct Reader {
    var bytes: [UInt8]
    var at = 0

    mutating func number() -> Int {
      defer { at += 4 }
      return bytes[at..<at + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func run() -> [UInt8] {
      let count = number()
      defer { at += count }
      return Array(bytes[at..<at + count])
    }

    mutating func tensors() throws -> [String: NumericArray] {
      var arrays: [String: NumericArray] = [:]
      for _ in 0..<number() {
        let proto = try ONNXMessage.Tensor(encoded: run())
        arrays[proto.name] = try ONNXValue(proto, proto.name, external: nil).array
      }
      return arrays
    }

    mutating func readCase() throws -> ONNXCase {
      let name = String(decoding: run(), as: UTF8.self)
      let relative = Float(bitPattern: UInt32(number()))
      let absolute = Float(bitPattern: UInt32(number()))
      return ONNXCase(
        name: name, relativeTolerance: relative, absoluteTolerance: absolute, model: run(), inputs: try tensors(),
        outputs: try tensors())
    }
  }

  /// Runs the model and says what is wrong with its outputs, or nil.
  func fault() -> String? {
    do throws(DataError) {
      let results = try ONNXModel(bytes: model).run(inputs)
      for (name, expected) in outputs {
        guard let result = results[name] else { return "no output \(name)" }
        guard result.type == expected.type, result.shape == expected.shape else {
          return "\(name): \(result.type) \(result.shape), expected \(expected.type) \(expected.shape)"
        }
        if let difference = difference(result.values, expected.values) { return "\(name): \(difference)" }
      }
      return nil
    } catch {
      return error.description
    }
  }

  private func difference(_ values: NumericArray.Values, _ expected: NumericArray.Values) -> String? {
    guard case .floats(let a) = values, case .floats(let b) = expected else {
      return values == expected ? nil : "\(values) instead of \(expected)"
    }
    let size = b.reduce(Float(0)) { $1.isFinite ? max($0, $1.magnitude) : $0 }
    for (index, (x, y)) in zip(a, b).enumerated() {
      let isClose = x == y || x.isNaN && y.isNaN || (x - y).magnitude <= absoluteTolerance + relativeTolerance * size
      if !isClose { return "value \(index) is \(x) instead of \(y)" }
    }
    return nil
  }
}
