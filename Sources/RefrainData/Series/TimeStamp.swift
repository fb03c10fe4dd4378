/// A moment in a series, as the file's own clock shows it.
///
/// For calendar times `ticks` are microseconds since 1970-01-01 00:00:00 on the clock of the file: no time zone is
/// added or taken away. (When the offsets from UTC vary within a column, every time is told on the clock of its last
/// row.) For a plain index `ticks` are units of the last decimal place that the column uses.
public struct TimeStamp: Hashable, Comparable, Codable, Sendable {
  /// Microseconds, or units of a plain index.
  public var ticks: Int

  /// Makes a time stamp.
  public init(ticks: Int) { self.ticks = ticks }

  /// Whether one moment lies before the other.
  public static func < (one: TimeStamp, other: TimeStamp) -> Bool { one.ticks < other.ticks }

  static let second = 1_000_000
  static let minute = 60 * second
  static let hour = 60 * minute
  static let day = 24 * hour

  /// The day, as days since 1970-01-01.
  var dayNumber: Int { ticks.flooredQuotient(by: Self.day) }
  /// The calendar date.
  var date: CivilDate { CivilDate(daysSince1970: dayNumber) }
  /// Microseconds since midnight.
  var timeOfDay: Int { ticks - dayNumber * Self.day }

  /// The moment on another day at the same time of day.
  func onDay(_ day: Int) -> TimeStamp { TimeStamp(ticks: day * Self.day + timeOfDay) }
}
