/// One quantity observed at evenly spaced times, with other quantities observed beside it.
public struct Series: Hashable, Sendable {
  /// Another quantity, observed at the same times.
  public struct Covariate: Hashable, Sendable {
    /// When its values are known.
    public enum Role: String, Hashable, Sendable, Codable {
      /// Once they have been observed.
      case past
      /// Ahead of time, such as holidays.
      case future
      /// Always: it is the same throughout a series, and may differ from another's.
      case fixed
    }

    /// The column that it was taken from.
    public var column: String
    /// The category that it is 1 for, and 0 for all others; nil for a column of numbers.
    public var category: String?
    /// When its values are known.
    public var role: Role
    /// One finite value for each time.
    public var values: [Double]
    /// What is known of it after the last time of the series, step by step.
    public var future: [Double]

    /// The column's name, and the category of one: `weather=rain`.
    public var name: String { category.map { "\(column)=\($0)" } ?? column }

    /// Makes a covariate that is known once it was observed.
    public init(name: String, values: [Double]) { self.init(column: name, values: values) }

    /// Makes a covariate.
    public init(
      column: String, category: String? = nil, role: Role = .past, values: [Double], future: [Double] = []
    ) {
      self.column = column
      self.category = category
      self.role = role
      self.values = values
      self.future = future
    }

    /// The first values; what follows them is known if it is known ahead.
    func prefix(_ count: Int) -> Covariate {
      var part = self
      part.values = Array(values.prefix(count))
      part.future = role == .past ? [] : values.dropFirst(count) + future
      return part
    }
  }

  /// What is taken from a table, and what is known better than the table can tell. Nil is looked for.
  public struct Options: Hashable, Sendable {
    /// The column to forecast; by default the last column of numbers that is not the time, and, where there are others,
    /// neither numbers the rows nor is the same in all.
    public var target: String?
    /// The time column; by default it is looked for (``TimeAxis/guess(in:excluding:)``).
    public var time: String?
    /// Whether rows are counted, and no column is read as times.
    public var countsRows = false
    /// Columns observed beside the target.
    public var covariates: [String] = []
    /// Columns observed beside the target that are known ahead: their values stand in rows after the last value of the
    /// target.
    public var future: [String] = []
    /// The categories that columns may have where they are known already; nil takes those there are.
    public var categories: [String: [String]]?
    /// Whether every column of numbers is a series, or every one of these.
    public var isWide = false
    /// The columns that are series of a wide table; none stands for all.
    public var columns: [String] = []
    /// The step of time over which rows are brought together; nil takes them as they are.
    public var every: TimePeriod?
    /// What the values within such a step make.
    public var aggregate = Aggregate.mean
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
  /// One finite value for each time, oldest first. For one that is missing stands what lies between its neighbors.
  public let values: [Double]
  /// Which values were observed; empty where all were.
  public let observed: [Bool]
  /// The times.
  public let times: TimeAxis
  /// What is observed beside it; none by default.
  public let covariates: [Covariate]
  /// The path of the file, for messages; nil when the series did not come from one.
  public let file: String?
  /// What was assumed in reading it, a line each.
  public let notes: [String]
  /// Whether the file calls the values percentages, by a sign or in the column's name.
  public var isPercentage = false
  /// The path of the file that tells the future of its covariates, where that is not its own.
  package internal(set) var futureFile: String?
  /// The number of each value's row in the file; empty when the series did not come from a table.
  private let rows: [Int32]

  /// How many times there are.
  public var count: Int { values.count }
  /// How many values are missing.
  public var missingCount: Int { observed.count { !$0 } }
  /// Whether the value at a position was observed.
  public func isObserved(_ position: Int) -> Bool { observed.isEmpty || observed[position] }
  /// How far apart the times lie.
  public var frequency: Frequency { times.frequency }

  /// Makes a series from numbers, as many in every covariate as in `values` and `times`.
  ///
  /// - Parameter values: NaN is missing; at least one is not, and none is infinite.
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
    if values.contains(where: \.isNaN) {
      observed = values.map { !$0.isNaN }
      var filled = values
      Filling.linear.fill(&filled)
      self.values = filled
    } else {
      observed = []
      self.values = values
    }
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
    let table = try table.meant(by: options)
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
    var part = Series(
      name: name, id: id, values: Array(gappedValues.prefix(count)), times: times.prefix(count),
      covariates: covariates.map { $0.prefix(count) }, file: file, notes: notes, rows: Array(rows.prefix(count)))
    (part.isPercentage, part.futureFile) = (isPercentage, futureFile)
    return part
  }

  /// The same series as one of several, under a name that tells it apart.
  public func identified(_ id: String) -> Series { changed(id: id, notes: notes) }

  /// The values with NaN where one is missing.
  public var gappedValues: [Double] {
    observed.isEmpty ? values : zip(values, observed).map { $1 ? $0 : .nan }
  }

  /// The same series under another name among several, and with more notes.
  package func named(_ id: String?, notes more: [String] = []) -> Series { changed(id: id, notes: more + notes) }

  /// The same series with other values known of its covariates' future.
  package func with(covariates: [Covariate]) -> Series {
    changed(id: id, notes: notes, covariates: covariates)
  }

  private func changed(id: String?, notes: [String], covariates: [Covariate]? = nil) -> Series {
    var changed = Series(
      name: name, id: id, values: gappedValues, times: times, covariates: covariates ?? self.covariates, file: file,
      notes: notes, rows: rows)
    (changed.isPercentage, changed.futureFile) = (isPercentage, futureFile)
    return changed
  }

  /// The number of a value's row in the file, as a spreadsheet counts; nil when the series did not come from a table,
  /// or the row is missing there and was filled in.
  ///
  /// - Parameter position: The position of the value, from 0.
  public func rowNumber(of position: Int) -> Int? {
    rows.indices.contains(position) && rows[position] > 0 ? Int(rows[position]) : nil
  }
}
