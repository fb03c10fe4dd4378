import Refrain
import RefrainData

/// What may be decided before a classifier is trained.
public struct ClassifierConfiguration: TaskConfiguration, Equatable {
  /// How much the rows of a class count.
  public enum ClassWeights: String, Codable, Sendable, CaseIterable {
    /// All rows the same: probabilities are right as they are.
    case none
    /// Rare classes more, so that all count the same together: they are found more often, and wrongly more often.
    case balanced
  }

  /// The columns and the network.
  public var columns = ColumnOptions()
  /// What stands between several labels of a row; nil: a row has one label, unless they are lists of JSON.
  public var separator: String?
  /// How much the rows of a class count.
  public var classWeights: ClassWeights?

  /// Everything left to the data.
  public init() {}

  /// The options as they are typed.
  public static let options: [TaskOption<Self>] =
    ColumnOptions.options.map { $0.within(\.columns) } + [
      .text(
        "separator", \.separator, valueName: "sign",
        help: "What stands between several labels of a row, such as ;. (default: a row has one label)"
      ).ofReading(),
      .choice(
        "class-weights", \.classWeights, of: ClassWeights.allCases.map { ($0.rawValue, $0) }, valueName: "way",
        help: "balanced makes rare classes count as much as frequent ones. (default: none)"),
    ]

  /// Whether networks are trained again; nil where nothing is kept aside.
  public var refitting: Bool? {
    get { columns.validation == nil ? columns.refits ?? false : nil }
    set { columns.refits = newValue == true ? true : nil }
  }

  /// Takes what every task may be told.
  public mutating func choose(_ options: SharedOptions) throws(TaskError) { columns.shared = options }
}

/// What may be asked of a classifier besides rows.
public struct ClassifierRequest: TaskRequest, Equatable {
  /// The column of labels, for measures, where it is called otherwise than in the training.
  public var target: String?
  /// How probable a label must be to be among several; nil is one half.
  public var threshold: Double?

  /// Everything as it was in the training.
  public init() {}

  /// The options as they are typed.
  public static let options: [TaskOption<Self>] = [
    .column("target", \.target, help: "The column of labels, for evaluate. (default: as in the training)"),
    .decimal(
      "threshold", \.threshold, in: 0...1, valueName: "p",
      help: "How probable a label must be, where a row may have several. (default: 0.5)"),
  ]
}
