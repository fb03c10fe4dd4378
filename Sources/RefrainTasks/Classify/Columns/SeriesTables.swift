import RefrainData

/// Series in tables of their own, one a file: a step a row, a channel a column.
struct SeriesTables: Codable, Sendable, Equatable {
  /// The columns of values, the same in all tables.
  let channels: [String]
  /// The column of times; nil where steps are only counted.
  let time: String?

  /// What the names of such files end in.
  static let endings: Set<String> = ["csv", "tsv"]

  /// What columns of times are called.
  private static let usual: Set<String> = ["time", "timestamp", "date", "datetime", "t", "seconds", "hours", "ms"]

  /// Learns of the first of the tables.
  ///
  /// - Parameter time: The column of times; nil is found by its name.
  init(_ column: Column, time: String?) throws(DataError) {
    let table = try Self.placed(column, 0) { () throws(DataError) in
      let table = try Self.table(column, row: 0)
      if let time { _ = try table.column(named: time) }
      return table
    }
    if let time {
      self.time = table.columns[try table.column(named: time)]
    } else {
      self.time = table.columns.first { Self.usual.contains($0.lowercased()) }
    }
    let (found, own) = (self.time, table.columns)
    channels = own.indices.filter { place in
      own[place] != found && NumberColumn.likelihood(of: Column(table, place).sample) > 0
    }.map { own[$0] }
    guard !channels.isEmpty else {
      throw column.fault(
        .noNumericColumn, row: 0, "\((column.text(0) ?? "").shortened): there is no column of numbers",
        remedy: "a series needs a row for each step and a column for each channel")
    }
  }

  /// The series of a row.
  func series(in column: Column, row: Int) throws(DataError) -> SeriesText {
    try Self.placed(column, row) { () throws(DataError) in
      let table = try Self.table(column, row: row)
      var values: [[Double]] = []
      for name in channels {
        let own = Column(table, try table.column(named: name))
        var numbers: [Double] = []
        numbers.reserveCapacity(table.count)
        for step in 0..<table.count { numbers.append(try NumberColumn.number(in: own, row: step) ?? .nan) }
        values.append(numbers)
      }
      let moments = try time.map { name throws(DataError) in try table.moments(try table.column(named: name)) }
      return SeriesText(channels: values, times: moments ?? [])
    }
  }

  private static func table(_ column: Column, row: Int) throws(DataError) -> Records {
    guard let path = column.path(row) else {
      throw column.fault(.missingValue, row: row, "there is no path", remedy: "name a table or remove the row")
    }
    return try Records(DataSource(paths: [path]))
  }

  /// The error of a table that is named in a row, at that row.
  private static func placed<Result>(
    _ column: Column, _ row: Int, _ body: () throws(DataError) -> Result
  ) throws(DataError) -> Result {
    do throws(DataError) {
      return try body()
    } catch {
      guard !column.holdsFiles, column.path(row) != nil else { throw error }
      throw column.fault(error.code, row: row, "\(error)")
    }
  }
}
