import Foundation
import RefrainData
import RefrainModels
import RefrainTasks
import RefrainTestSupport
import Testing

@testable import RefrainServer

/// Sessions that read and write texts.
@Suite("Sessions of texts") struct LiveTextTests {
  private static let models: [String: LoadedModel.Model] = [
    "words": .task(tinyLanguage), "small": .sequential(smallModel()), "marks": .task(marks),
  ]

  /// A language model of pieces, each a scalar: letters, and marks that are on them.
  private static let marks: LanguageModel = trainedOnce { _ in
    var language = LanguageModel.Configuration()
    try language.choose(tinyOptions())
    (language.corpus.unit, language.corpus.vocabularySize) = (.pieces, 7)
    let text = Array(String(repeating: "q\u{301}qq\u{301} q\u{301}q\n", count: 60).utf8)
    return try LanguageModel.train(
      on: LanguageModel.examples(from: DataSource([.bytes(text, name: "a.txt")]), language), language,
      TrainingContext())
  }

  private func service(_ change: (inout ServerSettings) -> Void = { _ in }) throws -> TestService {
    try TestService(Self.models, change: change)
  }

  @Test("A forged state of a text is refused")
  func forgeries() async throws {
    let test = try service()
    let id = try await test.session("words")
    let text = Array("the cat".utf8)
    func push() async throws -> Int {
      try await test.ask("POST", "/sessions/\(id)/steps", body: text, type: MediaType.text).status
    }
    try #require(try await push() == 200)
    let file = try SafeTensorsFile(bytes: try await test.ask("GET", "/sessions/\(id)/state").bytes)
    let place = try #require(file.metadata["place"])
    for change in ["{}", place.replacing("\"last\":", with: "\"last\":1000")] {
      var forged = file
      forged.metadata["place"] = change
      let reply = try await test.ask("PUT", "/sessions/\(id)/state", body: try forged.bytes(), type: MediaType.bytes)
      #expect(reply.status == 400, "\(change): \(reply.text)")
    }
    #expect(try await push() == 200)
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

  @Test(
    "A text that stops nowhere is written to its end, with every mark, at once and in pieces",
    arguments: ["words", "marks"])
  func rests(model: String) async throws {
    let test = try service()
    func text(_ events: Reply) throws -> String {
      #expect(events.text.contains("event: end"), "\(events.text)")
      return try events.text.split(separator: "\n").filter { $0.hasPrefix("data: {\"text\"") }
        .map { try JSONValue(Array($0.dropFirst(6).utf8))["text"].string ?? "" }.joined()
    }
    let task = "/tasks/\(model)/predict?length=40&seed=3"
    let expected = try #require(try await test.ask("POST", task).json.array?.first?["text"].string)
    #expect(expected.unicodeScalars.contains("\u{301}") == (model == "marks"))
    let scalars = Array(expected.unicodeScalars)
    for stop in ["", "&stop=nowhere"] {
      let whole = try await test.ask("POST", task + stop).json.array?.first?["text"].string ?? ""
      let pieces = try text(await test.ask("POST", task + stop, accept: MediaType.events))
      let generate = "/generate?length=40&seed=3" + stop
      let written = try await test.ask("POST", "/sessions/\(test.session(model))\(generate)").json["text"].string ?? ""
      let events = try text(
        await test.ask("POST", "/sessions/\(test.session(model))\(generate)", accept: MediaType.events))
      for (way, text) in ["whole": whole, "pieces": pieces, "session": written, "events": events] {
        #expect(Array(text.unicodeScalars) == scalars, "\(way)\(stop): \(text.debugDescription)")
      }
    }
  }

  @Test("A text that is written goes on while others are answered, and ends when its session is closed")
  func closing() async throws {
    let test = try service { $0.computingTime = 1e6 }
    let id = try await test.session("words")
    async let written = test.ask(
      "POST", "/sessions/\(id)/generate", json: "{\"options\":{\"length\":1000000}}")
    // It has begun, however long that takes.
    while try await !test.ask("GET", "/metrics").text.contains("refrain_steps_total{") {
      try await Task.sleep(for: .milliseconds(5))
    }
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

  @Test("A WebSocket takes texts as they come")
  func socket() async throws {
    try await serving(Self.models) { port in
      let words = try WebSocketClient(port, "/sessions/\(beginSession(port, "words"))/stream")
      try words.send("{\"text\":\"the\"}")
      #expect(try words.next().text.hasPrefix("{\"steps\":3,\"outputs\":[{\"token\":\"t\""))
    }
  }
}
