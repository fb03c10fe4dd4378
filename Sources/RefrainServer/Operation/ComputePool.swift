import Dispatch
import Foundation
import RefrainData
import Synchronization

/// Where long computations run: apart from the threads that answer, a few at a time, in the order in which they came.
final class ComputePool: Sendable {
  private struct State {
    var running = 0
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  /// The most that run at once.
  let places: Int
  /// The most that wait.
  let longestQueue: Int
  /// How long one may have waited when its turn comes, in seconds.
  private let patience: Double
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "refrain.compute", attributes: .concurrent)

  init(places: Int, longestQueue: Int, patience: Double) {
    (self.places, self.longestQueue, self.patience) = (max(1, places), longestQueue, patience)
  }

  /// How many run and how many wait.
  var load: (running: Int, waiting: Int) { state.withLock { ($0.running, $0.waiting.count) } }

  /// Computes something on a thread of its own, within a memory budget and without access to files.
  ///
  /// - Throws: 503 when too many wait, or when it waited for too long; what `body` throws.
  func run<Result: Sendable>(
    files: Set<String> = [], _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    let begin = DispatchTime.now().uptimeNanoseconds
    try await enter()
    defer { leave() }
    guard Double(DispatchTime.now().uptimeNanoseconds - begin) < patience * 1e9 else {
      throw Failure(503, "the server is busy: the request waited for too long", retryAfter: 1)
    }
    return try await withCheckedThrowingContinuation { continuation in
      queue.async {
        continuation.resume(
          with: Swift.Result {
            try FileAccess.$allowed.withValue(files) { try MemoryBudget().run(body) }
          })
      }
    }
  }

  private func enter() async throws(Failure) {
    let isFull = state.withLock { $0.running >= places && $0.waiting.count >= longestQueue }
    guard !isFull else { throw Failure(503, "the server is busy: too many requests wait", retryAfter: 1) }
    await withCheckedContinuation { continuation in
      let goes = state.withLock { state in
        guard state.running >= places else {
          state.running += 1
          return true
        }
        state.waiting.append(continuation)
        return false
      }
      if goes { continuation.resume() }
    }
  }

  /// Gives the place to the one that has waited longest.
  private func leave() {
    let next: CheckedContinuation<Void, Never>? = state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.running -= 1
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?.resume()
  }
}
