// The time of day, with its zone.

extension TimeReader {
  /// A separator, then hours and as much of minutes, seconds and fraction as there is, AM or PM, and a zone. Nothing is
  /// taken when it is no time of day.
  mutating func readClock() -> Bool {
    let before = self
    let separator = rest.prefix { $0 == .space || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "_") }
    rest.removeFirst(separator.count)
    spelling.separator = String(decoding: separator, as: UTF8.self)
    if separator.isEmpty {
      // Apache's logs put a colon between date and time, and DB2 a hyphen before hours with points behind them.
      let isHyphen = rest.first == UInt8(ascii: "-") && rest.dropFirst(3).first == UInt8(ascii: ".")
      guard let first = rest.first, first | 0x20 == UInt8(ascii: "t") || first == UInt8(ascii: ":") || isHyphen else {
        return restore(before)
      }
      spelling.separator = String(UnicodeScalar(first))
      rest.removeFirst()
    }
    return readClockDigits() && readZone() || restore(before)
  }

  private mutating func restore(_ before: TimeReader) -> Bool {
    self = before
    return false
  }

  private mutating func readClockDigits() -> Bool {
    let run = rest.prefix(while: isDigit).count
    var hour: Int
    depth = 1
    if run == 4 || run == 6 {
      spelling.isCompactClock = true
      hour = digits(2...2)!
      guard add(digits(2...2), times: TimeStamp.minute, below: 60) else { return false }
      depth = 2
      if run == 6 {
        guard add(digits(2...2), times: TimeStamp.second, below: 60) else { return false }
        depth = 3
      }
    } else {
      guard run == 1 || run == 2, let value = digits(1...2) else { return false }
      hour = value
      if run == 1 { spelling.hasBareHours = true }
      guard readMinutes() else { return false }
      // One digit is an hour only before AM or PM.
      var ahead = self
      if run == 1, depth == 1, ahead.takeHalfOfDay() == nil { return false }
    }
    if depth == 3, rest.first == UInt8(ascii: ".") || rest.first == UInt8(ascii: ","), readFraction() { depth = 4 }
    if let half = takeHalfOfDay() {
      guard (1...12).contains(hour) else { return false }
      hour = hour % 12 + half * 12
    } else if hour == 24 {
      guard ticks == 0 else { return false }
      spelling.hasHour24 = true
    }
    guard hour <= 24 else { return false }
    ticks += hour * TimeStamp.hour
    return true
  }

  /// `:30`, `:30:15`, `h30`, `.30.15`, in the same way throughout.
  mutating func readMinutes() -> Bool {
    // In names of files hyphens stand between them: 2024-01-31_18-00-00.
    let isHyphen = spelling.separator == "_" && rest.first == UInt8(ascii: "-")
    guard let mark = rest.first,
      isHyphen || [UInt8.colon, UInt8(ascii: "h"), UInt8(ascii: "."), UInt8(ascii: "H")].contains(mark),
      rest.dropFirst().prefix(2).count == 2, rest.dropFirst().prefix(2).allSatisfy(isDigit)
    else { return true }
    rest.removeFirst()
    guard add(digits(2...2), times: TimeStamp.minute, below: 60) else { return false }
    spelling.clockMark = mark
    depth = 2
    guard let next = rest.first, next == mark, rest.dropFirst().prefix(2).count == 2,
      rest.dropFirst().prefix(2).allSatisfy(isDigit)
    else { return true }
    rest.removeFirst()
    depth = 3
    // A leap second, 23:59:60, is the next minute's first.
    let limit = ticks == 59 * TimeStamp.minute ? 61 : 60
    return add(digits(2...2), times: TimeStamp.second, below: limit)
  }

  /// 0 for AM, 1 for PM, nil for neither.
  mutating func takeHalfOfDay() -> Int? {
    let spaces = rest.prefix { $0 == .space || $0 == 0xC2 || $0 == 0xA0 || $0 == 0xE2 || $0 == 0x80 || $0 == 0xAF }
    var after = rest.dropFirst(spaces.count)
    guard let first = after.first, [UInt8(ascii: "a"), UInt8(ascii: "p")].contains(first | 0x20) else { return nil }
    after.removeFirst()
    let hasPoints = after.first == UInt8(ascii: ".")
    if hasPoints {
      after.removeFirst()
      // a. m., in Spanish with a space.
      while let next = after.first, next == .space || next == 0xC2 || next == 0xA0 { after.removeFirst() }
    }
    guard let second = after.first, second | 0x20 == UInt8(ascii: "m") else { return nil }
    after.removeFirst()
    if hasPoints, after.first == UInt8(ascii: ".") { after.removeFirst() }
    if let next = after.first, isLetter(next) { return nil }
    spelling.halfOfDay = String(decoding: rest[rest.startIndex..<after.startIndex], as: UTF8.self)
    rest = after
    return first | 0x20 == UInt8(ascii: "p") ? 1 : 0
  }

  /// Decimals of the second, after a point or comma.
  mutating func readFraction() -> Bool {
    guard let mark = rest.popFirst() else { return false }
    var unit = TimeStamp.second
    var decimals = 0
    while let byte = rest.first, isDigit(byte) {
      unit /= 10
      ticks += unit * Int(byte - 48)  // Decimals beyond the microsecond are dropped.
      decimals += 1
      rest.removeFirst()
    }
    spelling.note(decimals: decimals)
    spelling.hasDecimalComma = mark == UInt8(ascii: ",")
    return decimals > 0
  }

  /// `Z`, `+02:00`, `+0200`, `+02`, `GMT+1`, a known word, `Europe/Berlin`, or a region in brackets; true when there is
  /// none.
  private mutating func readZone() -> Bool {
    let spaces = rest.prefix { $0 == .space }
    let after = rest.dropFirst(spaces.count)
    guard let first = after.first else { return spaces.isEmpty }
    let before = rest
    if first == UInt8(ascii: "+") || first == UInt8(ascii: "-") {
      rest = after
      return readOffset(space: !spaces.isEmpty, name: "")
    }
    let isInParentheses = first == UInt8(ascii: "(")
    rest = isInParentheses ? after.dropFirst() : after
    guard let word = peekWord(), var minutes = TimeWord.zones[word.text] ?? (takesPlace(word.text) ? 0 : nil) else {
      // Something else follows, such as the year; a caller wants the end or not.
      rest = before
      return true
    }
    let start = rest.startIndex
    rest.removeFirst(word.bytes.count)
    var name = String(decoding: word.bytes, as: UTF8.self)
    if isInParentheses {
      guard rest.popFirst() == UInt8(ascii: ")") else { return false }
      name = "(\(name))"
    } else if TimeWord.zones[word.text] == nil {
      // A place's own clock, whatever it is ahead of UTC.
      rest = rest.drop { isLetter($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
      if word.text == "etc", let hours = takeHours() {
        // In names of POSIX a minus sign is east of Greenwich; it is taken with the letters before it.
        minutes = after[start..<rest.startIndex].contains(UInt8(ascii: "-")) ? hours * 60 : -hours * 60
      }
      name = String(decoding: after[start..<rest.startIndex], as: UTF8.self)
    } else if minutes == 0, let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
      return readOffset(space: !spaces.isEmpty, name: name)
    }
    offset = minutes * TimeStamp.minute
    spelling.zone = .word(String(decoding: spaces, as: UTF8.self) + name)
    return rest.first == UInt8(ascii: "[") ? takeRegion() : true
  }

  /// The hours of `Etc/GMT+5`.
  private mutating func takeHours() -> Int? {
    let before = rest
    if rest.first == UInt8(ascii: "+") { rest.removeFirst() }
    guard let hours = digits(1...2), hours <= 14 else {
      rest = before
      return nil
    }
    return hours
  }

  /// Whether the name of a place such as `Europe/Berlin` stands here.
  private func takesPlace(_ word: String) -> Bool {
    TimeWord.places.contains(word) && rest.dropFirst(word.utf8.count).first == UInt8(ascii: "/")
  }

  /// `+02:00`, `+0200`, `+02`, `+2`; a region behind it repeats it.
  private mutating func readOffset(space: Bool, name: String) -> Bool {
    let before = rest.count
    guard let first = rest.popFirst(), let hours = digits(1...2), hours < 24 else { return false }
    var minutes = 0
    var style = hours < 10 && before - rest.count == 2 ? TimeSpelling.ZoneStyle.bareHours : .hours
    if rest.first == .colon || rest.first.map(isDigit) == true {
      style = rest.first == .colon ? .colon : .compact
      if style == .colon { rest.removeFirst() }
      guard let value = digits(2...2), value < 60 else { return false }
      minutes = value
    }
    spelling.zone = .offset(style, space: space)
    spelling.zoneName = name
    let size = hours * TimeStamp.hour + minutes * TimeStamp.minute
    offset = first == UInt8(ascii: "-") ? -size : size
    // 2024-01-01T00:00+01:00[Europe/Berlin], GMT+0000 (Coordinated Universal Time).
    return rest.first == UInt8(ascii: "[") || rest.starts(with: Array(" (".utf8)) ? takeRegion() : true
  }

  private mutating func takeRegion() -> Bool {
    let bracket = UInt8(ascii: rest.first == .space ? ")" : "]")
    guard let end = rest.firstIndex(of: bracket) else { return false }
    spelling.region = String(decoding: rest[...end], as: UTF8.self)
    rest = rest[(end + 1)...]
    return true
  }
}
