import Dispatch
import Foundation
import RefrainData
import Synchronization

/// Where long computations run: apart from the threads that answer, a few at a time, in the order in which they came.
final class ComputePool: Sendable {
  private struct State {
    var running = 0
    var waiting: [FirstResult<Void>] = []
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
  /// Whoever is canceled goes on at once; what is computed keeps its place until it is done.
  ///
  /// - Throws: 503 when too many wait, or when it waited for too long; `CancellationError`; what `body` throws.
  func run<Result: Sendable>(
    files: Set<String> = [], _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    let begin = DispatchTime.now().uptimeNanoseconds
    try await enter()
    guard Double(DispatchTime.now().uptimeNanoseconds - begin) < patience * 1e9 else {
      leave()
      throw Failure(503, "the server is busy: the request waited for too long", retryAfter: 1)
    }
    let first = FirstResult<Result>()
    queue.async {
      let result = Swift.Result { try FileAccess.$allowed.withValue(files) { try MemoryBudget().run(body) } }
      self.leave()
      first.set(result)
    }
    return try await first.wait()
  }

  private func enter() async throws {
    let isFull = state.withLock { $0.running >= places && $0.waiting.count >= longestQueue }
    guard !isFull else { throw Failure(503, "the server is busy: too many requests wait", retryAfter: 1) }
    let turn = FirstResult<Void>()
    let goes = state.withLock { state in
      guard state.running >= places else {
        state.running += 1
        return true
      }
      state.waiting.append(turn)
      return false
    }
    if goes { return }
    do { try await turn.wait() } catch {
      state.withLock { state in state.waiting.removeAll { $0 === turn } }
      throw error
    }
  }

  /// Gives the place to the one that has waited longest.
  private func leave() {
    while true {
      let next: FirstResult<Void>? = state.withLock { state in
        guard !state.waiting.isEmpty else {
          state.running -= 1
          return nil
        }
        return state.waiting.removeFirst()
      }
      // One that does not wait any more is passed over.
      guard let next, !next.set(.success(())) else { return }
    }
  }
}

/// Waits for a result, or for being canceled: what comes first.
private final class FirstResult<Value: Sendable>: Sendable {
  private struct State {
    var result: Result<Value, any Error>?
    var continuation: CheckedContinuation<Value, any Error>?
  }

  private let state = Mutex(State())

  /// Gives the result; false when there was one before.
  @discardableResult
  func set(_ result: Result<Value, any Error>) -> Bool {
    let (isFirst, continuation) = state.withLock { state in
      guard state.result == nil else { return (false, nil as CheckedContinuation<Value, any Error>?) }
      state.result = result
      return (true, state.continuation.take())
    }
    continuation?.resume(with: result)
    return isFirst
  }

  /// The result, when there is one.
  ///
  /// - Throws: What the result throws; `CancellationError` when the task is canceled before.
  func wait() async throws -> Value {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let result = state.withLock { state in
          if state.result == nil { state.continuation = continuation }
          return state.result
        }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      set(.failure(CancellationError()))
    }
  }
}
