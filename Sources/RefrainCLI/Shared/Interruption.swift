import RefrainFoundation
import Synchronization

/// Ctrl-C, and SIGTERM, which a cluster sends at a time limit: the first asks to stop and is answered with the best
/// result so far, the second ends the process at once.
enum Interruption {
  // The signal that came first, 0 for none, and when, in nanoseconds of a clock that only goes forward.
  private static let first = Atomic<Int>(0)
  private static let moment = Atomic<Int>(0)

  /// Whether a signal asked to stop.
  static var isRequested: Bool { first.load(ordering: .relaxed) > 0 }

  /// What the process ends with when it was asked to stop; by convention 128 and the number of the signal.
  static var status: Int32 { 128 + (isRequested ? Int32(first.load(ordering: .relaxed)) : SIGINT) }

  /// Runs `body` while signals ask to stop; before and after, they end the process.
  static func listening<Result, Failure: Error>(
    during body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // Also makes the atomics, which a signal handler must not do.
    moment.store(0, ordering: .relaxed)
    first.store(0, ordering: .relaxed)
    let signals = [SIGINT, SIGTERM]
    let before = signals.map { number in
      signal(number) { number in
        // Only what is safe in a signal handler.
        let now = Interruption.now
        _ = Interruption.moment.compareExchange(expected: 0, desired: now, ordering: .relaxed)
        let isFirst = Interruption.first.compareExchange(expected: 0, desired: Int(number), ordering: .relaxed)
          .exchanged
        // Of a cluster a process may hear at the same moment as whoever started it, who hands it on: that counts once.
        let isEcho = number == SIGTERM && now - Interruption.moment.load(ordering: .relaxed) < 1_000_000_000
        if !isFirst, !isEcho { _exit(128 + number) }
      }
    }
    defer { for (number, handler) in zip(signals, before) { signal(number, handler) } }
    // Whoever started the process may have done so from a thread that signals are kept from, which is inherited.
    var kept = sigset_t()
    sigemptyset(&kept)
    for number in signals { sigaddset(&kept, number) }
    pthread_sigmask(SIG_UNBLOCK, &kept, nil)
    // A job that its shell has put into the background must not hear the Ctrl-C that is meant for others.
    for (number, handler) in zip(signals, before)
    where unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) {
      signal(number, SIG_IGN)
    }
    return try body()
  }

  private static var now: Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
