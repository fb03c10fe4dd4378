/// Columns of a table that are times side by side: a month each beside the name of a country, twelve months beside a
/// year, the hours of a day beside a date.
struct SpreadTimes {
  /// What the heads of the columns are.
  private enum Form {
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
  private let heads: [Table.Column]
  /// Of each head its text, or the number of the month or quarter.
  private let texts: [[UInt8]]

  /// Fewer columns than this are not taken for times.
  private static let least = 3

  /// Nil where no columns are times side by side.
  init?(in table: Table) {
    guard (Self.least...20_000).contains(table.columns.count) else { return nil }
    self.table = table
    let names = table.columns.map { Self.plain($0.name) }
    if let run = Self.run(names, of: Self.isWholeTime), Self.holdNumbers(run, in: table) {
      let others = table.columns.filter { !run.contains($0.index) }
      let isYears = names[run.lowerBound].count == 4
      if isYears, let month = others.first(where: { Self.holdsMonths($0, in: table) }) {
        form = .yearsOfMonth(month)
      } else {
        // Rows that are times themselves are no series.
        guard !others.contains(where: { Self.areTimes($0, in: table) }) else { return nil }
        form = .times
      }
      (heads, texts) = (Array(table.columns[run]), Array(names[run]))
      return
    }
    func month(_ names: ArraySlice<[UInt8]>) -> [Int]? { Self.numbers(names, Self.month) }
    func quarter(_ names: ArraySlice<[UInt8]>) -> [Int]? { Self.numbers(names, Self.quarter) }
    for (numbers, isMonth, count) in [(month, true, 12), (quarter, false, 4)] {
      guard let run = Self.run(names, longest: count, of: { numbers($0) != nil }), run.count >= min(count, 6),
        Self.holdNumbers(run, in: table),
        // Behind 1 to 12 stands 13 where they are days.
        run.upperBound == names.count || !names[run.upperBound].allSatisfy(isDigit),
        let year = table.columns.first(where: { !run.contains($0.index) && Self.holdsYears($0, in: table) })
      else { continue }
      form = isMonth ? .monthsOfYear(year) : .quartersOfYear(year)
      heads = Array(table.columns[run])
      texts = numbers(names[run])!.map { Array((isMonth && $0 < 10 ? "0" : "").utf8) + Array(String($0).utf8) }
      return
    }
    if let run = Self.run(names, longest: 31, of: { Self.counts($0, from: 1...1) }), run.count >= 28,
      Self.holdNumbers(run, in: table),
      let year = table.columns.first(where: { !run.contains($0.index) && Self.holdsYears($0, in: table) }),
      let month = table.columns.first(where: { !run.contains($0.index) && TimeAxis.part($0.name) == .month }),
      Self.texts(month, in: table).allSatisfy({ Self.month($0) != nil })
    {
      form = .daysOfMonth(year: year, month: month)
      (heads, texts) = (Array(table.columns[run]), Array(names[run]))
      return
    }
    if let run = Self.run(names, longest: 24, of: { Self.counts($0, from: 0...1) }), run.count == 24,
      run.upperBound == names.count || !names[run.upperBound].allSatisfy(isDigit), Self.holdNumbers(run, in: table),
      let day = table.columns.first(where: { !run.contains($0.index) && Self.holdsDays($0, in: table) })
    {
      form = .clocksOfDay(day)
      (heads, texts) = (Array(table.columns[run]), names[run].map { TimeSource.text(of: $0, .hours) })
      return
    }
    if let run = Self.run(names, of: Self.areClocks), Self.holdNumbers(run, in: table),
      let day = table.columns.first(where: { !run.contains($0.index) && Self.holdsDays($0, in: table) })
    {
      form = .clocksOfDay(day)
      heads = Array(table.columns[run])
      texts = names[run].map { TimeSource.text(of: $0, .written) }
      return
    }
    return nil
  }

  /// The table with a row for each cell of these columns.
  ///
  /// - Throws: `overMemoryBudget` where that are too many.
  func gathered() throws(DataError) -> Table {
    let keys = form.keys
    let run = heads[0].index...heads[heads.count - 1].index
    let others = table.columns.filter { !run.contains($0.index) && !keys.contains($0) }
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
      let isNewestFirst = zip(numbers.dropFirst(), numbers).allSatisfy(<)
      for row in isNewestFirst ? Array((0..<table.rowCount).reversed()) : Array(0..<table.rowCount) {
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
      for row in isNewestFirst(key) ? Array((0..<table.rowCount).reversed()) : Array(0..<table.rowCount) {
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
    let (first, last) = (heads[0].name.shortened, heads[heads.count - 1].name.shortened)
    let beside = keys.isEmpty ? "" : ", with column \(keys.map(\.name.shortened).joined(separator: " and "))"
    return Table(
      gathering: table, beside: others, names: names, cells: cells, texts: times, series: numbers,
      note: "columns \(first) to \(last) are times\(beside): their values are read as one column")
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

  /// Whether the times of the rows go back from each to the next.
  private func isNewestFirst(_ key: Table.Column) -> Bool {
    let source = TimeSource(table, key)
    return TimeAxis.layouts(source).contains { layout in (try? TimeAxis.read(source, layout))?.isNewestFirst == true }
  }
}

// MARK: - Heads

extension SpreadTimes {
  /// A head as a time is written: `2020.01.01` for R's `X2020.01.01`, `1960` for the World Bank's `1960 [YR1960]`.
  private static func plain(_ name: String) -> [UInt8] {
    var text = TimeSource.folded(Array(name.utf8)[...])
    if text.count > 4, text.first == UInt8(ascii: "X"), isDigit(text[text.startIndex + 1]) { text.removeFirst() }
    if text.last == UInt8(ascii: "]"), let bracket = text.firstIndex(of: UInt8(ascii: "[")) { text = text[..<bracket] }
    return Array(text.trimmedBytes)
  }

  /// The first names beside each other, as many as go on in the same way; nil where these are too few, or there are
  /// others like them elsewhere.
  private static func run(
    _ names: [[UInt8]], longest: Int = .max, of isRun: (ArraySlice<[UInt8]>) -> Bool
  ) -> Range<Int>? {
    guard let start = names.indices.first(where: { isRun(names[$0..<min($0 + least, names.count)]) }),
      start + least <= names.count
    else { return nil }
    // As far as it goes, by halves: a prefix of a run is one.
    var (low, high) = (start + least, min(names.count, longest == .max ? .max : start + longest))
    while low < high {
      let middle = (low + high + 1) / 2
      if isRun(names[start..<middle]) { low = middle } else { high = middle - 1 }
    }
    return start..<low
  }

  /// Whether names are calendar times of one layout, each after the one before it or each before it.
  private static func isWholeTime(_ names: ArraySlice<[UInt8]>) -> Bool {
    guard names.count >= least, let first = names.first else { return false }
    return TimeLayout.candidates(for: first).contains { layout in
      guard !layout.isElapsed, !layout.isIndex, !layout.needsName, layout.parts != [.decimalYear] else { return false }
      var spelling = TimeSpelling()
      var (last, isRising): (Int?, Bool?) = (nil, nil)
      return names.allSatisfy { name in
        guard let time = layout.read(name[...], noting: &spelling), layout.accepts(time) else { return false }
        let ticks = time.ticks - time.offset
        defer { last = ticks }
        guard let last, ticks != last else { return last == nil }
        defer { isRising = ticks > last }
        return isRising == nil || isRising == (ticks > last)
      }
    }
  }

  /// Whether names are times of a day, each after the one before it.
  private static func areClocks(_ names: ArraySlice<[UInt8]>) -> Bool {
    guard names.count >= least else { return false }
    var last = -1
    return names.allSatisfy { name in
      // A bare number may be anything.
      guard name.contains(where: { !isDigit($0) }), let seconds = TimeSource.timeOfDay(name[...]), seconds > last else {
        return false
      }
      last = seconds
      return true
    }
  }

  /// Whether names are bare numbers that follow each other by one.
  private static func counts(_ names: ArraySlice<[UInt8]>, from first: ClosedRange<Int>) -> Bool {
    let numbers = numbers(names) { name in
      (1...2).contains(name.count) && name.allSatisfy(isDigit) ? Int(String(decoding: name, as: UTF8.self)) : nil
    }
    return numbers.map { first.contains($0[0]) } ?? false
  }

  /// Numbers that follow each other by one; nil for other names.
  private static func numbers(_ names: ArraySlice<[UInt8]>, _ number: ([UInt8]) -> Int?) -> [Int]? {
    var numbers: [Int] = []
    for name in names {
      guard let own = number(name), numbers.last.map({ $0 + 1 == own }) ?? true else { return nil }
      numbers.append(own)
    }
    return names.count < least ? nil : numbers
  }

  /// The number of a month by its name, or of one that is a number; `M01` is both.
  private static func month(_ text: [UInt8]) -> Int? {
    let word = String(decoding: text, as: UTF8.self).lowercased()
    let name = word.hasSuffix(".") ? String(word.dropLast()) : word
    if let month = TimeNames.month(name) { return month + 1 }
    let digits = word.hasPrefix("m") ? word.dropFirst() : word[...]
    guard digits.utf8.allSatisfy(isDigit), (1...2).contains(digits.count), let number = Int(digits) else { return nil }
    return (1...12).contains(number) ? number : nil
  }

  /// 1 for `Q1`, `1Q`, `1st quarter`; nil for anything else.
  private static func quarter(_ text: [UInt8]) -> Int? {
    let words = String(decoding: text, as: UTF8.self).lowercased()
    let digits = words.filter(\.isNumber)
    let letters = words.split { !$0.isLetter }.map(String.init).filter { !TimeWord.ordinals.contains($0) }
    guard digits.count == 1, let number = Int(digits), (1...4).contains(number), letters.count == 1,
      TimeWord.quarters.contains(letters[0])
    else { return nil }
    return number
  }
}

// MARK: - Cells

extension SpreadTimes {
  /// Whether columns hold numbers: the first, the middle one and the last that are not empty.
  private static func holdNumbers(_ run: Range<Int>, in table: Table) -> Bool {
    let present = table.columns[run].filter { column in
      (0..<min(table.rowCount, 50)).contains { !table.trimmedBytes(row: $0, column: column).isEmpty }
    }
    guard let first = present.first else { return false }
    return [first, present[present.count / 2], present[present.count - 1]].allSatisfy(table.isNumeric)
  }

  private static func texts(_ column: Table.Column, in table: Table) -> [[UInt8]] {
    (0..<table.rowCount).map { row in
      TimeSource.whole(Array(TimeSource.folded(table.trimmedBytes(row: row, column: column))))
    }
  }

  /// Whether every field of a column is a year, and the column is named for years, or the first.
  private static func holdsYears(_ column: Table.Column, in table: Table) -> Bool {
    guard column.index == 0 || TimeAxis.part(column.name) == .year else { return false }
    return texts(column, in: table).allSatisfy { text in
      text.count == 4 && text.allSatisfy(isDigit)
        && (1500...2200).contains(Int(String(decoding: text, as: UTF8.self)) ?? 0)
    }
  }

  /// Whether the fields of a column are the months of a year in their order; numbers only where it is named for them.
  private static func holdsMonths(_ column: Table.Column, in table: Table) -> Bool {
    guard (least...12).contains(table.rowCount) else { return false }
    let texts = texts(column, in: table)
    guard numbers(texts[...], month) != nil else { return false }
    return TimeAxis.part(column.name) == .month || texts.allSatisfy { !$0.contains(where: isDigit) }
  }

  /// Whether the fields of a column may be days, without a time.
  private static func holdsDays(_ column: Table.Column, in table: Table) -> Bool {
    switch TimeAxis.kind(of: column, in: table) {
    case .date: true
    case .number: TimeAxis.isNamedLikeTime(column.name) && TimeAxis.namesDay(column, in: table)
    case .clock, .hours, .text: false
    }
  }

  /// Whether each field of a column is another time, or in a column named for times a number that goes on by one.
  private static func areTimes(_ column: Table.Column, in table: Table) -> Bool {
    guard table.rowCount > 1 else { return false }
    let texts = texts(column, in: table)
    if TimeAxis.kind(of: column, in: table) == .number {
      let numbers = texts.map { Int(String(decoding: $0, as: UTF8.self)) }
      return TimeAxis.isNamedLikeTime(column.name) && !TimeAxis.isNamedForCounting(column.name)
        && zip(numbers.dropFirst(), numbers).allSatisfy { next, last in
          next.flatMap { next in last.map { next == $0 + 1 } } ?? false
        }
    }
    return TimeAxis.kind(of: column, in: table) != .text && Set(texts).count == texts.count
  }
}
