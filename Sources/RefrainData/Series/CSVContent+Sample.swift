/// What the beginning of a file says of its form.
struct CSVSample {
  var delimiter = CSVDelimiter.comma
  /// Fields in a row.
  var width = 1
  /// Where the header lies, or the first row when there is none, and the number of that row from 1.
  var start = 0
  var rowNumber = 1
  var hasHeader = true
  /// Whether the row below the header holds no values either, and the one below that nothing else: units, or names.
  var hasSecondLine = false
  /// Whether rows begin with their numbers from 1 on, over which the header has no name, as R writes them.
  var hasRowNames = false
  /// Names from the comment right before the first row, when there is no other header.
  var commentHeader: [String]?
  /// Lines before the header, blank ones not counted.
  var skippedLines = 0
  var hasComments = false
}

/// A row of the sample.
private struct SampleRow {
  var position: Int
  /// From 1, blank lines and comments counted.
  var number: Int
  var fields: [CSVField]
  /// Whether a blank line lies before it.
  var followsBlank: Bool
}

extension CSVContent {
  /// The first line when it says `sep=;`, as spreadsheets write and read it.
  static func delimiterLine(in bytes: [UInt8]) -> (delimiter: CSVDelimiter, end: Int)? {
    var scanner = CSVScanner(bytes: bytes, position: 0, delimiter: 0)
    while !scanner.isAtEnd, scanner.skipBlankLine() {}
    let line = bytes[scanner.skipLine()].trimmedBytes.filter { $0 != .quote }
    let word = Array("sep=".utf8)
    guard line.count <= 5, line.count >= 4, line.prefix(4).elementsEqual(word) else { return nil }
    // A tab at the end is white space, and trimmed.
    let sign = line.count == 5 ? line[4] : CSVDelimiter.tab.rawValue
    return CSVDelimiter(rawValue: sign).map { ($0, scanner.position) }
  }

  /// Finds delimiter, width and header from the first rows.
  ///
  /// The delimiter is the one that splits most of the rows into equally many fields; among equals, into more fields.
  /// The header is the first row of that width: what stands before it is a title, or comments.
  static func sample(_ bytes: [UInt8], from start: Int, delimiter given: CSVDelimiter?) -> CSVSample {
    var best: (delimiter: CSVDelimiter, agreement: Double, width: Int, rows: [SampleRow])?
    let hasComments = hasComments(bytes, from: start)
    for delimiter in given.map({ [$0] }) ?? CSVDelimiter.allCases {
      let rows = rows(bytes, from: start, delimiter: delimiter, hasComments: hasComments)
      var tally: [Int: Int] = [:]
      for row in rows { tally[row.fields.count, default: 0] += 1 }
      guard let mode = tally.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }) else { continue }
      guard mode.key > 1 || given != nil else { continue }
      let agreement = Double(mode.value) / Double(rows.count)
      if best == nil || (agreement, mode.key) > (best!.agreement, best!.width) {
        best = (delimiter, agreement, mode.key, rows)
      }
    }
    if best == nil || best!.agreement < 0.5 && given == nil {
      // One column: no delimiter splits most rows.
      let rows = rows(bytes, from: start, delimiter: .comma, hasComments: hasComments)
      let width = best == nil ? 1 : rows.first?.fields.count ?? 1
      best = (.comma, 1, width, rows)
    }
    var sample = CSVSample(delimiter: best!.delimiter, width: best!.width)
    sample.hasComments = hasComments
    sample.findHeader(in: best!.rows, of: bytes, from: start)
    return sample
  }

  /// Whether # begins comments: not when most lines begin with it.
  private static func hasComments(_ bytes: [UInt8], from start: Int) -> Bool {
    var scanner = CSVScanner(bytes: bytes, position: start, delimiter: 0)
    var (lines, marked) = (0, 0)
    while lines < 200, scanner.position < start + sampleSize, !scanner.isAtEnd {
      if scanner.skipBlankLine() { continue }
      lines += 1
      if scanner.lineBegins(with: UInt8(ascii: "#")) { marked += 1 }
      _ = scanner.skipLine()
    }
    return marked > 0 && (marked * 2 < lines || lines < 20 && marked < lines)
  }

  /// The first rows as a delimiter splits them, up to some size; comments and blank lines left out.
  private static func rows(
    _ bytes: [UInt8], from start: Int, delimiter: CSVDelimiter, hasComments: Bool
  ) -> [SampleRow] {
    var scanner = CSVScanner(bytes: bytes, position: start, delimiter: delimiter.rawValue)
    var rows: [SampleRow] = []
    var number = start == 0 ? 1 : 2
    var followsBlank = false
    while rows.count < 200, scanner.position < start + sampleSize || rows.isEmpty, !scanner.isAtEnd {
      defer { number += 1 }
      if scanner.skipBlankLine() {
        followsBlank = true
        continue
      }
      if hasComments, scanner.lineBegins(with: UInt8(ascii: "#")) {
        _ = scanner.skipLine()
        continue
      }
      var row = SampleRow(position: scanner.position, number: number, fields: [], followsBlank: followsBlank)
      // A text that this delimiter does not explain, or the fault that the real reading will report.
      do throws(DataError) { try scanner.readRow(into: &row.fields) } catch {
        if rows.isEmpty { rows.append(row) }
        break
      }
      // A spreadsheet's blank line has delimiters.
      if row.fields.count > 1, row.fields.allSatisfy(\.range.isEmpty) {
        followsBlank = true
        continue
      }
      rows.append(row)
      followsBlank = false
    }
    return rows
  }

  private static let sampleSize = 1 << 20
}

extension CSVSample {
  fileprivate mutating func findHeader(in rows: [SampleRow], of bytes: [UInt8], from begin: Int) {
    guard !rows.isEmpty else { return }
    var first = rows.firstIndex { $0.fields.count == width } ?? 0
    // Rows may end with a delimiter that the header lacks, or the header with one that they lack.
    if first > 0, !rows[first].followsBlank, rows[first - 1].fields.count > 1,
      hasValue(rows[first], in: bytes), !hasValue(rows[first - 1], in: bytes)
    {
      first -= 1
    }
    // A title may be as wide as the table: a blank line parts it from the header.
    let limit = min(rows.count, first + 20)
    if let value = (first..<limit).first(where: { hasValue(rows[$0], in: bytes) }), value > first,
      let after = (first + 1..<value).last(where: { rows[$0].followsBlank })
    {
      first = after
    }
    if let header = (first + 1..<min(rows.count, first + 6)).dropLast(1).last(where: { index in
      rows[index].followsBlank && rows[index].fields.count == width && !hasValue(rows[index], in: bytes)
        && !rows[index + 1].followsBlank && hasValue(rows[index + 1], in: bytes)
    }) {
      first = header
    }
    if rows[first].fields.count != width, first == 0, rows.count == 1 { width = rows[0].fields.count }
    start = rows[first].position
    rowNumber = rows[first].number
    hasHeader = !lacksHeader(rows, at: first, in: bytes)
    hasRowNames =
      hasHeader && rows[first].fields.count == width - 1 && rows.count > first + 2
      && rows[(first + 1)...].contains { $0.fields.last?.range.isEmpty == false }
      && rows[(first + 1)...].enumerated().allSatisfy { place, row in
        row.fields.first.map { CSVContent.text($0, in: bytes) } == String(place + 1)
      }
    hasSecondLine = hasHeader && hasNamesBelow(rows, first, in: bytes)
    if !hasHeader {
      width = rows[first].fields.count
      commentHeader = namesInComment(before: start, in: bytes, from: begin)
    }
    skippedLines = lines(before: start, in: bytes, from: begin) - (commentHeader == nil ? 0 : 1)
  }

  private func hasValue(_ row: SampleRow, in bytes: [UInt8]) -> Bool {
    row.fields.prefix(1000).contains { CSVContent.isValue(bytes[$0.range]) }
  }

  /// Whether the first row holds values: all of them, or a written time or a decimal number where the next row has one.
  /// Three times above numbers are names.
  private func lacksHeader(_ rows: [SampleRow], at first: Int, in bytes: [UInt8]) -> Bool {
    let row = rows[first].fields.prefix(1000)
    let texts = row.map { bytes[$0.range].trimmedBytes }
    guard texts.contains(where: { !$0.isEmpty }) else { return false }
    let next = first + 1 < rows.count ? rows[first + 1].fields : []
    let isTimeAboveNumber = zip(texts, next).lazy.map { text, below in
      !NumberNotation.isNumber(text) && CSVContent.isValue(text)
        && NumberNotation.isNumber(bytes[below.range].trimmedBytes)
    }
    if isTimeAboveNumber.count(where: { $0 }) >= 3 { return false }
    if texts.allSatisfy(CSVContent.isValue) { return true }
    return texts.enumerated().contains { index, text in
      guard index < next.count, CSVContent.isValue(text) else { return false }
      let below = bytes[next[index].range].trimmedBytes
      let isWhole = text.allSatisfy(isDigit)
      return !isWhole && !below.allSatisfy(isDigit) && CSVContent.isValue(below)
    }
  }

  private func hasNamesBelow(_ rows: [SampleRow], _ first: Int, in bytes: [UInt8]) -> Bool {
    guard width > 1, first + 2 < rows.count else { return false }
    let (header, second, third) = (rows[first], rows[first + 1], rows[first + 2])
    guard [header, second, third].allSatisfy({ $0.fields.count == width }), !second.followsBlank, !third.followsBlank,
      !hasValue(header, in: bytes), !hasValue(second, in: bytes), width <= 1000
    else { return false }
    // Words for what is missing are values that are missing; a dash is a unit too.
    let isWord = second.fields.map { CSVContent.isWord(bytes[$0.range]) }
    return isWord.contains(true)
      && zip(second.fields, isWord).allSatisfy { $1 || ["", "-", "–", "—"].contains(CSVContent.text($0, in: bytes)) }
      && third.fields.allSatisfy { CSVContent.isValue(bytes[$0.range]) }
  }

  /// The names in the comment line right before the first row, if it has as many fields: `# time value`.
  private func namesInComment(before position: Int, in bytes: [UInt8], from begin: Int) -> [String]? {
    guard hasComments else { return nil }
    var scanner = CSVScanner(bytes: bytes, position: begin, delimiter: delimiter.rawValue)
    var last: Range<Int>?
    while scanner.position < position {
      if scanner.skipBlankLine() { continue }
      last = scanner.skipLine()
    }
    guard let last, let mark = bytes[last].firstIndex(of: UInt8(ascii: "#")) else { return nil }
    var line = CSVScanner(bytes: Array(bytes[mark + 1..<last.upperBound]), position: 0, delimiter: delimiter.rawValue)
    var fields: [CSVField] = []
    do throws(DataError) { try line.readRow(into: &fields) } catch { return nil }
    let names = fields.map { CSVContent.text($0, in: line.bytes) }
    return names.count == width && Set(names).count == width && !names.contains("") ? names : nil
  }

  /// How many lines lie before the header, blank ones not counted.
  private func lines(before position: Int, in bytes: [UInt8], from begin: Int) -> Int {
    var scanner = CSVScanner(bytes: bytes, position: begin, delimiter: 0)
    var lines = 0
    while scanner.position < position {
      if scanner.skipBlankLine() { continue }
      _ = scanner.skipLine()
      lines += 1
    }
    return lines
  }
}
