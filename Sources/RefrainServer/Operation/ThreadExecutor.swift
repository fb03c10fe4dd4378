import Dispatch
import RefrainFoundation
import Synchronization

/// Runs tasks on threads of its own. Those of a dispatch queue share their number with the threads on which all other
/// tasks run: as many long computations as there are processors would leave none for what looks after them.
final class ThreadExecutor: TaskExecutor {
  /// For steps that take long, of all servers of the process: as many threads as there are processors.
  static let steps = ThreadExecutor(threads: ProcessInfo.processInfo.activeProcessorCount)

  private let jobs: Jobs

  /// - Parameter threads: The most that run at once; each is started when it is first needed.
  init(threads: Int) { jobs = Jobs(threads: max(1, threads)) }

  deinit { jobs.close() }

  func enqueue(_ job: consuming ExecutorJob) { jobs.add(UnownedJob(job), of: self) }

  /// Runs something on one of the threads.
  func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await Task(executorPreference: self) { body() }.value
  }

  /// Jobs that wait for a thread, in the order in which they came.
  private final class Jobs: Sendable {
    private struct State {
      var waiting: [(job: UnownedJob, executor: ThreadExecutor)] = []
      var threads = 0
      var idle = 0
      var isClosed = false
    }

    private let limit: Int
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)

    init(threads: Int) { limit = threads }

    /// - Parameter executor: Lives for as long as one of its jobs waits or runs.
    func add(_ job: UnownedJob, of executor: ThreadExecutor) {
      let (starts, wakes) = state.withLock { state in
        state.waiting.append((job, executor))
        let starts = state.idle < state.waiting.count && state.threads < limit
        if starts { state.threads += 1 }
        return (starts, !starts && state.idle > 0)
      }
      if wakes { wake.signal() }
      guard starts else { return }
      startThread(stackSize: 8 << 20) { [self] in
        while runNext() {}
      }
    }

    /// Runs a job when there is one; false when there will be none any more.
    private func runNext() -> Bool {
      guard let (job, executor) = next() else { return false }
      job.runSynchronously(on: executor.asUnownedTaskExecutor())
      return true
    }

    private func next() -> (job: UnownedJob, executor: ThreadExecutor)? {
      while true {
        let (job, isClosed) = state.withLock { state in
          let job = state.waiting.isEmpty ? nil : state.waiting.removeFirst()
          if job == nil, !state.isClosed { state.idle += 1 }
          return (job, state.isClosed)
        }
        if job != nil || isClosed { return job }
        wake.wait()
        state.withLock { $0.idle -= 1 }
      }
    }

    /// Ends the threads when the last job is done.
    func close() {
      let idle = state.withLock { state in
        state.isClosed = true
        return state.idle
      }
      for _ in 0..<idle { wake.signal() }
    }
  }
}

/// Runs something on a thread of its own, with as much stack on every system.
private func startThread(stackSize: Int, _ body: @escaping @Sendable () -> Void) {
  final class Start {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  defer { pthread_attr_destroy(&attributes) }
  pthread_attr_setstacksize(&attributes, stackSize)
  pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  #if canImport(Darwin)
    var thread: pthread_t?
  #else
    var thread = pthread_t()
  #endif
  let start = Unmanaged.passRetained(Start(body))
  let code = pthread_create(
    &thread, &attributes,
    { argument in
      let argument: UnsafeMutableRawPointer? = argument
      Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().body()
      return nil
    }, start.toOpaque())
  guard code != 0 else { return }
  // The system has no more threads to give; one that is there already does it.
  start.release()
  DispatchQueue.global().async(execute: body)
}
