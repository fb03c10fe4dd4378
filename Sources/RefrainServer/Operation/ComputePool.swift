import Dispatch
import RefrainData
import RefrainFoundation
import Synchronization

/// Where long computations run: apart from the threads that answer, a few at a time, in the order in which they came.
final class ComputePool: Sendable {
  private struct State {
    var running = 0
    var waiting: [FirstResult<Void>] = []
    var numbered: UInt64 = 0
    var watched: [UInt64: Watched] = [:]
  }

  /// What waits or runs until its time is up, or its client has left.
  private struct Watched {
    let client: Client?
    let deadline: UInt64
    /// What is said when the time is up.
    let failure: Failure
    let giveUp: @Sendable (any Error) -> Void
  }

  /// The most that run at once.
  let places: Int
  /// The most that wait.
  let longestQueue: Int
  /// How long one may wait for its turn, in seconds.
  private let patience: Double
  /// How long one may run, in seconds.
  private let longestRun: Double
  private let state = Mutex(State())
  private let threads: ThreadExecutor

  init(places: Int, longestQueue: Int, patience: Double, longestRun: Double = 300) {
    (self.places, self.longestQueue) = (max(1, places), longestQueue)
    threads = ThreadExecutor(threads: max(1, places))
    // As nanoseconds they must be numbers, also where somebody wants no limit.
    func bounded(_ seconds: Double) -> Double { min(max(0, seconds), 1e9) }
    (self.patience, self.longestRun) = (bounded(patience), bounded(longestRun))
  }

  /// How many run and how many wait.
  var load: (running: Int, waiting: Int) { state.withLock { ($0.running, $0.waiting.count) } }

  /// Computes something on a thread of its own, within a memory budget and without access to files.
  ///
  /// Whoever is canceled, or whose time is up, goes on at once. What is computed is then told so by
  /// `Task.isCancelled`, and keeps its place until it has ended.
  ///
  /// - Throws: 503 when too many wait, or when it waited or ran for too long; `CancellationError`; what `body` throws.
  func run<Result: Sendable>(
    files: Set<String> = [], _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    let begin = DispatchTime.now().uptimeNanoseconds
    try await enter()
    guard Double(DispatchTime.now().uptimeNanoseconds - begin) < patience * 1e9 else {
      leave()
      throw Self.waitedTooLong
    }
    let first = FirstResult<Result>()
    let work = Task(executorPreference: threads) {
      let result = Swift.Result { try FileAccess.$allowed.withValue(files) { try MemoryBudget().run(body) } }
      self.leave()
      first.set(result)
    }
    let tooLong = Failure(
      503,
      "the computation was ended after \(Int(longestRun)) seconds, the most that one may take; ask for less at once")
    return try await watching(first, for: longestRun, tooLong) { work.cancel() }
  }

  private static var waitedTooLong: Failure {
    Failure(503, "the server is busy: the request waited for too long", retryAfter: 1)
  }

  /// Waits for a result until its time is up, its client has left, or the task is canceled.
  ///
  /// - Parameter end: Called when nobody waits for it any more.
  private func watching<Value>(
    _ first: FirstResult<Value>, for seconds: Double, _ failure: Failure, end: @escaping @Sendable () -> Void
  ) async throws -> Value {
    let watched = Watched(
      client: Client.current, deadline: Session.now &+ UInt64(seconds * 1e9), failure: failure
    ) { error in
      first.set(.failure(error))
      end()
    }
    let number = state.withLock { state in
      state.numbered += 1
      state.watched[state.numbered] = watched
      return state.numbered
    }
    defer { state.withLock { _ = $0.watched.removeValue(forKey: number) } }
    return try await withTaskCancellationHandler {
      try await first.wait()
    } onCancel: {
      end()
    }
  }

  /// Gives up what has taken too long, and what nobody waits for any more.
  func sweep() {
    let now = Session.now
    let late = state.withLock { state in
      let late = state.watched.filter { $0.value.deadline < now || $0.value.client?.hasLeft == true }
      for number in late.keys { state.watched[number] = nil }
      return late.values
    }
    for one in late { one.giveUp(one.client?.hasLeft == true ? CancellationError() : one.failure) }
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
    do { try await watching(turn, for: patience, Self.waitedTooLong) {} } catch {
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
