/// Columns of a table that are times side by side: a month each beside the name of a country, twelve months beside a
/// year, the hours of a day beside a date.
struct SpreadTimes {
  /// What the heads of the columns are.
  enum Form {
    /// Whole times, such as `2024-01`.
    case times
    /// Months or quarters of the year that another column holds.
    case monthsOfYear(Table.Column)
    case quartersOfYear(Table.Column)
    /// Years, whose months another column holds.
    case yearsOfMonth(Table.Column)
    /// Times of the day that another column holds.
    case clocksOfDay(Table.Column)
    /// Days of the month that other columns hold.
    case daysOfMonth(year: Table.Column, month: Table.Column)

    /// The columns that hold the rest of the times.
    var keys: [Table.Column] {
      switch self {
      case .times: []
      case .monthsOfYear(let key), .quartersOfYear(let key), .yearsOfMonth(let key), .clocksOfDay(let key): [key]
      case .daysOfMonth(let year, let month): [year, month]
      }
    }
  }

  private let table: Table
  private let form: Form
  /// In the order of the file.
  private let heads: [Table.Column]
  /// Of each head its text, or the number of the month or quarter.
  private let texts: [[UInt8]]

  /// What some columns are.
  typealias Finding = (form: Form, heads: Heads, texts: [[UInt8]])

  /// Fewer columns than this are not taken for times.
  static let least = 3

  /// Nil where no columns are times side by side.
  ///
  /// - Throws: `unsortedTimes` where some are, but what time each of them is cannot be known, as with a year that
  ///   begins in July.
  init?(in table: Table) throws(DataError) {
    guard (Self.least...20_000).contains(table.columns.count) else { return nil }
    let names = table.columns.map { Self.plain($0.name) }
    guard
      let finding = Self.wholeTimes(names, in: table) ?? Self.partsOfYears(names, in: table)
        ?? Self.daysOfMonths(names, in: table) ?? Self.hours(names, in: table) ?? Self.clocks(names, in: table)
    else { return nil }
    self.table = table
    (form, texts) = (finding.form, finding.texts)
    heads = finding.heads.places.map { table.columns[$0] }
    guard let place = finding.heads.firstOutOfOrder else { return }
    let keys = form.keys.map(\.name.shortened).joined(separator: " and ")
    let shown = heads.map(\.name.shortened)
    throw DataError(
      .unsortedTimes, file: table.file,
      "columns \(shown[0]) to \(shown[shown.count - 1]) are times\(keys.isEmpty ? "" : " beside column \(keys)"), but "
        + "\(shown[place]) comes after \(shown[place - 1])"
        + (keys.isEmpty ? "" : ": which \(keys) it belongs to is not known"),
      remedy: keys.isEmpty
        ? "put the columns in the order of their times, or name the one to forecast"
        : "write a row for each value, with its whole time, or name the column to forecast")
  }

  /// The table with a row for each cell of these columns.
  ///
  /// - Throws: `overMemoryBudget` where that are too many.
  func gathered() throws(DataError) -> Table {
    let keys = form.keys
    let (others, totals) = besides()
    let series = keys.isEmpty && table.rowCount > 1 && !tellsRowsApart(others)
    let width = others.count + (series ? 3 : 2)
    try MemoryBudget.current.take(
      shape: [table.rowCount, heads.count, width], elementSize: MemoryLayout<CSVField>.stride,
      for: "the fields of \(table.rowCount) rows with \(heads.count) times")
    var times = texts
    var cells: [(row: Int, column: Int, time: Int)] = []
    cells.reserveCapacity(table.rowCount * heads.count)
    switch form {
    case .times:
      for row in 0..<table.rowCount {
        for (time, head) in heads.enumerated() { cells.append((row, head.index, time)) }
      }
    case .yearsOfMonth(let month):
      times = []
      // A month is a row, and a year a column.
      for (year, head) in zip(texts, heads) {
        for row in 0..<table.rowCount {
          let number = Self.month(Array(table.trimmedBytes(row: row, column: month))) ?? 0
          cells.append((row, head.index, times.count))
          times.append(year + Array((number < 10 ? "-0" : "-").utf8) + Array(String(number).utf8))
        }
      }
    case .daysOfMonth(let year, let month):
      times = []
      let years = Self.texts(year, in: table)
      let months = Self.texts(month, in: table).map { Self.month($0) ?? 1 }
      let numbers = zip(years, months).map { (Int(String(decoding: $0, as: UTF8.self)) ?? 0) * 12 + $1 }
      for row in Self.oldestFirst(numbers) ?? Array(0..<table.rowCount) {
        // A month has no fields for the days it lacks.
        let length = CivilDate.length(ofMonth: months[row], year: (numbers[row] - months[row]) / 12)
        for (day, head) in zip(1...length, heads) {
          cells.append((row, head.index, times.count))
          let date = [months[row], day].map { ($0 < 10 ? "-0" : "-") + String($0) }.joined()
          times.append(years[row] + Array(date.utf8))
        }
      }
    case .monthsOfYear(let key), .quartersOfYear(let key), .clocksOfDay(let key):
      times = []
      let sign: String =
        switch form {
        case .monthsOfYear: "-"
        case .quartersOfYear: "-Q"
        default: " "
        }
      for row in rows(by: key) {
        let whole = TimeSource.whole(Array(TimeSource.folded(table.trimmedBytes(row: row, column: key))))
        for (text, head) in zip(texts, heads) {
          cells.append((row, head.index, times.count))
          times.append(whole + Array(sign.utf8) + text)
        }
      }
    }
    var names = others.map(\.name)
    func unused(_ name: String) -> String { names.contains(name) ? unused(name + "_") : name }
    var numbers: [Int]?
    if series {
      names.append(unused("series"))
      numbers = (0..<table.rowCount).map { times.count + $0 }
      times += (1...table.rowCount).map { Array(String($0).utf8) }
    }
    names.append(unused("value"))
    names.append(unused("time"))
    let ends = [heads[0], heads[heads.count - 1]].sorted { $0.index < $1.index }.map(\.name.shortened)
    let beside = keys.isEmpty ? "" : ", with column \(keys.map(\.name.shortened).joined(separator: " and "))"
    var notes = ["columns \(ends[0]) to \(ends[1]) are times\(beside): their values are read as one column"]
    if !totals.isEmpty {
      let shown = totals.prefix(4).map(\.name.shortened).joined(separator: ", ") + (totals.count > 4 ? ", …" : "")
      notes.append("what stands between these columns, as totals do, is left out: \(shown)")
    }
    return Table(
      gathering: table, beside: others, names: names, cells: cells, texts: times, series: numbers, notes: notes)
  }

  /// The columns beside these that each of the rows has again, and those that are left out: of numbers, and between
  /// them or times too, such as the total of a year behind its months.
  private func besides() -> (others: [Table.Column], totals: [Table.Column]) {
    let taken = Set(heads.map(\.index))
    let (first, last) = (taken.min()!, taken.max()!)
    let rest = table.columns.filter { !taken.contains($0.index) && !form.keys.contains($0) }
    var totals = rest.filter { column in
      (first...last).contains(column.index) || form.keys.isEmpty && Self.isCalendarTime(Self.plain(column.name))
    }
    // Behind the last times stands what stands behind those before.
    if totals.contains(where: { (first...last).contains($0.index) }) {
      totals += rest.filter { $0.index == last + 1 && !totals.contains($0) }
    }
    totals = totals.filter(table.isNumeric)
    return (rest.filter { !totals.contains($0) }, totals)
  }

  /// Whether one column, or two, have other values in each row.
  private func tellsRowsApart(_ columns: [Table.Column]) -> Bool {
    let columns = columns.prefix(8).filter { !table.isNumeric($0) || Series.isNamedLikeID($0.name) }
    func areDifferent(_ columns: [Table.Column]) -> Bool {
      var seen: Set<[ArraySlice<UInt8>]> = []
      return (0..<table.rowCount).allSatisfy { row in
        seen.insert(columns.map { table.trimmedBytes(row: row, column: $0) }).inserted
      }
    }
    return columns.indices.contains { first in
      areDifferent([columns[first]]) || columns[(first + 1)...].contains { areDifferent([columns[first], $0]) }
    }
  }

  /// The rows with the oldest first, where their times mostly go back from each to the next.
  private func rows(by key: Table.Column) -> [Int] {
    let source = TimeSource(table, key)
    let rows = Array(0..<table.rowCount)
    for layout in TimeAxis.layouts(source) {
      var spelling = TimeSpelling()
      let times = rows.compactMap { layout.read(source.text($0), noting: &spelling)?.ticks }
      if times.count == rows.count, let order = Self.oldestFirst(times) { return order }
    }
    return rows
  }

  /// The places of times, those of the same time as they stand; nil where times do not mostly go back from each to the
  /// next, within each of several series.
  private static func oldestFirst(_ times: [Int]) -> [Int]? {
    let steps = zip(times.dropFirst(), times).map { $0 - $1 }
    guard steps.count(where: { $0 < 0 }) > steps.count(where: { $0 > 0 }) else { return nil }
    return times.indices.sorted { (times[$0], $0) < (times[$1], $1) }
  }
}

// MARK: - Cells

extension SpreadTimes {
  /// Whether columns hold numbers: the first, the middle one and the last that are not empty.
  static func holdNumbers(_ heads: Heads, in table: Table) -> Bool {
    let present = heads.places.map { table.columns[$0] }.filter { column in
      (0..<min(table.rowCount, 50)).contains { !table.trimmedBytes(row: $0, column: column).isEmpty }
    }
    guard let first = present.first else { return false }
    return [first, present[present.count / 2], present[present.count - 1]].allSatisfy(table.isNumeric)
  }

  static func texts(_ column: Table.Column, in table: Table) -> [[UInt8]] {
    (0..<table.rowCount).map { row in
      TimeSource.whole(Array(TimeSource.folded(table.trimmedBytes(row: row, column: column))))
    }
  }

  /// Whether every field of a column is a year, and the column is named for years, or the first and not for what tells
  /// rows apart, as `id` is.
  static func holdsYears(_ column: Table.Column, in table: Table) -> Bool {
    guard column.index == 0 && !Series.isNamedLikeID(column.name) || TimeAxis.part(column.name) == .year else {
      return false
    }
    return texts(column, in: table).allSatisfy { text in
      text.count == 4 && text.allSatisfy(isDigit)
        && (1500...2200).contains(Int(String(decoding: text, as: UTF8.self)) ?? 0)
    }
  }

  /// Whether the fields of a column are the months of a year in their order; numbers only where it is named for them.
  static func holdsMonths(_ column: Table.Column, in table: Table) -> Bool {
    guard (least...12).contains(table.rowCount) else { return false }
    let texts = texts(column, in: table)
    guard let heads = Heads(texts, month, most: 12), heads.places.count == texts.count, heads.firstOutOfOrder == nil
    else {
      return false
    }
    return TimeAxis.part(column.name) == .month || texts.allSatisfy { !$0.contains(where: isDigit) }
  }

  /// Whether the fields of a column may be days, without a time.
  static func holdsDays(_ column: Table.Column, in table: Table) -> Bool {
    switch TimeAxis.kind(of: column, in: table) {
    case .date: true
    case .number: TimeAxis.isNamedLikeTime(column.name) && TimeAxis.namesDay(column, in: table)
    case .clock, .hours, .text: false
    }
  }

  /// Whether each field of a column is another time, or in a column named for times a number that goes on by one.
  static func areTimes(_ column: Table.Column, in table: Table) -> Bool {
    let kind = TimeAxis.kind(of: column, in: table)
    guard table.rowCount > 1, kind != .text else { return false }
    guard kind == .number else {
      let texts = texts(column, in: table)
      return Set(texts).count == texts.count
    }
    guard TimeAxis.isNamedLikeTime(column.name), !TimeAxis.isNamedForCounting(column.name) else { return false }
    let numbers = texts(column, in: table).map { Int(String(decoding: $0, as: UTF8.self)) }
    return zip(numbers.dropFirst(), numbers).allSatisfy { next, last in
      next.flatMap { next in last.map { next == $0 &+ 1 } } ?? false
    }
  }
}
