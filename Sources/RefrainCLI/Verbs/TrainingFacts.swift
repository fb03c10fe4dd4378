import Refrain
import RefrainData

/// What `info` says to people of the training in a checkpoint, in place of the JSON in which it lies there.
struct TrainingFacts {
  private let position: TrainingPosition
  /// The course of the stage; nil unless it has ended.
  private let end: History?

  /// - Parameter facts: What is said of a file. nil where they say nothing of a training that can be read.
  init?(_ facts: [(name: String, value: String)]) {
    func text(_ name: String) -> String? { facts.first { $0.name == name }?.value }
    guard let position = text("training").flatMap({ Checkpoint.position($0) }) else { return nil }
    (self.position, end) = (position, text("history").flatMap { Checkpoint.history($0) })
    if end == nil, text("history") != nil { return nil }
  }

  /// The facts, with what is said of a training in words.
  static func inWords(_ facts: [(name: String, value: String)]) -> [(name: String, value: String)] {
    guard let training = TrainingFacts(facts) else { return facts }
    return facts.flatMap { $0.name == "training" ? training.lines : $0.name == "history" ? [] : [$0] }
  }

  private var lines: [(name: String, value: String)] {
    let history = end ?? position.history
    var done = "\(history.epochs.count) \(history.epochs.count == 1 ? "epoch" : "epochs")"
    // What has ended no longer counts its updates.
    if end == nil { done += ", \(position.step) \(position.step == 1 ? "update" : "updates")" }
    var lines = [(name: "Done", value: done)]
    if let best = history.epochs.first(where: { $0.number == history.bestEpoch }) {
      let loss = best.validationLoss == nil ? "loss" : "validation loss"
      lines.append(("Best", "epoch \(best.number), \(loss) \(significant(Double(best.monitoredLoss)))"))
    }
    return lines + [("Left", left)]
  }

  private var left: String {
    switch end?.stopReason {
    case .completed: return "nothing, as all epochs are done"
    case .earlyStopping: return "nothing, as the loss no longer improved"
    case .cancelled, .requested: return "nothing, as it was stopped"
    case nil:
      let batch = position.batch > 0 ? " from batch \(position.batch &+ 1) on" : ""
      return "epoch \(position.epoch &+ 1)\(batch), and what is to follow it"
    }
  }
}
