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
  /// Whether the table has its newest row first; the axis has its oldest time first in any case.
  public let isNewestFirst: Bool
  /// What was assumed of the column, a line each.
  public let notes: [String]
  /// Each position's row of the table where rows were missing and were put in; nil when each has its own.
  let rowPlaces: [Int?]?
  private let grid: TimeGrid
  private let style: TimeStyle
  /// Each time's own offset from UTC in microseconds where they vary.
  private let offsets: Offsets?

  /// The plain index 1, 2, …, `count`.
  public init(count: Int) {
    self.init(name: nil, grid: TimeGrid(Frequency(.index), anchor: TimeStamp(ticks: 1)), count: count, style: .index)
  }

  /// Months in the style `1949-01`.
  ///
  /// - Parameter month: 1 for January.
  public init(monthlyFrom year: Int, month: Int, count: Int, name: String = "Month") {
    let first = CivilDate(months: year * 12 + month - 1, day: 1).daysSince1970 * TimeStamp.day
    var style = TimeStyle(layout: TimeLayout("Y-m"))
    style.spelling.months.arePadded = true
    self.init(
      name: name, grid: TimeGrid(Frequency(.month(day: 1)), anchor: TimeStamp(ticks: first)), count: count,
      style: style)
  }

  init(
    name: String?, grid: TimeGrid, count: Int, style: TimeStyle, isNewestFirst: Bool = false, notes: [String] = [],
    rowPlaces: [Int?]? = nil, offsets: Offsets? = nil
  ) {
    self.name = name
    self.grid = grid
    self.count = count
    self.style = style
    self.isNewestFirst = isNewestFirst
    self.notes = notes
    self.rowPlaces = rowPlaces
    self.offsets = offsets
    frequency = grid.frequency
    start = grid.observed?.first ?? grid.anchor
  }

  /// Reads a column of times.
  ///
  /// Understood are dates with year, month and day in any order, with numbers or with names of months in the common
  /// languages, and names of weekdays (`2016-07-01`, `20160701`, `31.12.2020`, `12/31/2020`, `Mon 01 Jan 2024`,
  /// `30. April 2023`); with a time of day (`18:00`, `18:00:00.250`, `6:00 PM`, `24:00`) and a zone (`Z`, `+02:00`,
  /// `UTC`); months (`1949-01`, `Jan 1949`, `194901`), quarters (`2020-Q1`, `1st quarter 2020`), weeks of ISO 8601
  /// (`2020-W16`, `2020-W16-1`), days of the year (`2024-031`), years (`1949`, `2019/20`, `1949.083`); seconds, milli-,
  /// micro- or nanoseconds since 1970; a spreadsheet's count of days; spans (`00:01:30`, `1 days 02:00:00`); and plain
  /// numbers.
  ///
  /// Where a date can be read in several orders the whole column decides: the order in which every date exists and the
  /// steps are even. Times may be newest first. Zeros at the end (midnight, a fraction) may be left out. Clocks may be
  /// off by up to a tenth of a step, working days may lack holidays, and the days of months may vary; that is noted.
  ///
  /// - Parameter order: The order of year, month and day, where it is known better than the column can tell.
  /// - Throws: `notATime`, `doubtfulTime` (several orders will do), `missingValue`, `unsortedTimes`, `repeatedTime`,
  ///   `gapInTimes` or `irregularTimes` with the row, and `tooFewRows` for a single row, which has no frequency.
  public init(table: Table, column: Table.Column, order: DateOrder? = nil) throws(DataError) {
    try self.init(TimeSource(table, column), order: order)
  }

  /// The time at a position from 0; beyond `count` lies the future.
  public func stamp(at position: Int) -> TimeStamp {
    if let observed = grid.observed, observed.indices.contains(position), position < count { return observed[position] }
    // A position so far away that it has no time is the last or first that has one.
    let (distance, overflows) = position.subtractingReportingOverflow(grid.anchorPosition)
    return grid.frequency.advance(grid.anchor, by: overflows ? (position < 0 ? .min : .max) : distance)
  }

  /// The time at a position from 0, written as the file writes its own; beyond `count` lies the future.
  public func text(at position: Int) -> String {
    var stamp = stamp(at: position)
    guard let offsets, offsets.own.indices.contains(position) else { return style.text(for: stamp) }
    var style = style
    style.offset = offsets.own[position]
    if !offsets.areLocal { stamp.ticks += style.offset - self.style.offset }
    return style.text(for: stamp)
  }

  /// A time as the axis writes it, where another program wrote it with zeros or a time of day that are left out here,
  /// or the other way round; a text that cannot be read stays as it is.
  func rewritten(_ text: String) -> String {
    var spelling = style.spelling
    guard !style.layout.isIndex, !style.layout.isElapsed, !style.layout.parts.contains(.decimalYear), offsets == nil,
      let time = style.layout.read(ArraySlice(text.utf8), noting: &spelling), time.offset == style.offset
    else { return text }
    return style.text(for: TimeStamp(ticks: time.ticks))
  }

  /// Offsets from UTC that vary, as where summer time begins.
  struct Offsets: Hashable, Sendable {
    /// Each time's, in microseconds.
    var own: [Int]
    /// Whether the stamps are on the local clock, not on that of the last time throughout.
    var areLocal: Bool
  }

  /// The first `count` of the times.
  public func prefix(_ count: Int) -> TimeAxis {
    let count = min(count, self.count)
    var grid = grid
    if let observed = grid.observed, count > 0, count < self.count {
      // What was the future's anchor is past now.
      grid.observed = Array(observed.prefix(count))
      grid.anchor = observed[count - 1]
      grid.anchorPosition = count - 1
    }
    return TimeAxis(
      name: name, grid: grid, count: count, style: style, isNewestFirst: isNewestFirst, notes: notes,
      rowPlaces: rowPlaces.map { Array($0.prefix(count)) }, offsets: offsets)
  }

  /// The times without the first `count`.
  func dropFirst(_ count: Int) -> TimeAxis {
    guard count > 0 else { return self }
    var (grid, offsets) = (grid, offsets)
    if let observed = grid.observed {
      grid.observed = Array(observed.dropFirst(count))
      grid.anchorPosition -= count
    } else {
      grid.anchor = stamp(at: count)
    }
    if let own = offsets?.own { offsets?.own = Array(own.dropFirst(count)) }
    return TimeAxis(
      name: name, grid: grid, count: self.count - count, style: style, isNewestFirst: isNewestFirst, notes: notes,
      rowPlaces: rowPlaces.map { Array($0.dropFirst(count)) }, offsets: offsets)
  }
}

/// In which order a date has its parts.
public enum DateOrder: String, Hashable, Sendable, Codable, CaseIterable {
  /// Day, month, year: 31/12/2020.
  case dmy
  /// Month, day, year: 12/31/2020.
  case mdy
  /// Year, month, day: 20/12/31.
  case ymd
}
