extension Series {
  /// Takes all series from a table: one, or several that stand below each other and are told apart by the values of a
  /// column, such as the store or the product.
  ///
  /// That column is looked for when times repeat or begin anew: with it every time must occur once only.
  ///
  /// - Returns: At least one series, in the order in which they begin. Each of several has its ``id``.
  /// - Throws: What ``init(table:options:)`` throws, for several series with the name of the one at fault.
  public static func all(in table: Table, options: Options) throws(DataError) -> [Series] {
    var options = options
    let table = try table.meant(by: options)
    if options.categories == nil { options.categories = try CovariateReading.categories(of: table, options) }
    if !options.id.isEmpty {
      let columns = try options.id.map { name throws(DataError) in try table.column(named: name) }
      return try split(table, by: columns, options)
    }
    var fault: TimeFault?
    var outcomes: [(name: String, outcome: Result<Series, DataError>)] = []
    do throws(TimeFault) { outcomes = try SeriesReading(table, options).all() } catch { fault = error }
    guard let fault else {
      if options.isWide { return try found(outcomes.map { ($0.name, $0.outcome) }, what: "column", options) }
      return [try outcomes[0].outcome.get()]
    }
    let isRepeated = [.repeatedTime, .unsortedTimes, .irregularTimes, .gapInTimes].contains(fault.error.code)
    guard isRepeated, let source = fault.source else { throw fault.error }
    guard let columns = idColumns(of: table, source: source, options) else {
      throw pointing(fault.error, toClockIn: table, source, options)
    }
    do throws(DataError) {
      return try split(table, by: columns, options)
    } catch {
      var error = error
      error.setting = error.setting ?? .id(columns.map(\.name))
      throw error
    }
  }

  /// Those of several series that could be read; what is wrong with the others stands in the notes of the first.
  ///
  /// - Throws: The first fault when none could be read, or when one lies in how the table is made and not in a series.
  static func found(
    _ outcomes: [(id: String, outcome: Result<Series, DataError>)], what: String, _ options: Options
  ) throws(DataError) -> [Series] {
    var (all, faults): ([Series], [String]) = ([], [])
    var first: DataError?
    for (id, outcome) in outcomes {
      do throws(DataError) {
        all.append(try outcome.get().named(id))
      } catch {
        // Who wants all values to be there wants all series too.
        guard options.filling != nil, isOfOneSeries(error) else { throw error }
        first = first ?? error
        var plain = error
        plain.file = nil
        faults.append("\(what) \(id.quoted) is left out: \(plain)")
      }
    }
    guard let leading = all.first else { throw first! }
    if faults.count > 20 { faults = faults.prefix(20) + ["\(faults.count - 20) more are left out"] }
    all[0] = leading.named(leading.id, notes: faults)
    return all
  }

  /// Whether an error says something of one series alone, so that the others can be forecast without it.
  private static func isOfOneSeries(_ error: DataError) -> Bool {
    [
      .missingValue, .tooFewRows, .gapInTimes, .irregularTimes, .constantSeries, .notANumber, .infiniteValue, .notATime,
    ].contains(error.code)
  }

  /// The names of all columns that can be forecast: of numbers, and neither times nor what tells series apart; none
  /// where ``all(in:options:)`` refuses the table as a whole.
  public static func targets(in table: Table, options: Options) -> [String] {
    guard let table = try? table.meant(by: options) else { return [] }
    var taken = Set(options.id + options.covariates + options.future + [options.time].compactMap(\.self))
    do throws(TimeFault) {
      taken.formUnion(try TimeAxis.find(in: table, excluding: [], order: options.dates).columns.map(\.name))
    } catch {
      taken.formUnion(error.source?.columns.map(\.name) ?? [])
      if let source = error.source { taken.formUnion(idColumns(of: table, source: source, options)?.map(\.name) ?? []) }
    }
    return table.columns.filter { !taken.contains($0.name) && table.isNumeric($0) }.map(\.name)
  }

  private static func split(
    _ table: Table, by columns: [Table.Column], _ options: Options
  ) throws(DataError) -> [Series] {
    var ids: [String] = []
    var rows: [String: [Int]] = [:]
    for row in 0..<table.rowCount {
      let id = name(of: row, in: table, columns)
      if rows[id] == nil { ids.append(id) }
      rows[id, default: []].append(row)
    }
    let label = columns.map(\.name).joined(separator: ", ")
    guard ids.count == 1 || rows.values.contains(where: { $0.count > 1 }) else {
      throw DataError(
        .tooFewRows, file: table.file, column: columns[0].name,
        "each of the \(ids.count) series has one row, if \(label.quoted) tells them apart",
        remedy: "name a column whose values stand in several rows")
    }
    var outcomes: [(id: String, outcome: Result<Series, DataError>)] = []
    let whole = NumericColumns(table)
    for id in ids {
      var reading = SeriesReading(ids.count == 1 ? table : table.selecting(rows[id]!), options)
      reading.idColumns = columns
      reading.id = id
      reading.whole = whole
      do throws(TimeFault) {
        for (name, outcome) in try reading.all() {
          outcomes.append((options.isWide ? (ids.count > 1 ? "\(id), \(name)" : name) : id, outcome))
        }
      } catch {
        outcomes.append((id, .failure(error.error)))
      }
    }
    if ids.count > 1 {
      outcomes = outcomes.map { id, outcome in
        (
          id,
          outcome.mapError { fault in
            var fault = fault
            fault.problem = "series \(id.quoted): \(fault.problem)"
            return fault
          }
        )
      }
    }
    var all = try found(outcomes, what: "series", options)
    if ids.count > 1 {
      let note =
        "\(CSVContent.count(ids.count, "series", plural: "series")) in one table, told apart by column \(label)"
      all[0] = all[0].named(all[0].id, notes: [note])
    }
    return all
  }

  private static func name(of row: Int, in table: Table, _ columns: [Table.Column]) -> String {
    columns.map { table.text(row: row, column: $0).trimmed }.joined(separator: ", ")
  }

  /// The error, which names the column that may hold the time of day where dates repeat.
  private static func pointing(
    _ error: DataError, toClockIn table: Table, _ source: TimeSource, _ options: Options
  ) -> DataError {
    guard error.code == .repeatedTime, source.form == .column else { return error }
    let taken = taken(source, options)
    let candidates = table.columns.prefix(100).filter {
      // What is written like 18:00 is not what is wrong.
      !taken.contains($0.name) && !table.text(row: 0, column: $0).contains(":") && isRepeated($0, in: table)
        && tellsApart([$0], in: table, source)
    }
    let rows = 0..<table.rowCount
    let dates = Set(rows.map(source.text)).count
    // Without such a name its values must be the same on every date, and other numbers be left to forecast.
    let isEven = { (column: Table.Column) in
      Set(rows.map { table.trimmedBytes(row: $0, column: column) }).count * dates == rows.count
        && table.columns[(column.index + 1)...].contains { !taken.contains($0.name) && table.isNumeric($0) }
    }
    guard let column = candidates.first(where: { isForTimes($0, in: table) }) ?? candidates.first(where: isEven) else {
      return error
    }
    var error = error
    error.remedy = "column \(column.name.shortened) looks like the time of day: write it like 18:00"
    // A mean of the day would be one of what the column tells apart.
    error.step = nil
    return error
  }

  /// Whether a column is named for times, and its first fields have digits: not the `day` of Monday, Tuesday.
  private static func isForTimes(_ column: Table.Column, in table: Table) -> Bool {
    let isNamed =
      TimeAxis.isNamedLikeTime(column.name) && !TimeAxis.isNamedForCounting(column.name)
      || TimeAxis.isNamedForPeriods(column.name)
    return isNamed
      && (0..<min(table.rowCount, 30)).allSatisfy { table.text(row: $0, column: column).contains(where: \.isNumber) }
  }

  /// The names of the columns that are something else already.
  private static func taken(_ source: TimeSource, _ options: Options) -> Set<String> {
    Set(
      source.columns.map(\.name) + [options.target, options.time].compactMap(\.self) + options.covariates
        + options.future + options.columns)
  }

  /// The columns with which every time occurs once: one column if there is such a one, else as few as do. A column that
  /// is named for times is none, unless its name says so.
  private static func idColumns(of table: Table, source: TimeSource, _ options: Options) -> [Table.Column]? {
    let taken = taken(source, options)
    let candidates = table.columns.prefix(1000).filter { column in
      guard !taken.contains(column.name) else { return false }
      guard !isForTimes(column, in: table) || isNamedLikeID(column.name) else { return false }
      let isNumeric = table.isNumeric(column)
      return (!isNumeric || isNamedLikeID(column.name)) && isRepeated(column, in: table)
    }
    let named = candidates.filter { isNamedLikeID($0.name) } + candidates.filter { !isNamedLikeID($0.name) }
    if let one = named.first(where: { tellsApart([$0], in: table, source) }) { return [one] }
    for (index, first) in named.prefix(8).enumerated() {
      for second in named.prefix(8).dropFirst(index + 1) where tellsApart([first, second], in: table, source) {
        return [first, second].sorted { $0.index < $1.index }
      }
    }
    return nil
  }

  static func isNamedLikeID(_ name: String) -> Bool {
    let words = name.lowercased().split { !$0.isLetter }.map(String.init)
    return words.contains { wordsForIDs.contains($0) || $0.hasSuffix("id") }
  }

  private static let wordsForIDs: Set = [
    "id", "ids", "uid", "key", "code", "store", "shop", "branch", "filiale", "tienda", "magasin", "item", "product",
    "produkt", "producto", "sku",
    "article", "artikel", "series", "serie", "sensor", "device", "station", "meter", "region", "country", "land",
    "state", "city",
    "site", "location", "customer", "client", "category", "group", "type", "name", "symbol", "ticker", "dept",
    "department", "family", "variable",
  ]

  /// Whether the values of a column occur more than once each, on the whole.
  private static func isRepeated(_ column: Table.Column, in table: Table) -> Bool {
    var values: Set<ArraySlice<UInt8>> = []
    for row in 0..<table.rowCount {
      values.insert(table.trimmedBytes(row: row, column: column))
      if values.count * 2 > table.rowCount { return false }
    }
    return values.count > 1
  }

  /// Whether no time occurs twice with the same values in these columns.
  private static func tellsApart(_ columns: [Table.Column], in table: Table, _ source: TimeSource) -> Bool {
    var seen: Set<[UInt8]> = []
    for row in 0..<table.rowCount {
      var key = Array(source.text(row))
      for column in columns { key += [0] + table.trimmedBytes(row: row, column: column) }
      if !seen.insert(key).inserted { return false }
    }
    return true
  }
}
