/// The result of scanning a CSV file: names and the places of fields. Rows and columns only; what a field means is
/// ``Table``'s.
///
/// What stands around the table is passed over and noted: comment lines, a title before the header, a source below the
/// data, blank lines, delimiters at the ends of lines.
struct CSVContent {
  let delimiter: CSVDelimiter
  private(set) var names: [String]
  /// Row after row, as many in each as there are names.
  private(set) var fields: [CSVField] = []
  /// The number of each row, as a spreadsheet counts: every line of the file, the title and the header too.
  private(set) var rowNumbers: [Int32] = []
  /// What was assumed, a line each.
  private(set) var notes: [String] = []
  /// How many columns at the right end have no name; they are dropped when nothing is in them.
  private var unnamed = 0
  /// Whether lines that begin with # are comments.
  private let hasComments: Bool
  /// The lines of the header, a field each as it is written; without empty ones at the end.
  private var headerLines: [[ArraySlice<UInt8>]] = []

  init(bytes: [UInt8]) throws(DataError) {
    guard bytes.contains(where: { !isBlank($0) }) else {
      throw DataError(.emptyFile, "the file is empty", remedy: "it needs a header of column names, then rows")
    }
    let start = Self.delimiterLine(in: bytes)
    let sample = Self.sample(bytes, from: start?.end ?? 0, delimiter: start?.delimiter)
    delimiter = sample.delimiter
    hasComments = sample.hasComments
    names = []
    var scanner = CSVScanner(bytes: bytes, position: sample.start, delimiter: sample.delimiter.rawValue)
    var number = sample.rowNumber
    if sample.hasHeader {
      var header: [CSVField] = []
      try scanner.readRow(into: &header)
      var texts = header.map { Self.text($0, in: bytes) }
      keepLine(header, of: bytes)
      let row = number
      number += 1
      if sample.hasRowNames {
        texts.insert("", at: 0)
        notes.append("the first field of each row, over which there is no name, is the row's number")
      }
      if sample.hasSecondLine {
        var second: [CSVField] = []
        try scanner.readRow(into: &second)
        keepLine(second, of: bytes)
        texts = joined(texts, second.map { Self.text($0, in: bytes) }, row: row)
        number += 1
      }
      try name(texts, row: row)
    } else if let header = sample.commentHeader {
      try name(header, row: number)
    } else {
      names = (1...sample.width).map { "column \($0)" }
      notes.append(
        "there is no header: the columns are called \(names.count == 1 ? "column 1" : "column 1, column 2 …")")
    }
    if sample.skippedLines > 0 {
      notes.append("\(Self.count(sample.skippedLines, "line")) before the header passed over")
    }
    fields.reserveCapacity(min(bytes.count / 8, 1 << 26))
    try readRows(&scanner, from: number, hasHeader: sample.hasHeader)
    guard !rowNumbers.isEmpty else {
      throw DataError(.noRows, "there is a header but no row below it", remedy: "add the data, one row per time")
    }
    dropEmptyColumns()
    dropEmptyRows()
  }

  // MARK: - Rows

  private mutating func readRows(
    _ scanner: inout CSVScanner, from first: Int, hasHeader: Bool
  ) throws(DataError) {
    let width = names.count
    var number = first
    var comments = 0
    var (blanks, spacing, passed, headers) = (0, -1, 0, 0)
    var (cut, lastHeader) = (false, 0)
    while !scanner.isAtEnd {
      if scanner.skipBlankLine() {
        blanks += 1
        number += 1
        continue
      }
      if hasComments, isComment(scanner) {
        _ = scanner.skipLine()
        comments += 1
        number += 1
        continue
      }
      if blanks > 0, !rowNumbers.isEmpty {
        // In a column by itself a blank line is a missing value, unless the lines are evenly spaced.
        if width == 1, spacing != blanks, spacing >= 0 || rowNumbers.count > 1 {
          throw DataError(
            .missingValue, row: number - blanks, column: names[0], "the line is blank",
            remedy: "fill it (e.g. with the last known value) or remove it")
        }
      } else if width == 1, spacing > 0 {
        throw DataError(.missingValue, row: number, "there is no blank line before this row as there is elsewhere")
      }
      if !rowNumbers.isEmpty { spacing = blanks }
      let between = rowNumbers.isEmpty ? 0 : blanks
      blanks = 0
      let before = fields.count
      let start = scanner.position
      try scanner.readRow(into: &fields)
      let count = fields.count - before
      if hasHeader, width > 1, let line = headerLine(fields[before...], in: scanner.bytes) {
        // Files that were put below each other have one each.
        fields.removeLast(count)
        if line == 0 || lastHeader != number - 1 { headers += 1 }
        lastHeader = number
        number += 1
        continue
      }
      if count > width, fields[(before + width)...].allSatisfy({ isEmpty($0, in: scanner.bytes) }) {
        fields.removeLast(count - width)
        cut = true
      } else if count < width, width - count <= unnamed {
        let end = fields[fields.count - 1].range.upperBound
        fields += Array(repeating: CSVField(range: end..<end, isQuoted: false), count: width - count)
      } else if count != width {
        let row = Array(fields[before...])
        fields.removeLast(count)
        if let lines = footer(row, start: start, of: scanner) {
          notes.append("\(Self.count(lines, "line")) below the data passed over")
          break
        }
        throw wrongCount(count, row: number, position: start, in: scanner.bytes)
      }
      rowNumbers.append(Int32(truncatingIfNeeded: number))
      passed += between
      number += 1
    }
    if headers > 0 { notes.append("\(Self.count(headers, "header")) between the rows passed over") }
    if comments > 0 { notes.append("\(Self.count(comments, "comment line")) passed over") }
    if passed > 0 { notes.append("\(Self.count(passed, "blank line")) between the rows passed over") }
    if cut { notes.append("delimiters at the ends of rows passed over") }
  }

  private func wrongCount(_ count: Int, row: Int, position: Int, in bytes: [UInt8]) -> DataError {
    let line = Self.line(at: position, in: bytes)
    return DataError(
      .wrongFieldCount, row: row, line: line == row ? nil : line,
      "there \(count == 1 ? "is 1 field" : "are \(count) fields"), but the header names \(names.count)",
      remedy: count < names.count
        ? "add what is missing, or remove the row"
        : "remove what is too much, or put quotes around a field that holds a '\(delimiter.shown)'")
  }

  /// How many lines from here to the end are no rows, when a row of another width begins them: text below the data.
  private func footer(_ row: [CSVField], start: Int, of scanner: CSVScanner) -> Int? {
    guard !rowNumbers.isEmpty, row.count < names.count,
      !row.contains(where: { Self.isValue(scanner.bytes[$0.range]) }) || Self.isTotal(scanner.bytes[row[0].range])
    else { return nil }
    var rest = scanner
    var lines = 1
    while !rest.isAtEnd {
      if rest.skipBlankLine() { continue }
      if isComment(rest) {
        _ = rest.skipLine()
      } else {
        var fields: [CSVField] = []
        do throws(DataError) { try rest.readRow(into: &fields) } catch { return nil }
        if fields.count >= names.count { return nil }
      }
      lines += 1
      if lines > 20 { return nil }
    }
    return lines
  }

  /// Whether a field names a total: the word of a last row that belongs to no time.
  static func isTotal(_ field: ArraySlice<UInt8>) -> Bool {
    guard field.count <= 40 else { return false }
    let text = String(decoding: field.trimmedBytes, as: UTF8.self).lowercased()
    return text.split { !$0.isLetter }.contains { totals.contains(String($0)) }
  }

  private static let totals: Set = [
    "total", "totals", "sum", "summe", "gesamt", "gesamtsumme", "somme", "totale", "suma", "soma", "totaal", "average",
    "avg", "mean", "mittelwert", "durchschnitt", "moyenne", "media", "média", "promedio", "subtotal", "итого", "всего",
    "razem", "celkem", "yhteensä", "合計", "合计", "总计", "source", "quelle", "note", "notes",
  ]

  private mutating func keepLine(_ fields: [CSVField], of bytes: [UInt8]) {
    var line = fields.map { bytes[$0.range].trimmedBytes }
    while line.last?.isEmpty == true { line.removeLast() }
    if !line.isEmpty { headerLines.append(line) }
  }

  /// Which line of the header a row repeats, where the first row has numbers below some name: of texts alone, as those
  /// of sentences and their translations, none can be told from a header.
  private func headerLine(_ row: ArraySlice<CSVField>, in bytes: [UInt8]) -> Int? {
    let line = headerLines.firstIndex { line in
      line.count <= row.count && zip(row, line).allSatisfy { bytes[$0.range].trimmedBytes == $1 }
        && row.dropFirst(line.count).allSatisfy { isEmpty($0, in: bytes) }
    }
    guard let line, !rowNumbers.isEmpty else { return nil }
    let hasNumbers = zip(fields, names).contains { field, name in
      let text = Self.text(field, in: bytes)
      return text.utf8.contains(where: isDigit) && !name.utf8.contains(where: isDigit)
    }
    return hasNumbers ? line : nil
  }

  private func isEmpty(_ field: CSVField, in bytes: [UInt8]) -> Bool { bytes[field.range].allSatisfy(isBlank) }

  private func isComment(_ scanner: CSVScanner) -> Bool { Self.isComment(scanner) }

  /// Whether the line begins with # and is not one of a spreadsheet's errors (#N/A, #DIV/0!).
  private static func isComment(_ scanner: CSVScanner) -> Bool {
    guard scanner.lineBegins(with: UInt8(ascii: "#")) else { return false }
    let rest = scanner.bytes[scanner.position...].prefix(12).trimmedBytes
    let head = String(decoding: rest.dropFirst(), as: UTF8.self).uppercased()
    return !["N/A", "DIV/0", "REF!", "VALUE!", "NAME?", "NUM!", "NULL!"].contains { head.hasPrefix($0) }
  }

  // MARK: - Columns

  /// The names of columns that have two lines: the second is taken for units, or for the names themselves where it has
  /// more of them, or speaks of time and the first does not. Where names would stand twice both lines make them.
  private mutating func joined(_ first: [String], _ second: [String], row: Int) -> [String] {
    let count = { (texts: [String]) in texts.count { !$0.isEmpty } }
    let hasTime = { (texts: [String]) in texts.contains(where: TimeAxis.isNamedLikeTime) }
    let isHeader = count(first) < count(second) || hasTime(second) && !hasTime(first)
    let names = isHeader ? second : first
    let shown = (isHeader ? first : second).filter { !$0.isEmpty }.prefix(4).joined(separator: ", ").shortened
    let line = isHeader ? row : row + 1
    let given = names.filter { !$0.isEmpty }
    guard Set(given).count < given.count else {
      notes.append("line \(line) (\(shown)) is taken for \(isHeader ? "a title" : "units"), not for values")
      return names
    }
    notes.append("lines \(row) and \(row + 1) are taken for names together")
    // A name stands over the columns up to the next.
    var above = ""
    return zip(first, second).map { one, other in
      if !one.isEmpty { above = one }
      return [above, other].filter { !$0.isEmpty }.joined(separator: " ")
    }
  }

  private mutating func name(_ texts: [String], row: Int) throws(DataError) {
    var places: [String: Int] = [:]
    for (index, text) in texts.enumerated() {
      // pandas leaves the name of the index, which it writes first, empty.
      let name = text.isEmpty ? "column \(index + 1)" : text
      unnamed = text.isEmpty && index > 0 ? unnamed + 1 : 0
      if let first = places.updateValue(index, forKey: name) {
        throw DataError(
          .badHeader, row: row, "columns \(first + 1) and \(index + 1) are both named \(name.quoted)",
          remedy: "rename one of them")
      }
      names.append(name)
    }
  }

  /// Drops the columns at the right end that have neither a name nor a value.
  private mutating func dropEmptyColumns() {
    guard unnamed > 0 else { return }
    let width = names.count
    var used = width - unnamed
    for start in stride(from: 0, to: fields.count, by: width) {
      while used < width, let last = fields[(start + used)..<(start + width)].lastIndex(where: { !$0.range.isEmpty }) {
        used = last - start + 1
      }
    }
    guard used < width else { return }
    var kept: [CSVField] = []
    kept.reserveCapacity(rowNumbers.count * used)
    for start in stride(from: 0, to: fields.count, by: width) { kept += fields[start..<start + used] }
    fields = kept
    names.removeLast(width - used)
    notes.append("delimiters at the ends of rows passed over")
  }

  /// Drops rows at the end that hold delimiters alone, as spreadsheets leave them.
  private mutating func dropEmptyRows() {
    guard names.count > 1 else { return }
    while rowNumbers.count > 1, fields.suffix(names.count).allSatisfy(\.range.isEmpty) {
      fields.removeLast(names.count)
      rowNumbers.removeLast()
    }
  }

  // MARK: - Text

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

  static func text(_ field: CSVField, in bytes: [UInt8]) -> String {
    String(decoding: bytes[field.range].trimmedBytes, as: UTF8.self).replacing("\"\"", with: "\"")
  }

  static func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
    "\(number) \(number == 1 ? noun : plural ?? noun + "s")"
  }

  /// Whether a field is a word, and none for what is missing or infinite.
  static func isWord(_ field: ArraySlice<UInt8>) -> Bool {
    Array(field.trimmedBytes).withUnsafeBufferPointer { Field($0, NumberNotation()) } == .text
  }

  /// Whether a field is a number or a time rather than a name.
  static func isValue(_ field: ArraySlice<UInt8>) -> Bool {
    let field = field.trimmedBytes
    guard !field.isEmpty, field.count <= 60 else { return false }
    if NumberNotation.isNumber(field) { return true }
    return !TimeLayout.candidates(for: field).isEmpty
  }
}
