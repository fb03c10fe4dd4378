/// How the times of a column are written: one description that both reads and writes them, so that forecast times look
/// like the file's own.
struct TimeLayout: Hashable, Sendable {
  /// A part of a written time, left to right. The letter is the part's sign in a pattern.
  enum Part: Hashable, Sendable {
    /// `Y`: four digits; `y`: two.
    case year, shortYear
    /// `m`: one or two digits; `b`: Jan, Feb, …
    case month, monthName
    /// `d`: one or two digits.
    case day
    /// `q`: 1–4.
    case quarter
    /// `H`: 0–23, one or two digits; `M` and `S`: two digits.
    case hour, minute, second
    /// `I`: 1–12, one or two digits; `p`: AM or PM.
    case hourOfHalf, halfOfDay
    /// `f`: a point or comma and decimals of the second.
    case fraction
    /// `z`: `Z`, `+02:00`, `+0200` or `+02`.
    case zone
    /// `s` and `i`: seconds and milliseconds since 1970-01-01; `n`: a plain number.
    case epochSeconds, epochMilliseconds, index
    /// Any other sign: exactly this character.
    case literal(UInt8)
  }

  let parts: [Part]

  /// The layout of a pattern such as `Y-m-d H:M:S`.
  init(_ pattern: String) {
    parts = pattern.utf8.map { byte in
      switch UnicodeScalar(byte) {
      case "Y": .year
      case "y": .shortYear
      case "m": .month
      case "b": .monthName
      case "d": .day
      case "q": .quarter
      case "H": .hour
      case "I": .hourOfHalf
      case "p": .halfOfDay
      case "M": .minute
      case "S": .second
      case "f": .fraction
      case "z": .zone
      case "s": .epochSeconds
      case "i": .epochMilliseconds
      case "n": .index
      default: .literal(byte)
      }
    }
  }

  /// The layouts in which `text` may be written, the likeliest first. Empty for a plain number, which may be anything.
  ///
  /// A date that ends in the year is month/day before day/month, with points day.month. The whole column decides (see
  /// ``TimeAxis``).
  static func candidates(for text: some Collection<UInt8>) -> [TimeLayout] {
    guard let first = text.first, isDigit(first) || isLetter(first), text.count <= 40 else { return [] }
    let bytes = ArraySlice(Array(text))
    return all.filter { $0.read(bytes) != nil }
  }

  /// A plain number, with or without decimals and sign.
  static let index = TimeLayout("n")

  /// Whether this is a plain number that counts rows rather than a calendar time.
  var isIndex: Bool { parts == [.index] }

  /// Whether what is read is a bare number: a year, a compact date, seconds since 1970 or a plain number.
  var isBareNumber: Bool { parts.count == 1 || parts == [.year, .month, .day] }

  private static let all: [TimeLayout] = {
    let dates = [
      "Y-m-d", "Y/m/d", "Y.m.d", "Ymd",
      "m/d/Y", "d/m/Y", "m-d-Y", "d-m-Y", "d.m.Y", "m/d/y", "d/m/y", "m-d-y", "d-m-y", "d.m.y",
      "d-b-Y", "d b Y", "d-b-y", "b d, Y",
    ]
    let spans = ["Y-m", "Y/m", "m/Y", "b Y", "b-Y", "Y-b", "Y b", "Y-Qq", "Y Qq", "YQq", "Qq Y", "Qq-Y", "Y", "s", "i"]
    let clocks = ["H:M", "H:M:S", "H:M:Sf"].flatMap { [$0, $0 + "z"] } + ["I:M p", "I:M:S p", "I:Mp", "I:M:Sp"]
    let timed = dates.flatMap { date in clocks.flatMap { ["\(date) \($0)", "\(date)T\($0)"] } }
    return (dates + spans + timed).map(TimeLayout.init)
  }()

  static let monthNames = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
}

extension UInt8 {
  static let colon = UInt8(ascii: ":")
}

/// Whether a byte is an ASCII letter.
func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 97 < 26 }
