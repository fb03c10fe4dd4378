import Foundation

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
  private final class Jobs: @unchecked Sendable {
    // All that follows is touched with the condition locked.
    private let condition = NSCondition()
    private let limit: Int
    private var waiting: [(job: UnownedJob, executor: ThreadExecutor)] = []
    private var threads = 0
    private var idle = 0
    private var isClosed = false

    init(threads: Int) { limit = threads }

    /// - Parameter executor: Lives for as long as one of its jobs waits or runs.
    func add(_ job: UnownedJob, of executor: ThreadExecutor) {
      condition.lock()
      waiting.append((job, executor))
      let starts = idle < waiting.count && threads < limit
      if starts { threads += 1 } else { condition.signal() }
      condition.unlock()
      guard starts else { return }
      let thread = Thread { [self] in
        while runNext() {}
      }
      thread.name = "refrain.compute"
      thread.stackSize = 8 << 20
      thread.start()
    }

    /// Runs a job when there is one; false when there will be none any more.
    private func runNext() -> Bool {
      guard let (job, executor) = next() else { return false }
      job.runSynchronously(on: executor.asUnownedTaskExecutor())
      return true
    }

    private func next() -> (job: UnownedJob, executor: ThreadExecutor)? {
      condition.lock()
      defer { condition.unlock() }
      while waiting.isEmpty, !isClosed {
        idle += 1
        condition.wait()
        idle -= 1
      }
      return waiting.isEmpty ? nil : waiting.removeFirst()
    }

    /// Ends the threads when the last job is done.
    func close() {
      condition.lock()
      isClosed = true
      condition.broadcast()
      condition.unlock()
    }
  }
}
