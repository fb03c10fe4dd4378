import Foundation
import Refrain
import RefrainData
import RefrainModels
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainServer

@Suite("WebSockets", .serialized)
struct WebSocketTests {
  /// The name of a new session.
  private static func session(_ port: Int, fields: String = "") throws -> String {
    let reply = try ask(port, "POST /sessions", "{}", fields: fields)
    try #require(reply.status == 201, "\(reply.text)")
    return try #require(try JSONValue(Array(reply.text.utf8))["id"].string)
  }

  private static func ask(
    _ port: Int, _ target: String, _ body: String = "", fields: String = ""
  ) throws -> SocketClient.Reply {
    let client = try SocketClient(port)
    try client.send(
      "\(target) HTTP/1.1\r\nHost: localhost\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    return try client.reply()
  }

  private static func open(_ port: Int, _ id: String, _ query: String = "") throws -> WebSocketClient {
    try WebSocketClient(port, "/sessions/\(id)/stream\(query)")
  }

  /// What a line of the metrics says.
  private static func metric(_ port: Int, _ name: String) throws -> Double {
    let lines = try ask(port, "GET /metrics").text.split(separator: "\n")
    return try #require(lines.first { $0.hasPrefix(name + " ") }.flatMap { Double($0.dropFirst(name.count + 1)) })
  }

  /// Waits until a line of the metrics says something.
  private static func waits(_ port: Int, for name: String, _ isRight: (Double) -> Bool) throws {
    for _ in 0..<500 {
      if try isRight(metric(port, name)) { return }
      usleep(10_000)
    }
    Issue.record("\(name) is \(try metric(port, name))")
  }

  @Test("The answer to a key is that of the RFC, and sums are those of the standard")
  func handshake() {
    #expect(WebSocketHandshake.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    func digits(_ text: String) -> String {
      WebSocketHandshake.sha1(Array(text.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
    #expect(digits("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    #expect(digits("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d")
    #expect(
      digits("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") == "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
    #expect(digits(String(repeating: "a", count: 1_000_000)) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f")
  }

  @Test("Messages are answered in order with the bits of ordinary pushes, as text and as bytes, with gates and without")
  func bits() async throws {
    try await serving { port in
      let values = wave(3, steps: 9)
      let expected = try pushed(values)
      let socket = try Self.open(port, Self.session(port))
      try socket.send(bytes(of: Array(values[..<3])))
      try socket.send(bytes(of: Array(values[3..<15])))
      #expect(try floats(of: socket.next().bytes) == Array(expected[..<2]))
      #expect(try floats(of: socket.next().bytes) == Array(expected[2..<10]))

      let (one, other) = (try Self.session(port), try Self.session(port))
      let texts = try Self.open(port, one)
      let rows = (0..<4).map { Array(values[$0 * 3..<$0 * 3 + 3]) }
      for (message, body) in [
        ("\(rows[0])", "{\"input\":\(rows[0])}"), ("{\"input\":\(rows[1])}", "{\"input\":\(rows[1])}"),
        (" {\"inputs\":\(rows)}\n", "{\"inputs\":\(rows)}"),
      ] {
        try texts.send(message)
        let frame = try texts.next()
        let push = try Self.ask(port, "POST /sessions/\(other)/steps", body)
        #expect(frame.kind == 1 && frame.text + "\n" == push.text)
      }
      let gates = try Self.open(port, one, "?gates=true")
      try gates.send("\(rows[0])")
      let shown = try gates.next().text
      #expect(shown.contains("\"gates\":[{\"layer\":0,"))
      let body = "{\"input\":\(rows[0])}"
      #expect(try shown + "\n" == Self.ask(port, "POST /sessions/\(other)/steps?gates=true", body).text)
      // Bytes have no place for gates.
      try gates.send(bytes(of: rows[1]))
      #expect(try gates.next().text.hasPrefix("{\"steps\":8,\"outputs\":["))
      #expect(try Self.ask(port, "GET /sessions/\(one)").text.contains("\"steps\":8,"))
      // Two connections to one session take turns.
      try texts.send("\(rows[2])")
      #expect(try texts.next().text.hasPrefix("{\"steps\":9,"))
    }
  }

  @Test("Steps of many clients at once are taken together, and each has the bits that it has alone")
  func crowd() async throws {
    try await serving { port in
      let clients = try (0..<24).map { _ in try Self.open(port, Self.session(port)) }
      let steps = 40
      for step in 0..<steps {
        for (place, client) in clients.enumerated() {
          try client.send(bytes(of: Array(wave(3, steps: steps, seed: place)[step * 3..<step * 3 + 3])))
        }
      }
      for (place, client) in clients.enumerated() {
        var outputs: [Float] = []
        for _ in 0..<steps { outputs += try floats(of: client.next().bytes) }
        #expect(try outputs == pushed(wave(3, steps: steps, seed: place)), "client \(place)")
      }
      #expect(try Self.metric(port, "refrain_websockets") == 24)
      #expect(try Self.metric(port, "refrain_websocket_message_seconds_count") == 24 * 40)
    }
  }

  @Test("What is wrong with a message is said in JSON, takes no step, and the next is answered")
  func errors() async throws {
    try await serving { port in
      let id = try Self.session(port)
      let socket = try Self.open(port, id)
      let wrong: [(text: String, status: Int, word: String)] = [
        ("{\"input\":[1,2]}", 400, "2 numbers"), ("nonsense", 400, "no JSON"), ("", 400, "no steps"),
        ("[[1,2,3]", 400, "no JSON"), ("{\"input\":[1,2,3],\"inputs\":[]}", 400, "both"),
        ("[1,2,null]", 400, "no number"),
      ]
      for (number, message) in wrong.enumerated() {
        try socket.send(message.text)
        let json = try JSONValue(socket.next().bytes)
        #expect(json["status"].integer == message.status, "\(message.text): \(json)")
        #expect(json["error"].string?.contains(message.word) == true, "\(message.text): \(json)")
        try socket.send("[1,2,3]")
        #expect(try socket.next().text.hasPrefix("{\"steps\":\(number + 1),"))
      }
      try socket.send([1, 2, 3])
      #expect(try socket.next().text.contains("a step takes 12"))
      #expect(try Self.metric(port, "refrain_websocket_messages_refused_total") == Double(wrong.count + 1))
      // Without its session there is nothing more to say.
      _ = try Self.ask(port, "DELETE /sessions/\(id)")
      try socket.send("[1,2,3]")
      #expect(try JSONValue(socket.next().bytes)["status"].integer == 404)
      #expect(try socket.end() == 4404)
    }
  }

  @Test("An upgrade that is refused is answered as any request is, and its connection ends")
  func refusals() async throws {
    try await serving { port in
      let id = try Self.session(port)
      let path = "/sessions/\(id)/stream"
      let evil = "Origin: https://evil.example\r\n"
      for (request, status, word) in [
        (WebSocketClient.request("/sessions/none/stream"), 404, "no session"),
        (WebSocketClient.request("/nothing"), 404, "nothing"), (WebSocketClient.request("/v2"), 200, "refrain"),
        (WebSocketClient.request(path, version: "8"), 426, "13"),
        (WebSocketClient.request(path, key: "short"), 400, "base64"),
        (WebSocketClient.request(path, upgrade: "h2c"), 426, "WebSocket"),
        (WebSocketClient.request(path, connection: "keep-alive"), 400, "Connection"),
        (WebSocketClient.request(path, fields: "Content-Length: 2\r\n") + "{}", 400, "no body"),
        (WebSocketClient.request(path + "?gates=maybe"), 400, "maybe"),
        (WebSocketClient.request(path, fields: evil), 403, "evil.example"),
        (WebSocketClient.request(path, fields: "Origin: null\r\n"), 403, "null"),
        (WebSocketClient.request(path, host: "evil.example", fields: "Origin: http://evil.example\r\n"), 421, "evil"),
      ] as [(String, Int, String)] {
        let client = try SocketClient(port)
        try client.send(request)
        let reply = try client.reply()
        #expect(reply.status == status && reply.text.contains(word), "\(request)\(reply.status) \(reply.text)")
        #expect(reply.head.contains("\r\nconnection: close"), "\(reply.head)")
        #expect(try !client.waits(for: "HTTP"))
      }
      let plain = try Self.ask(port, "GET \(path)")
      #expect(plain.status == 426 && plain.head.contains("\r\nupgrade: websocket"), "\(plain.head)")
      let own = try WebSocketClient(port, path, fields: "Origin: http://localhost\r\n")
      try own.send("[1,2,3]")
      #expect(try own.next().text.hasPrefix("{\"steps\":1,"))
      #expect(!own.reply.head.contains("sec-websocket-protocol"))
      // Other requests before it on the same connection do no harm.
      let reused = try SocketClient(port)
      try reused.send("GET /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n")
      #expect(try reused.reply().status == 200)
      try reused.send(WebSocketClient.request(path))
      #expect(try reused.reply().status == 101)
    }
  }

  @Test("A token comes in the head or among the subprotocols, and is never sent back")
  func tokens() async throws {
    try await serving(with: settings { ($0.tokens, $0.origins) = (["s/e?cret"], ["https://good.example"]) }) { port in
      let head = "Authorization: Bearer s/e?cret\r\n"
      let id = try Self.session(port, fields: head)
      let path = "/sessions/\(id)/stream"
      let token = Data("s/e?cret".utf8).base64EncodedString().replacingOccurrences(of: "/", with: "_")
        .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "=", with: "")
      for (fields, status) in [
        ("", 401), ("Authorization: Bearer other\r\n", 401), ("Sec-WebSocket-Protocol: refrain\r\n", 401),
        ("Sec-WebSocket-Protocol: refrain, bearer.b3RoZXI\r\n", 401),
        ("Sec-WebSocket-Protocol: refrain, bearer.%%%\r\n", 401),
        ("Sec-WebSocket-Protocol: bearer.\(token)\r\n", 400),
        ("Authorization: Bearer other\r\nSec-WebSocket-Protocol: refrain, bearer.\(token)\r\n", 401),
      ] {
        let client = try SocketClient(port)
        try client.send(WebSocketClient.request(path, fields: fields))
        #expect(try client.reply().status == status, "\(fields)")
      }
      let browser = try WebSocketClient(
        port, path,
        fields: "Sec-WebSocket-Protocol: refrain, bearer.\(token)\r\nOrigin: https://good.example\r\n")
      #expect(browser.reply.head.contains("\r\nsec-websocket-protocol: refrain"))
      #expect(!browser.reply.head.contains("bearer"))
      let program = try WebSocketClient(port, path, fields: head)
      for (number, client) in [browser, program].enumerated() {
        try client.send("[1,2,3]")
        #expect(try client.next().text.hasPrefix("{\"steps\":\(number + 1),"))
      }
      // Elsewhere a token has to come in the head.
      let other = try Self.ask(port, "GET /v2", fields: "Sec-WebSocket-Protocol: refrain, bearer.\(token)\r\n")
      #expect(other.status == 401)
    }
  }

  @Test("What a client must not send ends its connection with the code for it, and no step is taken")
  func violations() async throws {
    try await serving { port in
      let id = try Self.session(port)
      func frame(
        _ kind: UInt8, _ text: String, isLast: Bool = true, isMasked: Bool = true, reserved: UInt8 = 0
      ) -> [UInt8] {
        WebSocketClient.frame(kind, Array(text.utf8), isLast: isLast, isMasked: isMasked, reserved: reserved)
      }
      let megabyte = [UInt8](repeating: 32, count: 1 << 20)
      let cases: [(bytes: [UInt8], code: Int)] = [
        (frame(1, "[1,2,3]", isMasked: false), 1002), (frame(1, "[1,2,3]", reserved: 4), 1002),
        (frame(1, "[1,2,3]", reserved: 1), 1002), (frame(3, "[1,2,3]"), 1002), (frame(11, ""), 1002),
        (frame(9, "x", isLast: false), 1002), (frame(9, String(repeating: "x", count: 126)), 1002),
        (frame(0, "[1,2,3]"), 1002), (frame(1, "[1,", isLast: false) + frame(1, "2,3]"), 1002),
        (frame(1, "[1,", isLast: false) + frame(2, "2,3]"), 1002),
        (WebSocketClient.frame(8, [3]), 1002), (WebSocketClient.frame(8, [3, 237]), 1002),
        (WebSocketClient.frame(8, [0, 1]), 1002), (WebSocketClient.frame(8, [3, 232, 255]), 1007),
        (WebSocketClient.frame(1, [0x5b, 0xc3, 0x28]), 1007),
        (WebSocketClient.frame(1, [0x5b, 0xc3], isLast: false) + WebSocketClient.frame(0, [0x28]), 1007),
        (WebSocketClient.frame(1, [], length: 1 << 20 + 1), 1009),
        (WebSocketClient.frame(1, [], length: Int.max), 1009),
        (WebSocketClient.frame(1, megabyte, isLast: false) + frame(0, "x"), 1009),
      ]
      for (number, one) in cases.enumerated() {
        let socket = try Self.open(port, id)
        try socket.socket.send(one.bytes)
        #expect(try socket.end() == one.code, "case \(number)")
      }
      #expect(try Self.ask(port, "GET /sessions/\(id)").text.contains("\"steps\":0,"))
      // A text in which a character is in two parts is whole all the same.
      let socket = try Self.open(port, id)
      try socket.socket.send(
        WebSocketClient.frame(1, [0x22, 0xc3], isLast: false) + WebSocketClient.frame(0, [0xa4, 0x22]))
      #expect(try JSONValue(socket.next().bytes)["status"].integer == 400)
    }
  }

  @Test("A message may be of several frames with questions between them; a goodbye is answered after what came before")
  func frames() async throws {
    try await serving { port in
      let socket = try Self.open(port, Self.session(port))
      let parts = ["[1", ",2", "", ",3]"].map { Array($0.utf8) }
      for (place, part) in parts.enumerated() {
        for byte in WebSocketClient.frame(place == 0 ? 1 : 0, part, isLast: place == 3) {
          try socket.socket.send([byte])
        }
        try socket.socket.send(WebSocketClient.frame(9, [UInt8(place)]))
        try socket.socket.send(WebSocketClient.frame(10, []))
      }
      // The last question may be answered before the message.
      let frames = try (0..<5).map { _ in try socket.next() }
      #expect(frames.filter { $0.kind == 10 }.map(\.bytes) == [[0], [1], [2], [3]])
      #expect(frames.first { $0.kind == 1 }?.text.hasPrefix("{\"steps\":1,") == true)
      var all: [UInt8] = []
      for _ in 0..<100 { all += WebSocketClient.frame(1, Array("[1,2,3]".utf8)) }
      try socket.socket.send(all + WebSocketClient.frame(8, [0x0f, 0xa1, 0x62]) + WebSocketClient.frame(1, []))
      for step in 2...101 { #expect(try socket.next().text.hasPrefix("{\"steps\":\(step),")) }
      let goodbye = try socket.next()
      #expect(goodbye.kind == 8 && goodbye.bytes == [0x0f, 0xa1])
      #expect(try !socket.socket.waits(for: "\u{0}nothing"))
      let silent = try Self.open(port, Self.session(port))
      try silent.socket.send(WebSocketClient.frame(8, []))
      #expect(try silent.next().bytes.isEmpty)
    }
  }

  @Test("A client that is silent is asked whether it is there, and one that is not, or that asks nothing, is let go")
  func silence() async throws {
    let log = LogLines()
    try await serving(with: settings { $0.readingTime = 0.3 }, log: log) { port in
      let id = try Self.session(port)
      let (answering, silent) = (try Self.open(port, id), try Self.open(port, id))
      for _ in 0..<4 {
        #expect(try answering.next().kind == 9)
        try answering.socket.send(WebSocketClient.frame(10, []))
      }
      #expect(try silent.end() == 1001)
      try answering.send("[1,2,3]")
      #expect(try answering.next().kind == 1)
    }
    try await serving(with: settings { ($0.readingTime, $0.idleTime) = (0.1, 0.5) }) { port in
      let socket = try Self.open(port, Self.session(port))
      var frame = try socket.next()
      for _ in 0..<20 where frame.kind == 9 {
        try socket.socket.send(WebSocketClient.frame(10, []))
        frame = try socket.next()
      }
      #expect(frame.code == 1001 && frame.text.contains("no message came"))
    }
    let ends = log.all.filter { $0.contains("\"message\":\"websocket\"") }
    #expect(ends.count == 2 && ends.contains { $0.contains("\"code\":1001,\"messages\":0,") }, "\(ends)")
  }

  @Test("A client that does not read is not answered, and not read from, until it reads again; others are answered")
  func slowReaders() async throws {
    let wide = Sequential(inputSize: 3, seed: 4) {
      LSTM(4, returning: .everyStep)
      Dense(4000)
    }
    try await serving(["wide": .sequential(wide)]) { port in
      let id = try Self.session(port)
      let slow = try WebSocketClient(port, "/sessions/\(id)/stream", window: 262_144)
      let count = 1000
      let writer = Mutex(false)
      // Of each answer there are some 40 KB.
      let message = WebSocketClient.frame(1, Array(("[1,2,3]" + String(repeating: " ", count: 16_000)).utf8))
      let socket = Handed(slow.socket)
      Thread.detachNewThread {
        for _ in 0..<count { try? socket.client.send(message) }
        writer.withLock { $0 = true }
      }
      let name = "refrain_websocket_message_seconds_count"
      var (before, now) = (-1.0, 0.0)
      while now == 0 || before != now {
        usleep(300_000)
        (before, now) = (now, try Self.metric(port, name))
      }
      #expect(now < Double(count) / 2 && !writer.withLock { $0 }, "\(now) were answered")
      let other = try Self.open(port, Self.session(port))
      try other.send("[1,2,3]")
      #expect(try other.next().text.hasPrefix("{\"steps\":1,"))
      for step in 1...count { try #require(try slow.next().text.hasPrefix("{\"steps\":\(step),")) }
      #expect(try Self.metric(port, name) == Double(count) + 1)
    }
  }

  /// Written to by one thread and read from by another, which do not touch the same.
  private final class Handed: @unchecked Sendable {
    let client: SocketClient
    init(_ client: SocketClient) { self.client = client }
  }

  @Test("Clients that vanish are forgotten, and their sessions go on")
  func vanishing() async throws {
    try await serving { port in
      let id = try Self.session(port)
      let whole = WebSocketClient.frame(1, Array("{\"inputs\":[[1,2,3],[4,5,6]]}".utf8))
      for length in 0..<whole.count + 3 {
        let client = try Self.open(port, id)
        try client.socket.send(Array((whole + whole)[..<length]))
        client.socket.vanish()
      }
      try Self.waits(port, for: "refrain_websockets") { $0 == 0 }
      #expect(try Self.metric(port, "refrain_websockets_opened_total") == Double(whole.count + 3))
      #expect(try Self.metric(port, "refrain_websockets_closed_total{code=\"1006\"}") == Double(whole.count + 3))
      #expect(try Self.metric(port, "refrain_requests_running") == 1)
      let socket = try Self.open(port, id)
      try socket.send("[1,2,3]")
      // Those that came whole have been taken, some or all.
      #expect(try socket.next().text.hasPrefix("{\"steps\":"))
    }
  }

  @Test("A connection that is one too many waits until there is room, as any other does")
  func connections() async throws {
    try await serving(with: settings { $0.connections = 2 }) { port in
      // Each request of `ask` ends with its connection.
      let id = try Self.session(port)
      let (first, second) = (try Self.open(port, id), try Self.open(port, id))
      let third = try SocketClient(port)
      try third.send(WebSocketClient.request("/sessions/\(id)/stream"))
      try second.send("[1,2,3]")
      #expect(try second.next().kind == 1)
      first.socket.vanish()
      #expect(try third.reply().status == 101)
    }
  }

  @Test("A session that goes to disk while a connection to it is open comes back with its next message")
  func eviction() async throws {
    let folder = temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await serving(with: settings { ($0.sessionFolder, $0.sessions) = (folder, 1) }) { port in
      let sockets = try (0..<3).map { _ in try Self.open(port, Self.session(port)) }
      let values = wave(3, steps: 5)
      var outputs = [[Float]](repeating: [], count: 3)
      for step in 0..<5 {
        for (place, socket) in sockets.enumerated() {
          try socket.send(bytes(of: Array(values[step * 3..<step * 3 + 3])))
          outputs[place] += try floats(of: socket.next().bytes)
        }
      }
      for output in outputs { #expect(try output == pushed(values)) }
      #expect(try Self.metric(port, "refrain_sessions{state=\"live\"}") == 1)
    }
  }
}
