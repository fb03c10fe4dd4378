import Foundation
import Refrain
import RefrainData
import RefrainModels
import RefrainTasks
import RefrainTestSupport
import Testing

@testable import RefrainServer

/// Sessions that hear recordings as they come.
@Suite("Sessions of recordings") struct LiveRecordingTests {
  private static let trained = trainedOnce { try Trained($0) }

  private struct Trained {
    let recogniser: Transcriber
    /// Of cepstral coefficients and their changes, which need the rows that follow.
    let cepstral: Transcriber
    let bothWays: Transcriber
    let listener: Classifier

    init(_ folder: String) throws {
      let tiny = tinyOptions(layers: 2)
      var (texts, classes) = ("audio,text\n", "sound,label\n")
      for number in 0..<24 {
        try LiveRecordingTests.sound(number).write(to: "\(folder)/\(number).wav")
        texts += "\(number).wav,\(number % 2 == 0 ? "low" : "hi")\n"
        classes += "\(number).wav,\(number % 2 == 0 ? "low" : "high")\n"
      }
      try writeAtomically(texts, to: folder + "/texts.csv")
      try writeAtomically(classes, to: folder + "/classes.csv")
      func transcriber(isLive: Bool, _ features: Transcriber.Features? = nil) throws -> Transcriber {
        var configuration = Transcriber.Configuration()
        try configuration.choose(tiny)
        (configuration.isLive, configuration.features) = (isLive, features)
        let source = DataSource(paths: [folder + "/texts.csv"])
        return try Transcriber.train(
          on: Transcriber.examples(from: source, configuration), configuration, TrainingContext())
      }
      (recogniser, bothWays) = try (transcriber(isLive: true), transcriber(isLive: false))
      cepstral = try transcriber(isLive: true, .mfcc)
      var classify = Classifier.Configuration()
      try classify.choose(tiny)
      (classify.columns.readsForward, classify.columns.members) = (true, 2)
      let sounds = DataSource(paths: [folder + "/classes.csv"])
      listener = try Classifier.train(on: Classifier.examples(from: sounds, classify), classify, TrainingContext())
    }
  }

  /// About half a second at 8 kHz: a low tone or a high one, which comes and goes.
  private static func sound(_ number: Int) -> Recording {
    let frequency = number % 2 == 0 ? 300.0 + Double(number) : 1800 + Double(number)
    return Recording(
      (0..<4000 + 37 * number).map { time in
        let loudness = 0.1 + 0.3 * abs(sin(Double(time) / 900))
        return Float(sin(Double(time) * frequency * 2 * .pi / 8000) * loudness)
      }, sampleRate: 8000)
  }

  private static let models: [String: LoadedModel.Model] = [
    "speech": .task(trained.recogniser), "both": .task(trained.bothWays), "tones": .task(trained.listener),
    "small": .sequential(smallModel()), "cepstra": .task(trained.cepstral),
  ]

  private func service(_ change: (inout ServerSettings) -> Void = { _ in }) throws -> TestService {
    try TestService(Self.models, change: change)
  }

  /// A recording as the file of it says, and the file.
  private func recording(_ number: Int) throws -> (samples: [Float], wav: [UInt8]) {
    var samples: [Float] = []
    var wav: [UInt8] = []
    try withTemporaryFolder { folder in
      try Self.sound(number).write(to: folder + "/a.wav")
      samples = try Recording(contentsOf: folder + "/a.wav").mono
      wav = try readFile(folder + "/a.wav")
    }
    return (samples, wav)
  }

  /// Samples in parts: what is said to each.
  private func hear(
    _ test: TestService, _ session: String, _ samples: [Float], by size: Int
  ) async throws -> [JSONValue] {
    var said: [JSONValue] = []
    for start in stride(from: 0, to: samples.count, by: size) {
      let part = Array(samples[start..<min(start + size, samples.count)])
      let reply = try await test.ask(
        "POST", "/sessions/\(session)/steps", body: bytes(of: part), type: MediaType.bytes)
      try #require(reply.status == 200, "\(reply.text)")
      #expect(try reply.json["steps"].integer == start + part.count)
      said += try reply.json["outputs"].array ?? []
    }
    return said
  }

  private func end(_ test: TestService, _ session: String) async throws -> JSONValue {
    let reply = try await test.ask("POST", "/sessions/\(session)/steps", json: "{\"end\":true}")
    try #require(reply.status == 200, "\(reply.text)")
    return try reply.json["outputs"].array?.last ?? .null
  }

  @Test(
    "What is said of a recording does not depend on how it is cut or who else is there, and at its end is the task's answer",
    arguments: ["speech", "cepstra", "tones"])
  func recordings(model: String) async throws {
    let test = try service()
    let (samples, wav) = try recording(5)
    let alone = try await test.session(model)
    let said = try await hear(test, alone, samples, by: samples.count)
    #expect(said.count == 1 && said[0]["final"] == false, "\(said)")
    #expect(said[0]["seconds"].number.map { abs($0 - Double(samples.count) / 8000) < 1e-3 } == true)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for size in [1000, 333, 160, 2500] {
        group.addTask {
          let id = try await test.session(model)
          let parts = try await hear(test, id, samples, by: size)
          #expect(parts.last == said[0], "\(size): \(parts.last?.text ?? "") and \(said[0].text)")
          #expect(parts.count == (samples.count + size - 1) / size)
        }
        group.addTask {
          let id = try await test.session(model)
          _ = try await hear(test, id, recording(size % 7).samples, by: 700)
        }
      }
      try await group.waitForAll()
    }
    let whole = try await test.ask("POST", "/tasks/\(model)/predict", body: wav, type: "audio/wav")
    let last = try await end(test, alone)
    #expect(try last["final"] == true && last["answer"] == whole.json.array?.first, "\(last.text) \(whole.text)")
    // The next recording.
    #expect(try await hear(test, alone, samples, by: samples.count) == said)
    // A classifier answers what it has heard as it answers all of it, but for the last bits, and the end of it.
    if model == "tones", let own = said[0]["answer"]["probability"].number {
      #expect(abs(own - (last["answer"]["probability"].number ?? 0)) < 0.1)
    }
  }

  @Test(
    "A recording goes on from a snapshot, in a fork, in another copy and from the disk",
    arguments: ["speech", "cepstra", "tones"])
  func recordingStates(model: String) async throws {
    let folder = temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let test = try service { ($0.sessionFolder, $0.sessions) = (folder, 2) }
    let samples = try recording(3).samples
    let (first, second) = (Array(samples[..<1700]), Array(samples[1700...]))
    var id = try await test.session(model)
    _ = try await hear(test, id, first, by: 450)
    _ = try await test.ask("POST", "/sessions/\(id)/snapshots")
    let state = try await test.ask("GET", "/sessions/\(id)/state").bytes
    let expected = try await test.ask(
      "POST", "/sessions/\(id)/steps", body: bytes(of: second), type: MediaType.bytes
    ).json["outputs"]
    let final = try await end(test, id)
    #expect(try await test.ask("GET", "/sessions/\(id)").json["steps"] == 0)
    for way in ["restore", "fork", "upload", "disk"] {
      switch way {
      case "restore": _ = try await test.ask("POST", "/sessions/\(id)/restore", json: "{\"snapshot\":\"1\"}")
      case "fork":
        let reply = try await test.ask("POST", "/sessions/\(id)/fork", json: "{\"snapshot\":\"1\"}")
        id = try #require(try reply.json["id"].string)
      case "upload":
        id = try await test.session(model)
        let reply = try await test.ask("PUT", "/sessions/\(id)/state", body: state, type: MediaType.bytes)
        #expect(reply.status == 200, "\(reply.text)")
      default:
        _ = try await test.ask("PUT", "/sessions/\(id)/state", body: state, type: MediaType.bytes)
        // Others take its place in memory.
        for _ in 0..<2 { _ = try await test.session("small") }
        #expect(test.service.sessions.counts.stored >= 1)
      }
      let reply = try await test.ask(
        "POST", "/sessions/\(id)/steps", body: bytes(of: second), type: MediaType.bytes)
      #expect(try reply.json["outputs"] == expected, "\(way): \(reply.text)")
      #expect(try await end(test, id) == final, "\(way)")
    }
  }

  @Test("What reads from both ends has no sessions and says why; what is no sample is refused and changes nothing")
  func refusals() async throws {
    let test = try service()
    let reply = try await test.ask("POST", "/sessions", json: "{\"model\":\"both\"}")
    #expect(reply.status == 400 && reply.problem.contains("from both ends"), "\(reply.text)")
    #expect(!reply.problem.contains("\n"))
    let id = try await test.session("speech")
    let short = try await test.ask("POST", "/sessions/\(id)/steps", json: "{\"end\":true}")
    #expect(short.status == 400 && short.problem.contains("shorter than a frame"), "\(short.text)")
    for (body, word) in [
      ("{\"inputs\":[0.1,1e30]}", "beyond"), ("{\"inputs\":[\"a\"]}", "no number"), ("{\"end\":1}", "'end'"),
      ("{\"end\":false}", "no steps"), ("{}", "no steps"), ("{\"text\":\"a\"}", "no steps"),
      ("{\"input\":[1,2]}", "2 numbers"), ("{\"input\":1,\"more\":2}", "'more'"),
    ] {
      let reply = try await test.ask("POST", "/sessions/\(id)/steps", json: body)
      #expect(reply.status == 400 && reply.problem.contains(word), "\(body): \(reply.text)")
    }
    #expect(try await test.ask("POST", "/sessions/\(id)/steps", body: [1, 2, 3], type: MediaType.bytes).status == 400)
    #expect(try await test.ask("GET", "/sessions/\(id)/next").status == 400)
    #expect(try await test.ask("POST", "/sessions/\(id)/generate").status == 400)
    #expect(try await test.ask("GET", "/sessions/\(id)").json["steps"] == 0)
    // 120 seconds are the most of a classifier: half of that twice, and then a sample.
    let tones = try await test.session("tones")
    let minute = bytes(of: [Float](repeating: 0.01, count: 480_000))
    /// The tensors of the state, and its notes.
    func state() async throws -> ([String: [Float]], [String: JSONValue]) {
      let file = try SafeTensorsFile(bytes: try await test.ask("GET", "/sessions/\(tones)/state").bytes)
      let tensors = file.tensors.map { ($0.name, $0.array.values.floats) }
      let notes = file.metadata.filter { ["heard", "session"].contains($0.key) }
      return (Dictionary(tensors) { first, _ in first }, try notes.mapValues { try JSONValue(Array($0.utf8)) })
    }
    var full: ([String: [Float]], [String: JSONValue]) = ([:], [:])
    for (number, status) in [200, 200, 413].enumerated() {
      let body = number == 2 ? bytes(of: [0]) : minute
      let reply = try await test.ask("POST", "/sessions/\(tones)/steps", body: body, type: MediaType.bytes)
      #expect(reply.status == status, "\(reply.text)")
      if number == 1 { full = try await state() }
    }
    // What is too much is not taken in part.
    let much = "{\"inputs\":[0,0.5],\"end\":true}"
    #expect(try await test.ask("POST", "/sessions/\(tones)/steps", json: much).status == 413)
    #expect(try await test.ask("GET", "/sessions/\(tones)").json["steps"] == 960_000)
    let after = try await state()
    #expect(!full.0.isEmpty && after.0 == full.0 && full.1.count == 2 && after.1 == full.1)
    let whole = try await test.ask("GET", "/models").json["models"].array ?? []
    let kinds = whole.map { "\($0["name"].string ?? ""): \($0["session"]["kind"].string ?? "none")" }
    #expect(kinds == ["both: none", "cepstra: recording", "small: layers", "speech: recording", "tones: recording"])
  }

  @Test("A forged state of a recording is refused")
  func forgeries() async throws {
    let test = try service()
    for (model, body, type) in [
      ("speech", bytes(of: Array(repeating: 0.1, count: 1000)), MediaType.bytes),
      ("tones", bytes(of: Array(repeating: 0.1, count: 1000)), MediaType.bytes),
      ("cepstra", bytes(of: Array(repeating: 0.1, count: 1000)), MediaType.bytes),
    ] {
      let id = try await test.session(model)
      try #require(try await test.ask("POST", "/sessions/\(id)/steps", body: body, type: type).status == 200)
      let state = try await test.ask("GET", "/sessions/\(id)/state").bytes
      let file = try SafeTensorsFile(bytes: state)
      for name in file.metadata.keys where name == "heard" {
        var forged = file
        forged.metadata[name] = "{}"
        let reply = try await test.ask(
          "PUT", "/sessions/\(id)/state", body: try forged.bytes(), type: MediaType.bytes)
        #expect(reply.status == 400, "\(name): \(reply.text)")
        for (old, new) in [("\"read\":", "\"read\":9"), ("\"gap\":", "\"gap\":77"), ("\"last\":", "\"last\":1000")] {
          guard let text = file.metadata[name], text.contains(old) else { continue }
          forged.metadata[name] = text.replacing(old, with: new)
          let reply = try await test.ask(
            "PUT", "/sessions/\(id)/state", body: try forged.bytes(), type: MediaType.bytes)
          #expect(reply.status == 400 || old == "\"last\":", "\(name) \(old): \(reply.text)")
        }
      }
      // What is near the greatest number there is overflows nothing; 12 is a multiple of how many rows are a step.
      for (name, number) in [("read", Int.max / 12 * 12), ("units", .max), ("gap", .max), ("steps", .max)] {
        let key = name == "steps" ? "session" : "heard"
        var forged = file
        let text = try #require(file.metadata[key])
        forged.metadata[key] = try text.replacing(Regex("\"\(name)\":\\d+"), with: "\"\(name)\":\(number)")
        #expect(forged.metadata[key] != text, "\(name)")
        let reply = try await test.ask("PUT", "/sessions/\(id)/state", body: try forged.bytes(), type: MediaType.bytes)
        #expect(reply.status == 400, "\(name): \(reply.text)")
      }
      if model == "tones" {
        // No step at all has a share in the mean of attention: it ends with the sum of the shares, and a score.
        var forged = file
        let index = try #require(file.tensors.firstIndex { $0.name == "said.0" })
        var numbers = file.tensors[index].array.values.floats
        #expect(numbers[numbers.count - 2] >= 1)
        numbers[numbers.count - 2] = 0
        forged.tensors[index] = NamedArray(name: "said.0", array: NumericArray(numbers, shape: [numbers.count]))
        let reply = try await test.ask("PUT", "/sessions/\(id)/state", body: try forged.bytes(), type: MediaType.bytes)
        #expect(reply.status == 400, "\(reply.text)")
      }
      for index in file.tensors.indices where ["rows", "said.0"].contains(file.tensors[index].name) {
        var forged = file
        let array = NumericArray([Float](repeating: 1e7, count: 3), shape: [3])
        forged.tensors[index] = NamedArray(name: file.tensors[index].name, array: array)
        let reply = try await test.ask("PUT", "/sessions/\(id)/state", body: try forged.bytes(), type: MediaType.bytes)
        #expect(reply.status == 400, "\(file.tensors[index].name): \(reply.text)")
      }
      #expect(try await test.ask("POST", "/sessions/\(id)/steps", body: body, type: type).status == 200)
    }
  }

  @Test("A WebSocket takes samples as they come, and a streamed body too")
  func sockets() async throws {
    let samples = try recording(4).samples
    let expected = try await {
      let test = try service()
      let id = try await test.session("speech")
      _ = try await hear(test, id, samples, by: 900)
      return try await end(test, id)
    }()
    try await serving(Self.models) { port in
      let socket = try WebSocketClient(port, "/sessions/\(beginSession(port, "speech"))/stream")
      for start in stride(from: 0, to: samples.count, by: 800) {
        try socket.send(bytes(of: Array(samples[start..<min(start + 800, samples.count)])))
        let said = try socket.next().text
        #expect(said.contains("\"final\":false"), "\(said)")
      }
      try socket.send("{\"end\":true}")
      let last = try JSONValue(Array(socket.next().text.utf8))
      #expect(last["outputs"].array?.last == expected, "\(last.text) \(expected.text)")

      let lines = "{\"inputs\":\(Array(samples[..<1000]))}\n{\"inputs\":\(Array(samples[1000...]))}\n{\"end\":true}\n"
      let client = try SocketClient(port)
      try client.send(
        "POST /sessions/\(beginSession(port, "speech"))/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
          + "Content-Length: \(lines.utf8.count)\r\n\r\n\(lines)")
      #expect(try client.waits(for: "{\"step\":\(samples.count),\"output\":{\"final\":true"))
    }
  }
}
