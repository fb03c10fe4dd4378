import NIOCore

/// Runs tasks on the thread that waits for the network. What is asked is then read, computed and answered without a
/// change of threads, each of which costs as much as a step of a small model.
final class LoopExecutor: TaskExecutor {
  private let loop: any EventLoop

  init(_ loop: any EventLoop) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
