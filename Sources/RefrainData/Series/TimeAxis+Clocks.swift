// Times of day that have a column of their own beside a date.

extension TimeAxis {
  /// How a column of numbers may tell the time of day, the likeliest first, by its name and by what its numbers span.
  static func clocks(of column: Table.Column, in table: Table) -> [TimeSource.Clock] {
    let part = part(column.name)
    let isForPeriods = isNamedForPeriods(column.name)
    let isForTimes = isNamedLikeTime(column.name) && !isNamedForCounting(column.name)
    guard isForPeriods || isForTimes && (part == nil || part == .hour || part == .minute),
      let span = span(of: column, in: table)
    else { return [] }
    let highest = span.numbers.upperBound
    if part == .minute { return highest >= 60 && highest <= 1440 ? [.minutes] : [] }
    var clocks: [TimeSource.Clock] = []
    let (first, count) = (span.numbers.lowerBound, span.numbers.count)
    // Hours from 1 to 24 are told by their end, as where they are called so.
    let isHourly = count == 24 && (first == 0 || part == .hour || !isForPeriods || isNamedForHourEnds(column.name))
    if first <= 1, !isHourly, count == 24 || isForPeriods || highest > 24, [24, 48, 96, 144, 288].contains(count) {
      clocks.append(.periods(count, from: first))
    }
    if highest <= 24 { clocks.append(.hours) }
    switch span.digits {
    case 3, 4: clocks += [.digits, .minutes]
    case 5, 6: clocks.append(.seconds)
    default: break
    }
    return clocks
  }

  /// The smallest and the largest of a column of whole numbers, and the digits of the widest; nil for other columns.
  static func span(of column: Table.Column, in table: Table) -> (numbers: ClosedRange<Int>, digits: Int)? {
    var (lowest, highest, digits) = (Int.max, Int.min, 0)
    for row in 0..<table.rowCount {
      let text = TimeSource.whole(Array(TimeSource.folded(table.trimmedBytes(row: row, column: column))))
      if text.isEmpty { continue }
      guard text.count <= 6, text.allSatisfy(isDigit), let number = Int(String(decoding: text, as: UTF8.self)) else {
        return nil
      }
      (lowest, highest, digits) = (min(lowest, number), max(highest, number), max(digits, text.count))
    }
    return lowest <= highest ? (lowest...highest, digits) : nil
  }

  /// Whether every field of a column may be a year and a month: of 200101 to 201212 each may be a day of 2020 as well.
  static func holdsMonths(_ column: Table.Column, in table: Table) -> Bool {
    (0..<table.rowCount).allSatisfy { row in
      let text = TimeSource.folded(table.trimmedBytes(row: row, column: column))
      guard text.count == 6, text.allSatisfy(isDigit), let number = Int(String(decoding: text, as: UTF8.self)) else {
        return false
      }
      return (1900...2100).contains(number / 100) && (1...12).contains(number % 100)
    }
  }

  /// Whether the first fields are times of day in a way that only stands beside a date.
  static func holdsHours(_ column: Table.Column, in table: Table) -> Bool {
    var seen = 0
    for row in 0..<min(table.rowCount, 30) {
      let text = TimeSource.folded(table.trimmedBytes(row: row, column: column))
      if text.isEmpty { continue }
      let isPlain = !text.contains { isLetter($0) || $0 == UInt8(ascii: "-") || $0 >= 0x80 }
      guard !isPlain, TimeSource.timeOfDay(text) != nil,
        !TimeLayout.candidates(for: text).contains(where: \.isElapsed)
      else { return false }
      seen += 1
    }
    return seen > 1
  }

  /// Whether the name speaks of parts of a day that are counted, or of hours by their end.
  static func isNamedForPeriods(_ name: String) -> Bool {
    isNamedForHourEnds(name) || words(of: name).contains(where: wordsForPeriods.contains)
  }

  /// Whether the name speaks of hours by their end.
  private static func isNamedForHourEnds(_ name: String) -> Bool {
    words(of: name).contains { $0 == "he" || $0 == "hourending" }
  }

  private static let wordsForPeriods: Set = [
    "period", "periode", "periodo", "période", "interval", "intervall", "intervalo", "intervalle", "slot", "block",
    "sp", "ptu", "mtu", "isp", "halfhour", "viertelstunde", "settlementperiod",
  ]
}

extension TimeSource {
  /// Seconds since midnight of a time of day as people write it beside a date: `18:30`, `H19`, `6 PM`, `18:00 Uhr`; of
  /// `18-19` and `18:00 - 19:00` the start. Nil for anything else.
  static func timeOfDay(_ text: ArraySlice<UInt8>) -> Int? {
    guard text.count <= 40, text.contains(where: isDigit) else { return nil }
    let text = String(decoding: text, as: UTF8.self).lowercased()
    for sign in ["–", "—", "-", " to ", " bis ", " à ", " a "] {
      let ends = text.split(separator: sign, omittingEmptySubsequences: false)
      guard ends.count == 2 else { continue }
      guard let start = single(ends[0]), let end = single(ends[1]) else { return nil }
      // Bare numbers may be anything, but for an hour and the next.
      let isHour = (start.seconds + 3600) % 86_400 == end.seconds % 86_400
      return start.isBare || end.isBare ? isHour ? start.seconds : nil : start.seconds
    }
    return single(text[...])?.seconds
  }

  private static func single(_ text: Substring) -> (seconds: Int, isBare: Bool)? {
    var text = String(text).trimmed[...]
    var isBare = true
    for prefix in ["he", "hour", "hr", "h"] where text.hasPrefix(prefix) {
      text = String(text.dropFirst(prefix.count)).trimmed[...]
      isBare = false
      break
    }
    var half: Int?
    for (suffix, value) in [("a.m.", 0), ("p.m.", 1), ("am", 0), ("pm", 1)] where text.hasSuffix(suffix) {
      text = text.dropLast(suffix.count)
      half = value
      break
    }
    for suffix in ["uhr", "hrs", "h"] where half == nil && text.hasSuffix(suffix) {
      text = text.dropLast(suffix.count)
      break
    }
    let groups = String(text).trimmed.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "." || $0 == "h" }
    guard (1...3).contains(groups.count), (1...2).contains(groups[0].count),
      groups.dropFirst().allSatisfy({ $0.count == 2 }), groups.allSatisfy({ $0.utf8.allSatisfy(isDigit) })
    else { return nil }
    let numbers = groups.map { Int($0)! } + [0, 0]
    var hour = numbers[0]
    if let half {
      guard (1...12).contains(hour) else { return nil }
      hour = hour % 12 + 12 * half
    }
    guard hour <= 24, numbers[1] < 60, numbers[2] < 60, hour < 24 || numbers[1] + numbers[2] == 0 else { return nil }
    return (hour * 3600 + numbers[1] * 60 + numbers[2], isBare && half == nil && groups.count == 1)
  }

  /// A time of day as it is read behind a date: `18:30`, or `18:30:15`.
  private static func clock(seconds: Int) -> [UInt8] {
    let parts = [seconds / 3600, seconds / 60 % 60] + (seconds % 60 == 0 ? [] : [seconds % 60])
    return Array(parts.map { ($0 < 10 ? "0" : "") + String($0) }.joined(separator: ":").utf8)
  }

  /// The text of a time of day that has a column of its own, as it is read behind a date.
  static func text(of time: [UInt8], _ clock: Clock) -> [UInt8] {
    func padded(to width: Int) -> [UInt8] {
      Array(repeating: UInt8(ascii: "0"), count: max(0, width - time.count)) + time
    }
    switch clock {
    case .written:
      let isPlain = !time.contains { isLetter($0) || $0 == UInt8(ascii: "-") || $0 >= 0x80 }
      if !isPlain, !TimeLayout.candidates(for: time).contains(where: \.isElapsed), let seconds = timeOfDay(time[...]) {
        return self.clock(seconds: seconds)
      }
      let hasPoints = time.count >= 4 && !time.contains(.colon) && time.contains(UInt8(ascii: "."))
      return hasPoints ? time.map { $0 == UInt8(ascii: ".") ? .colon : $0 } : time
    case .hours: return padded(to: 2) + Array(":00".utf8)
    case .digits:
      let digits = padded(to: 4)
      return digits.prefix(2) + [.colon] + digits.dropFirst(2)
    case .seconds:
      let digits = padded(to: 6)
      return digits.prefix(2) + [.colon] + digits.dropFirst(2).prefix(2) + [.colon] + digits.dropFirst(4)
    case .minutes:
      guard let minutes = number(time), minutes <= 1440 else { return time }
      return self.clock(seconds: minutes * 60)
    case .periods(let count, let first):
      guard let number = number(time), (first..<first + count).contains(number) else { return time }
      return self.clock(seconds: (number - first) * (86_400 / count))
    }
  }

  private static func number(_ text: [UInt8]) -> Int? {
    text.count <= 6 && text.allSatisfy(isDigit) ? Int(String(decoding: text, as: UTF8.self)) : nil
  }

  /// The day of a spreadsheet's count of days as it is written elsewhere; nil for what is none.
  static func spreadsheetDate(_ text: [UInt8]) -> [UInt8]? {
    // 1970 to 2100.
    guard text.count == 5, let days = number(text), (25_569..<73_051).contains(days) else { return nil }
    return Array(
      TimeStyle(layout: TimeLayout("Y-m-d")).text(for: TimeStamp(ticks: (days - 25_569) * TimeStamp.day)).utf8)
  }

  /// What is assumed where a date and a time of day are one time.
  var notes: [String] {
    if case .parts(let parts) = form, case .clock = parts.last {
      return ["columns \(columns.map(\.name.shortened).joined(separator: ", ")) are one time"]
    }
    guard case .dateAndTime(let clock) = form else { return [] }
    var notes = ["columns \(columns.map(\.name.shortened).joined(separator: " and ")) are one time"]
    if case .periods(let count, _) = clock {
      notes.append("column \(columns[1].name.shortened) counts \(count) periods a day, the first from 00:00")
    }
    let first = Self.whole(Array(Self.folded(table.trimmedBytes(row: 0, column: columns[0]))))
    if let day = Self.spreadsheetDate(first) {
      notes.append(
        "column \(columns[0].name.shortened): read as a spreadsheet's count of days (the first is "
          + "\(String(decoding: day, as: UTF8.self)))")
    }
    return notes
  }
}
