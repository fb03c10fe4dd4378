import Foundation
import Logging
import Refrain
import RefrainData
import RefrainModels
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainServer

@Suite("Files of models that change", .serialized)
struct ReloadTests {
  let folder: String
  var path: String { folder + "/m.model" }

  init() throws {
    folder = temporaryPath()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
  }

  private func remove() { try? FileManager.default.removeItem(atPath: folder) }

  /// A server of what the file holds.
  private func server(_ settings: ServerSettings = ServerSettings(), _ log: LogLines) throws -> RefrainServer {
    let meters = Meters()
    let source = ModelReloader.Source(name: "m", path: path)
    return try RefrainServer(
      [ServedModel(name: "m", path: path, meters: meters)], of: [source], settings: settings, meters: meters,
      logger: .lines(.info) { log.add($0) })
  }

  private func test(_ settings: ServerSettings = ServerSettings()) throws -> (TestService, ModelReloader) {
    let log = LogLines()
    let server = try server(settings, log)
    return (TestService(server, log: log), try #require(server.reloader))
  }

  private static func fingerprint(_ test: TestService) async throws -> String {
    try #require(try await test.ask("GET", "/v2/models/m").json["parameters"]["fingerprint"].string)
  }

  private static func metric(_ test: TestService, _ name: String) async throws -> String? {
    let lines = try await test.ask("GET", "/metrics").text.split(separator: "\n")
    return lines.first { $0.hasPrefix(name + " ") }.map { String($0.dropFirst(name.count + 1)) }
  }

  /// The lines of a log that say that a file was not taken.
  private static func refusals(_ test: TestService) -> [String] {
    test.log.all.filter { $0.contains("cannot be taken") }
  }

  /// The outputs of the whole network.
  private static func inferred(_ test: TestService, _ values: [Float]) async throws -> [Float] {
    let reply = try await test.ask(
      "POST", "/v2/models/m/infer",
      json: "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,\(values.count / 3),3],"
        + "\"data\":\(values)}]}")
    try #require(reply.status == 200, "\(reply.text)")
    return floats(try reply.json["outputs"].array?.first?["data"])
  }

  @Test("New requests and sessions get the new weights, sessions that have begun the old ones until they end")
  func change() async throws {
    defer { remove() }
    let (one, other) = (smallModel(1), smallModel(2))
    let values = wave(3, steps: 8)
    try one.save(to: path)
    let (test, reloader) = try test()
    let first = try await Self.fingerprint(test)
    let old = try await test.session("m")
    var outputs = floats(of: try await test.push(old, Array(values[..<12])))
    let before = try await Self.inferred(test, values)
    reloader.look()
    #expect(try await Self.fingerprint(test) == first)

    try other.save(to: path)
    // What is a stream in memory is kept as long as a session is in it.
    weak let streams = test.service.shelf.models[0].live as? LayerStreams
    reloader.look()
    let second = try await Self.fingerprint(test)
    #expect(second != first)
    let new = try await test.session("m")
    #expect(try floats(of: try await test.push(new, values)) == pushed(values, other))
    outputs += floats(of: try await test.push(old, Array(values[12...])))
    #expect(try outputs == pushed(values, one))
    #expect(try await Self.inferred(test, values) != before)
    for (id, fingerprint) in [(old, first), (new, second)] {
      #expect(try await test.ask("GET", "/sessions/\(id)").json["fingerprint"].string == fingerprint)
    }
    // A state is of the model that made it.
    let state = try await test.ask("GET", "/sessions/\(old)/state").bytes
    #expect(try await test.ask("PUT", "/sessions/\(new)/state", body: state, type: MediaType.bytes).status == 400)
    let fork = try #require(try await test.ask("POST", "/sessions/\(old)/fork").json["id"].string)
    let more = wave(3, steps: 3, seed: 5)
    let forked = try await test.push(fork, more)
    #expect(floats(of: forked) == Array(try pushed(values + more, one).suffix(6)))
    #expect(try await Self.metric(test, "refrain_model_reloads_total") == "1")
    #expect(try await Self.metric(test, "refrain_models_retired") == "1.0")
    #expect(try await Self.metric(test, "refrain_model_info{model=\"m\",fingerprint=\"\(second)\"}") == "1.0")
    #expect(test.log.all.count { $0.contains("file was taken") && $0.contains(second) && $0.contains(first) } == 1)

    // The last session frees the weights.
    for id in [old, fork] {
      test.service.sessions.sweep()
      #expect(streams != nil)
      #expect(try await test.ask("DELETE", "/sessions/\(id)").status == 204)
    }
    test.service.sessions.sweep()
    #expect(streams == nil && test.service.shelf.retiredCount == 0)
    #expect(floats(of: try await test.push(new, more)) == Array(try pushed(values + more, other).suffix(6)))
  }

  @Test("A file that is broken, half written, gone or full of what is no number leaves the model as it is, in one line")
  func broken() async throws {
    defer { remove() }
    try smallModel(1).save(to: path)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let (test, reloader) = try test()
    let first = try await Self.fingerprint(test)
    let faults: [(name: String, make: () throws -> Void)] = [
      ("nonsense", { try Data("hello".utf8).write(to: URL(fileURLWithPath: path)) }),
      ("half", { try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: path)) }),
      ("empty", { try Data().write(to: URL(fileURLWithPath: path)) }),
      ("gone", { try FileManager.default.removeItem(atPath: path) }),
      ("no numbers", { try smallModel(3).mapTensors { $0 * Float.nan }.save(to: path) }),
    ]
    for (number, fault) in faults.enumerated() {
      try fault.make()
      for _ in 0..<3 { reloader.look() }
      #expect(Self.refusals(test).count == number + 1, "\(fault.name): \(test.log.all)")
      #expect(try await Self.metric(test, "refrain_model_reload_failures_total") == "\(number + 1)")
      #expect(try await Self.fingerprint(test) == first)
      let id = try await test.session("m")
      #expect(try floats(of: try await test.push(id, wave(3, steps: 2))) == pushed(wave(3, steps: 2)))
    }
    // Whoever asks is told again.
    reloader.look(all: true)
    #expect(Self.refusals(test).count == faults.count + 1)
    try bytes.write(to: URL(fileURLWithPath: path))
    reloader.look()
    #expect(try await Self.metric(test, "refrain_model_reloads_total") == "0")
    try smallModel(2).save(to: path)
    reloader.look()
    #expect(try await Self.fingerprint(test) != first)
    #expect(Self.refusals(test).count == faults.count + 1)
  }

  @Test("Sequences and sessions of a model of another shape go on with the shape that they began with")
  func shapes() async throws {
    defer { remove() }
    try smallModel(1).save(to: path)
    let (test, reloader) = try test()
    let old = try await test.session("m")
    func part(_ size: Int, _ flags: String) async throws -> Reply {
      try await test.ask(
        "POST", "/v2/models/m/infer",
        json: "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,\(size)],\"data\":"
          + "\(wave(size, steps: 1))}],\"parameters\":{\"sequence_id\":7\(flags)}}")
    }
    var outputs = floats(try await part(3, ",\"sequence_start\":true").json["outputs"].array?.first?["data"])
    let wide = Sequential(inputSize: 5, seed: 9) {
      GRU(4, returning: .everyStep)
      Dense(6)
    }
    try wide.save(to: path)
    reloader.look()
    #expect(test.log.all.contains { $0.contains("file was taken") && $0.contains("\"inputs\":\"others\"") })
    outputs += floats(try await part(3, "").json["outputs"].array?.first?["data"])
    #expect(try outputs == pushed(wave(3, steps: 1) + wave(3, steps: 1)))
    #expect(try await part(5, "").status == 400)
    #expect(floats(of: try await test.push(old, wave(3, steps: 1))).count == 2)
    let new = try await part(5, ",\"sequence_start\":true").json["outputs"].array?.first?["data"]
    #expect(floats(new).count == 6)
    #expect(try await part(3, "").status == 400)
    #expect(floats(of: try await test.push(test.session("m"), wave(5, steps: 2))).count == 12)
  }

  @Test("A session on disk belongs to the model that made it, also when another server finds it")
  func disk() async throws {
    defer { remove() }
    let settings = settings { ($0.sessionFolder, $0.sessions) = (folder + "/states", 1) }
    let values = wave(3, steps: 6)
    let expected = try pushed(values)
    try smallModel(1).save(to: path)
    let id: String
    do {
      let (test, reloader) = try test(settings)
      id = try await test.session("m")
      #expect(floats(of: try await test.push(id, Array(values[..<6]))) == Array(expected[..<4]))
      try smallModel(2).save(to: path)
      reloader.look()
      // Another session takes its place in memory.
      _ = try await test.push(test.session("m"), wave(3, steps: 1))
      test.service.sessions.sweep()
      // Its weights are not in memory, and come back with it.
      #expect(test.service.sessions.counts.stored == 1 && test.service.shelf.retiredCount == 0)
      #expect(floats(of: try await test.push(id, Array(values[6..<9]))) == Array(expected[4..<6]))
      #expect(test.service.shelf.retiredCount == 1)
      test.service.sessions.saveAll()
    }
    let (test, reloader) = try test(settings)
    let refused = try await test.ask("POST", "/sessions/\(id)/steps", json: "{\"input\":[1,2,3]}")
    #expect(refused.status == 409 && refused.problem.contains("another model"), "\(refused.text)")
    try smallModel(1).save(to: path)
    reloader.look()
    #expect(floats(of: try await test.push(id, Array(values[9...]))) == Array(expected[6...]))
  }

  @Test(
    "Weights that only sessions on disk need leave the memory, come back from their file, and are missed if it is gone")
  func sleep() async throws {
    defer { remove() }
    let settings = settings { $0.sessionFolder = folder + "/states" }
    let kept = folder + "/states/.weights"
    let values = wave(3, steps: 6)
    let expected = try pushed(values)
    try smallModel(1).save(to: path)
    let (test, reloader) = try test(settings)
    let ids = [try await test.session("m"), try await test.session("m")]
    for id in ids { _ = try await test.push(id, Array(values[..<6])) }
    weak let streams = test.service.shelf.models[0].live as? LayerStreams
    try smallModel(2).save(to: path)
    reloader.look()
    test.service.sessions.sweep()
    #expect(streams != nil && test.service.shelf.retiredCount == 1)
    test.service.sessions.saveAll()
    test.service.sessions.sweep()
    #expect(streams == nil && test.service.shelf.retiredCount == 0)
    #expect(try await Self.metric(test, "refrain_models_asleep") == "1.0")
    #expect(try FileManager.default.contentsOfDirectory(atPath: kept).count == 2)
    // Both at once, each with its own bits; the weights are read once.
    async let one = test.push(ids[0], Array(values[6...]))
    async let other = test.push(ids[1], Array(values[6...]))
    for bytes in [try await one, try await other] { #expect(floats(of: bytes) == Array(expected[4...])) }
    #expect(test.service.shelf.retiredCount == 1)

    test.service.sessions.saveAll()
    test.service.sessions.sweep()
    #expect(try await test.ask("DELETE", "/sessions/\(ids[1])").status == 204)
    test.service.sessions.sweep()
    #expect(try FileManager.default.contentsOfDirectory(atPath: kept).count == 2)
    for name in try FileManager.default.contentsOfDirectory(atPath: kept) {
      try FileManager.default.removeItem(atPath: kept + "/" + name)
    }
    let gone = try await test.ask("POST", "/sessions/\(ids[0])/steps", json: "{\"input\":[1,2,3]}")
    #expect(gone.status == 409 && gone.problem.contains("are gone"), "\(gone.text)")
    #expect(try await test.ask("DELETE", "/sessions/\(ids[0])").status == 204)
    test.service.sessions.sweep()
  }

  @Test("A file that gets a second name has not changed, and one that was written over has, also if it is dated back")
  func secondName() async throws {
    defer { remove() }
    try smallModel(1).save(to: path)
    let (test, reloader) = try test(settings { $0.sessionFolder = folder + "/states" })
    let first = try await Self.fingerprint(test)
    var source = ModelReloader.Source(name: "m", path: path)
    // Long enough for the times of a file to differ.
    try await Task.sleep(for: .milliseconds(30))
    source.keep(test.service.shelf.models[0], on: test.service.shelf)
    #expect(!source.hasChanged)
    // What somebody else does is looked at, and found to be nothing.
    try FileManager.default.linkItem(atPath: path, toPath: folder + "/second")
    #expect(source.hasChanged && ModelReloader.Source(name: "m", path: folder + "/none").seen == nil)
    reloader.look()
    #expect(try await Self.metric(test, "refrain_model_reloads_total") == "0" && Self.refusals(test).isEmpty)
    try smallModel(2).save(to: folder + "/other.model")
    try writeOver(path, with: Array(Data(contentsOf: URL(fileURLWithPath: folder + "/other.model"))))
    reloader.look()
    #expect(try await Self.fingerprint(test) != first)
    #expect(try await Self.metric(test, "refrain_model_reloads_total") == "1")
  }

  @Test("A file that was written over is not taken for what it was: the weights stay in memory")
  func overwritten() async throws {
    defer { remove() }
    let settings = settings { $0.sessionFolder = folder + "/states" }
    let values = wave(3, steps: 4)
    try smallModel(1).save(to: path)
    let (test, reloader) = try test(settings)
    let id = try await test.session("m")
    _ = try await test.push(id, Array(values[..<6]))
    try smallModel(2).save(to: folder + "/other.model")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/other.model"))
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.write(contentsOf: bytes)
    try file.truncate(atOffset: UInt64(bytes.count))
    try file.close()
    reloader.look()
    test.service.sessions.saveAll()
    test.service.sessions.sweep()
    #expect(test.service.sessions.counts.stored == 1 && test.service.shelf.retiredCount == 1)
    #expect(floats(of: try await test.push(id, Array(values[6...]))) == Array(try pushed(values)[4...]))
  }

  @Test("While a file changes all the time no request fails, and each session has the bits of its own model")
  func load() async throws {
    defer { remove() }
    let models = [smallModel(1), smallModel(2)]
    var fingerprints: [String: Int] = [:]
    let log = LogLines()
    for (place, model) in models.enumerated() {
      try model.save(to: path)
      fingerprints[try ServedModel(name: "m", path: path, meters: Meters()).fingerprint] = place
    }
    let server = try server(settings { $0.reloadTime = 0.1 }, log)
    let (known, path) = (fingerprints, path)
    let problems = Mutex<[String]>([])
    let taken = Mutex([0, 0])
    try await asking(server) { port in
      // For three seconds, or on a busy machine as long as it takes for enough to happen.
      let (least, most) = (Date().addingTimeInterval(3), Date().addingTimeInterval(240))
      let goesOn: @Sendable () -> Bool = {
        let isEnough =
          taken.withLock { $0.allSatisfy { $0 > 2 } } && log.all.count { $0.contains("file was taken") } > 4
        return Date() < least || !isEnough && Date() < most
      }
      let group = DispatchGroup()
      func worker(_ body: @escaping @Sendable () throws -> Void) {
        group.enter()
        Thread.detachNewThread {
          do { try body() } catch { problems.withLock { $0.append("\(error)") } }
          group.leave()
        }
      }
      worker {
        var turn = 0
        while goesOn() {
          try models[turn % 2].save(to: path)
          turn += 1
          usleep(150_000)
        }
      }
      for number in 0..<4 {
        worker {
          while goesOn() {
            let client = try SocketClient(port)
            try client.send("POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
            let json = try JSONValue(Array(client.reply().text.utf8))
            let (id, place) = (json["id"].string ?? "", known[json["fingerprint"].string ?? ""] ?? 0)
            taken.withLock { $0[place] += 1 }
            let values = wave(3, steps: 30, seed: number)
            let expected = try pushed(values, models[place])
            var outputs: [Float] = []
            let socket = number == 0 ? try WebSocketClient(port, "/sessions/\(id)/stream") : nil
            for step in 0..<30 {
              let body = "{\"input\":\(Array(values[step * 3..<step * 3 + 3]))}"
              let text: String
              if let socket {
                try socket.send(body)
                text = try socket.next().text
              } else {
                try client.send(
                  "POST /sessions/\(id)/steps HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                    + body)
                let reply = try client.reply()
                if reply.status != 200 { problems.withLock { $0.append(reply.text) } }
                text = reply.text
              }
              outputs += floats(try JSONValue(Array(text.utf8))["outputs"].array?.first)
              usleep(10_000)
            }
            if outputs != expected { problems.withLock { $0.append("other bits, model \(place)") } }
            try client.send("DELETE /sessions/\(id) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if try client.reply().status != 204 { problems.withLock { $0.append("not deleted") } }
          }
        }
      }
      group.wait()
    }
    #expect(problems.withLock { $0 }.isEmpty, "\(problems.withLock { $0.prefix(3) })")
    #expect(taken.withLock { $0.allSatisfy { $0 > 2 } }, "\(taken.withLock { $0 })")
    #expect(log.all.count { $0.contains("file was taken") } > 4 && !log.all.contains { $0.contains("cannot be taken") })
    #expect(!log.all.contains { $0.contains("\"status\":5") || $0.contains("\"status\":4") })
    server.service.sessions.sweep()
    #expect(server.service.shelf.retiredCount == 0)
  }
}
