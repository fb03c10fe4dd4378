extension TimeAxis {
  /// Finds the time column of a table and reads it; the plain index 1, 2, 3, … when there is none.
  ///
  /// Columns of written dates come first, and among them those with a name such as date, time, timestamp or month. A
  /// column of bare numbers (years, seconds, 1, 2, 3) counts when it has such a name, or when it is the first column
  /// and its numbers are evenly spaced, and other numbers are left to forecast. A date spread over several columns
  /// (year, month, day) is no time column.
  ///
  /// - Parameter excluded: Columns known to be something else.
  /// - Throws: What ``init(table:column:)`` throws, when a column is meant as the time but is faulty.
  public static func guess(
    in table: Table, excluding excluded: Set<Table.Column> = []
  ) throws(DataError) -> (axis: TimeAxis, column: Table.Column?) {
    let columns = table.columns.filter { !excluded.contains($0) }
    let named = columns.filter { isNamedLikeTime($0.name) }
    let others = columns.filter { !isNamedLikeTime($0.name) }
    let isWritten = { (column: Table.Column) in
      layouts(table: table, column: column).contains { !$0.isBareNumber }
    }
    if let column = named.first(where: isWritten) { return (try TimeAxis(table: table, column: column), column) }

    var fault: DataError?
    for column in others where isWritten(column) {
      do throws(DataError) { return (try TimeAxis(table: table, column: column), column) } catch {
        fault = fault ?? error
      }
    }
    let parts = named.filter { words(of: $0.name).contains(where: wordsForParts.contains) }
    for column in named where parts.count < 2 || !parts.contains(column) {
      do throws(DataError) { return (try TimeAxis(table: table, column: column), column) } catch {
        if isNamedExactlyLikeTime(column.name) || table.isNumeric(column) { fault = fault ?? error }
      }
    }
    if let fault { throw fault }
    if let column = others.first, column.index == 0, !excluded.contains(column),
      columns.contains(where: { $0 != column && table.isNumeric($0) }) || !excluded.isEmpty,
      table.rowCount > 2, let axis = try? TimeAxis(table: table, column: column)
    {
      return (axis, column)
    }
    return (TimeAxis(count: table.rowCount), nil)
  }

  /// Whether a word of the name speaks of time (`Date`, `sale_date`, `dateTime`) or the whole name of counting (`No`).
  private static func isNamedLikeTime(_ name: String) -> Bool {
    let words = words(of: name)
    return words.contains(where: wordsForTime.contains) || words.count == 1 && wordsForCounting.contains(words[0])
  }

  /// Whether the name says nothing else than time: `date`, `timestamp`.
  private static func isNamedExactlyLikeTime(_ name: String) -> Bool {
    ["date", "time", "datetime", "timestamp", "ds"].contains(name.lowercased())
  }

  /// What a date may be spread over.
  private static let wordsForParts: Set = ["year", "quarter", "month", "week", "day", "hour", "minute"]
  private static let wordsForTime = wordsForParts.union(["date", "time", "datetime", "timestamp", "ds", "period"])
  private static let wordsForCounting: Set = ["no", "index", "row", "step", "t", "n", "idx"]

  /// The words of a name in snake, kebab or camel case, in lower case.
  private static func words(of name: String) -> [String] {
    var words: [String] = [""]
    var wasLowercase = false
    for character in name {
      if !character.isLetter || (character.isUppercase && wasLowercase) { words.append("") }
      if character.isLetter { words[words.count - 1] += character.lowercased() }
      wasLowercase = character.isLowercase
    }
    return words.filter { !$0.isEmpty }
  }
}
