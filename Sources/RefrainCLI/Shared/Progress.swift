import RefrainData
import RefrainFoundation
import Synchronization

/// Shows how far a training has come, on standard error: one line that changes on a terminal, few plain lines
/// elsewhere.
final class Progress: Sendable {
  private struct State {
    /// When something was last written.
    var lastShown: ContinuousClock.Instant?
    /// The last quarter that was said to be done.
    var quarters = 0
    /// Whether an unfinished line stands on the terminal.
    var hasLine = false
  }

  private let terminal: Terminal
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  init(terminal: Terminal = StandardError.terminal) { self.terminal = terminal }

  /// Shows a fraction of the work from 0 to 1 and what is being done.
  func show(_ fraction: Double, _ message: String) {
    let fraction = fraction.isFinite ? min(max(fraction, 0), 1) : 0
    let now = ContinuousClock.now
    state.withLock { state in
      let silence = state.lastShown.map { now - $0 } ?? .seconds(3600)
      if terminal.isTerminal {
        guard silence > .milliseconds(80) || fraction == 1 else { return }
        StandardError.write("\r\(line(fraction, message, now: now))\u{1B}[K")
        state.hasLine = true
      } else {
        let quarters = Int(fraction * 4)
        guard quarters > state.quarters || silence > .seconds(20) else { return }
        state.quarters = quarters
        StandardError.write(line: "\(percent(fraction))  \(message.sanitized)")
      }
      state.lastShown = now
    }
  }

  /// Clears the line on a terminal.
  func finish() {
    state.withLock { state in
      if state.hasLine { StandardError.write("\r\u{1B}[K") }
      state.hasLine = false
    }
  }

  private func line(_ fraction: Double, _ message: String, now: ContinuousClock.Instant) -> String {
    let barWidth = 20
    let full = Int(fraction * Double(barWidth))
    let done = String(repeating: "━", count: full)
    let rest = String(repeating: "━", count: barWidth - full)
    let bar = terminal.usesColor ? "\u{1B}[36m\(done)\u{1B}[90m\(rest)\u{1B}[0m" : done + rest.replacing("━", with: "┈")
    let ending = timeLeft(fraction, elapsed: now - start).map { "  \($0) left" } ?? ""
    // The last column stays free: some terminals wrap as soon as it is written.
    let room = terminal.width - 1 - barWidth - 8 - ending.count
    return "\(bar) \(percent(fraction))  \(message.sanitized.prefix(max(room, 0)))\(ending)"
  }

  private func percent(_ fraction: Double) -> String {
    let number = String(Int(fraction * 100))
    return String(repeating: " ", count: 3 - number.count) + number + " %"
  }

  private func timeLeft(_ fraction: Double, elapsed: Duration) -> String? {
    guard elapsed > .seconds(1), fraction > 0.02, fraction < 1 else { return nil }
    let seconds = Int((elapsed / .seconds(1) * (1 - fraction) / fraction).rounded(.up))
    return seconds < 90 ? "\(seconds) s" : "\((seconds + 30) / 60) min"
  }
}
