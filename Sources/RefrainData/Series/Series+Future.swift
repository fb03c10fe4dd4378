extension Series {
  /// The same series with what a table of its own says of the future of its covariates.
  ///
  /// Rows are found by their time, written in the layout of the series; where the table has no column of times of that
  /// name they are taken in their order.
  ///
  /// - Parameters:
  ///   - table: A row a time, with the columns that are known ahead.
  ///   - options: Which columns these are, and which tell several series apart.
  /// - Throws: `noSuchColumn`, `missingValue`, `notANumber`; `wrongInput` when no row is of the time after the series,
  ///   or a category was never seen.
  public func knowing(_ table: Table, options: Options) throws(DataError) -> Series {
    let table = try table.meant(by: options)
    let rows = try futureRows(table, options)
    guard !rows.isEmpty else {
      throw DataError(
        .wrongInput, file: table.file,
        "there is no row for \(times.text(at: count))" + (id.map { " of the series \($0.quoted)" } ?? ""),
        remedy: "the rows must begin with the time that follows the series")
    }
    var known: [String: [Double]] = [:]
    var covariates = covariates
    for index in covariates.indices where covariates[index].role == .future {
      let column = try table.column(named: covariates[index].column)
      if let category = covariates[index].category {
        let categories = Set(covariates.filter { $0.column == column.name }.compactMap(\.category))
        for row in rows {
          let text = table.text(row: row, column: column).trimmed
          guard categories.contains(text) else {
            throw table.fault(
              .wrongInput, row: row, column: column, "the category \(text.quoted) is not one that the series had",
              remedy: "the known ones are " + categories.sorted().prefix(12).map(\.quoted).joined(separator: ", "))
          }
        }
        covariates[index].future = rows.map { table.text(row: $0, column: column).trimmed == category ? 1 : 0 }
      } else {
        var notes: [String] = []
        let numbers: [Double]
        if let found = known[column.name] {
          numbers = found
        } else {
          numbers = try table.numbers(in: column, allowsMissing: true, notes: &notes)
        }
        known[column.name] = numbers
        if let row = rows.first(where: { numbers[$0].isNaN }) {
          throw table.fault(
            .missingValue, row: row, column: column, "the value is missing, and what is known ahead must be there",
            remedy: "write it")
        }
        covariates[index].future = rows.map { numbers[$0] }
      }
    }
    var series = with(covariates: covariates)
    series.futureFile = table.file
    return series
  }

  /// The rows of the times after the series, as far as there are such.
  private func futureRows(_ table: Table, _ options: Options) throws(DataError) -> [Int] {
    let ids = try options.id.map { name throws(DataError) in try table.column(named: name) }
    let own = (0..<table.rowCount).filter { row in
      id == nil || ids.isEmpty
        || ids.map { table.text(row: row, column: $0).trimmed }.joined(separator: ", ") == id
    }
    let name = options.time ?? times.name
    guard let column = table.columns.first(where: { $0.name == name }) else { return own }
    let places = Dictionary(
      own.map { (times.rewritten(table.text(row: $0, column: column).trimmed), $0) },
      uniquingKeysWith: { first, _ in first })
    var rows: [Int] = []
    while let row = places[times.text(at: count + rows.count)] { rows.append(row) }
    return rows
  }
}
