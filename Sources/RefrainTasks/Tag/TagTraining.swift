import Refrain
import RefrainData

/// One training of a tagger's network: Adam whose rate rises and falls, and after each epoch a look at the sentences
/// kept aside.
struct TagTraining {
  let source: TagSource
  /// For each word of the vocabulary whether it was seen once.
  let singletons: [Bool]
  let epochs: Int
  let batchSize: Int
  let learningRate: Float
  let seed: UInt64
  let shouldStop: @Sendable () -> Bool
  /// The processes that train together.
  let group: (any TrainingGroup)?

  /// - Parameters:
  ///   - network: What is learned.
  ///   - score: How good a network is, greater being better; nil when nothing was kept aside: then the last is taken.
  ///   - progress: Told of each batch the share of the work, and of the last epoch what there is to say.
  /// - Returns: The best epoch, and whether training went to its end.
  /// - Throws: ``TaskError`` when the numbers went astray, or training was stopped before there was a result.
  func run(
    _ network: inout TagNetwork, score: ((TagNetwork) -> Double)?,
    progress: @escaping (_ share: Double, _ message: String) -> Void
  ) throws(TaskError) -> (epochs: Int, isComplete: Bool) {
    let watch = TagWatch(score: score, progress: progress)
    var optimizer = SparseAdam(learningRate: learningRate)
    let batches = LengthBatches(source, size: batchSize, pool: 20, seed: seed)
    let history: History
    do throws(TrainingError) {
      var trainer = Trainer(
        epochs: epochs, seed: seed, schedule: .oneCycle(rising: 0.1, divisor: 10, finalDivisor: 100),
        clipping: .globalNorm(1), observers: [watch], shouldStop: shouldStop)
      trainer.group = group
      history = try trainer.fit(&network, optimizer: &optimizer, source: batches) { network, batch in
        network.loss(batch, singletons: singletons)
      }
    } catch {
      throw TaskError(error, remedy: "choose another seed, or fewer units")
    }
    let isComplete = history.stopReason == .completed || history.stopReason == .earlyStopping
    guard isComplete || !history.epochs.isEmpty else { throw TaskError("interrupted before there was a result") }
    if let best = watch.best {
      network = best.network
      return (best.epoch, isComplete)
    }
    return (history.epochs.count, isComplete)
  }
}

/// Keeps the network of the best epoch.
private final class TagWatch: TrainingObserver {
  private let score: ((TagNetwork) -> Double)?
  private let progress: (_ share: Double, _ message: String) -> Void
  private(set) var best: (network: TagNetwork, epoch: Int, score: Double)?
  private var message = ""

  init(score: ((TagNetwork) -> Double)?, progress: @escaping (_ share: Double, _ message: String) -> Void) {
    self.score = score
    self.progress = progress
  }

  func observe(_ event: TrainingEvent) -> TrainingDecision {
    switch event.kind {
    case .step(let step):
      let part = event.batches.map { Double(step.batch) / Double($0) } ?? 0
      progress((Double(step.epoch - 1) + part) / Double(event.epochs), message)
    case .epoch(let epoch):
      message = "epoch \(epoch.number) of \(event.epochs), loss \(rounded(Double(epoch.loss), 4))"
      guard let score, let state = event.state() as? TrainingState<TagNetwork> else { return .proceed }
      let value = score(state.model)
      message += ", \(rounded(value * 100, 2)) % of those kept aside"
      if best.map({ value > $0.score }) ?? true { best = (state.model, epoch.number, value) }
      progress(Double(epoch.number) / Double(event.epochs), message)
      let patience = max(8, event.epochs / 3)
      if let best, epoch.number - best.epoch >= patience { return .stop(.earlyStopping) }
    default: break
    }
    return .proceed
  }
}

private func rounded(_ value: Double, _ digits: Int) -> Double {
  let scale = Double((0..<digits).reduce(1) { number, _ in number * 10 })
  return (value * scale).rounded() / scale
}
