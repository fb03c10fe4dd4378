extension Records {
  /// Whether lines hold one of the delimiters, or the first is a header.
  static func hasDelimiter(_ bytes: [UInt8], _ names: [String]) -> Bool {
    var scanner = CSVScanner(bytes: bytes, position: 0, delimiter: 0)
    let first = scanner.skipLine()
    if names.contains(String(decoding: bytes[first].trimmedBytes, as: UTF8.self)) { return true }
    return DelimitedLayout(bytes, names).delimiter != nil
  }

  /// Reads rows of CSV or TSV. Text is not judged: no line is a comment or a total.
  mutating func readDelimited(_ bytes: [UInt8], name: String, _ names: [String]) throws(DataError) {
    let layout = DelimitedLayout(bytes, names)
    var reader = RowReader(bytes: bytes, layout: layout)
    var part = Part(name: name, width: 0, bytes: bytes)
    var header: [String]?
    var continued = 0
    let budget = MemoryBudget.current
    while let (fields, number) = try reader.next() {
      if part.width == 0 {
        part.width = fields.count
        if layout.hasHeader {
          var texts = fields.map { Self.headerText($0, in: bytes) }
          for (index, text) in texts.enumerated() where text.isEmpty {
            texts[index] = "column \(index + 1)"
          }
          if let double = texts.indices.first(where: { texts[..<$0].contains(texts[$0]) }) {
            throw DataError(
              .badHeader, row: number, "two columns are named \(texts[double].quoted)", remedy: "rename one of them")
          }
          header = texts
          continue
        }
      }
      if fields.count == 1, part.width > 1, layout.delimiter == .tab, part.continueLast(with: fields[0]) {
        continued += 1
        continue
      }
      guard fields.count == part.width else {
        let isLonger = fields.count > part.width
        throw DataError(
          .wrongFieldCount, row: number, line: reader.line == number ? nil : reader.line,
          "there \(fields.count == 1 ? "is 1 field" : "are \(fields.count) fields"), but the first row has \(part.width)",
          remedy: isLonger
            ? "remove what is too much, or put quotes around a field that holds a '\(layout.shown)'"
            : "add what is missing, or remove the row")
      }
      try budget.take(fields.count * MemoryLayout<Field>.stride, for: "the fields of \(part.count + 1) rows")
      part.fields += fields
      part.rowNumbers.append(Int32(clamping: number))
    }
    guard part.count > 0 else {
      throw DataError(.noRows, "there is a header but no row below it", remedy: "add a row for each example")
    }
    if continued > 0 {
      notes.append("lines without a tab are taken for the rest of the text before them (\(continued) such)")
    }
    if header == nil, columns.isEmpty {
      lacksHeader = true
      notes.append("there is no header: the columns are called column 1, column 2 …")
    }
    if let decimal { part.writePlainly(NumberNotation(decimal: decimal, groups: true)) }
    try append(part, columns: header ?? (1...part.width).map { "column \($0)" }, hasHeader: header != nil)
  }

  private static func headerText(_ field: Field, in bytes: [UInt8]) -> String {
    let range = field.start..<field.start + Int(field.count)
    return String(decoding: bytes[range].trimmedBytes, as: UTF8.self).replacing("\"\"", with: "\"")
  }
}

extension Records.Part {
  /// Writes the fields that are numbers in a notation with a point before decimals and nothing between thousands.
  fileprivate mutating func writePlainly(_ notation: NumberNotation) {
    for index in fields.indices where 1...60 ~= fields[index].count {
      let range = fields[index].start..<fields[index].start + Int(fields[index].count)
      guard let number = notation.plain(Array(bytes[range].trimmedBytes)) else { continue }
      fields[index] = Records.Field(start: bytes.count, count: Int32(number.count))
      bytes += number
    }
  }

  /// Makes a line without a delimiter the rest of the last field: a text with a line break in it, which nobody quoted.
  fileprivate mutating func continueLast(with line: Records.Field) -> Bool {
    guard count > 0, let last = fields.last, last.count >= 0, last.start + Int(last.count) < line.start else {
      return false
    }
    fields[fields.count - 1].count = Int32(clamping: line.start + Int(line.count) - last.start)
    return true
  }
}

/// How a table of text is written: what stands between fields, whether quotes stand around some, whether there is a
/// header.
struct DelimitedLayout {
  /// nil for a single column.
  private(set) var delimiter: CSVDelimiter?
  private(set) var hasQuotes = true
  private(set) var hasHeader = false

  var shown: String { delimiter?.shown ?? "" }

  /// Rows that are looked at.
  private static let sample = 200

  /// - Parameter names: Those of columns that are known to be there.
  init(_ bytes: [UInt8], _ names: [String]) {
    var best: (score: Double, rows: [[String]])?
    for candidate in CSVDelimiter.allCases {
      for hasQuotes in [true, false] {
        let rows = Self.rows(bytes, candidate, hasQuotes: hasQuotes)
        guard let width = Self.commonest(rows.map(\.count)), width > 1 else { continue }
        let score = Double(rows.count { $0.count == width }) / Double(rows.count)
        // Quotes are taken for quotes unless fields are lost by it.
        if score >= 0.5, score > best?.score ?? 0 {
          best = (score, rows)
          (delimiter, self.hasQuotes) = (candidate, hasQuotes)
        }
      }
    }
    if delimiter == .tab, hasQuotes, !Self.quotesAreAroundFields(bytes) { hasQuotes = false }
    let rows = best?.rows ?? Self.rows(bytes, .tab, hasQuotes: true)
    hasHeader = Self.hasHeader(rows, names)
  }

  /// The first rows; none where they cannot be read so.
  private static func rows(_ bytes: [UInt8], _ delimiter: CSVDelimiter, hasQuotes: Bool) -> [[String]] {
    var layout = DelimitedLayout()
    (layout.delimiter, layout.hasQuotes) = (delimiter, hasQuotes)
    var reader = RowReader(bytes: bytes, layout: layout)
    var rows: [[String]] = []
    do throws(DataError) {
      while rows.count < sample, let (fields, _) = try reader.next() {
        rows.append(
          fields.map { String(decoding: bytes[$0.start..<$0.start + Int($0.count)].trimmedBytes, as: UTF8.self) })
      }
    } catch {
      return []
    }
    return rows
  }

  private init() {}

  /// Whether quotes stand around fields of TSV, which mostly has none: each field of a line that begins with a quote
  /// ends with one too, or lines do not have the same number of fields unless quotes are heeded.
  private static func quotesAreAroundFields(_ bytes: [UInt8]) -> Bool {
    var layout = DelimitedLayout()
    (layout.delimiter, layout.hasQuotes) = (.tab, false)
    var reader = RowReader(bytes: bytes, layout: layout)
    var (rows, others, width) = (0, 0, 0)
    var isTorn = false
    while let (fields, _) = (try? reader.next()) ?? nil {
      rows += 1
      if rows == 1 { width = fields.count }
      if fields.count != width { others += 1 }
      isTorn =
        isTorn
        || fields.contains { field in
          let text = bytes[field.start..<field.start + Int(field.count)]
          return text.first == .quote && (text.count == 1 || text.last != .quote)
        }
    }
    return !isTorn || others * 50 > rows
  }

  private static func commonest(_ counts: [Int]) -> Int? {
    Dictionary(grouping: counts) { $0 }.max { ($0.value.count, $0.key) < ($1.value.count, $1.key) }?.key
  }

  /// Whether the first row names the columns: it holds a known name, or a word where numbers are below, or in no column
  /// whose values come again one of these.
  private static func hasHeader(_ rows: [[String]], _ names: [String]) -> Bool {
    guard let first = rows.first else { return false }
    let wanted = Set(names.map { $0.lowercased() })
    if first.contains(where: { wanted.contains($0.lowercased()) }) { return true }
    let rest = rows.dropFirst().filter { $0.count == first.count }
    guard !rest.isEmpty, first.allSatisfy({ $0.count <= 64 }) else { return false }
    func isNumber(_ text: String) -> Bool { NumberNotation.isNumber(Array(text.utf8)[...]) }
    if first.contains(where: isNumber) { return namesSteps(first) }
    for column in first.indices {
      let values = rest.map { $0[column] }.filter { !$0.isEmpty }
      if !values.isEmpty, values.allSatisfy(isNumber), !isMissingNumber(first[column]) { return true }
    }
    // Words that are there twice are no names; above numbers they are, and one of them is wrong.
    guard Set(first).count == first.count else { return false }
    let repeated = first.indices.filter { column in
      let values = rest.map { $0[column] }
      return Set(values).count * 2 <= values.count
    }
    if !repeated.isEmpty { return repeated.allSatisfy { column in !rest.contains { $0[column] == first[column] } } }
    return first.allSatisfy { usual.contains($0.lowercased()) }
  }

  /// Whether a row that holds numbers is a header all the same: eight or more that count from 0 or 1, beside words.
  private static func namesSteps(_ first: [String]) -> Bool {
    let numbers = first.compactMap { Int($0) }
    return numbers.count >= 8 && numbers.count < first.count && numbers[0] <= 1
      && numbers.enumerated().allSatisfy { $0 + numbers[0] == $1 }
  }

  /// What columns are often called.
  static let usual: Set<String> = [
    "text", "label", "target", "class", "category", "sentence", "review", "comment", "message", "name", "title", "id",
    "sentiment", "question", "content", "body", "tweet", "document", "answer", "y", "x", "intent", "query", "file",
    "path",
  ]
}

/// Reads rows one after another.
private struct RowReader {
  private var scanner: CSVScanner
  private let hasQuotes: Bool
  private var number = 0
  /// The line in which the last row began.
  private(set) var line = 0
  /// The line in which the next one begins.
  private var nextLine = 1

  init(bytes: [UInt8], layout: DelimitedLayout) {
    scanner = CSVScanner(bytes: bytes, position: 0, delimiter: layout.delimiter?.rawValue ?? 0)
    hasQuotes = layout.hasQuotes
  }

  /// The next row that is not blank.
  mutating func next() throws(DataError) -> (fields: [Records.Field], number: Int)? {
    while !scanner.isAtEnd {
      number += 1
      (line, nextLine) = (nextLine, nextLine + 1)
      let start = scanner.position
      if scanner.skipBlankLine() { continue }
      guard hasQuotes else { return (split(scanner.skipLine()), number) }
      var fields: [CSVField] = []
      try scanner.readRow(into: &fields)
      let bytes = scanner.bytes
      if fields.contains(where: \.isQuoted) {
        nextLine += bytes[start..<(fields.last?.range.upperBound ?? start)].count { $0 == .lineFeed }
      }
      return (
        fields.map {
          Records.Field(
            start: $0.range.lowerBound, count: Int32(clamping: $0.range.count),
            hasQuotes: $0.isQuoted && bytes[$0.range].contains(.quote))
        }, number
      )
    }
    return nil
  }

  /// The fields of a line in which quotes are characters like others.
  private func split(_ line: Range<Int>) -> [Records.Field] {
    var fields: [Records.Field] = []
    var start = line.lowerBound
    for position in line where scanner.bytes[position] == scanner.delimiter {
      fields.append(Records.Field(start: start, count: Int32(clamping: position - start)))
      start = position + 1
    }
    fields.append(Records.Field(start: start, count: Int32(clamping: line.upperBound - start)))
    return fields
  }
}
