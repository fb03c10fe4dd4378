/// A step of time over which rows are brought together, such as an hour.
public struct TimePeriod: Hashable, Sendable, Codable {
  private enum Unit: String, Codable { case microsecond, day, month }

  /// How it was written, such as `1h`.
  public let text: String
  private let unit: Unit
  /// How many units it has.
  private let count: Int

  /// A number and a unit: `30s`, `15min`, `1h`, `1d`, `1w`, `1mo`, `1q`, `1y`; without a number it is 1. Nil for
  /// anything else, and for what is longer than a century.
  public init?(_ text: String) {
    let text = text.lowercased().filter { $0 != " " }
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = digits.isEmpty ? 1 : Int(digits), (1...1_000_000).contains(number),
      let (unit, size) = Self.units[String(text.dropFirst(digits.count))]
    else { return nil }
    let (count, overflows) = number.multipliedReportingOverflow(by: size)
    let limit = unit == .month ? 1200 : unit == .day ? 36_525 : 36_525 * TimeStamp.day
    guard !overflows, count <= limit else { return nil }
    self.text = text
    // Whole days begin at midnight, whatever is counted before.
    let isWholeDays = unit == .microsecond && count % TimeStamp.day == 0
    self.unit = isWholeDays ? .day : unit
    self.count = isWholeDays ? count / TimeStamp.day : count
  }

  private static let units: [String: (Unit, Int)] = {
    let words: [(String, Unit, Int)] = [
      ("ms", .microsecond, 1000), ("s sec", .microsecond, TimeStamp.second),
      ("m min t", .microsecond, TimeStamp.minute), ("h hour hours", .microsecond, TimeStamp.hour),
      ("d day days", .day, 1), ("w week weeks", .day, 7), ("mo month months", .month, 1), ("q quarter", .month, 3),
      ("y year years", .month, 12),
    ]
    var units: [String: (Unit, Int)] = [:]
    for (names, unit, size) in words { for name in names.split(separator: " ") { units[String(name)] = (unit, size) } }
    return units
  }()

  /// The shortest step, of those that people count in, that is no shorter than the usual distance of the times and
  /// leaves next to none of at least three without a row; nil where none does, and where the times are days that all
  /// stand equally often: then the time of day stands elsewhere.
  static func step(for stamps: [TimeStamp]) -> String? {
    let sorted = stamps.sorted()
    var counts: [TimeStamp: Int] = [:]
    for stamp in stamps { counts[stamp, default: 0] += 1 }
    let often = counts[stamps[0]]!
    if often > 1, counts.values.allSatisfy({ $0 == often }), stamps.allSatisfy({ $0.timeOfDay == 0 }) { return nil }
    let distances = zip(sorted.dropFirst(), sorted).map { $0.ticks - $1.ticks }.filter { $0 > 0 }.sorted()
    guard !distances.isEmpty else { return nil }
    let usual = distances[(distances.count - 1) / 2]
    return steps.first { text, size in
      guard size >= usual, let period = TimePeriod(text) else { return false }
      let ordinals = Set(stamps.map(period.ordinal))
      let count = period.ordinal(of: sorted[sorted.count - 1]) - period.ordinal(of: sorted[0]) + 1
      return ordinals.count > 2 && (count - ordinals.count) * 20 <= count
    }?.text
  }

  /// Steps that people count in, and the longest time that one takes.
  private static let steps: [(text: String, size: Int)] = {
    let (minute, hour, day) = (TimeStamp.minute, TimeStamp.hour, TimeStamp.day)
    return [
      ("1s", TimeStamp.second), ("10s", 10 * TimeStamp.second), ("1min", minute), ("5min", 5 * minute),
      ("10min", 10 * minute), ("15min", 15 * minute), ("30min", 30 * minute), ("1h", hour), ("2h", 2 * hour),
      ("3h", 3 * hour), ("6h", 6 * hour), ("12h", 12 * hour), ("1d", day), ("1w", 7 * day), ("1mo", 31 * day),
      ("1q", 92 * day), ("1y", 366 * day),
    ]
  }()

  /// How far apart the steps lie.
  var frequency: Frequency {
    switch unit {
    case .microsecond: Frequency(.microsecond, every: count)
    case .day: Frequency(.day, every: count)
    case .month: Frequency(.month(day: 1), every: count)
    }
  }

  /// The number of the step that a time lies in. Weeks begin on Monday.
  func ordinal(of stamp: TimeStamp) -> Int {
    switch unit {
    case .microsecond: stamp.ticks.flooredQuotient(by: count)
    case .day: (stamp.dayNumber + Self.monday).flooredQuotient(by: count)
    case .month: stamp.date.months.flooredQuotient(by: count)
    }
  }

  /// The begin of a step.
  func start(of ordinal: Int) -> TimeStamp {
    switch unit {
    case .microsecond: TimeStamp(ticks: ordinal * count)
    case .day: TimeStamp(ticks: (ordinal * count - Self.monday) * TimeStamp.day)
    case .month: TimeStamp(ticks: CivilDate(months: ordinal * count, day: 1).daysSince1970 * TimeStamp.day)
    }
  }

  /// 1970-01-01 was a Thursday.
  private static let monday = 3
}

/// What values that lie within one step of time make together.
public enum Aggregate: String, Hashable, Sendable, Codable, CaseIterable {
  /// Their mean.
  case mean
  /// Their sum.
  case sum
  /// The newest.
  case last
  /// The smallest.
  case min
  /// The largest.
  case max

  /// What the values, the oldest first, make; NaN where there is none. Missing ones are passed over.
  func callAsFunction(_ values: [Double]) -> Double {
    let known = values.filter { !$0.isNaN }
    guard !known.isEmpty else { return .nan }
    switch self {
    case .mean: return known.reduce(0) { $0 + $1 / Double(known.count) }
    case .sum: return known.reduce(0, +)
    case .last: return known[known.count - 1]
    case .min: return known.min()!
    case .max: return known.max()!
    }
  }
}
