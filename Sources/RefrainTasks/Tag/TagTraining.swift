import Refrain
import RefrainData

/// One training of a tagger's network: Adam whose rate rises and falls, and after each epoch a look at the sentences
/// kept aside.
struct TagTraining {
  let source: TagSource
  /// For each word of the vocabulary whether it was seen once.
  let singletons: [Bool]
  /// The share of words that are taken for unknown.
  let wordDropout: Float
  let epochs: Int
  let batchSize: Int
  let learningRate: Float
  let seed: UInt64
  /// The word for this training among those of the task.
  let stage: String
  let context: TrainingContext
  /// How many words a batch has at most, padding counted, unless a sentence is longer.
  private static let mostWords = 1 << 15

  /// The words of a batch, padding counted, given its size and the longest sentence.
  static func words(_ size: Int, longest: Int) -> Int {
    isLimited(size, longest: longest) ? max(longest, mostWords) : size * longest
  }

  private static func isLimited(_ size: Int, longest: Int) -> Bool { longest > mostWords / max(1, size) }

  /// - Parameters:
  ///   - network: What is learned; on return that of the best epoch, or of the last where nothing was kept aside.
  ///   - score: How good a network is, greater being better; nil when nothing was kept aside.
  ///   - task: The tagger that there would be with a network.
  ///   - progress: Told of each batch the share of the work, and of the last epoch what there is to say.
  /// - Returns: The best epoch, and whether training went to its end.
  /// - Throws: ``TaskError`` when the numbers went astray, or training was stopped before there was a result.
  func run(
    _ network: inout TagNetwork, score: ((TagNetwork) -> Double)?, task: @escaping (TagNetwork) -> Tagger,
    progress: @escaping (_ share: Double, _ message: String) -> Void
  ) throws(TaskError) -> (epochs: Int, isComplete: Bool) {
    var optimizer = SparseAdam(learningRate: learningRate)
    // Long sentences come in smaller batches, which only they need: how many there are is not known before.
    let longest = source.longest(1).first.map { source.length(of: $0) } ?? 0
    let size = max(1, min(batchSize, source.count))
    let batches = LengthBatches(
      source, size: size, maximumSteps: Self.isLimited(size, longest: longest) ? Self.mostWords : nil, pool: 20,
      seed: seed, order: LongOrder())
    let history: History
    do throws(TrainingError) {
      // Where the number of batches depends on the order, that of the first epoch stands for all.
      let updates: Int? = batches.batchCount == nil ? try epochs * batches.count(ofEpoch: 0) : nil
      let trainer = Trainer(
        epochs: epochs, seed: seed,
        schedule: .oneCycle(count: updates, rising: 0.1, divisor: 10, finalDivisor: 100),
        clipping: .globalNorm(1), earlyStopping: score.map { _ in EarlyStopping(patience: max(8, epochs / 3)) },
        observers: [TagProgress(progress)], shouldStop: context.shouldStop)
      history = try context.train(trainer, stage: stage, &network, optimizer: &optimizer, task: task) {
        trainer, network, optimizer, state throws(TrainingError) in
        try trainer.fit(
          &network, optimizer: &optimizer, source: batches, validation: score.map { _ in [TagBatch.validation] },
          resuming: state
        ) { network, batch in
          guard batch.isValidation, let score else {
            return network.loss(batch, singletons: singletons, wordDropout: wordDropout)
          }
          // What training makes small is the loss; what the best epoch is chosen by is the share of errors.
          let value = score(network)
          return Tensor(value.isFinite ? Float(1 - value) : 1)
        }
      }
    } catch {
      throw TaskError(error, remedy: TaskError.divergenceRemedy)
    }
    let isComplete = history.stopReason == .completed || history.stopReason == .earlyStopping
    guard !history.epochs.isEmpty else { throw TaskError("interrupted before there was a result") }
    return (score == nil ? history.epochs.count : history.bestEpoch ?? history.epochs.count, isComplete)
  }
}

/// Tells of a training as it goes on.
private final class TagProgress: TrainingObserver {
  private let tell: (_ share: Double, _ message: String) -> Void
  private var message = ""

  init(_ tell: @escaping (_ share: Double, _ message: String) -> Void) { self.tell = tell }

  func observe(_ event: TrainingEvent) -> TrainingDecision {
    switch event.kind {
    case .step(let step):
      let part = event.batches.map { Double(step.batch) / Double($0) } ?? 0
      tell((Double(step.epoch - 1) + part) / Double(event.epochs), message)
    case .epoch(let epoch):
      message = "epoch \(epoch.number) of \(event.epochs), loss \(rounded(Double(epoch.loss), 4))"
      if let errors = epoch.validationLoss {
        message += ", \(rounded((1 - Double(errors)) * 100, 2)) % of those kept aside"
      }
      tell(Double(epoch.number) / Double(event.epochs), message)
    default: break
    }
    return .proceed
  }
}

private func rounded(_ value: Double, _ digits: Int) -> Double {
  let scale = Double((0..<digits).reduce(1) { number, _ in number * 10 })
  return (value * scale).rounded() / scale
}
