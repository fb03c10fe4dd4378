/// A table of text read from CSV: a header of column names and rows of fields.
///
/// The format is RFC 4180 (quoted fields, doubled quotes, line breaks within quotes) with LF, CRLF or CR line ends, an
/// optional UTF-8 byte-order mark, and `,`, `;`, tab or `|` between fields, found from the text itself. Blank lines at
/// the end are ignored. A table keeps the file's bytes and where each field lies in them, so that 70,000 rows of 8
/// columns are read in a few hundredths of a second; text and numbers are made when asked for.
public struct Table: Sendable {
  /// One column: its place in the table and its name in the header.
  public struct Column: Hashable, Sendable {
    /// The place, from 0.
    public let index: Int
    /// The name.
    public let name: String
  }

  /// The columns, left to right.
  public let columns: [Column]
  /// How many rows lie below the header.
  public let rowCount: Int
  /// The path of the file, for messages; nil when the text came from elsewhere.
  public let file: String?
  /// Whether numbers are written with a decimal comma. So they are when the delimiter is not a comma, no field reads
  /// like `1.5`, and some field reads like `1,5` and cannot be a whole number with grouped thousands (`1,500`).
  public let usesDecimalComma: Bool

  private let bytes: [UInt8]
  /// Row after row, without the header.
  private let fields: [CSVField]

  /// Reads a CSV file.
  ///
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`, or what ``init(bytes:file:)`` throws.
  public init(contentsOf path: String) throws(DataError) {
    try self.init(bytes: readFile(path), file: path)
  }

  /// Reads CSV text.
  ///
  /// - Throws: What ``init(bytes:file:)`` throws.
  public init(csv text: String, file: String? = nil) throws(DataError) {
    try self.init(bytes: Array(text.utf8), file: file)
  }

  /// Reads CSV from bytes of UTF-8.
  ///
  /// - Throws: `emptyFile`, `notUTF8`, `badQuotes`, `noHeader` (the first row holds numbers), `badHeader` (a name is
  ///   empty or used twice), `noRows`, or `wrongFieldCount` with the row.
  public init(bytes: [UInt8], file: String? = nil) throws(DataError) {
    let content: CSVContent
    do throws(DataError) {
      content = try CSVContent(bytes: bytes)
    } catch {
      throw error.inFile(file)
    }
    self.bytes = bytes
    self.file = file
    columns = content.names.enumerated().map { Column(index: $0, name: $1) }
    fields = content.fields
    rowCount = content.fields.count / content.names.count
    usesDecimalComma =
      content.delimiter != .comma && bytes.withUnsafeBufferPointer { Self.findsDecimalComma(content.fields, in: $0) }
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

  /// The whole column as numbers.
  ///
  /// - Throws: `notANumber`, `missingValue` (empty, NA, N/A, NaN, null, None, -, ?) or `infiniteValue`, each with the
  ///   row.
  public func numbers(in column: Column) throws(DataError) -> [Double] {
    var numbers: [Double] = []
    numbers.reserveCapacity(rowCount)
    for row in 0..<rowCount {
      switch cell(row: row, column: column) {
      case .number(let value): numbers.append(value)
      case .missing:
        throw fault(
          .missingValue, row: row, column: column, "the value is missing",
          remedy: "fill it (e.g. with the last known value) or remove the row")
      case .infinite:
        throw fault(
          .infiniteValue, row: row, column: column, "\(text(row: row, column: column).quoted) is not a finite number",
          remedy: "write a finite number or remove the row")
      case .text:
        let text = text(row: row, column: column)
        throw fault(
          .notANumber, row: row, column: column, "\(text.quoted) is not a number",
          remedy: Self.remedy(forNumber: text, decimalComma: usesDecimalComma))
      }
    }
    return numbers
  }

  /// Whether at least half of the column's present values are numbers: a column meant as numbers, even if some row is
  /// at fault.
  public func isNumeric(_ column: Column) -> Bool {
    var numbers = 0
    var others = 0
    for row in 0..<rowCount {
      switch cell(row: row, column: column) {
      case .number, .infinite: numbers += 1
      case .text: others += 1
      case .missing: break
      }
    }
    return numbers > 0 && numbers >= others
  }

  /// What one field holds.
  func cell(row: Int, column: Column) -> Cell {
    let range = fields[row * columns.count + column.index].range
    return bytes.withUnsafeBufferPointer {
      Cell(UnsafeBufferPointer(rebasing: $0[range]), decimalComma: usesDecimalComma)
    }
  }

  /// The bytes of one field without white space around them; doubled quotes stay doubled.
  func trimmedBytes(row: Int, column: Column) -> ArraySlice<UInt8> {
    var slice = bytes[fields[row * columns.count + column.index].range]
    while let first = slice.first, isBlank(first) { slice.removeFirst() }
    while let last = slice.last, isBlank(last) { slice.removeLast() }
    return slice
  }

  /// An error at a place in this table.
  ///
  /// - Parameter row: The row below the header, from 0.
  func fault(
    _ code: DataError.Code, row: Int, column: Column? = nil, _ problem: String, remedy: String? = nil
  ) -> DataError {
    let start = fields[row * columns.count].range.lowerBound
    let line = CSVContent.line(at: start, in: bytes)
    return DataError(
      code, file: file, row: row + 2, line: line == row + 2 ? nil : line, column: column?.name, problem, remedy: remedy)
  }

  private static func remedy(forNumber text: String, decimalComma: Bool) -> String {
    if text.contains(",") && !decimalComma {
      return "write it without commas, with a point before the decimals"
    }
    if text.contains(".") && decimalComma {
      return "this file's decimals follow a comma: write it so"
    }
    return "write a number there or remove the row"
  }

  private static func findsDecimalComma(_ fields: [CSVField], in bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var found = false
    for field in fields {
      switch DecimalMark(UnsafeBufferPointer(rebasing: bytes[field.range])) {
      case .point: return false
      case .comma: found = true
      case .none: break
      }
    }
    return found
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
