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
  /// What takes the place of missing values and of missing rows; by default both are refused.
  public var filling: Series.Filling?

  /// Everything left to the table.
  public init() {}

  /// How numbers are written.
  package var format: Table.Format {
    Table.Format(decimal: decimal ?? thousands.map { $0 == .comma ? .point : .comma })
  }

  /// What is taken from a table.
  package func options(target: String?, covariates: [String]) -> Series.Options {
    var options = Series.Options(target: target, time: time, covariates: covariates)
    options.countsRows = countsRows
    options.id = id
    options.dates = dates
    options.filling = filling
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

  /// The series of a table: one, or those that its columns tell apart.
  ///
  /// - Throws: What reading them throws.
  func allSeries(in part: DataSource.Part, target: String?, covariates: [String]) throws(DataError) -> [Series] {
    let table = try part.table(format: format)
    return try chosen(
      Series.all(in: table, options: options(target: target, covariates: covariates)), file: part.name)
  }
}

extension SeriesReadingOptions: OptionTable {
  private static let marks: [(String, DecimalMark)] = [
    (".", .point), (",", .comma), ("point", .point), ("comma", .comma),
  ]

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
    .choice(
      "decimal", \.decimal, of: marks, valueName: "mark", help: "What stands before decimals: . or , (default: found)"),
    TaskOption(
      "thousands", .value, valueName: "mark", help: "What groups thousands: , or . (default: found)"
    ) { reading, texts throws(OptionError) in
      let mark = try TaskOption<Self>.chosen(texts[0], of: marks, option: "thousands")
      guard reading.decimal != mark else {
        throw OptionError(option: "decimal", "and --thousands cannot be the same mark")
      }
      reading.thousands = mark
    },
    .choice(
      "dates", \.dates, of: DateOrder.allCases.map { ($0.rawValue, $0) }, valueName: "order",
      help: "The order of dates: dmy, mdy or ymd. (default: found)"),
    .choice(
      "fill", \.filling, of: Series.Filling.allCases.map { ($0.rawValue, $0) }, valueName: "way",
      help: "Fill missing values and times: previous, linear or zero. (default: refuse them)"),
    TaskOption("count-rows", .flag, help: "Count the rows, whatever columns look like times.") { reading, _ in
      reading.countsRows = true
    },
  ]
}
