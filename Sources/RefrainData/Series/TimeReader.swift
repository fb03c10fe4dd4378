/// Reads the parts of a time, one after another.
struct TimeReader {
  var rest: ArraySlice<UInt8>
  var spelling = TimeSpelling()
  /// How far the time of day goes: 0 none, 1 hour, 2 minute, 3 second, 4 fraction.
  private(set) var depth = 0

  private var year = 1970
  private var month = 1
  private var day = 1
  private var dayOfYear: Int?
  private var week: (number: Int, day: Int)?
  private var weekdayName: Int?
  private var nextYear: Int?
  /// Microseconds since midnight, or the whole of an epoch.
  private var ticks = 0
  private var offset = 0

  init(rest: ArraySlice<UInt8>) { self.rest = rest }

  /// What was read; nil when there is no such day, or it is no such weekday.
  func time() -> WrittenTime? {
    var days: Int
    if let week {
      guard let monday = CivilDate(week: 1, ofYear: year) else { return nil }
      days = monday.daysSince1970 + (week.number - 1) * 7 + week.day - 1
      guard CivilDate(daysSince1970: days).isoWeekYear == year else { return nil }
    } else if let dayOfYear {
      days = CivilDate(months: year * 12, day: 1).daysSince1970 + dayOfYear - 1
      guard CivilDate(daysSince1970: days).year == year else { return nil }
    } else {
      guard let date = CivilDate(year: year, month: month, day: day) else { return nil }
      days = date.daysSince1970
    }
    if let nextYear, nextYear != (year + 1) % 100 { return nil }
    if let weekdayName, (days + 3) - (days + 3).flooredQuotient(by: 7) * 7 != weekdayName { return nil }
    return WrittenTime(ticks: days * TimeStamp.day + ticks, offset: offset)
  }

  mutating func read(_ part: TimeLayout.Part, isCompact: Bool) -> Bool {
    switch part {
    case .year: return assign(digits(4...4), to: &year)
    case .shortYear:
      guard let value = digits(2...2) else { return false }
      year = value < 69 ? 2000 + value : 1900 + value  // As POSIX reads two digits.
      return true
    case .nextYear:
      nextYear = digits(2...2)
      return nextYear != nil
    case .month: return assign(shortNumber(isCompact), to: &month)
    case .day: return assign(shortNumber(isCompact), to: &day)
    case .dayOfYear:
      dayOfYear = digits(3...3)
      return dayOfYear.map { $0 > 0 } ?? false
    case .monthName: return readMonthName()
    case .weekdayName: return readWeekdayName()
    case .quarter, .half:
      guard let number = digits(1...1), (1...(part == .half ? 2 : 4)).contains(number) else { return false }
      month = part == .half ? number * 6 - 5 : number * 3 - 2
      return true
    case .week:
      guard let number = shortNumber(isCompact), (1...53).contains(number) else { return false }
      week = (number, 1)
      return true
    case .weekday:
      guard let number = digits(1...1), (1...7).contains(number) else { return false }
      week?.day = number
      return true
    case .ordinal:
      guard let word = peekWord(), TimeWord.ordinals.contains(word.text) else { return false }
      spelling.ordinal =
        ["st", "nd", "rd", "th"].contains(word.text) ? nil : String(decoding: word.bytes, as: UTF8.self)
      rest.removeFirst(word.bytes.count)
      return true
    case .clock: return readClock()
    case .hour: return add(digits(2...2), times: TimeStamp.hour, below: 24)
    case .minute: return add(digits(2...2), times: TimeStamp.minute, below: 60)
    case .second: return add(digits(2...2), times: TimeStamp.second, below: 60)
    case .elapsed: return readElapsed()
    case .epoch(let unit): return readEpoch(unit)
    case .decimalYear, .index: return readNumber(hasSign: part == .index)
    case .spreadsheetDay: return readSpreadsheetDay()
    case .literal(let byte): return readLiteral(byte)
    }
  }

  private mutating func readLiteral(_ byte: UInt8) -> Bool {
    // Letters of a layout (T, Q) stand for either case, a space for one or more.
    guard let first = rest.first, first == byte || isLetter(byte) && first | 0x20 == byte | 0x20 else { return false }
    rest.removeFirst()
    if byte == .space { while rest.first == .space { rest.removeFirst() } }
    return true
  }

  private func assign(_ value: Int?, to target: inout Int) -> Bool {
    guard let value else { return false }
    target = value
    return true
  }

  private mutating func add(_ value: Int?, times unit: Int, below limit: Int) -> Bool {
    guard let value, value < limit else { return false }
    ticks += value * unit
    return true
  }

  private mutating func digits(_ count: ClosedRange<Int>) -> Int? {
    var value = 0
    var read = 0
    while read < count.upperBound, let byte = rest.first, isDigit(byte) {
      value = value * 10 + Int(byte - 48)
      rest.removeFirst()
      read += 1
    }
    return read >= count.lowerBound ? value : nil
  }

  /// A month, a day or a week: one or two digits; two where nothing stands between numbers.
  private mutating func shortNumber(_ isCompact: Bool) -> Int? {
    let before = rest.count
    guard let value = digits(isCompact ? 2...2 : 1...2) else { return nil }
    if before - rest.count == 1 { spelling.hasBareDates = true }
    return value
  }

  // MARK: - Names

  /// The letters at the beginning, in lower case and as they stand; nil when there are none.
  func peekWord() -> (text: String, bytes: [UInt8])? {
    guard let first = rest.first, isLetter(first) || first >= 0x80 else { return nil }
    let text = String(decoding: rest.prefix(60), as: UTF8.self)
    let letters = text.prefix { $0.isLetter }
    return letters.isEmpty ? nil : (letters.lowercased(), Array(letters.utf8))
  }

  private mutating func readMonthName() -> Bool {
    guard let word = peekWord(), let number = TimeNames.month(word.text) else { return false }
    month = number + 1
    rest.removeFirst(word.bytes.count)
    spelling.note(word.text + takePoint(), bytes: word.bytes, at: number, in: \.monthNames)
    return true
  }

  private mutating func readWeekdayName() -> Bool {
    guard let word = peekWord(), let number = TimeNames.weekday(word.text) else { return false }
    weekdayName = number
    rest.removeFirst(word.bytes.count)
    spelling.note(word.text + takePoint(), bytes: word.bytes, at: number, in: \.weekdayNames)
    return true
  }

  /// The point of an abbreviation, if there is one.
  private mutating func takePoint() -> String {
    guard rest.first == UInt8(ascii: ".") else { return "" }
    rest.removeFirst()
    spelling.hasAbbreviationPoint = true
    return "."
  }

  // MARK: - The time of day

  /// A separator, then hours and as much of minutes, seconds and fraction as there is, AM or PM, and a zone. Nothing is
  /// taken when it is no time of day.
  mutating func readClock() -> Bool {
    let before = self
    let separator = rest.prefix { $0 == .space || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "_") }
    rest.removeFirst(separator.count)
    spelling.separator = String(decoding: separator, as: UTF8.self)
    if separator.isEmpty {
      guard let first = rest.first, first | 0x20 == UInt8(ascii: "t") || first == UInt8(ascii: ":") else {
        return restore(before)
      }
      // Apache's logs put a colon between date and time.
      spelling.separator = String(UnicodeScalar(first))
      rest.removeFirst()
    }
    return readClockDigits() && readZone() || restore(before)
  }

  private mutating func restore(_ before: TimeReader) -> Bool {
    self = before
    return false
  }

  private mutating func readClockDigits() -> Bool {
    let run = rest.prefix(while: isDigit).count
    var hour: Int
    depth = 1
    if run == 4 || run == 6 {
      spelling.isCompactClock = true
      hour = digits(2...2)!
      guard add(digits(2...2), times: TimeStamp.minute, below: 60) else { return false }
      depth = 2
      if run == 6 {
        guard add(digits(2...2), times: TimeStamp.second, below: 60) else { return false }
        depth = 3
      }
    } else {
      guard run == 1 || run == 2, let value = digits(1...2) else { return false }
      hour = value
      if run == 1 { spelling.hasBareHours = true }
      guard readMinutes() else { return false }
      if run == 1, depth == 1 { return false }
    }
    if depth == 3, rest.first == UInt8(ascii: ".") || rest.first == UInt8(ascii: ","), readFraction() { depth = 4 }
    if let half = takeHalfOfDay() {
      guard (1...12).contains(hour) else { return false }
      hour = hour % 12 + half * 12
    } else if hour == 24 {
      guard ticks == 0 else { return false }
      spelling.hasHour24 = true
    }
    guard hour <= 24 else { return false }
    ticks += hour * TimeStamp.hour
    return true
  }

  /// `:30`, `:30:15`, `h30`, `.30.15`, in the same way throughout.
  private mutating func readMinutes() -> Bool {
    guard let mark = rest.first, [UInt8.colon, UInt8(ascii: "h"), UInt8(ascii: "."), UInt8(ascii: "H")].contains(mark),
      rest.dropFirst().prefix(2).count == 2, rest.dropFirst().prefix(2).allSatisfy(isDigit)
    else { return true }
    rest.removeFirst()
    guard add(digits(2...2), times: TimeStamp.minute, below: 60) else { return false }
    spelling.clockMark = mark
    depth = 2
    guard let next = rest.first, next == mark, rest.dropFirst().prefix(2).count == 2,
      rest.dropFirst().prefix(2).allSatisfy(isDigit)
    else { return true }
    rest.removeFirst()
    depth = 3
    return add(digits(2...2), times: TimeStamp.second, below: 60)
  }

  /// 0 for AM, 1 for PM, nil for neither.
  private mutating func takeHalfOfDay() -> Int? {
    let spaces = rest.prefix { $0 == .space || $0 == 0xC2 || $0 == 0xA0 || $0 == 0xE2 || $0 == 0x80 || $0 == 0xAF }
    var after = rest.dropFirst(spaces.count)
    guard let first = after.first, [UInt8(ascii: "a"), UInt8(ascii: "p")].contains(first | 0x20) else { return nil }
    after.removeFirst()
    let hasPoints = after.first == UInt8(ascii: ".")
    if hasPoints {
      after.removeFirst()
      // a. m., in Spanish with a space.
      while let next = after.first, next == .space || next == 0xC2 || next == 0xA0 { after.removeFirst() }
    }
    guard let second = after.first, second | 0x20 == UInt8(ascii: "m") else { return nil }
    after.removeFirst()
    if hasPoints, after.first == UInt8(ascii: ".") { after.removeFirst() }
    if let next = after.first, isLetter(next) { return nil }
    spelling.halfOfDay = String(decoding: rest[rest.startIndex..<after.startIndex], as: UTF8.self)
    rest = after
    return first | 0x20 == UInt8(ascii: "p") ? 1 : 0
  }

  /// Decimals of the second, after a point or comma.
  private mutating func readFraction() -> Bool {
    guard let mark = rest.popFirst() else { return false }
    var unit = TimeStamp.second
    var decimals = 0
    while let byte = rest.first, isDigit(byte) {
      unit /= 10
      ticks += unit * Int(byte - 48)  // Decimals beyond the microsecond are dropped.
      decimals += 1
      rest.removeFirst()
    }
    spelling.note(decimals: decimals)
    spelling.hasDecimalComma = mark == UInt8(ascii: ",")
    return decimals > 0
  }

  /// `Z`, `+02:00`, `+0200`, `+02`, a known word, or a region in brackets; true when there is none.
  private mutating func readZone() -> Bool {
    let spaces = rest.prefix { $0 == .space }
    let after = rest.dropFirst(spaces.count)
    guard let first = after.first else { return spaces.isEmpty }
    let before = rest
    if first == UInt8(ascii: "+") || first == UInt8(ascii: "-") {
      rest = after.dropFirst()
      guard let hours = digits(2...2), hours < 24 else { return false }
      var minutes = 0
      var style = TimeSpelling.ZoneStyle.hours
      if rest.first == .colon || rest.first.map(isDigit) == true {
        style = rest.first == .colon ? .colon : .compact
        if style == .colon { rest.removeFirst() }
        guard let value = digits(2...2), value < 60 else { return false }
        minutes = value
      }
      spelling.zone = .offset(style, space: !spaces.isEmpty)
      let size = hours * TimeStamp.hour + minutes * TimeStamp.minute
      offset = first == UInt8(ascii: "-") ? -size : size
      // A region after the offset repeats it: 2024-01-01T00:00+01:00[Europe/Berlin].
      if rest.first == UInt8(ascii: "[") { return takeRegion() }
      return true
    }
    rest = after
    guard let word = peekWord(), let minutes = TimeWord.zones[word.text] else {
      // Something else follows, such as the year; a caller wants the end or not.
      rest = before
      return true
    }
    rest.removeFirst(word.bytes.count)
    offset = minutes * TimeStamp.minute
    spelling.zone = .word(String(decoding: spaces, as: UTF8.self) + String(decoding: word.bytes, as: UTF8.self))
    return rest.first == UInt8(ascii: "[") ? takeRegion() : true
  }

  private mutating func takeRegion() -> Bool {
    guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return false }
    spelling.region = String(decoding: rest[...end], as: UTF8.self)
    rest = rest[(end + 1)...]
    return true
  }

  // MARK: - Numbers

  /// `36:15`, `00:01:00.5`, `1 days 02:00:00`: hours may exceed a day.
  private mutating func readElapsed() -> Bool {
    var days = 0
    if let word = rest.firstIndex(where: { !isDigit($0) }), rest[word] == .space, word > rest.startIndex {
      guard let count = digits(1...6) else { return false }
      while rest.first == .space { rest.removeFirst() }
      guard let unit = peekWord(), ["day", "days", "d", "tage", "tag", "jours"].contains(unit.text) else {
        return false
      }
      rest.removeFirst(unit.bytes.count)
      if rest.first == UInt8(ascii: ",") { rest.removeFirst() }
      while rest.first == .space { rest.removeFirst() }
      days = count
      spelling.elapsedDays = String(decoding: unit.bytes, as: UTF8.self)
    }
    let run = rest.prefix(while: isDigit).count
    guard (1...6).contains(run), var hour = digits(1...6) else { return false }
    if run == 1 { spelling.hasBareHours = true }
    guard readMinutes(), depth >= 2 else { return false }
    if depth == 3, rest.first == UInt8(ascii: ".") || rest.first == UInt8(ascii: ","), readFraction() { depth = 4 }
    if let half = takeHalfOfDay() {
      guard (1...12).contains(hour) else { return false }
      hour = hour % 12 + half * 12
    }
    ticks += days * TimeStamp.day + hour * TimeStamp.hour
    return true
  }

  private mutating func readEpoch(_ unit: TimeLayout.Epoch) -> Bool {
    let count: ClosedRange<Int>
    switch unit {
    case .seconds: count = 9...10
    case .milliseconds: count = 12...13
    case .microseconds: count = 15...16
    case .nanoseconds: count = 18...19
    }
    guard let whole = rest.prefix(while: isDigit).count <= count.upperBound ? longDigits(count) : nil else {
      return false
    }
    switch unit {
    case .seconds: ticks = whole * TimeStamp.second
    case .milliseconds: ticks = whole * 1000
    case .microseconds: ticks = whole
    case .nanoseconds: ticks = whole / 1000
    }
    guard let mark = rest.first, mark == UInt8(ascii: ".") || mark == UInt8(ascii: ",") else {
      spelling.note(decimals: 0)
      return true
    }
    guard unit == .seconds else {
      // Only zeros: a float of whole milliseconds.
      rest.removeFirst()
      let zeros = rest.prefix { $0 == UInt8(ascii: "0") }
      rest.removeFirst(zeros.count)
      spelling.note(decimals: zeros.count)
      return rest.isEmpty && !zeros.isEmpty
    }
    return readFraction()
  }

  private mutating func longDigits(_ count: ClosedRange<Int>) -> Int? {
    let text = rest.prefix(while: isDigit)
    guard count.contains(text.count), let value = Int(String(decoding: text, as: UTF8.self)) else { return nil }
    rest.removeFirst(text.count)
    return value
  }

  /// A plain number of at most nine digits before and after the mark, in units of 10⁻⁹.
  private mutating func readNumber(hasSign: Bool) -> Bool {
    var isNegative = false
    if hasSign, let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      isNegative = sign == UInt8(ascii: "-")
      rest.removeFirst()
    }
    guard let whole = digits(1...9) else { return false }
    ticks = whole * 1_000_000_000
    var decimals = 0
    if let mark = rest.first, mark == UInt8(ascii: ".") || !hasSign && mark == UInt8(ascii: ",") {
      spelling.hasDecimalComma = mark == UInt8(ascii: ",")
      rest.removeFirst()
      var unit = 1_000_000_000
      while hasSign ? decimals < 9 : true, let byte = rest.first, isDigit(byte) {
        unit /= 10
        ticks += unit * Int(byte - 48)
        decimals += 1
        rest.removeFirst()
      }
      guard decimals > 0 else { return false }
    }
    spelling.note(decimals: decimals)
    if isNegative { ticks = -ticks }
    return true
  }

  /// Days since 1899-12-30, fractions rounded to the second.
  private mutating func readSpreadsheetDay() -> Bool {
    let text = rest
    guard readNumber(hasSign: false), rest.isEmpty,
      let days = Double(
        String(decoding: text, as: UTF8.self).replacing(",", with: "."))
    else { return false }
    ticks = Int((days * 86_400).rounded()) * TimeStamp.second - 25_569 * TimeStamp.day
    return true
  }
}
