import Foundation
import Logging
import RefrainData
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainServer

/// A server on a port of this machine, and clients that write what they like.
@Suite("On the wire", .serialized)
struct NetworkTests {
  @Test("Requests one after another on one connection, in parts, and several at once are answered in order")
  func connections() async throws {
    try await serving { port in
      let client = try SocketClient(port)
      try client.send("GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
      #expect(try client.reply().status == 200)
      for part in [
        "POST /sess", "ions HTTP/1.1\r\nHost: localhost\r\nContent-", "Length: 17\r\n\r\n{\"model\":", "\"small\"}",
      ] {
        try client.send(part)
        usleep(20_000)
      }
      let created = try client.reply()
      #expect(created.status == 201, "\(created.text)")
      let id = try #require(try JSONValue(Array(created.text.utf8))["id"].string)
      let push = "{\"input\":[1,2,3]}"
      let one =
        "POST /sessions/\(id)/steps HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(push.utf8.count)\r\n\r\n\(push)"
      try client.send(one + one + one)
      for step in 1...3 { #expect(try client.reply().text.contains("\"steps\":\(step),")) }
    }
  }

  /// A request that takes a step of a session of the small model.
  private static func step(_ id: String, _ fields: String = "") -> String {
    let push = "{\"input\":[1,2,3]}"
    return "POST /sessions/\(id)/steps HTTP/1.1\r\nHost: localhost\r\n\(fields)"
      + "Content-Length: \(push.utf8.count)\r\n\r\n\(push)"
  }

  private static func session(_ client: SocketClient) throws -> String {
    try client.send("POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
    return try #require(try JSONValue(Array(client.reply().text.utf8))["id"].string)
  }

  @Test("Steps that come whole, in parts and among other requests are answered in order", arguments: [100_000, 190, 7])
  func order(piece: Int) async throws {
    try await serving { port in
      let client = try SocketClient(port)
      let id = try Self.session(client)
      let step = (text: Self.step(id), steps: 1)
      let look = (text: "GET /sessions/\(id) HTTP/1.1\r\nHost: localhost\r\n\r\n", steps: 0)
      let chunked = (
        text: "POST /sessions/\(id)/steps HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "11\r\n{\"input\":[1,2,3]}\r\n0\r\n\r\n",
        steps: 1
      )
      let some = [step, look, step, step, chunked, look, look, step, chunked, step]
      let all = piece > 1000 ? Array(repeating: some, count: 30).flatMap(\.self) : some
      var rest = all.map(\.text).joined()[...]
      while !rest.isEmpty {
        try client.send(String(rest.prefix(piece)))
        rest = rest.dropFirst(piece)
        usleep(2000)
      }
      var steps = 0
      for (number, request) in all.enumerated() {
        steps += request.steps
        let reply = try client.reply()
        #expect(reply.status == 200 && reply.text.contains("\"steps\":\(steps),"), "\(number): \(reply.text)")
      }
    }
  }

  @Test("Who asks, ends sending, and sends garbage after it is answered in this order")
  func halfClosed() async throws {
    try await serving { port in
      let first = try SocketClient(port)
      let id = try Self.session(first)
      try first.send(Self.step(id) + Self.step(id))
      first.endSending()
      for step in 1...2 { #expect(try first.reply().text.contains("\"steps\":\(step),")) }
      #expect(try !first.waits(for: "HTTP"))
      let second = try SocketClient(port)
      try second.send(Self.step(id) + "\u{0}\u{1}\r\n\r\n")
      #expect(try second.reply().text.contains("\"steps\":3,"))
      #expect(try second.reply().status == 400)
    }
  }

  @Test("Steps that are refused for good are the last of their connection")
  func lastOfConnection() async throws {
    try await serving { port in
      let client = try SocketClient(port)
      let id = try Self.session(client)
      try client.send(Self.step(id, "Content-Encoding: gzip\r\n") + Self.step(id))
      #expect(try client.reply().status == 415)
      #expect(try !client.waits(for: "HTTP"))
    }
  }

  @Test("Others are answered while a request of very many steps is taken")
  func manySteps() async throws {
    try await serving { port in
      let (first, other) = (try SocketClient(port), try SocketClient(port))
      let id = try Self.session(first)
      let steps = 30_000
      let body = bytes(of: wave(3, steps: steps))
      try first.send(
        "POST /sessions/\(id)/steps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
          + "Content-Length: \(body.count)\r\n\r\n")
      try first.send(body)
      var taken = 0
      for _ in 0..<10_000 where taken == 0 {
        try other.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let line = try other.reply().text.split(separator: "\n").first { $0.hasPrefix("refrain_steps_total{") }
        taken = line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
      }
      #expect(0 < taken && taken < steps, "\(taken)")
      #expect(try first.reply().status == 200)
    }
  }

  @Test("What is no request of HTTP and what comes too slowly have a name, are counted and logged")
  func malformed() async throws {
    let log = LogLines()
    try await serving(with: settings { $0.readingTime = 0.3 }, log: log) { port in
      for (text, status) in [
        ("\u{0}\u{1}\u{2}\r\n\r\n", 400), ("GET /v2?a=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET /v2?a=1&a=2 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{", 408),
      ] {
        let client = try SocketClient(port)
        try client.send(text)
        let reply = try client.reply()
        #expect(reply.status == status && reply.text.contains("\"error\""), "\(reply.head) \(reply.text)")
        #expect(reply.head.contains("x-request-id: "), "\(reply.head)")
      }
      // What came too slowly is counted when its connection has ended.
      var text = ""
      for _ in 0..<100 where !text.contains("status=\"408\"") {
        usleep(20_000)
        let client = try SocketClient(port)
        try client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        text = try client.reply().text
      }
      #expect(text.contains("refrain_requests_total{route=\"none\",method=\"other\",status=\"400\"} 3\n"), "\(text)")
      #expect(text.contains("refrain_refused_total{status=\"408\"} 1\n"), "\(text)")
    }
    #expect(log.all.count { $0.contains("\"status\":400") } == 3)
    #expect(log.all.contains { $0.contains("\"status\":408") })
  }

  @Test("A client of HTTP/1.0 gets no chunks, and the end of the answer is the end of the connection")
  func oldVersion() async throws {
    try await serving { port in
      let client = try SocketClient(port)
      let id = try Self.session(client)
      let lines = "[1,2,3]\n[4,5,6]\n"
      for (request, word) in [
        ("GET /v2/health/live HTTP/1.0\r\nHost: localhost\r\n\r\n", "x-request-id: "),
        (Self.step(id).replacing("HTTP/1.1", with: "HTTP/1.0"), "\"steps\":1,"),
        (
          "POST /sessions/\(id)/stream HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
            + "Content-Length: \(lines.utf8.count)\r\n\r\n\(lines)", "{\"step\":3,"
        ),
      ] {
        let old = try SocketClient(port)
        try old.send(request)
        var bytes: [UInt8] = []
        while let more = try? old.read(1) { bytes += more }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.0 200") && text.lowercased().contains("connection: close"), "\(text)")
        #expect(!text.lowercased().contains("chunked") && text.lowercased().contains(word), "\(text)")
      }
    }
  }

  @Test("A moment is told as HTTP has it")
  func date() {
    #expect(BriefRequests.text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(BriefRequests.text(0) == "Thu, 01 Jan 1970 00:00:00 GMT")
  }

  @Test("A body that comes bit by bit is answered bit by bit")
  func stream() async throws {
    try await serving { port in
      let client = try SocketClient(port)
      try client.send("POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
      let id = try #require(try JSONValue(Array(client.reply().text.utf8))["id"].string)
      try client.send(
        "POST /sessions/\(id)/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
          + "Transfer-Encoding: chunked\r\n\r\n")
      for step in 1...4 {
        try client.send("8\r\n[1,2,3]\n\r\n")
        #expect(try client.waits(for: "{\"step\":\(step),"))
      }
      try client.send("0\r\n\r\n")
      #expect(try client.waits(for: "0\r\n\r\n"))
    }
  }

  @Test("Garbage, half requests and clients that vanish end their own connection and nothing else")
  func garbage() async throws {
    try await serving(with: settings { $0.readingTime = 0.3 }) { port in
      let bodies = [
        "\u{0}\u{1}\u{2}\u{3}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nA\r\n\r\n",
        "POST /v2/models/small/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        "POST /sessions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /" + String(repeating: "x", count: 100_000) + " HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 5000) + "\r\n",
      ]
      for body in bodies {
        let client = try SocketClient(port)
        try? client.send(body)
        _ = try? client.reply()
      }
      for _ in 0..<50 {
        let client = try SocketClient(port)
        try client.send("POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"mod")
        client.vanish()
      }
      // One that is slow is told so.
      let slow = try SocketClient(port)
      try slow.send("POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"mod")
      #expect(try slow.reply().status == 408)
      // One that sends too much is told before all of it has come.
      let large = try SocketClient(port)
      try large.send("POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n{\"mod")
      #expect(try large.reply().status == 413)
      // Those that vanished are forgotten, each when the server hears of it or has waited long enough.
      var (running, metrics) = ("", "")
      for _ in 0..<100 where running != "1.0" {
        usleep(100_000)
        let client = try SocketClient(port)
        try client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let reply = try client.reply()
        try #require(reply.status == 200, "\(reply.text)")
        let line = try #require(reply.text.split(separator: "\n").first { $0.hasPrefix("refrain_requests_running ") })
        running = String(line.split(separator: " ")[1])
        metrics = reply.text
      }
      #expect(running == "1.0")
      // It is counted as what it was told.
      #expect(metrics.contains("refrain_refused_total{status=\"408\"} "))
    }
  }

  @Test("An address that is taken is said in one line")
  func taken() async throws {
    try await serving { port in
      let done = DispatchSemaphore(value: 0)
      let problem = Mutex("")
      Task.detached {
        do throws(DataError) {
          var settings = ServerSettings()
          settings.port = port
          let server = try RefrainServer(
            [], settings: settings, meters: Meters(), logger: Logger(label: "x") { _ in LineLog { _ in } })
          try await server.run()
        } catch { problem.withLock { $0 = error.description } }
        done.signal()
      }
      done.wait()
      #expect(problem.withLock { $0 }.contains("port \(port)"))
    }
  }
}
