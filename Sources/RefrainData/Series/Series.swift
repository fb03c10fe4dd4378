/// One quantity observed at evenly spaced times, with other quantities observed beside it.
public struct Series: Hashable, Sendable {
  /// Another quantity, observed at the same times.
  public struct Covariate: Hashable, Sendable {
    /// The column's name.
    public var name: String
    /// One value for each time.
    public var values: [Double]

    /// Makes a covariate.
    public init(name: String, values: [Double]) {
      self.name = name
      self.values = values
    }
  }

  /// The name of the quantity.
  public let name: String
  /// One finite value for each time, oldest first.
  public let values: [Double]
  /// The times.
  public let times: TimeAxis
  /// What is observed beside it; none by default.
  public let covariates: [Covariate]
  /// The path of the file, for messages; nil when the series did not come from one.
  public let file: String?

  /// How many times there are.
  public var count: Int { values.count }
  /// How far apart the times lie.
  public var frequency: Frequency { times.frequency }

  /// Makes a series from numbers that are known to be finite, as many in every covariate as in `values` and `times`.
  public init(
    name: String, values: [Double], times: TimeAxis? = nil, covariates: [Covariate] = [], file: String? = nil
  ) {
    let times = times ?? TimeAxis(count: values.count)
    for (what, count) in [("times", times.count)] + covariates.map({ ($0.name, $0.values.count) })
    where count != values.count {
      fatalError("a series of \(values.count) values cannot have \(count) \(what)")
    }
    self.name = name
    self.values = values
    self.times = times
    self.covariates = covariates
    self.file = file
  }

  /// Takes a series from a table.
  ///
  /// - Parameters:
  ///   - table: The table.
  ///   - target: The column to forecast; by default the last column of numbers that is not the time.
  ///   - time: The time column; by default it is looked for (``TimeAxis/guess(in:excluding:)``).
  ///   - covariates: Columns observed beside the target.
  /// - Throws: `noSuchColumn`, `columnUsedTwice`, `noNumericColumn`; `notANumber`, `missingValue` or `infiniteValue`
  ///   with the row; a fault of the times; `constantSeries`.
  public init(
    table: Table, target: String? = nil, time: String? = nil, covariates: [String] = []
  ) throws(DataError) {
    let chosenTime = try time.map { name throws(DataError) in try table.column(named: name) }
    let chosenTarget = try target.map { name throws(DataError) in try table.column(named: name) }
    let beside = try covariates.map { name throws(DataError) in try table.column(named: name) }
    try Self.checkDistinct([chosenTime, chosenTarget].compactMap(\.self) + beside, in: table)

    let times: TimeAxis
    var timeColumn = chosenTime
    if let chosenTime {
      times = try TimeAxis(table: table, column: chosenTime)
    } else {
      (times, timeColumn) = try TimeAxis.guess(in: table, excluding: Set([chosenTarget].compactMap(\.self) + beside))
    }
    let column =
      if let chosenTarget { chosenTarget } else {
        try Self.lastNumericColumn(of: table, except: [timeColumn].compactMap(\.self) + beside)
      }

    name = column.name
    values = try table.numbers(in: column)
    self.times = times
    self.covariates = try beside.map { column throws(DataError) in
      Covariate(name: column.name, values: try table.numbers(in: column))
    }
    file = table.file
    if values.allSatisfy({ $0 == values[0] }) {
      throw DataError(
        .constantSeries, file: file, column: name,
        values.count == 1 ? "there is a single value" : "all \(values.count) values are \(values[0])",
        remedy: values.count == 1 ? "add more rows" : "there is nothing to learn: choose another column")
    }
  }

  /// Reads a series from a CSV file.
  ///
  /// - Throws: What ``Table/init(contentsOf:)`` and ``init(table:target:time:covariates:)`` throw.
  public init(
    contentsOf path: String, target: String? = nil, time: String? = nil, covariates: [String] = []
  ) throws(DataError) {
    try self.init(table: Table(contentsOf: path), target: target, time: time, covariates: covariates)
  }

  /// The first `count` times and their values.
  public func prefix(_ count: Int) -> Series {
    Series(
      name: name, values: Array(values.prefix(count)), times: times.prefix(count),
      covariates: covariates.map { Covariate(name: $0.name, values: Array($0.values.prefix(count))) }, file: file)
  }

  private static func checkDistinct(_ columns: [Table.Column], in table: Table) throws(DataError) {
    var seen: Set<Table.Column> = []
    for column in columns where !seen.insert(column).inserted {
      throw DataError(
        .columnUsedTwice, file: table.file, "column \(column.name.quoted) is named twice",
        remedy: "target, time and covariates must differ")
    }
  }

  private static func lastNumericColumn(
    of table: Table, except taken: [Table.Column]
  ) throws(DataError) -> Table.Column {
    let free = table.columns.filter { !taken.contains($0) }
    if let column = free.last(where: table.isNumeric) { return column }
    throw DataError(
      .noNumericColumn, file: table.file, "no column holds numbers to forecast",
      remedy: free.last.map { "column \($0.name.quoted) begins with \(table.text(row: 0, column: $0).quoted)" }
        ?? "add a column of values")
  }
}
