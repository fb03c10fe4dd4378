import HTTPTypes
import HummingbirdCore
import NIOCore

/// A request, read as far as its head.
struct Call: Sendable {
  /// What comes after the head.
  enum Body: Sendable {
    /// All of it.
    case bytes([UInt8])
    /// What is still to come.
    case stream(RequestBody)
  }

  /// `GET`, `POST`, …
  var method: String
  /// The path without the query, as it was sent.
  var path: String
  /// The parameters of the query.
  var query: [String: String] = [:]
  /// The head's fields.
  var headers = HTTPFields()
  /// What comes after the head.
  var body = Body.bytes([])
  /// The host that the request is for.
  var authority: String?
  /// What the request is called in logs and answers.
  var id = ""
  /// Whose token it brought, in a few digits; nil where none is asked for.
  var owner: String?
  /// Whether the connection can go on as a WebSocket.
  var takesUpgrade = false

  /// A request of a head.
  ///
  /// - Throws: 400 for a query with escapes that are none, or with a name twice.
  init(_ head: HTTPRequest) throws(Failure) {
    let target = head.path ?? "/"
    let end = target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
    (method, path) = (head.method.rawValue, String(target[..<end]))
    (headers, authority) = (head.headerFields, head.authority)
    guard end < target.endIndex else { return }
    query = try String.query(target[end...].dropFirst())
  }

  init(method: String, path: String) { (self.method, self.path) = (method, path) }

  /// The value of a field, by its name in any case.
  func header(_ name: HTTPField.Name) -> String? { headers[name] }

  /// The type of the body, in small letters and without its parameters; empty where none is said.
  var contentType: String { Self.mediaType(headers[.contentType] ?? "") }

  /// The first of some types that the client would take; nil where it says nothing of them.
  func accepted(among types: [String]) -> String? {
    guard let accepted = headers[.accept] else { return nil }
    let wanted = accepted.split(separator: ",").map { Self.mediaType(String($0)) }
    return wanted.first { types.contains($0) }
  }

  private static func mediaType(_ text: String) -> String {
    // Most say it plainly.
    let semicolon = UInt8(ascii: ";")
    if text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != semicolon && !(65...90).contains($0) }) { return text }
    return (text.split(separator: ";").first ?? "").lowercased().filter { $0 != " " && $0 != "\t" }
  }
}

/// What is answered.
struct Answer: Sendable {
  /// What comes after the head.
  enum Body: Sendable {
    /// All of it.
    case bytes([UInt8])
    /// What is written piece by piece; it ends with the function.
    case stream(@Sendable (inout any PieceWriter) async throws -> Void)
    /// The connection goes on as a WebSocket, whose messages are answered so.
    case socket(WebSocketConnection.Answerer)
  }

  /// Three digits.
  var status = 200
  /// The head's fields.
  var headers = HTTPFields()
  /// What comes after the head.
  var body = Body.bytes([])
  /// Whether the connection ends with it: where the rest of a body is not wanted.
  var closes = false

  /// Bytes of a type.
  init(status: Int = 200, _ bytes: [UInt8], type: String) {
    self.status = status
    headers[.contentType] = type
    body = .bytes(bytes)
  }

  /// Text of a type.
  init(status: Int = 200, _ text: String, type: String) { self.init(status: status, Array(text.utf8), type: type) }

  /// Nothing but a status.
  init(status: Int) { self.status = status }

  /// What is written piece by piece.
  init(type: String, stream: @escaping @Sendable (inout any PieceWriter) async throws -> Void) {
    headers[.contentType] = type
    body = .stream(stream)
  }

  /// The connection goes on as a WebSocket.
  init(_ handshake: WebSocketHandshake, answerer: @escaping WebSocketConnection.Answerer) {
    status = 101
    headers[.upgrade] = "websocket"
    headers[.connection] = "Upgrade"
    headers[.secWebSocketAccept] = handshake.accept
    headers[.secWebSocketProtocol] = handshake.subprotocol
    body = .socket(answerer)
  }
}

/// Where an answer is written piece by piece.
protocol PieceWriter {
  /// Sends bytes; returns when there is room for more.
  mutating func write(_ bytes: [UInt8]) async throws
}

extension PieceWriter {
  mutating func write(_ text: String) async throws { try await write(Array(text.utf8)) }
}

/// Types of bodies.
enum MediaType {
  static let json = "application/json"
  static let lines = "application/x-ndjson"
  static let bytes = "application/octet-stream"
  static let events = "text/event-stream"
  static let csv = "text/csv"
  static let npy = "application/x-npy"
  static let gif = "image/gif"
  static let text = "text/plain"
  static let html = "text/html; charset=utf-8"
  static let metrics = "text/plain; version=0.0.4; charset=utf-8"
}
