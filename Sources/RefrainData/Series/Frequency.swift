/// How far apart the times of a series lie: every so many units of a calendar.
public struct Frequency: Hashable, Sendable, CustomStringConvertible {
  /// What a calendar counts in. Each unit numbers the times that it can tell (their *ordinals*), so that times one step
  /// apart have ordinals one apart.
  public enum Unit: Hashable, Sendable {
    /// Months, on this day of the month: 31 for the last day. A shorter month's last day stands for a day it lacks.
    case month(day: Int)
    /// Months, on a day that a rule tells.
    case monthly(on: MonthRule)
    /// Days.
    case day
    /// Days from Monday to Friday.
    case businessDay
    /// Days of a calendar whose years all have 365: each leap year leaves one day out.
    case commonYearDay(omitting: OmittedDay)
    /// Microseconds.
    case microsecond
    /// The last decimal place of a plain index.
    case index
  }

  /// The day that a 365-day calendar leaves out of leap years.
  public enum OmittedDay: Hashable, Sendable, CaseIterable {
    /// 29 February.
    case leapDay
    /// 31 December.
    case lastDayOfYear
  }

  /// A day of the month that is no number.
  public enum MonthRule: Hashable, Sendable {
    /// The first day from Monday to Friday.
    case firstBusinessDay
    /// The last day from Monday to Friday.
    case lastBusinessDay
    /// The first to fourth such weekday: `number` from 1, `weekday` from 0 for Monday.
    case weekday(Int, number: Int)
    /// The last such weekday.
    case lastWeekday(Int)
  }

  /// What is counted.
  public var unit: Unit
  /// How many units lie between neighboring times; positive.
  public var count: Int

  /// Makes a frequency.
  public init(_ unit: Unit, every count: Int = 1) {
    self.unit = unit
    self.count = count
  }

  /// Words for people: "monthly", "business-daily", "every 15 minutes", "index".
  public var description: String {
    switch unit {
    case .month, .monthly:
      switch count {
      case 1: "monthly"
      case 3: "quarterly"
      case 12: "yearly"
      default: count % 12 == 0 ? "every \(count / 12) years" : "every \(count) months"
      }
    case .day:
      switch count {
      case 1: "daily"
      case 7: "weekly"
      default: count % 7 == 0 ? "every \(count / 7) weeks" : "every \(count) days"
      }
    case .businessDay: count == 1 ? "business-daily" : "every \(count) business days"
    case .commonYearDay(.leapDay): "daily without 29 February"
    case .commonYearDay(.lastDayOfYear): "daily, 365 days a year"
    case .microsecond: clockDescription
    case .index: "index"
    }
  }

  private var clockDescription: String {
    let units = [
      (TimeStamp.day, "daily", "days"), (TimeStamp.hour, "hourly", "hours"),
      (TimeStamp.minute, "every minute", "minutes"), (TimeStamp.second, "every second", "seconds"),
      (1000, "every millisecond", "milliseconds"), (1, "every microsecond", "microseconds"),
    ]
    let (size, one, many) = units.first { count % $0.0 == 0 }!
    return count == size ? one : "every \(count / size) \(many)"
  }

  /// The number of steps after which such a series usually repeats: the year for months, quarters and weeks, the week
  /// for days, the day for hours and for minutes from 5 upward, the hour for minutes, the minute for seconds. 1 when
  /// nothing is usual: years, a plain index, steps that do not divide the period.
  public var season: Int {
    switch unit {
    case .month, .monthly: 12 % count == 0 ? 12 / count : 1
    case .day: count == 1 ? 7 : count % 7 == 0 && 52 % (count / 7) == 0 ? 52 / (count / 7) : 1
    case .businessDay: 5
    case .commonYearDay: 7
    case .microsecond:
      [TimeStamp.day, TimeStamp.hour, TimeStamp.minute, TimeStamp.second]
        .first { $0 % count == 0 && (2...288).contains($0 / count) }
        .map { $0 / count } ?? 1
    case .index: 1
    }
  }

  /// The periods worth looking for, the usual one first: for hours also the week, for days also the year.
  public var candidateSeasons: [Int] {
    let longer: [Int] =
      switch unit {
      case .day where count == 1, .commonYearDay: [365]
      case .microsecond where count == TimeStamp.hour: [168]
      default: []
      }
    return (season > 1 ? [season] : []) + longer
  }

  /// The time `steps` after (or, if negative, before) `stamp`. Months keep their day of the month, or their last day.
  /// Beyond some 100,000 years time stands still.
  public func advance(_ stamp: TimeStamp, by steps: Int) -> TimeStamp {
    let (distance, overflows) = steps.multipliedReportingOverflow(by: count)
    // Half the range of Int is far more than any unit's limit, and leaves room to add an ordinal.
    let bounded = overflows ? (steps < 0 ? -Int.max / 2 : Int.max / 2) : min(max(distance, -Int.max / 2), Int.max / 2)
    let limit = unit.largestOrdinal
    return unit.stamp(ordinal: min(max(unit.ordinal(of: stamp) + bounded, -limit), limit), like: stamp)
  }
}

extension Frequency.Unit {
  /// Whether this calendar has such a time. Microseconds and indices have every time.
  func contains(_ stamp: TimeStamp) -> Bool {
    switch self {
    case .month(let day):
      let date = stamp.date
      return date.day == min(day, CivilDate.length(ofMonth: date.month, year: date.year))
    case .monthly(let rule):
      let date = stamp.date
      return date.day == rule.day(inMonth: date.months)
    case .businessDay:
      return weekday(stamp.dayNumber) < 5
    case .commonYearDay(let omitted):
      return !omitted.isOmitted(stamp.date)
    case .day, .microsecond, .index:
      return true
    }
  }

  /// Ordinals up to this are certain to have a time stamp.
  fileprivate var largestOrdinal: Int {
    switch self {
    case .month, .monthly: 1_200_000
    case .day, .businessDay, .commonYearDay: 36_500_000
    case .microsecond, .index: Int.max / 2
    }
  }

  /// The number of a time that the calendar has.
  func ordinal(of stamp: TimeStamp) -> Int {
    switch self {
    case .month, .monthly: return stamp.date.months
    case .day: return stamp.dayNumber
    case .businessDay:
      // 1970-01-01 was a Thursday, three days after a Monday.
      let week = (stamp.dayNumber + 3).flooredQuotient(by: 7)
      return week * 5 + min(weekday(stamp.dayNumber), 4)
    case .commonYearDay(let omitted):
      let date = stamp.date
      let dayOfYear = date.daysSince1970 - CivilDate(months: date.year * 12, day: 1).daysSince1970
      let isShifted = omitted == .leapDay && CivilDate.isLeap(date.year) && date.month > 2
      return date.year * 365 + dayOfYear - (isShifted ? 1 : 0)
    case .microsecond, .index: return stamp.ticks
    }
  }

  /// The time of a number, at the time of day of `other`.
  func stamp(ordinal: Int, like other: TimeStamp) -> TimeStamp {
    switch self {
    case .month(let day): return other.onDay(CivilDate(months: ordinal, day: day).daysSince1970)
    case .monthly(let rule):
      return other.onDay(CivilDate(months: ordinal, day: rule.day(inMonth: ordinal)).daysSince1970)
    case .day: return other.onDay(ordinal)
    case .businessDay:
      let week = ordinal.flooredQuotient(by: 5)
      return other.onDay(week * 7 + (ordinal - week * 5) - 3)
    case .commonYearDay(let omitted):
      let year = ordinal.flooredQuotient(by: 365)
      let dayOfYear = ordinal - year * 365
      let isShifted = omitted == .leapDay && CivilDate.isLeap(year) && dayOfYear >= 59
      return other.onDay(CivilDate(months: year * 12, day: 1).daysSince1970 + dayOfYear + (isShifted ? 1 : 0))
    case .microsecond, .index: return TimeStamp(ticks: ordinal)
    }
  }

  /// 0 for Monday.
  private func weekday(_ day: Int) -> Int {
    day + 3 - (day + 3).flooredQuotient(by: 7) * 7
  }
}

extension Frequency.MonthRule {
  /// The day of the month, from 1, in the month that lies so many months after January of the year 0.
  func day(inMonth months: Int) -> Int {
    let first = CivilDate(months: months, day: 1)
    let length = CivilDate.length(ofMonth: first.month, year: first.year)
    func onOrAfter(_ weekday: Int, _ day: Int) -> Int { day + (weekday - (first.weekday + day - 1) % 7 + 7) % 7 }
    switch self {
    case .firstBusinessDay: return first.weekday < 5 ? 1 : 8 - first.weekday
    case .lastBusinessDay:
      let last = (first.weekday + length - 1) % 7
      return last < 5 ? length : length - (last - 4)
    case .weekday(let weekday, let number): return onOrAfter(weekday, 1) + (number - 1) * 7
    case .lastWeekday(let weekday): return onOrAfter(weekday, length - 6)
    }
  }
}

extension Frequency.OmittedDay {
  func isOmitted(_ date: CivilDate) -> Bool {
    switch self {
    case .leapDay: date.month == 2 && date.day == 29
    case .lastDayOfYear: date.month == 12 && date.day == 31 && CivilDate.isLeap(date.year)
    }
  }
}
