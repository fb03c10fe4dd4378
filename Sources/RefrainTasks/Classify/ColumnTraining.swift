import Refrain
import RefrainData

/// One training of a network that reads columns.
struct ColumnTraining {
  let examples: ColumnExamples
  /// What says which epoch is best; nil takes the last.
  let heldOut: ColumnExamples?
  let epochs: Int
  let seed: UInt64
  let loss: Loss
  let augmentation: ColumnAugmentation
  let context: TrainingContext
  /// The word for this training among those of the task.
  let stage: String
  /// How many examples there are in a batch.
  let batchSize: Int
  /// Which part of the whole work this training is, for its progress.
  var share: Range<Double> = 0..<1

  /// Examples in a batch: few where there are few, so that there are updates enough.
  static func batchSize(examples: Int) -> Int { examples < 500 ? 8 : examples < 4000 ? 16 : 32 }
  /// At the beginning.
  var learningRate: Float { context.learningRate ?? 2e-3 }
  /// Steps in a batch, padding counted.
  static let maximumSteps = 32 * 160
  /// The same for a batch that is to have more examples than there usually are.
  static func maximumSteps(_ size: Int, examples: Int) -> Int {
    maximumSteps * max(1, size / batchSize(examples: examples))
  }

  /// - Parameter task: The trained task that there would be with a network, which checkpoints save.
  /// - Returns: The epochs; the network is that of the best.
  /// - Throws: ``TaskError`` when numbers went astray, or training was stopped before there was a result.
  func run<Task: TaskModel>(
    _ network: inout JoinedNetwork, task: @escaping (JoinedNetwork) -> Task?
  ) throws(TaskError) -> History {
    var optimizer = Adam(learningRate: learningRate)
    let heldOut = heldOut.flatMap { $0.count == 0 ? nil : $0 }
    let source = LengthBatches(
      examples, size: batchSize, maximumSteps: Self.maximumSteps(batchSize, examples: examples.count), seed: seed,
      order: LongOrder())
    let validation = heldOut.map { $0.inOrder(size: 128, maximumSteps: 4 * Self.maximumSteps) }
    let history: History
    do throws(TrainingError) {
      let trainer = Trainer(
        epochs: epochs, seed: seed, schedule: .cosine(minimum: 1e-4), clipping: .globalNorm(1),
        earlyStopping: heldOut == nil ? nil : EarlyStopping(patience: max(3, epochs / 4)),
        observers: [ContextProgress(context: context, share: share)], shouldStop: context.shouldStop)
      history = try context.train(trainer, stage: stage, &network, optimizer: &optimizer, task: task) {
        trainer, network, optimizer, state throws(TrainingError) in
        try trainer.fit(
          &network, optimizer: &optimizer, source: source, validation: validation, resuming: state
        ) { network, batch in augmentation.loss(of: network, on: batch, loss) }
      }
      try validation?.check()
    } catch {
      // Where batches were missing, what was computed of them is not to blame.
      if let failure = validation?.failure { throw TaskError(failure.description) }
      throw TaskError(error, remedy: TaskError.divergenceRemedy)
    }
    guard !history.epochs.isEmpty else {
      throw TaskError("training was stopped before there was a result", remedy: "let it go through the examples once")
    }
    return history
  }
}

/// Tells whoever waits how far a training is.
final class ContextProgress: TrainingObserver {
  private let context: TrainingContext
  private let share: Range<Double>

  init(context: TrainingContext, share: Range<Double>) {
    self.context = context
    self.share = share
  }

  func observe(_ event: TrainingEvent) -> TrainingDecision {
    guard let progress = context.progress, case .step(let step) = event.kind else { return .proceed }
    guard step.batch % 16 == 0 || step.batch == event.batches else { return .proceed }
    let epoch = Double(step.epoch - 1) + Double(step.batch) / Double(max(event.batches ?? step.batch, step.batch))
    let fraction = share.lowerBound + (share.upperBound - share.lowerBound) * epoch / Double(max(1, event.epochs))
    progress(min(fraction, 1), "epoch \(step.epoch) of \(event.epochs), loss \(rounded(step.meanLoss))")
    return .proceed
  }

  private func rounded(_ value: Float) -> String { "\((value * 1000).rounded() / 1000)" }
}
