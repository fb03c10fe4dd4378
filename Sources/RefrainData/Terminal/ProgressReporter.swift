import Refrain
import RefrainFoundation

/// Shows on standard error how training goes on:
///
///     try model.fit(x, y, epochs: 10, observers: [ProgressReporter()])
public final class ProgressReporter: TrainingObserver {
  /// The ways in which it is shown.
  public enum Style: Sendable {
    /// A bar on a terminal, lines elsewhere.
    case automatic
    /// One line that changes: how far it is, the loss, the time left.
    case bar
    /// A line an epoch, or about twenty in all when there are many epochs.
    case lines
  }

  private let style: Style
  private let columns: () -> Int
  private let write: (String) -> Void
  private let seconds: () -> Double
  private var start = 0.0
  /// How much of the training was done before it began here.
  private var done = 0.0
  private var batches: Int?
  private var shown = -Double.infinity
  private var lastEpoch: History.Epoch?
  private var hasLine = false
  private var unprinted: History.Epoch?

  /// Shows training in one of the ways.
  public convenience init(_ style: Style = .automatic) {
    self.init(style, isTerminal: StandardError.terminal.isTerminal)
  }

  /// - Parameters:
  ///   - style: what to show.
  ///   - isTerminal: whether a bar can be shown.
  ///   - columns: how many characters a line of the terminal has.
  ///   - write: takes the text.
  ///   - seconds: the clock.
  init(
    _ style: Style, isTerminal: Bool, columns: @escaping () -> Int = { StandardError.terminal.width },
    write: @escaping (String) -> Void = { StandardError.write($0) },
    seconds: @escaping () -> Double = { ProcessInfo.processInfo.systemUptime }
  ) {
    self.style = style == .automatic ? (isTerminal ? .bar : .lines) : style
    self.columns = columns
    self.write = write
    self.seconds = seconds
  }

  public func observe(_ event: TrainingEvent) -> TrainingDecision {
    switch event.kind {
    case .began:
      start = seconds()
      done = Double(event.history.epochs.count)
      (shown, lastEpoch, batches) = (-.infinity, event.history.epochs.last, event.batches)
    case .step(let step): show(step, of: event.epochs)
    case .epoch(let epoch): show(epoch, of: event.epochs)
    case .ended: end(of: event.epochs)
    }
    return .proceed
  }

  private func show(_ step: TrainingStep, of epochs: Int) {
    defer { lastBatch = step.batch }
    guard style == .bar else { return }
    let now = seconds()
    guard now - shown >= 0.1 else { return }
    shown = now
    let position = batches.map { Double(step.epoch - 1) + Double(step.batch) / Double(max($0, 1)) }
    let part = position.map { min(1, $0 / Double(max(epochs, 1))) }
    var text = "epoch \(step.epoch)/\(epochs)  "
    if let part {
      let width = 16
      let filled = Int(part * Double(width))
      text += String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled) + "  "
    }
    text += "loss \(shortText(step.meanLoss))"
    if let validation = lastEpoch?.validationLoss { text += "  validation \(shortText(validation))" }
    if let position, position > done {
      text += "  \(durationText((now - start) * (Double(epochs) - position) / (position - done))) left"
    }
    show(text)
  }
  /// The batches of the epoch so far: of a sequence whose number is not known before its end.
  private var lastBatch = 0

  private func show(_ epoch: History.Epoch, of epochs: Int) {
    batches = lastBatch
    lastEpoch = epoch
    guard style == .lines else { return }
    let every = (epochs + 19) / 20
    if epoch.number == 1 || epoch.number == epochs || epoch.number % every == 0 {
      write(text(epoch, of: epochs) + "\n")
      unprinted = nil
    } else {
      unprinted = epoch
    }
  }

  private func end(of epochs: Int) {
    if style == .bar, let lastEpoch {
      show(text(lastEpoch, of: epochs) + "  in \(durationText(seconds() - start))")
    }
    if let unprinted { write(text(unprinted, of: epochs) + "\n") }
    if hasLine { write("\n") }
    unprinted = nil
    hasLine = false
  }

  private func show(_ text: String) {
    // A line that wraps could not be written over.
    write("\r\(text.prefix(max(1, columns() - 1)))\u{1B}[K")
    hasLine = true
  }

  private func text(_ epoch: History.Epoch, of epochs: Int) -> String {
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
  let exponent = Int(log10(Double(abs(value))).rounded(.down))
  let scale = pow(10, Double(3 - exponent))
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
