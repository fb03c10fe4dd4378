/// What a column is when it is read in one layout.
struct TimeReading {
  var layout: TimeLayout
  var style: TimeStyle
  var stamps: [TimeStamp]
  var isNewestFirst: Bool
  var notes: [String]
  var offsets: TimeAxis.Offsets?
  /// The grid, or why there is none.
  var outcome: Result<TimeGrid, Frequency.Irregularity>
}

extension TimeAxis {
  init(_ source: TimeSource, order: DateOrder? = nil) throws(DataError) {
    let table = source.table
    let layouts = try Self.layouts(source, order: order)
    // What to report when no layout will do: the fault in the likeliest layout that could at least be read throughout.
    var fault: DataError?
    var readings: [TimeReading] = []
    for layout in layouts {
      // What reads as calendar times is never counted instead.
      if layout.isIndex, !readings.isEmpty { break }
      do throws(DataError) {
        let reading = try Self.read(source, layout)
        readings.append(reading)
        // What no other order can be is not looked for any further.
        if layout.order == nil, case .success = reading.outcome { break }
      } catch {
        if fault == nil || error.row ?? 0 > fault!.row ?? 0 { fault = error }
      }
    }
    guard !readings.isEmpty else { throw fault ?? Self.unreadable(source, row: 0) }
    guard table.rowCount > 1 else {
      throw table.fault(
        .tooFewRows, row: 0, column: source.columns[0], "a single row does not show how far apart the times lie",
        remedy: "add more rows")
    }
    var good = readings.filter { if case .success = $0.outcome { true } else { false } }
    if good.isEmpty {
      let others = layouts.compactMap { Self.inAnotherCentury(source, $0) }
      good = others.filter { if case .success = $0.outcome { true } else { false } }
      // A gap says more than times in no order.
      if !readings.contains(where: \.isInOrder) { readings = others + readings }
    }
    if good.isEmpty {
      good = readings.compactMap { reading in
        guard case .failure(let irregularity) = reading.outcome,
          let grid = try? TimeGrid(reading.stamps, layout: reading.layout, despite: irregularity)
        else { return nil }
        var reading = reading
        reading.outcome = .success(grid)
        return reading
      }
    }
    guard let first = good.first, case .success(let grid) = first.outcome else {
      guard case .failure(let irregularity) = readings[0].outcome else { fatalError("a reading neither good nor bad") }
      throw Self.fault(irregularity, source, readings[0])
    }
    if order == nil, first.layout.order != nil, !first.layout.isDotted,
      let other = good.dropFirst().first(where: { $0.layout.order != nil && $0.stamps != first.stamps })
    {
      throw Self.doubtful(source, first.style, other.style, first.stamps[0], other.stamps[0])
    }
    // Of days without a year, within a month, the months of some years could be made.
    let parts = first.layout.parts.filter { if case .literal = $0 { false } else { true } }
    if parts == [.month, .shortYear] || parts == [.shortYear, .month], grid.frequency.description == "yearly",
      first.stamps.allSatisfy({ 1...31 ~= $0.date.year % 100 })
    {
      throw table.fault(
        .notATime, row: 0, column: source.columns[0], "\(source.shown(0)) may be a day without a year, or a month",
        remedy: "write times like 2024-01-31 or 2024-01", setting: .time)
    }
    var notes = first.notes + grid.notes
    let text = table.trimmedBytes(row: 0, column: source.columns[0])
    if source.form == .column, TimeSource.isSpan(text) {
      notes.append("spans are read by their beginning")
    }
    if first.isNewestFirst { notes.append("the newest row is first: turned around") }
    self.init(
      name: source.name, grid: grid, count: first.stamps.count, style: first.style, isNewestFirst: first.isNewestFirst,
      notes: notes.map { "column \(source.name.shortened): \($0)" }, offsets: first.offsets)
  }

  /// The reading in which years of two digits are of the 20th century from 30 on, where the times are in order so.
  private static func inAnotherCentury(_ source: TimeSource, _ layout: TimeLayout) -> TimeReading? {
    guard layout.parts.contains(.shortYear) else { return nil }
    var layout = layout
    layout.pivot = 30
    guard let reading = try? read(source, layout), reading.isInOrder else { return nil }
    return reading
  }

  /// The layouts in which the column may be written, judging by its first time.
  static func layouts(_ source: TimeSource) -> [TimeLayout] {
    let rows = source.table.rowCount
    let row = (0..<min(rows, 100)).first { !source.isMissing($0) } ?? 0
    let first = source.text(row)
    var layouts = TimeLayout.candidates(for: first)
    // Of a year and a thirteenth month no week is made.
    if case .parts(let parts) = source.form, parts.contains(.month) { layouts.removeAll { $0.parts.contains(.week) } }
    if source.form == .column {
      // Five digits may be anything: days of a spreadsheet only where the name speaks of time.
      let isCounting = isNamedForCounting(source.name)
      if isCounting || !isNamedLikeTime(source.name) { layouts.removeAll(where: \.needsName) }
      if isCounting { layouts.removeAll { $0.isBareNumber && !$0.isEpoch } }
    }
    if layouts.contains(where: \.isEpoch), (0..<rows).contains(where: { source.text($0).first == UInt8(ascii: "-") }) {
      for place in layouts.indices where layouts[place].isEpoch { layouts[place].isSigned = true }
    }
    // A column of weeks: 202301 is the first week, not January.
    if isNamedForWeeks(source.name) {
      let (weeks, others) = (layouts.filter { $0.parts.contains(.week) }, layouts.filter { !$0.parts.contains(.week) })
      layouts = weeks + others
    }
    var spelling = TimeSpelling()
    if TimeLayout.index.read(first, noting: &spelling) != nil { layouts.append(.index) }
    return layouts
  }

  private static func layouts(_ source: TimeSource, order: DateOrder?) throws(DataError) -> [TimeLayout] {
    let layouts = layouts(source)
    guard let order else { return layouts }
    let wanted: TimeLayout.Order =
      switch order {
      case .dmy: .dayFirst
      case .mdy: .monthFirst
      case .ymd: .yearFirst
      }
    let fitting = layouts.filter { $0.order == nil || $0.order == wanted }
    guard fitting.isEmpty, !layouts.isEmpty else { return fitting }
    throw source.table.fault(
      .notATime, row: 0, column: source.columns[0], "\(source.shown(0)) is no date in the order \(order.rawValue)",
      remedy: "say another order, or none", setting: .dates)
  }

  static func read(_ source: TimeSource, _ layout: TimeLayout) throws(DataError) -> TimeReading {
    var times: [WrittenTime] = []
    times.reserveCapacity(source.table.rowCount)
    var style = TimeStyle(layout: layout)
    for row in 0..<source.table.rowCount {
      guard let time = layout.read(source.text(row), noting: &style.spelling), layout.accepts(time) else {
        throw unreadable(source, row: row)
      }
      times.append(time)
    }
    let isNewestFirst = times.count > 1 && zip(times.dropFirst(), times).allSatisfy { $0.utc < $1.utc }
    if isNewestFirst { times.reverse() }
    style.offset = times.last?.offset ?? 0
    var reading = TimeReading(
      layout: layout, style: style, stamps: [], isNewestFirst: isNewestFirst,
      notes: layout.notes(first: source.shown(0), times),
      outcome: .failure(.repeated(at: 0)))
    if layout.isElapsed { reading.unwrap(&times) }
    do throws(Frequency.Irregularity) {
      reading.outcome = .success(try reading.grid(times))
    } catch {
      reading.outcome = .failure(error)
    }
    return reading
  }

  /// The times of a source as they stand, however far apart they lie, oldest first, in the likeliest layout in which
  /// all of them can be read; nil for a plain count.
  ///
  /// - Throws: `notATime` or `missingValue` with the row.
  static func moments(
    of source: TimeSource, order: DateOrder?
  ) throws(DataError) -> TimeReading? {
    var fault: DataError?
    for layout in try layouts(source, order: order) {
      do throws(DataError) {
        let reading = try read(source, layout)
        if !reading.isInOrder, let other = inAnotherCentury(source, layout) { return other }
        return layout.isIndex ? nil : reading
      } catch {
        if fault == nil || error.row ?? 0 > fault!.row ?? 0 { fault = error }
      }
    }
    throw fault ?? unreadable(source, row: 0)
  }
}

extension TimeReading {
  /// Whether no time lies before the one above it.
  var isInOrder: Bool { zip(stamps.dropFirst(), stamps).allSatisfy { $0 >= $1 } }

  /// Clocks without a date: after midnight the next day begins.
  mutating func unwrap(_ times: inout [WrittenTime]) {
    guard !isNewestFirst, times.allSatisfy({ $0.ticks < TimeStamp.day }) else { return }
    var days = 0
    var last = Int.min
    for index in times.indices {
      if times[index].ticks < last { days += 1 }
      last = times[index].ticks
      times[index].ticks += days * TimeStamp.day
    }
    style.wrapsDaily = days > 0
  }

  /// The grid of the times, on the clock that keeps them even: with offsets that vary (summer time) that is one clock
  /// throughout for hours, and the local one for days and more.
  mutating func grid(_ times: [WrittenTime]) throws(Frequency.Irregularity) -> TimeGrid {
    if layout.parts.contains(.decimalYear) {
      stamps = try Frequency.months(ofDecimalYears: times.map(\.ticks))
    } else {
      let unit = layout.isIndex ? powerOfTen(9 - min(style.spelling.decimals, 9)) : 1
      let offset = times[times.count - 1].offset
      stamps = times.map { TimeStamp(ticks: ($0.utc + offset) / unit) }
    }
    guard stamps.count > 1 else { return TimeGrid(Frequency(.index), anchor: stamps[0]) }
    guard times.contains(where: { $0.offset != times[0].offset }) else { return try TimeGrid(stamps, layout: layout) }
    offsets = TimeAxis.Offsets(own: times.map(\.offset), areLocal: false)
    do throws(Frequency.Irregularity) {
      return try TimeGrid(stamps, layout: layout)
    } catch {
      let local = times.map { TimeStamp(ticks: $0.ticks) }
      if let grid = try? TimeGrid(local, layout: layout) {
        stamps = local
        offsets?.areLocal = true
        notes.append("offsets from UTC vary: times are counted by the local clock, later ones have the last offset")
        return grid
      }
      // Days that lack some are days all the same.
      if Set(local.map(\.timeOfDay)).count == 1 {
        stamps = local
        offsets?.areLocal = true
      }
      throw error
    }
  }
}

extension WrittenTime {
  /// Microseconds since 1970 in UTC.
  fileprivate var utc: Int { ticks - offset }
}

extension TimeLayout {
  /// Whether a bare number, read in this layout, lies in the years in which it makes sense.
  func accepts(_ time: WrittenTime) -> Bool {
    guard isBareNumber, !isIndex else { return true }
    if parts == [.decimalYear] { return (1500...2200).contains(time.ticks / 1_000_000_000) }
    let year = TimeStamp(ticks: time.ticks).date.year
    switch parts {
    case [.year]: return (1500...2200).contains(year)
    case [.spreadsheetDay]: return (1970...2100).contains(year)
    case [.epoch(.seconds)], [.epoch(.milliseconds)]: return (1500...2200).contains(year)
    // 18 digits from 1900 on are ticks of the one kind or the other; since 1970 they are nanoseconds up to 2001.
    case [.epoch(.ticks)]: return (1970...2100).contains(year)
    case [.epoch(.fileTime)]: return (1980...2060).contains(year)
    default: return (1900...2100).contains(year)
    }
  }

  /// Whether only a name that speaks of time makes this likely.
  var needsName: Bool {
    isBareNumber
      && [[.spreadsheetDay], [.year, .quarter], [.shortYear, .month, .day], [.year, .week]].contains(parts)
      || parts.contains(.yearNumber)
  }

  fileprivate var isEpoch: Bool { if case .epoch = parts.first { true } else { false } }

  /// Whether points stand between the numbers: day.month.year.
  fileprivate var isDotted: Bool { parts.contains(.literal(UInt8(ascii: "."))) }

  /// What is assumed in this layout.
  fileprivate func notes(first: String, _ times: [WrittenTime]) -> [String] {
    if parts.contains(.yearNumber) { return ["read as the number of a year and the month"] }
    if parts.count == 3, parts.first == .year, parts.last == .quarter, case .literal(let mark) = parts[1],
      !isLetter(mark)
    {
      return ["read as year and quarter"]
    }
    guard let ticks = times.first?.ticks, isBareNumber else { return [] }
    let day = TimeStyle(layout: TimeLayout("Y-m-d")).text(for: TimeStamp(ticks: ticks))
    switch parts {
    case [.spreadsheetDay]: return ["read as a spreadsheet's count of days (the first is \(day))"]
    case [.year, .week]: return ["read as year and week"]
    case [.year, .quarter]: return ["read as year and quarter"]
    case [.year, .month], [.year, .dayOfYear], [.shortYear, .month, .day], [.decimalYear]:
      return ["read as \(described)"]
    case [.epoch(.microseconds)]: return ["read as microseconds since 1970 (the first is \(day))"]
    case [.epoch(.nanoseconds)]: return ["read as nanoseconds since 1970 (the first is \(day))"]
    case [.epoch(.ticks)]: return ["read as ticks of 100 ns since year 1 (the first is \(day))"]
    case [.epoch(.fileTime)]: return ["read as Windows' ticks of 100 ns since 1601 (the first is \(day))"]
    default: return []
    }
  }

  private var described: String {
    switch parts {
    case [.year, .month]: "year and month"
    case [.year, .dayOfYear]: "year and day of the year"
    case [.decimalYear]: "years with decimals"
    default: "year, month and day"
    }
  }
}

private func powerOfTen(_ exponent: Int) -> Int {
  (0..<exponent).reduce(1) { power, _ in power * 10 }
}

extension TimeAxis {
  /// Reads a source whose times have gaps, and puts in the times that are missing.
  init(filling source: TimeSource, order: DateOrder?) throws(DataError) {
    let rows = source.table.rowCount
    var fault: DataError?
    for layout in try Self.layouts(source, order: order) {
      var reading: TimeReading
      do throws(DataError) { reading = try Self.read(source, layout) } catch {
        fault = fault ?? error
        continue
      }
      if !reading.isInOrder, let other = Self.inAnotherCentury(source, layout) { reading = other }
      guard case .failure(.gap(let position, let missing, let frequency)) = reading.outcome else { continue }
      let ordinals = reading.stamps.map(frequency.unit.ordinal)
      let places = ordinals.map { ($0 - ordinals[0]).quotientAndRemainder(dividingBy: frequency.count) }
      guard places.allSatisfy({ $0.remainder == 0 }), reading.stamps.allSatisfy(frequency.unit.contains) else {
        fault = fault ?? Self.fault(.uneven(at: position, usual: frequency), source, reading)
        continue
      }
      let count = places.last!.quotient + 1
      guard count <= 4 * rows + 100 else {
        var gap = Self.fault(.gap(at: position, missing: missing, in: frequency), source, reading)
        // Filling was asked for, and so much is missing that it is not done.
        gap.remedy = "more times are missing than there are: look for a time that is wrong"
        (gap.setting, gap.step) = (.spacing, layout.isIndex ? nil : TimePeriod.step(for: reading.stamps))
        fault = fault ?? gap
        continue
      }
      var rowPlaces: [Int?] = Array(repeating: nil, count: count)
      for (index, place) in places.enumerated() {
        rowPlaces[place.quotient] = reading.isNewestFirst ? rows - 1 - index : index
      }
      let note = "column \(source.name.shortened): \(CSVContent.count(count - rows, "missing time")) put in"
      self.init(
        name: source.name, grid: TimeGrid(frequency, anchor: reading.stamps[0]), count: count, style: reading.style,
        isNewestFirst: reading.isNewestFirst, notes: [note], rowPlaces: rowPlaces)
      return
    }
    throw fault ?? Self.unreadable(source, row: 0)
  }
}
