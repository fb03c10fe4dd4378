import Foundation
import Refrain
import RefrainData
import RefrainModels
import Testing

@testable import RefrainServer

@Suite("The Open Inference Protocol")
struct InferenceTests {
  let models: [String: LoadedModel.Model] = [
    "small": .sequential(smallModel()), "last": .sequential(lastStepModel()), "tokens": .sequential(tokenModel()),
  ]

  private func request(_ data: [Float], _ shape: [Int], _ more: String = "") -> String {
    "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":\(shape),\"data\":\(data)}]\(more)}"
  }

  @Test("The server, its models and their tensors are described, with and without the version")
  func metadata() async throws {
    let test = try TestService(models)
    let server = try await test.ask("GET", "/v2").json
    let extensions = server["extensions"].array?.compactMap(\.string) ?? []
    #expect(extensions.contains("sequence") && extensions.contains("binary_tensor_data"))
    // Models are listed, and not loaded and unloaded.
    #expect(!extensions.contains("model_repository"))
    #expect(try await test.ask("GET", "/v2/health/live").status == 200)
    #expect(try await test.ask("GET", "/v2/health/ready").status == 200)
    let model = try await test.ask("GET", "/v2/models/small").json
    #expect(model["inputs"].array?.first?["shape"] == [-1, -1, 3])
    #expect(model["outputs"].array?.first?["shape"] == [-1, -1, 2])
    #expect(try await test.ask("GET", "/v2/models/small/versions/1").json == model)
    #expect(try await test.ask("GET", "/v2/models/small/versions/1/ready").status == 200)
    #expect(try await test.ask("GET", "/v2/models/small/versions/2/ready").status == 404)
    #expect(try await test.ask("GET", "/v2/models/none/ready").status == 404)
    #expect(try await test.ask("GET", "/v2/models/tokens/config").text.contains("TYPE_INT64"))
  }

  @Test("Numbers in JSON and in bytes give the bits of the library")
  func inference() async throws {
    let (test, layers) = (try TestService(models), smallModel())
    let values = wave(3, steps: 10)
    let expected = layers(Tensor(values, shape: [2, 5, 3])).values
    let json = try await test.ask(
      "POST", "/v2/models/small/infer", json: request(values, [2, 5, 3], ",\"id\":\"seven\""))
    try #require(json.status == 200, "\(json.text)")
    let output = try #require(try json.json["outputs"].array?.first)
    #expect(floats(output["data"]) == expected)
    #expect(output["shape"] == [2, 5, 2])
    #expect(try json.json["id"].string == "seven")

    let head =
      "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[2,5,3],\"parameters\":"
      + "{\"binary_data_size\":120}}],\"parameters\":{\"binary_data_output\":true}}"
    let binary = try await test.ask(
      "POST", "/v2/models/small/versions/1/infer", body: Array(head.utf8) + bytes(of: values), type: MediaType.bytes,
      headers: ["Inference-Header-Content-Length": "\(head.utf8.count)"])
    try #require(binary.status == 200, "\(binary.text)")
    let length = try #require(Int(binary.headers[.inferenceHeaderLength] ?? ""))
    #expect(floats(of: Array(binary.bytes[length...])) == expected)
    let answer = try JSONValue(Array(binary.bytes[..<length]))
    #expect(answer["outputs"].array?.first?["parameters"]["binary_data_size"] == 80)

    // Both are counted, and so are the steps of sessions.
    let id = try await test.session("small")
    _ = try await test.push(id, wave(3, steps: 4))
    let all = try await test.ask("GET", "/v2/models/stats").json["model_stats"].array ?? []
    #expect(all.map { $0["inference_count"] } == [0, 6, 0] && all.map { $0["name"] } == ["last", "small", "tokens"])
    let own = try await test.ask("GET", "/v2/models/small/stats").json["model_stats"]
    #expect(own.array == [all[1]])
    #expect(try await test.ask("GET", "/metrics").text.contains("refrain_inferences_total{model=\"small\"} 2\n"))
  }

  @Test("Lengths, tokens and chosen outputs are understood")
  func variants() async throws {
    let test = try TestService(models)
    let values = wave(3, steps: 8)
    let lengths =
      ",{\"name\":\"lengths\",\"datatype\":\"INT64\",\"shape\":[2],\"data\":[4,2]}],\"outputs\":[{\"name\":\"output\"}]"
    let body = request(values, [2, 4, 3]).replacingOccurrences(of: "]}]}", with: "]}" + lengths + "}")
    let reply = try await test.ask("POST", "/v2/models/last/infer", json: body)
    try #require(reply.status == 200, "\(reply.text)")
    let expected = lastStepModel()(Tensor(values, shape: [2, 4, 3]), lengths: [4, 2]).values
    #expect(floats(try reply.json["outputs"].array?.first?["data"]) == expected)
    let tokens = "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"INT64\",\"shape\":[1,3],\"data\":[[1,2,10]]}]}"
    #expect(try await test.ask("POST", "/v2/models/tokens/infer", json: tokens).status == 200)
    let beyond = tokens.replacingOccurrences(of: "10", with: "11")
    #expect(try await test.ask("POST", "/v2/models/tokens/infer", json: beyond).problem.contains("vocabulary of 11"))
  }

  @Test("A sequence gives, part by part, what the whole gives; its end and its start are kept")
  func sequences() async throws {
    let test = try TestService(models)
    let values = wave(3, steps: 6)
    func part(_ steps: Range<Int>, _ flags: String, model: String = "small") async throws -> Reply {
      let data = Array(values[steps.lowerBound * 3..<steps.upperBound * 3])
      return try await test.ask(
        "POST", "/v2/models/\(model)/infer",
        json: request(data, [1, steps.count, 3], ",\"parameters\":{\"sequence_id\":42\(flags)}"))
    }
    #expect(try await part(0..<1, "").problem.contains("sequence_start"))
    var outputs: [Float] = []
    for (steps, flags) in [(0..<1, ",\"sequence_start\":true"), (1..<4, ""), (4..<6, ",\"sequence_end\":true")] {
      let reply = try await part(steps, flags)
      try #require(reply.status == 200, "\(reply.text)")
      let output = try #require(try reply.json["outputs"].array?.first)
      #expect(output["shape"] == [1, .number(Double(steps.count)), 2])
      outputs += floats(output["data"])
    }
    #expect(outputs == (try pushed(values)))
    #expect(test.service.sessions.counts.live == 0)
    #expect(try await part(0..<1, "").status == 400)
    // A second start begins anew, and two models do not share a number.
    for _ in 0..<2 { #expect(try await part(0..<2, ",\"sequence_start\":true").status == 200) }
    #expect(try await part(0..<2, ",\"sequence_start\":true", model: "last").status == 200)
    #expect(test.service.sessions.counts.live == 2)
    // A model that shows only its last step does so here.
    #expect(try await part(2..<5, "", model: "last").json["outputs"].array?.first?["shape"] == [1, 2])
  }

  @Test("Every digit of a sequence's number counts")
  func longNumbers() async throws {
    let test = try TestService(models)
    let numbers: [UInt64] = [1 << 60, 1 << 60 + 1, .max, .max - 1]
    for (place, number) in numbers.enumerated() {
      let parameters = ",\"parameters\":{\"sequence_id\":\(number),\"sequence_start\":true}"
      let reply = try await test.ask(
        "POST", "/v2/models/small/infer", json: request(wave(3, steps: 1, seed: place), [1, 1, 3], parameters))
      #expect(reply.status == 200, "\(reply.text)")
    }
    #expect(test.service.sessions.counts.live == numbers.count)
    #expect(test.service.sessions.id(of: "\(UInt64.max)", "small", for: nil) != nil)
  }

  @Test(
    "What does not fit is refused with words, and nothing traps",
    arguments: [
      ("", "no JSON"), ("{", "no JSON"), ("[]", "no inputs"), ("{\"inputs\":[]}", "no inputs"),
      ("{\"inputs\":7}", "no inputs"), ("{\"inputs\":[{}]}", "no name"),
      ("{\"inputs\":[{\"name\":\"input\"}]}", "no datatype"),
      ("{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP99\",\"shape\":[1],\"data\":[1]}]}", "FP99"),
      ("{\"inputs\":[{\"name\":\"input\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"a\"]}]}", "BYTES"),
      ("{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[-1,3],\"data\":[1]}]}", "whole numbers"),
      ("{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1.5],\"data\":[1]}]}", "whole numbers"),
      ("{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[0,3],\"data\":[]}]}", "no elements"),
      ("{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,3],\"data\":[1,2]}]}", "2 numbers"),
      ("{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,3],\"data\":[1,2,NaN]}]}", "no JSON"),
      ("{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,3],\"data\":[1,2,1e300]}]}", "beyond"),
      ("{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,3],\"data\":[1,2,\"x\"]}]}", "no number"),
      ("{\"inputs\":[{\"name\":\"input\",\"datatype\":\"INT64\",\"shape\":[1,1,3],\"data\":[1,2,3]}]}", "wants FP32"),
      ("{\"inputs\":[{\"name\":\"input\",\"datatype\":\"INT8\",\"shape\":[1],\"data\":[300]}]}", "INT8"),
      ("{\"inputs\":[{\"name\":\"other\",\"datatype\":\"FP32\",\"shape\":[1],\"data\":[1]}]}", "input"),
      ("{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,4],\"data\":[1,2,3,4]}]}", "shape"),
      (
        "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[2000000000,2000000000,2000000000],\"data\":[1]}]}",
        "more elements"
      ),
      (
        "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[2000000000],\"parameters\":"
          + "{\"binary_data_size\":8000000000}}]}", "binary_data_size"
      ),
      (
        "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,3],\"parameters\":"
          + "{\"binary_data_size\":12}}]}", "0 are left"
      ),
      (
        "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,3],\"data\":[1,2,3]}],\"outputs\":[{\"name\":\"no\"}]}",
        "no output"
      ),
      (
        "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,3],\"data\":[1,2,3]}],\"parameters\":{\"sequence_id\":-1}}",
        "sequence_id"
      ),
      (
        "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,3],\"data\":[1,2,3]}],\"parameters\":{\"sequence_start\":true}}",
        "need a sequence_id"
      ),
      (
        "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[2,1,3],\"data\":[1,2,3,4,5,6]}],\"parameters\":{\"sequence_id\":1,\"sequence_start\":true}}",
        "part of a sequence"
      ),
      (
        "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,2,3],\"data\":[[1,2],[3,4],[5,6]]}]}",
        "nested otherwise"
      ),
      (
        "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,2,3],\"data\":[[[1,2,3],4,5,6]]}]}",
        "nested otherwise"
      ),
      (
        "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,3],\"data\":[1,2,3]}],"
          + "\"outputs\":[{\"name\":\"output\",\"parameters\":{\"classification\":2}}]}", "class_count"
      ),
      (
        "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,3],\"data\":[1,2,3]}],"
          + "\"parameters\":{\"sequence_id\":18446744073709551616}}", "sequence_id"
      ),
      ("{\"a\":1,\"a\":2}", "twice"),
    ])
  func refusals(_ body: String, _ word: String) async throws {
    let test = try TestService(models)
    let reply = try await test.ask("POST", "/v2/models/small/infer", json: body)
    #expect(reply.status == 400, "\(reply.text)")
    #expect(reply.problem.contains(word), "\(reply.problem)")
    #expect(test.service.sessions.counts.live == 0)
  }

  @Test("JSON as deep as it is long, a header longer than the body, and numbers that are none are refused")
  func hostile() async throws {
    let test = try TestService(models)
    let deep = String(repeating: "[", count: 100_000)
    #expect(try await test.ask("POST", "/v2/models/small/infer", json: deep).status == 400)
    for length in ["99", "-1", "x", "9223372036854775808"] {
      let reply = try await test.ask(
        "POST", "/v2/models/small/infer", json: "{}", headers: ["Inference-Header-Content-Length": length])
      #expect(reply.status == 400)
    }
    // What is no number passes through in bytes, and JSON says null for it.
    let head =
      "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,3],\"parameters\":"
      + "{\"binary_data_size\":12}}]}"
    let reply = try await test.ask(
      "POST", "/v2/models/small/infer", body: Array(head.utf8) + bytes(of: [.nan, .infinity, 0]),
      headers: ["Inference-Header-Content-Length": "\(head.utf8.count)"])
    #expect(reply.status == 200 && reply.text.contains("null"), "\(reply.text)")
  }
}
