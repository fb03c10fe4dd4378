import Synchronization

/// Lets one request at a time to a session, in the order in which they came.
final class Gate: Sendable {
  private struct State {
    var isTaken = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  /// The most that wait.
  private static let longestQueue = 64

  private let state = Mutex(State())

  /// Enters, when all who came before have left.
  ///
  /// - Throws: 429 when too many wait already.
  func enter() async throws(Failure) {
    if tryEnter() { return }
    guard state.withLock({ $0.waiting.count < Self.longestQueue }) else {
      throw Failure(429, "too many requests wait for this session", retryAfter: 1)
    }
    await withCheckedContinuation { continuation in
      let goes = state.withLock { state in
        guard state.isTaken else {
          state.isTaken = true
          return true
        }
        state.waiting.append(continuation)
        return false
      }
      if goes { continuation.resume() }
    }
  }

  /// Enters if nobody is there.
  func tryEnter() -> Bool {
    state.withLock { state in
      if state.isTaken { return false }
      state.isTaken = true
      return true
    }
  }

  /// Lets the next one in.
  func leave() {
    let next: CheckedContinuation<Void, Never>? = state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.isTaken = false
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?.resume()
  }
}
