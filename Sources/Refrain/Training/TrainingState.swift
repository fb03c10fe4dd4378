/// A training that can go on: as much of a ``TrainingState`` as can be said without the type of its model.
public protocol SavedTraining: TensorGroup {
  /// How far training has come.
  var position: TrainingPosition { get }
}

/// All that a training consists of at a point between two updates. Training that goes on from it, with the same
/// trainer, optimizer, data and loss, ends with the same bits as one that was never interrupted (on processors of one
/// instruction set: AVX-512 and AVX2 add in another order).
///
///     var kept: TrainingState<Model>?
///     …                                           // an observer keeps event.state() as? TrainingState<Model>
///     try trainer.fit(&model, optimizer: &optimizer, batches: batches, resuming: kept, loss: loss)
///
/// What is drawn at random follows from the seed and the position, so that no generator needs to be kept. As a group it
/// holds the model's tensors under `model`, those it would fall back to under `best`, the optimizer's under
/// `optimizer`, averaged weights under `average`, and between two windows of a batch what the loss carries from one to
/// the other under `carried`. `RefrainData` saves it to a file.
public struct TrainingState<Model: Module>: SavedTraining {
  /// The model as it is.
  public internal(set) var model: Model
  /// The model of the best epoch so far; before the first epoch ends, the one that training began with.
  public internal(set) var best: Model
  /// The optimizer's memory.
  public internal(set) var optimizer: OptimizerState
  /// The mean of the weights so far, where they are averaged (``Trainer/averaging``).
  public internal(set) var average: Model?
  /// Between two windows of a batch (``Trainer/truncation``), what the loss carries from one to the other.
  public internal(set) var carried: [Tensor]?
  /// How far training has come.
  public internal(set) var position: TrainingPosition

  /// The state of a training of `model` that has the given position, into which saved tensors are read: all have the
  /// right shapes.
  ///
  /// - Parameter carried: The shapes of what the loss carries from one window to the next, where tensors were saved.
  package init(of model: Model, optimizer: some Optimizer, at position: TrainingPosition, carried: [[Int]] = []) {
    var optimizer = optimizer
    optimizer.state = OptimizerState()
    optimizer.prepare(for: model)
    self.init(
      model: model, best: model, optimizer: optimizer.state, average: position.averaged == nil ? nil : model,
      carried: position.window == nil ? nil : carried.map { Tensor.zeros($0) }, position: position)
  }

  /// The state of a training that has ended with this model.
  package init(ended model: Model, optimizer: some Optimizer, seed: UInt64, history: History) {
    self.init(
      model: model, best: model, optimizer: optimizer.state, average: nil, carried: nil,
      position: TrainingPosition(seed: seed, history: history))
  }

  init(
    model: Model, best: Model, optimizer: OptimizerState, average: Model?, carried: [Tensor]?,
    position: TrainingPosition
  ) {
    self.model = model
    self.best = best
    self.optimizer = optimizer
    self.average = average
    self.carried = carried
    self.position = position
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try model.forEachTensor(under: "model", body)
    try best.forEachTensor(under: "best", body)
    try optimizer.forEachTensor(under: "optimizer", body)
    try average?.forEachTensor(under: "average", body)
    try carried?.forEachTensor(under: Self.carriedName, body)
  }

  /// What begins the names of the tensors that a loss carries from window to window.
  package static var carriedName: String { "carried" }

  /// The model that training would give if it ended here: the best of the finished epochs; before the first one is
  /// finished, the model as it is.
  package var result: Model { position.history.bestEpoch == nil ? average ?? model : best }
}

/// How far a training has come, without the tensors.
public struct TrainingPosition: Codable, Sendable, Equatable {
  /// What shuffling, a random validation split and dropout follow from.
  public let seed: UInt64
  /// The epoch that is being learned from, from 0; the number of epochs where all are finished.
  public internal(set) var epoch = 0
  /// How many of its batches have been learned from.
  public internal(set) var batch = 0
  /// How many windows of the next batch have been learned from; nil where that is none.
  public internal(set) var window: Int?
  /// How many updates there were, in all epochs.
  public internal(set) var step = 0
  /// The epochs that are finished.
  public internal(set) var history = History()
  /// How many batches, or windows, there were in all epochs: each draws from a generator of its own.
  var drawn = 0
  /// The same of the epoch that is being learned from.
  var drawnInEpoch = 0
  /// The learning rate of the last step.
  var learningRate: Float = 0
  /// The losses of the epoch that is being learned from.
  var losses = WeightedMean()
  /// What has been added up for each metric in it; nil before the first batch.
  var metrics: [[Double]?] = []
  /// What a schedule that waits for a plateau has seen.
  var plateau: LearningRateSchedule.Memory?
  /// How long the epoch has taken so far.
  var seconds = 0.0
  /// How many weights have entered the mean; nil where none have.
  var averaged: Int?

  init(seed: UInt64) { self.seed = seed }

  /// The end of a training.
  init(seed: UInt64, history: History) {
    self.seed = seed
    self.history = history
    epoch = history.epochs.count
  }

  /// Why a trainer cannot go on from here, or nil: files say things that cannot be.
  func problem(for trainer: Trainer, metrics count: Int) -> String? {
    if seed != trainer.seed { return "it was trained with the seed \(seed), not \(trainer.seed)" }
    guard (0...trainer.epochs).contains(epoch) else {
      return "it has come to epoch \(epoch), of \(trainer.epochs)"
    }
    let counts = [batch, step, drawn, drawnInEpoch, window ?? 1]
    guard counts.allSatisfy({ (0...1 << 53).contains($0) }), history.epochs.count == epoch,
      history.bestEpoch.map({ history.epochs.indices.contains($0 - 1) }) ?? history.epochs.isEmpty,
      losses.weight >= 0, averaged.map({ (1...1 << 53).contains($0) }) ?? true, drawnInEpoch <= drawn,
      batch + (window ?? 0) <= drawnInEpoch, drawnInEpoch > 0 || losses.weight == 0, window != 0
    else { return "what it says of its position cannot be" }
    if window != nil, trainer.truncation == nil {
      return "it has stopped between two windows of a batch, and batches are not to be cut into windows now"
    }
    guard metrics.isEmpty || metrics.count == count else {
      return "it has \(metrics.count) metrics, and \(count) are measured now"
    }
    if averaged != nil, trainer.averaging == nil { return "its weights are averaged, and are not to be now" }
    return nil
  }
}

/// A mean that grows.
struct WeightedMean: Codable, Sendable, Equatable {
  private(set) var sum = 0.0
  private(set) var weight = 0.0

  mutating func add(_ value: Double, weight: Double) {
    guard weight > 0 else { return }
    sum += value * weight
    self.weight += weight
  }

  /// Not a number when nothing was added.
  var mean: Double { sum / weight }
}
