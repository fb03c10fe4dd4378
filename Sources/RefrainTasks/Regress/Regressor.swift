import Refrain
import RefrainData

/// Says a number of a row, such as a price, by its texts, numbers, categories, series and recordings:
///
///     let houses = try Regressor.examples(from: DataSource(paths: ["houses.csv"]), RegressorConfiguration())
///     let regressor = try Regressor.train(on: houses)
///     try regressor.save(to: "houses.model")
///
/// Beside each number stands an interval, from how far answers were off on rows that training kept aside.
public struct Regressor: Sendable {
  /// What reads the columns.
  var model: ColumnModel
  let scale: NumberHead
  let residuals: Residuals
  /// The baseline; nil where it sees nothing.
  var baseline: RidgeRegression?

  /// The name of the column that was learned.
  public var target: String { model.target }
  var columns: InputColumns { model.columns }

  /// The numbers that are said of all rows.
  func values(_ rows: EncodedRows) throws(TaskError) -> [Double] { try model.scores(rows).map(scale.value) }
}

/// What a regressor says of a row: `{"value","low","high"}`, and before these `id` where the rows of a table were steps
/// of series, or `file` where rows are several files.
public struct RegressionAnswer: Encodable, Sendable, Equatable {
  /// Which series this is said of, where rows were steps of series.
  public var id: String?
  /// The path of the file that this is said of, where rows are files and there are several.
  public var file: String?
  /// The number.
  public let value: Double
  /// Where the interval begins; nil where too few rows were kept aside to say.
  public let low: Double?
  /// Where it ends.
  public let high: Double?
}

/// What may be decided before a regressor is trained.
public struct RegressorConfiguration: TaskConfiguration, Equatable {
  /// The columns and the network.
  public var columns = ColumnOptions()

  /// Everything left to the data.
  public init() {}

  /// The options as they are typed.
  public static let options: [TaskOption<Self>] = ColumnOptions.options.map { $0.within(\.columns) }

  /// Whether networks are trained again; nil where nothing is kept aside.
  public var refitting: Bool? {
    get { columns.validation == nil ? columns.refits ?? false : nil }
    set { columns.refits = newValue == true ? true : nil }
  }

  /// Takes what every task may be told.
  public mutating func choose(_ options: SharedOptions) throws(TaskError) { columns.shared = options }
}

/// What may be asked of a regressor besides rows.
public struct RegressorRequest: TaskRequest, Equatable {
  /// The column of the truth, for measures, where it is called otherwise than in the training.
  public var target: String?
  /// The share of truths, in percent, that intervals are to hold; nil is 80.
  public var level: Double?

  /// Everything as it was in the training.
  public init() {}

  /// The options as they are typed.
  public static let options: [TaskOption<Self>] = [
    .column("target", \.target, help: "The column of true numbers, for evaluate. (default: as in the training)"),
    .decimal(
      "level", \.level, in: 1...99, valueName: "percent",
      help: "The share of true numbers that intervals are to hold, in percent. (default: 80)"),
  ]
}
