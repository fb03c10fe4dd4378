import Dispatch
import Synchronization

/// Threads that wait for parts of a job.
///
/// A training step is a chain of jobs of some tens of microseconds with little between them, and waking a thread takes
/// as long: so a worker that has nothing to do keeps looking for a while before it sleeps. One job runs at a time. Who
/// comes while another's is running, from within it or from another task, does its parts alone: the processors are
/// busy.
final class Workers: Sendable {
  static let shared = Workers()

  private let isTaken = Atomic(false)
  /// How many parts nobody has taken yet, in the lower half; the number of the job in the upper one, so that a worker
  /// that comes late takes nothing of another job.
  private let open = Atomic<UInt64>(0)
  private let unfinished = Atomic(0)
  private let owner = Sleeper()
  // Written only by who has taken the workers, and read only by who has taken a part.
  nonisolated(unsafe) private var parts = 0
  nonisolated(unsafe) private var body: UnsafePointer<(Int) -> Void>?
  nonisolated(unsafe) private var sleepers: [Sleeper] = []

  private let takesTurns = Atomic(false)

  private static let untaken: UInt64 = 0xFFFF_FFFF

  /// Whether parts are done one after the other, and their memory counted as if they were done side by side.
  func takeTurns(_ takesTurns: Bool) { self.takesTurns.store(takesTurns, ordering: .relaxed) }

  /// Calls `body` with every number in `0 ..< parts`, side by side, and returns when all are done.
  func run(_ parts: Int, _ body: (Int) -> Void) {
    guard parts > 1, isTaken.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
      for part in 0..<parts { body(part) }
      return
    }
    defer { isTaken.store(false, ordering: .releasing) }
    if takesTurns.load(ordering: .relaxed) { return runInTurn(parts, body) }
    while sleepers.count < parts - 1 { addWorker() }
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { body in
        self.parts = parts
        self.body = body
        unfinished.store(parts, ordering: .relaxed)
        let job = open.load(ordering: .relaxed) >> 32
        open.store((job &+ 1) << 32 | UInt64(parts), ordering: .sequentiallyConsistent)
        for sleeper in sleepers.prefix(parts - 1) { sleeper.wake() }
        while takePart() {}
        owner.wait { unfinished.load(ordering: .sequentiallyConsistent) == 0 }
      }
    }
  }

  private func runInTurn(_ parts: Int, _ body: (Int) -> Void) {
    let pool = BufferPool.shared
    let (before, highest) = (pool.live, pool.highest)
    var taken = 0
    for part in 0..<parts {
      let held = pool.live
      pool.forgetHighest()
      body(part)
      taken += pool.highest - held
    }
    pool.raiseHighest(to: max(highest, before + taken))
  }

  private func addWorker() {
    let sleeper = Sleeper()
    sleepers.append(sleeper)
    // A queue of its own, whose thread never comes back.
    DispatchQueue(label: "refrain.worker", qos: .userInitiated).async { [self] in
      while true {
        sleeper.wait { open.load(ordering: .sequentiallyConsistent) & Self.untaken > 0 }
        while takePart() {}
      }
    }
  }

  /// Does a part of the job at hand, if there is one left.
  private func takePart() -> Bool {
    var word = open.load(ordering: .acquiring)
    while word & Self.untaken > 0 {
      let (taken, current) = open.compareExchange(
        expected: word, desired: word - 1, ordering: .acquiringAndReleasing)
      if taken {
        call(parts - Int(word & Self.untaken))
        if unfinished.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 { owner.wake() }
        return true
      }
      word = current
    }
    return false
  }

  /// Not inlined: when it returns, nothing holds the closure any more, which may then end.
  @inline(never) private func call(_ part: Int) { body?.pointee(part) }
}

/// How one thread waits for others.
private final class Sleeper: Sendable {
  /// For how long it looks for what it waits for before it sleeps, in seconds: as long as waking it takes.
  private static let patience = 50e-6

  private let isAsleep = Atomic(false)
  private let alarm = DispatchSemaphore(value: 0)

  /// Returns when `condition` holds. Who makes it hold calls ``wake()`` afterwards.
  func wait(until condition: () -> Bool) {
    if condition() { return }
    let start = monotonicSeconds()
    var passed = 0.0
    while passed < Self.patience {
      if condition() { return }
      // Who is waited for may need this very processor.
      if passed > 0.1 * Self.patience { yieldProcessor() }
      passed = monotonicSeconds() - start
    }
    while !condition() {
      isAsleep.store(true, ordering: .sequentiallyConsistent)
      // What holds by now may have been made to hold before anybody could see that this thread sleeps; and who has seen
      // it rings in any case.
      let isLate = condition() && isAsleep.exchange(false, ordering: .sequentiallyConsistent)
      if !isLate { alarm.wait() }
    }
  }

  func wake() {
    if isAsleep.load(ordering: .sequentiallyConsistent), isAsleep.exchange(false, ordering: .sequentiallyConsistent) {
      alarm.signal()
    }
  }
}
