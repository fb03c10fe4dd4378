import NIOCore
import NIOWebSocket

/// A message of a WebSocket.
struct WebSocketMessage: Sendable {
  /// Text, which is UTF-8, or else bytes.
  let isText: Bool
  let bytes: [UInt8]
}

/// Why a WebSocket ends.
struct WebSocketClosing: Error, Sendable {
  /// Who ends it.
  enum Cause: Sendable {
    /// The client said so.
    case client
    /// The client did what it must not do, and what else it sends is not looked at.
    case violation
    /// The server has its reasons.
    case server
  }

  let cause: Cause
  /// The code of RFC 6455, section 7.4; nil where the client gave none.
  let code: UInt16?
  /// At most 123 bytes.
  var reason = ""

  /// The session is not there any more: 4000 and the status of HTTP.
  static let noSession: UInt16 = 4404
}

/// Puts messages together from frames, and says what a client must not send (RFC 6455, sections 5, 7.4 and 8.1).
struct WebSocketReader {
  /// What a frame completes.
  enum Event {
    case message(WebSocketMessage)
    case ping([UInt8])
    case close(WebSocketClosing)
  }

  /// The most bytes of a message.
  let limit: Int
  /// The beginning of a message of several frames.
  private var begun: (isText: Bool, bytes: [UInt8])?

  init(limit: Int) { self.limit = limit }

  /// - Returns: What the frame completes; nil for a pong and for a part of a message.
  /// - Throws: Why the connection has to end.
  mutating func take(_ frame: WebSocketFrame) throws(WebSocketClosing) -> Event? {
    guard let key = frame.maskKey else { throw Self.violation("a frame is not masked") }
    guard frame.reservedBits.isEmpty else { throw Self.violation("a reserved bit is set") }
    switch frame.opcode {
    case .text, .binary:
      guard begun == nil else { throw Self.violation("a message begins within another") }
      guard frame.length <= limit else { throw tooLong }
      let (isText, bytes) = (frame.opcode == .text, Self.unmasked(frame.data, key))
      guard frame.fin else {
        begun = (isText, bytes)
        return nil
      }
      return try whole(isText, bytes)
    case .continuation:
      guard let before = begun?.bytes.count else { throw Self.violation("a message goes on that has not begun") }
      guard before + frame.length <= limit else { throw tooLong }
      // In place: there may be very many parts.
      begun?.bytes += Self.unmasked(frame.data, key)
      guard frame.fin, let all = begun.take() else { return nil }
      return try whole(all.isText, all.bytes)
    case .ping: return .ping(Self.unmasked(frame.data, key))
    case .pong: return nil
    case .connectionClose: return .close(try Self.closing(Self.unmasked(frame.data, key)))
    default: throw Self.violation("there is no such kind of frame")
    }
  }

  /// The violation that the decoder of frames has found.
  func closing(for error: NIOWebSocketError) -> WebSocketClosing {
    switch error {
    case .invalidFrameLength: tooLong
    case .fragmentedControlFrame: Self.violation("a control frame is in parts")
    case .multiByteControlFrameLength: Self.violation("a control frame has more than 125 bytes")
    }
  }

  private func whole(_ isText: Bool, _ bytes: [UInt8]) throws(WebSocketClosing) -> Event {
    guard !isText || String(validating: bytes, as: UTF8.self) != nil else {
      throw WebSocketClosing(cause: .violation, code: 1007, reason: "a text is no UTF-8")
    }
    return .message(WebSocketMessage(isText: isText, bytes: bytes))
  }

  private var tooLong: WebSocketClosing {
    WebSocketClosing(cause: .violation, code: 1009, reason: "a message has more than \(limit) bytes")
  }

  private static func violation(_ reason: String) -> WebSocketClosing {
    WebSocketClosing(cause: .violation, code: 1002, reason: reason)
  }

  private static func closing(_ bytes: [UInt8]) throws(WebSocketClosing) -> WebSocketClosing {
    guard !bytes.isEmpty else { return WebSocketClosing(cause: .client, code: nil) }
    guard bytes.count >= 2 else { throw violation("half a code") }
    let code = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: break
    default: throw violation("no code that may be sent")
    }
    guard String(validating: bytes.dropFirst(2), as: UTF8.self) != nil else {
      throw WebSocketClosing(cause: .violation, code: 1007, reason: "a reason is no UTF-8")
    }
    return WebSocketClosing(cause: .client, code: code)
  }

  private static func unmasked(_ data: ByteBuffer, _ key: WebSocketMaskingKey) -> [UInt8] {
    let keys = (key[0], key[1], key[2], key[3])
    return data.withUnsafeReadableBytes { masked in
      [UInt8](unsafeUninitializedCapacity: masked.count) { bytes, count in
        count = masked.count
        var place = 0
        while place + 4 <= count {
          bytes.initializeElement(at: place, to: masked[place] ^ keys.0)
          bytes.initializeElement(at: place + 1, to: masked[place + 1] ^ keys.1)
          bytes.initializeElement(at: place + 2, to: masked[place + 2] ^ keys.2)
          bytes.initializeElement(at: place + 3, to: masked[place + 3] ^ keys.3)
          place += 4
        }
        while place < count {
          bytes.initializeElement(at: place, to: masked[place] ^ key[place % 4])
          place += 1
        }
      }
    }
  }
}
