import RealModule

/// What training shows of itself on standard error.
public enum ProgressStyle: Sendable {
  /// A bar on a terminal, lines elsewhere.
  case automatic
  /// One line that changes: how far it is, the loss, the time left.
  case bar
  /// A line an epoch, or about twenty in all when there are many epochs.
  case lines
  case silent
}

/// Shows how training goes on.
struct ProgressReporter {
  private let style: ProgressStyle
  private let epochs: Int
  private var batches: Int
  private let columns: () -> Int
  private let write: (String) -> Void
  private let seconds: () -> Double
  private let start: Double
  private var shown = -Double.infinity
  private var lastEpoch: History.Epoch?
  private var hasLine = false
  private var unprinted: History.Epoch?

  /// - Parameters:
  ///   - style: what to show.
  ///   - epochs: how many there will be at most.
  ///   - batches: how many an epoch has, or 0 when that is not known yet.
  ///   - isTerminal: whether a bar can be shown.
  ///   - columns: how many characters a line of the terminal has.
  ///   - write: takes the text.
  ///   - seconds: the clock.
  init(
    style: ProgressStyle, epochs: Int, batches: Int, isTerminal: Bool = StandardError.isTerminal,
    columns: @escaping () -> Int = { StandardError.columns },
    write: @escaping (String) -> Void = StandardError.write, seconds: @escaping () -> Double = monotonicSeconds
  ) {
    self.style = style == .automatic ? (isTerminal ? .bar : .lines) : style
    self.epochs = epochs
    self.batches = batches
    self.columns = columns
    self.write = write
    self.seconds = seconds
    start = seconds()
  }

  /// After a step; `batch` counts from 1, `epoch` from 0, and the loss is the mean of the epoch so far.
  mutating func step(_ batch: Int, epoch: Int, loss: Float) {
    guard style == .bar else { return }
    let now = seconds()
    guard now - shown >= 0.1 else { return }
    shown = now
    let part = batches > 0 ? min(1, (Double(epoch) + Double(batch) / Double(batches)) / Double(max(epochs, 1))) : nil
    var text = "epoch \(epoch + 1)/\(epochs)  "
    if let part {
      let width = 16
      let filled = Int(part * Double(width))
      text += String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled) + "  "
    }
    text += "loss \(shortText(loss))"
    if let validation = lastEpoch?.validationLoss { text += "  validation \(shortText(validation))" }
    if let part, part > 0 { text += "  \(durationText((now - start) * (1 - part) / part)) left" }
    show(text)
  }

  /// After an epoch of `batches` batches; `isLast` when no other follows though there could.
  mutating func epoch(_ epoch: History.Epoch, batches: Int, isLast: Bool) {
    self.batches = batches
    lastEpoch = epoch
    guard style == .lines else { return }
    let every = (epochs + 19) / 20
    if isLast || epoch.number == 1 || epoch.number == epochs || epoch.number % every == 0 {
      write(text(epoch) + "\n")
      unprinted = nil
    } else {
      unprinted = epoch
    }
  }

  /// When training has ended, however it did.
  mutating func end() {
    if style == .bar, let lastEpoch {
      show(text(lastEpoch) + "  in \(durationText(seconds() - start))")
    }
    if let unprinted { write(text(unprinted) + "\n") }
    if hasLine { write("\n") }
    unprinted = nil
    hasLine = false
  }

  private mutating func show(_ text: String) {
    // A line that wraps could not be written over.
    write("\r\(text.prefix(max(1, columns() - 1)))\u{1B}[K")
    hasLine = true
  }

  private func text(_ epoch: History.Epoch) -> String {
    var parts = ["epoch \(epoch.number)/\(epochs)", "loss \(shortText(epoch.loss))"]
    if let loss = epoch.validationLoss { parts.append("validation \(shortText(loss))") }
    for (name, value) in epoch.metrics.sorted(by: { $0.key < $1.key }) {
      let validation = epoch.validationMetrics[name].map { ", validation \(shortText($0))" } ?? ""
      parts.append("\(name) \(shortText(value))\(validation)")
    }
    return parts.joined(separator: "  ")
  }
}

/// A number with four significant digits.
func shortText(_ value: Float) -> String {
  guard value.isFinite, value != 0 else { return "\(value)" }
  let exponent = Int(Double.log10(Double(abs(value))).rounded(.down))
  let scale = Double.pow(10, 3 - exponent)
  guard scale.isFinite, scale > 0 else { return "\(value)" }
  return "\(Float((Double(value) * scale).rounded() / scale))"
}

/// Seconds as 0:07, 12:34 or 1:02:03.
func durationText(_ seconds: Double) -> String {
  let total = Int(min(max(0, seconds), 1e9).rounded(.up))
  func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
  let (hours, minutes) = (total / 3600, total / 60 % 60)
  return (hours > 0 ? "\(hours):\(two(minutes))" : "\(minutes)") + ":" + two(total % 60)
}
