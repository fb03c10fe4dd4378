import Foundation
import HTTPTypes
import Logging
import Refrain
import RefrainData
import RefrainModels
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainServer

@Suite("What those on call need")
struct OperationTests {
  let models: [String: LoadedModel.Model] = ["small": .sequential(smallModel())]

  @Test("Every route is in the description, and all that it refers to is there")
  func openAPI() async throws {
    let test = try TestService(models) { $0.tokens = ["secret"] }
    let json = try await test.ask("GET", "/openapi.json").json
    let routes = test.service.table.routes
    #expect(routes.count > 30)
    for route in routes {
      let operation = json["paths"][route.path][route.method.lowercased()]
      #expect(operation["operationId"].string == route.name, "\(route.method) \(route.path)")
      #expect(operation["responses"][String(route.status)] != .null)
      let names = operation["parameters"].array?.filter { $0["in"] == "path" }.compactMap(\.["name"].string) ?? []
      #expect(names == route.names)
      #expect((operation["security"] == .null) == route.isOpen)
    }
    #expect(Set(routes.map(\.name)).count == routes.count)
    guard case .object(let paths) = json["paths"] else { return #expect(Bool(false)) }
    #expect(Set(paths.keys) == Set(routes.map(\.path)))
    let text = json.text
    for part in text.components(separatedBy: "#/components/schemas/").dropFirst() {
      let name = String(part.prefix { $0 != "\"" })
      #expect(json["components"]["schemas"][name] != .null, "\(name)")
    }
  }

  @Test("Every route answers something else than what is not there, without being asked properly")
  func everyRoute() async throws {
    let test = try TestService(models)
    let id = try await test.session("small")
    for route in test.service.table.routes {
      let path = route.path.replacingOccurrences(of: "{model}", with: "small")
        .replacingOccurrences(of: "{version}", with: "1").replacingOccurrences(of: "{snapshot}", with: "1")
        .replacingOccurrences(of: "{id}", with: route.method == "DELETE" ? "none" : id)
      for body in ["", "{}", "[1]", "{\"inputs\":{}}", "null", "\u{0}\u{1}"] {
        let reply = try await test.ask(route.method, path, json: body)
        #expect(reply.status < 500 || reply.status == 503, "\(route.method) \(path): \(reply.text)")
        let known = Set([route.status, 400, 401, 403, 408, 413, 415, 421, 503] + route.failures)
        #expect(known.contains(reply.status), "\(route.method) \(path): \(reply.status)")
      }
    }
  }

  @Test("What is not there is told from what cannot be asked")
  func paths() async throws {
    let test = try TestService(models)
    for path in [
      "/nothing", "/v2/", "/v2/models", "//", "/v2/models/small/infer/more", "/%zz", "/..%2f..%2fetc/passwd",
    ] {
      let reply = try await test.ask("GET", path)
      #expect([200, 404].contains(reply.status), "\(path): \(reply.status)")
    }
    let wrong = try await test.ask("DELETE", "/v2")
    #expect(wrong.status == 405 && wrong.headers[.allow] == "GET")
    let head = try await test.ask("HEAD", "/v2")
    #expect(head.status == 200 && head.bytes.isEmpty)
    #expect(head.headers[.contentLength] == String(try await test.ask("GET", "/v2").bytes.count))
    #expect("a%2Fb".removingPercentEscapes == "a/b")
    for text in ["%+5", "%-0", "%", "%4", "%é"] { #expect(text.removingPercentEscapes == nil, "\(text)") }
    #expect(try await test.ask("GET", "/" + String(repeating: "a", count: 10_000)).status == 404)
  }

  @Test("Without a known token only health, page and description are answered")
  func tokens() async throws {
    let path = temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: path) }
    try "# for the office\nopen-sesame\n\n second \n".write(toFile: path, atomically: true, encoding: .utf8)
    let tokens = try RefrainServer.tokens(in: path)
    #expect(tokens == ["open-sesame", "second"])
    let test = try TestService(models) { $0.tokens = tokens }
    for route in test.service.table.routes where !route.isOpen {
      let reply = try await test.ask(route.method, route.path)
      #expect(reply.status == 401 && reply.headers[.wwwAuthenticate] == "Bearer", "\(route.path)")
    }
    for target in ["/", "/v2/health/live", "/openapi.json"] {
      #expect(try await test.ask("GET", target).status == 200)
    }
    for (given, status) in [
      ("Bearer second", 200), ("bearer open-sesame", 200), ("Bearer secon", 401), ("Bearer ", 401), ("second", 401),
    ] {
      #expect(try await test.ask("GET", "/v2", headers: ["Authorization": given]).status == status, "\(given)")
    }
    try "# none\n".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(throws: DataError.self) { try RefrainServer.tokens(in: path) }
  }

  @Test("Pages from elsewhere may not ask unless they are allowed to, and names from elsewhere are not answered")
  func origins() async throws {
    let test = try TestService(models)
    func status(_ test: TestService, _ headers: [String: String], _ method: String = "GET") async throws -> Reply {
      try await test.ask(method, "/v2", headers: headers)
    }
    #expect(try await status(test, ["Host": "127.0.0.1:8080", "Origin": "http://127.0.0.1:8080"]).status == 200)
    #expect(try await status(test, ["Host": "localhost:8080", "Origin": "https://evil.example"]).status == 403)
    #expect(try await status(test, ["Host": "evil.example:8080", "Origin": "http://evil.example:8080"]).status == 421)
    #expect(try await status(test, ["Host": "[::1]:8080"]).status == 200)
    let open = try TestService(models) { $0.origins = ["https://good.example"] }
    let good = try await status(open, ["Host": "localhost", "Origin": "https://good.example"])
    #expect(good.status == 200 && good.headers[.accessControlAllowOrigin] == "https://good.example")
    let preflight = try await status(open, ["Host": "localhost", "Origin": "https://good.example"], "OPTIONS")
    #expect(preflight.status == 204 && preflight.headers[.accessControlAllowMethods] == "GET")
    #expect(try await status(open, ["Host": "localhost", "Origin": "https://evil.example"], "OPTIONS").status == 403)
    let wide = try TestService(models) { ($0.host, $0.origins) = ("0.0.0.0", ["*"]) }
    #expect(try await status(wide, ["Host": "a.example", "Origin": "https://b.example"]).status == 200)
  }

  @Test("Too much at once is refused: bodies with 413, requests and computations with 503")
  func limits() async throws {
    let test = try TestService(models) { ($0.longestBody, $0.requests) = (100, 0) }
    #expect(try await test.ask("GET", "/v2").status == 503)
    // Whoever is on call wants to know just then.
    #expect(try await test.ask("GET", "/metrics").status == 200)
    #expect(try await test.ask("GET", "/v2/health/live").status == 200)
    let small = try TestService(models) { $0.longestBody = 100 }
    let long = String(repeating: " ", count: 200)
    #expect(try await small.ask("POST", "/v2/models/small/infer", json: long).status == 413)
    let said = try await small.ask("POST", "/sessions", json: "{}", headers: ["Content-Length": "1000"])
    #expect(said.status == 413)
    let packed = try await small.ask("POST", "/sessions", json: "{}", headers: ["Content-Encoding": "gzip"])
    #expect(packed.status == 415)

    // One runs until it is let go, one waits for it, and the third is one too many.
    let pool = ComputePool(places: 1, longestQueue: 1, patience: 600)
    let gate = DispatchSemaphore(value: 0)
    let running = Task { try await pool.run { gate.wait() } }
    while pool.load.running == 0 { try await Task.sleep(for: .milliseconds(1)) }
    let waiting = Task { try await pool.run {} }
    while pool.load.waiting == 0 { try await Task.sleep(for: .milliseconds(1)) }
    do {
      try await pool.run {}
      Issue.record("the queue is full")
    } catch let failure as Failure { #expect(failure.status == 503) }
    gate.signal()
    try await running.value
    try await waiting.value
    #expect(pool.load == (0, 0))
    // Who is canceled does not wait for what runs, which keeps its place until it is done.
    let endless = Task { try await pool.run { gate.wait() } }
    while pool.load.running == 0 { try await Task.sleep(for: .milliseconds(1)) }
    let behind = Task { try await pool.run {} }
    while pool.load.waiting == 0 { try await Task.sleep(for: .milliseconds(1)) }
    for task in [behind, endless] {
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
    #expect(pool.load == (1, 0))
    gate.signal()
    while pool.load.running > 0 { try await Task.sleep(for: .milliseconds(1)) }
    let impatient = ComputePool(places: 1, longestQueue: 5, patience: 0)
    await #expect(throws: Failure.self) { try await impatient.run {} }
  }

  @Test("What takes too long, or whose client has left, is given up, is told so, and gives its place back")
  func givenUp() async throws {
    let pool = ComputePool(places: 1, longestQueue: 1, patience: 0.05, longestRun: 0.05)
    let sweeping = Task {
      while !Task.isCancelled {
        pool.sweep()
        try? await Task.sleep(for: .milliseconds(1))
      }
    }
    defer { sweeping.cancel() }
    let endless: @Sendable () -> Void = { while !Task.isCancelled { usleep(1000) } }
    do {
      try await pool.run(endless)
      Issue.record("it has no end")
    } catch let failure as Failure { #expect(failure.status == 503 && failure.message.contains("ended after")) }
    while pool.load.running > 0 { try await Task.sleep(for: .milliseconds(1)) }

    // What cannot be told keeps its place; who waits behind it is told in time.
    let gate = DispatchSemaphore(value: 0)
    let deaf = Task { try await pool.run { gate.wait() } }
    await #expect(throws: Failure.self) { try await deaf.value }
    #expect(pool.load == (1, 0))
    do {
      try await pool.run {}
      Issue.record("there is no place")
    } catch let failure as Failure { #expect(failure.status == 503 && failure.message.contains("waited")) }
    #expect(pool.load == (1, 0))
    gate.signal()
    while pool.load.running > 0 { try await Task.sleep(for: .milliseconds(1)) }

    let patient = ComputePool(places: 1, longestQueue: 1, patience: 600)
    let (first, second) = (Client(), Client())
    let unwanted = [first, second].map { client in
      Client.$current.withValue(client) { Task { try await patient.run(endless) } }
    }
    while patient.load != (1, 1) { try await Task.sleep(for: .milliseconds(1)) }
    for client in [second, first] { client.leave() }
    while patient.load != (0, 0) {
      patient.sweep()
      try await Task.sleep(for: .milliseconds(1))
    }
    for task in unwanted { await #expect(throws: CancellationError.self) { try await task.value } }
  }

  @Test("As many endless computations as there are processors keep nobody from being looked after")
  func starved() async throws {
    let places = ProcessInfo.processInfo.activeProcessorCount + 1
    let pool = ComputePool(places: places, longestQueue: 1, patience: 600, longestRun: 0.2)
    // On a thread of its own: other tests may hold all those of tasks.
    let isOver = Flag()
    defer { isOver.raise() }
    Thread.detachNewThread {
      while !isOver.isRaised {
        pool.sweep()
        usleep(10_000)
      }
    }
    // They hold their threads, and end by themselves only where nobody tells them to.
    let endless = (0..<places).map { _ in
      Task {
        try await pool.run {
          let began = ContinuousClock.now
          while !Task.isCancelled, ContinuousClock.now - began < .seconds(30) {}
        }
      }
    }
    for task in endless {
      do {
        try await task.value
        Issue.record("it has no end")
      } catch let failure as Failure { #expect(failure.message.contains("ended after")) }
    }
    while pool.load.running > 0 { try await Task.sleep(for: .milliseconds(1)) }
    // The threads take what comes next.
    #expect(try await pool.run { 7 } == 7)
  }

  @Test("Requests have names, are logged as lines of JSON, and are counted")
  func records() async throws {
    let test = try TestService(models)
    let named = try await test.ask("GET", "/v2", headers: ["X-Request-ID": "mine-7"])
    #expect(named.headers[.requestID] == "mine-7")
    let forged = try await test.ask("GET", "/no\"thing", headers: ["X-Request-ID": "a b"])
    #expect(forged.headers[.requestID] != "a b" && forged.headers[.requestID]?.isEmpty == false)
    let id = try await test.session("small")
    _ = try await test.push(id, wave(3, steps: 4))
    let entries = try test.log.all.map { try JSONValue(Array($0.utf8)) }
    #expect(entries.first?["request"] == "mine-7" && entries.first?["route"] == "/v2")
    #expect(entries[1]["route"] == "none" && entries[1]["method"] == "GET")
    #expect(entries.allSatisfy { $0["time"].string?.hasSuffix("Z") == true && $0["level"] == "info" })
    #expect(test.log.all.allSatisfy { $0.split(separator: "\n").count == 1 })
    let text = try await test.ask("GET", "/metrics").text
    for line in [
      "refrain_requests_total{route=\"/v2\",method=\"GET\",status=\"200\"} 1",
      "refrain_requests_total{route=\"none\",method=\"other\",status=\"404\"} 1",
      "refrain_steps_total{model=\"small\"} 4", "refrain_sessions{state=\"live\"} 1.0",
      "refrain_step_batch_size_bucket{model=\"small\",le=\"1.0\"} 4",
      "refrain_request_seconds_count{route=\"/sessions\"} 1", "refrain_requests_running 1.0",
    ] {
      #expect(text.contains(line + "\n"), "\(line) in\n\(text)")
    }
    // Every line is one that Prometheus reads, and every name is explained once.
    let names = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
    #expect(Set(names).count == names.count)
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: " ")
      #expect(parts.count == 2 && Double(parts[1]) != nil, "\(line)")
    }
    #expect(LineLog.time(1_764_338_400.25) == "2025-11-28T14:00:00.250Z")
  }

  @Test("The page has nothing from elsewhere and is guarded")
  func page() async throws {
    let reply = try await TestService(models).ask("GET", "/")
    #expect(reply.headers[.contentType] == "text/html; charset=utf-8")
    #expect(reply.headers[.contentSecurityPolicy]?.contains("default-src 'none'") == true)
    for word in ["http://", "https://", "src=", "@import", "url("] { #expect(!reply.text.contains(word), "\(word)") }
  }

  @Test("Models have names that fit into paths")
  func names() {
    #expect(RefrainServer.name(of: "/a/b/sales figures.model") == "sales_figures")
    #expect(RefrainServer.name(of: "x") == "x" && RefrainServer.name(of: ".hidden") == ".hidden")
    #expect(RefrainServer.isName("a-b_c.1") && !RefrainServer.isName("a/b") && !RefrainServer.isName(".."))
    #expect(!RefrainServer.isName("") && !RefrainServer.isName("ä"))
  }
}

/// Says to another thread that something is over.
private final class Flag: Sendable {
  private let value = Atomic(false)
  var isRaised: Bool { value.load(ordering: .relaxed) }
  func raise() { value.store(true, ordering: .relaxed) }
}
