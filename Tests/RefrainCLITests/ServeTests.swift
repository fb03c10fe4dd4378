import Foundation
import Refrain
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Testing

/// `refrain serve` as a process.
@Suite("serve")
struct ServeTests {
  let place: Workplace

  init() throws {
    place = try Workplace()
    let model = Sequential(inputSize: 2, seed: 1) {
      LSTM(4, returning: .everyStep)
      Dense(1)
    }
    try model.save(to: place.folder.appendingPathComponent("small.model").path)
  }

  /// A server, and the port that it says it listens at.
  private func start(_ flags: String...) throws -> (Running, Int) { try start(flags) }

  private func start(_ flags: [String]) throws -> (Running, Int) {
    let running = try place.start(["serve", "small.model", "--port", "0"] + flags)
    for _ in 0..<2000 where running.process.isRunning {
      if let line = running.errors.split(separator: "\n").first(where: { $0.hasPrefix("Listening at http://") }),
        let port = Int(line.dropLast().split(separator: ":").last ?? "")
      {
        return (running, port)
      }
      usleep(5000)
    }
    kill(running.process.processIdentifier, SIGKILL)
    Issue.record("it did not start: \(running.errors)")
    throw CancellationError()
  }

  private func ask(_ port: Int, _ method: String, _ path: String, _ body: String = "") throws -> SocketClient.Reply {
    let client = try SocketClient(port)
    try client.send(
      "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    return try client.reply()
  }

  @Test("SIGTERM ends it in order, its sessions go to disk, and the next one goes on with them")
  func restart() throws {
    var (server, port) = try start("--sessions", "states")
    let created = try ask(port, "POST", "/sessions", "{\"model\":\"small\"}")
    let id = try #require(try JSONValue(Array(created.text.utf8))["id"].string)
    _ = try ask(port, "POST", "/sessions/\(id)/steps", "{\"inputs\":[[1,2],[3,4]]}")
    let other = try place.run(["serve", "small.model", "--port", "0", "--sessions", "states"])
    #expect(other.status == 73 && other.errors.contains("states: another server"), "\(other.errors)")
    kill(server.process.processIdentifier, SIGTERM)
    let result = try server.finish()
    #expect(result.status == 0 && result.output.isEmpty, "\(result.errors)")
    #expect(result.errorLines.allSatisfy { $0.hasPrefix("{") || $0.hasPrefix("Listening") }, "\(result.errors)")

    (server, port) = try start("--sessions", "states", "--log-level", "error")
    let next = try ask(port, "POST", "/sessions/\(id)/steps", "{\"input\":[5,6]}")
    #expect(next.text.contains("\"steps\":3,"), "\(next.text)")
    // Killed: what was written before is there.
    kill(server.process.processIdentifier, SIGKILL)
    _ = try server.finish()
    (server, port) = try start("--sessions", "states")
    #expect(try ask(port, "GET", "/sessions/\(id)").text.contains("\"steps\":2,"))
    kill(server.process.processIdentifier, SIGINT)
    #expect(try server.finish().status == 0)
  }

  @Test("A second Ctrl-C cuts off what is being answered, and its session goes to disk all the same")
  func impatience() throws {
    let (server, port) = try start("--sessions", "states")
    let created = try ask(port, "POST", "/sessions", "{\"model\":\"small\"}")
    let id = try #require(try JSONValue(Array(created.text.utf8))["id"].string)
    let client = try SocketClient(port)
    try client.send(
      "POST /sessions/\(id)/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
        + "Transfer-Encoding: chunked\r\n\r\n6\r\n[1,2]\n\r\n")
    #expect(try client.waits(for: "{\"step\":1,"))
    kill(server.process.processIdentifier, SIGINT)
    usleep(500_000)
    #expect(server.process.isRunning)
    kill(server.process.processIdentifier, SIGINT)
    let result = try server.finish()
    #expect(result.status == 0 && result.errors.contains("asked to end again"), "\(result.errors)")
    let written = try FileManager.default.subpathsOfDirectory(
      atPath: place.folder.appendingPathComponent("states").path)
    #expect(written.contains { $0.hasSuffix("\(id).session") })
  }

  @Test(
    "SIGTERM ends it in its time while computations run that have no end, and what they wrote into a session is on disk"
  )
  func endless() throws {
    var language = LanguageModel.Configuration()
    var options = SharedOptions()
    (options.hidden, options.epochs, options.layers) = (8, 1, 1)
    try language.choose(options)
    language.corpus.unit = .characters
    let text = Array(String(repeating: "the cat sat on the mat\n", count: 20).utf8)
    let model = try LanguageModel.train(
      on: LanguageModel.examples(from: DataSource([.bytes(text, name: "a.txt")]), language), language,
      TrainingContext())
    try model.save(to: place.folder.appendingPathComponent("words.model").path)
    let (server, port) = try start("words.model", "--sessions", "states", "--drain", "1")
    let created = try ask(port, "POST", "/sessions", "{\"model\":\"words\"}")
    let id = try #require(try JSONValue(Array(created.text.utf8))["id"].string)
    let body = "{\"options\":{\"length\":1000000}}"
    // As many as run at once, and one that is written into a session.
    let clients = try ["/tasks/words/predict", "/tasks/words/predict", "/sessions/\(id)/generate"].map { path in
      let client = try SocketClient(port)
      try client.send(
        "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
      return client
    }
    var metrics = ""
    for _ in 0..<1000 {
      metrics = try ask(port, "GET", "/metrics").text
      if metrics.contains("refrain_computations_running 2.0"), metrics.contains("refrain_steps_total") { break }
      usleep(10_000)
    }
    #expect(metrics.contains("refrain_computations_running 2.0"), "\(metrics)")
    usleep(200_000)
    kill(server.process.processIdentifier, SIGTERM)
    let began = Date()
    let result = try server.finish()
    let seconds = Date().timeIntervalSince(began)
    #expect(result.status == 0 && seconds > 0.5 && seconds < 15, "\(seconds) s: \(result.errors)")
    for client in clients { #expect(try !client.waits(for: "\"text\"")) }
    let next = try start("words.model", "--sessions", "states")
    let steps = try JSONValue(Array(ask(next.1, "GET", "/sessions/\(id)").text.utf8))["steps"].number ?? 0
    #expect(steps > 0)
    kill(next.0.process.processIdentifier, SIGTERM)
    #expect(try next.0.finish().status == 0)
  }

  @Test("SIGTERM tells WebSockets that the server ends, and their sessions go to disk")
  func goodbye() throws {
    let (server, port) = try start("--sessions", "states")
    let ids = try (0..<3).map { _ in
      let created = try ask(port, "POST", "/sessions", "{}")
      return try #require(try JSONValue(Array(created.text.utf8))["id"].string)
    }
    let sockets = try ids.map { try WebSocketClient(port, "/sessions/\($0)/stream") }
    for socket in sockets { try socket.send("[1,2]") }
    for socket in sockets { #expect(try socket.next().text.hasPrefix("{\"steps\":1,")) }
    kill(server.process.processIdentifier, SIGTERM)
    for socket in sockets { #expect(try socket.end() == 1001) }
    let began = Date()
    let result = try server.finish()
    #expect(result.status == 0 && Date().timeIntervalSince(began) < 10, "\(result.errors)")
    let written = try FileManager.default.subpathsOfDirectory(
      atPath: place.folder.appendingPathComponent("states").path)
    for id in ids { #expect(written.contains { $0.hasSuffix("\(id).session") }) }
  }

  @Test("SIGHUP has it take a file that has changed, and so does --reload; sessions keep the weights they began with")
  func reload() throws {
    for flags in [[], ["--reload", "1"]] {
      let (server, port) = try start(["--log-level", "notice"] + flags)
      let created = try ask(port, "POST", "/sessions", "{}")
      let id = try #require(try JSONValue(Array(created.text.utf8))["id"].string)
      let step = "{\"input\":[1,2]}"
      let first = try ask(port, "POST", "/sessions/\(id)/steps", step).text
      let model = Sequential(inputSize: 2, seed: flags.isEmpty ? 2 : 3) {
        LSTM(4, returning: .everyStep)
        Dense(1)
      }
      try model.save(to: place.folder.appendingPathComponent("small.model").path)
      if flags.isEmpty { kill(server.process.processIdentifier, SIGHUP) }
      for _ in 0..<2000 where !server.errors.contains("a model's file was taken") { usleep(5000) }
      #expect(server.errors.contains("a model's file was taken") && server.process.isRunning, "\(server.errors)")
      let other = try JSONValue(Array(ask(port, "POST", "/sessions", "{}").text.utf8))
      let new = try ask(port, "POST", "/sessions/\(try #require(other["id"].string))/steps", step).text
      #expect(new != first && new.hasPrefix("{\"steps\":1,"))
      #expect(try ask(port, "POST", "/sessions/\(id)/steps", step).text.hasPrefix("{\"steps\":2,"))
      kill(server.process.processIdentifier, SIGTERM)
      #expect(try server.finish().status == 0)
    }
  }

  @Test("What cannot be served is said in one line")
  func refusals() throws {
    try place.write("hello", to: "a.txt")
    try place.write("# none\n", to: "tokens")
    for (flags, status, word) in [
      (["serve", "none.model"], 66, "no such file"), (["serve", "a.txt"], 65, "a.txt"),
      (["serve", "small.model", "--tokens", "tokens"], 65, "no token"),
      (["serve", "small.model", "x/y=small.model"], 65, "'x/y'"),
      (["serve", "small.model", "small.model"], 65, "two models"),
      (["serve", "small.model", "--reload", "0"], 64, "--reload"),
      (["serve", "small.model", "--port", "70000"], 64, "--port"), (["serve"], 64, "model"),
      (["serve", "small.model", "--log-level", "loud"], 64, "loud"),
      (["serve", "small.model", "--cors", "example.org"], 64, "--cors takes"),
      (["serve", "small.model", "--cors", "https://example.org/"], 64, "--cors takes"),
      (["serve", "small.model", "--host", "256.1.2.3"], 65, "256.1.2.3"),
    ] as [([String], Int32, String)] {
      let result = try place.run(flags)
      #expect(result.status == status && result.errors.contains(word), "\(flags): \(result.status) \(result.errors)")
      #expect(result.errorLines.count { !$0.hasPrefix("{") && !$0.hasPrefix("Whoever") } == 1, "\(result.errors)")
    }
  }
}
