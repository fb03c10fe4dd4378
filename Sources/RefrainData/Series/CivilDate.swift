/// A day of the Gregorian calendar, reaching into the past before its adoption.
struct CivilDate: Hashable, Sendable {
  var year: Int
  /// 1 for January.
  var month: Int
  var day: Int

  /// A date, or nil when there is no such day.
  init?(year: Int, month: Int, day: Int) {
    guard (1...12).contains(month), day >= 1, day <= Self.length(ofMonth: month, year: year) else { return nil }
    self.year = year
    self.month = month
    self.day = day
  }

  /// The date `days` after 1970-01-01.
  ///
  /// The calendar repeats every 400 years (146,097 days). Counting years from 1 March puts the leap day at their end,
  /// so that month lengths follow one formula (Howard Hinnant, "chrono-compatible low-level date algorithms").
  init(daysSince1970 days: Int) {
    let shifted = days + 719_468  // Days since 0000-03-01.
    let era = shifted.flooredQuotient(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// Days after 1970-01-01.
  var daysSince1970: Int {
    let yearFromMarch = month <= 2 ? year - 1 : year
    let era = yearFromMarch.flooredQuotient(by: 400)
    let yearOfEra = yearFromMarch - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// Months after January of the year 0.
  var months: Int { year * 12 + month - 1 }

  /// The day in the month that lies `months` after January of the year 0; the month's last when it is shorter.
  init(months: Int, day: Int) {
    year = months.flooredQuotient(by: 12)
    month = months - year * 12 + 1
    self.day = min(day, Self.length(ofMonth: month, year: year))
  }

  /// Whether this is the last day of its month.
  var isLastOfMonth: Bool { day == Self.length(ofMonth: month, year: year) }

  static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  static func length(ofMonth month: Int, year: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

extension Int {
  /// The quotient rounded towards minus infinity: the day of a moment before 1970 is the day in which it lies.
  func flooredQuotient(by divisor: Int) -> Int {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}

extension CivilDate {
  /// The Monday of a week of ISO 8601: week 1 is the one with 4 January.
  init?(week: Int, ofYear year: Int) {
    guard let fourth = CivilDate(year: year, month: 1, day: 4) else { return nil }
    self.init(daysSince1970: fourth.daysSince1970 - fourth.weekday + (week - 1) * 7)
  }

  /// 0 for Monday.
  var weekday: Int {
    // 1970-01-01 was a Thursday, three days after a Monday.
    let day = daysSince1970 + 3
    return day - day.flooredQuotient(by: 7) * 7
  }

  /// 1 for 1 January.
  var dayOfYear: Int { daysSince1970 - CivilDate(months: year * 12, day: 1).daysSince1970 + 1 }

  /// The year of ISO 8601 to which the day's week belongs: that of the week's Thursday.
  var isoWeekYear: Int { CivilDate(daysSince1970: daysSince1970 - weekday + 3).year }

  /// The week of ISO 8601, from 1.
  var isoWeek: Int { (CivilDate(daysSince1970: daysSince1970 - weekday + 3).dayOfYear - 1) / 7 + 1 }
}
