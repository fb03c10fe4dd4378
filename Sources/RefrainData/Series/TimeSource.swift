/// Where a table's times stand: in one column, or in parts over several.
struct TimeSource {
  /// How the columns make one time.
  enum Form: Hashable {
    case column
    /// A date, and a time of day.
    case dateAndTime(Clock)
    /// Year, then month, day, hour, minute, second as far as they are there; or year and quarter, week or day of the
    /// year.
    case parts([Part])
  }

  /// How a column of times of day is written.
  enum Clock: Hashable {
    /// 18:30
    case written
    /// 18, or 24 for the end of the day.
    case hours
    /// 1830
    case digits
    /// 183015
    case seconds
    /// Minutes since midnight.
    case minutes
    /// So many equal parts of a day, counted from a number, each told by its start.
    case periods(Int, from: Int)
  }

  /// A part of a date that has a column of its own.
  enum Part: Hashable {
    case year, month, day, hour, minute, second, quarter, week, dayOfYear
    /// The whole time of day.
    case clock(Clock)
  }

  let table: Table
  let columns: [Table.Column]
  let form: Form

  init(_ table: Table, _ column: Table.Column) {
    self.table = table
    columns = [column]
    form = .column
  }

  init(_ table: Table, columns: [Table.Column], form: Form) {
    self.table = table
    self.columns = columns
    self.form = form
  }

  /// The name of the column, or names with plus signs between them.
  var name: String { columns.map(\.name).joined(separator: "+") }

  /// The same columns of some of the rows.
  func selecting(_ table: Table) -> TimeSource { TimeSource(table, columns: columns, form: form) }

  /// The fields as they stand, for messages.
  func shown(_ row: Int) -> String { columns.map { table.text(row: row, column: $0) }.joined(separator: " ").quoted }

  /// Whether a part of the time is missing.
  func isMissing(_ row: Int) -> Bool { columns.contains { table.field(row: row, column: $0) == .missing } }

  /// The text of the time of a row, put together from the columns.
  func text(_ row: Int) -> ArraySlice<UInt8> {
    switch form {
    case .column: return Self.folded(table.trimmedBytes(row: row, column: columns[0]))
    case .dateAndTime(let clock):
      let date = Self.folded(table.trimmedBytes(row: row, column: columns[0]))
      let time = Self.folded(table.trimmedBytes(row: row, column: columns[1]))
      let day = Self.spreadsheetDate(Self.whole(Array(date))) ?? Array(date)
      return (day + [.space] + Self.text(of: clock == .written ? Array(time) : Self.whole(Array(time)), clock))[...]
    case .parts(let parts): return joined(parts, row)[...]
    }
  }

  private func joined(_ parts: [Part], _ row: Int) -> [UInt8] {
    var text: [UInt8] = []
    for (part, column) in zip(parts, columns) {
      let bytes = Self.whole(Array(Self.folded(table.trimmedBytes(row: row, column: column))))
      switch part {
      case .year: text += bytes
      case .month, .day: text += [UInt8(ascii: "-")] + (part == .month ? Self.month(bytes) : Self.twoDigits(bytes))
      case .quarter: text += Array("-Q".utf8) + bytes.filter(isDigit)
      case .week: text += Array("-W".utf8) + Self.twoDigits(bytes.filter(isDigit))
      case .dayOfYear:
        text += [UInt8(ascii: "-")] + Array(repeating: UInt8(ascii: "0"), count: max(0, 3 - bytes.count)) + bytes
      case .hour:
        text += [.space] + Self.twoDigits(bytes)
        if !parts.contains(.minute) { text += Array(":00".utf8) }
      case .minute, .second: text += [.colon] + Self.twoDigits(bytes)
      case .clock(let clock): text += [.space] + Self.text(of: bytes, clock)
      }
    }
    return text
  }

  /// 3 for 3.0, as programs write whole numbers of a column that has missing ones.
  static func whole(_ bytes: [UInt8]) -> [UInt8] {
    bytes.suffix(2) == [UInt8(ascii: "."), UInt8(ascii: "0")] ? Array(bytes.dropLast(2)) : bytes
  }

  private static func twoDigits(_ bytes: [UInt8]) -> [UInt8] { bytes.count == 1 ? [UInt8(ascii: "0")] + bytes : bytes }

  private static func month(_ bytes: [UInt8]) -> [UInt8] {
    // M01
    if bytes.count > 1, bytes[0] | 0x20 == UInt8(ascii: "m"), bytes.dropFirst().allSatisfy(isDigit) {
      return twoDigits(Array(bytes.dropFirst()))
    }
    guard let first = bytes.first, !isDigit(first), let word = TimeReader(rest: bytes[...]).peekWord(),
      let number = TimeNames.month(word.text)
    else { return twoDigits(bytes) }
    return twoDigits(Array(String(number + 1).utf8))
  }
}

extension TimeAxis {
  /// Year, month, day and so on in columns of their own; nil when there is no year, or nothing beside it.
  static func parts(in columns: [Table.Column], of table: Table) -> TimeSource? {
    var found: [TimeSource.Part: Table.Column] = [:]
    for column in columns {
      guard let part = part(column.name) ?? countedPart(column, in: table), found[part] == nil else { continue }
      found[part] = column
    }
    guard found[.year] != nil else { return nil }
    // Days beyond 31 are counted from the beginning of the year.
    if found[.month] == nil, found[.dayOfYear] == nil, let day = found[.day],
      let numbers = span(of: day, in: table)?.numbers, (32...366).contains(numbers.upperBound)
    {
      (found[.dayOfYear], found[.day]) = (day, nil)
    }
    let ways: [[TimeSource.Part]] = [
      [.year, .month, .day, .hour, .minute, .second], [.year, .dayOfYear, .hour, .minute, .second], [.year, .week],
      [.year, .quarter],
    ]
    for way in ways {
      // As far as there is a column for each: year and month, or with the day, …
      let parts = Array(way.prefix { found[$0] != nil })
      guard parts.count > 1 else { continue }
      let source = TimeSource(table, columns: parts.map { found[$0]! }, form: .parts(parts))
      if !TimeLayout.candidates(for: source.text(0)).isEmpty { return source }
    }
    return nil
  }

  /// The part that a column called `Period` holds: M01, Q1.
  private static func countedPart(_ column: Table.Column, in table: Table) -> TimeSource.Part? {
    guard isNamedForPeriods(column.name), table.rowCount > 0 else { return nil }
    let text = table.trimmedBytes(row: 0, column: column)
    guard (2...3).contains(text.count), text.dropFirst().allSatisfy(isDigit) else { return nil }
    switch text[text.startIndex] | 0x20 {
    case UInt8(ascii: "m"): return .month
    case UInt8(ascii: "q"): return .quarter
    default: return nil
    }
  }
}

extension TimeSource {
  /// Whether parts of dates go as far as the day, and no further.
  var namesDay: Bool {
    guard case .parts(let parts) = form else { return false }
    return parts.last == .day || parts.last == .dayOfYear
  }

  /// The same with a time of day that another column holds.
  func joined(with column: Table.Column, _ clock: Clock) -> TimeSource {
    guard case .parts(let parts) = form else { return self }
    return TimeSource(table, columns: columns + [column], form: .parts(parts + [.clock(clock)]))
  }
}
