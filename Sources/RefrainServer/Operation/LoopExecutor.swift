import Dispatch
import NIOCore
import Synchronization

/// Runs tasks on the thread that waits for the network. What is asked is then read, computed and answered without a
/// change of threads, each of which costs as much as a step of a small model.
final class LoopExecutor: TaskExecutor {
  private let loop: any EventLoop
  /// Whether the loop is about to end.
  private let isClosed = Mutex(false)

  init(_ loop: any EventLoop) { self.loop = loop }

  /// What comes from now on runs elsewhere: the last of a task may come when the loop has ended, and takes nothing.
  func close() { isClosed.withLock { $0 = true } }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    // The loop takes it while the lock is held: nothing comes to it after ``close()``.
    let isTaken = isClosed.withLock { isClosed in
      if !isClosed { loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) } }
      return !isClosed
    }
    if !isTaken { DispatchQueue.global().async { job.runSynchronously(on: self.asUnownedTaskExecutor()) } }
  }
}
