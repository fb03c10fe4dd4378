/// The times of a series: evenly spaced moments, how far apart they lie, and how the file writes them.
public struct TimeAxis: Hashable, Sendable {
  /// The name of the time column; nil for a plain index that no column holds.
  public let name: String?
  /// How far apart the times lie.
  public let frequency: Frequency
  /// How many times there are.
  public let count: Int
  /// The first time.
  public let start: TimeStamp
  private let style: TimeStyle

  /// The plain index 1, 2, …, `count`.
  public init(count: Int) {
    name = nil
    frequency = Frequency(.index)
    self.count = count
    start = TimeStamp(ticks: 1)
    style = .index
  }

  /// Months in the style `1949-01`.
  ///
  /// - Parameter month: 1 for January.
  public init(monthlyFrom year: Int, month: Int, count: Int, name: String = "Month") {
    self.name = name
    frequency = Frequency(.month(day: 1))
    self.count = count
    start = TimeStamp(ticks: CivilDate(months: year * 12 + month - 1, day: 1).daysSince1970 * TimeStamp.day)
    style = TimeStyle(layout: TimeLayout("Y-m"))
  }

  /// Reads a column of times.
  ///
  /// Understood are: dates with the year first (`2016-07-01`, `1981/01/01`, `20160701`), day first (`31.12.2020`,
  /// `31/12/2020`, `31-Dec-2020`) or month first (`12/31/2020`); with a time of day after a space or `T` (`18:00`,
  /// `18:00:00`, `18:00:00.250`, `6:00 PM`) and a zone (`Z`, `+02:00`); months (`1949-01`, `01/1949`, `Jan 1949`),
  /// quarters (`2020-Q1`, `2020Q1`, `Q1 2020`), years (`1949`); seconds or milliseconds since 1970; and plain numbers.
  ///
  /// Where both month/day and day/month are possible the whole column decides: the order in which every date exists and
  /// the steps are even; month/day when both do.
  ///
  /// - Throws: `notATime`, `missingValue`, `unsortedTimes`, `repeatedTime`, `gapInTimes` or `irregularTimes` with the
  ///   row, and `tooFewRows` for a single row, which has no frequency.
  public init(table: Table, column: Table.Column) throws(DataError) {
    let layouts = Self.layouts(table: table, column: column)
    // What to report when no layout will do: the fault in the likeliest layout that could at least be read throughout.
    var fault: DataError?
    for layout in layouts {
      do throws(DataError) {
        self = try TimeAxis(table: table, column: column, layout: layout)
        return
      } catch {
        if fault == nil || fault!.isUnread && (!error.isUnread || error.row! > fault!.row!) { fault = error }
      }
    }
    throw fault ?? Self.unreadable(table: table, column: column, row: 0)
  }

  private init(table: Table, column: Table.Column, layout: TimeLayout) throws(DataError) {
    var times: [WrittenTime] = []
    times.reserveCapacity(table.rowCount)
    var style = TimeStyle(layout: layout)
    for row in 0..<table.rowCount {
      guard let time = layout.read(table.trimmedBytes(row: row, column: column)), layout.accepts(time) else {
        throw Self.unreadable(table: table, column: column, row: row)
      }
      style.spelling.merge(time.spelling)
      times.append(time)
    }
    let last = times[times.count - 1]
    style.offset = last.offset
    let unit = layout.isIndex ? powerOfTen(9 - style.spelling.decimals) : 1
    // When the offsets agree, the written clock is the column's clock; when they do not (summer time), the last one's.
    let stamps = times.map { TimeStamp(ticks: ($0.ticks - $0.offset + last.offset) / unit) }
    guard stamps.count > 1 else {
      throw table.fault(
        .tooFewRows, row: 0, column: column, "a single row does not show how far apart the times lie",
        remedy: "add more rows")
    }
    do throws(Frequency.Irregularity) {
      frequency = try Frequency.infer(stamps, isIndex: layout.isIndex)
    } catch {
      throw Self.fault(error, table: table, column: column)
    }
    name = column.name
    count = stamps.count
    start = stamps[0]
    self.style = style
  }

  /// The time at a position from 0; beyond `count` lies the future.
  public func stamp(at position: Int) -> TimeStamp { frequency.advance(start, by: position) }

  /// The time at a position from 0, written as the file writes its own; beyond `count` lies the future.
  public func text(at position: Int) -> String { style.text(for: stamp(at: position)) }

  /// The first `count` of the times.
  public func prefix(_ count: Int) -> TimeAxis { TimeAxis(self, start: start, count: min(count, self.count)) }

  private init(_ other: TimeAxis, start: TimeStamp, count: Int) {
    name = other.name
    frequency = other.frequency
    self.count = count
    self.start = start
    style = other.style
  }

  /// The layouts in which the column may be written, judging by its first row.
  static func layouts(table: Table, column: Table.Column) -> [TimeLayout] {
    let first = table.trimmedBytes(row: 0, column: column)
    return TimeLayout.candidates(for: first) + (TimeLayout.index.read(first) == nil ? [] : [.index])
  }

  private static func unreadable(table: Table, column: Table.Column, row: Int) -> DataError {
    if table.cell(row: row, column: column) == .missing {
      return table.fault(
        .missingValue, row: row, column: column, "the time is missing", remedy: "fill it in or remove the row")
    }
    return table.fault(
      .notATime, row: row, column: column,
      "\(table.text(row: row, column: column).quoted) is not a time"
        + (row > 0 ? " written like \(table.text(row: 0, column: column).quoted)" : ""),
      remedy: row > 0 ? "write it so" : "write times like 2024-01-31, 2024-01-31 18:00:00 or 2024-01")
  }

  private static func fault(
    _ irregularity: Frequency.Irregularity, table: Table, column: Table.Column
  ) -> DataError {
    func time(_ row: Int) -> String { table.text(row: row, column: column).quoted }
    /// The step that ends at a row, in words.
    func step(_ row: Int) -> String { "between row \(row + 1) (\(time(row - 1))) and row \(row + 2) (\(time(row)))" }
    switch irregularity {
    case .unsorted(let row):
      return table.fault(
        .unsortedTimes, row: row, column: column, "\(time(row)) comes after \(time(row - 1)), but lies before it",
        remedy: "sort the rows by time")
    case .repeated(let row):
      return table.fault(
        .repeatedTime, row: row, column: column, "\(time(row)) stands here and in the row before",
        remedy: "keep one row for each time")
    case .gap(let row, let missing, let frequency):
      return table.fault(
        .gapInTimes, row: row, column: column,
        "\(missing == 1 ? "1 time is" : "\(missing) times are") missing in a series that is \(frequency), \(step(row))",
        remedy: "add a row for each missing time (e.g. with the last known values)")
    case .uneven(let row, let usual):
      return table.fault(
        .irregularTimes, row: row, column: column,
        "the series is \(usual) elsewhere, but not \(step(row))", remedy: "make the times evenly spaced")
    }
  }
}

extension DataError {
  /// Whether a time could not be read at all.
  fileprivate var isUnread: Bool { code == .notATime || code == .missingValue }
}

extension TimeLayout {
  /// Whether a bare number, read in this layout, lies in the years in which it makes sense.
  fileprivate func accepts(_ time: WrittenTime) -> Bool {
    !isBareNumber || isIndex || (1500...2200).contains(TimeStamp(ticks: time.ticks).date.year)
  }
}

private func powerOfTen(_ exponent: Int) -> Int {
  (0..<exponent).reduce(1) { power, _ in power * 10 }
}
