import RefrainData
import RefrainFoundation
import Synchronization

/// The time that a training may take: its three stages end when their shares of it are over, and go on with what they
/// have.
final class TimeLimit: Sendable {
  private struct State {
    /// When the stage that runs ends.
    var end: ContinuousClock.Instant?
    /// Whether a stage was ended by the clock.
    var isReached = false
    /// Whether the training was asked to stop by someone else.
    var isInterrupted = false
  }

  private let seconds: Double?
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  /// - Parameter seconds: Nil for no limit.
  init(seconds: Double?) { self.seconds = seconds }

  /// A stage begins.
  ///
  /// - Parameter number: 0 to 2.
  func begin(_ number: Int) {
    guard let seconds else { return }
    // What follows the last stage takes time too.
    let share = [0.45, 0.65, 0.9][min(number, 2)]
    state.withLock { $0.end = start + .seconds(seconds * share) }
  }

  /// Asks for an end when the clock or `other` does.
  func stopping(_ other: @escaping @Sendable () -> Bool) -> @Sendable () -> Bool {
    { [self] in
      let isOver = state.withLock { state in
        let isOver = state.end.map { ContinuousClock.now >= $0 } ?? false
        if isOver { state.isReached = true }
        return isOver
      }
      let isAsked = other()
      if isAsked { state.withLock { $0.isInterrupted = true } }
      return isOver || isAsked
    }
  }

  /// Whether the clock, and nobody else, ended a stage.
  var isReached: Bool { state.withLock { $0.isReached && !$0.isInterrupted } }

  /// Takes over what the first of several processes knows, whose clock counts.
  func take(isReached: Bool) {
    state.withLock { state in
      state.isReached = isReached
      if isReached { state.isInterrupted = false }
    }
  }

  /// What a report says of it.
  var note: String? {
    isReached ? "the time limit of \(written(seconds ?? 0, .general, digits: 9)) s cut the training short" : nil
  }
}
