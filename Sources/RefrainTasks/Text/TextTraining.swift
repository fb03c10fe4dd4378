import Refrain
import RefrainData

/// How a network of texts is trained, as far as it is not left to the task.
public struct TextTrainingOptions: OptionTable, Codable, Equatable {
  /// The rule that moves the weights.
  public enum Rule: String, Codable, Sendable, CaseIterable {
    /// ``Adam``.
    case adam
    /// ``SGD`` without momentum.
    case sgd
  }
  /// How the rate changes.
  public enum Schedule: String, Codable, Sendable, CaseIterable {
    /// A short rise, then half a cosine wave to zero at the end.
    case cosine
    /// Times ``TextTrainingOptions/decay`` when an epoch has not improved on the validation texts.
    case plateau
    /// Times ``TextTrainingOptions/decay`` after each epoch from ``TextTrainingOptions/decayAfter`` on.
    case decay
    /// The same throughout.
    case constant
    /// A cosine wave to zero of one epoch, then of two, of four …, each from the full rate (warm restarts).
    case restarts
  }

  /// Batches, the rule, how its rate changes, and when training ends. The rate itself is what every task may be told.
  public static let options: [TaskOption<Self>] = [
    .batchSize(\.batch, of: "sequences", usually: "by the task"),
    .choice(
      "optimizer", \.rule, of: Rule.allCases.map { ($0.rawValue, $0) }, valueName: "rule",
      help: "The rule that moves the weights: adam or sgd. (default: adam)"),
    .choice(
      "schedule", \.schedule, of: Schedule.allCases.map { ($0.rawValue, $0) }, valueName: "schedule",
      help: """
        How the rate changes: cosine (down to zero at the end), plateau (falls when the validation texts do not improve), \
        decay (falls after each epoch), constant, restarts (down to zero within 1, 2, 4 … epochs, each from the full rate). \
        (default: cosine)
        """),
    .decimal("decay", \.decay, in: 1e-6...1, help: "What the rate is multiplied by when it falls. (default: 0.5)"),
    .count("decay-after", \.decayAfter, in: 0...100_000, help: "After which epoch 'decay' begins. (default: 0)"),
    .decimal("clip", \.clip, in: 1e-6...1e6, help: "The greatest norm of a gradient. (default: 1)"),
    .decimal(
      "initial-range", \.initialRange, in: 1e-6...10,
      help: "Draw all weights evenly from minus this to this. (default: by the kind of layer)"),
    .count(
      "patience", \.patience, in: 1...100_000,
      help: "End after so many epochs without an improvement on the validation texts. (default: never)"),
  ]

  /// How many sequences are learned from together.
  public var batch: BatchSize?
  /// The rule that moves the weights.
  public var rule: Rule?
  /// The learning rate; nil is left to the rule and the task. ``TrainingContext/learningRate`` stands above it.
  public var rate: Float?
  /// How the rate changes.
  public var schedule: Schedule?
  /// What the rate is multiplied by when it falls.
  public var decay: Float?
  /// After which epoch ``Schedule/decay`` begins.
  public var decayAfter: Int?
  /// The greatest norm of a gradient.
  public var clip: Float?
  /// All weights are drawn evenly from minus this to this; nil leaves them to the layers.
  public var initialRange: Float?
  /// After how many epochs without an improvement training ends.
  public var patience: Int?

  /// Everything left to the task.
  public init() {}
}

extension TextTrainingOptions {
  /// Trains a network.
  ///
  /// - Parameters:
  ///   - network: what is learned; on return the best that the validation found.
  ///   - source: what to learn from.
  ///   - validation: what to judge by after each epoch, as one batch.
  ///   - updates: about how many updates an epoch has.
  ///   - measure: what the loss of the validation is called in messages.
  ///   - initial: what the loss carries to the first window; nil means nothing.
  ///   - task: the trained task that there would be with a network; nil where there can be none yet.
  ///   - loss: as for `Trainer`.
  /// - Returns: the course of training.
  func fit<Network: Module, Batch: TrainingBatch, Carried, Task: TaskModel>(
    _ network: inout Network, source: some BatchSource<Batch>, validation: Batch?, epochs: Int, updates: Int,
    seed: UInt64, defaultRate: Float, truncation: Int? = nil, measure: String, _ context: TrainingContext,
    carrying: Carried.Type, from initial: ((Network, Batch) -> Carried)? = nil,
    task: @escaping (Network) -> Task?, loss: (Network, Batch, inout Carried?) -> Tensor
  ) throws(TaskError) -> History {
    if let initialRange {
      var generator = RandomGenerator(seed: seed &+ 1)
      network.forEachTensor { _, tensor in
        tensor = .uniform(tensor.shape, in: -initialRange..<initialRange, using: &generator)
      }
    }
    let progress = EpochProgress(epochs: epochs, updates: updates, measure: measure, context.progress)
    let trainer = Trainer(
      epochs: epochs, seed: seed, schedule: learningRates(epochs: epochs, updates: epochs * updates),
      clipping: .globalNorm(clip ?? 1),
      truncation: truncation, earlyStopping: EarlyStopping(patience: patience ?? max(1, epochs)),
      observers: [progress], shouldStop: context.shouldStop)
    func run<O: Optimizer>(
      _ trainer: Trainer, _ network: inout Network, _ optimizer: inout O
    ) throws(TrainingError) -> History {
      try context.train(trainer, &network, optimizer: &optimizer, task: task) {
        trainer, network, optimizer, state throws(TrainingError) in
        if state != nil { progress.hasLearned = true }
        return try trainer.fit(
          &network, optimizer: &optimizer, source: source, validation: validation.map { [$0] }, resuming: state,
          carrying: carrying, from: initial, loss: loss)
      }
    }
    let history: History
    do throws(TrainingError) {
      switch rule ?? .adam {
      case .adam:
        var optimizer = Adam(learningRate: rate ?? defaultRate)
        history = try run(trainer, &network, &optimizer)
      case .sgd:
        var optimizer = SGD(learningRate: rate ?? 20)
        history = try run(trainer, &network, &optimizer)
      }
    } catch {
      throw TaskError(error, remedy: "choose a smaller learning rate, or another seed")
    }
    // A training that a checkpoint found at its end took no step here.
    guard progress.hasLearned || !history.epochs.isEmpty else {
      throw TaskError("training was stopped before there was a result", remedy: "give it more time")
    }
    return history
  }

  private func learningRates(epochs: Int, updates: Int) -> LearningRateSchedule {
    switch schedule ?? .cosine {
    case .constant: return .constant
    case .restarts: return .cosineWithRestarts(every: max(1, updates / max(1, epochs)), factor: 2).countingSteps
    case .plateau: return .reduceOnPlateau(factor: min(decay ?? 0.5, 0.999), patience: 0)
    case .decay:
      let falling = LearningRateSchedule.exponential(factor: decay ?? 0.5)
      // The last epoch at the full rate is the first of those that fall, by a factor of 1.
      let full = max(0, (decayAfter ?? 0) - 1)
      return full > 0 ? .warmUp(count: full, from: 1, then: falling) : falling
    case .cosine:
      let rising = max(1, min(200, updates / 20))
      return .warmUp(count: rising, then: .cosine(count: max(1, updates - rising)).countingSteps)
    }
  }
}

extension TaskError {
  /// Why a training failed.
  ///
  /// - Parameter remedy: What helps where a value grew beyond all bounds.
  init(_ error: TrainingError, remedy: String) {
    guard error.code == .notFinite else {
      self.init(error.description)
      return
    }
    self.init(
      "the training did not converge: a value grew beyond all bounds in epoch \(error.epoch ?? 1)", remedy: remedy)
  }
}

/// Tells of a training as it goes on.
private final class EpochProgress: TrainingObserver {
  private let epochs: Int
  private let updates: Int
  private let measure: String
  private let tell: (@Sendable (_ fraction: Double, _ message: String) -> Void)?
  private var last = ""
  /// Whether anything was learned yet, in this training or in the one that it goes on with.
  var hasLearned = false

  init(
    epochs: Int, updates: Int, measure: String, _ tell: (@Sendable (_ fraction: Double, _ message: String) -> Void)?
  ) {
    (self.epochs, self.updates, self.measure, self.tell) = (epochs, updates, measure, tell)
  }

  func observe(_ event: TrainingEvent) -> TrainingDecision {
    switch event.kind {
    case .step(let step):
      hasLearned = true
      let done = Double(step.epoch - 1) + min(1, Double(step.batch) / Double(max(1, updates)))
      tell?(
        done / Double(epochs), "epoch \(step.epoch) of \(epochs), loss \(rounded(step.meanLoss))\(last)")
    case .epoch(let epoch):
      if let validation = epoch.validationLoss {
        last = "; after epoch \(epoch.number) \(measure) \(rounded(validation))"
      }
      tell?(
        Double(epoch.number) / Double(epochs), "epoch \(epoch.number) of \(epochs), loss \(rounded(epoch.loss))\(last)")
    case .began, .ended: break
    }
    return .proceed
  }
}

/// A number with three decimals.
private func rounded(_ value: Float) -> String {
  guard value.isFinite, value.magnitude < 1e9 else { return "\(value)" }
  let thousandths = Int((value.magnitude * 1000).rounded())
  let decimals = String(1000 + thousandths % 1000).dropFirst()
  return "\(value < 0 ? "-" : "")\(thousandths / 1000).\(decimals)"
}
