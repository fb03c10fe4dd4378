import Synchronization

/// Jobs of some tens of microseconds, such as a step of one row, that threads share as long as all of them are there.
///
/// Where the processors are busy with other work, a thread that has taken a part may lose its processor for
/// milliseconds, a hundred times as long as the part takes, and those that wait for it lose more than they gained. So
/// after a job that took far too long the next ones are done alone: 64 at first, and twice as many each time it happens
/// again, up to 8,192; fewer again while it does not.
final class BriefJobs: Sendable {
  static let shared = BriefJobs()

  private static let fewestAlone = 64
  private static let mostAlone = 8192

  /// How many jobs are still done alone, and how many will be next time.
  private let left = Atomic(0)
  private let following = Atomic(BriefJobs.fewestAlone)

  /// Does a job.
  ///
  /// - Parameters:
  ///   - limit: the seconds that it takes at most if all threads are there.
  ///   - job: told whether threads share it; its result must not depend on that.
  func run(within limit: Double, _ job: (_ isShared: Bool) -> Void) {
    if left.load(ordering: .relaxed) > 0 {
      left.subtract(1, ordering: .relaxed)
      return job(false)
    }
    let start = monotonicSeconds()
    job(true)
    let count = following.load(ordering: .relaxed)
    if monotonicSeconds() - start > limit {
      left.store(count, ordering: .relaxed)
      following.store(min(Self.mostAlone, 2 * count), ordering: .relaxed)
    } else if count > Self.fewestAlone {
      following.store(count - 1, ordering: .relaxed)
    }
  }
}
