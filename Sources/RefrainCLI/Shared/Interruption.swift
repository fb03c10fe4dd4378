import Foundation
import Synchronization

/// Ctrl-C: the first asks to stop and is answered with the best result so far, the second ends the process at once.
enum Interruption {
  private static let count = Atomic<Int>(0)

  /// Whether Ctrl-C was pressed.
  static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }

  /// Runs `body` while Ctrl-C asks to stop; before and after, it ends the process.
  static func listening<Result, Failure: Error>(
    during body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    count.store(0, ordering: .relaxed)  // Also makes the counter, which a signal handler must not do.
    let before = signal(SIGINT) { _ in
      // Only what is safe in a signal handler.
      if Interruption.count.wrappingAdd(1, ordering: .relaxed).oldValue > 0 { _exit(128 + SIGINT) }
    }
    defer { signal(SIGINT, before) }
    // Whoever started the process may have done so from a thread that signals are kept from, which is inherited.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    // A job that its shell has put into the background must not hear the Ctrl-C that is meant for others.
    if unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) { signal(SIGINT, SIG_IGN) }
    return try body()
  }
}
