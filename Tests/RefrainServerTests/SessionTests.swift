import Foundation
import Refrain
import RefrainData
import RefrainModels
import RefrainTestSupport
import Testing

@testable import RefrainServer

@Suite("Sessions")
struct SessionTests {
  let models: [String: LoadedModel.Model] = ["small": .sequential(smallModel()), "tokens": .sequential(tokenModel())]

  @Test("A session gives what a stream in the library gives, in JSON and in bytes")
  func pushes() async throws {
    let test = try TestService(models)
    let id = try await test.session("small")
    let values = wave(3, steps: 7)
    let expected = try pushed(values)
    let first = try await test.ask("POST", "/sessions/\(id)/steps", json: "{\"input\":\(Array(values[..<3]))}")
    #expect(floats(try first.json["outputs"].array?.first) == Array(expected[..<2]))
    let rows = (1..<4).map { Array(values[$0 * 3..<$0 * 3 + 3]) }
    let more = try await test.ask("POST", "/sessions/\(id)/steps", json: "{\"inputs\":\(rows)}")
    #expect(try more.json["steps"] == 4)
    let rest = try await test.push(id, Array(values[12...]))
    #expect(floats(of: rest) == Array(expected[8...]))
    let peek = try await test.ask("GET", "/sessions/\(id)").json
    #expect(peek["steps"] == 7)
    #expect(floats(peek["last"]) == Array(expected[12...]))
  }

  @Test("Tokens are checked before they reach the model")
  func tokens() async throws {
    let test = try TestService(models)
    let id = try await test.session("tokens")
    #expect(try await test.ask("POST", "/sessions/\(id)/steps", json: "{\"inputs\":[1,2,10]}").status == 200)
    for wrong in ["11", "-1", "0.5", "1e30"] {
      let reply = try await test.ask("POST", "/sessions/\(id)/steps", json: "{\"input\":\(wrong)}")
      #expect(reply.status == 400 && reply.problem.contains("from 0 to 10"), "\(reply.text)")
    }
    #expect(try await test.ask("GET", "/sessions/\(id)").json["steps"] == 3)
  }

  @Test(
    "Steps that are told twice, in rows of other sizes, or not at all are refused, and so is a snapshot without a name")
  func wrongBodies() async throws {
    let test = try TestService(models)
    let id = try await test.session("small")
    _ = try await test.push(id, wave(3, steps: 2))
    _ = try await test.ask("POST", "/sessions/\(id)/snapshots")
    for (action, body, word) in [
      ("steps", "{\"input\":[1,2,3],\"inputs\":[[1,2,3]]}", "both input and inputs"), ("steps", "{}", "no steps"),
      ("steps", "{\"inptus\":[[1,2,3]]}", "no steps"),
      ("steps", "{\"input\":[1,2,3],\"gates\":true}", "member 'gates'"),
      ("steps", "{\"inputs\":[[1,2],[3,4,5,6]]}", "step 1 of inputs has 2"),
      ("steps", "{\"inputs\":[[1,2,3],4,5,6]}", "step 2 of inputs has 1"), ("fork", "{\"snapshot\":1}", "is text"),
      ("restore", "{\"snapshot\":1}", "is text"), ("restore", "{}", "which snapshot"),
    ] {
      let reply = try await test.ask("POST", "/sessions/\(id)/\(action)", json: body)
      #expect(reply.status == 400 && reply.problem.contains(word), "\(body): \(reply.text)")
    }
    #expect(try await test.ask("GET", "/sessions/\(id)").json["steps"] == 2)
    #expect(try await test.ask("GET", "/sessions").json["live"] == 1)
    // Numbers one after the other are steps too.
    #expect(try await test.ask("POST", "/sessions/\(id)/steps", json: "{\"inputs\":[1,2,3,4,5,6]}").json["steps"] == 4)
  }

  @Test("Going back, going on in another direction, and another copy give the same bits again")
  func snapshots() async throws {
    let test = try TestService(models)
    let id = try await test.session("small")
    _ = try await test.push(id, wave(3, steps: 5))
    let taken = try await test.ask("POST", "/sessions/\(id)/snapshots")
    #expect(taken.status == 201)
    let name = try #require(try taken.json["snapshot"].string)
    let (one, other) = (wave(3, steps: 4, seed: 1), wave(3, steps: 4, seed: 2))
    let outputs = try await test.push(id, one)
    let state = try await test.ask("GET", "/sessions/\(id)/state").bytes
    let ahead = try await test.push(id, other)

    #expect(
      try await test.ask("POST", "/sessions/\(id)/restore", json: "{\"snapshot\":\"\(name)\"}").json["steps"] == 5)
    let fork = try await test.ask("POST", "/sessions/\(id)/fork")
    let forked = try #require(try fork.json["id"].string)
    #expect(fork.status == 201 && fork.headers[.location] == "/sessions/" + forked)
    let different = try await test.push(id, other)
    #expect(try await test.push(forked, one) == outputs && different != outputs)
    let again = try await test.ask("POST", "/sessions/\(id)/fork", json: "{\"snapshot\":\"\(name)\"}").json
    #expect(try await test.push(try #require(again["id"].string), one) == outputs)

    let elsewhere = try await test.session("small")
    let put = try await test.ask("PUT", "/sessions/\(elsewhere)/state", body: state, type: MediaType.bytes)
    #expect(put.status == 200, "\(put.text)")
    #expect(try await test.push(elsewhere, other) == ahead)
    let tokens = try await test.session("tokens")
    let wrong = try await test.ask("PUT", "/sessions/\(tokens)/state", body: state, type: MediaType.bytes)
    #expect(wrong.status == 400 && wrong.problem.contains("another model"), "\(wrong.text)")

    #expect(try await test.ask("DELETE", "/sessions/\(id)/snapshots/\(name)").status == 204)
    #expect(try await test.ask("POST", "/sessions/\(id)/restore", json: "{\"snapshot\":\"\(name)\"}").status == 404)
    for _ in 0..<Session.mostSnapshots { _ = try await test.ask("POST", "/sessions/\(id)/snapshots") }
    #expect(try await test.ask("POST", "/sessions/\(id)/snapshots").status == 429)
  }

  @Test("Gates are shown when they are asked for, and change nothing")
  func gates() async throws {
    let test = try TestService(models)
    let (one, other) = (try await test.session("small"), try await test.session("small"))
    let values = wave(3, steps: 3)
    let plain = try await test.ask("POST", "/sessions/\(one)/steps", json: "{\"inputs\":\(values)}")
    let shown = try await test.ask("POST", "/sessions/\(other)/steps?gates=true", json: "{\"inputs\":\(values)}")
    #expect(try plain.json["outputs"] == shown.json["outputs"] && plain.json["gates"] == .null)
    let gates = try #require(try shown.json["gates"].array)
    let names = gates.compactMap { gate in gate["name"].string.map { "\(gate["layer"].integer ?? -1) \($0)" } }
    #expect(names.contains("0 forget") && names.contains("1 update") && names.contains("1 hidden"), "\(names)")
    // Those of the whole sequence in the library, at its last step.
    let inspected = (smallModel().layers[0] as? LSTM)?.inspect(Tensor(values, shape: [1, 3, 3])).gate("forget")
    let forget = floats(gates.first { $0["name"] == "forget" }?["values"])
    // The step of a stream and the readable step round differently.
    for (one, other) in zip(forget, try #require(inspected).slice(2..<3, axis: 1).values) {
      #expect(abs(one - other) < 1e-6)
    }
    #expect(forget.count == 8)
    let (mine, its) = (try await test.push(one, values), try await test.push(other, values))
    #expect(mine == its)
  }

  @Test("A line of numbers is a step, and nothing else is made to be one")
  func lines() {
    for line in ["[1,2]", " [[1, 2],[3,4]] ", "3", " -1.5e3", "[]"] {
      #expect(PendingSteps.step(Array(line.utf8)[...]) == Array("{\"input\":\(line)}".utf8))
    }
    for line in [
      #"[1,1],"gates":[1]"#, "NaN", "hello", #"{"input":[1]}"#, "1 2", "1,2", "[1][2]", "[1]2", "]", #"["a"]"#,
    ] {
      #expect(PendingSteps.step(Array(line.utf8)[...]) == Array(line.utf8))
    }
    #expect(PendingSteps.step(Array(" \r".utf8)[...]).isEmpty)
  }

  @Test("A stream of steps gives an output for each as it comes, in lines, events and bytes")
  func streaming() async throws {
    let test = try TestService(models)
    let values = wave(3, steps: 3)
    let reference = try await test.push(try await test.session("small"), values)
    let id = try await test.session("small")
    let lines = (0..<3).map { "\(Array(values[$0 * 3..<$0 * 3 + 3]))\n" }.joined() + "\n"
    let reply = try await test.ask(
      "POST", "/sessions/\(id)/stream", body: Array(lines.utf8), type: MediaType.lines)
    let answers = try reply.text.split(separator: "\n").map { try JSONValue(Array($0.utf8)) }
    #expect(answers.map { $0["step"] } == [1, 2, 3])
    let outputs = answers.flatMap { floats($0["output"]) }
    #expect(outputs == floats(of: reference))
    let binary = try await test.session("small")
    #expect(
      try await test.ask(
        "POST", "/sessions/\(binary)/stream", body: bytes(of: values), type: MediaType.bytes
      ).bytes == reference)
    let bad = try await test.ask(
      "POST", "/sessions/\(id)/stream", body: Array("[1,2,3]\n[1,2]\n[1,2,3]\n".utf8), type: MediaType.lines)
    #expect(bad.text.split(separator: "\n").count == 2 && bad.text.contains("\"error\""))
    let events = try await test.ask(
      "POST", "/sessions/\(id)/stream", body: Array("[1,2,3]".utf8), type: MediaType.lines, accept: MediaType.events)
    #expect(events.text.hasPrefix("data: {\"step\":5,"), "\(events.text)")
    var pending = PendingSteps(stepBytes: 4)
    #expect(try pending.take([1, 2, 3]).isEmpty && pending.take([4, 5]) == [[1, 2, 3, 4]])
    #expect(throws: Failure.self) { try pending.rest() }
  }

  @Test(
    "A session's bits are the same alone and among fifty others, with any cell", arguments: Cells.all.map { $0.name })
  func company(_ cell: String) async throws {
    let model = Self.model(cell)
    let size = model.inputShape[2] ?? 0
    let steps = (0..<12).map { wave(size, steps: 1, seed: $0) }
    let alone = try TestService(["m": .sequential(model)])
    let single = try await alone.session("m")
    var expected: [[UInt8]] = []
    for step in steps { expected.append(try await alone.push(single, step)) }

    let test = try TestService(["m": .sequential(model)])
    let live = try #require(test.service.shelf.models[0].live as? LayerStreams)
    // One step after another, always with others, of whom some come and go.
    let mine = StateBox(live.begin())
    let others = (0..<50).map { _ in StateBox(live.begin()) }
    for (number, step) in steps.enumerated() {
      let outputs = live.stepTogether(
        [(mine, step)]
          + others.enumerated().filter { ($0.offset + number) % 3 > 0 }.map {
            ($0.element, wave(size, steps: 1, seed: $0.offset + 1000 * number))
          })
      #expect(bytes(of: outputs[0]) == expected[number], "\(cell), step \(number)")
    }
  }

  private static func model(_ name: String) -> Sequential {
    func make<Cell: RecurrentCell>(_ cell: Cell.Type) -> Sequential {
      Sequential(inputSize: 9, seed: 5) {
        Recurrent<Cell>(20, returning: .everyStep)
        LayerNorm()
        Recurrent<LSTMCell>(33, returning: .everyStep)
        Dense(7)
      }
    }
    guard let cell = Cells.named(name) else { return smallModel() }
    return make(cell)
  }

  @Test("Many requests at once to many sessions: order is kept within each, and nothing is swapped")
  func crowd() async throws {
    let test = try TestService(models)
    var ids: [String] = []
    for _ in 0..<40 { ids.append(try await test.session("small")) }
    let all = ids
    let got = try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
      for index in all.indices {
        group.addTask {
          var bytes: [UInt8] = []
          for round in 0..<5 {
            bytes += try await test.push(all[index], wave(3, steps: 1 + (index + round) % 3, seed: index * 10 + round))
          }
          return (index, bytes)
        }
      }
      return try await group.reduce(into: [Int: [UInt8]]()) { $0[$1.0] = $1.1 }
    }
    for index in ids.indices {
      var steps: [Float] = []
      for round in 0..<5 { steps += wave(3, steps: 1 + (index + round) % 3, seed: index * 10 + round) }
      let expected = bytes(of: try pushed(steps))
      #expect(got[index] == expected, "session \(index)")
    }
  }

  @Test("There are as many sessions as there may be; idle ones end; ended ones are not found")
  func limits() async throws {
    let test = try TestService(models) { ($0.sessions, $0.idleTime) = (2, 0.05) }
    let first = try await test.session("small")
    _ = try await test.session("small")
    let third = try await test.ask("POST", "/sessions", json: "{\"model\":\"small\"}")
    #expect(third.status == 429 && third.headers[.retryAfter] == "1")
    #expect(try await test.ask("DELETE", "/sessions/\(first)").status == 204)
    #expect(try await test.ask("DELETE", "/sessions/\(first)").status == 404)
    _ = try await test.session("small")
    try await Task.sleep(for: .milliseconds(80))
    test.service.sessions.sweep()
    #expect(test.service.sessions.counts.live == 0)
    #expect(try await test.ask("GET", "/metrics").text.contains("refrain_sessions_expired_total 2\n"))
    for id in [first, "../../etc/passwd", "%2e%2e%2fetc", String(repeating: "0", count: 32), "x"] {
      #expect(try await test.ask("GET", "/sessions/\(id)").status == 404)
    }
    #expect(try await test.ask("POST", "/sessions", json: "{\"model\":\"none\"}").status == 404)
    #expect(try await test.ask("POST", "/sessions", json: "{\"modal\":\"small\"}").status == 400)
  }

  @Test("With a folder, sessions that are too many or idle go to disk and come back; so they do after a new start")
  func disk() async throws {
    let folder = temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let change: (inout ServerSettings) -> Void = { ($0.sessions, $0.sessionFolder) = (2, folder) }
    var test = try TestService(models, change: change)
    var ids: [String] = []
    for seed in 0..<4 {
      ids.append(try await test.session("small"))
      _ = try await test.push(ids[seed], wave(3, steps: 3, seed: seed))
      if seed == 0 { _ = try await test.ask("POST", "/sessions/\(ids[0])/snapshots") }
      if seed == 0 { _ = try await test.push(ids[0], wave(3, steps: 2, seed: 9)) }
    }
    #expect(test.service.sessions.counts == (2, 2))
    // Killed: only what was written is there again.
    _ = try await test.ask("POST", "/sessions/\(ids[3])/save")
    test = try TestService(models, change: change)
    #expect(test.service.sessions.counts == (0, 3))
    #expect(try await test.ask("GET", "/sessions/\(ids[2])").status == 404)
    let peek = try await test.ask("GET", "/sessions/\(ids[0])").json
    #expect(peek["steps"] == 5 && peek["snapshots"].array?.count == 1)
    // Ended in order: all are.
    _ = try await test.push(ids[1], wave(3, steps: 1, seed: 11))
    test.service.sessions.saveAll()
    test = try TestService(models, change: change)
    let next = wave(3, steps: 2, seed: 30)
    for seed in [1, 3] {
      let between: [Float] = seed == 1 ? wave(3, steps: 1, seed: 11) : []
      let expected = try pushed(wave(3, steps: 3, seed: seed) + between + next)
      let outputs = try await test.push(ids[seed], next)
      #expect(floats(of: outputs) == Array(expected.suffix(4)))
    }
    #expect(try await test.ask("POST", "/sessions/\(ids[0])/restore", json: "{\"snapshot\":\"1\"}").json["steps"] == 3)
    #expect(try await test.ask("DELETE", "/sessions/\(ids[0])").status == 204)
    #expect(SessionFolder.isThere(ids[0], in: folder) == false)
    // Without a folder nothing can be written.
    let none = try TestService(models)
    let id = try await none.session("small")
    #expect(try await none.ask("POST", "/sessions/\(id)/save").status == 409)
  }

  @Test("A session and a sequence are there for the token they were begun with alone, after a new start too")
  func owners() async throws {
    let folder = temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let change: (inout ServerSettings) -> Void = { ($0.tokens, $0.sessionFolder) = (["one", "two"], folder) }
    var test = try TestService(models, change: change)
    func ask(_ token: String, _ method: String, _ path: String, _ json: String = "{}") async throws -> Reply {
      try await test.ask(method, path, json: json, headers: ["Authorization": "Bearer \(token)"])
    }
    let made = try await ask("one", "POST", "/sessions", "{\"model\":\"small\"}")
    let id = try #require(try made.json["id"].string)
    func part(_ token: String, _ flags: String = "") async throws -> Reply {
      try await ask(
        token, "POST", "/v2/models/small/infer",
        "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,3],\"data\":[1,2,3]}],"
          + "\"parameters\":{\"sequence_id\":7\(flags)}}")
    }
    #expect(try await part("one", ",\"sequence_start\":true").status == 200)
    for isNew in [false, true] {
      if isNew {
        test.service.sessions.saveAll()
        test = try TestService(models, change: change)
      }
      let theirs = try await ask("two", "GET", "/sessions").json
      #expect(theirs["sessions"] == [] && theirs["live"] == 0 && theirs["stored"] == 0, "\(theirs)")
      for (method, path) in [
        ("GET", ""), ("POST", "/steps"), ("GET", "/state"), ("POST", "/fork"), ("POST", "/save"), ("DELETE", ""),
      ] {
        let reply = try await ask(
          "two", method, "/sessions/\(id)\(path)", path == "/steps" ? "{\"input\":[1,2,3]}" : "{}")
        #expect(reply.status == 404, "\(method) \(path): \(reply.text)")
      }
      #expect(try await part("two").problem.contains("has not begun"))
      let own = try await ask("one", "GET", "/sessions").json
      #expect(isNew ? own["stored"] == 2 : own["live"] == 2, "\(own)")
      #expect(try await ask("one", "POST", "/sessions/\(id)/steps", "{\"input\":[1,2,3]}").status == 200)
      #expect(try await part("one").status == 200)
    }
    // A state that is handed on says nothing of whose it was.
    let state = try await ask("one", "GET", "/sessions/\(id)/state")
    #expect(state.status == 200 && !state.text.contains("owner"))
    #expect(try await ask("one", "DELETE", "/sessions/\(id)").status == 204)
  }

  @Test("A folder of sessions belongs to one server: another is refused until the first has ended")
  func locked() throws {
    let folder = temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var settings = ServerSettings()
    settings.sessionFolder = folder
    func server() throws(DataError) -> RefrainServer {
      try RefrainServer([], settings: settings, meters: Meters(), logger: .lines(.info) { _ in })
    }
    var first: RefrainServer? = try server()
    do throws(DataError) {
      _ = try server()
      Issue.record("there are two")
    } catch { #expect(error.code == .unwritableFile && error.description.contains("another server")) }
    withExtendedLifetime(first) {}
    first = nil
    _ = try server()
  }

  @Test("A damaged or forged state is refused")
  func forged() async throws {
    let test = try TestService(models)
    let id = try await test.session("small")
    let state = try await test.ask("GET", "/sessions/\(id)/state").bytes
    for change in [[], Array(state.dropLast(9)), Array(state.prefix(20)), [UInt8](repeating: 255, count: 64)] {
      let reply = try await test.ask("PUT", "/sessions/\(id)/state", body: change, type: MediaType.bytes)
      #expect(reply.status == 400, "\(reply.text)")
    }
    var contents = try SafeTensorsFile(bytes: state)
    contents.tensors[0] = NamedArray(name: contents.tensors[0].name, shape: [1, 99], values: wave(99, steps: 1))
    let reply = try await test.ask("PUT", "/sessions/\(id)/state", body: try contents.bytes(), type: MediaType.bytes)
    #expect(reply.status == 400 && reply.problem.contains("shape"), "\(reply.text)")
    #expect(try await test.push(id, wave(3, steps: 1)).count == 8)
  }
}

extension SessionFolder {
  /// Whether anything of a session lies in a folder.
  fileprivate static func isThere(_ id: String, in folder: String) -> Bool {
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
    return names.contains { $0.contains(id) }
  }
}
