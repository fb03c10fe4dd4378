/// Goes through the bytes of a text once: counts lines, and finds out how it is encoded and what is no text.
struct LineScan: Sendable {
  private(set) var lines = 0
  private(set) var bytes = 0
  /// Whether it is read as Windows-1252.
  private(set) var isWindows = false

  /// The line of the first byte that is no UTF-8, of the first zero, and of the first that is no Windows-1252.
  private var badLine: Int?
  private var zeroLine: Int?
  private var foreignLine: Int?
  /// Characters of several bytes, and bytes that are parts of none.
  private var wideCharacters = 0
  private var badBytes = 0
  private var lineStart = 0
  private var longestLine = 0
  private var previous: UInt8 = .lineFeed
  /// The first bytes, which may be a mark of the byte order.
  private var head: [UInt8] = []
  /// What is still to come of a character, and the bounds of its next byte.
  private var pending = 0
  private var (low, high): (UInt8, UInt8) = (0x80, 0xBF)

  init() {}

  mutating func take(_ buffer: UnsafeBufferPointer<UInt8>) {
    var scan = self
    scan.head += buffer.prefix(3 - head.count)
    for byte in buffer {
      if byte < 0x80 {
        if scan.pending > 0 { scan.noteBad() }
        if byte < 0x20 { scan.takeControl(byte) }
      } else {
        scan.takeWide(byte)
      }
      scan.previous = byte
      scan.bytes += 1
    }
    self = scan
  }

  private mutating func takeControl(_ byte: UInt8) {
    switch byte {
    // The line feed of a CRLF belongs to the line before.
    case .lineFeed where previous == .carriageReturn && bytes > 0: lineStart = bytes + 1
    case .lineFeed, .carriageReturn:
      lines += 1
      longestLine = max(longestLine, bytes - lineStart)
      lineStart = bytes + 1
    case 0: zeroLine = zeroLine ?? lines + 1
    default: break
    }
  }

  private mutating func takeWide(_ byte: UInt8) {
    if foreignLine == nil, DecodedText.isNoWindows(byte) { foreignLine = lines + 1 }
    if pending > 0 {
      if low...high ~= byte {
        pending -= 1
        (low, high) = (0x80, 0xBF)
        if pending == 0 { wideCharacters += 1 }
        return
      }
      noteBad()
    }
    (low, high) = (0x80, 0xBF)
    switch byte {
    case 0xC2...0xDF: pending = 1
    case 0xE0: (pending, low) = (2, 0xA0)
    case 0xED: (pending, high) = (2, 0x9F)
    case 0xE1...0xEF: pending = 2
    case 0xF0: (pending, low) = (3, 0x90)
    case 0xF4: (pending, high) = (3, 0x8F)
    case 0xF1...0xF3: pending = 3
    default: noteBad()
    }
  }

  private mutating func noteBad() {
    pending = 0
    badBytes += 1
    badLine = badLine ?? lines + 1
  }

  /// Says what the text is.
  ///
  /// - Parameter notes: Takes up what is assumed.
  /// - Throws: `notUTF8` with the line, `overMemoryBudget` for a line that does not fit.
  mutating func finish(_ notes: inout [String]) throws(DataError) {
    if pending > 0 { noteBad() }
    // A mark of the byte order alone is no line.
    let isMark = bytes == 3 && head == [0xEF, 0xBB, 0xBF]
    if previous != .lineFeed, previous != .carriageReturn, !isMark { lines += 1 }
    longestLine = max(longestLine, bytes - lineStart)
    if let zeroLine {
      throw DataError(
        .notUTF8, "line \(zeroLine) holds a zero byte: this is no text", remedy: "save it as text in UTF-8")
    }
    if let badLine {
      guard wideCharacters <= badBytes / 16 else {
        throw DataError(
          .notUTF8, "line \(badLine) holds bytes that are no UTF-8, as the rest of the file is",
          remedy: "mend or remove the line")
      }
      if let foreignLine {
        throw DataError(
          .notUTF8, "line \(foreignLine) is neither UTF-8 nor Latin-1", remedy: "save it as text in UTF-8")
      }
      isWindows = true
      notes.append("read as Latin-1 (Windows-1252), as it is not UTF-8")
    }
    // One line is there at a time.
    let budget = MemoryBudget.current
    try budget.take(4 * longestLine, for: "the longest line")
    budget.giveBack(4 * longestLine)
  }
}
