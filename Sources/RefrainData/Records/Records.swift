/// Rows of named fields, each a text as it stands in a file: a table of CSV or TSV, JSON lines, or a folder of folders.
///
/// The text of all fields is kept in one array, so that a million rows are not a million texts, and what is too long
/// for memory in a file without a name. What a field means is up to whoever reads it.
public struct Records: Sendable {
  /// The names of the fields.
  public internal(set) var columns: [String] = []
  /// What was assumed of the files, a line each.
  public internal(set) var notes: [String] = []
  /// Whether the rows are files, each with its path in the column ``fileColumn``.
  public internal(set) var areFiles = false
  /// Whether a file had no header, so that columns are called `column 1`, `column 2` and so on.
  public internal(set) var lacksHeader = false
  /// What stands before the decimals of numbers in tables, and not between thousands; nil where nobody said it, and
  /// numbers are written with a point.
  var decimal: DecimalMark?
  /// Of how many bytes blocks are that files are read in; nil reads short files whole.
  var block: Int?
  private var parts: [Part] = []
  /// The number of the first row of each part, and of all rows.
  private var starts = [0]

  /// The column that holds the path of a file, where rows are files.
  public static let fileColumn = "file"
  /// The column that holds the name of a file's folder.
  public static let labelColumn = "label"

  /// The rows of one file.
  struct Part: Sendable {
    /// The file, for messages.
    var name: String?
    /// The columns of ``Records/columns`` that the file has, by their places in its rows; nil for one that it lacks.
    var columns: [Int?] = []
    /// The text in which fields lie.
    var bytes: LongArray<UInt8>
    /// Numbers that are written otherwise than they stand in the file.
    var rewritten = LongArray<UInt8>()
    private(set) var fields: LongArray<Field>
    /// The number of each row, as a spreadsheet counts.
    private(set) var rowNumbers: LongArray<Int32>
    /// How many fields rows have from one on, and where those of that row begin: an object may have members that none
    /// before it had.
    private var runs: [(row: Int, width: Int, field: Int)] = []

    /// - Parameter most: How many elements of each array are held in memory; nil leaves it to them.
    init(name: String?, bytes: LongArray<UInt8>? = nil, most: Int? = nil) {
      self.name = name
      self.bytes = bytes ?? LongArray(most: most)
      (fields, rowNumbers) = (LongArray(most: most), LongArray(most: most))
    }

    var count: Int { rowNumbers.count }

    /// Begins a row, whose fields are to be added.
    mutating func beginRow(width: Int, number: Int) {
      if runs.last?.width != width { runs.append((count, width, fields.count)) }
      rowNumbers.append(Int32(clamping: number))
    }

    mutating func add(_ field: Field) { fields.append(field) }

    mutating func addRow(_ fields: [Field], number: Int) {
      beginRow(width: fields.count, number: number)
      self.fields.append(contentsOf: fields)
    }

    /// The rows of the same file without any.
    var emptied: Part {
      var part = self
      (part.fields, part.rowNumbers, part.runs) = (LongArray(), LongArray(), [])
      return part
    }

    private func run(of row: Int) -> (row: Int, width: Int, field: Int) {
      var (low, high) = (0, runs.count - 1)
      while low < high {
        let middle = (low + high + 1) / 2
        if runs[middle].row <= row { low = middle } else { high = middle - 1 }
      }
      return runs[low]
    }

    /// A field of a row.
    func field(row: Int, place: Int) -> Field {
      let run = run(of: row)
      return place < run.width ? fields[run.field + (row - run.row) * run.width + place] : .missing
    }

    /// The fields of a row.
    func row(_ row: Int) -> [Field] {
      let run = run(of: row)
      let start = run.field + (row - run.row) * run.width
      return Array(fields.nearby(start..<start + run.width))
    }

    /// The text of a field; nil for a missing one.
    func text(of field: Field) -> String? {
      guard field.count >= 0 else { return nil }
      let range = field.start..<field.start + Int(field.count)
      let text = String(decoding: field.isRewritten ? rewritten.nearby(range) : bytes.nearby(range), as: UTF8.self)
      return field.hasQuotes ? text.replacing("\"\"", with: "\"") : text
    }

    /// - Throws: `diskFull`, `unwritableFile` or `unreadableFile`.
    func check() throws(DataError) {
      try bytes.check()
      try rewritten.check()
      try fields.check()
      try rowNumbers.check()
    }
  }

  /// Where a field lies in the bytes.
  struct Field: Sendable {
    var start: Int
    var count: Int32
    /// Whether there are doubled quotes in it.
    var hasQuotes = false
    /// Whether it lies among the numbers that are written otherwise.
    var isRewritten = false

    static let missing = Field(start: 0, count: -1)
  }

  init() {}

  /// How many rows there are.
  public var count: Int { starts[starts.count - 1] }

  /// Adds the rows of a file. Its columns are matched by their names with those that there are, or by their places
  /// where a file has no header and as many.
  ///
  /// - Throws: `noSuchColumn` for a file that has none of the columns.
  mutating func append(_ part: Part, columns names: [String], hasHeader: Bool = true) throws(DataError) {
    if columns.isEmpty { columns = names }
    var part = part
    part.columns = columns.map { names.firstIndex(of: $0) }
    if !columns.isEmpty, part.columns.allSatisfy({ $0 == nil }) {
      guard !hasHeader, names.count == columns.count else {
        let shown = columns.prefix(12).map(\.quoted).joined(separator: ", ") + (columns.count > 12 ? ", …" : "")
        throw DataError(
          .noSuchColumn, file: part.name, "there is none of the columns of the file before it (\(shown))",
          remedy: "give both files the same header")
      }
      part.columns = Array(columns.indices)
      notes.append(
        "\(part.name?.onOneLine ?? "a file"): there is no header: its columns are taken in the order of the file before"
      )
    }
    parts.append(part)
    starts.append(count + part.count)
  }

  /// Some of the rows, in the order in which they stand.
  package func selecting(_ rows: Set<Int>) -> Records {
    var selected = self
    selected.parts = []
    selected.starts = [0]
    for (part, start) in zip(parts, starts) {
      var own = part.emptied
      for row in 0..<part.count where rows.contains(start + row) {
        own.addRow(part.row(row), number: Int(part.rowNumbers[row]))
      }
      selected.parts.append(own)
      selected.starts.append(selected.count + own.count)
    }
    return selected
  }

  /// Adds to what was assumed.
  package mutating func note(_ lines: [String]) { notes += lines }

  private func locate(_ row: Int) -> (part: Int, row: Int) {
    var (low, high) = (0, parts.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if starts[middle] <= row { low = middle } else { high = middle - 1 }
    }
    return (low, row - starts[low])
  }

  /// The text of a field; nil where a row has none.
  ///
  /// - Parameters:
  ///   - row: From 0.
  ///   - column: A place in ``columns``.
  public func text(row: Int, column: Int) -> String? {
    let (number, place) = locate(row)
    let part = parts[number]
    return part.columns[column].flatMap { part.text(of: part.field(row: place, place: $0)) }
  }

  /// Makes sure that all fields could be kept, and read as far as they were asked for; those that could not are empty.
  /// To be called when the records have served.
  ///
  /// - Throws: `diskFull`, `unwritableFile` or `unreadableFile`, where they are too long for memory and the file that
  ///   they are in fails.
  public func check() throws(DataError) {
    for part in parts { try part.check() }
  }

  /// The file and the number of a row, as a spreadsheet counts.
  public func place(of row: Int) -> (file: String?, row: Int) {
    let (number, place) = locate(row)
    return (parts[number].name, Int(parts[number].rowNumbers[place]))
  }

  /// The place of a column in ``columns``: of the name that is spelled exactly so, or else of the only one that differs
  /// in letter case alone; a number counts from 1 where there is no header.
  ///
  /// - Throws: `noSuchColumn`, which names the nearest one.
  public func column(named name: String) throws(DataError) -> Int {
    if let place = columns.firstIndex(of: name) { return place }
    let alike = columns.indices.filter { columns[$0].lowercased() == name.lowercased() }
    if alike.count == 1 { return alike[0] }
    if lacksHeader, let number = Int(name), columns.indices.contains(number - 1) { return number - 1 }
    let shown = columns.prefix(12).map(\.quoted).joined(separator: ", ") + (columns.count > 12 ? ", …" : "")
    throw DataError(
      .noSuchColumn, file: parts.first?.name, "there is no column \(name.quoted)",
      remedy: nearestName(to: name, among: columns).map { "did you mean \($0.quoted)?" } ?? "the columns are \(shown)")
  }

  /// An error at a place.
  public func fault(
    _ code: DataError.Code, row: Int, column: Int? = nil, _ problem: String, remedy: String? = nil
  ) -> DataError {
    let (file, number) = place(of: row)
    let name = column.map { columns[$0] }
    return areFiles
      ? DataError(code, file: file, problem, remedy: remedy)
      : DataError(code, file: file, row: number, column: name, problem, remedy: remedy)
  }
}
