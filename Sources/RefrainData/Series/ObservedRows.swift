/// The rows of a table as they were observed: values of one or more channels, some of which may be missing, at times
/// that need not be evenly spaced.
public struct ObservedRows: Sendable {
  /// One column of numbers.
  public struct Channel: Sendable, Equatable {
    /// The column's name.
    public let name: String
    /// One value a row; NaN where it is missing.
    public var values: [Double]

    /// Values under a name.
    public init(name: String, values: [Double]) {
      self.name = name
      self.values = values
    }
  }

  /// What is read from a table.
  public struct Options: Sendable {
    /// The columns to read; all columns of numbers where there is none.
    public var channels: [String] = []
    /// The column of times; by default the first that holds times.
    public var time: String?
    /// Whether rows are counted, and no column is read as times.
    public var countsRows = false
    /// The order of year, month and day in dates; by default it is found.
    public var dates: DateOrder?

    /// Everything left to the table.
    public init() {}
  }

  /// The channels, each with a value a row, oldest first.
  public let channels: [Channel]
  /// The time of each row as the file writes it, or the row's count from 1.
  public let times: [String]
  /// The times on the file's clock; nil where rows are counted.
  public let stamps: [TimeStamp]?
  /// The file that the rows came from, for messages.
  public let file: String?
  /// What was assumed, a line each.
  public let notes: [String]

  /// How many rows there are.
  public var count: Int { times.count }

  /// Rows made of values at hand.
  ///
  /// - Parameters:
  ///   - channels: all with as many values.
  ///   - times: as many; nil counts the rows.
  ///   - stamps: as many; nil where the times are no calendar's.
  public init(channels: [Channel], times: [String]? = nil, stamps: [TimeStamp]? = nil, file: String? = nil) {
    let count = channels.first?.values.count ?? 0
    precondition(
      channels.allSatisfy { $0.values.count == count } && times?.count ?? count == count
        && stamps?.count ?? count == count,
      "channels, times and stamps differ in their number of rows")
    self.init(
      channels: channels, times: times ?? (0..<count).map { String($0 + 1) }, stamps: stamps, file: file, notes: [])
  }

  private init(channels: [Channel], times: [String], stamps: [TimeStamp]?, file: String?, notes: [String]) {
    (self.channels, self.times, self.stamps, self.file, self.notes) = (channels, times, stamps, file, notes)
  }

  /// Some of the rows.
  public subscript(rows: Range<Int>) -> ObservedRows {
    ObservedRows(
      channels: channels.map { Channel(name: $0.name, values: Array($0.values[rows])) }, times: Array(times[rows]),
      stamps: stamps.map { Array($0[rows]) }, file: file, notes: notes)
  }

  /// The usual distance of two rows in microseconds, the median; nil where rows are counted.
  public var usualStep: Int? {
    guard let stamps, stamps.count > 1 else { return nil }
    let steps = zip(stamps.dropFirst(), stamps).map { $0.ticks - $1.ticks }.filter { $0 > 0 }.sorted()
    return steps.isEmpty ? nil : steps[steps.count / 2]
  }

  /// The rows of a table.
  ///
  /// - Throws: `noSuchColumn`, `noNumericColumn`, `columnUsedTwice`; `unsortedTimes` where times go back and forth;
  ///   what reading times and numbers throws.
  public init(_ table: Table, options: Options = Options()) throws(DataError) {
    let table = try table.meant(
      time: options.time, values: options.channels, others: [], id: [], isPlain: options.countsRows)
    let named = try options.channels.map { name throws(DataError) in try table.column(named: name) }
    if let column = named.enumerated().first(where: { named[..<$0.offset].contains($0.element) })?.element {
      throw DataError(
        .columnUsedTwice, file: table.file, "column \(column.name.quoted) is named twice", remedy: "name it once")
    }
    let source =
      options.countsRows
      ? nil : try TimeSource.found(in: table, named: options.time, excluding: Set(named), order: options.dates)
    let timeColumns = Set(source?.columns ?? [])
    if let column = named.first(where: timeColumns.contains) {
      throw DataError(
        .columnUsedTwice, file: table.file, "column \(column.name.quoted) holds the times", remedy: "name another")
    }
    let columns = named.isEmpty ? table.columns.filter { !timeColumns.contains($0) && table.isNumeric($0) } : named
    guard !columns.isEmpty else {
      throw DataError(
        .noNumericColumn, file: table.file, "no column holds numbers", remedy: "add a column of values")
    }
    var notes = table.notes
    let moments = try source.flatMap { source throws(DataError) in
      try TimeAxis.moments(of: source, order: options.dates)
    }
    let order = moments?.isNewestFirst == true ? (0..<table.rowCount).reversed() : Array(0..<table.rowCount)
    if moments?.isNewestFirst == true { notes.append("the newest row is first: turned around") }
    if let stamps = moments?.stamps, let source {
      try Self.checkClock(stamps, rows: order, table, source, notes: &notes)
    }
    var channels: [Channel] = []
    for column in columns {
      let values = try table.numbers(in: column, allowsMissing: true, notes: &notes)
      channels.append(Channel(name: column.name, values: order.map { values[$0] }))
    }
    self.init(
      channels: channels,
      times: order.map { row in source.map { String(decoding: $0.text(row), as: UTF8.self) } ?? String(row + 1) },
      stamps: moments?.stamps, file: table.file, notes: notes)
  }

  /// A clock may be set back now and then, as when summer time ends; times in no order at all are refused.
  private static func checkClock(
    _ stamps: [TimeStamp], rows: [Int], _ table: Table, _ source: TimeSource, notes: inout [String]
  ) throws(DataError) {
    let back = stamps.indices.dropFirst().filter { stamps[$0] < stamps[$0 - 1] }
    guard let first = back.first else { return }
    // A clock that is set back goes on; where most of what follows was there before another series begins.
    let before = Set(stamps[..<first])
    let again = stamps[first...].count(where: before.contains)
    guard stamps[first - 1].ticks - stamps[first].ticks <= 3 * TimeStamp.hour || again * 2 <= stamps.count - first
    else {
      throw table.fault(
        .repeatedTime, row: rows[first], column: source.columns[0],
        "\(source.shown(rows[first])) was there before: several series stand below each other",
        remedy: "keep the rows of one, or give each a column of its own")
    }
    guard back.count <= 1 + stamps.count / 1000 else {
      throw table.fault(
        .unsortedTimes, row: rows[first], column: source.columns[0],
        "\(source.shown(rows[first])) comes after \(source.shown(rows[first - 1])), but lies before it",
        remedy: "sort the rows by time")
    }
    notes.append(
      "the clock goes back at row \(table.rowNumber(rows[first])): the rows are taken in the order of the file")
  }
}

extension TimeSource {
  /// Where the times of a table stand, however far apart they lie; nil where rows are counted.
  static func found(
    in table: Table, named name: String?, excluding: Set<Table.Column>, order: DateOrder?
  ) throws(DataError) -> TimeSource? {
    if let name { return TimeSource(table, try table.column(named: name)) }
    do throws(TimeFault) {
      return try TimeAxis.find(in: table, excluding: excluding, order: order).source
    } catch {
      // Uneven times are times.
      guard let source = error.source,
        [.irregularTimes, .gapInTimes, .repeatedTime, .unsortedTimes, .tooFewRows].contains(error.error.code)
      else { throw error.error }
      return source
    }
  }
}

extension TimeStamp {
  /// The microseconds that a written time stands for on its own clock; nil for what is no time.
  package static func ticks(of text: String) -> Int? {
    let bytes = Array(text.utf8)[...].trimmedBytes
    var spelling = TimeSpelling()
    for layout in TimeLayout.candidates(for: bytes) where !layout.isIndex {
      if let time = layout.read(bytes, noting: &spelling) { return time.ticks }
    }
    return nil
  }
}
