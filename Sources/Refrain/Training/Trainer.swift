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
/// A ``Sequential`` has a `fit` of its own. The same seed gives the same bits, on any number of threads, on processors
/// of one instruction set: AVX-512 and AVX2 add in another order, and training lets such differences grow.
///
/// Nothing is printed: what is shown and kept is up to the ``observers``, of which `RefrainData` has one for the
/// terminal, `ProgressReporter()`, and one for files, `Checkpoints`.
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
  /// (``fit(_:optimizer:batches:validation:resuming:carrying:from:loss:)``).
  public var truncation: Int?
  /// When to end early; with it the best weights come back, however training ends.
  public var earlyStopping: EarlyStopping?
  /// How many batches there are to an update of the optimizer: their gradients are added up, each with its weight, so
  /// that memory for one batch learns as from one that is as many times as large. The two agree within rounding where
  /// the loss is a mean over what is weighed; the last update of an epoch is made of what is left.
  public var accumulation: Int
  /// What mean of the weights along the way is the result; nil takes the weights themselves.
  public var averaging: WeightAveraging?
  /// What changes the gradient of an update before it is applied, such as a mean over several machines, in their order.
  public var exchanges: [any GradientExchange]
  /// The processes that train the model together; nil, or a group of one, trains alone. Each reads all the data and
  /// learns from its share of every batch (``TrainingBatch/share(_:of:)``); the mean of their gradients goes through
  /// the ``exchanges``. What the observers and ``shouldStop`` of the first process decide holds for all: at a batch,
  /// once the next one is learned from. Dropout is that of one process where a share says of which batch it is
  /// (``BatchShare``); else it draws other numbers in each. Batch normalization takes the mean over each share.
  public var group: (any TrainingGroup)?
  /// What sees the events of training, and may end it.
  public var observers: [any TrainingObserver]
  /// Asked before each step whether to stop. The best weights of the finished epochs come back then.
  public var shouldStop: @Sendable () -> Bool
  /// Called after each epoch; says whether to go on.
  public var onEpoch: (History.Epoch) -> Bool

  /// A way of training; the defaults are one epoch, a constant rate and no clipping.
  public init(
    epochs: Int = 1, seed: UInt64 = 0, schedule: LearningRateSchedule = .constant, clipping: Clipping? = nil,
    penalties: [WeightPenalty] = [], gradientNoise: GradientNoise? = nil, checkpointInterval: Int? = nil,
    truncation: Int? = nil, accumulation: Int = 1, earlyStopping: EarlyStopping? = nil,
    averaging: WeightAveraging? = nil, exchanges: [any GradientExchange] = [],
    observers: [any TrainingObserver] = [],
    onEpoch: @escaping (History.Epoch) -> Bool = { _ in true },
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) {
    require(epochs >= 0, "the number of epochs is \(epochs), and must not be negative")
    require(truncation ?? 1 > 0, "windows of \(truncation ?? 0) steps were asked for; they must have at least 1")
    require(accumulation > 0, "gradients of \(accumulation) batches were to be accumulated; there must be at least 1")
    require(
      accumulation == 1 || truncation == nil,
      "gradients are not accumulated over windows of steps; leave out the accumulation or the truncation")
    self.epochs = epochs
    self.seed = seed
    self.schedule = schedule
    self.clipping = clipping
    self.penalties = penalties
    self.gradientNoise = gradientNoise
    self.checkpointInterval = checkpointInterval
    self.truncation = truncation
    self.earlyStopping = earlyStopping
    self.accumulation = accumulation
    self.averaging = averaging
    self.exchanges = exchanges
    self.observers = observers
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
  ///   - state: where to go on with a training that was interrupted; nil begins.
  ///   - loss: a scalar from the model and a batch. Means over batches are weighted by ``TrainingBatch/weight``.
  /// - Throws: ``TrainingError`` when a number is not finite, or when there is no batch.
  @discardableResult
  public func fit<M: Module, O: Optimizer, B: TrainingBatch>(
    _ model: inout M, optimizer: inout O, batches: some Sequence<B>, validation: (any Sequence<B>)? = nil,
    resuming state: TrainingState<M>? = nil, loss: (M, B) -> Tensor
  ) throws(TrainingError) -> History {
    checkWhole()
    return try fit(
      &model, optimizer: &optimizer, batches: batches, validation: validation, resuming: state, carrying: NoMemory.self
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
  ///   - state: where to go on with a training that was interrupted; nil begins.
  ///   - carried: what the loss carries.
  ///   - initial: what it carries to the first window of a batch; nil means nothing. With tensors `[B, …]` a training
  ///     can be saved between two windows, and go on there.
  ///   - loss: a scalar from the model and a window. What it carries is `initial` before the first window of a batch,
  ///     and a constant to the gradient in the next. Means over windows are weighted by their valid steps, and windows
  ///     without any are passed over.
  /// - Throws: ``TrainingError`` when a number is not finite, or when there is no batch.
  @discardableResult
  public func fit<M: Module, O: Optimizer, B: TrainingBatch, Carried>(
    _ model: inout M, optimizer: inout O, batches: some Sequence<B>, validation: (any Sequence<B>)? = nil,
    resuming state: TrainingState<M>? = nil, carrying carried: Carried.Type, from initial: ((M, B) -> Carried)? = nil,
    loss: (M, B, inout Carried?) -> Tensor
  ) throws(TrainingError) -> History {
    try fit(
      &model, optimizer: &optimizer, source: SequenceSource(batches), validation: validation, resuming: state,
      carrying: carried, from: initial, loss: loss)
  }

  /// Trains a model on batches that are made as they are asked for, epoch by epoch.
  ///
  /// - Parameters:
  ///   - model: what is learned; after an error it has its best weights, or those it began with.
  ///   - optimizer: what moves it; its memory stays for the next call.
  ///   - source: what to learn from, such as ``LengthBatches``.
  ///   - validation: what to judge by after each epoch.
  ///   - state: where to go on with a training that was interrupted; nil begins.
  ///   - loss: a scalar from the model and a batch. Means over batches are weighted by ``TrainingBatch/weight``.
  /// - Throws: ``TrainingError`` when a number is not finite, when there is no batch or it cannot be read, or when the
  ///   state does not fit.
  @discardableResult
  public func fit<M: Module, O: Optimizer, B: TrainingBatch>(
    _ model: inout M, optimizer: inout O, source: some BatchSource<B>, validation: (any Sequence<B>)? = nil,
    resuming state: TrainingState<M>? = nil, loss: (M, B) -> Tensor
  ) throws(TrainingError) -> History {
    checkWhole()
    return try fit(
      &model, optimizer: &optimizer, source: source, validation: validation, resuming: state, carrying: NoMemory.self
    ) { model, batch, _ in loss(model, batch) }
  }

  /// Trains a model on batches that are made as they are asked for, with something that the loss carries from one
  /// window of the sequences to the next; see ``fit(_:optimizer:batches:validation:resuming:carrying:from:loss:)``.
  @discardableResult
  public func fit<M: Module, O: Optimizer, B: TrainingBatch, Carried>(
    _ model: inout M, optimizer: inout O, source: some BatchSource<B>, validation: (any Sequence<B>)? = nil,
    resuming state: TrainingState<M>? = nil, carrying carried: Carried.Type, from initial: ((M, B) -> Carried)? = nil,
    loss: (M, B, inout Carried?) -> Tensor
  ) throws(TrainingError) -> History {
    try withTask(loss, initial) { task throws(TrainingError) in
      try run(
        &task, &model, &optimizer, source: source, count: truncation == nil ? source.batchCount : nil,
        validation: validation, resuming: state)
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
  ///   - state: where to go on with a training that was interrupted; nil begins.
  ///   - loss: a scalar from the model and a batch. Means over batches are weighted by their numbers of examples.
  /// - Throws: ``TrainingError`` when a number is not finite, or when there is no example.
  @discardableResult
  public func fit<M: Module, O: Optimizer>(
    _ model: inout M, optimizer: inout O, examples: Batch, batchSize: Int = 32, validation: Validation? = nil,
    shuffle: Bool = true, resuming state: TrainingState<M>? = nil, loss: (M, Batch) -> Tensor
  ) throws(TrainingError) -> History {
    checkWhole()
    return try fit(
      &model, optimizer: &optimizer, examples: examples, batchSize: batchSize, validation: validation, shuffle: shuffle,
      resuming: state, carrying: NoMemory.self
    ) { model, batch, _ in loss(model, batch) }
  }

  /// Trains a model on examples in memory, with something that the loss carries from one window of the sequences to the
  /// next; see ``fit(_:optimizer:batches:validation:resuming:carrying:from:loss:)``. The other parameters are those of
  /// ``fit(_:optimizer:examples:batchSize:validation:shuffle:resuming:loss:)``.
  @discardableResult
  public func fit<M: Module, O: Optimizer, Carried>(
    _ model: inout M, optimizer: inout O, examples: Batch, batchSize: Int = 32, validation: Validation? = nil,
    shuffle: Bool = true, resuming state: TrainingState<M>? = nil, carrying carried: Carried.Type,
    from initial: ((M, Batch) -> Carried)? = nil, loss: (M, Batch, inout Carried?) -> Tensor
  ) throws(TrainingError) -> History {
    try withTask(loss, initial) { task throws(TrainingError) in
      try run(
        &task, &model, &optimizer, examples: examples, batchSize: batchSize, validation: validation, shuffle: shuffle,
        resuming: state)
    }
  }

  /// Stops where a loss that carries nothing is to go through windows.
  private func checkWhole() {
    require(
      truncation == nil,
      "this loss carries no state from window to window; take the fit with 'carrying:', whose loss is given it")
  }

  private func withTask<M: Module, B: TrainingBatch, Carried>(
    _ loss: (M, B, inout Carried?) -> Tensor, _ initial: ((M, B) -> Carried)?,
    _ body: (inout LossTask<M, B, Carried>) throws(TrainingError) -> History
  ) throws(TrainingError) -> History {
    let outcome = withoutActuallyEscaping(loss) { loss -> Result<History, TrainingError> in
      var task = LossTask(lossOfBatch: loss, from: initial, isTruncated: truncation != nil)
      do throws(TrainingError) { return .success(try body(&task)) } catch { return .failure(error) }
    }
    return try outcome.get()
  }
}
