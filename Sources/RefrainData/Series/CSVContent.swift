/// Where one field lies in the file's bytes.
struct CSVField {
  /// The bytes of the field, without the quotes around it; quotes within are still doubled.
  var range: Range<Int>
  /// Whether the field stood in quotes.
  var isQuoted: Bool
}

/// What may stand between fields.
enum CSVDelimiter: UInt8, CaseIterable {
  // Rarest in text first: what wins when two delimiters explain the file equally well.
  case tab = 0x09
  case semicolon = 0x3B
  case bar = 0x7C
  case comma = 0x2C
}

/// The result of scanning a CSV file: names and the places of fields. Rows and columns only; what a field means is
/// ``Table``'s.
struct CSVContent {
  let delimiter: CSVDelimiter
  let names: [String]
  /// Row after row, as many in each as there are names.
  let fields: [CSVField]

  init(bytes: [UInt8]) throws(DataError) {
    try Self.checkEncoding(bytes)
    let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
    let start = hasMark ? 3 : 0
    guard bytes[start...].contains(where: { !isBlank($0) }) else {
      throw DataError(.emptyFile, "the file is empty", remedy: "it needs a header of column names, then rows")
    }
    let delimiter = Self.findDelimiter(in: bytes, from: start)
    var scanner = CSVScanner(bytes: bytes, position: start, delimiter: delimiter.rawValue)

    var header: [CSVField] = []
    try scanner.readRow(into: &header)
    let names = try Self.names(in: header, of: bytes)

    var fields: [CSVField] = []
    fields.reserveCapacity(bytes.count / 8)
    var rows = 0
    while !scanner.isAtEnd {
      let before = fields.count
      let rowStart = scanner.position
      try scanner.readRow(into: &fields)
      let count = fields.count - before
      // A blank row is one field, or several of white space where tabs delimit; at the end of the file it is no row.
      if count != names.count || count == 1, scanner.holdsOnlyBlanks(from: rowStart) {
        fields.removeLast(count)
        break
      }
      guard count == names.count else {
        let line = Self.line(at: rowStart, in: bytes)
        throw DataError(
          .wrongFieldCount, row: rows + 2, line: line == rows + 2 ? nil : line,
          "there \(count == 1 ? "is 1 field" : "are \(count) fields"), but the header names \(names.count)",
          remedy: count < names.count
            ? "add what is missing, or remove the row"
            : "remove what is too much, or put quotes around a field that holds a '\(delimiter.shown)'")
      }
      rows += 1
    }
    guard rows > 0 else {
      throw DataError(.noRows, "there is a header but no row below it", remedy: "add the data, one row per time")
    }
    self.delimiter = delimiter
    self.names = names
    self.fields = fields
  }

  /// The line, from 1, in which the byte at `position` stands: line breaks before it, plus one.
  static func line(at position: Int, in bytes: [UInt8]) -> Int {
    var line = 1
    for index in 0..<position {
      switch bytes[index] {
      case .lineFeed: line += 1
      case .carriageReturn where index + 1 == bytes.count || bytes[index + 1] != .lineFeed: line += 1
      default: break
      }
    }
    return line
  }

  private static func checkEncoding(_ bytes: [UInt8]) throws(DataError) {
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw DataError(.notUTF8, "the text is UTF-16, not UTF-8", remedy: "save it again as \"CSV UTF-8\"")
    }
    if String(validating: bytes, as: UTF8.self) != nil { return }
    // The fault's place: the longest valid beginning, found by looking at one line after another.
    var line = 1
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: .lineFeed) ?? bytes.count
      if String(validating: bytes[start..<end], as: UTF8.self) == nil { break }
      line += 1
      start = end + 1
    }
    throw DataError(.notUTF8, "the text in line \(line) is not UTF-8", remedy: "save it again as \"CSV UTF-8\"")
  }

  private static func names(in header: [CSVField], of bytes: [UInt8]) throws(DataError) -> [String] {
    let texts = header.map { String(decoding: bytes[$0.range], as: UTF8.self).replacing("\"\"", with: "\"").trimmed }
    if header.allSatisfy({ isValue(Array(bytes[$0.range])) }) {
      throw DataError(
        .noHeader, row: 1, "the first row holds values (\(texts[0].quoted)), not column names",
        remedy: "add a header row such as \(["time,value", "value"][header.count == 1 ? 1 : 0])")
    }
    var names: [String] = []
    for (index, text) in texts.enumerated() {
      // pandas leaves the name of the index, which it writes first, empty.
      let name = text.isEmpty && index == 0 && texts.count > 1 ? "column 1" : text
      if name.isEmpty {
        throw DataError(.badHeader, row: 1, "column \(index + 1) has no name", remedy: "name it or remove the column")
      }
      if let first = names.firstIndex(of: name) {
        throw DataError(
          .badHeader, row: 1, "columns \(first + 1) and \(index + 1) are both named \(name.quoted)",
          remedy: "rename one of them")
      }
      names.append(name)
    }
    return names
  }

  /// Whether a field is a number or a time rather than a name.
  private static func isValue(_ field: [UInt8]) -> Bool {
    let isNumber = [false, true].contains { decimalComma in
      switch field.withUnsafeBufferPointer({ Cell($0, decimalComma: decimalComma) }) {
      case .number, .infinite: true
      case .missing, .text: false
      }
    }
    return isNumber || !TimeLayout.candidates(for: field).isEmpty
  }

  /// The delimiter that splits most of the first rows as it splits the header; among equals, the one that splits it
  /// into more fields.
  private static func findDelimiter(in bytes: [UInt8], from start: Int) -> CSVDelimiter {
    var best = (delimiter: CSVDelimiter.comma, agreement: 0.0, fields: 1)
    for delimiter in CSVDelimiter.allCases {
      var scanner = CSVScanner(bytes: bytes, position: start, delimiter: delimiter.rawValue)
      var counts: [Int] = []
      while counts.count < 50, !scanner.isAtEnd {
        var row: [CSVField] = []
        let rowStart = scanner.position
        // A text that this delimiter does not explain, or the fault that the real reading will report.
        do throws(DataError) { try scanner.readRow(into: &row) } catch { break }
        if row.count == 1 && scanner.holdsOnlyBlanks(from: rowStart) { break }
        counts.append(row.count)
      }
      guard let fields = counts.first, fields > 1 else { continue }
      let agreement = Double(counts.count { $0 == fields }) / Double(counts.count)
      if (agreement, fields) > (best.agreement, best.fields) { best = (delimiter, agreement, fields) }
    }
    return best.delimiter
  }
}

/// Reads rows of fields, one after another.
struct CSVScanner {
  let bytes: [UInt8]
  var position: Int
  let delimiter: UInt8

  var isAtEnd: Bool { position >= bytes.count }

  /// Whether only white space lies at `start` and beyond.
  func holdsOnlyBlanks(from start: Int) -> Bool { bytes[start...].allSatisfy(isBlank) }

  /// Reads up to the end of the row and past its line break, appending the fields.
  mutating func readRow(into fields: inout [CSVField]) throws(DataError) {
    let end = bytes.count
    while true {
      fields.append(try readField())
      guard position < end else { return }
      let byte = bytes[position]
      position += 1
      if byte == delimiter { continue }
      if byte == .carriageReturn, position < end, bytes[position] == .lineFeed { position += 1 }
      return
    }
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
      while position < bytes.count, bytes[position] == .space, delimiter != .space { position += 1 }
      guard position == bytes.count || ends(bytes[position]) else {
        throw fault(opening, "there is text after the closing quote", remedy: "double a quote that belongs to the text")
      }
      return field
    }
    throw fault(opening, "a quote is opened and never closed", remedy: "close it, or remove it")
  }

  private func ends(_ byte: UInt8) -> Bool {
    byte == delimiter || byte == .lineFeed || byte == .carriageReturn
  }

  private func fault(_ position: Int, _ problem: String, remedy: String) -> DataError {
    DataError(.badQuotes, "line \(CSVContent.line(at: position, in: bytes)): \(problem)", remedy: remedy)
  }
}

extension CSVDelimiter {
  fileprivate var shown: String { self == .tab ? "tab" : String(UnicodeScalar(rawValue)) }
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

extension String {
  /// The text without white space at its ends.
  var trimmed: String {
    guard let first = utf8.firstIndex(where: { !isBlank($0) }) else { return "" }
    return String(self[first...utf8.lastIndex(where: { !isBlank($0) })!])
  }
}
