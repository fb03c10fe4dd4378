/// How the times of a column are written: one description that both reads and writes them, so that forecast times look
/// like the file's own.
///
/// A time of day, and a zone behind it, may follow any layout that names a day; they are read and written as
/// ``TimeSpelling`` says, because columns leave out zeros: fractions (Python) or midnight (R).
struct TimeLayout: Hashable, Sendable {
  /// A part of a written time, left to right. The letter is the part's sign in a pattern.
  enum Part: Hashable, Sendable {
    /// `Y`: four digits; `y`: two; the last two of the next year (2019/20), or all four (2019/2020).
    case year, shortYear, nextYear, nextLongYear
    /// A year that only its number tells, 1 for the first: one or two digits.
    case yearNumber
    /// `m`: one or two digits; `b`: a name.
    case month, monthName
    /// `d`: one or two digits; `j`: the day of the year, three digits; `a`: the name of the weekday.
    case day, dayOfYear, weekdayName
    /// `q`: 1–4; `h`: the half of a year, 1–2.
    case quarter, half
    /// `w`: the ISO week, one or two digits; `u`: the day of that week, 1–7. The week is the year's of ISO 8601.
    case week, weekday
    /// `o`: st, nd, rd or th after a number in English, or another language's one sign.
    case ordinal
    /// `c`: the time of day where it is not the last part; with hours, minutes and seconds as ``TimeSpelling`` says.
    case clock
    /// `H`, `M`, `S`: two digits each, in compact times.
    case hour, minute, second
    /// `e`: a span since the start, with hours that may exceed a day: `1 days 02:00:00`, `36:15`.
    case elapsed
    /// A number of seconds, milli-, micro- or nanoseconds since 1970-01-01, or of tenths of a microsecond since
    /// another day.
    case epoch(Epoch)
    /// A year with decimals for the part of it that has passed.
    case decimalYear
    /// Days since 1899-12-30, as spreadsheets count.
    case spreadsheetDay
    /// `n`: a plain number.
    case index
    /// Any other sign: exactly this character, letters in either case; a space stands for one or more.
    case literal(UInt8)
  }

  /// The unit of a number since 1970; or tenths of a microsecond since the year 1 (ticks), or 1601 (file times).
  enum Epoch: Hashable, Sendable {
    case seconds, milliseconds, microseconds, nanoseconds, ticks, fileTime

    /// Tenths of a microsecond from the day it is counted from to 1970.
    var tenthsTo1970: Int {
      switch self {
      case .ticks: 621_355_968_000_000_000
      case .fileTime: 116_444_736_000_000_000
      default: 0
      }
    }
  }

  /// In which order a date has its parts.
  enum Order: Hashable, Sendable { case yearFirst, dayFirst, monthFirst }

  let parts: [Part]
  /// Whether every part has all its digits, as nothing stands between them: `20240131`.
  var isCompact = false
  /// Whether what is read is a bare number: a year, a compact date, seconds since 1970 or a plain number.
  var isBareNumber = false
  /// Whether a number since 1970 may be negative, and then have any number of digits: it lies before, or near.
  var isSigned = false
  /// The first year of two digits that belongs to the 20th century: as POSIX reads them.
  var pivot = 69
  /// The order, where year, month and day are all numbers and could stand otherwise.
  var order: Order?

  init(_ parts: [Part]) { self.parts = parts }

  /// The layout of a pattern such as `Y-m-d`.
  init(_ pattern: String) {
    parts = pattern.utf8.map { byte in
      switch UnicodeScalar(byte) {
      case "Y": .year
      case "y": .shortYear
      case "m": .month
      case "d": .day
      case "j": .dayOfYear
      case "q": .quarter
      case "w": .week
      case "H": .hour
      case "M": .minute
      case "S": .second
      case "n": .index
      default: .literal(byte)
      }
    }
  }

  /// A plain number, with or without decimals and sign.
  static let index: TimeLayout = {
    var layout = TimeLayout([.index])
    layout.isBareNumber = true
    return layout
  }()

  /// Whether this is a plain number that counts rows rather than a calendar time.
  var isIndex: Bool { parts == [.index] }
  /// Whether this is a span since some start that no date fixes.
  var isElapsed: Bool { parts == [.elapsed] }
  /// Whether a time of day may follow: the layout names a day, and nothing of the day.
  var takesClock: Bool {
    parts.contains { [.day, .dayOfYear, .weekday].contains($0) }
      && !parts.contains { [.hour, .clock, .elapsed].contains($0) }
  }
}

extension UInt8 {
  static let colon = UInt8(ascii: ":")
}

/// Whether a byte is an ASCII letter.
func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 97 < 26 }
