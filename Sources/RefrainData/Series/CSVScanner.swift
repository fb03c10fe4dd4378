/// Where one field lies in the file's bytes.
struct CSVField {
  /// The bytes of the field, without the quotes around it; quotes within are still doubled.
  var range: Range<Int>
  /// Whether the field stood in quotes.
  var isQuoted: Bool
}

/// The sign between fields.
enum CSVDelimiter: UInt8, CaseIterable {
  // Rarest in text first: what wins when two delimiters explain the file equally well.
  case tab = 0x09
  case semicolon = 0x3B
  case bar = 0x7C
  case comma = 0x2C

  /// The sign in a message.
  var shown: String { self == .tab ? "tab" : String(UnicodeScalar(rawValue)) }
}

/// Reads rows of fields, one after another, each byte once.
struct CSVScanner {
  var bytes: [UInt8]
  var position: Int
  let delimiter: UInt8
  /// How many lines stand before the bytes, where these are a part of a file.
  var linesBefore = 0

  var isAtEnd: Bool { position >= bytes.count }

  /// Passes over the line when it is blank; false, without a move, when it is not.
  mutating func skipBlankLine() -> Bool {
    var end = position
    while end < bytes.count, bytes[end] == .space || bytes[end] == 0x09 { end += 1 }
    guard end == bytes.count || isLineEnd(bytes[end]) else { return false }
    position = end
    passLineEnd()
    return true
  }

  /// Whether the line begins with this byte, white space aside.
  func lineBegins(with byte: UInt8) -> Bool {
    var start = position
    while start < bytes.count, bytes[start] == .space || bytes[start] == 0x09 { start += 1 }
    return start < bytes.count && bytes[start] == byte
  }

  /// Passes over a line whatever it holds, and returns where it lies.
  mutating func skipLine() -> Range<Int> {
    let start = position
    while position < bytes.count, !isLineEnd(bytes[position]) { position += 1 }
    let range = start..<position
    passLineEnd()
    return range
  }

  private mutating func passLineEnd() {
    guard position < bytes.count else { return }
    let first = bytes[position]
    position += 1
    if first == .carriageReturn, position < bytes.count, bytes[position] == .lineFeed { position += 1 }
  }

  /// Reads up to the end of the row and past its line break, appending the fields.
  mutating func readRow(into fields: inout [CSVField]) throws(DataError) {
    while true {
      fields.append(try readField())
      guard position < bytes.count, bytes[position] == delimiter else { break }
      position += 1
    }
    passLineEnd()
  }

  /// Reads one field and stops at what ends it: a delimiter, a line break or the end of the file.
  private mutating func readField() throws(DataError) -> CSVField {
    var start = position
    while start < bytes.count, bytes[start] == .space { start += 1 }
    if start < bytes.count, bytes[start] == .quote { return try readQuotedField(openedAt: start) }
    start = position
    while position < bytes.count, !ends(bytes[position]) { position += 1 }
    return CSVField(range: start..<position, isQuoted: false)
  }

  private mutating func readQuotedField(openedAt opening: Int) throws(DataError) -> CSVField {
    position = opening + 1
    while position < bytes.count {
      if bytes[position] != .quote {
        position += 1
        continue
      }
      if position + 1 < bytes.count, bytes[position + 1] == .quote {
        position += 2
        continue
      }
      let field = CSVField(range: opening + 1..<position, isQuoted: true)
      position += 1
      while position < bytes.count, bytes[position] == .space { position += 1 }
      guard position == bytes.count || ends(bytes[position]) else {
        throw fault(opening, "there is text after the closing quote", remedy: "double a quote that belongs to the text")
      }
      return field
    }
    throw fault(opening, "a quote is opened and never closed", remedy: "close it, or remove it")
  }

  private func ends(_ byte: UInt8) -> Bool { byte == delimiter || isLineEnd(byte) }

  private func isLineEnd(_ byte: UInt8) -> Bool { byte == .lineFeed || byte == .carriageReturn }

  private func fault(_ position: Int, _ problem: String, remedy: String) -> DataError {
    let line = linesBefore + CSVContent.line(at: position, in: bytes)
    return DataError(.badQuotes, "line \(line): \(problem)", remedy: remedy)
  }
}

extension UInt8 {
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")
  static let quote = UInt8(ascii: "\"")
}

/// Whether a byte is white space.
func isBlank(_ byte: UInt8) -> Bool {
  byte == .space || byte == .lineFeed || byte == .carriageReturn || byte == 0x09
}

extension StringProtocol {
  /// The text without white space at its ends.
  package var trimmed: String {
    let text = String(self)
    guard let first = text.utf8.firstIndex(where: { !isBlank($0) }) else { return "" }
    return String(text[first...text.utf8.lastIndex(where: { !isBlank($0) })!])
  }
}

extension ArraySlice<UInt8> {
  /// The bytes without white space at their ends; no-break spaces count as white space too.
  var trimmedBytes: ArraySlice<UInt8> {
    var slice = self
    while let first = slice.first {
      if isBlank(first) {
        slice.removeFirst()
      } else if slice.starts(with: [0xC2, 0xA0]) {
        slice.removeFirst(2)
      } else {
        break
      }
    }
    while let last = slice.last {
      if isBlank(last) {
        slice.removeLast()
      } else if last == 0xA0, slice.dropLast().last == 0xC2 {
        slice.removeLast(2)
      } else {
        break
      }
    }
    return slice
  }
}
