/// The times of a table, and where they stand.
struct TimeFinding {
  var axis: TimeAxis
  /// None when the rows are counted.
  var source: TimeSource?
  /// What was assumed beside the axis' own notes.
  var notes: [String] = []

  var columns: [Table.Column] { source?.columns ?? [] }
}

/// A fault of the times, and the columns in which it lies.
struct TimeFault: Error {
  var error: DataError
  var source: TimeSource?
}

extension TimeAxis {
  /// Finds the time column of a table and reads it; the plain index 1, 2, 3, … when there is none.
  ///
  /// Columns of written dates come first, and among them those with a name such as date, time, timestamp or month. A
  /// column of bare numbers (years, seconds, 1, 2, 3) counts when it has such a name, or when it is the first column
  /// and its numbers are evenly spaced, and other numbers are left to forecast. A date and a time of day in two columns
  /// are one time, and so are year, month, day and hour.
  ///
  /// - Parameter excluded: Columns known to be something else.
  /// - Returns: The times, and their column; the first one when they are spread over several.
  /// - Throws: What ``init(table:column:order:)`` throws, when a column is meant as the time but is faulty.
  public static func guess(
    in table: Table, excluding excluded: Set<Table.Column> = []
  ) throws(DataError) -> (axis: TimeAxis, column: Table.Column?) {
    do throws(TimeFault) {
      let finding = try find(in: table, excluding: excluded, order: nil)
      return (finding.axis, finding.columns.first)
    } catch {
      throw error.error
    }
  }

  static func find(
    in table: Table, excluding excluded: Set<Table.Column>, order: DateOrder?
  ) throws(TimeFault) -> TimeFinding {
    if let time = table.gathered?.time, !excluded.contains(time) {
      return try read(TimeSource(table, time), clocks: [], order: order)
    }
    let columns = table.columns.filter { !excluded.contains($0) }
    let named = columns.filter { isNamedLikeTime($0.name) }
    let others = columns.filter { !isNamedLikeTime($0.name) }
    let kinds = Dictionary(uniqueKeysWithValues: columns.map { ($0, kind(of: $0, in: table)) })

    let joined = self.parts(in: columns, of: table)
    // FY15 is a year by itself, and beside a month a part of a date.
    let isPart = { (column: Table.Column) in joined != nil && part(column.name) == .year }
    if let date = named.first(where: { kinds[$0] == .date && !isPart($0) }) {
      return try read(TimeSource(table, date), clocks: clocks(for: date, in: columns, kinds, table), order: order)
    }
    var fault: TimeFault?
    for column in others where kinds[column] == .date && !isPart(column) {
      do throws(TimeFault) {
        return try read(TimeSource(table, column), clocks: clocks(for: column, in: columns, kinds, table), order: order)
      } catch {
        fault = fault ?? error
      }
    }
    if let fault, self.parts(in: named, of: table) == nil { throw fault }
    let parts = named.filter { part($0.name) != nil }
    // A day that is a bare number comes before a clock, which without it says too little.
    let days = named.filter { kinds[$0] == .number && namesDay($0, in: table) }
    var dayFault: TimeFault?
    let ofDay = joined?.namesDay == true ? Self.clocks(for: joined!, in: columns, kinds) : []
    for column in days + named.filter({ !days.contains($0) })
    where (joined == nil && parts.count < 2 || !parts.contains(column))
      && !ofDay.contains(where: { $0.columns.last == column })
    {
      if let dayFault, kinds[column] == .clock { throw dayFault }
      do throws(TimeFault) {
        var finding = try read(
          TimeSource(table, column),
          clocks: days.contains(column) ? clocks(for: column, in: columns, kinds, table) : [],
          order: order)
        if let joined {
          finding.notes.append("the rows are counted by column \(column.name); \(joined.name) are not read as times")
        }
        return finding
      } catch {
        let isOfOrder = [.repeatedTime, .unsortedTimes, .gapInTimes, .irregularTimes].contains(error.error.code)
        if days.contains(column), isOfOrder { dayFault = dayFault ?? error }
        if isNamedExactlyLikeTime(column.name) || table.isNumeric(column) { fault = fault ?? error }
      }
    }
    if let joined {
      return try read(joined, clocks: ofDay, order: order)
    }
    if let fault { throw fault }
    if parts.count > 1, parts.contains(where: { [.month, .day, .hour, .dayOfYear].contains(part($0.name)) }) {
      let names = parts.map(\.name.quoted).joined(separator: ", ")
      let error = DataError(
        .notATime, file: table.file, "the columns \(names) are parts of times, but no column holds the year",
        remedy: "add one, or say which column holds the times", setting: .time)
      throw TimeFault(error: error, source: nil)
    }
    if let column = others.first, column.index == 0, !excluded.contains(column), kinds[column] == .number,
      columns.contains(where: { $0 != column && table.isNumeric($0) }) || !excluded.isEmpty,
      table.rowCount > 2, let axis = try? TimeAxis(table: table, column: column)
    {
      return TimeFinding(axis: axis, source: TimeSource(table, column))
    }
    if let column = columns.first(where: { looksLikeTimes($0, in: table, kinds[$0]!) }) {
      let source = TimeSource(table, column)
      let error = DataError(
        .notATime, file: table.file, row: table.rowNumber(0), column: column.name,
        "\(source.shown(0)) looks like a time, but is not written in a way that is known",
        remedy: "write times like 2024-01-31, 2024-01-31 18:00:00 or 2024-01", setting: .time)
      throw TimeFault(error: error, source: nil)
    }
    return try counted(table, columns, kinds)
  }

  /// The rows counted, with a note where a column is left that may have told the times.
  ///
  /// - Throws: `notATime` where the first column of text numbers its rows in words that are not known: `Sprint 60`.
  private static func counted(
    _ table: Table, _ columns: [Table.Column], _ kinds: [Table.Column: Kind]
  ) throws(TimeFault) -> TimeFinding {
    var finding = TimeFinding(axis: TimeAxis(count: table.rowCount))
    guard let column = columns.first(where: { kinds[$0] != .number && !table.isNumeric($0) }) else { return finding }
    if kinds[column] == .text, table.rowCount > 2, !Series.isNamedLikeID(column.name),
      numbersItsRows(column, in: table)
    {
      let error = DataError(
        .notATime, file: table.file, row: table.rowNumber(0), column: column.name,
        "\(TimeSource(table, column).shown(0)) may be a time, but is not written in a way that is known",
        remedy: "write times like 2024-01-31, 2024-01-31 18:00:00 or 2024-01", setting: .time)
      throw TimeFault(error: error, source: nil)
    }
    finding.notes.append("the rows are counted; column \(column.name.shortened) is not read")
    return finding
  }

  /// Whether no two fields are alike, and each holds a digit and a letter: `1-10` may be a size.
  private static func numbersItsRows(_ column: Table.Column, in table: Table) -> Bool {
    var texts: Set<ArraySlice<UInt8>> = []
    return (0..<table.rowCount).allSatisfy { row in
      let text = TimeSource.folded(table.trimmedBytes(row: row, column: column))
      return text.count <= 60 && text.contains(where: isDigit) && text.contains { isLetter($0) || $0 > 127 }
        && texts.insert(text).inserted
    }
  }

  /// Whether a column of bare numbers may hold days: 20240131, 240131, 45322.
  static func namesDay(_ column: Table.Column, in table: Table) -> Bool {
    !isNamedForCounting(column.name)
      && layouts(TimeSource(table, column)).contains { $0.takesClock || $0.parts == [.spreadsheetDay] }
  }

  /// Reads a source; where its dates repeat, a column with the time of day may be the rest of it.
  static func read(
    _ source: TimeSource, clocks: @autoclosure () -> [TimeSource], order: DateOrder?
  ) throws(TimeFault) -> TimeFinding {
    do throws(DataError) {
      return TimeFinding(axis: try TimeAxis(source, order: order), source: source)
    } catch {
      guard error.code == .repeatedTime || error.code == .unsortedTimes else {
        throw TimeFault(error: error, source: source)
      }
      var fault = TimeFault(error: error, source: source)
      for joined in clocks() {
        do throws(DataError) {
          return TimeFinding(axis: try TimeAxis(joined, order: order), source: joined, notes: joined.notes)
        } catch {
          // Read throughout, but uneven: what is wrong with both together says more.
          if error.code != .notATime, error.code != .missingValue { fault = TimeFault(error: error, source: joined) }
        }
      }
      throw fault
    }
  }

  // MARK: - Kinds of columns

  enum Kind {
    case date, clock, number, text
    /// A time of day as it stands beside a date alone: `H19`, `18-19`, `6 PM`.
    case hours
  }

  /// What a column holds, by its first fields.
  static func kind(of column: Table.Column, in table: Table) -> Kind {
    let rows = min(table.rowCount, 100)
    guard let row = (0..<rows).first(where: { table.field(row: $0, column: column) != .missing }) else { return .text }
    let text = TimeSource.folded(table.trimmedBytes(row: row, column: column))
    if text.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
    ),
      Field.number(text, mark: DecimalMark.point.rawValue) != nil
    {
      return .number
    }
    if isNamedLikeTime(column.name) || isNamedForPeriods(column.name), holdsHours(column, in: table) { return .hours }
    var layouts = TimeLayout.candidates(for: text)
    if !isNamedLikeTime(column.name) || isNamedForCounting(column.name) { layouts.removeAll(where: \.needsName) }
    if layouts.contains(where: { !$0.isBareNumber && !$0.isElapsed }) { return .date }
    return layouts.contains(where: \.isElapsed) ? .clock : isPointedClock(text) ? .clock : .text
  }

  /// 18.30.00, as some loggers write.
  private static func isPointedClock(_ text: ArraySlice<UInt8>) -> Bool {
    let groups = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return groups.count == 3 && groups.allSatisfy { $0.count == 2 && $0.allSatisfy(isDigit) }
  }

  /// The date together with each column that may hold the time of day.
  private static func clocks(
    for date: Table.Column, in columns: [Table.Column], _ kinds: [Table.Column: Kind], _ table: Table
  ) -> [TimeSource] {
    if kinds[date] == .number, holdsMonths(date, in: table) { return [] }
    return columns.filter { $0 != date }.flatMap { column -> [TimeSource] in
      let forms: [TimeSource.Clock]
      switch kinds[column] {
      case .clock, .hours: forms = [.written]
      case .number: forms = clocks(of: column, in: table)
      default: forms = []
      }
      return forms.map { TimeSource(table, columns: [date, column], form: .dateAndTime($0)) }
    }
  }

  /// Parts of a date together with each column that may hold the time of day.
  private static func clocks(
    for date: TimeSource, in columns: [Table.Column], _ kinds: [Table.Column: Kind]
  ) -> [TimeSource] {
    columns.filter { !date.columns.contains($0) }.flatMap { column -> [TimeSource] in
      switch kinds[column] {
      case .clock, .hours: [date.joined(with: column, .written)]
      case .number: clocks(of: column, in: date.table).map { date.joined(with: column, $0) }
      default: []
      }
    }
  }

  /// The columns that may hold the time of day to a date.
  static func clocks(
    for date: Table.Column, in table: Table, excluding excluded: Set<Table.Column>
  ) -> [TimeSource] {
    let columns = table.columns.filter { !excluded.contains($0) }
    let kinds = Dictionary(uniqueKeysWithValues: columns.map { ($0, kind(of: $0, in: table)) })
    return clocks(for: date, in: columns, kinds, table)
  }

  /// Whether a column that no layout reads is meant as times: by its name, or because most of its first fields hold
  /// a year or a month beside other digits.
  private static func looksLikeTimes(_ column: Table.Column, in table: Table, _ kind: Kind) -> Bool {
    guard kind == .text || kind == .hours else { return false }
    if isNamedExactlyLikeTime(column.name) || isNamedLikeTime(column.name) { return true }
    let rows = min(table.rowCount, 50)
    guard rows > 1 else { return false }
    var texts: Set<String> = []
    var hits = 0
    for row in 0..<rows {
      let text = table.text(row: row, column: column)
      guard text.utf8.count <= 40 else { return false }
      texts.insert(text)
      let words = text.lowercased().split { !$0.isLetter }.map(String.init)
      let numbers = text.split { !$0.isASCII || !$0.isNumber }
      let hasYear = numbers.contains { $0.count == 4 && (1900...2100).contains(Int($0) ?? 0) }
      let hasMonth = words.contains { TimeNames.month($0) != nil && $0.count >= 3 }
      if hasYear && (numbers.count > 1 || !words.isEmpty) || hasMonth && !numbers.isEmpty { hits += 1 }
    }
    return hits * 2 > rows && texts.count * 2 > rows
  }
}

// MARK: - Names

extension TimeAxis {
  /// Whether a word of the name speaks of time (`Date`, `sale_date`, `dateTime`) or the whole name of counting (`No`).
  static func isNamedLikeTime(_ name: String) -> Bool {
    words(of: name).contains(where: wordsForTime.contains) || isNamedForCounting(name)
  }

  /// Whether the whole name speaks of counting: `No`, `index`.
  static func isNamedForCounting(_ name: String) -> Bool {
    let words = words(of: name)
    return words.count == 1 && wordsForCounting.contains(words[0])
  }

  /// Whether the name speaks of weeks.
  static func isNamedForWeeks(_ name: String) -> Bool {
    words(of: name).contains { $0.hasSuffix("week") || TimeWord.weeks.contains($0) && $0.count > 1 }
  }

  /// Whether the name says nothing else than time: `date`, `timestamp`.
  private static func isNamedExactlyLikeTime(_ name: String) -> Bool {
    ["date", "time", "datetime", "timestamp", "ds", "datum", "fecha", "zeit"].contains(name.lowercased())
  }

  /// What a date may be spread over, by the word for it.
  private static let wordsForParts: [String: TimeSource.Part] = [
    "year": .year, "yr": .year, "yyyy": .year, "fy": .year, "jahr": .year, "año": .year, "anio": .year, "année": .year,
    "annee": .year, "anno": .year,
    "ano": .year, "jaar": .year, "år": .year, "month": .month, "mon": .month, "mm": .month, "mo": .month,
    "monat": .month, "mes": .month,
    "mês": .month, "mois": .month, "mese": .month, "maand": .month, "day": .day, "dd": .day, "dy": .day, "tag": .day,
    "día": .day, "dia": .day,
    "jour": .day, "giorno": .day, "dag": .day, "dom": .day, "hour": .hour, "hr": .hour, "hh": .hour, "stunde": .hour,
    "hora": .hour, "heure": .hour, "ora": .hour, "uur": .hour, "minute": .minute, "min": .minute, "second": .second,
    "sec": .second, "quarter": .quarter, "qtr": .quarter, "quartal": .quarter, "trimestre": .quarter, "week": .week,
    "kw": .week, "woche": .week, "semana": .week, "semaine": .week, "doy": .dayOfYear, "jday": .dayOfYear,
    "yday": .dayOfYear,
  ]
  private static let wordsForTime = Set(["year", "quarter", "month", "week", "day", "hour", "minute"]).union([
    "date", "time", "datetime", "timestamp", "stamp", "ts", "dt", "ds", "period", "datum", "fecha", "data", "zeit",
    "uhrzeit", "zeitstempel",
    "monat", "jahr", "woche", "tag", "quartal", "mes", "mois", "mese", "maand", "semaine", "semana", "jour", "día",
    "trimestre", "année",
    "año", "hora", "heure", "dato", "päivä", "дата", "месяц", "год", "день", "日期", "時間", "时间", "年月日", "年月", "年", "月",
    "日付", "年度", "날짜", "일자", "연월",
    "التاريخ", "الشهر", "วันที่", "เดือน", "yearmonth", "yyyymm",
    "yyyymmdd", "yearweek",
    "yyyyww", "hhmm", "hrmn", "hhmmss", "isoweek", "kw", "calendarweek", "epoch", "elapsed", "stunde", "doy",
  ])
  private static let wordsForCounting: Set = ["no", "index", "row", "step", "t", "n", "idx", "nr"]

  /// The part of a date that a column holds, by its name.
  static func part(_ name: String) -> TimeSource.Part? {
    let words = words(of: name)
    if words == ["day", "of", "year"] { return .dayOfYear }
    guard words.count <= 2 else { return nil }
    if words == ["q"] { return .quarter }
    return words.compactMap { wordsForParts[$0] }.first
  }

  /// The words of a name in snake, kebab or camel case, in lower case.
  static func words(of name: String) -> [String] {
    var words: [String] = [""]
    var wasLowercase = false
    for character in name.prefix(200) {
      if !character.isLetter || (character.isUppercase && wasLowercase) { words.append("") }
      if character.isLetter { words[words.count - 1] += character.lowercased() }
      wasLowercase = character.isLowercase
    }
    return words.filter { !$0.isEmpty }
  }
}
