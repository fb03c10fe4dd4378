// Which columns of a table are times side by side, by their names.

/// The columns of a table whose names are times, or parts of times, in the order of the file.
struct Heads {
  var places: [Int]
  /// Of each its time, or the number of the part.
  var numbers: [Int]
  /// By how much each number must be greater than the one before it; nil where any amount will do, up or down.
  private var step: Int?

  init(_ heads: [(place: Int, number: Int)], by step: Int?) {
    (places, numbers, self.step) = (heads.map(\.place), heads.map(\.number), step)
  }

  /// Names of which each is a number, as those of months are; nil for none, or more than there can be.
  init?(_ names: [[UInt8]], _ number: ([UInt8]) -> Int?, most: Int) {
    self.init(names.indices.compactMap { place in number(names[place]).map { (place, $0) } }, by: 1)
    guard (1...most).contains(places.count) else { return nil }
  }

  /// Which is the first that does not follow the one before it.
  var firstOutOfOrder: Int? {
    let steps = zip(numbers.dropFirst(), numbers).map { $0 - $1 }
    let place = steps.firstIndex { step in
      self.step.map { $0 != step } ?? (step == 0 || (step > 0) != (steps[0] > 0))
    }
    return place.map { $0 + 1 }
  }

  var reversed: Heads { Heads(Array(zip(places, numbers).reversed()), by: step) }
}

extension SpreadTimes {
  static func wholeTimes(_ names: [[UInt8]], in table: Table) -> Finding? {
    guard let heads = wholeTimes(names), holdNumbers(heads, in: table) else { return nil }
    let isYears = names[heads.places[0]].count == 4
    // Wavelengths from 400 to 2500 are no years, nor are some of them.
    let taken = Set(heads.places)
    if isYears,
      names.indices.contains(where: { names[$0].count > 2 && names[$0].allSatisfy(isDigit) && !taken.contains($0) })
    {
      return nil
    }
    if isYears, heads.firstOutOfOrder == nil, let month = key(of: heads, in: table, where: holdsMonths) {
      // Each year's months follow those of the year before it.
      let rising = heads.numbers[0] < heads.numbers[1] ? heads : heads.reversed
      return (.yearsOfMonth(month), rising, rising.places.map { names[$0] })
    }
    // Rows that are times themselves are no series.
    guard key(of: heads, in: table, where: areTimes) == nil else { return nil }
    return (.times, heads, heads.places.map { names[$0] })
  }

  static func partsOfYears(_ names: [[UInt8]], in table: Table) -> Finding? {
    for (number, isMonth, least) in [(month, true, 6), (quarter, false, 4)] {
      // A bare number beside names of months is something else.
      let isBare = names.count { !$0.allSatisfy(isDigit) && number($0) != nil } < least
      guard let heads = Heads(names, { $0.allSatisfy(isDigit) == isBare ? number($0) : nil }, most: isMonth ? 12 : 4),
        heads.places.count >= least
      else { continue }
      if isBare {
        // Behind 1 to 12 stands 13 where they are days, and some of them in no order are anything.
        let areDays = names.contains { bareNumber($0).map { $0 > 12 } ?? false }
        if areDays || heads.places.count < 12 && heads.firstOutOfOrder != nil { continue }
      }
      guard isMonth || heads.numbers.allSatisfy({ $0 <= 4 }), holdNumbers(heads, in: table),
        let year = key(of: heads, in: table, where: holdsYears)
      else { continue }
      return (
        isMonth ? .monthsOfYear(year) : .quartersOfYear(year), heads,
        heads.numbers.map { Array((isMonth && $0 < 10 ? "0" : "").utf8) + Array(String($0).utf8) }
      )
    }
    return nil
  }

  static func daysOfMonths(_ names: [[UInt8]], in table: Table) -> Finding? {
    guard let heads = Heads(names, bareNumber, most: 31), heads.numbers.min() == 1, heads.places.count >= 28,
      holdNumbers(heads, in: table), let year = key(of: heads, in: table, where: holdsYears),
      let month = key(of: heads, in: table, where: { column, _ in TimeAxis.part(column.name) == .month }),
      Self.texts(month, in: table).allSatisfy({ Self.month($0) != nil })
    else { return nil }
    return (.daysOfMonth(year: year, month: month), heads, heads.places.map { names[$0] })
  }

  /// Hours that are bare numbers, from 0 or 1 on.
  static func hours(_ names: [[UInt8]], in table: Table) -> Finding? {
    guard let heads = Heads(names, bareNumber, most: 24), heads.places.count == 24, heads.numbers.min()! <= 1,
      heads.numbers.max()! - heads.numbers.min()! == 23, holdNumbers(heads, in: table),
      let day = key(of: heads, in: table, where: holdsDays)
    else { return nil }
    return (.clocksOfDay(day), heads, heads.places.map { TimeSource.text(of: names[$0], .hours) })
  }

  static func clocks(_ names: [[UInt8]], in table: Table) -> Finding? {
    var seconds = names.map { name in
      // A bare number may be anything.
      name.contains { !isDigit($0) } ? TimeSource.timeOfDay(name[...]) : nil
    }
    // Beside 0.75 neither is 0.50 a time of day.
    let decimals = names.indices.filter {
      names[$0].contains(UInt8(ascii: ".")) && NumberNotation.isNumber(names[$0][...])
    }
    if decimals.contains(where: { seconds[$0] == nil }) { for place in decimals { seconds[place] = nil } }
    // Some of them stand beside each other.
    guard
      seconds.indices.dropFirst(2).contains(where: { place in
        guard let last = seconds[place], let middle = seconds[place - 1], let first = seconds[place - 2] else {
          return false
        }
        return first < middle && middle < last
      })
    else { return nil }
    let heads = Heads(names.indices.compactMap { place in seconds[place].map { (place, $0) } }, by: nil)
    guard holdNumbers(heads, in: table), let day = key(of: heads, in: table, where: holdsDays) else { return nil }
    return (.clocksOfDay(day), heads, heads.places.map { TimeSource.text(of: names[$0], .written) })
  }

  /// The first other column of a kind.
  private static func key(
    of heads: Heads, in table: Table, where isKey: (Table.Column, Table) -> Bool
  ) -> Table.Column? {
    let taken = Set(heads.places)
    return table.columns.first { !taken.contains($0.index) && isKey($0, table) }
  }
}

// MARK: - Names

extension SpreadTimes {
  /// A head as a time is written: `2020.01.01` for R's `X2020.01.01`, `1960` for the World Bank's `1960 [YR1960]`.
  static func plain(_ name: String) -> [UInt8] {
    var text = TimeSource.folded(Array(name.utf8)[...])
    if text.count > 4, text.first == UInt8(ascii: "X"), isDigit(text[text.startIndex + 1]) { text.removeFirst() }
    if text.last == UInt8(ascii: "]"), let bracket = text.firstIndex(of: UInt8(ascii: "[")) { text = text[..<bracket] }
    return Array(text.trimmedBytes)
  }

  /// All names that are calendar times of one layout, of which some stand beside each other in order; of several
  /// layouts the one of most names.
  private static func wholeTimes(_ names: [[UInt8]]) -> Heads? {
    var best: Heads?
    var known: Set<Int> = []
    for start in 0...names.count - least where !known.contains(start) {
      for layout in calendarLayouts(of: names[start]) {
        var spelling = TimeSpelling()
        func ticks(_ place: Int) -> Int? {
          var tried = spelling
          guard let time = layout.read(names[place][...], noting: &tried), layout.accepts(time) else { return nil }
          spelling = tried
          return time.ticks - time.offset
        }
        let beside = (start..<start + least).compactMap { place in ticks(place).map { (place, $0) } }
        guard beside.count == least, Heads(beside, by: nil).firstOutOfOrder == nil else { continue }
        let heads = Heads(names.indices.compactMap { place in ticks(place).map { (place, $0) } }, by: nil)
        known.formUnion(heads.places)
        let isBetter = best.map { best in
          heads.places.count > best.places.count
            || heads.places == best.places && heads.firstOutOfOrder == nil && best.firstOutOfOrder != nil
        }
        if isBetter ?? true { best = heads }
      }
    }
    return best
  }

  private static func calendarLayouts(of name: [UInt8]) -> [TimeLayout] {
    TimeLayout.candidates(for: name).filter {
      !$0.isElapsed && !$0.isIndex && !$0.needsName && $0.parts != [.decimalYear]
    }
  }

  static func isCalendarTime(_ name: [UInt8]) -> Bool {
    calendarLayouts(of: name).contains { layout in
      var spelling = TimeSpelling()
      return layout.read(name[...], noting: &spelling).map(layout.accepts) ?? false
    }
  }

  /// A number of one or two digits.
  private static func bareNumber(_ name: [UInt8]) -> Int? {
    (1...2).contains(name.count) && name.allSatisfy(isDigit) ? Int(String(decoding: name, as: UTF8.self)) : nil
  }

  /// The number of a month by its name, or of one that is a number; `M01` is both.
  static func month(_ text: [UInt8]) -> Int? {
    let word = String(decoding: text, as: UTF8.self).lowercased()
    let name = word.hasSuffix(".") ? String(word.dropLast()) : word
    if let month = TimeNames.month(name) { return month + 1 }
    let digits = word.hasPrefix("m") ? word.dropFirst() : word[...]
    guard digits.utf8.allSatisfy(isDigit), (1...2).contains(digits.count), let number = Int(digits) else { return nil }
    return (1...12).contains(number) ? number : nil
  }

  /// 1 for `Q1`, `1Q`, `1st quarter`, and 5 for `Q5`, beside which they are questions; nil for anything else.
  private static func quarter(_ text: [UInt8]) -> Int? {
    let words = String(decoding: text, as: UTF8.self).lowercased()
    let digits = words.filter(\.isNumber)
    let letters = words.split { !$0.isLetter }.map(String.init).filter { !TimeWord.ordinals.contains($0) }
    guard (1...2).contains(digits.count), digits.first != "0", let number = Int(digits), letters.count == 1,
      TimeWord.quarters.contains(letters[0])
    else { return nil }
    return number
  }
}
