/// How a column's times are written, layout and spelling: what writes future times as the file writes its own.
struct TimeStyle: Hashable, Sendable {
  var layout: TimeLayout
  var spelling = TimeSpelling()
  /// Microseconds by which the column's clock is ahead of UTC.
  var offset = 0

  /// A plain index 1, 2, 3, ….
  static let index = TimeStyle(layout: .index)

  /// The text of a time.
  func text(for stamp: TimeStamp) -> String {
    if layout.isIndex { return decimal(stamp.ticks, decimals: spelling.decimals) }
    let date = stamp.date
    let time = stamp.timeOfDay
    return layout.parts.reduce(into: "") { text, part in
      text += self.text(of: part, date: date, time: time, stamp: stamp)
    }
  }

  private func text(of part: TimeLayout.Part, date: CivilDate, time: Int, stamp: TimeStamp) -> String {
    let hour = time / TimeStamp.hour
    return switch part {
    case .year: padded(date.year, to: 4)
    case .shortYear: padded(date.year % 100, to: 2)
    case .month: short(date.month, isBare: spelling.hasBareDates)
    case .monthName: lettered(TimeLayout.monthNames[date.month - 1])
    case .day: short(date.day, isBare: spelling.hasBareDates)
    case .quarter: String((date.month + 2) / 3)
    case .hour: short(hour, isBare: spelling.hasBareHours)
    case .hourOfHalf: short((hour + 11) % 12 + 1, isBare: spelling.hasBareHours)
    case .halfOfDay: spelling.letters == .lower ? (hour < 12 ? "am" : "pm") : (hour < 12 ? "AM" : "PM")
    case .minute: padded(time / TimeStamp.minute % 60, to: 2)
    case .second: padded(time / TimeStamp.second % 60, to: 2)
    case .fraction: (spelling.hasDecimalComma ? "," : ".") + fraction(time % TimeStamp.second)
    case .zone: zone
    case .epochSeconds: String(stamp.ticks.flooredQuotient(by: TimeStamp.second))
    case .epochMilliseconds: String(stamp.ticks.flooredQuotient(by: 1000))
    case .index: decimal(stamp.ticks, decimals: spelling.decimals)
    case .literal(let byte): String(UnicodeScalar(byte))
    }
  }

  private func short(_ number: Int, isBare: Bool) -> String { padded(number, to: isBare ? 1 : 2) }

  private func fraction(_ microseconds: Int) -> String {
    let digits = padded(microseconds, to: 6)
    return spelling.decimals <= 6
      ? String(digits.prefix(spelling.decimals)) : digits + String(repeating: "0", count: spelling.decimals - 6)
  }

  private var zone: String {
    let sign = offset < 0 ? "-" : "+"
    let hours = padded(abs(offset) / TimeStamp.hour, to: 2)
    let minutes = padded(abs(offset) / TimeStamp.minute % 60, to: 2)
    return switch spelling.zone {
    case .none: ""
    case .letter: "Z"
    case .hours: sign + hours
    case .compact: sign + hours + minutes
    case .colon: "\(sign)\(hours):\(minutes)"
    }
  }

  private func lettered(_ name: String) -> String {
    switch spelling.letters {
    case .lower: name
    case .upper: name.uppercased()
    case .capitalized: name.prefix(1).uppercased() + name.dropFirst()
    }
  }

  private func decimal(_ value: Int, decimals: Int) -> String {
    guard decimals > 0 else { return String(value) }
    let digits = padded(abs(value), to: decimals + 1)
    return (value < 0 ? "-" : "") + digits.dropLast(decimals) + "." + digits.suffix(decimals)
  }

  private func padded(_ number: Int, to width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
