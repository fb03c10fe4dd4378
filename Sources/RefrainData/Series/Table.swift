/// A table of text read from CSV: a header of column names and rows of fields.
///
/// The format is RFC 4180 (quoted fields, doubled quotes, line breaks within quotes) with LF, CRLF or CR line ends, and
/// `,`, `;`, tab or `|` between fields, found from the text itself or named by a first line such as `sep=;`. Text is
/// UTF-8, UTF-16 or Latin-1, or one of these in gzip. Lines that begin with `#`, a title before the header, a source or
/// a total below the data, blank lines and delimiters at the ends of lines are passed over; without a header the
/// columns are called `column 1`, `column 2`, and so on. Columns that are times side by side (`2024-01`, `2024-02`, …;
/// a year and `Jan` to `Dec`; a date and `00:00` to `23:00`) are put below each other, and are read as the file has
/// them where one of them is named. What was assumed is in ``notes``.
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
    /// Whether columns that are times side by side are put below each other.
    public var gathersTimes: Bool

    /// Makes a format.
    public init(decimal: DecimalMark? = nil, gathersTimes: Bool = true) {
      (self.decimal, self.gathersTimes) = (decimal, gathersTimes)
    }
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
  /// The columns of what stood side by side, where that was put below each other.
  private(set) var gathered: (value: Column, time: Column)?
  /// The table as it was before that.
  private var plain: Plain?
  /// Why columns that are times side by side were not put below each other.
  private var gatheringFault: DataError?

  /// A table within another.
  private final class Plain: Sendable {
    let table: Table
    init(_ table: Table) { self.table = table }
  }

  let format: Format
  let delimiter: CSVDelimiter
  /// What the file as a whole says about decimals.
  let marks: (point: Bool, comma: Bool)
  private(set) var bytes: [UInt8]
  /// Row after row, without the header.
  let fields: [CSVField]
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
    var table = try Table(reading: bytes, file: file, format: format)
    if format.gathersTimes {
      var spread: SpreadTimes?
      do throws(DataError) { spread = try SpreadTimes(in: table) } catch {
        // It is a fault only where series are read, and no column is named.
        table.gatheringFault = error
      }
      do throws(DataError) { table = try spread?.gathered() ?? table } catch { throw error.inFile(file) }
    }
    self = table
  }

  private init(reading bytes: [UInt8], file: String?, format: Format) throws(DataError) {
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
    gathered = table.gathered
    self.fields = fields
    self.rowNumbers = rowNumbers
  }

  /// A table of the fields of another: of each cell of some columns a row, with the fields of others, the cell's own
  /// and its time.
  ///
  /// - Parameters:
  ///   - others: The columns whose fields each of its rows has again.
  ///   - names: The names of all columns: the others, that of the text that tells rows apart if there is one, the cell
  ///     and its time.
  ///   - cells: A row and the place of a column, and the number of the text of the time.
  ///   - texts: What is written nowhere in the file.
  ///   - series: The number of the text that tells each row from others.
  ///   - assumed: What is assumed.
  init(
    gathering table: Table, beside others: [Column], names: [String], cells: [(row: Int, column: Int, time: Int)],
    texts: [[UInt8]], series: [Int]?, notes assumed: [String]
  ) {
    var (bytes, places) = (table.bytes, [CSVField]())
    for text in texts {
      places.append(CSVField(range: bytes.count..<bytes.count + text.count, isQuoted: false))
      bytes += text
    }
    var fields: [CSVField] = []
    fields.reserveCapacity(cells.count * names.count)
    for cell in cells {
      let start = cell.row * table.columns.count
      for other in others { fields.append(table.fields[start + other.index]) }
      if let series { fields.append(places[series[cell.row]]) }
      fields.append(table.fields[start + cell.column])
      fields.append(places[cell.time])
    }
    columns = names.enumerated().map { Column(index: $0, name: $1) }
    (file, format, notes) = (table.file, table.format, table.notes + assumed)
    (delimiter, marks, usesDecimalComma) = (table.delimiter, table.marks, table.usesDecimalComma)
    gathered = (columns[columns.count - 2], columns[columns.count - 1])
    // The bytes are there once for both.
    var own = table
    own.bytes = bytes
    plain = Plain(own)
    (self.bytes, self.fields) = (bytes, fields)
    rowNumbers = cells.map { table.rowNumbers[$0.row] }
  }

  /// The table that a wish is about: with times below each other, or as the file has it where columns are named that
  /// are not there any more, or have other values than one a time.
  ///
  /// - Parameters:
  ///   - time: The column of times.
  ///   - values: The columns to forecast.
  ///   - others: Those beside them.
  ///   - id: The columns that tell series apart.
  ///   - isPlain: Whether the file's own columns are meant in any case.
  /// - Throws: `unsortedTimes` where no column is named, or one that there would be, and what time each of columns side
  ///   by side is is not known.
  func meant(
    time: String?, values: [String], others: [String], id: [String], isPlain: Bool
  ) throws(DataError) -> Table {
    let names = [time].compactMap(\.self) + values + others
    if let gatheringFault, !isPlain {
      // A model may ask for what it learned from, where such times were put below each other.
      let isMissing = names.contains { name in
        ["value", "time"].contains(name) && !columns.contains { $0.name.lowercased() == name }
      }
      if names.isEmpty || isMissing { throw gatheringFault }
    }
    guard let plain, let gathered else { return self }
    if isPlain { return plain.table }
    let found = (names + id).map { name in
      columns.first { $0.name == name } ?? columns.first { $0.name.lowercased() == name.lowercased() }
    }
    let isGathered = found.contains { $0 == gathered.value || $0 == gathered.time }
    return isGathered || names.isEmpty && !found.contains(nil) ? self : plain.table
  }

  /// Names of columns of a list, here or in the file, with those put together that have commas.
  package func names(_ listed: [String]) -> [String] {
    listed.rejoined(among: (columns + (plain?.table.columns ?? [])).map(\.name))
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
    // What the file does not hold lies behind it.
    let start = fields[row * columns.count..<(row + 1) * columns.count].lazy.map(\.range.lowerBound).min() ?? 0
    let line = CSVContent.line(at: start, in: bytes)
    let number = rowNumber(row)
    // Where its column was one of many, it is called by its own name.
    let name = gathered.flatMap { column == $0.value ? text(row: row, column: $0.time) : nil } ?? column?.name
    return DataError(
      code, file: file, row: number, line: line == number ? nil : line, column: name, problem, remedy: remedy,
      setting: setting)
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
