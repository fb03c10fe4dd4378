import Refrain
import RefrainData
import Synchronization

/// The course of each stage of a training, for the report: how the loss fell, and how far it lies below that on
/// examples that were not learned from.
final class TrainingCourse: Sendable {
  private let stages = Mutex<[(stage: String, history: History)]>([])

  /// Takes down the course of a stage.
  func observer(of stage: String) -> any TrainingObserver { Observer(course: self, stage: stage) }

  private struct Observer: TrainingObserver {
    let course: TrainingCourse
    let stage: String

    func observe(_ event: TrainingEvent) -> TrainingDecision {
      if case .ended = event.kind, !event.history.epochs.isEmpty {
        course.stages.withLock { $0.append((stage, event.history)) }
      }
      return .proceed
    }
  }

  /// What a report says of it, each under a word or two.
  var facts: [(name: String, value: String)] {
    stages.withLock { $0 }.flatMap { stage, history -> [(name: String, value: String)] in
      guard let last = history.epochs.last else { return [] }
      let name = "Loss" + (stage == "training" ? "" : ", \(stage)")
      func course(_ losses: [Float]) -> String {
        "\(short(losses.first ?? .nan)) → \(short(losses.last ?? .nan))  \(sparkline(losses))"
      }
      var facts = [
        (name, course(history.losses) + (history.epochs.count > 1 ? "  \(history.epochs.count) epochs" : ""))
      ]
      if last.validationLoss != nil {
        facts.append(("  validation", course(history.validationLosses)))
        let best = history.bestEpoch.map { history.epochs[$0 - 1] } ?? last
        if let loss = best.validationLoss {
          facts.append(
            ("  gap", "\(short(loss - best.loss)) at the best epoch, \(best.number) of \(history.epochs.count)"))
        }
      }
      return facts
    }
  }

  /// The same for programs.
  var json: JSON {
    func number(_ value: Float?) -> JSON { value.map { .number(Double("\($0)") ?? .nan) } ?? .null }
    return .array(
      stages.withLock { $0 }.map { stage, history in
        [
          "stage": .text(stage), "epochs": .integer(history.epochs.count),
          "bestEpoch": history.bestEpoch.map { .integer($0) } ?? .null,
          "stopReason": .text(history.stopReason.rawValue), "loss": .array(history.losses.map(number)),
          "validationLoss": .array(history.validationLosses.map(number)),
        ]
      })
  }

  private func short(_ value: Float) -> String { significant(Double(value)) }

  /// Values as bars of eight heights, at most thirty of them.
  private func sparkline(_ values: [Float]) -> String {
    let shown = min(values.count, 30)
    let points = (0..<shown).map { values[$0 * max(values.count - 1, 0) / max(shown - 1, 1)] }.filter(\.isFinite)
    guard let least = points.min(), let greatest = points.max(), greatest > least, points.count > 1 else { return "" }
    let bars = Array("▁▂▃▄▅▆▇█")
    return String(points.map { bars[min(7, Int(($0 - least) / (greatest - least) * 8))] })
  }
}
