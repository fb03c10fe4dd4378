// Times that are numbers: hours that went by, seconds since 1970, decimal years, days of a spreadsheet.

extension TimeReader {
  /// `36:15`, `00:01:00.5`, `1 days 02:00:00`: hours may exceed a day.
  mutating func readElapsed() -> Bool {
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

  mutating func readEpoch(_ unit: TimeLayout.Epoch) -> Bool {
    let isNegative = takesSign && rest.first == UInt8(ascii: "-")
    if isNegative { rest.removeFirst() }
    guard readEpochDigits(unit) else { return false }
    if isNegative { ticks = -ticks }
    return true
  }

  private mutating func readEpochDigits(_ unit: TimeLayout.Epoch) -> Bool {
    var count: ClosedRange<Int>
    switch unit {
    case .seconds: count = 9...10
    case .milliseconds: count = 12...13
    case .microseconds: count = 15...16
    case .nanoseconds: count = 18...19
    case .ticks, .fileTime: count = 18...18
    }
    if takesSign { count = 1...count.upperBound }
    guard let whole = rest.prefix(while: isDigit).count <= count.upperBound ? longDigits(count) : nil else {
      return false
    }
    switch unit {
    case .seconds: ticks = whole * TimeStamp.second
    case .milliseconds: ticks = whole * 1000
    case .microseconds: ticks = whole
    case .nanoseconds: ticks = whole / 1000
    case .ticks, .fileTime: ticks = (whole - unit.tenthsTo1970) / 10
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
  mutating func readNumber(hasSign: Bool) -> Bool {
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
  mutating func readSpreadsheetDay() -> Bool {
    let text = rest
    guard readNumber(hasSign: false), rest.isEmpty,
      let days = Double(
        String(decoding: text, as: UTF8.self).replacing(",", with: "."))
    else { return false }
    ticks = Int((days * 86_400).rounded()) * TimeStamp.second - 25_569 * TimeStamp.day
    return true
  }
}
