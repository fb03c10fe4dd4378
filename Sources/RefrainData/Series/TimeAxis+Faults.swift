// What is wrong with a column of times, said with the row and what to do.

extension TimeAxis {
  static func unreadable(_ source: TimeSource, row: Int) -> DataError {
    let column = source.columns[0]
    if source.isMissing(row) {
      return source.table.fault(
        .missingValue, row: row, column: column, "the time is missing", remedy: "fill it in or remove the row")
    }
    if row == 0, source.table.rowCount > 2, !source.text(0).contains(where: isDigit),
      !TimeLayout.candidates(for: source.text(1)).isEmpty
    {
      let number = source.table.rowNumber(0)
      return source.table.fault(
        .notATime, row: row, column: column, "\(source.shown(row)) is not a time, and \(source.shown(1)) below it is",
        remedy: "remove line \(number) if it is a second line of names, or of units", setting: .time)
    }
    return source.table.fault(
      .notATime, row: row, column: column,
      "\(source.shown(row)) is not a time" + (row > 0 ? " written like \(source.shown(0))" : ""),
      remedy: row > 0 ? "write it so" : "write times like 2024-01-31, 2024-01-31 18:00:00 or 2024-01",
      setting: row > 0 ? nil : .time)
  }

  static func doubtful(
    _ source: TimeSource, _ one: TimeStyle, _ other: TimeStyle, _ first: TimeStamp, _ second: TimeStamp
  ) -> DataError {
    // The first row whose two readings differ says most; the readings are written in the one order that is clear.
    let plain = TimeStyle(layout: TimeLayout("Y-m-d"))
    let row =
      (0..<source.table.rowCount).first { row in
        let text = source.text(row)
        var spelling = TimeSpelling()
        let ticks = [one, other].map { $0.layout.read(text, noting: &spelling)?.ticks }
        return ticks[0] != ticks[1]
      } ?? 0
    var spelling = TimeSpelling()
    let days = [one, other].compactMap { $0.layout.read(source.text(row), noting: &spelling) }
      .map { plain.text(for: TimeStamp(ticks: $0.ticks)) }
    return source.table.fault(
      .doubtfulTime, row: row, column: source.columns[0],
      "\(source.shown(row)) may be \(days.joined(separator: " or "))",
      remedy: "say the order of day, month and year", setting: .dates)
  }

  /// The fault, with a step over which the rows may be brought together where there is one that helps.
  static func fault(
    _ irregularity: Frequency.Irregularity, _ source: TimeSource, _ reading: TimeReading
  ) -> DataError {
    var fault = fault(irregularity, source, isNewestFirst: reading.isNewestFirst)
    if fault.setting == .repeatedTimes || fault.setting == .spacing, !reading.layout.isIndex {
      fault.step = TimePeriod.step(for: reading.stamps)
    }
    return fault
  }

  private static func fault(
    _ irregularity: Frequency.Irregularity, _ source: TimeSource, isNewestFirst: Bool
  ) -> DataError {
    let table = source.table
    let column = source.columns[0]
    /// The table's row of a position on the axis.
    func place(_ position: Int) -> Int { isNewestFirst ? table.rowCount - 1 - position : position }
    func time(_ position: Int) -> String { source.shown(place(position)) }
    /// The step that ends at a position, in words.
    func step(_ position: Int) -> String {
      "between row \(table.rowNumber(place(position - 1))) (\(time(position - 1))) and "
        + "row \(table.rowNumber(place(position))) (\(time(position)))"
    }
    switch irregularity {
    case .unsorted(let position):
      // A time that stood before already is there twice, which no sorting mends.
      let written = source.text(place(position))
      if let twin = (0..<position).first(where: { source.text(place($0)) == written }) {
        return table.fault(
          .repeatedTime, row: place(position), column: column,
          "\(time(position)) stands here and in row \(table.rowNumber(place(twin)))",
          remedy: "keep one row for each time", setting: .repeatedTimes)
      }
      return table.fault(
        .unsortedTimes, row: place(position), column: column,
        "\(time(position)) comes after \(time(position - 1)), but lies before it", remedy: "sort the rows by time")
    case .repeated(let position):
      return table.fault(
        .repeatedTime, row: place(position), column: column, "\(time(position)) stands here and in the row before",
        remedy: "keep one row for each time", setting: .repeatedTimes)
    case .gap(let position, let missing, let frequency):
      return table.fault(
        .gapInTimes, row: place(position), column: column,
        "\(missing == 1 ? "1 time is" : "\(missing) times are") missing in "
          + (frequency.unit == .index ? "numbers that are evenly spaced" : "a series that is \(frequency)") + ", "
          + step(position),
        remedy: "add a row for each missing time (e.g. with the last known values)", setting: .fill)
    case .uneven(let position, let usual):
      return table.fault(
        .irregularTimes, row: place(position), column: column,
        (usual.unit == .index ? "the numbers are evenly spaced" : "the series is \(usual)")
          + " elsewhere, but not \(step(position))", remedy: "make the times evenly spaced",
        setting: .spacing)
    case .partsOfYear(let parts):
      return table.fault(
        .irregularTimes, row: 0, column: column,
        "years with decimals are read when they count months or quarters, not \(parts) parts of a year",
        remedy: "write dates such as 2024-01-31", setting: .time)
    }
  }
}
