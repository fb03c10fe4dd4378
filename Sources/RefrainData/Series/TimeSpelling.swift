/// The details of spelling that vary between columns of one layout.
struct TimeSpelling: Hashable, Sendable {
  /// How months, days and weeks below ten are written.
  var months = ShortNumbers()
  var days = ShortNumbers()
  var weeks = ShortNumbers()
  /// Whether hours below ten are written with one digit.
  var hasBareHours = false
  /// The most and the fewest decimals of the second, or of a plain number.
  private(set) var decimals = 0
  private(set) var leastDecimals = 99
  /// Whether the mark before decimals is a comma.
  var hasDecimalComma = false

  /// How far times of day go, at most and at least: 0 not there, 1 hour, 2 minute, 3 second, 4 fraction.
  private(set) var greatestDepth = 0
  private(set) var leastDepth = 4
  /// What stands between date and time of day.
  var separator = " "
  /// What stands between hour and minute; and whether nothing does.
  var clockMark = UInt8.colon
  var isCompactClock = false
  /// AM or PM as it was last written, with the space before it.
  var halfOfDay: String?
  /// Whether midnight is 24:00 of the day before.
  var hasHour24 = false
  /// How the offset from UTC is written.
  var zone = Zone.none
  /// What stands before the offset, as in `GMT+1`, and a region behind it, in brackets.
  var zoneName = ""
  var region = ""

  /// The names that were seen, in lower case and with a point if they have one, by month and by weekday from Monday.
  var monthNames: [String?] = []
  var weekdayNames: [String?] = []
  /// Whether names stand in lower case, capitals, or begin with one.
  var letters = Letters.capitalized
  /// Whether abbreviations end with a point.
  var hasAbbreviationPoint = false
  /// What follows a number, when it is always the same; nil for st, nd, rd, th.
  var ordinal: String?
  /// The word for days of a span.
  var elapsedDays: String?

  /// How numbers below ten were written in one part of dates.
  struct ShortNumbers: Hashable, Sendable {
    /// With one digit, some of them.
    var areBare = false
    /// With a zero before it, some of them.
    var arePadded = false

    mutating func note(_ number: Int, digits: Int) {
      if digits == 1 { areBare = true } else if number < 10 { arePadded = true }
    }
  }

  /// How many digits a number of a part has at least: one part may have a zero where another has none (04/9/2021). A
  /// part that showed nothing goes by the others.
  func width(of part: ShortNumbers) -> Int {
    let isBare = part.areBare || !part.arePadded && [months, days, weeks].contains(where: \.areBare)
    return isBare ? 1 : 2
  }

  enum Zone: Hashable, Sendable {
    case none
    case offset(ZoneStyle, space: Bool)
    case word(String)
  }
  enum ZoneStyle: Hashable, Sendable { case bareHours, hours, compact, colon }
  enum Letters: Hashable, Sendable { case lower, upper, capitalized }

  mutating func note(decimals count: Int) {
    decimals = max(decimals, count)
    leastDecimals = min(leastDecimals, count)
  }

  mutating func note(depth: Int) {
    greatestDepth = max(greatestDepth, depth)
    leastDepth = min(leastDepth, depth)
  }

  mutating func note(
    _ name: String, bytes: [UInt8], at number: Int, in names: WritableKeyPath<TimeSpelling, [String?]>
  ) {
    if self[keyPath: names].isEmpty {
      self[keyPath: names] = Array(repeating: nil, count: names == \.monthNames ? 12 : 7)
      let text = String(decoding: bytes, as: UTF8.self)
      letters = name.hasPrefix(text) ? .lower : text == text.uppercased() ? .upper : .capitalized
    }
    if self[keyPath: names][number] == nil { self[keyPath: names][number] = name }
  }
}

/// One time as it is written, read by a ``TimeLayout``.
struct WrittenTime {
  /// Microseconds since 1970-01-01 00:00 as the text's clock shows it, or a plain number in units of 10⁻⁹.
  var ticks: Int
  /// Microseconds by which the text's clock is ahead of UTC; zero without a zone.
  var offset: Int
}

extension TimeLayout {
  /// Reads one time; nil when the text is not written in this layout or names a day or an hour that does not exist.
  ///
  /// - Parameter spelling: Takes up how it is spelled.
  func read(_ text: ArraySlice<UInt8>, noting spelling: inout TimeSpelling) -> WrittenTime? {
    var reader = TimeReader(rest: text)
    swap(&reader.spelling, &spelling)
    defer { swap(&reader.spelling, &spelling) }
    (reader.takesSign, reader.pivot) = (isSigned, pivot)
    for part in parts {
      guard reader.read(part, isCompact: isCompact) else { return nil }
    }
    if takesClock {
      guard reader.rest.isEmpty || reader.readClock() else { return nil }
    }
    guard reader.rest.isEmpty, let time = reader.time() else { return nil }
    if takesClock || parts.contains(.clock) || isElapsed { reader.spelling.note(depth: reader.depth) }
    return time
  }
}
