import RefrainFoundation

/// How a column's times are written, layout and spelling: what writes future times as the file writes its own.
struct TimeStyle: Hashable, Sendable {
  var layout: TimeLayout
  var spelling = TimeSpelling()
  /// Microseconds by which the column's clock is ahead of UTC.
  var offset = 0
  /// Whether a span begins anew every day: a clock.
  var wrapsDaily = false

  /// A plain index 1, 2, 3, ….
  static let index = TimeStyle(layout: .index)

  /// The text of a time.
  func text(for stamp: TimeStamp) -> String {
    if layout.isIndex { return decimal(stamp.ticks, decimals: spelling.decimals) }
    var stamp = stamp
    var hour = stamp.timeOfDay / TimeStamp.hour
    if spelling.hasHour24, stamp.timeOfDay == 0 {
      stamp = stamp.onDay(stamp.dayNumber - 1)
      hour = 24
    }
    // A literal is a byte, and a letter may be several.
    var text: [UInt8] = []
    for part in layout.parts {
      if case .literal(let byte) = part {
        text.append(byte)
      } else {
        text += self.text(of: part, stamp, hour: hour).utf8
      }
    }
    if layout.takesClock { text += clock(stamp, hour: hour).utf8 }
    return String(decoding: text, as: UTF8.self)
  }

  private func text(of part: TimeLayout.Part, _ stamp: TimeStamp, hour: Int) -> String {
    let date = stamp.date
    let time = stamp.timeOfDay
    let year = layout.parts.contains(.week) ? date.isoWeekYear : date.year
    switch part {
    case .year: return padded(year, to: 4)
    case .shortYear: return padded(year % 100, to: 2)
    case .yearNumber: return String(year)
    case .nextYear: return padded((year + 1) % 100, to: 2)
    case .nextLongYear: return padded(year + 1, to: 4)
    case .month: return padded(date.month, to: spelling.width(of: spelling.months))
    case .day: return padded(date.day, to: spelling.width(of: spelling.days))
    case .dayOfYear: return padded(date.dayOfYear, to: 3)
    case .monthName:
      let month = date.month - 1
      return name({ TimeNames.month(month, like: $0) }, in: spelling.monthNames, month)
    case .weekdayName:
      let weekday = date.weekday
      return name({ TimeNames.weekday(weekday, like: $0) }, in: spelling.weekdayNames, weekday)

    case .quarter: return String((date.month + 2) / 3)
    case .half: return String((date.month + 5) / 6)
    case .week: return padded(date.isoWeek, to: spelling.width(of: spelling.weeks))
    case .weekday: return String(date.weekday + 1)
    case .ordinal: return ordinal(date)
    case .clock: return clock(stamp, hour: hour)
    case .hour: return padded(hour, to: 2)
    case .minute: return padded(time / TimeStamp.minute % 60, to: 2)
    case .second: return padded(time / TimeStamp.second % 60, to: 2)
    case .elapsed: return elapsed(stamp.ticks)
    case .epoch(let unit): return epoch(stamp.ticks, unit)
    case .decimalYear: return decimalYear(date)
    case .spreadsheetDay: return spreadsheetDay(stamp)
    case .index: return decimal(stamp.ticks, decimals: spelling.decimals)
    case .literal(let byte): return String(UnicodeScalar(byte))
    }
  }

  // MARK: - Names

  private func name(_ make: ([String?]) -> String, in seen: [String?], _ number: Int) -> String {
    let isSeen = number < seen.count && seen[number] != nil
    var name = isSeen ? seen[number]! : make(seen)
    // Names of four letters and fewer are mostly abbreviations.
    if !isSeen, spelling.hasAbbreviationPoint, name.count <= 4,
      !["may", "mai", "mars", "juin", "june", "july"].contains(name)
    {
      name += "."
    }
    switch spelling.letters {
    case .lower: break
    case .upper: name = name.uppercased()
    case .capitalized: name = name.prefix(1).uppercased() + name.dropFirst()
    }
    return name
  }

  private func ordinal(_ date: CivilDate) -> String {
    if let ordinal = spelling.ordinal { return ordinal }
    let counted: Int =
      layout.parts.contains(.quarter)
      ? (date.month + 2) / 3 : layout.parts.contains(.half) ? (date.month + 5) / 6 : date.day
    switch (counted % 10, counted % 100) {
    case (_, 11...13): return "th"
    case (1, _): return "st"
    case (2, _): return "nd"
    case (3, _): return "rd"
    default: return "th"
    }
  }

  // MARK: - The time of day

  /// The separator, the time of day as far as the file writes it, and the zone. What the file leaves out where it is
  /// zero (a fraction, midnight) is left out here too.
  private func clock(_ stamp: TimeStamp, hour: Int) -> String {
    let time = stamp.timeOfDay
    guard spelling.greatestDepth > 0, time > 0 || spelling.leastDepth > 0 || hour == 24 else { return "" }
    var depth = spelling.greatestDepth
    if depth == 4, spelling.leastDepth < 4, time % TimeStamp.second == 0 { depth = 3 }
    if depth == 3, spelling.leastDepth == 2, time % TimeStamp.minute == 0 { depth = 2 }
    if depth <= 2, spelling.leastDepth == 1, time % TimeStamp.hour == 0 { depth = 1 }
    let isHalved = spelling.halfOfDay != nil
    var text = spelling.separator + padded(isHalved ? (hour + 11) % 12 + 1 : hour, to: spelling.hasBareHours ? 1 : 2)
    text += digits(time, depth: depth)
    if let half = spelling.halfOfDay {
      let isAfternoon = hour % 24 >= 12
      text += String(
        half.map { character in
          switch character {
          case "a", "p": isAfternoon ? "p" : "a"
          case "A", "P": isAfternoon ? "P" : "A"
          default: character
          }
        })
    }
    return text + zone
  }

  /// Minutes, seconds and fraction, each with its mark.
  private func digits(_ time: Int, depth: Int) -> String {
    let mark = spelling.isCompactClock ? "" : String(UnicodeScalar(spelling.clockMark))
    var text = ""
    if depth >= 2 { text += mark + padded(time / TimeStamp.minute % 60, to: 2) }
    if depth >= 3 { text += mark + padded(time / TimeStamp.second % 60, to: 2) }
    if depth >= 4 { text += (spelling.hasDecimalComma ? "," : ".") + fraction(time % TimeStamp.second) }
    return text
  }

  private func fraction(_ microseconds: Int) -> String {
    let digits = padded(microseconds, to: 6)
    return spelling.decimals <= 6
      ? String(digits.prefix(spelling.decimals)) : digits + String(repeating: "0", count: spelling.decimals - 6)
  }

  private var zone: String {
    switch spelling.zone {
    case .none: return ""
    case .word(let word): return word + spelling.region
    case .offset(let style, let space):
      let sign = (space ? " " : "") + spelling.zoneName + (offset < 0 ? "-" : "+")
      let hours = padded(abs(offset) / TimeStamp.hour, to: 2)
      let minutes = padded(abs(offset) / TimeStamp.minute % 60, to: 2)
      switch style {
      case .bareHours: return sign + String(abs(offset) / TimeStamp.hour) + spelling.region
      case .hours: return sign + hours + spelling.region
      case .compact: return sign + hours + minutes + spelling.region
      case .colon: return "\(sign)\(hours):\(minutes)" + spelling.region
      }
    }
  }

  private func elapsed(_ ticks: Int) -> String {
    var ticks = wrapsDaily ? ticks - ticks.flooredQuotient(by: TimeStamp.day) * TimeStamp.day : ticks
    var text = ""
    if let word = spelling.elapsedDays {
      let days = ticks.flooredQuotient(by: TimeStamp.day)
      ticks -= days * TimeStamp.day
      text = "\(days) \(word) "
    }
    let hour = ticks / TimeStamp.hour
    let isHalved = spelling.halfOfDay != nil
    let shown = isHalved ? (hour % 24 + 11) % 12 + 1 : hour
    let depth =
      spelling.greatestDepth == 4 && spelling.leastDepth < 4 && ticks % TimeStamp.second == 0
      ? 3 : spelling.greatestDepth
    text += padded(shown, to: spelling.hasBareHours ? 1 : 2) + digits(ticks, depth: depth)
    return isHalved ? text + (hour % 24 < 12 ? " AM" : " PM") : text
  }

  // MARK: - Numbers

  private func epoch(_ ticks: Int, _ unit: TimeLayout.Epoch) -> String {
    let mark = spelling.hasDecimalComma ? "," : "."
    let decimals = spelling.decimals
    let zeros = decimals > 0 ? mark + String(repeating: "0", count: decimals) : ""
    switch unit {
    case .seconds:
      guard decimals > 0 else { return String(ticks.flooredQuotient(by: TimeStamp.second)) }
      let (whole, part) = abs(ticks).quotientAndRemainder(dividingBy: TimeStamp.second)
      return "\(ticks < 0 ? "-" : "")\(whole)\(mark)\(fraction(part))"
    case .milliseconds: return String(ticks.flooredQuotient(by: 1000)) + zeros
    case .microseconds: return String(ticks) + zeros
    case .ticks, .fileTime: return String(ticks * 10 + unit.tenthsTo1970)
    case .nanoseconds:
      let (product, overflow) = ticks.multipliedReportingOverflow(by: 1000)
      return overflow ? String(ticks) + "000" : String(product)
    }
  }

  /// Years and months: January is .0, every month a twelfth.
  private func decimalYear(_ date: CivilDate) -> String {
    let value = Double(date.year) + Double(date.month - 1) / 12
    var text = written(value, .fixed, digits: min(spelling.decimals, 12))
    // A file that leaves out zeros at the end goes on so.
    while spelling.leastDecimals < spelling.decimals, text.hasSuffix("0"), !text.hasSuffix(".0") { text.removeLast() }
    return spelling.hasDecimalComma ? text.replacing(".", with: ",") : text
  }

  private func spreadsheetDay(_ stamp: TimeStamp) -> String {
    let days = stamp.dayNumber + 25_569
    guard spelling.decimals > 0 else { return String(days) }
    let part = Double(stamp.timeOfDay) / Double(TimeStamp.day)
    var text = written(Double(days) + part, .fixed, digits: min(spelling.decimals, 10))
    while spelling.leastDecimals < spelling.decimals, text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return spelling.hasDecimalComma ? text.replacing(".", with: ",") : text
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
