import Refrain
import RefrainData

extension Classifier: TaskModel {
  /// The word on the command line.
  public static let name = "classify"
  /// They are.
  public static let savesTraining = true
  /// What the task does.
  public static let purpose = "Say which class a row belongs to, by its texts, numbers and categories."

  /// Labelled rows of a table, of JSON lines, or of a folder with a folder for each class.
  public static func examples(
    from source: DataSource, _ configuration: ClassifierConfiguration
  ) throws(DataError) -> LabelledRecords {
    let examples = try LabelledRecords.training(from: source, configuration.columns)
    // Every label is looked at before anything is learned.
    if let target = examples.target {
      _ = try Labels(Column(examples.records, target), separator: configuration.separator)
    }
    return examples
  }

  /// Rows that have the columns that were learned of; labels need not be there.
  public func examples(from source: DataSource, _ request: ClassifierRequest) throws(DataError) -> LabelledRecords {
    let examples = try LabelledRecords.answering(from: source, columns, target: request.target ?? target)
    _ = try columns.encode(examples.records)
    return examples
  }

  /// The class of each row.
  public func predict(_ examples: LabelledRecords, _ request: ClassifierRequest) throws(TaskError) -> [ClassAnswer] {
    let all = try probabilities(try encoded(examples))
    return all.map { probabilities in
      let answer = labels.answer(probabilities, threshold: request.threshold ?? 0.5)
      return ClassAnswer(
        labels: answer.map { labels.names[$0] }, areSeveral: labels.areSeveral, probability: probabilities.max() ?? 0,
        probabilities: zip(labels.names, probabilities).map { ($0, $1) })
    }
  }

  /// How often the classes are right, beside the most frequent class and a logistic regression on the bag of words.
  public func evaluate(
    on examples: LabelledRecords, _ request: ClassifierRequest
  ) throws(TaskError) -> TaskEvaluation {
    guard let place = examples.target else {
      throw TaskError(
        "there is no column \((request.target ?? target).quoted) of labels to compare with",
        remedy: "add it, or name it")
    }
    let truth: [[Int]]
    do throws(DataError) { truth = try labels.places(in: Column(examples.records, place)) } catch {
      throw TaskError(error.description)
    }
    let rows = try encoded(examples)
    return ClassificationMeasures(
      labels, try probabilities(rows), truth: truth,
      baseline: baseline?.probabilities(rows, Array(0..<rows.count)).map { $0.map(Double.init) },
      shares: report.shares, threshold: request.threshold ?? 0.5
    ).evaluation
  }

  func encoded(_ examples: LabelledRecords) throws(TaskError) -> EncodedRows {
    do throws(DataError) { return try columns.encode(examples.records) } catch { throw TaskError(error.description) }
  }

  /// The measures on the rows that were kept aside: those by which training ended and probabilities were calibrated.
  public var evaluation: TaskEvaluation? { report.evaluation?.evaluation(of: Self.name) }

  /// Whether training went to its end.
  public var isComplete: Bool { report.isComplete }

  /// What is read, what is said, by which network.
  public var facts: [(name: String, value: String)] {
    let kind = plan.isBidirectional ? "bidirectional \(plan.cell)" : plan.cell
    let size = [
      networks.count > 1 ? "\(networks.count) networks" : nil, kind, plan.layers > 1 ? "\(plan.layers) layers" : nil,
      "\(plan.hiddenSize) units", "\(report.parameters) parameters", "seed \(report.seed)",
    ]
    let shown = labels.names.prefix(8).map(\.shortened).joined(separator: ", ") + (labels.names.count > 8 ? ", …" : "")
    var facts = [
      ("Reads", columns.summary),
      ("Says", "\(target.shortened), \(labels.areSeveral ? "several of " : "")\(labels.names.count) classes: \(shown)"),
      ("Model", size.compactMap(\.self).joined(separator: ", ")),
      ("Examples", "\(report.examples) learned, \(report.heldOut) kept aside"),
      ("Probabilities", probabilityFact),
    ]
    if let note = baselineNote { facts.append(("Note", note)) }
    return facts + report.notes.map { ("Note", $0) }
  }

  private var probabilityFact: String {
    guard calibration.examples > 0 else { return "not calibrated: too few rows were kept aside" }
    let temperature = (calibration.temperature * 100).rounded() / 100
    return "calibrated on the \(calibration.examples) rows kept aside (temperature \(temperature))"
  }

  /// Says so where the baseline is better.
  private var baselineNote: String? {
    guard let evaluation, let own = evaluation.measures.first?.value,
      let bag = evaluation.baselines.first(where: { $0.name == "bagOfWords" })?.measures.first?.value, bag > own
    else { return nil }
    func percent(_ value: Double) -> String { "\((value * 1000).rounded() / 10) %" }
    return
      "a logistic regression on the bag of words is better on the rows kept aside: \(percent(bag)) right, "
      + "and not \(percent(own))"
  }
}
