import RefrainData

/// How series are read from a table, where that is not left to the table.
public struct SeriesReadingOptions: Sendable, Codable {
  /// The column of times; by default the first that holds times.
  public var time: String?
  /// Whether rows are counted, and no column is read as times.
  public var countsRows = false
  /// The columns whose values tell several series apart; by default they are looked for when times repeat.
  public var id: [String] = []
  /// Which one of several series is taken, by its values in those columns.
  public var only: String?
  /// What stands before decimals; by default it is found.
  public var decimal: DecimalMark?
  /// What groups thousands; by default it is found.
  public var thousands: DecimalMark?
  /// The order of year, month and day in dates; by default it is found.
  public var dates: DateOrder?
  /// What takes the place of missing values and of missing rows; by default nothing: they are taken as they are.
  public var filling: Series.Filling?
  /// Whether every column of numbers is a series.
  public var isWide = false
  /// The step of time over which rows are brought together; by default they are taken as they are.
  public var every: TimePeriod?
  /// What the values within such a step make; by default their mean.
  public var aggregate: Aggregate?
  /// The file in which the future of covariates stands; by default it stands in the rows after the last value.
  public var futureFile: String?

  /// Everything left to the table.
  public init() {}

  /// How numbers are written.
  package var format: Table.Format {
    Table.Format(decimal: decimal ?? thousands?.other, gathersTimes: !countsRows)
  }

  /// What is taken from a table.
  ///
  /// - Parameter target: A column; several between commas; or all.
  package func options(
    target: String?, covariates: [String] = [], future: [String] = [], in table: Table
  ) -> Series.Options {
    var options = Series.Options(time: time, covariates: table.names(covariates))
    options.future = table.names(future)
    options.countsRows = countsRows
    options.id = table.names(id)
    options.dates = dates
    options.filling = filling ?? .asIs
    options.isWide = isWide
    options.every = every
    options.aggregate = aggregate ?? .mean
    guard let target else { return options }
    let isColumn = table.columns.contains { $0.name.lowercased() == target.lowercased() }
    let isAll = target == "all" && !isColumn
    let names = isColumn ? [target] : table.names(target.targetNames)
    options.isWide = isWide || isAll || names.count > 1
    if options.isWide {
      options.columns = isAll ? Series.targets(in: table, options: options) : names
    } else {
      options.target = names.first ?? target
    }
    return options
  }

  /// Those of several series that are asked for.
  ///
  /// - Throws: `noSuchColumn` when ``only`` is none of them.
  package func chosen(_ all: [Series], file: String?) throws(DataError) -> [Series] {
    guard let only else { return all }
    let found = all.filter { $0.id == only || $0.id == nil && $0.name == only }
    guard found.isEmpty else { return found }
    let ids = all.compactMap(\.id)
    throw DataError(
      .noSuchColumn, file: file, "there is no series \(only.debugDescription)",
      remedy: nearestName(to: only, among: ids).map { "did you mean \($0.debugDescription)?" }
        ?? (ids.isEmpty ? "there is one series in the file" : "there are \(ids.prefix(12).joined(separator: ", "))"))
  }

  /// The series of a file, or of a folder of files: one, or those that its columns tell apart.
  ///
  /// - Throws: What reading them throws.
  package func allSeries(
    in part: DataSource.Part, _ choose: (Table) -> Series.Options
  ) throws(DataError) -> [Series] {
    if case .file(let path) = part, let files = try SeriesFolder.files(in: path) {
      return try chosen(
        SeriesFolder.series(of: files, in: path) { file throws(DataError) in
          try series(in: DataSource.Part.file(file).table(format: format), choose)
        }, file: path)
    }
    return try chosen(series(in: part.table(format: format), choose), file: part.name)
  }

  /// The series of a table, with what the file of the future says.
  package func series(in table: Table, _ choose: (Table) -> Series.Options) throws(DataError) -> [Series] {
    let options = choose(table)
    let all = try Series.all(in: table, options: options)
    guard let futureFile else { return all }
    guard !options.future.isEmpty else {
      throw DataError(
        .wrongInput, file: futureFile, "no column is said to be known ahead", remedy: "name those of this file",
        setting: .future)
    }
    let future = try Table(contentsOf: futureFile, format: format)
    return try all.map { series throws(DataError) in try series.knowing(future, options: options) }
  }
}

extension String {
  /// The columns that a target names, of which those with commas are not put together yet.
  var targetNames: [String] { listedNames.filter { !$0.isEmpty } }
}

extension SeriesReadingOptions: OptionTable {
  /// Columns, and how numbers and times are written.
  public static let options: [TaskOption<Self>] = [
    TaskOption(
      "time", .value, valueName: "column", choosesData: true,
      help: "The column of times. (default: the first that holds times)"
    ) { reading, texts throws(OptionError) in
      guard !reading.countsRows else { throw OptionError(option: "count-rows", "and --time exclude each other") }
      reading.time = texts[0]
    },
    .columns(
      "id", \.id,
      help: """
        Columns that tell several series in the file apart, separated by commas. (default: found when times repeat)
        """),
    TaskOption(
      "only", .value, valueName: "series", choosesData: true, help: "Take only this one of several series."
    ) { reading, texts in reading.only = texts[0] },
    .decimalMark(\.decimal, help: "What stands before decimals: . or , (default: found)"),
    .thousandsMark(\.thousands, decimal: \.decimal, help: "What groups thousands: , or . (default: found)"),
    .choice(
      "dates", \.dates, of: DateOrder.allCases.map { ($0.rawValue, $0) }, valueName: "order",
      help: "The order of dates: dmy, mdy or ymd. (default: found)"),
    .choice(
      "fill", \.filling,
      of: [("zero", .zero), ("last", .previous), ("linear", .linear), ("none", .asIs), ("previous", .previous)],
      valueName: "way",
      help: "Fill missing values and times: zero, last, linear or none. (default: none; they are taken as missing)"),
    .choice(
      "aggregate", \.aggregate, of: Aggregate.allCases.map { ($0.rawValue, $0) }, valueName: "way",
      help: "What the values within a step of --every make: mean, sum, last, min or max. (default: mean)"),
    TaskOption("wide", .flag, choosesData: true, help: "Every column of numbers is a series.") { reading, _ in
      reading.isWide = true
    },
    .text(
      "future-file", \.futureFile, valueName: "file", choosesData: true,
      help: "The file with the future of what is known ahead. (default: the rows after the last value)"),
    TaskOption("count-rows", .flag, help: "Count the rows, whatever columns look like times.") { reading, _ in
      reading.countsRows = true
    },
  ]
}

extension TaskOption where Target == SeriesReadingOptions {
  /// The step of time over which rows are brought together. A training's own word for how often it is saved is the
  /// same, which is why this stands by itself.
  static var every: TaskOption {
    TaskOption(
      "every", .value, valueName: "step",
      help: "Bring rows together over steps of time: 15min, 1h, 1d, 1w, 1mo, 1q, 1y. (default: take them as they are)"
    ) { reading, texts throws(OptionError) in reading.every = try period(texts[0]) }
  }

  /// The step that a text says.
  static func period(_ text: String) throws(OptionError) -> TimePeriod {
    guard let period = TimePeriod(text) else {
      throw OptionError(
        option: "every",
        "takes a step of time, such as 15min, 1h, 1d, 1w, 1mo, 1q or 1y, not \(text.quoted); "
          + "how often a training is saved needs --checkpoint beside it")
    }
    return period
  }
}
