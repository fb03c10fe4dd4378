import Refrain
import RefrainData

/// What was learned of columns, and the networks that read them. A task that says something of rows is this, and what
/// the values of the networks mean: a class, a number.
struct ColumnModel: Sendable {
  /// The name of the column that was learned.
  let target: String
  let columns: InputColumns
  let plan: NetworkPlan
  /// Their answers are averaged.
  var networks: [JoinedNetwork]
  var report: ColumnReport

  var parameterCount: Int { networks.reduce(0) { $0 + $1.parameterCount } }

  /// What the networks say of some rows, row after row: the mean over the networks.
  ///
  /// - Throws: ``TaskError`` when the rows cannot be read, or the task that this runs in is canceled.
  func scores(_ rows: EncodedRows, _ places: RowChoice) throws(TaskError) -> [Float] {
    var scores: [Float] = []
    var width = 0
    var batches = LengthBatches(
      NumberedRows(rows: rows, places: places), size: Self.batchSize, maximumSteps: 4 * ColumnTraining.maximumSteps,
      pool: Self.pool, shuffles: false, order: LongOrder())
    do throws(TrainingError) {
      try batches.begin(epoch: 0, at: 0)
      while !Task.isCancelled, let batch = try batches.next() {
        let sums = networks.dropFirst().reduce(networks[0](batch.inputs)) { $0 + $1(batch.inputs) }
        let means = sums * (1 / Float(networks.count))
        if scores.isEmpty {
          width = means.shape[1]
          scores = [Float](repeating: 0, count: places.count * width)
        }
        let values = means.values
        for (row, place) in batch.numbers.enumerated() {
          scores.replaceSubrange(place * width..<(place + 1) * width, with: values[row * width..<(row + 1) * width])
        }
      }
    } catch {
      throw TaskError(error.description)
    }
    try TaskError.checkCancellation()
    return scores
  }

  /// Rows in parts of which each is answered by itself, and as it is among all: as many as are sorted together.
  static func parts(of count: Int) -> some Sequence<[Int]> {
    let size = batchSize * pool
    return stride(from: 0, to: count, by: size).lazy.map { Array($0..<min($0 + size, count)) }
  }

  private static let batchSize = 128
  private static let pool = 100

  /// What the networks say of all rows.
  func scores(_ rows: EncodedRows) throws(TaskError) -> [Float] {
    try scores(rows, RowChoice(allOf: rows.count))
  }

  /// What they say of some.
  func scores(_ rows: EncodedRows, _ places: [Int]) throws(TaskError) -> [Float] {
    try scores(rows, RowChoice(places))
  }

  /// The values of rows that are to be answered.
  func encoded(_ examples: LabelledRecords) throws(TaskError) -> EncodedRows {
    if let rows = examples.kept(of: columns) { return rows }
    do throws(DataError) { return try columns.encode(examples.records) } catch { throw TaskError(error) }
  }

  /// Rows that have the columns that were learned of; what is true of them need not be there.
  func examples(from source: DataSource, target: String?) throws(DataError) -> LabelledRecords {
    var examples = try LabelledRecords.answering(from: source, columns, target: target ?? self.target)
    examples.keep(try columns.encode(examples.records), of: columns)
    return examples
  }

  /// The column of what is true.
  ///
  /// - Parameters:
  ///   - what: What stands in it, such as `labels`.
  ///   - name: Its name, where it is another than in the training.
  func truth(in examples: LabelledRecords, of what: String, named name: String?) throws(TaskError) -> Column {
    guard let place = examples.target else {
      throw TaskError(
        "there is no column \((name ?? target).quoted) of \(what) to compare with", remedy: "add it, or name it")
    }
    return Column(examples.records, place)
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
  let places: RowChoice
  var count: Int { places.count }

  func length(of example: Int) -> Int { rows.length(of: places[example]) }

  func batch(_ examples: [Int]) throws(TrainingError) -> Batch {
    Batch(inputs: try rows.inputs(examples.map { places[$0] }), numbers: examples)
  }
}

/// What was found while networks were trained on columns.
struct ColumnReport: Codable, Sendable, Equatable {
  var examples = 0
  var heldOut = 0
  /// Whether held-out rows came from a file of their own.
  var hasOwnValidation = false
  /// On how many rows, those kept aside too, the networks were trained again; nil where they were not.
  var refitted: Int?
  /// The best epoch of each network.
  var epochs: [Int] = []
  /// The epochs, and the rows of a batch, that each was to go through.
  var plannedEpochs = 0
  var batchSize = 0
  var learningRate: Float = 0
  var parameters = 0
  var seed: UInt64 = 0
  var isComplete = true
  var notes: [String] = []
  var evaluation: SavedEvaluation?

  /// The same for a checkpoint.
  ///
  /// - Parameter state: What the training was at.
  func unfinished(_ state: String) -> ColumnReport {
    var report = self
    report.isComplete = false
    report.notes.append("this is a checkpoint from the middle of a training: \(state)")
    return report
  }
}

extension ColumnModel {
  /// What is read, by which network, and how it was trained.
  ///
  /// - Parameter what: What is said of a row.
  func facts(saying what: (name: String, value: String)) -> [(name: String, value: String)] {
    let kind = plan.isBidirectional ? "bidirectional \(plan.cell)" : plan.cell
    let size = [
      networks.count > 1 ? "\(networks.count) networks" : nil, kind, plan.layers > 1 ? "\(plan.layers) layers" : nil,
      "\(plan.hiddenSize) units", "dropout \(plan.dropout)", "\(report.parameters) parameters", "seed \(report.seed)",
    ]
    let best = report.epochs.map(String.init).joined(separator: ", ")
    return [
      ("Reads", columns.summary), what, ("Model", size.compactMap(\.self).joined(separator: ", ")),
      ("Examples", "\(report.examples) learned, \(report.heldOut) kept aside"),
      (
        "Training",
        "at most \(report.plannedEpochs) epochs of batches of \(report.batchSize), learning rate "
          + "\(report.learningRate)" + (best.isEmpty ? "" : "; the best was epoch \(best)")
          + (report.refitted.map { "; then so many epochs again on all \($0) examples" } ?? "")
      ),
    ]
  }

  /// Says so where a linear model is better on the rows kept aside by the first of the measures.
  ///
  /// - Parameter isLess: Whether less of the measure is better.
  func linearNote(_ name: String, isLess: Bool, shown: (Double) -> String) -> (name: String, value: String)? {
    guard let evaluation = report.evaluation, let own = evaluation.measures.first?.value,
      let other = evaluation.baselines.first(where: { $0.name == name })?.measures.first?.value,
      isLess ? other < own : other > own
    else { return nil }
    return ("Note", "on the rows kept aside a linear model is better: \(shown(other)), and not \(shown(own))")
  }
}
