import ArgumentParser
import Refrain
import RefrainData
import RefrainTasks

/// The flags that say what is read from the file.
struct DataOptions: ParsableArguments {
  @Argument(
    help: """
      A CSV file, one row a time; - reads standard input. Without it: what standard input holds, or the bundled series \
      of airline passengers, or the series kept in the model.
      """,
    completion: .file(extensions: ["csv"]))
  var file: String?

  @Option(
    help: ArgumentHelp(
      "The column to forecast; several between commas, or all. (default: the last column of numbers)",
      valueName: "column"))
  var target: String?

  @Option(
    help: ArgumentHelp("The column of times. (default: the first that holds times)", valueName: "column"))
  var time: String?

  @Option(
    help: ArgumentHelp(
      "Columns that help to foretell the target, separated by commas. (default: none)", valueName: "a,b"))
  var covariates: ColumnNames?

  @Option(
    help: ArgumentHelp(
      "Columns that tell several series in the file apart, separated by commas. (default: found when times repeat)",
      valueName: "a,b"))
  var id: ColumnNames?

  @Option(help: ArgumentHelp("Forecast only this one of several series.", valueName: "series"))
  var only: String?

  @Option(help: ArgumentHelp("What stands before decimals: . or , (default: found)", valueName: "mark"))
  var decimal: MarkName?

  @Option(help: ArgumentHelp("What groups thousands: , or . (default: found)", valueName: "mark"))
  var thousands: MarkName?

  @Option(help: ArgumentHelp("The order of dates: dmy, mdy or ymd. (default: found)", valueName: "order"))
  var dates: DateOrderName?

  @Option(
    help: ArgumentHelp(
      "Fill missing values and times: previous, linear or zero. (default: refuse them)", valueName: "way"))
  var fill: FillingName?

  @Flag(help: "Count the rows, whatever columns look like times.")
  var countRows = false

  func validate() throws {
    if let decimal, let thousands, decimal == thousands {
      throw ValidationError("--decimal and --thousands cannot be the same mark.")
    }
    if countRows && time != nil { throw ValidationError("--count-rows and --time exclude each other.") }
  }

  /// How numbers are written.
  var format: Table.Format {
    Table.Format(decimal: decimal?.mark ?? thousands.map { $0.mark == .comma ? .point : .comma })
  }

  /// What is taken from the table.
  var options: Series.Options {
    var options = Series.Options(target: target, time: time, covariates: covariates?.names ?? [])
    options.id = id?.names ?? []
    options.dates = dates?.order
    options.filling = fill?.filling
    options.countsRows = countRows
    return options
  }
}

/// A mark in numbers: a point or a comma.
struct MarkName: ExpressibleByArgument, Equatable {
  static let allValueStrings = [".", ","]

  let mark: DecimalMark

  init?(argument: String) {
    switch argument {
    case ".", "point": mark = .point
    case ",", "comma": mark = .comma
    default: return nil
    }
  }
}

/// The order of day, month and year.
struct DateOrderName: ExpressibleByArgument {
  static let allValueStrings = DateOrder.allCases.map(\.rawValue)

  let order: DateOrder

  init?(argument: String) {
    guard let order = DateOrder(rawValue: argument.lowercased()) else { return nil }
    self.order = order
  }
}

/// What takes the place of missing values.
struct FillingName: ExpressibleByArgument {
  static let allValueStrings = Series.Filling.allCases.map(\.rawValue)

  let filling: Series.Filling

  init?(argument: String) {
    guard let filling = Series.Filling(rawValue: argument) else { return nil }
    self.filling = filling
  }
}

/// The flags that shape what is trained. Nil means: chosen from the data.
struct TrainingOptions: ParsableArguments {
  // `unconditional`: a number may begin with a minus sign, and is refused with its own message.
  @Option(
    parsing: .unconditional, help: ArgumentHelp("How many steps to forecast. (default: one season)", valueName: "n"))
  var horizon: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many past steps the network sees. (default: from the series' length)", valueName: "n"))
  var context: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "After how many steps the series repeats; 1 for never. (default: from the times and the values)", valueName: "n"))
  var season: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many times to forecast held-out time, to learn how good the forecast is. (default: from the series' length)",
      valueName: "folds"))
  var backtest: Int?

  @Option(help: ArgumentHelp("The recurrent cell. (default: lstm)", valueName: "cell"))
  var cell: CellName?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Units in each layer. (default: from the series' length)", valueName: "n"))
  var hidden: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("Recurrent layers. (default: 1)", valueName: "n"))
  var layers: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Passes over the past up to the backtest; then half as many over all of it. (default: from the series' length)",
      valueName: "n"))
  var epochs: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Where chance begins: the same seed gives the same forecast. (default: 0)", valueName: "n"))
  var seed: UInt64?

  /// The flags that were given.
  var given: [String] {
    let flags: [(String, Any?)] = [
      ("--horizon", horizon), ("--context", context), ("--season", season), ("--backtest", backtest), ("--cell", cell),
      ("--hidden", hidden), ("--layers", layers), ("--epochs", epochs), ("--seed", seed),
    ]
    return flags.filter { $0.1 != nil }.map(\.0)
  }

  var configuration: Forecaster.Configuration {
    var configuration = Forecaster.Configuration()
    configuration.horizon = horizon
    configuration.context = context
    configuration.season = season
    configuration.folds = backtest
    configuration.hiddenSize = hidden
    configuration.epochs = epochs
    if let cell { configuration.cell = cell.name }
    if let layers { configuration.layers = layers }
    if let seed { configuration.seed = seed }
    return configuration
  }

  /// The upper bounds keep a slip of the finger from asking for more memory than there is.
  func validate() throws {
    try check("--horizon", horizon, within: 1...100_000)
    try check("--context", context, within: 1...100_000)
    try check("--season", season, within: 1...100_000)
    try check("--backtest", backtest, within: 1...1000)
    try check("--hidden", hidden, within: 1...4096)
    try check("--layers", layers, within: 1...32)
    try check("--epochs", epochs, within: 1...1_000_000)
  }
}

/// Stops when a number was given that lies outside of its range.
func check(_ flag: String, _ number: Int?, within range: ClosedRange<Int>) throws {
  guard let number, !range.contains(number) else { return }
  let bound = number < range.lowerBound ? "at least \(range.lowerBound)" : "at most \(range.upperBound)"
  throw ValidationError("\(flag) must be \(bound), not \(number).")
}

/// The name of a cell that Refrain has, and that wants nothing but values.
struct CellName: ExpressibleByArgument {
  static let allValueStrings = Cells.all.filter { $0.lastColumn == nil }.map { $0.name }

  let name: String

  init?(argument: String) {
    guard Self.allValueStrings.contains(argument) else { return nil }
    name = argument
  }

  var defaultValueDescription: String { name }
}

/// Names of columns between commas: `temperature,holiday`.
struct ColumnNames: ExpressibleByArgument {
  let names: [String]

  init?(argument: String) {
    names = argument.split(separator: ",", omittingEmptySubsequences: false).map { $0.trimming(" ") }
    if names.contains("") { return nil }
  }
}

extension Substring {
  fileprivate func trimming(_ character: Character) -> String {
    String(drop { $0 == character }.reversed().drop { $0 == character }.reversed())
  }
}
