import HTTPTypes
import RefrainFoundation

/// What a request to go on as a WebSocket says (RFC 6455, section 4.2.1).
struct WebSocketHandshake: Sendable {
  /// The subprotocol that clients may name. Those that bring a token among the subprotocols have to.
  static let subprotocol = "refrain"
  private static let tokenPrefix = "bearer."

  /// The value of `Sec-WebSocket-Accept`.
  let accept: String
  /// The subprotocol that is agreed on.
  let subprotocol: String?

  /// - Throws: 426 for a request that asks for no WebSocket or for another version, 400 for one that is not well
  ///   formed.
  init(_ call: Call) throws(Failure) {
    guard Self.list(call.header(.upgrade)).contains(where: { $0.lowercased() == "websocket" }) else {
      throw Failure(426, "steps come here over a WebSocket; with POST they come as the body of a request")
    }
    guard call.method == "GET", call.takesUpgrade,
      Self.list(call.header(.connection)).contains(where: { $0.lowercased() == "upgrade" })
    else {
      throw Failure(400, "a WebSocket begins with GET, Connection: Upgrade, no body, and nothing else being answered")
    }
    guard call.header(.secWebSocketVersion) == "13" else {
      let version = call.header(.secWebSocketVersion) ?? ""
      throw Failure(426, "the version of WebSockets here is 13, not \(version.quoted)")
    }
    let key = call.header(.secWebSocketKey) ?? ""
    guard Data(base64Encoded: key)?.count == 16 else {
      throw Failure(400, "Sec-WebSocket-Key is \(key.quoted), and not 16 bytes in base64")
    }
    accept = Self.accept(key)
    let offered = Self.list(call.header(.secWebSocketProtocol))
    subprotocol = offered.contains(Self.subprotocol) ? Self.subprotocol : nil
    guard subprotocol != nil || !offered.contains(where: { $0.hasPrefix(Self.tokenPrefix) }) else {
      throw Failure(
        400, "beside a token the subprotocol \(Self.subprotocol.quoted) has to be offered: a token is never agreed on")
    }
  }

  /// The token that a client brings among its subprotocols, as `bearer.` and the token in base64url: a browser cannot
  /// set `Authorization`, and a query would stand in logs. Nil where it brings none.
  static func token(of call: Call) -> [UInt8]? {
    guard let given = list(call.header(.secWebSocketProtocol)).first(where: { $0.hasPrefix(tokenPrefix) }) else {
      return nil
    }
    var text = String(given.dropFirst(tokenPrefix.count)).replacing("-", with: "+").replacing("_", with: "/")
    text += String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    return Data(base64Encoded: text).map { Array($0) }
  }

  /// The words of a field that is a list.
  private static func list(_ text: String?) -> [String] {
    (text ?? "").split(separator: ",").map(\.trimmed)
  }

  /// The answer to a key.
  static func accept(_ key: String) -> String {
    Data(sha1(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))).base64EncodedString()
  }

  /// SHA-1 (FIPS 180-4) of a text, 20 bytes. The handshake asks for it, and keeps nothing secret by it.
  static func sha1(_ message: [UInt8]) -> [UInt8] {
    func turned(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
    func bytes(_ word: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) } }
    var sums: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
    var padded = message + [0x80]
    padded += [UInt8](repeating: 0, count: (120 - padded.count % 64) % 64)
    padded += bytes(0) + bytes(UInt32(message.count * 8))
    for start in stride(from: 0, to: padded.count, by: 64) {
      var words = (0..<16).map { word in
        (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(padded[start + 4 * word + $1]) }
      }
      for place in 16..<80 {
        words.append(turned(words[place - 3] ^ words[place - 8] ^ words[place - 14] ^ words[place - 16], 1))
      }
      var (a, b, c, d, e) = (sums[0], sums[1], sums[2], sums[3], sums[4])
      for (place, word) in words.enumerated() {
        let mixed: UInt32
        switch place {
        case ..<20: mixed = ((b & c) | (~b & d)) &+ 0x5a82_7999
        case ..<40: mixed = (b ^ c ^ d) &+ 0x6ed9_eba1
        case ..<60: mixed = ((b & c) | (b & d) | (c & d)) &+ 0x8f1b_bcdc
        default: mixed = (b ^ c ^ d) &+ 0xca62_c1d6
        }
        (a, b, c, d, e) = (turned(a, 5) &+ mixed &+ e &+ word, a, turned(b, 30), c, d)
      }
      for (place, more) in [a, b, c, d, e].enumerated() { sums[place] &+= more }
    }
    return sums.flatMap(bytes)
  }
}
