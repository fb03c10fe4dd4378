import HummingbirdCore
import NIOCore
import RefrainData

extension Service {
  /// Steps in, outputs out, for as long as the client sends.
  func pushStream(_ call: Call, _ names: [String: String]) async throws -> Answer {
    let (id, type) = (names["id"] ?? "", call.contentType)
    guard type == MediaType.bytes || type == MediaType.lines else {
      throw Failure(
        415, "a stream of steps is application/x-ndjson, a line of JSON a step, or application/octet-stream")
    }
    let seesGates = try Self.flag(call, "gates")
    let asEvents = call.accepted(among: [MediaType.events]) != nil
    let owner = call.owner
    let live = try await sessions.use(id, for: owner) { session in session.live }
    let stepBytes = live.stepBytes
    guard type == MediaType.lines || stepBytes != nil else {
      throw Failure(415, "the steps of this session are no numbers of one size; send application/x-ndjson")
    }
    let isBytes = type == MediaType.bytes && !asEvents && !seesGates && live.saysNumbers
    let sessions = sessions
    let body = call.body
    let answerType = isBytes ? MediaType.bytes : asEvents ? MediaType.events : MediaType.lines
    return Answer(type: answerType) { writer in
      var pending = PendingSteps(stepBytes: type == MediaType.bytes ? stepBytes : nil)
      /// Takes what is whole, and writes what comes of it.
      func go(_ parts: [[UInt8]], _ writer: inout any PieceWriter) async throws {
        for part in parts where !part.isEmpty {
          let output = try await sessions.use(id, for: owner) { session in
            let steps = try session.live.steps(
              part, type: type == MediaType.bytes ? MediaType.bytes : MediaType.json)
            return try await self.taken(steps, by: session, seesGates: seesGates)
          }
          if isBytes, let bytes = output.0.bytes {
            try await writer.write(bytes)
            continue
          }
          let each = output.0.each
          var text = ""
          for (index, value) in each.enumerated() {
            var line = "{\"step\":\(output.1 - each.count + index + 1),\"output\":\(value)"
            if seesGates, index == each.count - 1 { line += ",\"gates\":" + output.0.gatesJSON }
            text += (asEvents ? "data: " : "") + line + (asEvents ? "}\n\n" : "}\n")
          }
          try await writer.write(text)
        }
      }
      do {
        switch body {
        case .bytes(let bytes): try await go(pending.take(bytes), &writer)
        case .stream(let pieces):
          for try await piece in pieces { try await go(pending.take(Array(piece.readableBytesView)), &writer) }
        }
        try await go(pending.rest(), &writer)
      } catch let failure as Failure {
        // The head has gone; what went wrong is the last line.
        guard !isBytes else { throw failure }
        let json: JSON = ["error": .text(failure.message)]
        try await writer.write(asEvents ? "event: error\ndata: \(json.line)\n\n" : json.line + "\n")
      }
    }
  }
}

/// Steps that have come in part.
struct PendingSteps {
  /// The bytes of a step; nil for a line of JSON.
  let stepBytes: Int?
  private var bytes: [UInt8] = []

  /// The longest line.
  private static let longestLine = 1 << 20

  init(stepBytes: Int?) { self.stepBytes = stepBytes }

  /// What is whole with these bytes: bodies for ``LiveModel/steps(_:type:)``.
  ///
  /// - Throws: 413 for a line without an end.
  mutating func take(_ more: [UInt8]) throws(Failure) -> [[UInt8]] {
    bytes += more
    guard let stepBytes else {
      guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else {
        guard bytes.count <= Self.longestLine else {
          throw Failure(413, "a line has more than \(memoryText(Self.longestLine))", closes: true)
        }
        return []
      }
      let lines = bytes[..<end].split(separator: UInt8(ascii: "\n")).map(Self.step)
      bytes.removeSubrange(...end)
      return lines
    }
    let whole = bytes.count / stepBytes * stepBytes
    guard whole > 0 else { return [] }
    defer { bytes.removeFirst(whole) }
    return [Array(bytes[..<whole])]
  }

  /// What is left at the end.
  mutating func rest() throws(Failure) -> [[UInt8]] {
    defer { bytes = [] }
    guard stepBytes != nil else { return bytes.allSatisfy { $0 <= 32 } ? [] : [Self.step(bytes[...])] }
    guard bytes.isEmpty else { throw Failure(400, "the body ends in the middle of a step") }
    return []
  }

  /// A line as the body of a request: an array or a number alone is a step. What is neither is left as it is, so that
  /// what is said of it names its own places.
  static func step(_ line: ArraySlice<UInt8>) -> [UInt8] {
    guard line.contains(where: { $0 > 32 }) else { return [] }
    guard isNumbers(line) else { return Array(line) }
    return Array("{\"input\":".utf8) + line + Array("}".utf8)
  }

  /// Whether a line seems to be one number, or one array and nothing beside it.
  private static func isNumbers(_ line: ArraySlice<UInt8>) -> Bool {
    var (depth, values) = (0, 0)
    var isBehindSpace = true
    for byte in line {
      switch byte {
      case UInt8(ascii: "["):
        if depth == 0 { values += 1 }
        depth += 1
      case UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "\""): return false
      case ...32: break
      default:
        guard depth == 0 else { break }
        guard (48...57).contains(byte) || [43, 45, 46, 69, 101].contains(byte) else { return false }
        if isBehindSpace { values += 1 }
      }
      isBehindSpace = byte <= 32 || byte == UInt8(ascii: "]")
      guard depth >= 0, values <= 1 else { return false }
    }
    return depth == 0 && values == 1
  }
}
