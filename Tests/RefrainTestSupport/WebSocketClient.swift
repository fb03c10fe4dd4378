import Testing

/// A client of a WebSocket that sends what frames it likes.
public final class WebSocketClient {
  /// What a server sent.
  public struct Frame {
    /// 1 is a text, 2 are bytes, 8 says goodbye, 9 asks, 10 answers that.
    public let kind: UInt8
    public let bytes: [UInt8]

    public var text: String { String(decoding: bytes, as: UTF8.self) }
    /// What a goodbye says.
    public var code: Int? { kind == 8 && bytes.count >= 2 ? Int(bytes[0]) << 8 | Int(bytes[1]) : nil }
  }

  public let socket: SocketClient
  /// What the server answered to the request.
  public let reply: SocketClient.Reply

  /// A connection that a server has agreed to.
  ///
  /// - Parameter fields: More lines of the request's head, each with its end.
  public init(_ port: Int, _ path: String, fields: String = "", window: Int32? = nil) throws {
    socket = try SocketClient(port, window: window)
    try socket.send(Self.request(path, fields: fields))
    reply = try socket.reply()
    try #require(reply.status == 101, "\(reply.head) \(reply.text)")
    #expect(reply.head.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="))
    #expect(reply.head.contains("\r\nupgrade: websocket") && reply.head.contains("\r\nconnection: upgrade"))
    #expect(!reply.head.contains("\r\ncontent-length") && !reply.head.contains("\r\ntransfer-encoding"))
  }

  /// The request for a WebSocket.
  public static func request(
    _ path: String, method: String = "GET", host: String = "localhost", upgrade: String = "websocket",
    connection: String = "keep-alive, Upgrade", version: String = "13", key: String = "dGhlIHNhbXBsZSBub25jZQ==",
    fields: String = ""
  ) -> String {
    "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nUpgrade: \(upgrade)\r\nConnection: \(connection)\r\n"
      + "Sec-WebSocket-Version: \(version)\r\nSec-WebSocket-Key: \(key)\r\n\(fields)\r\n"
  }

  /// A frame as bytes.
  ///
  /// - Parameters:
  ///   - isLast: Whether the message ends with it.
  ///   - length: The length that it says, where that is not its own.
  public static func frame(
    _ kind: UInt8, _ bytes: [UInt8], isLast: Bool = true, isMasked: Bool = true, reserved: UInt8 = 0,
    length: Int? = nil
  ) -> [UInt8] {
    var frame = [(isLast ? 0x80 : 0) | reserved << 4 | kind]
    let mask: UInt8 = isMasked ? 0x80 : 0
    let length = length ?? bytes.count
    switch length {
    case ..<126: frame.append(mask | UInt8(length))
    case ..<65_536: frame += [mask | 126, UInt8(length >> 8), UInt8(length & 255)]
    default: frame += [mask | 127] + (0..<8).map { UInt8(truncatingIfNeeded: length >> (56 - 8 * $0)) }
    }
    guard isMasked else { return frame + bytes }
    let key: [UInt8] = [0x37, 0xfa, 0x21, 0x3d]
    return frame + key + bytes.enumerated().map { $1 ^ key[$0 % 4] }
  }

  public func send(_ text: String) throws { try socket.send(Self.frame(1, Array(text.utf8))) }
  public func send(_ bytes: [UInt8]) throws { try socket.send(Self.frame(2, bytes)) }

  /// The next frame, which a server does not mask and sends whole.
  public func next() throws -> Frame {
    let head = try socket.read(2)
    try #require(head[0] & 0xf0 == 0x80 && head[1] & 0x80 == 0, "\(head)")
    var length = Int(head[1])
    if length > 125 { length = try socket.read(length == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) } }
    return Frame(kind: head[0] & 15, bytes: try socket.read(length))
  }

  /// The code with which the server ends the connection, which then is closed; what it sends before is passed over.
  public func end() throws -> Int? {
    while true {
      let frame = try next()
      guard frame.kind == 8 else { continue }
      try? socket.send(Self.frame(8, Array(frame.bytes.prefix(2))))
      #expect(try !socket.waits(for: "\u{0}nothing"))
      return frame.code
    }
  }
}
