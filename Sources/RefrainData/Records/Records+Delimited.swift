extension Records {
  /// Whether lines hold one of the delimiters, or the first is a header.
  static func hasDelimiter(_ text: BlockText, _ names: [String]) throws(DataError) -> Bool {
    var reader = BlockReader(text)
    if let first = try reader.nextLine() {
      let name = String(decoding: first.trimmedBytes, as: UTF8.self).lowercased()
      if names.contains(where: { $0.lowercased() == name }) { return true }
    }
    return try DelimitedLayout(text, names).delimiter != nil
  }

  /// Reads rows of CSV or TSV. Text is not judged: no line is a comment or a total.
  mutating func readDelimited(_ text: BlockText, name: String, _ names: [String]) throws(DataError) {
    let layout = try DelimitedLayout(text, names)
    var reader = layout.reader(of: text, keeps: true)
    var part = Part(name: name, most: block)
    let notation = decimal.map { NumberNotation(decimal: $0, groups: true) }
    var width = 0
    var header: [String]?
    // The last row, which may go on in the next line, and its last field as it stands in the file.
    var last: (fields: [Field], number: Int, field: Field)?
    var continued = 0
    let budget = MemoryBudget.current
    var skipped = 0
    while let (row, number) = try reader.nextRow() {
      var fields = row
      if number == 1, layout.hasDelimiterLine { continue }
      if width == 0 {
        if fields.count == 1, skipped < layout.titles {
          skipped += 1
          continue
        }
        width = fields.count
        if layout.hasHeader {
          var texts = fields.map {
            String(decoding: reader.bytes(of: $0).trimmedBytes, as: UTF8.self).replacing("\"\"", with: "\"")
          }
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
      // A text with a line break in it, which nobody quoted.
      if fields.count == 1, width > 1, layout.delimiter == .tab, var own = last {
        own.field.count = Int32(clamping: fields[0].start + Int(fields[0].count) - own.field.start)
        own.fields[width - 1] = own.field
        last = own
        continued += 1
        continue
      }
      while fields.count > width, fields.last?.count == 0 { fields.removeLast() }
      guard fields.count == width else {
        let isLonger = fields.count > width
        throw DataError(
          .wrongFieldCount, row: number, line: reader.line == number ? nil : reader.line,
          "there \(fields.count == 1 ? "is 1 field" : "are \(fields.count) fields"), but the first row has \(width)",
          remedy: isLonger
            ? "remove what is too much, or put quotes around a field that holds a '\(layout.shown)'"
            : "add what is missing, or remove the row")
      }
      if let last { part.addRow(last.fields, number: last.number) }
      // In a file there are no more than it has bytes.
      if !part.fields.isInFile {
        try budget.take(fields.count * MemoryLayout<Field>.stride, for: "the fields of \(part.count + 1) rows")
      }
      let plain = notation.map { notation in fields.map { part.plain($0, reader.bytes(of: $0), notation) } }
      last = (plain ?? fields, number, fields[width - 1])
    }
    guard let last else {
      throw DataError(.noRows, "there is a header but no row below it", remedy: "add a row for each example")
    }
    part.addRow(last.fields, number: last.number)
    part.bytes = try reader.finish()
    try part.check()
    if skipped > 0 { notes.append("\(CSVContent.count(skipped, "line")) before the header passed over") }
    if continued > 0 {
      notes.append("lines without a tab are taken for the rest of the text before them (\(continued) such)")
    }
    if header == nil, columns.isEmpty {
      lacksHeader = true
      notes.append("there is no header: the columns are called column 1, column 2 …")
    }
    try append(part, columns: header ?? (1...width).map { "column \($0)" }, hasHeader: header != nil)
  }
}

extension Records.Part {
  /// A field of these bytes that is a number, in a notation with a point before decimals and nothing between thousands;
  /// any other as it is.
  fileprivate mutating func plain(
    _ field: Records.Field, _ bytes: ArraySlice<UInt8>, _ notation: NumberNotation
  ) -> Records.Field {
    guard 1...60 ~= field.count, let number = notation.plain(Array(bytes.trimmedBytes)) else { return field }
    defer { rewritten.append(contentsOf: number) }
    return Records.Field(start: rewritten.count, count: Int32(number.count), isRewritten: true)
  }
}

/// How a table of text is written: what stands between fields, whether quotes stand around some, whether there is a
/// header.
struct DelimitedLayout {
  /// nil for a single column.
  private(set) var delimiter: CSVDelimiter?
  private(set) var hasQuotes = true
  private(set) var hasHeader = false
  /// Whether the first line says what the delimiter is: `sep=;`.
  private(set) var hasDelimiterLine = false
  /// How many lines before the header are titles.
  private(set) var titles = 0

  var shown: String { delimiter?.shown ?? "" }

  /// Rows that are looked at.
  private static let sample = 200

  /// - Parameter names: Those of columns that are known to be there.
  init(_ text: BlockText, _ names: [String]) throws(DataError) {
    var best: (score: Double, rows: [[String]], width: Int)?
    let said = try Self.delimiterLine(of: text)
    hasDelimiterLine = said != nil
    for candidate in said.map({ [$0] }) ?? CSVDelimiter.allCases {
      for hasQuotes in [true, false] {
        let rows = Array(Self.rows(text, candidate, hasQuotes: hasQuotes).dropFirst(said == nil ? 0 : 1))
        guard let width = Self.commonest(rows.map(\.count)), width > 1 else { continue }
        let score = Double(rows.count { $0.count == width }) / Double(rows.count)
        // Quotes are taken for quotes unless fields are lost by it.
        if score >= 0.5, score > best?.score ?? 0 {
          best = (score, rows, width)
          (delimiter, self.hasQuotes) = (candidate, hasQuotes)
        }
      }
    }
    if delimiter == .tab, hasQuotes, try !Self.quotesAreAroundFields(text, width: best?.width ?? 0) {
      hasQuotes = false
    }
    let rows = best?.rows ?? Self.rows(text, .tab, hasQuotes: true)
    hasHeader = Self.hasHeader(rows, names)
    // Lines of one field before a row that is a header; the name of a column is no title.
    let titles = rows.prefix(20).prefix { $0.count == 1 }
    let known = Self.usual.union(names.map { $0.lowercased() })
    if let best, best.width > 1, !titles.isEmpty, titles.count < rows.count, rows[titles.count].count == best.width,
      !titles.contains(where: { known.contains($0[0].lowercased()) }),
      Self.hasHeader(Array(rows.dropFirst(titles.count)), names)
    {
      (self.titles, hasHeader) = (titles.count, true)
    }
  }

  /// The delimiter that a first line such as `sep=;` says.
  private static func delimiterLine(of text: BlockText) throws(DataError) -> CSVDelimiter? {
    var reader = BlockReader(text)
    guard let line = try reader.nextLine(), line.count <= 8 else { return nil }
    return CSVContent.delimiterLine(in: Array(line))?.delimiter
  }

  /// The first rows; none where they cannot be read so.
  private static func rows(_ text: BlockText, _ delimiter: CSVDelimiter, hasQuotes: Bool) -> [[String]] {
    var reader = DelimitedLayout(delimiter, hasQuotes: hasQuotes).reader(of: text, longest: 1 << 24)
    var rows: [[String]] = []
    do throws(DataError) {
      while rows.count < sample, let (fields, _) = try reader.nextRow() {
        rows.append(fields.map { String(decoding: reader.bytes(of: $0).trimmedBytes, as: UTF8.self) })
      }
    } catch {
      return []
    }
    return rows
  }

  private init(_ delimiter: CSVDelimiter, hasQuotes: Bool) {
    (self.delimiter, self.hasQuotes) = (delimiter, hasQuotes)
  }

  /// Reads rows that are written so.
  func reader(of text: BlockText, longest: Int = .max, keeps: Bool = false) -> BlockReader {
    BlockReader(
      text, delimiter: delimiter?.rawValue ?? 0, hasQuotes: hasQuotes, longest: longest, keeps: keeps)
  }

  /// Whether quotes stand around fields of TSV, which mostly has none: each field of a line that begins with a quote
  /// ends with one too, or lines do not have the same number of fields unless quotes are heeded. Titles are no rows.
  private static func quotesAreAroundFields(_ text: BlockText, width: Int) throws(DataError) -> Bool {
    var reader = DelimitedLayout(.tab, hasQuotes: false).reader(of: text)
    var (rows, others) = (0, 0)
    var isTorn = false
    while let (fields, _) = try reader.nextRow() {
      if rows == 0, fields.count == 1, width > 1 { continue }
      rows += 1
      if fields.count != width { others += 1 }
      isTorn =
        isTorn
        || fields.contains { field in
          let bytes = reader.bytes(of: field)
          return bytes.first == .quote && (bytes.count == 1 || bytes.last != .quote)
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
