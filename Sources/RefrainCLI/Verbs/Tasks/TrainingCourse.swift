import Refrain
import RefrainData
import Synchronization

/// The course of each stage of a training, for the report: how the loss fell, and how far it lies below that on
/// examples that were not learned from.
final class TrainingCourse: Sendable {
  /// Whether the validation's loss is of the kind of the training's, so that their gap means something.
  private let comparesLosses: Bool
  private let stages = Mutex<[(stage: String, history: History)]>([])

  init(comparesLosses: Bool = true) { self.comparesLosses = comparesLosses }

  /// Takes down the course of a stage.
  func observer(of stage: String) -> any TrainingObserver { Observer(course: self, stage: stage) }

  /// Takes down the course of a stage that had ended in the training that goes on.
  func add(_ stage: String, _ history: History) {
    guard !history.epochs.isEmpty else { return }
    stages.withLock { $0.append((stage, history)) }
  }

  private struct Observer: TrainingObserver {
    let course: TrainingCourse
    let stage: String

    func observe(_ event: TrainingEvent) -> TrainingDecision {
      if case .ended = event.kind { course.add(stage, event.history) }
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
        if let loss = best.validationLoss, comparesLosses {
          facts.append(
            ("  gap", "\(short(loss - best.loss)) at the best epoch, \(best.number) of \(history.epochs.count)"))
        }
        if let advice = advice(history, best) { facts.append(("  advice", advice)) }
      }
      return facts
    }
  }

  /// What to try where the network learned its examples by heart, or too little; nil where nothing is to be said.
  private func advice(_ history: History, _ best: History.Epoch) -> String? {
    guard let last = history.epochs.last, let lastLoss = last.validationLoss, let bestLoss = best.validationLoss,
      history.epochs.count > 2
    else { return nil }
    let (fallen, risen) = (last.loss < 0.8 * best.loss, lastLoss > 1.1 * bestLoss)
    if fallen, risen {
      return
        "it overfits: after epoch \(best.number) the loss went on falling and the validation's rose. More examples "
        + "help most; then changed ones (--augment), --dropout (0.3 to 0.6), --weight-decay, a smaller --hidden, fewer "
        + "--epochs. The model is that of the best epoch"
    }
    if comparesLosses, bestLoss > 2 * best.loss, best.loss >= 0 {
      return "it knows its examples much better than others (\(short(bestLoss)) against \(short(best.loss))): more "
        + "examples, changed ones (--augment), more --dropout or a smaller --hidden may narrow the gap"
    }
    if best.number == history.epochs.count, history.stopReason == .completed, history.epochs.count > 4 {
      let before = history.epochs[history.epochs.count - 3].validationLoss ?? bestLoss
      if bestLoss < 0.98 * before { return "the validation was still getting better: more --epochs may help" }
    }
    return nil
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
