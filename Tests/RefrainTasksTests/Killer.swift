import Refrain
import Synchronization

/// Ends training as a signal would, after some updates of all stages.
final class Killer: TrainingObserver, Sendable {
  let updates: Mutex<Int>

  init(_ updates: Int) { self.updates = Mutex(updates) }

  func observe(_ event: TrainingEvent) throws(TrainingError) -> TrainingDecision {
    guard case .step = event.kind else { return .proceed }
    let left = updates.withLock { left in
      left -= 1
      return left
    }
    if left == 0 { throw TrainingError(.observerFailed, "killed") }
    return .proceed
  }
}
