import Refrain
import RefrainData
import Synchronization

/// Some rows to learn from together.
struct ColumnBatch: TrainingBatch {
  var inputs: [StepValues]
  /// `[B]` classes, or `[B, O]` values.
  var target: Tensor
  /// `[B]`; nil is 1 each.
  var weights: Tensor?

  var count: Int { target.shape[0] }
  var weight: Double { weights.map { Double($0.values.reduce(0, +)) } ?? Double(count) }
  var firstNotFinite: String? { inputs.allSatisfy { $0.values.isFinite } ? nil : "the input of the batch" }
}

/// Rows with what is true of them.
struct ColumnExamples: ExampleSource, Sendable {
  let rows: EncodedRows
  /// Which rows these are.
  let places: RowChoice
  /// What is true of the places, one after another: of each one class, or a value for each output.
  let targets: LongArray<Float>
  /// How many values are true of a place.
  let width: Int
  /// How much each place counts.
  let weights: LongArray<Float>?

  /// - Parameter targets: What is true of each place.
  init(rows: EncodedRows, places: RowChoice, targets: some Sequence<[Float]>, weights: LongArray<Float>?) {
    (self.rows, self.places, self.weights) = (rows, places, weights)
    var (values, width) = (LongArray<Float>(), 1)
    for target in targets {
      values.append(contentsOf: target)
      width = target.count
    }
    (self.targets, self.width) = (values, width)
  }

  /// What is true of an example.
  func target(of example: Int) -> ArraySlice<Float> { targets.nearby(example * width..<(example + 1) * width) }

  var count: Int { places.count }

  func length(of example: Int) -> Int { rows.length(of: places[example]) }

  func batch(_ examples: [Int]) throws(TrainingError) -> ColumnBatch {
    let values = examples.flatMap { target(of: $0) }
    do throws(DataError) { try check() } catch { throw TrainingError(.unreadableData, error.description) }
    return ColumnBatch(
      inputs: try rows.inputs(examples.map { places[$0] }),
      target: Tensor(values, shape: width == 1 ? [examples.count] : [examples.count, width]),
      weights: weights.map { weights in Tensor(examples.map { weights[$0] }) })
  }

  func share(_ examples: [Int], of batch: [Int]) throws(TrainingError) -> BatchShare<ColumnBatch> {
    var own = try self.batch(examples)
    var whole = WholeBatch(count: batch.count)
    let all = batch.map { places[$0] }
    for (place, column) in rows.columns.enumerated() {
      own.inputs[place] = own.inputs[place].padded(to: all.reduce(0) { max($0, column.length(of: $1)) })
      if column.holdsTokens { whole.tokens.append(try column.batch(all).values.integers ?? []) }
    }
    return BatchShare(own, of: whole)
  }

  /// Makes sure that what is true could be kept, and read as far as it was asked for.
  private func check() throws(DataError) {
    try targets.check()
    try weights?.check()
  }

  /// Makes sure that all that was asked for could be read.
  func requireWhole() throws(TaskError) {
    do throws(DataError) { try check() } catch { throw TaskError(error) }
    try rows.requireWhole()
  }

  /// The examples in batches of about one length, made as they are asked for.
  func inOrder(size: Int, maximumSteps: Int) -> ColumnBatches {
    ColumnBatches(examples: self, size: size, maximumSteps: maximumSteps)
  }
}

extension StepValues {
  /// The same, with steps at the end that are not there where there are fewer than `time`.
  fileprivate func padded(to time: Int) -> StepValues {
    guard values.rank > 1, values.shape[1] < time else { return self }
    let (count, own) = (values.shape[0], values.shape[1])
    var shape = values.shape
    shape[1] = time - own
    // Tokens stay whole numbers.
    let padding =
      values.rank == 2 ? Tensor([Int](repeating: 0, count: shape[0] * shape[1]), shape: shape) : .zeros(shape)
    var steps = steps
    steps.lengths = steps.lengths ?? Array(repeating: own, count: count)
    steps.present = steps.present?.map { $0 + Array(repeating: false, count: time - own) }
    steps.resets = steps.resets?.map { $0 + Array(repeating: false, count: time - own) }
    return StepValues(concatenate([values, padding], axis: 1), steps: steps)
  }
}

/// Batches of examples, each made when it is asked for. They end where one cannot be made; ``check()`` tells.
struct ColumnBatches: Sequence, Sendable {
  let examples: ColumnExamples
  let size: Int
  let maximumSteps: Int
  private let kept = Failure()

  /// Why a loop over the batches ended early.
  private final class Failure: Sendable {
    let error = Mutex<TrainingError?>(nil)
  }

  init(examples: ColumnExamples, size: Int, maximumSteps: Int) {
    (self.examples, self.size, self.maximumSteps) = (examples, size, maximumSteps)
  }

  func makeIterator() -> AnyIterator<ColumnBatch> {
    var batches = LengthBatches(examples, size: size, maximumSteps: maximumSteps, shuffles: false, order: LongOrder())
    do throws(TrainingError) {
      try batches.begin(epoch: 0, at: 0)
    } catch {
      kept.error.withLock { $0 = error }
      return AnyIterator { nil }
    }
    return AnyIterator {
      do throws(TrainingError) {
        return try batches.next()
      } catch {
        kept.error.withLock { $0 = error }
        return nil
      }
    }
  }

  /// Why a loop over the batches ended early; nil where none did.
  var failure: TrainingError? { kept.error.withLock { $0 } }

  /// Makes sure that there were all batches: to be called after a loop over them.
  func check() throws(TrainingError) { if let failure { throw failure } }
}
