/// Which columns of a table hold numbers. Each is looked through once, however many series ask.
final class NumericColumns {
  private let table: Table
  private var known: [Table.Column: Bool] = [:]
  private var idle: [Table.Column: Bool] = [:]

  init(_ table: Table) { self.table = table }

  /// Whether the fields of a column are all the same, or count the rows and are called so.
  func saysNothing(_ column: Table.Column) -> Bool {
    if let known = idle[column] { return known }
    let saysNothing = table.rowCount > 2 && (isConstant(column) || isCalledCount(column.name) && countsRows(column))
    idle[column] = saysNothing
    return saysNothing
  }

  private func isConstant(_ column: Table.Column) -> Bool {
    let first = table.trimmedBytes(row: 0, column: column)
    return (1..<table.rowCount).allSatisfy { table.trimmedBytes(row: $0, column: column) == first }
  }

  private func isCalledCount(_ name: String) -> Bool {
    TimeAxis.isNamedForCounting(name) || TimeAxis.words(of: name).last == "id" || name.hasPrefix("column ")
      || name.hasPrefix("Unnamed")
  }

  private func countsRows(_ column: Table.Column) -> Bool {
    func number(_ row: Int) -> Int? {
      Int(String(decoding: table.trimmedBytes(row: row, column: column), as: UTF8.self))
    }
    guard let start = number(0) else { return false }
    return (1..<table.rowCount).allSatisfy { number($0) == start &+ $0 }
  }

  func contains(_ column: Table.Column) -> Bool {
    if let isNumeric = known[column] { return isNumeric }
    let isNumeric = table.isNumeric(column)
    known[column] = isNumeric
    return isNumeric
  }
}

/// Takes a series out of a table.
struct SeriesReading {
  let table: Table
  let options: Series.Options
  /// Which of several series this is.
  var id: String?
  /// The columns of the table of all series, of which this is a part: what a column holds is told by all of them.
  var whole: NumericColumns?
  /// Columns that are neither time nor target.
  var idColumns: [Table.Column] = []

  init(_ table: Table, _ options: Series.Options) {
    self.table = table
    self.options = options
  }

  /// The columns that options name.
  private struct Choice {
    var time: Table.Column?
    var targets: [Table.Column]
    var covariates: [(column: Table.Column, role: Series.Covariate.Role)]

    var all: [Table.Column] { [time].compactMap(\.self) + targets + covariates.map(\.column) }
  }

  private func choice() throws(DataError) -> Choice {
    func column(_ name: String) throws(DataError) -> Table.Column { try table.column(named: name) }
    let named = options.isWide ? options.columns : [options.target].compactMap(\.self)
    let choice = Choice(
      time: try options.time.map { name throws(DataError) in try column(name) },
      targets: try named.map { name throws(DataError) in try column(name) },
      covariates: try options.covariates.map { name throws(DataError) in (try column(name), .past) }
        + options.future.map { name throws(DataError) in (try column(name), .future) })
    var seen: Set<Table.Column> = []
    for column in choice.all + idColumns where !seen.insert(column).inserted {
      throw DataError(
        .columnUsedTwice, file: table.file, "column \(column.name.quoted) is named twice",
        remedy: "target, time and covariates must differ")
    }
    return choice
  }

  /// - Throws: ``TimeFault`` with the columns of the times when these are at fault.
  func series() throws(TimeFault) -> Series {
    let results = try all()
    do throws(DataError) { return try results[0].outcome.get() } catch { throw TimeFault(error: error) }
  }

  /// The series of one column, or of the columns of a wide table, each with its fault where it cannot be read.
  ///
  /// - Throws: ``TimeFault`` with the columns of the times when these are at fault.
  func all() throws(TimeFault) -> [(name: String, outcome: Result<Series, DataError>)] {
    let choice: Choice
    do throws(DataError) { choice = try self.choice() } catch { throw TimeFault(error: error) }
    var rows = table
    var notes: [String] = []
    let groups: RowGroups
    do throws(TimeFault) {
      groups = try self.groups(rows, choice)
    } catch {
      // A total below the data is no time.
      guard let source = error.source, let last = lastTime(of: source), last < table.rowCount else { throw error }
      rows = table.selecting(0..<last)
      do throws(TimeFault) { groups = try self.groups(rows, choice) } catch _ { throw error }
      notes.append("\(CSVContent.count(table.rowCount - last, "line")) below the data passed over")
    }
    do throws(DataError) {
      var targets = choice.targets
      let taken = Set(groups.columns + choice.covariates.map(\.column) + idColumns)
      if targets.isEmpty {
        targets =
          options.isWide
          ? rows.columns.filter {
            !taken.contains($0) && ((whole?.contains($0) ?? rows.isNumeric($0)) || isEmpty($0, in: rows))
          }
          : [try lastNumericColumn(of: rows, except: taken, notes: &notes)]
      }
      guard !targets.isEmpty else {
        throw DataError(
          .noNumericColumn, file: table.file, "no column holds numbers to forecast", remedy: "add a column of values")
      }
      return targets.map { target -> (name: String, outcome: Result<Series, DataError>) in
        do throws(DataError) {
          return (target.name, .success(try series(rows, groups, target, choice, notes: notes)))
        } catch {
          return (target.name, .failure(error))
        }
      }
    } catch {
      throw TimeFault(error: error)
    }
  }

  private func isEmpty(_ column: Table.Column, in table: Table) -> Bool {
    (0..<table.rowCount).allSatisfy { table.field(row: $0, column: column) == .missing }
  }

  private func groups(_ table: Table, _ choice: Choice) throws(TimeFault) -> RowGroups {
    let others = Set(choice.targets + choice.covariates.map(\.column) + idColumns)
    guard let period = options.every, !options.countsRows else {
      return RowGroups(try times(table, choice, excluding: others), rowCount: table.rowCount)
    }
    do throws(DataError) {
      let source = try TimeSource.found(in: table, named: options.time, excluding: others, order: options.dates)
      return try RowGroups(
        source, every: period, order: options.dates, dropsPart: options.aggregate == .sum, file: table.file)
    } catch {
      throw TimeFault(error: error)
    }
  }

  private func times(
    _ table: Table, _ choice: Choice, excluding others: Set<Table.Column>
  ) throws(TimeFault) -> TimeFinding {
    if options.countsRows { return TimeFinding(axis: TimeAxis(count: table.rowCount)) }
    let filling = options.filling != nil
    do throws(TimeFault) {
      guard let time = choice.time else { return try TimeAxis.find(in: table, excluding: others, order: options.dates) }
      let clocks = TimeAxis.clocks(for: time, in: table, excluding: others)
      return try TimeAxis.read(TimeSource(table, time), clocks: clocks, order: options.dates)
    } catch {
      guard filling, error.error.code == .gapInTimes, let source = error.source else { throw error }
      do throws(DataError) {
        return TimeFinding(axis: try TimeAxis(filling: source, order: options.dates), source: source)
      } catch {
        throw TimeFault(error: error, source: source)
      }
    }
  }

  private func series(
    _ table: Table, _ groups: RowGroups, _ target: Table.Column, _ choice: Choice, notes before: [String]
  ) throws(DataError) -> Series {
    var notes = before + groups.notes
    let aggregate = options.every == nil ? Aggregate.last : options.aggregate
    let hasFuture = !options.future.isEmpty
    var values: [Double]
    do throws(DataError) {
      // What is to come has no value yet.
      let written = try table.numbers(in: target, allowsMissing: options.filling != nil || hasFuture, notes: &notes)
      if let filler = FillerValue(in: written) {
        notes.append(
          "column \(target.name.shortened): \(filler.shown) stands \(filler.count) times (first in row "
            + "\(table.rowNumber(filler.first))), \(filler.reason): if it means missing, write NA")
      }
      values = groups.rows.map { rows in aggregate(rows.map { written[$0] }) }
    } catch {
      guard error.code == .missingValue, error.setting == .fill, groups.source != nil else { throw error }
      // Without its row the times would have a gap.
      var error = error
      error.remedy = "fill it (e.g. with the last known value)"
      throw error
    }
    guard let first = values.firstIndex(where: { !$0.isNaN }), let last = values.lastIndex(where: { !$0.isNaN }) else {
      throw DataError(
        .missingValue, file: table.file, column: target.name, "every value is missing", remedy: "choose another column")
    }
    // Where values end the forecast begins; where they begin the series does.
    let isTrimmed = options.filling == .asIs || hasFuture
    let span = isTrimmed ? first..<last + 1 : 0..<values.count
    let covariates = try CovariateReading(table, groups, options, known: span, aggregate: aggregate)
      .covariates(choice.covariates, notes: &notes)
    if isTrimmed, span.upperBound < values.count, !hasFuture {
      let count = values.count - span.upperBound
      notes.append(
        "column \(target.name.shortened): \(CSVContent.count(count, "row")) at the end without a value: the forecast "
          + "begins there")
    }
    values = Array(values[span])
    if options.filling == nil, let gap = values.firstIndex(where: \.isNaN) {
      throw table.fault(
        .missingValue, row: groups.rows[span.lowerBound + gap].first ?? 0, column: target, "the value is missing",
        remedy: "fill it (e.g. with the last known value) or remove the row", setting: .fill)
    }
    try options.filling?.fill(&values, name: target.name, file: table.file, notes: &notes)
    var series = Series(
      name: target.name, id: id, values: values, times: groups.axis.dropFirst(span.lowerBound).prefix(span.count),
      covariates: covariates, file: table.file, notes: table.notes + notes,
      rows: groups.rows[span].map { $0.first.map { Int32(truncatingIfNeeded: table.rowNumber($0)) } ?? 0 })
    series.isPercentage = isPercentage(target, in: table)
    return series
  }

  /// Whether a sign or the column's name says so; a change in percent may be more than all.
  private func isPercentage(_ column: Table.Column, in table: Table) -> Bool {
    let name = column.name.lowercased()
    guard !["change", "growth", "return", "increase"].contains(where: name.contains) else { return false }
    return name.contains("%") || name.contains("percent") || name.contains("pct")
      || (0..<min(table.rowCount, 20)).contains { table.text(row: $0, column: column).contains("%") }
  }

  private func lastNumericColumn(
    of table: Table, except taken: Set<Table.Column>, notes: inout [String]
  ) throws(DataError) -> Table.Column {
    let free = table.columns.filter { !taken.contains($0) }
    let isNumeric = whole?.contains ?? table.isNumeric
    guard let last = free.last(where: isNumeric) else {
      throw DataError(
        .noNumericColumn, file: table.file, "no column holds numbers to forecast",
        remedy: free.last.map {
          "column \($0.name.quoted) begins with \(table.text(row: 0, column: $0).quoted): write plain numbers there"
        } ?? "add a column of values")
    }
    // What numbers the rows, or is the same in all, is no quantity where there is another.
    let columns = whole ?? NumericColumns(table)
    let column = free.last { isNumeric($0) && !columns.saysNothing($0) } ?? last
    // Which of several is meant is an assumption; of very many columns not all are looked through.
    let others = free.prefix(40).filter { $0 != column && isNumeric($0) }
    if !others.isEmpty {
      let names = others.prefix(8).map(\.name.shortened).joined(separator: ", ") + (others.count > 8 ? ", …" : "")
      let which = column == last ? "the last of numbers" : "the last of numbers that differ, and do not count the rows"
      notes.append("column \(column.name.shortened) is forecast, \(which); the others are \(names)")
    }
    return column
  }

  /// The number of rows up to a total at the end; nil when there is none.
  private func lastTime(of source: TimeSource) -> Int? {
    let rows = table.rowCount
    for row in max(1, rows - 3)..<max(1, rows) where CSVContent.isTotal(source.text(row)) { return row }
    // The word may stand in another column, beside a time that is missing.
    for row in max(1, rows - 3)..<max(1, rows) where source.isMissing(row) {
      let hasWord = table.columns.contains { CSVContent.isTotal(table.trimmedBytes(row: row, column: $0)) }
      if hasWord { return row }
    }
    return nil
  }
}

extension TimeAxis {
  /// Each position's row of the table; nil for a time that has none.
  func places(rowCount: Int) -> [Int?] {
    if let rowPlaces { return rowPlaces }
    return (0..<rowCount).map { isNewestFirst ? rowCount - 1 - $0 : $0 }
  }
}

extension Table {
  /// The table that options are about.
  ///
  /// - Throws: What ``meant(time:values:others:id:isPlain:)`` throws.
  func meant(by options: Series.Options) throws(DataError) -> Table {
    try meant(
      time: options.time, values: options.isWide ? options.columns : [options.target].compactMap(\.self),
      others: options.covariates + options.future, id: options.id, isPlain: options.countsRows)
  }
}
