import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

/// `convert --weights`, on models of tasks.
@Suite("Weights of other types", .timeLimit(.minutes(20)))
struct WeightCommandTests {
  let place: Workplace

  init() throws {
    place = try Workplace()
    let words = ["one", "two", "three", "four", "five"]
    let lines = (0..<60).map { (line: Int) -> String in
      (0..<6).map { (word: Int) -> String in words[(line + word * (word + line)) % 5] }.joined(separator: " ")
    }
    try place.write(lines.joined(separator: "\n") + "\n", to: "corpus.txt")
    try place.write(lines.prefix(9).joined(separator: "\n") + "\n", to: "other.txt")
    let trained = try place.run([
      "train", "language", "corpus.txt", "--unit", "words", "--hidden", "64", "--epochs", "1", "--save", "m.model",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
  }

  private func size(_ name: String) throws -> Int { try place.read(name).count }

  @Test("are written and read again, and what they cost is measured on examples")
  func convert() throws {
    for (type, smaller) in [("int8", 2.5), ("bfloat16", 1.6), ("float16", 1.6), ("float32", 0.9)] {
      let result = try place.run(["convert", "m.model", "\(type).model", "--weights", type, "--calibrate", "other.txt"])
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.text.contains("weights as \(type): ") && result.text.contains("perplexity: "), "\(result.text)")
      #expect(try Double(size("m.model")) > smaller * Double(size("\(type).model")))
      let (before, after) = (try perplexity("m.model"), try perplexity("\(type).model"))
      #expect(abs(after - before) / before < 0.02, "\(type): \(before) and \(after)")
    }
    // What is int8 already stays as it is, and becomes float32 again.
    let again = ["convert", "int8.model", "again.model", "--weights", "int8"]
    #expect(try place.run(again).status == 0)
    #expect(try place.read("again.model") == place.read("int8.model"))
    #expect(try place.run(["convert", "int8.model", "back.model", "--weights", "float32"]).status == 0)
    #expect(try size("back.model") > 2 * size("int8.model"))
  }

  private func perplexity(_ model: String) throws -> Double {
    let result = try place.run(["evaluate", model, "other.txt", "--format", "json"])
    let object = try JSONSerialization.jsonObject(with: result.output) as? [String: Any]
    return try #require((object?["measures"] as? [String: Any])?["perplexity"] as? Double, "\(result.errors)")
  }

  @Test("are refused by name where they make no sense")
  func refusals() throws {
    func refused(_ arguments: String..., as status: Int32, naming parts: String...) throws {
      let result = try place.run(["convert"] + arguments)
      expectRefusal(result, status, naming: parts, at: #_sourceLocation)
    }
    try refused("m.model", "n.model", "--weights", "int4", as: 64, naming: "int4")
    try refused("m.model", "n.model", "--calibrate", "other.txt", as: 64, naming: "--weights")
    try refused("m.model", "m.model", "--weights", "int8", as: 64, naming: "same file")
    try refused("m.model", "n.onnx", "--weights", "int8", "--to", "onnx", as: 64, naming: "--weights")
    try refused("m.model", "n.model", "--weights", "int8", "--to", "onnx", as: 64, naming: "--weights")
    for name in ["n.onnx", "n.pt", "n.keras", "n.ONNX"] {
      try refused("m.model", name, "--weights", "int8", as: 64, naming: "--weights", name, ".safetensors")
    }
    try refused(fixturePath("keras/stack.keras"), "n.model", "--weights", "int8", as: 65, naming: "Refrain")
    try refused("m.model", "n.model", "--weights", "int8", "--calibrate", "none.txt", as: 66, naming: "none.txt")
    #expect(try !place.files.contains("n.model"))
  }
}
