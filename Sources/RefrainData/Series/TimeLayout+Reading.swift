/// One time as it is written, read by a ``TimeLayout``.
struct WrittenTime {
  /// Microseconds since 1970-01-01 00:00 as the text's clock shows it, or a plain number in units of 10⁻⁹.
  var ticks: Int
  /// Microseconds by which the text's clock is ahead of UTC; zero without a zone.
  var offset: Int
  /// The details of spelling that the layout leaves open.
  var spelling: TimeSpelling
}

/// The details of spelling that vary between columns of one layout.
struct TimeSpelling: Hashable, Sendable {
  /// Whether months and days below ten are written with one digit.
  var hasBareDates = false
  /// Whether hours below ten are written with one digit.
  var hasBareHours = false
  /// Decimals of the second, or of a plain index.
  var decimals = 0
  /// Whether the mark before decimals is a comma.
  var hasDecimalComma = false
  /// How the offset from UTC is written.
  var zone = Zone.none
  /// Whether month names and AM or PM stand in lower case, capitals, or begin with one.
  var letters = Letters.capitalized

  enum Zone: Hashable, Sendable { case none, letter, hours, compact, colon }
  enum Letters: Hashable, Sendable { case lower, upper, capitalized }

  /// Takes up what another time of the column shows; its zone, if it has one, replaces this one's.
  mutating func merge(_ other: TimeSpelling) {
    hasBareDates = hasBareDates || other.hasBareDates
    hasBareHours = hasBareHours || other.hasBareHours
    decimals = max(decimals, other.decimals)
    hasDecimalComma = hasDecimalComma || other.hasDecimalComma
    zone = other.zone
    letters = other.letters
  }
}

extension TimeLayout {
  /// Reads one time; nil when the text is not written in this layout or names a day or an hour that does not exist.
  func read(_ text: ArraySlice<UInt8>) -> WrittenTime? {
    var reader = TimeReader(rest: text)
    for part in parts {
      guard reader.read(part) else { return nil }
    }
    return reader.rest.isEmpty ? reader.time() : nil
  }
}

/// Reads the parts of a time, one after another.
private struct TimeReader {
  var rest: ArraySlice<UInt8>
  var year = 1970
  var month = 1
  var day = 1
  /// Microseconds since midnight, or the whole of an epoch.
  var ticks = 0
  var offset = 0
  var hourOfHalf: Int?
  var spelling = TimeSpelling()

  func time() -> WrittenTime? {
    guard let date = CivilDate(year: year, month: month, day: day) else { return nil }
    return WrittenTime(ticks: date.daysSince1970 * TimeStamp.day + ticks, offset: offset, spelling: spelling)
  }

  mutating func read(_ part: TimeLayout.Part) -> Bool {
    switch part {
    case .year: return assign(digits(4...4), to: &year)
    case .shortYear:
      guard let value = digits(2...2) else { return false }
      year = value < 69 ? 2000 + value : 1900 + value  // As POSIX reads two digits.
      return true
    case .month: return assign(shortNumber(noting: \.hasBareDates), to: &month)
    case .day: return assign(shortNumber(noting: \.hasBareDates), to: &day)
    case .monthName: return readMonthName()
    case .quarter:
      guard let quarter = digits(1...1), (1...4).contains(quarter) else { return false }
      month = quarter * 3 - 2
      return true
    case .hour: return add(shortNumber(noting: \.hasBareHours), times: TimeStamp.hour, below: 24)
    case .minute: return add(digits(2...2), times: TimeStamp.minute, below: 60)
    case .second: return add(digits(2...2), times: TimeStamp.second, below: 60)
    case .hourOfHalf:
      guard let hour = shortNumber(noting: \.hasBareHours), (1...12).contains(hour) else { return false }
      hourOfHalf = hour % 12
      return true
    case .halfOfDay: return readHalfOfDay()
    case .fraction: return readFraction()
    case .zone: return readZone()
    case .epochSeconds: return add(digits(9...10), times: TimeStamp.second, below: .max)
    case .epochMilliseconds: return add(digits(12...13), times: 1000, below: .max)
    case .index: return readIndex()
    case .literal(let byte):
      // Letters of a layout (T, Q) stand for either case.
      guard let first = rest.first, first == byte || isLetter(byte) && first | 0x20 == byte | 0x20 else { return false }
      rest.removeFirst()
      return true
    }
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

  /// A month, a day or an hour: one or two digits.
  private mutating func shortNumber(noting isBare: WritableKeyPath<TimeSpelling, Bool>) -> Int? {
    let before = rest.count
    guard let value = digits(1...2) else { return nil }
    if before - rest.count == 1 { spelling[keyPath: isBare] = true }
    return value
  }

  private mutating func readMonthName() -> Bool {
    let name = rest.prefix(3)
    guard
      let index = TimeLayout.monthNames.firstIndex(where: { $0.utf8.elementsEqual(name.lazy.map { $0 | 0x20 }) })
    else { return false }
    month = index + 1
    noteLetters(name)
    rest.removeFirst(3)
    return true
  }

  private mutating func readHalfOfDay() -> Bool {
    let text = rest.prefix(2)
    guard let hourOfHalf, text.count == 2, text.last! | 0x20 == UInt8(ascii: "m") else { return false }
    let isAfternoon = text.first! | 0x20 == UInt8(ascii: "p")
    guard isAfternoon || text.first! | 0x20 == UInt8(ascii: "a") else { return false }
    ticks += (hourOfHalf + (isAfternoon ? 12 : 0)) * TimeStamp.hour
    noteLetters(text)
    rest.removeFirst(2)
    return true
  }

  private mutating func noteLetters(_ text: ArraySlice<UInt8>) {
    spelling.letters =
      text.first! & 0x20 != 0 ? .lower : text.last! & 0x20 != 0 ? .capitalized : .upper
  }

  private mutating func readFraction() -> Bool {
    guard let mark = rest.popFirst(), mark == UInt8(ascii: ".") || mark == UInt8(ascii: ",") else { return false }
    var unit = TimeStamp.second
    while let byte = rest.first, isDigit(byte) {
      unit /= 10
      ticks += unit * Int(byte - 48)  // Decimals beyond the microsecond are dropped.
      spelling.decimals += 1
      rest.removeFirst()
    }
    spelling.hasDecimalComma = mark == UInt8(ascii: ",")
    return spelling.decimals > 0
  }

  private mutating func readZone() -> Bool {
    guard let sign = rest.popFirst() else { return false }
    if sign | 0x20 == UInt8(ascii: "z") {
      spelling.zone = .letter
      return true
    }
    guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), let hours = digits(2...2), hours < 24 else {
      return false
    }
    var minutes = 0
    spelling.zone = .hours
    if !rest.isEmpty {
      spelling.zone = .compact
      if rest.first == .colon {
        rest.removeFirst()
        spelling.zone = .colon
      }
      guard let value = digits(2...2), value < 60 else { return false }
      minutes = value
    }
    let size = hours * TimeStamp.hour + minutes * TimeStamp.minute
    offset = sign == UInt8(ascii: "-") ? -size : size
    return true
  }

  /// A plain number of at most nine digits before and after the mark.
  private mutating func readIndex() -> Bool {
    var isNegative = false
    if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      isNegative = sign == UInt8(ascii: "-")
      rest.removeFirst()
    }
    guard let whole = digits(1...9) else { return false }
    ticks = whole * 1_000_000_000
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      var unit = 1_000_000_000
      while spelling.decimals < 9, let byte = rest.first, isDigit(byte) {
        unit /= 10
        ticks += unit * Int(byte - 48)
        spelling.decimals += 1
        rest.removeFirst()
      }
      guard spelling.decimals > 0 else { return false }
    }
    if isNegative { ticks = -ticks }
    return true
  }
}
