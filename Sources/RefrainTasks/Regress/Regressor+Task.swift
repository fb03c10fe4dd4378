import RealModule
import Refrain
import RefrainData

extension Regressor: TaskModel {
  /// The word on the command line.
  public static let name = "regress"
  /// Its measures.
  public static let measures: [TaskMeasure] = [
    .less("mae"), .less("rmse"), .more("r2"), .neither("coverage"),
  ]
  /// They are.
  public static let savesTraining = true
  /// Whatever fits one of its columns.
  public static let augmentations = Augmentation.Kind.allCases
  /// What the task does.
  public static let purpose = "Say a number of a row, such as a price, by its texts, numbers, categories and series."

  /// Rows of a table, of JSON lines, or of series with their numbers.
  public static func examples(
    from source: DataSource, _ configuration: RegressorConfiguration
  ) throws(DataError) -> LabelledRecords {
    let examples = try LabelledRecords.training(from: source, configuration.columns, learns: .numbers)
    // Every number is looked at before anything is learned.
    if let target = examples.target { _ = try NumberHead(Column(examples.records, target)) }
    return examples
  }

  /// Rows that have the columns that were learned of; numbers need not be there.
  public func examples(from source: DataSource, _ request: RegressorRequest) throws(DataError) -> LabelledRecords {
    try model.examples(from: source, target: request.target)
  }

  /// What was mended or assumed in reading the rows.
  public static func notes(of examples: LabelledRecords) -> [String] { examples.records.notes }

  /// The number of each row, with an interval.
  public func predict(
    _ examples: LabelledRecords, _ request: RegressorRequest
  ) throws(TaskError) -> [RegressionAnswer] {
    try check(request.level)
    let rows = try model.encoded(examples)
    return try answers(rows, Array(0..<rows.count), names: examples.names, request)
  }

  /// The number of each row, some rows at a time.
  public func predictInParts(
    _ examples: LabelledRecords, _ request: RegressorRequest, _ body: ([RegressionAnswer]) throws -> Void
  ) throws {
    try check(request.level)
    let (rows, names) = (try model.encoded(examples), examples.names)
    for part in ColumnModel.parts(of: rows.count) { try body(answers(rows, part, names: names, request)) }
  }

  /// The number of each row of a share.
  public func predict(
    _ examples: LabelledRecords, _ request: RegressorRequest, share: ExampleShare
  ) throws(TaskError) -> [RegressionAnswer]? {
    try check(request.level)
    let rows = try model.encoded(examples)
    guard let places = share.places(of: rows.count) else { return nil }
    return try answers(rows, Array(places), names: examples.names, request)
  }

  private func answers(
    _ rows: EncodedRows, _ places: [Int], names: AnswerNames, _ request: RegressorRequest
  ) throws(TaskError) -> [RegressionAnswer] {
    guard !places.isEmpty else { return [] }
    var answers = answers(try model.scores(rows, places).map(scale.value), level: request.level)
    for (place, row) in places.enumerated() {
      (answers[place].id, answers[place].file) = (names.ids?[row], names.files?[row])
    }
    return answers
  }

  /// How near the numbers come to the truth, beside the mean and a ridge regression on what stands in the columns.
  public func evaluate(
    on examples: LabelledRecords, _ request: RegressorRequest
  ) throws(TaskError) -> TaskEvaluation {
    try check(request.level)
    let column = try model.truth(in: examples, of: "numbers", named: request.target)
    let rows = try model.encoded(examples)
    let truth: LongArray<Double>
    do throws(DataError) { truth = try scale.truths(in: column) } catch { throw TaskError(error) }
    var measures = RegressionMeasures(mean: scale.mean, hasLinear: baseline != nil)
    for part in ColumnModel.parts(of: rows.count) {
      measures.add(
        answers(try model.scores(rows, part).map(scale.value), level: request.level),
        truth: part.map { truth[$0] }, linear: linear(rows, part))
    }
    let evaluation = measures.evaluation(ChosenTruths(truth, RowChoice(allOf: truth.count)))
    do throws(DataError) { try truth.check() } catch { throw TaskError(error) }
    return evaluation
  }

  /// Refuses a level that was asked for where too few rows were kept aside to tell.
  private func check(_ level: Double?) throws(TaskError) {
    guard let level, residuals.offsets(level) == nil else { return }
    // The last bits of the quotient must not make a row of themselves.
    let needed = Int((2 / (1 - level / 100) - 1e-6).rounded(.up)) - 1
    throw TaskError(
      "intervals that hold \(level) % need \(needed) rows kept aside, and there were \(residuals.count)",
      remedy: "ask for a lower level, or train with more rows")
  }

  /// The measures on the rows that were kept aside: those by which training ended.
  public var evaluation: TaskEvaluation? { model.report.evaluation?.evaluation(of: Self.name) }

  /// Whether training went to its end.
  public var isComplete: Bool { model.report.isComplete }

  /// What is read, what is said, by which network.
  public var facts: [(name: String, value: String)] {
    let bounds = scale.isNeverNegative ? ", not below 0" : ""
    let said =
      "\(target.shortened), a number (mean \(rounded(scale.mean)), deviation \(rounded(scale.deviation))\(bounds))"
    let intervals =
      residuals.offsets(80) == nil
      ? "none: too few rows were kept aside" : "from how far answers were off on the \(residuals.count) rows kept aside"
    var facts = model.facts(saying: ("Says", said)) + [("Intervals", intervals)]
    if let note = model.linearNote("linear", isLess: true, shown: { "a mean error of \(rounded($0))" }) {
      facts.append(note)
    }
    return facts + model.report.notes.map { ("Note", $0) }
  }
}

/// Four digits that tell something.
func rounded(_ value: Double) -> String {
  guard value.isFinite, value != 0 else { return "\(value)" }
  let scale = Double.pow(10, (Double.log10(abs(value))).rounded(.down) - 3)
  let digits = (value / scale).rounded()
  // Dividing by a power of ten that has a name gives the decimal fraction; multiplying by its inverse need not.
  return scale < 1 ? "\(digits / (1 / scale).rounded())" : "\(digits * scale)"
}
