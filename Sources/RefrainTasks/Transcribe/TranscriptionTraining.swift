import Refrain
import RefrainData

/// Recordings to learn from: the steps that the network reads, and the symbols that they say.
struct TranscriptionExamples: ExampleSource {
  let inputs: [FeatureFrames]
  let labels: [[Int]]

  var count: Int { inputs.count }
  func length(of example: Int) -> Int { inputs[example].count }

  /// The examples, padded with zeros.
  func batch(_ examples: [Int]) -> Refrain.Batch {
    let targetLengths = examples.map { labels[$0].count }
    let longest = max(1, targetLengths.max() ?? 0)
    let targets = examples.flatMap { example in
      labels[example].map(Float.init) + repeatElement(0, count: longest - labels[example].count)
    }
    let steps = FeatureFrames.batch(examples.map { inputs[$0] })
    return Refrain.Batch(
      steps.values, Tensor(targets, shape: [examples.count, longest]), steps: steps.steps,
      targetLengths: targetLengths)
  }
}

/// The batches of a training: in the first epoch short recordings come before long ones, which are easier once the
/// short ones are known (Amodei et al. 2016); then in a random order; each with masks of its own.
struct TranscriptionBatches: BatchSource {
  private let examples: TranscriptionExamples
  private let plan: TranscriptionPlan
  private var shuffled: LengthBatches<TranscriptionExamples>
  private let sorted: [Int]
  private var epoch = 0
  private var position = 0

  init(_ examples: TranscriptionExamples, plan: TranscriptionPlan) {
    self.examples = examples
    self.plan = plan
    shuffled = LengthBatches(examples, size: plan.batchSize, pool: 8, seed: plan.seed)
    sorted = (0..<examples.count).sorted { (examples.length(of: $0), $0) < (examples.length(of: $1), $1) }
  }

  var batchCount: Int? { (examples.count + plan.batchSize - 1) / plan.batchSize }

  mutating func begin(epoch: Int, at position: Int) throws(TrainingError) {
    (self.epoch, self.position) = (epoch, position)
    try shuffled.begin(epoch: epoch, at: position)
  }

  mutating func next() throws(TrainingError) -> Refrain.Batch? {
    let found: Refrain.Batch?
    if epoch == 0 {
      let first = position * plan.batchSize
      found =
        first < sorted.count
        ? examples.batch(Array(sorted[first..<min(first + plan.batchSize, sorted.count)])) : nil
    } else {
      found = try shuffled.next()
    }
    guard var batch = found else { return nil }
    let number = UInt64(epoch) << 32 | UInt64(position)
    var generator = RandomGenerator(seed: plan.seed &+ 0x5EED &+ number &* 0x9E37_79B9_7F4A_7C15)
    batch.input = plan.masks(
      batch.input, lengths: batch.lengths ?? [], width: plan.encoding.baseWidth, using: &generator)
    position += 1
    return batch
  }
}

/// One training of a transcriber's network.
struct TranscriptionTraining {
  let plan: TranscriptionPlan
  let training: TranscriptionExamples
  let heldOut: TranscriptionExamples
  let context: TrainingContext

  /// - Parameter transcriber: What there would be with a network, for checkpoints.
  /// - Returns: How it went.
  /// - Throws: ``TaskError`` when it did not converge, or was stopped before there was a result.
  func run(
    _ network: inout TranscriptionNetwork, transcriber: @escaping (TranscriptionNetwork) -> Transcriber
  ) throws(TaskError) -> History {
    var optimizer = Adam(learningRate: plan.learningRate)
    let loss = Loss.ctc(perLabel: false)
    let watch = TranscriptionWatch(self)
    let trainer = Trainer(
      epochs: plan.epochs, seed: plan.seed, schedule: .oneCycle(), clipping: .globalNorm(100), observers: [watch],
      shouldStop: context.shouldStop)
    let rate = plan.dropout
    // Masks are drawn by the batches, whether they are asked for or not, unless something is changed: they are to be
    // zero after all of it.
    let changes = try context.regularization.augmentations(for: Transcriber.self).only([.noise, .gain, .speed, .shift])
    var drawn = plan
    if !changes.isEmpty { drawn.masks = .none }
    let source = TranscriptionBatches(training, plan: drawn)
    let history: History
    do throws(TrainingError) {
      history = try context.train(trainer, &network, optimizer: &optimizer, task: transcriber) {
        trainer, network, optimizer, state throws(TrainingError) in
        try trainer.fit(
          &network, optimizer: &optimizer, source: source, resuming: state
        ) { network, batch in
          let read = StepValues(batch.input, steps: Steps(lengths: batch.lengths))
          let seen = changes.whileTraining(read) { changes, read, generator in
            let changed = changes.changed(
              recordings: read, encoding: plan.encoding, least: batch.leastSteps, using: &generator)
            return plan.masks(changed, encoding: plan.encoding, using: &generator)
          }
          let lengths = seen.steps.lengths
          let logits = network.logits(seen.values, lengths: lengths ?? [], dropout: rate)
          return loss(logits, batch.target, lengths: lengths, targetLengths: batch.targetLengths)
        }
      }
    } catch {
      throw TaskError(error, remedy: TaskError.divergenceRemedy)
    }
    guard !history.epochs.isEmpty else { throw TaskError("interrupted before there was a result") }
    return history
  }
}

extension Refrain.Batch {
  /// The steps that each text takes at least.
  fileprivate var leastSteps: [Int] {
    let (width, labels) = (target.shape[1], target.values)
    return (targetLengths ?? []).enumerated().map { row, length in
      Loss.ctcStepsNeeded(labels[row * width..<row * width + length].map { Int($0) })
    }
  }
}

/// Says after each epoch how many symbols of the held-out recordings are wrong.
private final class TranscriptionWatch: TrainingObserver {
  private let training: TranscriptionTraining

  init(_ training: TranscriptionTraining) { self.training = training }

  func observe(_ event: TrainingEvent) -> TrainingDecision {
    guard case .epoch(let epoch) = event.kind, let progress = training.context.progress else { return .proceed }
    var message = "epoch \(epoch.number) of \(event.epochs), loss \((Double(epoch.loss) * 100).rounded() / 100)"
    if let state = event.state() as? TrainingState<TranscriptionNetwork>, training.heldOut.count > 0 {
      var edits = EditCounts()
      let batches = training.heldOut.logProbabilities(state.model)
      for (index, values) in batches.enumerated() {
        edits.add(EditCounts(reference: training.heldOut.labels[index], CTCPrefixSearch.greedy(values)))
      }
      message += ", character error rate \((edits.rate * 1000).rounded() / 10) % of held-out recordings"
    }
    progress(0.9 * Double(epoch.number) / Double(event.epochs), message)
    return .proceed
  }
}

extension TranscriptionExamples {
  /// The log-probabilities `[T, V]` of each recording, in order; recordings of about one length go together.
  func logProbabilities(_ network: TranscriptionNetwork) -> [Tensor] {
    var results = [Tensor?](repeating: nil, count: count)
    let order = (0..<count).filter { length(of: $0) > 0 }.sorted { (length(of: $0), $0) < (length(of: $1), $1) }
    for start in stride(from: 0, to: order.count, by: 16) {
      let chosen = Array(order[start..<min(start + 16, order.count)])
      let batch = batch(chosen)
      let values = network.logits(batch.input, lengths: batch.lengths ?? []).logSoftmax()
      for (row, example) in chosen.enumerated() {
        results[example] = values.at(row, axis: 0).slice(0..<length(of: example), axis: 0)
      }
    }
    let width = network.outputs[0].shape.last.flatMap(\.self) ?? 0
    return results.map { $0 ?? .zeros([0, width]) }
  }
}
