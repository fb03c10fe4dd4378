extension Frequency {
  /// What is wrong with a column of times, and between which of them (positions from 0).
  enum Irregularity: Error, Equatable {
    case unsorted(at: Int)
    case repeated(at: Int)
    /// `missing` steps lack before the time at `at`.
    case gap(at: Int, missing: Int, in: Frequency)
    /// The step that ends at `at` is no multiple of the usual step.
    case uneven(at: Int, usual: Frequency)
    /// Years with decimals that count neither months nor quarters.
    case partsOfYear(Int)
  }

  /// The frequency of times that all lie one step apart.
  ///
  /// Calendars are tried from the most to the least particular, and the first in which the steps are even is taken:
  /// months (every time on the same day of the month, or on the last), days, Monday to Friday, days of 365-day years,
  /// and, when the time of day varies, microseconds.
  ///
  /// A daily series is one of *365-day years* when, between its first and last day, it lacks 29 February of every leap
  /// year and nothing else, or 31 December of every leap year and nothing else. Files made by programs that count 365
  /// days to the year look so. Any other missing day is a gap.
  ///
  /// - Parameter stamps: At least two times.
  static func infer(_ stamps: [TimeStamp], isIndex: Bool) throws(Irregularity) -> Frequency {
    for index in 1..<stamps.count where stamps[index] <= stamps[index - 1] {
      throw stamps[index] == stamps[index - 1] ? .repeated(at: index) : .unsorted(at: index)
    }
    if isIndex { return try even(stamps, in: .index) }
    let timeOfDay = stamps[0].timeOfDay
    guard stamps.allSatisfy({ $0.timeOfDay == timeOfDay }) else { return try even(stamps, in: .microsecond) }

    let month = Unit.month(day: anchorDay(of: stamps))
    let shortest = zip(stamps.dropFirst(), stamps).lazy.map { $0.dayNumber - $1.dayNumber }.min()!
    // Fewer than 28 days apart, two times never lie in neighboring months on the same day.
    let isMonthly = shortest >= 28 && stamps.allSatisfy(month.contains)
    if isMonthly { return try even(stamps, in: month) }
    let isWorkWeek = stamps.allSatisfy(Unit.businessDay.contains)
    do throws(Irregularity) {
      return try even(stamps, in: .day)
    } catch {
      if let rule = monthRule(of: stamps), let found = try? even(stamps, in: .monthly(on: rule)) { return found }
      if shortest > 1 { throw error }
      for unit in [.businessDay] + OmittedDay.allCases.map(Unit.commonYearDay) {
        if stamps.allSatisfy(unit.contains), let found = try? even(stamps, in: unit), found.count == 1 { return found }
      }
      // Of a week without its weekends, weekends are no gap; look for what is.
      if isWorkWeek && stamps.count > 5 { return try even(stamps, in: .businessDay) }
      throw error
    }
  }

  /// The frequency in a given unit, when every step is the same.
  static func even(_ stamps: [TimeStamp], in unit: Unit) throws(Irregularity) -> Frequency {
    let ordinals = stamps.map(unit.ordinal)
    let steps = zip(ordinals.dropFirst(), ordinals).map { $0 - $1 }
    var tally: [Int: Int] = [:]
    for step in steps { tally[step, default: 0] += 1 }
    let usual = Frequency(unit, every: tally.max { ($0.value, $1.key) < ($1.value, $0.key) }!.key)
    guard let odd = steps.firstIndex(where: { $0 != usual.count }) else { return usual }
    if steps[odd] % usual.count == 0 {
      throw .gap(at: odd + 1, missing: steps[odd] / usual.count - 1, in: usual)
    }
    throw .uneven(at: odd + 1, usual: usual)
  }

  /// The rule that all of at least three times keep.
  private static func monthRule(of stamps: [TimeStamp]) -> MonthRule? {
    guard stamps.count >= 3 else { return nil }
    let date = stamps[0].date
    let rules: [MonthRule] = [
      .lastBusinessDay, .firstBusinessDay, .weekday(date.weekday, number: min((date.day + 6) / 7, 4)),
      .lastWeekday(date.weekday),
    ]
    return rules.first { rule in stamps.allSatisfy(Unit.monthly(on: rule).contains) }
  }

  /// The day of the month that the times keep, as far as months are long enough; 31 when each is its month's last.
  private static func anchorDay(of stamps: [TimeStamp]) -> Int {
    let dates = stamps.map(\.date)
    return dates.allSatisfy(\.isLastOfMonth) ? 31 : dates.map(\.day).max()!
  }
}
