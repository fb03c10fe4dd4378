/// Reads the parts of a time, one after another.
struct TimeReader {
  var rest: ArraySlice<UInt8>
  var spelling = TimeSpelling()
  /// How far the time of day goes: 0 none, 1 hour, 2 minute, 3 second, 4 fraction.
  var depth = 0
  /// Whether numbers since 1970 may be negative.
  var takesSign = false
  /// The first year of two digits that belongs to the 20th century.
  var pivot = 69

  private var year = 1970
  private var month = 1
  private var day = 1
  private var dayOfYear: Int?
  private var week: (number: Int, day: Int)?
  private var weekdayName: Int?
  private var nextYear: Int?
  /// Microseconds since midnight, or the whole of an epoch.
  var ticks = 0
  var offset = 0

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
      year = value < pivot ? 2000 + value : 1900 + value
      return true
    case .yearNumber: return assign(digits(1...2), to: &year) && year > 0
    case .nextYear:
      nextYear = digits(2...2)
      return nextYear != nil
    case .nextLongYear: return digits(4...4) == year + 1
    case .month:
      guard let number = shortNumber(isCompact) else { return false }
      month = number.value
      spelling.months.note(number.value, digits: number.digits)
      return true
    case .day:
      guard let number = shortNumber(isCompact) else { return false }
      day = number.value
      spelling.days.note(number.value, digits: number.digits)
      return true
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
      guard let number = shortNumber(isCompact), (1...53).contains(number.value) else { return false }
      week = (number.value, 1)
      spelling.weeks.note(number.value, digits: number.digits)
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

  mutating func add(_ value: Int?, times unit: Int, below limit: Int) -> Bool {
    guard let value, value < limit else { return false }
    ticks += value * unit
    return true
  }

  mutating func digits(_ count: ClosedRange<Int>) -> Int? {
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
  private mutating func shortNumber(_ isCompact: Bool) -> (value: Int, digits: Int)? {
    let before = rest.count
    return digits(isCompact ? 2...2 : 1...2).map { ($0, before - rest.count) }
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
}
