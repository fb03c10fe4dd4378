import Foundation
import Refrain
import RefrainData
import RefrainModels
import RefrainTasks
import RefrainTestSupport
import Testing

@testable import RefrainServer

/// Sessions of tasks: recordings as they come, texts, frames.
@Suite("Sessions of tasks") struct LiveTaskTests {
  /// Models that are trained once, in no time.
  private static let trained = Trained()

  private struct Trained {
    let recogniser: Transcriber
    let bothWays: Transcriber
    let listener: Classifier
    let language: LanguageModel
    let frames: FramePredictor

    init() {
      do {
        let folder = temporaryPath()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var tiny = SharedOptions()
        (tiny.hidden, tiny.epochs, tiny.layers) = (8, 2, 2)
        var (texts, classes) = ("audio,text\n", "sound,label\n")
        for number in 0..<24 {
          try LiveTaskTests.sound(number).write(to: "\(folder)/\(number).wav")
          texts += "\(number).wav,\(number % 2 == 0 ? "low" : "hi")\n"
          classes += "\(number).wav,\(number % 2 == 0 ? "low" : "high")\n"
        }
        try writeAtomically(texts, to: folder + "/texts.csv")
        try writeAtomically(classes, to: folder + "/classes.csv")
        func transcriber(isLive: Bool) throws -> Transcriber {
          var configuration = Transcriber.Configuration()
          try configuration.choose(tiny)
          configuration.isLive = isLive
          let source = DataSource(paths: [folder + "/texts.csv"])
          return try Transcriber.train(
            on: Transcriber.examples(from: source, configuration), configuration, TrainingContext())
        }
        (recogniser, bothWays) = try (transcriber(isLive: true), transcriber(isLive: false))
        var classify = Classifier.Configuration()
        try classify.choose(tiny)
        (classify.columns.readsForward, classify.columns.members) = (true, 2)
        let sounds = DataSource(paths: [folder + "/classes.csv"])
        listener = try Classifier.train(on: Classifier.examples(from: sounds, classify), classify, TrainingContext())
        var language = LanguageModel.Configuration()
        try language.choose(tiny)
        language.corpus.unit = .characters
        let text = Array(String(repeating: "the cat sat on the mat\nthe dog ran to the door\n", count: 30).utf8)
        self.language = try LanguageModel.train(
          on: LanguageModel.examples(from: DataSource([.bytes(text, name: "a.txt")]), language), language,
          TrainingContext())
        var foresee = FrameConfiguration()
        (foresee.context, foresee.horizon, foresee.hidden, foresee.layers, foresee.epochs) = (3, 2, 4, 1, 1)
        try writeAtomically(Clip.npy((0..<12).map { LiveTaskTests.clip(6, $0) }), to: folder + "/train.npy")
        let clips = DataSource(paths: [folder + "/train.npy"])
        frames = try FramePredictor.train(on: FramePredictor.examples(from: clips, foresee), foresee, TrainingContext())
      } catch { fatalError("\(error)") }
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

  /// Frames of 4 rows and 5 columns.
  private static func clip(_ count: Int, _ number: Int) -> Clip {
    let values = (0..<count * 20).map { UInt8((($0 + $0 / 20 + number) % 5) * 50) }
    return Clip(values: values, rows: 4, columns: 5, channels: 1)
  }

  private static let models: [String: LoadedModel.Model] = [
    "speech": .task(trained.recogniser), "both": .task(trained.bothWays), "tones": .task(trained.listener),
    "words": .task(trained.language), "next": .task(trained.frames), "small": .sequential(smallModel()),
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
    arguments: ["speech", "tones"])
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
    "A recording goes on from a snapshot, in a fork, in another copy and from the disk", arguments: ["speech", "tones"])
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
    for (number, status) in [200, 200, 413].enumerated() {
      let body = number == 2 ? bytes(of: [0]) : minute
      let reply = try await test.ask("POST", "/sessions/\(tones)/steps", body: body, type: MediaType.bytes)
      #expect(reply.status == status, "\(reply.text)")
    }
    let whole = try await test.ask("GET", "/models").json["models"].array ?? []
    let kinds = whole.map { "\($0["name"].string ?? ""): \($0["session"]["kind"].string ?? "none")" }
    #expect(
      kinds == ["both: none", "next: frames", "small: layers", "speech: recording", "tones: recording", "words: text"])
  }

  @Test("A forged state of a recording or a text is refused")
  func forgeries() async throws {
    let test = try service()
    for (model, body, type) in [
      ("speech", bytes(of: Array(repeating: 0.1, count: 1000)), MediaType.bytes),
      ("tones", bytes(of: Array(repeating: 0.1, count: 1000)), MediaType.bytes),
      ("words", Array("the cat".utf8), MediaType.text),
    ] {
      let id = try await test.session(model)
      try #require(try await test.ask("POST", "/sessions/\(id)/steps", body: body, type: type).status == 200)
      let state = try await test.ask("GET", "/sessions/\(id)/state").bytes
      let file = try SafeTensorsFile(bytes: state)
      for name in file.metadata.keys where name == "heard" || name == "place" {
        var forged = file
        forged.metadata[name] = "{}"
        let reply = try await test.ask(
          "PUT", "/sessions/\(id)/state", body: try forged.bytes(), type: MediaType.bytes)
        #expect(reply.status == 400, "\(name): \(reply.text)")
        for (old, new) in [("\"read\":", "\"read\":9"), ("\"gap\":", "\"gap\":77"), ("\"last\":", "\"last\":1000")] {
          guard let text = file.metadata[name], text.contains(old), name == "heard" || old == "\"last\":" else {
            continue
          }
          forged.metadata[name] = text.replacing(old, with: new)
          let reply = try await test.ask(
            "PUT", "/sessions/\(id)/state", body: try forged.bytes(), type: MediaType.bytes)
          #expect(reply.status == 400 || old == "\"last\":" && name == "heard", "\(name) \(old): \(reply.text)")
        }
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

  @Test("A text that is read piece by piece is judged, foreseen and gone on with as the task does it at once")
  func texts() async throws {
    let test = try service()
    let id = try await test.session("words")
    let first = try await test.ask("POST", "/sessions/\(id)/steps", json: "{\"text\":\"the c\"}")
    let more = try await test.ask("POST", "/sessions/\(id)/steps", body: Array("at".utf8), type: MediaType.text)
    #expect(try first.json["steps"] == 5 && more.json["steps"] == 7, "\(first.text) \(more.text)")
    let outputs = try (first.json["outputs"].array ?? []) + (more.json["outputs"].array ?? [])
    let judged = try await test.ask(
      "POST", "/tasks/words/predict?probabilities=true", json: "{\"text\":\"the cat\\n\"}")
    let tokens = try judged.json.array?.first?["tokens"].array ?? []
    #expect(outputs.count == 7 && tokens.count == 8)
    for (own, whole) in zip(outputs, tokens) {
      #expect(own["token"] == whole["token"])
      let (one, other) = (own["probability"].number ?? 0, whole["probability"].number ?? 1)
      #expect(abs(one - other) < 1e-5, "\(one) and \(other)")
    }
    // What is likely next, twice the same and without a step.
    let next = try await test.ask("GET", "/sessions/\(id)/next?top=4")
    let likely = try next.json["next"].array ?? []
    #expect(try likely.count == 4 && next.json["steps"] == 7, "\(next.text)")
    let probabilities = likely.map { $0["probability"].number ?? -1 }
    #expect(probabilities == probabilities.sorted(by: >) && probabilities.allSatisfy { (0...1).contains($0) })
    let all = try await test.ask("GET", "/sessions/\(id)/next?top=1000").json["next"].array ?? []
    #expect(abs(all.reduce(0) { $0 + ($1["probability"].number ?? 0) } - 1) < 1e-4)
    #expect(try await test.ask("GET", "/sessions/\(id)/next?top=4").text == next.text)
    #expect(try await test.ask("GET", "/sessions/\(id)/next?top=0").status == 400)
    let judgedNext = try await test.ask(
      "POST", "/sessions/\(id)/steps",
      json: "{\"text\":\"\(likely[0]["token"].string == "\n" ? "\\n" : likely[0]["token"].string ?? "")\"}")
    #expect(try judgedNext.json["outputs"].array?.first == likely[0], "\(judgedNext.text)")
  }

  @Test("What is written from a session is the task's text, is a part of the session, and comes in pieces")
  func writing() async throws {
    let test = try service()
    let options = "{\"options\":{\"length\":30,\"seed\":7,\"temperature\":0.7}}"
    let whole = try await test.ask(
      "POST", "/tasks/words/predict",
      json: "{\"options\":{\"prompt\":\"the d\",\"length\":30,\"seed\":7,\"temperature\":0.7}}")
    let expected = try #require(try whole.json.array?.first?["text"].string)
    func begun() async throws -> String {
      let id = try await test.session("words")
      _ = try await test.ask("POST", "/sessions/\(id)/steps", json: "{\"text\":\"the d\"}")
      return id
    }
    let id = try await begun()
    _ = try await test.ask("POST", "/sessions/\(id)/snapshots")
    let written = try await test.ask("POST", "/sessions/\(id)/generate", json: options)
    #expect(try written.json["text"].string == expected, "\(written.text) \(expected)")
    #expect(try written.json["tokens"] == 30 && written.json["steps"] == 35)
    // As if it had been pushed.
    let other = try await begun()
    let text: JSON = ["text": .text(expected)]
    _ = try await test.ask("POST", "/sessions/\(other)/steps", json: text.line)
    let next = try await test.ask("GET", "/sessions/\(other)/next?top=1000").json["next"]
    #expect(try await test.ask("GET", "/sessions/\(id)/next?top=1000").json["next"] == next)

    // In pieces, from the snapshot; many at once have the bits that each has alone.
    _ = try await test.ask("POST", "/sessions/\(id)/restore", json: "{\"snapshot\":\"1\"}")
    let events = try await test.ask(
      "POST", "/sessions/\(id)/generate?length=30&seed=7&temperature=0.7", accept: MediaType.events)
    var pieces = ""
    for line in events.text.split(separator: "\n") where line.hasPrefix("data: {\"text\"") {
      pieces += try JSONValue(Array(line.dropFirst(6).utf8))["text"].string ?? ""
    }
    #expect(pieces == expected && events.pieces > 10 && events.text.contains("event: end"), "\(events.text)")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for seed in 0..<8 {
        group.addTask {
          let id = try await begun()
          let seed = seed < 4 ? 7 : seed
          let reply = try await test.ask(
            "POST", "/sessions/\(id)/generate",
            json: "{\"options\":{\"length\":30,\"seed\":\(seed),\"temperature\":0.7}}")
          #expect(try seed != 7 || reply.json["text"].string == expected, "\(reply.text)")
        }
      }
      try await group.waitForAll()
    }
    // It ends before a text, and the state says where it stands.
    let stop = try await test.ask(
      "POST", "/sessions/\(id)/generate", json: "{\"options\":{\"stop\":\"t\",\"length\":400}}")
    #expect(try stop.json["text"].string?.contains("t") == false)
    let state = try await test.ask("GET", "/sessions/\(id)/state").bytes
    let put = try await test.ask("PUT", "/sessions/\(other)/state", body: state, type: MediaType.bytes)
    #expect(put.status == 200, "\(put.text)")
    let (one, two) = (
      try await test.ask("GET", "/sessions/\(id)/next"), try await test.ask("GET", "/sessions/\(other)/next")
    )
    #expect(one.text == two.text)
    for (body, word) in [
      ("{\"options\":{\"prompt\":\"a\"}}", "'prompt'"), ("{\"text\":\"a\"}", "push a text"),
      ("{\"options\":{\"length\":0}}", "at least 1"), ("{\"options\":{\"lenght\":1}}", "'lenght'"),
      ("{\"options\":{\"length\":[1,2]}}", "takes one"), ("{\"options\":{\"length\":true}}", "takes one"),
    ] {
      let reply = try await test.ask("POST", "/sessions/\(id)/generate", json: body)
      #expect(reply.status == 400 && reply.problem.contains(word), "\(body): \(reply.text)")
    }
    for body in [
      "{\"inputs\":[99999]}", "{\"input\":-1}", "{\"text\":\"\"}", "{\"text\":3}", "{\"text\":\"a\",\"input\":1}",
    ] {
      #expect(try await test.ask("POST", "/sessions/\(id)/steps", json: body).status == 400, "\(body)")
    }
    let small = try await test.session("small")
    let wrong = try await test.ask("POST", "/sessions/\(small)/generate", json: "{}")
    #expect(wrong.status == 400 && wrong.problem.contains("writes no text"), "\(wrong.text)")
  }

  @Test("A text that is written goes on while others are answered, and ends when its session is closed")
  func closing() async throws {
    let test = try service()
    let id = try await test.session("words")
    async let written = test.ask(
      "POST", "/sessions/\(id)/generate", json: "{\"options\":{\"length\":1000000}}")
    try await Task.sleep(for: .milliseconds(100))
    let other = try await test.session("words")
    #expect(try await test.ask("POST", "/sessions/\(other)/steps", json: "{\"text\":\"the\"}").status == 200)
    #expect(try await test.ask("DELETE", "/sessions/\(id)").status == 204)
    #expect(try await written.status == 499)
    // So it does when its time is up: what was written until then is a part of the session.
    let brief = try service { $0.computingTime = 0.2 }
    let third = try await brief.session("words")
    let late = try await brief.ask(
      "POST", "/sessions/\(third)/generate", json: "{\"options\":{\"length\":1000000}}")
    #expect(late.status == 503 && late.problem.contains("part of the session"), "\(late.text)")
    #expect(try await brief.ask("GET", "/sessions/\(third)").json["steps"].integer ?? 0 > 0)
    #expect(try await brief.ask("GET", "/sessions/\(third)/next").status == 200)
  }

  @Test("Frames are foreseen from those that came last, as the task foresees them")
  func frames() async throws {
    let test = try service()
    let id = try await test.session("next")
    #expect(try await test.ask("GET", "/sessions/\(id)/next").status == 400)
    let clip = Self.clip(5, 2)
    let values = clip.tensor.values
    let first = try await test.ask(
      "POST", "/sessions/\(id)/steps", body: bytes(of: Array(values[..<40])), type: MediaType.bytes)
    #expect(try first.json["outputs"] == [["seen": 1], ["seen": 2]], "\(first.text)")
    let rows = (2..<5).map { Array(values[$0 * 20..<$0 * 20 + 20]) }
    let more = try await test.ask("POST", "/sessions/\(id)/steps", json: "{\"inputs\":\(rows)}")
    #expect(try more.json["steps"] == 5 && more.json["outputs"].array?.last == ["seen": 3], "\(more.text)")
    let expected = Self.trained.frames.next(4, after: clip).tensor.values
    let next = try await test.ask("GET", "/sessions/\(id)/next?steps=4", accept: MediaType.bytes)
    #expect(floats(of: next.bytes) == expected)
    let json = try await test.ask("GET", "/sessions/\(id)/next").json
    #expect(json["next"].array?.count == 2 && floats(json["next"].array?.first) == Array(expected[..<20]))
    let state = try await test.ask("GET", "/sessions/\(id)/state").bytes
    let other = try await test.session("next")
    #expect(try await test.ask("PUT", "/sessions/\(other)/state", body: state, type: MediaType.bytes).status == 200)
    #expect(try await test.ask("GET", "/sessions/\(other)/next?steps=4", accept: MediaType.bytes).bytes == next.bytes)
    for (target, body) in [
      ("steps", "{\"input\":[1,2]}"), ("steps", "{\"inputs\":\([[Float](repeating: 2, count: 20)])}"),
    ] {
      #expect(try await test.ask("POST", "/sessions/\(id)/\(target)", json: body).status == 400, "\(body)")
    }
    #expect(try await test.ask("GET", "/sessions/\(id)/next?steps=x").status == 400)
  }

  @Test("A WebSocket takes samples and texts as they come, and a streamed body too")
  func sockets() async throws {
    let samples = try recording(4).samples
    let expected = try await {
      let test = try service()
      let id = try await test.session("speech")
      _ = try await hear(test, id, samples, by: 900)
      return try await end(test, id)
    }()
    try await serving(Self.models) { port in
      func begin(_ model: String) throws -> String {
        let client = try SocketClient(port)
        let body = "{\"model\":\"\(model)\"}"
        try client.send(
          "POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        return try #require(try JSONValue(Array(client.reply().text.utf8))["id"].string)
      }
      let socket = try WebSocketClient(port, "/sessions/\(begin("speech"))/stream")
      for start in stride(from: 0, to: samples.count, by: 800) {
        try socket.send(bytes(of: Array(samples[start..<min(start + 800, samples.count)])))
        let said = try socket.next().text
        #expect(said.contains("\"final\":false"), "\(said)")
      }
      try socket.send("{\"end\":true}")
      let last = try JSONValue(Array(socket.next().text.utf8))
      #expect(last["outputs"].array?.last == expected, "\(last.text) \(expected.text)")
      let words = try WebSocketClient(port, "/sessions/\(begin("words"))/stream")
      try words.send("{\"text\":\"the\"}")
      #expect(try words.next().text.hasPrefix("{\"steps\":3,\"outputs\":[{\"token\":\"t\""))

      let lines = "{\"inputs\":\(Array(samples[..<1000]))}\n{\"inputs\":\(Array(samples[1000...]))}\n{\"end\":true}\n"
      let client = try SocketClient(port)
      try client.send(
        "POST /sessions/\(begin("speech"))/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
          + "Content-Length: \(lines.utf8.count)\r\n\r\n\(lines)")
      #expect(try client.waits(for: "{\"step\":\(samples.count),\"output\":{\"final\":true"))
    }
  }
}
