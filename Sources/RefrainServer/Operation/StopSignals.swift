import Dispatch
import RefrainFoundation
import Synchronization

/// How often the process was asked to end: once is waited for what is being answered, twice it is cut off, and at the
/// third time the process ends where it stands.
final class StopSignals: Sendable {
  /// The server was asked to end while it was ending.
  struct Repeated: Error, CustomStringConvertible {
    var description: String { "it was asked to end again" }
  }

  private let counter = Counter()
  // Only kept, and ended with this object.
  nonisolated(unsafe) private let sources: [any DispatchSourceSignal]

  private final class Counter: Sendable {
    let count = Atomic(0)
  }

  init() {
    let counter = counter
    sources = [SIGTERM, SIGINT].map { signal in
      let source = DispatchSource.makeSignalSource(signal: signal)
      source.setEventHandler {
        // Those that come at the same moment, as of a shell that hands them on, count once.
        let number = counter.count.wrappingAdd(1, ordering: .relaxed).newValue
        if number > 2 { _exit(128 + signal) }
      }
      source.resume()
      return source
    }
  }

  deinit { for source in sources { source.cancel() } }

  /// How often it was asked.
  var count: Int { counter.count.load(ordering: .relaxed) }
}
