import Foundation
import Logging
import Refrain
import RefrainData
import RefrainModels
import Synchronization
import Testing

@testable import RefrainServer

/// A server on a port of this machine, and clients that write what they like.
@Suite("On the wire", .serialized)
struct NetworkTests {
  private func serving(
    change: (inout ServerSettings) -> Void = { _ in }, _ body: @escaping @Sendable (Int) throws -> Void
  ) async throws {
    var settings = ServerSettings()
    settings.port = 0
    change(&settings)
    let meters = Meters()
    let model = ServedModel(
      name: "small", title: "test", fingerprint: "f", .sequential(smallModel()), meters: meters)
    var logger = Logger(label: "test") { _ in LineLog { _ in } }
    logger.logLevel = .critical
    let server = try RefrainServer([model], settings: settings, meters: meters, logger: logger)
    let (ports, found) = AsyncStream<Int>.makeStream()
    let running = Task { try await server.run { found.yield($0) } }
    var iterator = ports.makeAsyncIterator()
    let port = try #require(await iterator.next())
    do {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        Thread.detachNewThread { continuation.resume(with: Result { try body(port) }) }
      }
    } catch {
      running.cancel()
      throw error
    }
    running.cancel()
    _ = try? await running.value
  }

  @Test("Requests one after another on one connection, in parts, and several at once are answered in order")
  func connections() async throws {
    try await serving { port in
      let client = try Client(port)
      try client.send("GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
      #expect(try client.reply().status == 200)
      for part in ["POST /sess", "ions HTTP/1.1\r\nHost: localhost\r\nContent-", "Length: 17\r\n\r\n{\"model\":", "\"small\"}"] {
        try client.send(part)
        usleep(20_000)
      }
      let created = try client.reply()
      #expect(created.status == 201, "\(created.text)")
      let id = try #require(try JSONValue(Array(created.text.utf8))["id"].string)
      let push = "{\"input\":[1,2,3]}"
      let one = "POST /sessions/\(id)/steps HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(push.utf8.count)\r\n\r\n\(push)"
      try client.send(one + one + one)
      for step in 1...3 { #expect(try client.reply().text.contains("\"steps\":\(step),")) }
    }
  }

  @Test("A body that comes bit by bit is answered bit by bit")
  func stream() async throws {
    try await serving { port in
      let client = try Client(port)
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
    try await serving(change: { $0.readingTime = 0.3 }) { port in
      let bodies = [
        "\u{0}\u{1}\u{2}\u{3}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nA\r\n\r\n",
        "POST /v2/models/small/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        "POST /sessions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /" + String(repeating: "x", count: 100_000) + " HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 5000) + "\r\n",
      ]
      for body in bodies {
        let client = try Client(port)
        try? client.send(body)
        _ = try? client.reply()
      }
      for _ in 0..<50 {
        let client = try Client(port)
        try client.send("POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"mod")
        client.vanish()
      }
      // One that is slow is told so.
      let slow = try Client(port)
      try slow.send("POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"mod")
      #expect(try slow.reply().status == 408)
      // One that sends too much is told before all of it has come.
      let large = try Client(port)
      try large.send("POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n{\"mod")
      #expect(try large.reply().status == 413)
      let client = try Client(port)
      try client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
      let reply = try client.reply()
      #expect(reply.status == 200 && reply.text.contains("refrain_requests_running 1.0\n"), "\(reply.text)")
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

/// A connection on which anything can be sent.
final class Client {
  struct Reply {
    var status = 0
    var text = ""
  }

  private let socket: Int32
  private var buffer: [UInt8] = []
  private var isOpen = true

  init(_ port: Int) throws {
    #if os(Linux)
      socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      socket = Foundation.socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    try #require(status == 0)
  }

  deinit { if isOpen { close(socket) } }

  func vanish() {
    close(socket)
    isOpen = false
  }

  func send(_ text: String) throws {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      #if os(Linux)
        let count = bytes.withUnsafeBytes { Foundation.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      #else
        let count = bytes.withUnsafeBytes { Foundation.send(socket, $0.baseAddress, $0.count, 0) }
      #endif
      guard count > 0 else { throw ClientError.closed }
      bytes = bytes.dropFirst(count)
    }
  }

  enum ClientError: Error { case closed }

  /// Reads more; false at the end.
  private func read() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = recv(socket, &chunk, chunk.count, 0)
    guard count > 0 else { return false }
    buffer += chunk[..<count]
    return true
  }

  /// Reads until a text has come.
  func waits(for text: String) throws -> Bool {
    while true {
      if let range = buffer.firstRange(of: Array(text.utf8)) {
        buffer.removeSubrange(..<range.upperBound)
        return true
      }
      guard read() else { return false }
    }
  }

  /// The next answer, which says its length.
  func reply() throws -> Reply {
    while buffer.firstRange(of: Array("\r\n\r\n".utf8)) == nil { guard read() else { throw ClientError.closed } }
    guard let end = buffer.firstRange(of: Array("\r\n\r\n".utf8)) else { throw ClientError.closed }
    let head = String(decoding: buffer[..<end.lowerBound], as: UTF8.self)
    buffer.removeSubrange(..<end.upperBound)
    var reply = Reply()
    reply.status = Int(head.split(separator: " ")[1]) ?? 0
    let length = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
      .flatMap { Int($0.dropFirst(15).filter { $0 != " " }) } ?? 0
    while buffer.count < length { guard read() else { throw ClientError.closed } }
    reply.text = String(decoding: buffer[..<length], as: UTF8.self)
    buffer.removeSubrange(..<length)
    return reply
  }
}
