/// How a model is trained: everything but the model, the optimizer, the loss and the data.
///
/// For any ``Module``:
///
///     let history = try Trainer(epochs: 20, clipping: .globalNorm(1)).fit(
///       &model, optimizer: &optimizer, batches: Batches(Batch(x, y), size: 32)
///     ) { model, batch in
///       Loss.meanSquaredError(model(batch.input), batch.target)
///     }
///
/// A ``Sequential`` has a `fit` of its own. The same seed gives the same bits, on any number of threads.
public struct Trainer {
  /// How many times to go through the examples.
  public var epochs: Int
  /// What shuffling, a random validation split and dropout follow from.
  public var seed: UInt64
  /// How the optimizer's learning rate changes; at the end it is what it was.
  public var schedule: LearningRateSchedule
  /// How gradients are kept from growing too large.
  public var clipping: Clipping?
  /// What holds weights back, by their names.
  public var penalties: [WeightPenalty]
  /// What is added to gradients, after clipping.
  public var gradientNoise: GradientNoise?
  /// How many time steps of a recurrent layer keep their gates for the backward pass at a time; nil keeps them all (see
  /// ``valueAndGradient(at:training:checkpointInterval:of:)``).
  public var checkpointInterval: Int?
  /// Into windows of how many steps sequences are cut (truncated backpropagation through time; Williams and Peng 1990):
  /// one step of the optimizer a window, which begins from the state that the one before ended with, as a constant. nil
  /// takes sequences whole. For a ``Sequential`` that returns every step, or with a loss that carries the state itself
  /// (``fit(_:optimizer:batches:validation:carrying:loss:)``).
  public var truncation: Int?
  /// When to end early; with it the best weights come back, however training ends.
  public var earlyStopping: EarlyStopping?
  /// What is shown on standard error.
  public var progress: ProgressStyle
  /// Asked before each step whether to stop. The best weights of the finished epochs come back then.
  public var shouldStop: @Sendable () -> Bool
  /// Called after each epoch; says whether to go on.
  public var onEpoch: (History.Epoch) -> Bool

  /// A way of training; the defaults are one epoch, a constant rate and no clipping.
  public init(
    epochs: Int = 1, seed: UInt64 = 0, schedule: LearningRateSchedule = .constant, clipping: Clipping? = nil,
    penalties: [WeightPenalty] = [], gradientNoise: GradientNoise? = nil, checkpointInterval: Int? = nil,
    truncation: Int? = nil, earlyStopping: EarlyStopping? = nil, progress: ProgressStyle = .automatic,
    onEpoch: @escaping (History.Epoch) -> Bool = { _ in true },
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) {
    require(epochs >= 0, "the number of epochs is \(epochs), and must not be negative")
    require(truncation ?? 1 > 0, "windows of \(truncation ?? 0) steps were asked for; they must have at least 1")
    self.epochs = epochs
    self.seed = seed
    self.schedule = schedule
    self.clipping = clipping
    self.penalties = penalties
    self.gradientNoise = gradientNoise
    self.checkpointInterval = checkpointInterval
    self.truncation = truncation
    self.earlyStopping = earlyStopping
    self.progress = progress
    self.shouldStop = shouldStop
    self.onEpoch = onEpoch
  }

  /// Trains a model on a sequence of batches, which is gone through anew in each epoch.
  ///
  /// - Parameters:
  ///   - model: what is learned; after an error it has its best weights, or those it began with.
  ///   - optimizer: what moves it; its memory stays for the next call.
  ///   - batches: what to learn from.
  ///   - validation: what to judge by after each epoch.
  ///   - loss: a scalar from the model and a batch. Means over batches are weighted by their numbers of examples.
  /// - Throws: ``TrainingError`` when a number is not finite, or when there is no batch.
  @discardableResult
  public func fit<M: Module, O: Optimizer>(
    _ model: inout M, optimizer: inout O, batches: some Sequence<Batch>,
    validation: (any Sequence<Batch>)? = nil, loss: (M, Batch) -> Tensor
  ) throws(TrainingError) -> History {
    checkWhole()
    return try fit(
      &model, optimizer: &optimizer, batches: batches, validation: validation, carrying: NoMemory.self
    ) { model, batch, _ in loss(model, batch) }
  }

  /// Trains a model on a sequence of batches, which is gone through anew in each epoch, with something that the loss
  /// carries from one window of the sequences to the next (``truncation``), such as a recurrent layer's state:
  ///
  ///     let history = try Trainer(truncation: 50).fit(
  ///       &model, optimizer: &optimizer, batches: batches, carrying: LSTM.State.self
  ///     ) { model, window, state in
  ///       let (outputs, next) = model.lstm.scan(window.input, steps: window.steps, from: state)
  ///       state = next
  ///       return Loss.meanSquaredError(model.dense(outputs), window.target, lengths: window.lengths)
  ///     }
  ///
  /// - Parameters:
  ///   - model: what is learned; after an error it has its best weights, or those it began with.
  ///   - optimizer: what moves it; its memory stays for the next call.
  ///   - batches: what to learn from.
  ///   - validation: what to judge by after each epoch; its sequences are taken whole.
  ///   - carried: what the loss carries.
  ///   - loss: a scalar from the model and a window. What it carries is nil before the first window of a batch, and a
  ///     constant to the gradient in the next. Means over windows are weighted by their valid steps, and windows
  ///     without any are passed over.
  /// - Throws: ``TrainingError`` when a number is not finite, or when there is no batch.
  @discardableResult
  public func fit<M: Module, O: Optimizer, Carried>(
    _ model: inout M, optimizer: inout O, batches: some Sequence<Batch>,
    validation: (any Sequence<Batch>)? = nil, carrying carried: Carried.Type,
    loss: (M, Batch, inout Carried?) -> Tensor
  ) throws(TrainingError) -> History {
    try withTask(loss) { task throws(TrainingError) in
      try run(
        &task, &model, &optimizer, batches: { _ in batches },
        count: truncation == nil ? batches.underestimatedCount : 0, validation: validation)
    }
  }

  /// Trains a model on examples in memory.
  ///
  /// - Parameters:
  ///   - model: what is learned; after an error it has its best weights, or those it began with.
  ///   - optimizer: what moves it; its memory stays for the next call.
  ///   - examples: what to learn from.
  ///   - batchSize: the number of examples in a step.
  ///   - validation: what to judge by after each epoch.
  ///   - shuffle: whether each epoch takes the examples in an order of its own.
  ///   - loss: a scalar from the model and a batch. Means over batches are weighted by their numbers of examples.
  /// - Throws: ``TrainingError`` when a number is not finite, or when there is no example.
  @discardableResult
  public func fit<M: Module, O: Optimizer>(
    _ model: inout M, optimizer: inout O, examples: Batch, batchSize: Int = 32, validation: Validation? = nil,
    shuffle: Bool = true, loss: (M, Batch) -> Tensor
  ) throws(TrainingError) -> History {
    checkWhole()
    return try fit(
      &model, optimizer: &optimizer, examples: examples, batchSize: batchSize, validation: validation, shuffle: shuffle,
      carrying: NoMemory.self
    ) { model, batch, _ in loss(model, batch) }
  }

  /// Trains a model on examples in memory, with something that the loss carries from one window of the sequences to the
  /// next; see ``fit(_:optimizer:batches:validation:carrying:loss:)``. The other parameters are those of
  /// ``fit(_:optimizer:examples:batchSize:validation:shuffle:loss:)``.
  @discardableResult
  public func fit<M: Module, O: Optimizer, Carried>(
    _ model: inout M, optimizer: inout O, examples: Batch, batchSize: Int = 32, validation: Validation? = nil,
    shuffle: Bool = true, carrying carried: Carried.Type, loss: (M, Batch, inout Carried?) -> Tensor
  ) throws(TrainingError) -> History {
    try withTask(loss) { task throws(TrainingError) in
      try run(
        &task, &model, &optimizer, examples: examples, batchSize: batchSize, validation: validation, shuffle: shuffle)
    }
  }

  /// Stops where a loss that carries nothing is to go through windows.
  private func checkWhole() {
    require(
      truncation == nil,
      "this loss carries no state from window to window; take the fit with 'carrying:', whose loss is given it")
  }

  private func withTask<M: Module, Carried>(
    _ loss: (M, Batch, inout Carried?) -> Tensor,
    _ body: (inout LossTask<M, Carried>) throws(TrainingError) -> History
  ) throws(TrainingError) -> History {
    let outcome = withoutActuallyEscaping(loss) { loss -> Result<History, TrainingError> in
      var task = LossTask(lossOfBatch: loss, isTruncated: truncation != nil)
      do throws(TrainingError) { return .success(try body(&task)) } catch { return .failure(error) }
    }
    return try outcome.get()
  }
}

/// A kind of training, as the loop in ``Trainer`` sees it.
protocol TrainingTask {
  associatedtype Model: Module
  /// The loss of a batch, a scalar, and the weight it has in the mean over batches. Metrics may be added up on the
  /// side.
  ///
  /// - Parameter continues: whether the batch goes on with the sequences of the call before, where these stopped.
  mutating func loss(of model: Model, on batch: Batch, continues: Bool) -> (value: Tensor, weight: Double)
  /// The metrics since the last call.
  mutating func takeMetrics() -> [String: Float]
  /// The first place on the way through the model that is not finite, such as `the output of layer 2`.
  func firstNotFinite(in model: Model, on batch: Batch) -> String?
}

/// A loss given as a closure.
private struct LossTask<Model: Module, Carried>: TrainingTask {
  let lossOfBatch: (Model, Batch, inout Carried?) -> Tensor
  let isTruncated: Bool
  private var carried: Carried?

  init(lossOfBatch: @escaping (Model, Batch, inout Carried?) -> Tensor, isTruncated: Bool) {
    self.lossOfBatch = lossOfBatch
    self.isTruncated = isTruncated
  }

  mutating func loss(of model: Model, on batch: Batch, continues: Bool) -> (value: Tensor, weight: Double) {
    if !continues { carried = nil }
    guard isTruncated else { return (lossOfBatch(model, batch, &carried), Double(batch.count)) }
    let weight = batch.validSteps
    // A window past the end of all its sequences has no loss.
    return weight == 0 ? (Tensor(0), 0) : (lossOfBatch(model, batch, &carried), Double(weight))
  }
  func takeMetrics() -> [String: Float] { [:] }
  func firstNotFinite(in model: Model, on batch: Batch) -> String? { nil }
}
