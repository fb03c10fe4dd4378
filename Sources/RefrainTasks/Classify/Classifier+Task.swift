import Refrain
import RefrainData

extension Classifier: TaskModel {
  /// The word on the command line.
  public static let name = "classify"
  /// Its measures.
  public static let measures: [TaskMeasure] = [
    .more("accuracy"), .more("f1"), .more("microF1"), .more("precision"), .more("recall"), .less("logLoss"),
    .less("calibrationError"), .more("auc"), .more("averagePrecision"),
  ]
  /// They are.
  public static let savesTraining = true
  /// Whatever fits one of its columns.
  public static let augmentations = Augmentation.Kind.allCases
  /// What the task does.
  public static let purpose =
    "Say which class a row belongs to, by its texts, numbers, categories, series, recordings, images and clips."

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
    try model.examples(from: source, target: request.target)
  }

  /// What was mended or assumed in reading the rows.
  public static func notes(of examples: LabelledRecords) -> [String] { examples.records.notes }

  /// The class of each row.
  public func predict(_ examples: LabelledRecords, _ request: ClassifierRequest) throws(TaskError) -> [ClassAnswer] {
    let rows = try model.encoded(examples)
    return try answers(rows, Array(0..<rows.count), names: examples.names, request)
  }

  /// The class of each row, some rows at a time.
  public func predictInParts(
    _ examples: LabelledRecords, _ request: ClassifierRequest, _ body: ([ClassAnswer]) throws -> Void
  ) throws {
    let (rows, names) = (try model.encoded(examples), examples.names)
    for part in ColumnModel.parts(of: rows.count) { try body(answers(rows, part, names: names, request)) }
  }

  /// The class of each row of a share.
  public func predict(
    _ examples: LabelledRecords, _ request: ClassifierRequest, share: ExampleShare
  ) throws(TaskError) -> [ClassAnswer]? {
    let rows = try model.encoded(examples)
    guard let places = share.places(of: rows.count) else { return nil }
    return try answers(rows, Array(places), names: examples.names, request)
  }

  private func answers(
    _ rows: EncodedRows, _ places: [Int], names: AnswerNames, _ request: ClassifierRequest
  ) throws(TaskError) -> [ClassAnswer] {
    guard !places.isEmpty else { return [] }
    return zip(places, try probabilities(rows, places)).map { row, probabilities in
      answer(probabilities, id: names.ids?[row], file: names.files?[row], threshold: request.threshold)
    }
  }

  /// The answer that says these probabilities, class by class.
  func answer(
    _ probabilities: [Double], id: String? = nil, file: String? = nil, threshold: Double?
  ) -> ClassAnswer {
    ClassAnswer(
      id: id, file: file, labels: labels.answer(probabilities, threshold: threshold ?? 0.5).map { labels.names[$0] },
      areSeveral: labels.areSeveral, probability: probabilities.max() ?? 0,
      probabilities: zip(labels.names, probabilities).map { ($0, $1) })
  }

  /// How often the classes are right, beside the most frequent class and a logistic regression on the bag of words.
  public func evaluate(
    on examples: LabelledRecords, _ request: ClassifierRequest
  ) throws(TaskError) -> TaskEvaluation {
    let column = try model.truth(in: examples, of: "labels", named: request.target)
    let truth: ClassSets
    do throws(DataError) { truth = try labels.sets(in: column) } catch { throw TaskError(error) }
    let rows = try model.encoded(examples)
    var measures = ClassificationMeasures(
      labels, shares: shares, threshold: request.threshold ?? 0.5, hasBaseline: baseline != nil)
    for part in ColumnModel.parts(of: rows.count) {
      measures.add(
        try probabilities(rows, part), truth: part.map { truth[$0] },
        baseline: baseline?.probabilities(rows, part).map { $0.map(Double.init) })
    }
    do throws(DataError) {
      try truth.check()
      return try measures.evaluation()
    } catch {
      throw TaskError(error)
    }
  }

  /// The measures on the rows that were kept aside: those by which training ended and probabilities were calibrated.
  public var evaluation: TaskEvaluation? { report.evaluation?.evaluation(of: Self.name) }

  /// Whether training went to its end.
  public var isComplete: Bool { report.isComplete }

  /// What is read, what is said, by which network.
  public var facts: [(name: String, value: String)] {
    let shown = labels.names.prefix(8).map(\.shortened).joined(separator: ", ") + (labels.names.count > 8 ? ", …" : "")
    let said = "\(target.shortened), \(labels.areSeveral ? "several of " : "")\(labels.names.count) classes: \(shown)"
    var facts = model.facts(saying: ("Says", said)) + [("Probabilities", probabilityFact)]
    if linear.share > 0 {
      facts.append(
        (
          "Answer",
          "\(Int((linear.share * 100).rounded())) % of each score is that of a linear model beside the networks"
        ))
    }
    if let note = model.linearNote("bagOfWords", isLess: false, shown: { "\(($0 * 1000).rounded() / 10) % right" }) {
      facts.append(note)
    }
    return facts + report.notes.map { ("Note", $0) }
  }

  private var probabilityFact: String {
    guard calibration.examples > 0 else { return "not calibrated: too few rows were kept aside" }
    let temperature = (calibration.temperature * 100).rounded() / 100
    return "calibrated on the \(calibration.examples) rows kept aside (temperature \(temperature))"
  }
}
