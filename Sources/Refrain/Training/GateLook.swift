/// Looks at gates when somebody asks, once, and until the event has passed.
final class GateLook {
  private var look: (() -> [GateValues])?
  private(set) lazy var values: [GateValues] = look?() ?? []

  init(_ look: @escaping () -> [GateValues]) { self.look = look }

  /// Lets go of the model, the batch and the loss.
  func end() { look = nil }
}

extension TrainingRun {
  /// What looks at gates at the end of an epoch: the loss of the first batch once more, outside of training.
  func gateLook(at kind: TrainingEvent.Kind, _ task: Task, _ model: Model) -> GateLook? {
    guard case .epoch = kind, let shown else { return nil }
    return GateLook {
      var own = task
      return GateValues.seen(in: model) { _ = own.loss(of: model, on: shown, continues: false) }
    }
  }
}
