import Refrain

/// Writes what happens in training for TensorBoard: loss, metrics and learning rate, the norm of each layer's gradient,
/// and after each epoch how weights are spread, and the gates of recurrent levels on a few sequences
/// (``TrainingEvent/gates()``).
///
///     let board = TensorBoard("runs/first")
///     Trainer(epochs: 20, exchanges: [board], observers: [board])
///
/// Steps are updates of the optimizer. Where training goes on from a saved state, what a killed run had written after
/// that is no longer shown.
public final class TensorBoard: TrainingObserver, GradientExchange {
  private let folder: String
  private let notes: [(title: String, text: String)]
  private let every: Int
  private let norms: GradientNorms
  private let warn: (String) -> Void
  private var file: EventFile?
  private var lastStep = 0

  /// - Parameters:
  ///   - folder: The run's folder; it is made where it is not there.
  ///   - notes: Texts to show, in Markdown, such as the settings.
  ///   - every: After how many updates each the loss and the gradient are written.
  ///   - warn: Told once when nothing can be written; training goes on.
  public init(
    _ folder: String, notes: [(title: String, text: String)] = [], every: Int = 10,
    warn: @escaping (String) -> Void = { _ in }
  ) {
    self.folder = folder
    self.notes = notes
    self.every = every
    self.warn = warn
    norms = GradientNorms(every: every)
  }

  public func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) {
    norms.exchange(&gradient, in: &step)
  }

  public func observe(_ event: TrainingEvent) -> TrainingDecision {
    do throws(DataError) {
      switch event.kind {
      case .began:
        lastStep = event.state()?.position.step ?? 0
        file = try EventFile(in: folder, from: lastStep)
        if lastStep == 0 { try file?.add(notes.map { ($0.title, .text($0.text)) }, at: 0) }
      case .step(let step):
        lastStep = step.step
        guard step.step % every == 1 || every == 1 else { break }
        var values: [(String, EventFile.Value)] = [
          ("loss/step", .scalar(Double(step.loss))), ("learning rate", .scalar(Double(step.learningRate))),
        ]
        if let total = norms.total { values.append(("gradient norm", .scalar(Double(total)))) }
        values += norms.norms.map { ("gradient norm of/\($0.name)", .scalar(Double($0.norm))) }
        try file?.add(values, at: step.step)
      case .epoch(let epoch): try add(epoch, weights: event.state()?.namedTensors ?? [], gates: event.gates())
      case .ended: file = nil
      }
    } catch {
      // Nothing throws any more where there is no file.
      warn("TensorBoard's events are no longer written: \(error)")
      file = nil
    }
    return .proceed
  }

  private func add(
    _ epoch: History.Epoch, weights: [(name: String, tensor: Tensor)], gates: [GateValues]
  ) throws(DataError) {
    var values: [(String, EventFile.Value)] = [("loss/training", .scalar(Double(epoch.loss)))]
    if let loss = epoch.validationLoss { values.append(("loss/validation", .scalar(Double(loss)))) }
    for (name, value) in epoch.metrics.sorted(by: { $0.key < $1.key }) {
      values.append((name + "/training", .scalar(Double(value))))
    }
    for (name, value) in epoch.validationMetrics.sorted(by: { $0.key < $1.key }) {
      values.append((name + "/validation", .scalar(Double(value))))
    }
    values.append(("epoch", .scalar(Double(epoch.number))))
    let prefix = "model."
    for (name, tensor) in weights where name.hasPrefix(prefix) && tensor.count > 1 {
      values.append(("weights/" + name.dropFirst(prefix.count), .histogram(tensor.values)))
    }
    for gate in gates { values.append(("gates/\(gate.level)/\(gate.gate)", .histogram(gate.values.values))) }
    try file?.add(values, at: lastStep)
  }
}
