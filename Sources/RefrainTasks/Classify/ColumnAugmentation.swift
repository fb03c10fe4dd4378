import Refrain
import RefrainData

/// The changes that are made to rows while networks learn of them: to each column those that fit what it holds.
struct ColumnAugmentation: Sendable {
  private let changes: Augmentations
  private let encoders: [any ColumnEncoder]

  /// - Throws: ``TaskError`` for a change that fits none of the columns; mixing has to fit all.
  init<Task: TaskModel>(
    _ regularization: RegularizationOptions, _ columns: InputColumns, for task: Task.Type
  ) throws(TaskError) {
    encoders = columns.encoders.map(\.encoder)
    let fitting = encoders.map { $0.content?.kinds ?? [] }
    let kinds = Augmentation.Kind.allCases.filter { kind in
      kind == .mixup ? fitting.allSatisfy { $0.contains(kind) } : fitting.contains { $0.contains(kind) }
    }
    changes = try regularization.augmentations(for: task, fitting: kinds)
  }

  /// What a network says wrongly of a batch: of the batch as it was changed while the network is trained.
  func loss(of network: JoinedNetwork, on batch: ColumnBatch, _ loss: Loss) -> Tensor {
    let (inputs, mixing) = changes.whileTraining((batch.inputs, Mixing?.none)) { changes, rows, generator in
      let inputs = zip(encoders, rows.0).map { $0.changed($1, by: changes, using: &generator) }
      guard let mixing = changes.mixing(batch.count, using: &generator) else { return (inputs, nil) }
      return (inputs.map(mixing.mixed), mixing)
    }
    let said = network(inputs)
    let own = loss(said, batch.target, weights: batch.weights)
    guard let mixing else { return own }
    let other = loss(
      said, batch.target.gatheringRows(mixing.order), weights: batch.weights?.gatheringRows(mixing.order))
    return mixing.mixed(own, other)
  }
}
