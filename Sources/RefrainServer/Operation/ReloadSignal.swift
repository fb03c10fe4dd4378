import Dispatch
import RefrainFoundation
import Synchronization

/// Whether the process was asked by SIGHUP to read its files again, rather than to end.
final class ReloadSignal: Sendable {
  private let flag: Flag
  // Only kept, and ended with this object.
  nonisolated(unsafe) private let source: any DispatchSourceSignal

  private final class Flag: Sendable {
    let isRaised = Atomic(false)
  }

  init() {
    #if canImport(Darwin)
      // There a source hears of a signal beside what else it does.
      signal(SIGHUP, SIG_IGN)
    #endif
    let flag = Flag()
    self.flag = flag
    source = DispatchSource.makeSignalSource(signal: SIGHUP)
    source.setEventHandler { flag.isRaised.store(true, ordering: .relaxed) }
    source.resume()
  }

  deinit { source.cancel() }

  /// Whether it was asked since this was called last.
  func take() -> Bool { flag.isRaised.exchange(false, ordering: .relaxed) }
}
