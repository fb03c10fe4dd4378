extension TimeLayout {
  /// The layouts in which `text` may be written, the likeliest first. Empty for a plain number that is no date; what
  /// may be anything, such as a count, is ``index``.
  ///
  /// A date that ends in the year is month/day before day/month, with points day.month. The whole column decides (see
  /// ``TimeAxis``).
  static func candidates(for text: some Collection<UInt8>) -> [TimeLayout] {
    guard let first = text.first, text.count <= 90, text.contains(where: isDigit) else { return [] }
    let bytes = ArraySlice(Array(text))
    if first == UInt8(ascii: "-") { return beforeEpoch(bytes) }
    guard isDigit(first) || first > 0x40 else { return [] }
    let isNumber =
      bytes.count(where: { !isDigit($0) }) <= 1
      && bytes.allSatisfy { isDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ",") }

    var layouts = isNumber ? numeric(bytes) : []
    var analysis = TimeAnalysis(bytes)
    if let parts = analysis.pieces() { layouts += TimeAnalysis.layouts(of: parts, isNumber: isNumber) }
    if layouts.isEmpty { layouts = [TimeLayout([.elapsed])] }
    return layouts.filter { layout in
      var spelling = TimeSpelling()
      return layout.read(bytes, noting: &spelling) != nil
    }
  }

  /// The layouts of a negative number that may be a time before 1970; not one of the last months before.
  private static func beforeEpoch(_ text: ArraySlice<UInt8>) -> [TimeLayout] {
    let unit: Epoch
    switch text.dropFirst().prefix(while: isDigit).count {
    case 8...10: unit = .seconds
    case 11...13: unit = .milliseconds
    case 14...16: unit = .microseconds
    case 17...19: unit = .nanoseconds
    default: return []
    }
    var layout = TimeLayout([.epoch(unit)])
    (layout.isCompact, layout.isBareNumber, layout.isSigned) = (true, true, true)
    var spelling = TimeSpelling()
    return layout.read(text, noting: &spelling) == nil ? [] : [layout]
  }

  /// The layouts of a bare number that may be a time.
  private static func numeric(_ text: ArraySlice<UInt8>) -> [TimeLayout] {
    let groups = text.split(omittingEmptySubsequences: false) { !isDigit($0) }
    guard groups.count <= 2, let whole = groups.first else { return [] }
    func bare(_ parts: [Part], _ order: Order? = nil) -> TimeLayout {
      var layout = TimeLayout(parts)
      layout.isCompact = true
      layout.isBareNumber = true
      layout.order = order
      return layout
    }
    let epochs: [TimeLayout] =
      switch whole.count {
      case 9, 10: [bare([.epoch(.seconds)])]
      case 12, 13: [bare([.epoch(.milliseconds)])]
      case 15, 16: [bare([.epoch(.microseconds)])]
      case 18:
        // Since 1970 they are no later than 2001; what begins so is from 1966 on, or 1981 on, by the other counts.
        switch String(decoding: whole.prefix(2), as: UTF8.self) {
        case "62", "63", "64": [bare([.epoch(.ticks)]), bare([.epoch(.nanoseconds)])]
        case "12", "13", "14": [bare([.epoch(.fileTime)]), bare([.epoch(.nanoseconds)])]
        default: [bare([.epoch(.nanoseconds)])]
        }
      case 19: [bare([.epoch(.nanoseconds)])]
      default: []
      }
    if groups.count == 2 {
      switch whole.count {
      case 4: return [bare([.decimalYear])]
      case 5: return [bare([.spreadsheetDay])]
      default: return epochs
      }
    }
    let day: [Part] = [.year, .month, .day]
    switch whole.count {
    case 4: return [bare([.year])]
    case 5: return [bare([.year, .quarter]), bare([.spreadsheetDay])]
    case 6: return [bare([.year, .month]), bare([.year, .week]), bare([.shortYear, .month, .day], .yearFirst)]
    case 7: return [bare([.year, .dayOfYear])]
    case 8:
      return [
        bare(day, .yearFirst), bare([.day, .month, .year], .dayFirst), bare([.month, .day, .year], .monthFirst),
      ]
    case 10: return [bare(day + [.hour])] + epochs
    case 12: return [bare(day + [.hour, .minute])] + epochs
    case 14: return [bare(day + [.hour, .minute, .second])]
    default: return epochs
    }
  }
}

/// Takes a written time apart into numbers, names and what is between them, and says what each number may be.
struct TimeAnalysis {
  /// A piece of a text.
  enum Piece: Hashable {
    /// A number of so many digits.
    case number(Int)
    case month, weekday, week, quarter, half, ordinal, clock
    case literal([UInt8])
  }

  private var reader: TimeReader
  private var found: [Piece] = []
  private var numbers: [Int] = []

  init(_ text: ArraySlice<UInt8>) { reader = TimeReader(rest: text) }

  /// The pieces; nil when some word means nothing in a time.
  mutating func pieces() -> [Piece]? {
    while let byte = reader.rest.first {
      if takeClock() { continue }
      if isDigit(byte) {
        let digits = reader.rest.prefix(while: isDigit)
        reader.rest.removeFirst(digits.count)
        numbers.append(digits.count)
        found.append(.number(digits.count))
      } else if let word = reader.peekWord() {
        guard take(word) else { return nil }
      } else {
        reader.rest.removeFirst()
        guard byte < 0x80, byte != UInt8(ascii: "$"), byte != UInt8(ascii: "%"), byte != UInt8(ascii: "+") else {
          return nil
        }
        append([byte])
      }
    }
    return found
  }

  private mutating func append(_ bytes: [UInt8]) {
    if case .literal(let before) = found.last {
      // A space stands for any number of them.
      if before.last != .space || bytes != [.space] { found[found.count - 1] = .literal(before + bytes) }
    } else {
      found.append(.literal(bytes))
    }
  }

  private var hasMonth: Bool { found.contains(.month) }

  /// Whether year, month and day are there, so that what follows may be an hour.
  private var isDateComplete: Bool {
    if hasMonth { return numbers.count >= 2 }
    if found.contains(.week) { return numbers.count >= 3 }
    if found.contains(.quarter) || found.contains(.half) { return false }
    // 2024-001 is a day of the year.
    return numbers.count >= 3 || numbers == [8] || numbers == [7] || numbers == [4, 3]
  }

  /// Takes a time of day: at a separator behind a whole date, or wherever digits and a colon show it.
  private mutating func takeClock() -> Bool {
    guard !found.contains(.clock), !found.isEmpty, let byte = reader.rest.first, !isDigit(byte) else { return false }
    var ahead = reader
    guard ahead.readClock() else { return false }
    // Before the date is whole only colons show a time of day, and not one between numbers (EXIF: 2024:01:31).
    let isPlain = byte != .colon && !ahead.spelling.isCompactClock && ahead.spelling.clockMark != UInt8(ascii: ".")
    guard isDateComplete || isPlain && ahead.depth >= 2 else { return false }

    reader.rest = ahead.rest
    found.append(.clock)
    return true
  }

  private mutating func take(_ word: (text: String, bytes: [UInt8])) -> Bool {
    let (text, bytes) = word
    reader.rest.removeFirst(bytes.count)
    let next = reader.rest.first
    let followsNumber = if case .number = found.last { true } else { false }
    if followsNumber, TimeWord.ordinals.contains(text), !bytes.isEmpty {
      found.append(.ordinal)
      return true
    }
    if let piece = named(text) {
      found.append(piece)
      // The point of an abbreviation belongs to it.
      if piece == .month || piece == .weekday, next == UInt8(ascii: ".") { reader.rest.removeFirst() }
      return true
    }
    if TimeWord.weeks.contains(text) || TimeWord.quarters.contains(text) || TimeWord.halves.contains(text) {
      append(bytes)
      found.append(
        TimeWord.weeks.contains(text) ? .week : TimeWord.quarters.contains(text) ? .quarter : .half)
      return true
    }
    // w/c, w/e: the week that begins, or ends, on a day.
    let isOfWeek = ["c", "e", "b"].contains(text) && found.suffix(2) == [.week, .literal([UInt8(ascii: "/")])]
    guard TimeWord.fillers.contains(text) || text == "m" && followsNumber || isOfWeek else { return false }
    append(bytes)
    return true
  }

  /// A month or a weekday. A word that may be either (French: mar) is the month, unless another is.
  private func named(_ text: String) -> Piece? {
    guard TimeNames.month(text) != nil else { return TimeNames.weekday(text) == nil ? nil : .weekday }
    guard TimeNames.weekday(text) != nil, found.isEmpty else { return hasMonth ? nil : .month }
    var rest = reader
    while !rest.rest.isEmpty {
      if let word = rest.peekWord() {
        if TimeNames.month(word.text) != nil { return .weekday }
        rest.rest.removeFirst(word.bytes.count)
      } else {
        rest.rest.removeFirst()
      }
    }
    return .month
  }

  // MARK: - Layouts

  /// What the numbers may be, the likeliest first.
  static func layouts(of pieces: [Piece], isNumber: Bool) -> [TimeLayout] {
    var lengths: [Int] = []
    for case .number(let length) in pieces { lengths.append(length) }
    let separators = pieces.compactMap { piece -> [UInt8]? in if case .literal(let text) = piece { text } else { nil } }
    if pieces.contains(.clock), [[8], [7], [6]].contains(lengths), case .number = pieces[0], pieces[1] == .clock {
      let day: TimeLayout.Part = lengths == [8] ? .year : .shortYear
      var layout = TimeLayout(lengths == [7] ? [.year, .dayOfYear] : [day, .month, .day])
      layout.isCompact = true
      return [layout]
    }
    // Colons part hours from minutes, unless a whole year is there (EXIF).
    if !lengths.contains(4), separators.contains(where: { $0.contains(.colon) }) { return [] }
    let isDotted = separators.contains([UInt8(ascii: ".")])
    return roles(of: pieces, lengths, isDotted: isDotted).map { roles, order in
      var next = roles.makeIterator()
      let parts: [TimeLayout.Part] = pieces.flatMap { piece -> [TimeLayout.Part] in
        switch piece {
        case .number: [next.next()!]
        case .month: [.monthName]
        case .weekday: [.weekdayName]
        case .ordinal: [.ordinal]
        case .clock: pieces.last == .clock ? [] : [.clock]
        case .week, .quarter, .half: []
        case .literal(let text): text.map { .literal($0) }
        }
      }
      var layout = TimeLayout(parts)
      layout.order = order
      layout.isBareNumber = isNumber
      return layout
    }
  }

  private typealias Roles = (parts: [TimeLayout.Part], order: TimeLayout.Order?)

  private static func roles(of pieces: [Piece], _ lengths: [Int], isDotted: Bool) -> [Roles] {
    let hasClock = pieces.contains(.clock)
    if pieces.contains(.month) { return named(pieces, lengths).map { ($0, nil) } }
    for (word, part) in [(Piece.week, TimeLayout.Part.week), (.quarter, .quarter), (.half, .half)]
    where pieces.contains(word) {
      let found = counted(pieces, lengths, word, part)
      // "Week of" a day is that day.
      if word != .week || !found.isEmpty || lengths.count < 3 { return found.map { ($0, nil) } }
    }
    if pieces.contains(.ordinal) { return [] }
    switch lengths {
    case _ where lengths.count == 3:
      let short = lengths.allSatisfy { $0 <= 2 }
      if lengths[0] == 4, lengths[1] <= 2, lengths[2] <= 2 {
        return [([.year, .month, .day], .yearFirst)]
      }
      if lengths[2] == 4, lengths[0] <= 2, lengths[1] <= 2 {
        let dayFirst: Roles = ([.day, .month, .year], .dayFirst)
        let monthFirst: Roles = ([.month, .day, .year], .monthFirst)
        return isDotted ? [dayFirst, monthFirst] : [monthFirst, dayFirst]
      }
      guard short else { return [] }
      let orders: [Roles] = [
        ([.month, .day, .shortYear], .monthFirst), ([.day, .month, .shortYear], .dayFirst),
        ([.shortYear, .month, .day], .yearFirst),
      ]
      return isDotted ? [orders[1], orders[2], orders[0]] : orders
    case _ where lengths.count == 2 && !hasClock:
      if lengths[0] == 4 {
        switch lengths[1] {
        case 1: return [([.year, .month], nil), ([.year, .quarter], nil), ([.year, .week], nil)]
        case 2: return [([.year, .nextYear], nil), ([.year, .month], nil), ([.year, .week], nil)]
        case 3: return [([.year, .dayOfYear], nil)]
        case 4: return [([.year, .nextLongYear], nil)]
        default: return []
        }
      }
      if lengths[1] == 4, lengths[0] <= 2 { return [([.month, .year], nil), ([.week, .year], nil)] }
      // 1-01: the first month of the first year.
      if pieces == [.number(1), .literal([UInt8(ascii: "-")]), .number(2)] { return [([.yearNumber, .month], nil)] }
      // 31.12. is a day without its year.
      guard lengths == [2, 2], pieces.last != .literal([UInt8(ascii: ".")]) else { return [] }
      return [([.month, .shortYear], nil), ([.shortYear, .month], nil)]
    // FY2024, FY24
    case [4] where pieces.count > 1: return [([.year], nil)]
    case [2]:
      guard case .literal(let text) = pieces[0], text.prefix(2).map({ $0 | 0x20 }) == Array("fy".utf8) else {
        return []
      }
      return [([.shortYear], nil)]
    case [4, 3] where hasClock: return [([.year, .dayOfYear], nil)]
    default: return []
    }
  }

  /// Dates with the name of a month.
  private static func named(_ pieces: [Piece], _ lengths: [Int]) -> [[TimeLayout.Part]] {
    let month = pieces.firstIndex(of: .month)!
    let first = pieces.firstIndex { if case .number = $0 { true } else { false } }
    switch lengths {
    case [4]: return [[.year]]
    // A number before the month is a day without a year.
    case [2]: return first! > month ? [[.shortYear]] : []
    case [4, 1], [4, 2]: return [[.year, .day]]
    case [1, 4], [2, 4]: return [[.day, .year]]
    case [1, 2]: return [[.day, .shortYear]]
    case [2, 2]: return first! > month ? [[.day, .shortYear]] : [[.day, .shortYear], [.shortYear, .day]]
    case [2, 1]: return [[.shortYear, .day]]
    default: return []
    }
  }

  /// Weeks, quarters and halves of years: their number is beside their word.
  private static func counted(
    _ pieces: [Piece], _ lengths: [Int], _ word: Piece, _ part: TimeLayout.Part
  ) -> [[TimeLayout.Part]] {
    let place = pieces.firstIndex(of: word)!
    let before = pieces[..<place].count { if case .number = $0 { true } else { false } }
    let isShort = { (length: Int) in part == .week ? length <= 2 : length == 1 }
    func year(_ length: Int) -> TimeLayout.Part? { length == 4 ? .year : length == 2 ? .shortYear : nil }
    switch lengths.count {
    case 2:
      // The year is the other of the two; both may be short, and then the number right behind the word is counted.
      if before == 1, isShort(lengths[1]), let year = year(lengths[0]) { return [[year, part]] }
      if isShort(lengths[0]), let year = year(lengths[1]) { return [[part, year]] }
      return isShort(lengths[1]) ? year(lengths[0]).map { [[$0, part]] } ?? [] : []
    case 3 where part == .week && before == 1 && isShort(lengths[1]) && lengths[2] == 1:
      return year(lengths[0]).map { [[$0, .week, .weekday]] } ?? []
    default: return []
    }
  }
}
