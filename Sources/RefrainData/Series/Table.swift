/// A table of text read from CSV: a header of column names and rows of fields.
///
/// The format is RFC 4180 (quoted fields, doubled quotes, line breaks within quotes) with LF, CRLF or CR line ends, and
/// `,`, `;`, tab or `|` between fields, found from the text itself or named by a first line such as `sep=;`. Text is
/// UTF-8, UTF-16 or Latin-1, or one of these in gzip. Lines that begin with `#`, a title before the header, a source or
/// a total below the data, blank lines and delimiters at the ends of lines are passed over; without a header the
/// columns are called `column 1`, `column 2`, and so on. What was assumed is in ``notes``.
///
/// A table keeps the file's bytes and where each field lies in them, so that 70,000 rows of 8 columns are read in a few
/// hundredths of a second; text and numbers are made when asked for.
public struct Table: Sendable {
  /// One column: its place in the table and its name in the header.
  public struct Column: Hashable, Sendable {
    /// The place, from 0.
    public let index: Int
    /// The name.
    public let name: String
  }

  /// How numbers are written, where that is known better than the file can tell.
  public struct Format: Hashable, Sendable {
    /// What stands before decimals; nil is found from the file, and refused where it is in doubt.
    public var decimal: DecimalMark?

    /// Makes a format.
    public init(decimal: DecimalMark? = nil) { self.decimal = decimal }
  }

  /// The columns, left to right.
  public let columns: [Column]
  /// How many rows lie below the header.
  public var rowCount: Int { rowNumbers.count }
  /// The path of the file, for messages; nil when the text came from elsewhere.
  public let file: String?
  /// What was assumed of the file, a line each; empty for a plain CSV file.
  public let notes: [String]
  /// Whether numbers are written with a decimal comma. So they are when the delimiter is not a comma, no field can only
  /// be read like `1.5`, and some field can only be read like `1,5`.
  public let usesDecimalComma: Bool

  private let format: Format
  private let delimiter: CSVDelimiter
  /// What the file as a whole says about decimals.
  private let marks: (point: Bool, comma: Bool)
  private let bytes: [UInt8]
  /// Row after row, without the header.
  private let fields: [CSVField]
  /// The numbers of the rows, as a spreadsheet counts.
  private let rowNumbers: [Int32]

  /// Reads a CSV file.
  ///
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`, or what ``init(bytes:file:format:)`` throws.
  public init(contentsOf path: String, format: Format = Format()) throws(DataError) {
    try self.init(bytes: readFile(path), file: path, format: format)
  }

  /// Reads CSV text.
  ///
  /// - Throws: What ``init(bytes:file:format:)`` throws.
  public init(csv text: String, file: String? = nil, format: Format = Format()) throws(DataError) {
    try self.init(bytes: Array(text.utf8), file: file, format: format)
  }

  /// Reads CSV from bytes of text, or of text in gzip.
  ///
  /// - Throws: `emptyFile`, `notUTF8` (no text), `wrongFormat` (a workbook, an archive, JSON …), `damagedFile` (gzip),
  ///   `badQuotes`, `badHeader` (a name is used twice), `noRows`, or `wrongFieldCount` with the row.
  public init(bytes: [UInt8], file: String? = nil, format: Format = Format()) throws(DataError) {
    let text: DecodedText
    let content: CSVContent
    do throws(DataError) {
      text = try DecodedText(bytes)
      content = try CSVContent(bytes: text.bytes)
    } catch {
      throw error.inFile(file)
    }
    self.bytes = text.bytes
    self.file = file
    self.format = format
    delimiter = content.delimiter
    notes = text.notes + content.notes
    columns = content.names.enumerated().map { Column(index: $0, name: $1) }
    fields = content.fields
    rowNumbers = content.rowNumbers
    marks = text.bytes.withUnsafeBufferPointer { Self.marks(of: content.fields, in: $0) }
    usesDecimalComma =
      format.decimal.map { $0 == .comma } ?? (content.delimiter != .comma && marks.comma && !marks.point)
  }

  private init(_ table: Table, fields: [CSVField], rowNumbers: [Int32]) {
    (columns, file, notes, format) = (table.columns, table.file, table.notes, table.format)
    (delimiter, marks, bytes, usesDecimalComma) = (table.delimiter, table.marks, table.bytes, table.usesDecimalComma)
    self.fields = fields
    self.rowNumbers = rowNumbers
  }

  /// The table of some of the rows, in the order given.
  func selecting(_ rows: some Collection<Int>) -> Table {
    var fields: [CSVField] = []
    fields.reserveCapacity(rows.count * columns.count)
    for row in rows { fields += self.fields[row * columns.count..<(row + 1) * columns.count] }
    return Table(self, fields: fields, rowNumbers: rows.map { rowNumbers[$0] })
  }

  /// The column of this name: spelled exactly so, or else the only one that differs in letter case alone.
  ///
  /// - Throws: `noSuchColumn`, which names the nearest one.
  public func column(named name: String) throws(DataError) -> Column {
    if let exact = columns.first(where: { $0.name == name }) { return exact }
    let alike = columns.filter { $0.name.lowercased() == name.lowercased() }
    if alike.count == 1 { return alike[0] }
    let names = columns.map(\.name)
    let shown = names.prefix(12).map(\.quoted).joined(separator: ", ") + (names.count > 12 ? ", …" : "")
    throw DataError(
      .noSuchColumn, file: file, "there is no column \(name.quoted)",
      remedy: nearestName(to: name, among: names).map { "did you mean \($0.quoted)?" } ?? "the columns are \(shown)")
  }

  /// The text of one field, quotes resolved.
  ///
  /// - Parameter row: The row below the header, from 0.
  public func text(row: Int, column: Column) -> String {
    let field = fields[row * columns.count + column.index]
    let text = String(decoding: bytes[field.range], as: UTF8.self)
    return field.isQuoted && text.contains("\"\"") ? text.replacingDoubledQuotes() : text
  }

  /// The number of a row as a spreadsheet counts: the header and what stands before it count too.
  ///
  /// - Parameter row: The row below the header, from 0.
  public func rowNumber(_ row: Int) -> Int { Int(rowNumbers[row]) }

  /// The bytes of one field without white space around them; doubled quotes stay doubled.
  func trimmedBytes(row: Int, column: Column) -> ArraySlice<UInt8> {
    bytes[fields[row * columns.count + column.index].range].trimmedBytes
  }

  /// An error at a place in this table.
  ///
  /// - Parameter row: The row below the header, from 0.
  func fault(
    _ code: DataError.Code, row: Int, column: Column? = nil, _ problem: String, remedy: String? = nil,
    setting: DataError.Setting? = nil
  ) -> DataError {
    let start = fields[row * columns.count].range.lowerBound
    let line = CSVContent.line(at: start, in: bytes)
    let number = rowNumber(row)
    return DataError(
      code, file: file, row: number, line: line == number ? nil : line, column: column?.name, problem, remedy: remedy,
      setting: setting)
  }
}

// MARK: - Numbers

extension Table {
  /// The whole column as numbers.
  ///
  /// Currency signs, percent signs and grouped thousands are taken off where the column has them throughout;
  /// parentheses and a minus sign behind make a number negative.
  ///
  /// - Throws: `notANumber`, `doubtfulNumber` (`1.234` or `1,234`, which may be thousands or decimals), `missingValue`
  ///   (empty, NA, N/A, NaN, null, None, -, ?) or `infiniteValue`, each with the row.
  public func numbers(in column: Column) throws(DataError) -> [Double] {
    var notes: [String] = []
    return try numbers(in: column, allowsMissing: false, notes: &notes)
  }

  /// The whole column as numbers; missing ones are NaN if they are allowed.
  ///
  /// - Parameter notes: Takes up what was assumed.
  func numbers(in column: Column, allowsMissing: Bool, notes: inout [String]) throws(DataError) -> [Double] {
    let notation = try notation(of: column)
    var numbers: [Double] = []
    numbers.reserveCapacity(rowCount)
    var unit: String?
    for row in 0..<rowCount {
      let range = fields[row * columns.count + column.index].range
      switch field(row: row, column: column, notation) {
      case .number(let value):
        numbers.append(value)
        let written = unitOfNumber(in: range)
        // Of plain numbers only the last byte is looked at: it is a digit.
        if unit == nil || written != unit! && value != 0 {
          if let unit, !(unit.isEmpty || written.isEmpty) || unit == "%" || written == "%" {
            throw mixedUnits(row: row, column: column, unit, written)
          }
          if unit == nil || unit!.isEmpty { unit = written }
        }
      case .missing:
        guard allowsMissing else {
          throw fault(
            .missingValue, row: row, column: column, "the value is missing",
            remedy: "fill it (e.g. with the last known value) or remove the row", setting: .fill)
        }
        numbers.append(.nan)
      case .infinite:
        throw fault(
          .infiniteValue, row: row, column: column, "\(text(row: row, column: column).quoted) is not a finite number",
          remedy: "write a finite number or remove the row")
      case .text:
        let text = text(row: row, column: column)
        throw fault(
          .notANumber, row: row, column: column, "\(text.quoted) is not a number",
          remedy: Self.remedy(forNumber: text, notation))
      }
    }
    if numbers.contains(where: { $0 < 0 }), (0..<rowCount).contains(where: { isInParentheses(row: $0, column: column) })
    {
      notes.append("column \(column.name.shortened): numbers in parentheses are negative")
    }
    if let unit, !unit.isEmpty {
      let example = unit == "%" ? " (20 % is 20)" : ""
      notes.append("column \(column.name.shortened): the sign \(unit) is left out\(example)")
    }
    notes += notesOnNotation(of: column, notation)
    return numbers
  }

  private func isInParentheses(row: Int, column: Column) -> Bool {
    bytes[fields[row * columns.count + column.index].range].first == UInt8(ascii: "(")
  }

  /// Whether at least half of the column's present values are numbers: a column meant as numbers, even if some row is
  /// at fault.
  public func isNumeric(_ column: Column) -> Bool {
    let notation = (try? notation(of: column)) ?? NumberNotation(groups: true)
    var numbers = 0
    var others = 0
    for row in 0..<rowCount {
      switch field(row: row, column: column, notation) {
      case .number, .infinite: numbers += 1
      case .text: others += 1
      case .missing: break
      }
    }
    return numbers > 0 && numbers >= others
  }

  /// What one field holds.
  func field(row: Int, column: Column, _ notation: NumberNotation = NumberNotation()) -> Field {
    let range = fields[row * columns.count + column.index].range
    return bytes.withUnsafeBufferPointer { Field(UnsafeBufferPointer(rebasing: $0[range]), notation) }
  }

  /// How a column writes its numbers.
  private func notation(of column: Column) throws(DataError) -> NumberNotation {
    if let decimal = format.decimal { return NumberNotation(decimal: decimal, groups: true) }
    do throws(NumberNotation.Doubt) {
      return try NumberNotation(evidence(of: column), file: marks, delimiter: delimiter)
    } catch {
      let digits = error.text.filter { $0.isNumber || $0 == "-" || $0 == "." || $0 == "," }
      let whole = digits.filter { $0 != "." && $0 != "," }
      let decimal = digits.replacing(",", with: ".")
      throw fault(
        .doubtfulNumber, row: error.row, column: column,
        "\(error.text.quoted) may be \(whole) or \(decimal)",
        remedy: "say which mark stands before the decimals",
        setting: .decimal(whole: error.text.contains(".") ? .comma : .point))
    }
  }

  private func evidence(of column: Column) -> NumberEvidence {
    bytes.withUnsafeBufferPointer { bytes in
      var evidence = NumberEvidence()
      for row in 0..<rowCount {
        evidence.note(UnsafeBufferPointer(rebasing: bytes[fields[row * columns.count + column.index].range]), row: row)
      }
      return evidence
    }
  }

  private func notesOnNotation(of column: Column, _ notation: NumberNotation) -> [String] {
    let evidence = evidence(of: column)
    let doubtful = notation.decimal == .point ? evidence.doubtfulComma : evidence.doubtfulPoint
    let sign = notation.decimal == .point ? "commas" : "points"
    guard let (text, sign) = evidence.grouped ?? (notation.groups ? doubtful.map { ($0.text, sign) } : nil) else {
      return []
    }
    let value = notation.read(Array(text.utf8)) ?? 0
    let shown = value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    return ["column \(column.name.shortened): \(sign) group thousands (\(text.onOneLine) is \(shown))"]
  }

  /// The currency or percent sign beside a number; empty for none.
  private func unitOfNumber(in range: Range<Int>) -> String {
    guard let first = bytes[range].first, let last = bytes[range].last,
      !isDigit(first) && first != UInt8(ascii: "-") || !isDigit(last)
    else { return bytes[range].first == UInt8(ascii: "-") ? unitBehindSign(range) : "" }
    return NumberParts(Array(bytes[range]))?.unit ?? ""
  }

  private func unitBehindSign(_ range: Range<Int>) -> String {
    guard range.count > 1, !isDigit(bytes[range.lowerBound + 1]) else { return "" }
    return NumberParts(Array(bytes[range]))?.unit ?? ""
  }

  private func mixedUnits(row: Int, column: Column, _ first: String, _ second: String) -> DataError {
    func shown(_ unit: String) -> String { unit.isEmpty ? "no sign" : unit }
    return fault(
      .notANumber, row: row, column: column,
      "\(text(row: row, column: column).quoted) has \(shown(second)), where the rows before it have \(shown(first))",
      remedy: "write the whole column in one unit")
  }

  private static func remedy(forNumber text: String, _ notation: NumberNotation) -> String {
    if text.contains(",") && notation.decimal == .point && text.contains(where: \.isNumber) {
      return "write it without commas, with a point before the decimals"
    }
    if text.contains(".") && notation.decimal == .comma && text.contains(where: \.isNumber) {
      return "this file's decimals follow a comma: write it so"
    }
    return "write a number there or remove the row"
  }

  private static func marks(
    of fields: [CSVField], in bytes: UnsafeBufferPointer<UInt8>
  ) -> (point: Bool, comma: Bool) {
    var evidence = NumberEvidence()
    for field in fields {
      evidence.note(UnsafeBufferPointer(rebasing: bytes[field.range]), row: 0)
      if (evidence.hasPoint || evidence.hasGroupingComma) && (evidence.hasComma || evidence.hasGroupingPoint) { break }
    }
    return (evidence.hasPoint || evidence.hasGroupingComma, evidence.hasComma || evidence.hasGroupingPoint)
  }
}

extension String {
  fileprivate func replacingDoubledQuotes() -> String {
    var result = ""
    var skips = false
    for character in unicodeScalars {
      skips = character == "\"" && !skips && result.unicodeScalars.last == "\""
      if !skips { result.unicodeScalars.append(character) }
    }
    return result
  }
}
