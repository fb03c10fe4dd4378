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

  /// What is taken from a table, and what is known better than the table can tell. Nil is looked for.
  public struct Options: Hashable, Sendable {
    /// The column to forecast; by default the last column of numbers that is not the time.
    public var target: String?
    /// The time column; by default it is looked for (``TimeAxis/guess(in:excluding:)``).
    public var time: String?
    /// Whether rows are counted, and no column is read as times.
    public var countsRows = false
    /// Columns observed beside the target.
    public var covariates: [String] = []
    /// The columns whose values tell several series apart that stand in one table; by default they are looked for when
    /// times repeat.
    public var id: [String] = []
    /// The order of year, month and day in dates.
    public var dates: DateOrder?
    /// What takes the place of missing values and of missing rows; by default both are refused.
    public var filling: Filling?

    /// Makes options that leave everything to the table.
    public init(target: String? = nil, time: String? = nil, covariates: [String] = []) {
      self.target = target
      self.time = time
      self.covariates = covariates
    }
  }

  /// The name of the quantity.
  public let name: String
  /// Which of several series in one table this is, by the values of the columns that tell them apart; nil when there is
  /// one series.
  public let id: String?
  /// One finite value for each time, oldest first.
  public let values: [Double]
  /// The times.
  public let times: TimeAxis
  /// What is observed beside it; none by default.
  public let covariates: [Covariate]
  /// The path of the file, for messages; nil when the series did not come from one.
  public let file: String?
  /// What was assumed in reading it, a line each.
  public let notes: [String]
  /// The number of each value's row in the file; empty when the series did not come from a table.
  private let rows: [Int32]

  /// How many times there are.
  public var count: Int { values.count }
  /// How far apart the times lie.
  public var frequency: Frequency { times.frequency }

  /// Makes a series from numbers that are known to be finite, as many in every covariate as in `values` and `times`.
  public init(
    name: String, values: [Double], times: TimeAxis? = nil, covariates: [Covariate] = [], file: String? = nil
  ) {
    self.init(
      name: name, id: nil, values: values, times: times ?? TimeAxis(count: values.count), covariates: covariates,
      file: file, notes: [], rows: [])
  }

  init(
    name: String, id: String?, values: [Double], times: TimeAxis, covariates: [Covariate], file: String?,
    notes: [String], rows: [Int32]
  ) {
    for (what, count) in [("times", times.count)] + covariates.map({ ($0.name, $0.values.count) })
    where count != values.count {
      fatalError("a series of \(values.count) values cannot have \(count) \(what)")
    }
    self.name = name
    self.id = id
    self.values = values
    self.times = times
    self.covariates = covariates
    self.file = file
    self.notes = notes
    self.rows = rows
  }

  /// Takes a series from a table.
  ///
  /// - Parameters:
  ///   - table: The table.
  ///   - target: The column to forecast; by default the last column of numbers that is not the time.
  ///   - time: The time column; by default it is looked for (``TimeAxis/guess(in:excluding:)``).
  ///   - covariates: Columns observed beside the target.
  /// - Throws: What ``init(table:options:)`` throws.
  public init(
    table: Table, target: String? = nil, time: String? = nil, covariates: [String] = []
  ) throws(DataError) {
    try self.init(table: table, options: Options(target: target, time: time, covariates: covariates))
  }

  /// Takes a series from a table.
  ///
  /// - Throws: `noSuchColumn`, `columnUsedTwice`, `noNumericColumn`; `notANumber`, `doubtfulNumber`, `missingValue` or
  ///   `infiniteValue` with the row; a fault of the times, such as `repeatedTime` for a table of several series, which
  ///   ``all(in:options:)`` reads.
  public init(table: Table, options: Options) throws(DataError) {
    do throws(TimeFault) {
      self = try SeriesReading(table, options).series()
    } catch {
      throw error.error
    }
  }

  /// Reads a series from a CSV file.
  ///
  /// - Throws: What ``Table/init(contentsOf:format:)`` and ``init(table:options:)`` throw.
  public init(
    contentsOf path: String, target: String? = nil, time: String? = nil, covariates: [String] = []
  ) throws(DataError) {
    try self.init(table: Table(contentsOf: path), target: target, time: time, covariates: covariates)
  }

  /// The first `count` times and their values.
  public func prefix(_ count: Int) -> Series {
    Series(
      name: name, id: id, values: Array(values.prefix(count)), times: times.prefix(count),
      covariates: covariates.map { Covariate(name: $0.name, values: Array($0.values.prefix(count))) }, file: file,
      notes: notes, rows: Array(rows.prefix(count)))
  }

  /// The number of a value's row in the file, as a spreadsheet counts; nil when the series did not come from a table,
  /// or the row is missing there and was filled in.
  ///
  /// - Parameter position: The position of the value, from 0.
  public func rowNumber(of position: Int) -> Int? {
    rows.indices.contains(position) && rows[position] > 0 ? Int(rows[position]) : nil
  }
}
