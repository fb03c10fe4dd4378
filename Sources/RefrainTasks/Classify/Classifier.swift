import Refrain
import RefrainData

/// Says which class a row belongs to, by its texts, numbers and categories:
///
///     let reviews = try Classifier.examples(from: DataSource(paths: ["reviews.csv"]), ClassifierConfiguration())
///     let classifier = try Classifier.train(on: reviews)
///     try classifier.save(to: "reviews.model")
///
/// Its probabilities are calibrated on rows that training kept aside.
public struct Classifier: Sendable {
  /// What reads the columns.
  var model: ColumnModel
  let labels: Labels
  let calibration: Calibration
  /// The baseline; nil where it sees nothing.
  var baseline: LogisticRegression?
  /// How much it is heard beside the networks.
  let linear: LinearShare
  /// The share of each class in the training, in their order.
  let shares: [Double]

  /// The name of the column that was learned.
  public var target: String { model.target }
  /// The classes in the order of ``ClassAnswer/probabilities``.
  public var classes: [String] { labels.names }
  var columns: InputColumns { model.columns }
  var plan: NetworkPlan { model.plan }
  var report: ColumnReport { model.report }
  /// Their scores are averaged.
  var networks: [JoinedNetwork] {
    get { model.networks }
    set { model.networks = newValue }
  }

  /// The probabilities of all rows, class by class.
  func probabilities(_ rows: EncodedRows) throws(TaskError) -> [[Double]] {
    try probabilities(rows, Array(0..<rows.count))
  }

  /// The probabilities of some rows, class by class.
  func probabilities(_ rows: EncodedRows, _ places: [Int]) throws(TaskError) -> [[Double]] {
    var scores = try model.scores(rows, places)
    if linear.share > 0, let baseline {
      scores = linear.scores(network: scores, linear: baseline.scores(rows, places))
    }
    return Self.probabilities(scores, calibration, labels)
  }

  static func probabilities(_ scores: [Float], _ calibration: Calibration, _ labels: Labels) -> [[Double]] {
    stride(from: 0, to: scores.count, by: labels.names.count).map { start in
      calibration.probabilities(scores[start..<start + labels.names.count], areSeveral: labels.areSeveral)
    }
  }
}

/// What a classifier says of a row: `{"label","probability","probabilities":{…}}`, or `labels` where a row may have
/// several; before these `id` where the rows of a table were steps of series, and `file` where rows are several files.
public struct ClassAnswer: Encodable, Sendable, Equatable {
  /// Which series this is said of, where rows were steps of series.
  public let id: String?
  /// The path of the file that this is said of, where rows are files and there are several.
  public let file: String?
  /// The most probable class, or those that are probable enough where a row may have several.
  public let labels: [String]
  /// Whether a row may have several.
  public let areSeveral: Bool
  /// How probable the most probable class is.
  public let probability: Double
  /// How probable each class is, in the order of ``Classifier/classes``.
  public let probabilities: [(label: String, probability: Double)]

  /// The most probable class; nil where a row may have several and has none.
  public var label: String? { labels.first }

  public static func == (first: ClassAnswer, second: ClassAnswer) -> Bool {
    first.id == second.id && first.file == second.file && first.labels == second.labels
      && first.probabilities.elementsEqual(second.probabilities) { $0 == $1 }
  }

  private struct Key: CodingKey, ExpressibleByStringLiteral {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init(stringLiteral value: String) { stringValue = value }
    init?(intValue: Int) { nil }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encodeIfPresent(id, forKey: "id")
    try container.encodeIfPresent(file, forKey: "file")
    if areSeveral {
      try container.encode(labels, forKey: "labels")
    } else {
      try container.encode(label, forKey: "label")
      try container.encode(probability, forKey: "probability")
    }
    var each = container.nestedContainer(keyedBy: Key.self, forKey: "probabilities")
    for (label, probability) in probabilities { try each.encode(probability, forKey: Key(stringValue: label)) }
  }
}
