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
  /// The name of the column that was learned.
  public let target: String
  let labels: Labels
  let columns: InputColumns
  let plan: NetworkPlan
  /// Their answers are averaged.
  var networks: [JoinedNetwork]
  let calibration: Calibration
  /// The baseline; nil where it sees nothing.
  var baseline: LogisticRegression?
  let report: ClassifierReport

  /// The classes in the order of ``ClassAnswer/probabilities``.
  public var classes: [String] { labels.names }

  /// The scores of rows, row after row: the mean over the networks.
  static func scores(_ networks: [JoinedNetwork], _ rows: EncodedRows, _ places: [Int]) throws(TaskError) -> [Float] {
    var scores: [Float] = []
    var classes = 0
    var batches = LengthBatches(
      NumberedRows(rows: rows, places: places), size: 128, maximumSteps: 4 * ColumnTraining.maximumSteps,
      shuffles: false)
    do throws(TrainingError) {
      try batches.begin(epoch: 0, at: 0)
      while let batch = try batches.next() {
        let sums = networks.dropFirst().reduce(networks[0](batch.inputs)) { $0 + $1(batch.inputs) }
        let means = sums * (1 / Float(networks.count))
        if scores.isEmpty {
          classes = means.shape[1]
          scores = [Float](repeating: 0, count: places.count * classes)
        }
        let values = means.values
        for (row, place) in batch.numbers.enumerated() {
          scores.replaceSubrange(
            place * classes..<(place + 1) * classes, with: values[row * classes..<(row + 1) * classes])
        }
      }
    } catch {
      throw TaskError(error.description)
    }
    return scores
  }

  /// The probabilities of all rows, class by class.
  func probabilities(_ rows: EncodedRows) throws(TaskError) -> [[Double]] {
    let scores = try Self.scores(networks, rows, Array(0..<rows.count))
    return Self.probabilities(scores, calibration, labels)
  }

  static func probabilities(_ scores: [Float], _ calibration: Calibration, _ labels: Labels) -> [[Double]] {
    stride(from: 0, to: scores.count, by: labels.names.count).map { start in
      calibration.probabilities(scores[start..<start + labels.names.count], areSeveral: labels.areSeveral)
    }
  }
}

/// Rows to be answered, which are told apart in their batches.
private struct NumberedRows: ExampleSource {
  struct Batch: TrainingBatch {
    let inputs: [StepValues]
    /// The place of each row among all.
    let numbers: [Int]
    var count: Int { numbers.count }
  }

  let rows: EncodedRows
  let places: [Int]
  var count: Int { places.count }

  func length(of example: Int) -> Int { rows.length(of: places[example]) }

  func batch(_ examples: [Int]) throws(TrainingError) -> Batch {
    Batch(inputs: try rows.inputs(examples.map { places[$0] }), numbers: examples)
  }
}

/// What was found while a classifier was trained.
struct ClassifierReport: Codable, Sendable, Equatable {
  var examples = 0
  var heldOut = 0
  /// Whether held-out rows came from a file of their own.
  var hasOwnValidation = false
  var epochs: [Int] = []
  var parameters = 0
  var seed: UInt64 = 0
  var isComplete = true
  var notes: [String] = []
  /// The share of each class in the training, in their order.
  var shares: [Double] = []
  var evaluation: SavedEvaluation?
}

/// What a classifier says of a row: `{"label","probability","probabilities":{…}}`, or `labels` where a row may have
/// several.
public struct ClassAnswer: Encodable, Sendable, Equatable {
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
    first.labels == second.labels && first.probabilities.elementsEqual(second.probabilities) { $0 == $1 }
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
