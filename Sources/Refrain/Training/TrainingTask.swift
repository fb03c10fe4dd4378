/// A kind of training, as the loop in ``Trainer`` sees it.
protocol TrainingTask<Model, Batch> {
  associatedtype Model: Module
  associatedtype Batch: TrainingBatch
  /// The loss of a batch, a scalar, and the weight it has in the mean over batches. Metrics may be added up on the
  /// side.
  ///
  /// - Parameter continues: whether the batch goes on with the sequences of the call before, where these stopped.
  mutating func loss(of model: Model, on batch: Batch, continues: Bool) -> (value: Tensor, weight: Double)
  /// What the loss of a batch, a mean, divides by.
  ///
  /// - Parameter weight: the weight that ``loss(of:on:continues:)`` gave it.
  func lossWeight(of batch: Batch, weight: Double) -> Double
  /// What has been added up for each metric since the last call of ``takeMetrics()``.
  var metricSums: [[Double]?] { get set }
  /// The metrics since the last call.
  mutating func takeMetrics() -> [String: Float]
  /// What the loss carries from the last window to the next one of its batch; nil where a training that is saved
  /// between the two cannot take it up.
  var carried: [Tensor]? { get }
  /// Takes up what a saved training carried to the next window of this batch. Returns whether it can be that.
  mutating func carry(_ tensors: [Tensor], of model: Model, on batch: Batch) -> Bool
  /// The first place on the way through the model that is not finite, such as `the output of layer 2`.
  func firstNotFinite(in model: Model, on batch: Batch) -> String?
}

extension TrainingTask {
  func lossWeight(of batch: Batch, weight: Double) -> Double { weight }
}

/// A loss given as a closure.
struct LossTask<Model: Module, Batch: TrainingBatch, Carried>: TrainingTask {
  let lossOfBatch: (Model, Batch, inout Carried?) -> Tensor
  /// What the loss carries to the first window of a batch; nil where that is nothing.
  let initial: ((Model, Batch) -> Carried)?
  let isTruncated: Bool
  var metricSums: [[Double]?] = []
  private var memory: Carried?
  /// The shapes of what was carried to the first window.
  private var shapes: [[Int]]?

  init(
    lossOfBatch: @escaping (Model, Batch, inout Carried?) -> Tensor, from initial: ((Model, Batch) -> Carried)?,
    isTruncated: Bool
  ) {
    self.lossOfBatch = lossOfBatch
    self.initial = initial
    self.isTruncated = isTruncated
  }

  mutating func loss(of model: Model, on batch: Batch, continues: Bool) -> (value: Tensor, weight: Double) {
    if !continues {
      memory = initial?(model, batch)
      shapes = (memory as? any TensorGroup)?.tensors.map(\.shape)
    }
    guard isTruncated else { return (lossOfBatch(model, batch, &memory), batch.weight) }
    let weight = batch.windowWeight
    // A window past the end of all its sequences has no loss.
    return weight == 0 ? (Tensor(0), 0) : (lossOfBatch(model, batch, &memory), weight)
  }

  var carried: [Tensor]? {
    guard let tensors = (memory as? any TensorGroup)?.tensors, tensors.map(\.shape) == shapes else { return nil }
    return tensors
  }

  mutating func carry(_ tensors: [Tensor], of model: Model, on batch: Batch) -> Bool {
    guard let first = initial?(model, batch), let group = first as? any TensorGroup else { return false }
    shapes = group.tensors.map(\.shape)
    guard tensors.map(\.shape) == shapes else { return false }
    func replaced<Group: TensorGroup>(_ group: Group) -> Carried? { group.replacingTensors(tensors) as? Carried }
    memory = replaced(group)
    return memory != nil
  }

  func lossWeight(of batch: Batch, weight: Double) -> Double { isTruncated ? weight : batch.lossWeight }

  func takeMetrics() -> [String: Float] { [:] }
  func firstNotFinite(in model: Model, on batch: Batch) -> String? { nil }
}

/// The loss and the metrics of a model on batches, and the weight of all that counted.
func evaluate<Task: TrainingTask>(
  _ task: inout Task, _ model: Task.Model, on batches: any Sequence<Task.Batch>
) -> (evaluation: Evaluation, weight: Double) {
  var losses = WeightedMean()
  _ = task.takeMetrics()
  for batch in batches {
    let loss = task.loss(of: model, on: batch, continues: false)
    losses.add(Double(loss.value.item), weight: loss.weight)
  }
  return (Evaluation(loss: Float(losses.mean), metrics: task.takeMetrics()), losses.weight)
}
