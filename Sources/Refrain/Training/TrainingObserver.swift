/// Sees what happens in training, and may end it: shows progress, writes a table, saves checkpoints, stops early.
///
///     struct Watch: TrainingObserver {
///       func observe(_ event: TrainingEvent) -> TrainingDecision {
///         if case .epoch(let epoch) = event.kind { print(epoch.number, epoch.loss) }
///         return .proceed
///       }
///     }
///
/// An observer that remembers something is a class. Its answers do not change what is learned, but for when training
/// ends.
public protocol TrainingObserver {
  /// Takes note of an event, and says whether to go on.
  ///
  /// - Throws: ``TrainingError``, made by ``TrainingError/init(_:_:)``, which ends training.
  func observe(_ event: TrainingEvent) throws(TrainingError) -> TrainingDecision
}

/// Whether training goes on.
public enum TrainingDecision: Sendable, Equatable {
  /// It does.
  case proceed
  /// It ends here, for the given reason.
  case stop(History.StopReason = .requested)
}

/// Something that happened in training.
public struct TrainingEvent {
  /// The kinds of events.
  public enum Kind {
    /// Training begins, or goes on from a saved state.
    case began
    /// A batch, or a window of one, was learned from.
    case step(TrainingStep)
    /// An epoch is finished, with its validation; it is the last of ``TrainingEvent/history``.
    case epoch(History.Epoch)
    /// Training has ended for the given reason; nil after an error.
    case ended(History.StopReason?)
  }

  /// What happened.
  public let kind: Kind
  /// How many epochs there will be at most.
  public let epochs: Int
  /// How many batches, or windows, an epoch has; nil while that is not known.
  public let batches: Int?
  /// The epochs that are finished.
  public let history: History
  private let makeState: (() -> any SavedTraining)?
  private let gateLook: GateLook?

  init(
    _ kind: Kind, epochs: Int, batches: Int?, history: History, makeState: (() -> any SavedTraining)? = nil,
    gateLook: GateLook? = nil
  ) {
    self.kind = kind
    self.epochs = epochs
    self.batches = batches
    self.history = history
    self.makeState = makeState
    self.gateLook = gateLook
  }

  /// Whether training can go on from here: not before an update for which gradients are still being gathered, nor
  /// between two windows of one batch where several processes learn from it, or where the loss carries what no tensors
  /// say.
  public var isResumable: Bool { makeState != nil }

  /// All that training consists of at this point, a ``TrainingState``; nil where ``isResumable`` is false. Whoever
  /// keeps it keeps a copy of the weights.
  public func state() -> (any SavedTraining)? { makeState?() }

  /// What the gates of the model's recurrent levels do on a few sequences of the first batch that this training learned
  /// from, the same after every epoch. It takes as long as the batch's loss and a few readable steps, changes nothing,
  /// and is found once for all who ask. Nothing but at the end of an epoch, while observers are told of it, and where
  /// no level shows gates.
  public func gates() -> [GateValues] { gateLook?.values ?? [] }
}

/// What is known of a batch that was learned from.
public struct TrainingStep: Sendable, Equatable {
  /// The epoch, from 1.
  public let epoch: Int
  /// The batch, or window, within the epoch, from 1.
  public let batch: Int
  /// How many updates the optimizer has made in this training, with those of a training it goes on from.
  public let step: Int
  /// The loss of the batch before the update.
  public let loss: Float
  /// The mean loss of the epoch so far.
  public let meanLoss: Float
  /// The learning rate of the update.
  public let learningRate: Float
  /// The number of examples in the batch.
  public let examples: Int
}

/// Ends training when it no longer helps, and brings the best weights back.
public struct EarlyStopping: TrainingObserver, Sendable, Equatable {
  /// After how many epochs in a row without improvement training ends.
  public var patience: Int
  /// By how much the loss must fall below the best so far to be an improvement.
  public var minimumImprovement: Float

  /// Ends training after `patience` epochs without an improvement of at least `minimumImprovement`.
  public init(patience: Int, minimumImprovement: Float = 0) {
    require(patience > 0, "the patience is \(patience), and must be positive")
    self.patience = patience
    self.minimumImprovement = minimumImprovement
  }

  public func observe(_ event: TrainingEvent) -> TrainingDecision {
    guard case .epoch = event.kind, isExhausted(by: event.history) else { return .proceed }
    return .stop(.earlyStopping)
  }

  /// Whether the last epochs brought no improvement.
  func isExhausted(by history: History) -> Bool {
    history.bestEpoch.map { history.epochs.count - $0 >= patience } ?? false
  }
}

/// Writes a line of comma-separated values after each epoch, and a header before the first:
///
///     epoch,loss,validation loss,accuracy,validation accuracy,learning rate,seconds
///
/// Where training goes on from a saved state the header is not written again.
public final class EpochTable: TrainingObserver {
  private let metrics: [String]?
  private let write: (String) -> Void
  private var names: [String]?

  /// - Parameters:
  ///   - metrics: the names of the metrics to write; nil takes those of the first epoch, in the order of their names.
  ///   - write: takes the text, a whole line at a time with its end.
  public init(metrics: [String]? = nil, write: @escaping (_ line: String) -> Void) {
    self.metrics = metrics
    self.write = write
  }

  public func observe(_ event: TrainingEvent) -> TrainingDecision {
    guard case .epoch(let epoch) = event.kind else { return .proceed }
    let hasValidation = epoch.validationLoss != nil
    let names = names ?? metrics ?? epoch.metrics.keys.sorted()
    self.names = names
    if epoch.number == 1 {
      let titles = names.flatMap { hasValidation ? [$0, "validation " + $0] : [$0] }
      let header = ["epoch", "loss"] + (hasValidation ? ["validation loss"] : []) + titles
      write((header + ["learning rate", "seconds"]).map(Self.field).joined(separator: ",") + "\n")
    }
    func text(_ value: Float?) -> String { value.map { "\($0)" } ?? "" }
    var fields = ["\(epoch.number)", text(epoch.loss)]
    if hasValidation { fields.append(text(epoch.validationLoss)) }
    for name in names {
      fields.append(text(epoch.metrics[name]))
      if hasValidation { fields.append(text(epoch.validationMetrics[name])) }
    }
    write((fields + [text(epoch.learningRate), "\(epoch.seconds)"]).joined(separator: ",") + "\n")
    return .proceed
  }

  /// A name as a field: quoted where it holds what separates fields.
  package static func field(_ name: String) -> String {
    guard name.contains(where: { ",\"\r\n".contains($0) }) else { return name }
    return "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }
}
