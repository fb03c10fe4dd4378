/// Takes a series out of a table.
struct SeriesReading {
  let table: Table
  let options: Series.Options
  /// Which of several series this is.
  var id: String?
  /// Columns that are neither time nor target.
  var idColumns: [Table.Column] = []

  init(_ table: Table, _ options: Series.Options) {
    self.table = table
    self.options = options
  }

  /// The columns that options name.
  private struct Choice {
    var time: Table.Column?
    var target: Table.Column?
    var covariates: [Table.Column]
  }

  private func choice() throws(DataError) -> Choice {
    let choice = Choice(
      time: try options.time.map { name throws(DataError) in try table.column(named: name) },
      target: try options.target.map { name throws(DataError) in try table.column(named: name) },
      covariates: try options.covariates.map { name throws(DataError) in try table.column(named: name) })
    var seen: Set<Table.Column> = []
    for column in [choice.time, choice.target].compactMap(\.self) + choice.covariates + idColumns
    where !seen.insert(column).inserted {
      throw DataError(
        .columnUsedTwice, file: table.file, "column \(column.name.quoted) is named twice",
        remedy: "target, time and covariates must differ")
    }
    return choice
  }

  /// - Throws: ``TimeFault`` with the columns of the times when these are at fault.
  func series() throws(TimeFault) -> Series {
    let choice: Choice
    do throws(DataError) { choice = try self.choice() } catch { throw TimeFault(error: error) }
    var rows = table
    var notes: [String] = []
    let finding: TimeFinding
    do throws(TimeFault) {
      finding = try times(rows, choice)
    } catch {
      // A total below the data is no time.
      guard let source = error.source, let last = lastTime(of: source), last < table.rowCount else { throw error }
      rows = table.selecting(0..<last)
      do throws(TimeFault) { finding = try times(rows, choice) } catch _ { throw error }
      notes.append("\(CSVContent.count(table.rowCount - last, "line")) below the data passed over")
    }
    do throws(DataError) {
      return try series(rows, finding, choice, notes: notes)
    } catch {
      throw TimeFault(error: error)
    }
  }

  private func times(_ table: Table, _ choice: Choice) throws(TimeFault) -> TimeFinding {
    if options.countsRows { return TimeFinding(axis: TimeAxis(count: table.rowCount)) }
    let others = Set([choice.target].compactMap(\.self) + choice.covariates + idColumns)
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
    _ table: Table, _ finding: TimeFinding, _ choice: Choice, notes before: [String]
  ) throws(DataError) -> Series {
    var notes = before + finding.notes + finding.axis.notes
    let taken = finding.columns + choice.covariates + idColumns
    let target =
      if let chosen = choice.target { chosen } else {
        try lastNumericColumn(of: table, except: taken, notes: &notes)
      }

    let order = finding.axis.places(rowCount: table.rowCount)
    func numbers(_ column: Table.Column) throws(DataError) -> [Double] {
      do throws(DataError) {
        let written = try table.numbers(in: column, allowsMissing: options.filling != nil, notes: &notes)
        var values = order.map { place in place.map { written[$0] } ?? .nan }

        if let filling = options.filling {
          try filling.fill(&values, name: column.name, file: table.file, notes: &notes)
        }
        return values
      } catch {
        guard error.code == .missingValue, error.setting == .fill, finding.source != nil else { throw error }
        // Without its row the times would have a gap.
        var error = error
        error.remedy = "fill it (e.g. with the last known value)"
        throw error
      }
    }
    let values = try numbers(target)
    let covariates = try choice.covariates.map { column throws(DataError) in
      Series.Covariate(name: column.name, values: try numbers(column))
    }
    return Series(
      name: target.name, id: id, values: values, times: finding.axis, covariates: covariates, file: table.file,
      notes: table.notes + notes, rows: order.map { $0.map { Int32(truncatingIfNeeded: table.rowNumber($0)) } ?? 0 })
  }

  private func lastNumericColumn(
    of table: Table, except taken: [Table.Column], notes: inout [String]
  ) throws(DataError) -> Table.Column {
    let taken = Set(taken)
    let free = table.columns.filter { !taken.contains($0) }
    guard let column = free.last(where: table.isNumeric) else {
      throw DataError(
        .noNumericColumn, file: table.file, "no column holds numbers to forecast",
        remedy: free.last.map { "column \($0.name.quoted) begins with \(table.text(row: 0, column: $0).quoted)" }
          ?? "add a column of values")
    }
    // Which of several is meant is an assumption; of very many columns not all are looked through.
    let others = free.prefix(40).filter { $0 != column && table.isNumeric($0) }
    if !others.isEmpty {
      let names = others.prefix(8).map(\.name.shortened).joined(separator: ", ") + (others.count > 8 ? ", …" : "")
      notes.append("column \(column.name.shortened) is forecast, the last of numbers; the others are \(names)")
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
