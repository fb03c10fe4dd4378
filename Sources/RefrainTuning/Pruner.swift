import Refrain
import RefrainData
import Synchronization

/// Compares a trial with the others at the rungs, and ends it where it is not among the best. Only the first stage of a
/// task's training is compared: what comes after depends on it.
final class Pruner: Sendable {
  private let study: Study
  private let trial: Int
  private let halving: Halving?
  private let state = Mutex<(first: String?, hasPruned: Bool)>((nil, false))

  init(_ study: Study, _ trial: Int, _ halving: Halving?) {
    (self.study, self.trial, self.halving) = (study, trial, halving)
  }

  var hasPruned: Bool { state.withLock { $0.hasPruned } }

  func observer(of stage: String) -> any TrainingObserver {
    let isFirst = state.withLock { state in
      state.first = state.first ?? stage
      return state.first == stage
    }
    return Observer(pruner: self, isCompared: isFirst)
  }

  private struct Observer: TrainingObserver {
    let pruner: Pruner
    let isCompared: Bool

    func observe(_ event: TrainingEvent) throws(TrainingError) -> TrainingDecision {
      guard isCompared, case .epoch(let epoch) = event.kind else { return .proceed }
      do throws(DataError) {
        let loss = Double(epoch.monitoredLoss)
        let others = try pruner.study.report(loss, of: pruner.trial, at: epoch.number)
        guard let halving = pruner.halving, halving.isRung(epoch.number), epoch.number < event.epochs,
          !halving.goesOn(loss, among: others)
        else { return .proceed }
      } catch {
        throw TrainingError(.observerFailed, error.description)
      }
      pruner.state.withLock { $0.hasPruned = true }
      throw TrainingError(.observerFailed, "the trial is ended early")
    }
  }
}
