import Refrain
import Synchronization

/// Tries learning rates in place of a task's first training. The task ends with an error then, and nothing is trained;
/// what was found is ``result``.
public final class RateSearch: Sendable {
  private let found = Mutex<LearningRateSearch?>(nil)

  /// A search that has not begun.
  public init() {}

  /// The loss over the rates; nil where the task never came to train.
  public var result: LearningRateSearch? { found.withLock { $0 } }

  func run<M: Module, O: Optimizer>(
    _ trainer: Trainer, _ model: M, _ optimizer: O,
    fit: (Trainer, inout M, inout O) throws(TrainingError) -> History
  ) throws(TrainingError) {
    let result = try trainer.searchLearningRate(for: model, optimizer: optimizer, fit: fit)
    found.withLock { $0 = result }
    throw TrainingError(.observerFailed, "learning rates were tried, and nothing was trained")
  }
}
