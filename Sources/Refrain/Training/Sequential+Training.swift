/// What ``Sequential/compile(optimizer:loss:metrics:)`` has set: how a model is trained. The optimizer's memory lives
/// here from one `fit` to the next.
public struct CompiledTraining: Sendable {
  /// What moves the weights, with its memory.
  public var optimizer: any Optimizer
  /// What is made small.
  public var loss: Loss
  /// What else is measured.
  public var metrics: [Metric]
}

extension Sequential {
  /// Sets how
  /// ``fit(_:_:lengths:steps:weights:epochs:batchSize:validation:shuffle:seed:schedule:clipping:penalties:gradientNoise:checkpointInterval:truncation:earlyStopping:progress:onEpoch:shouldStop:)``
  /// trains the model; an earlier optimizer and its memory are dropped.
  public mutating func compile(optimizer: some Optimizer, loss: Loss, metrics: [Metric] = []) {
    compiled = CompiledTraining(optimizer: optimizer, loss: loss, metrics: metrics)
  }

  /// Trains the compiled model on examples in memory.
  ///
  /// - Parameters:
  ///   - input: `[B, T, I]`, or whatever the first layer takes; a row an example.
  ///   - target: what the loss takes: of the output's shape, or class indices.
  ///   - lengths: the valid steps of each example; nil means all. They count in the loss where the output has steps.
  ///   - steps: the same with gaps and resets, in the place of lengths or beside them.
  ///   - weights: `[B]`, one an example, or `[B, T]`, one a step of the output; nil means all the same.
  ///   - epochs: how many times to go through the examples.
  ///   - batchSize: the number of examples in a step.
  ///   - validation: what to judge by after each epoch.
  ///   - shuffle: whether each epoch takes the examples in an order of its own.
  ///   - seed: what the order, a random validation split and dropout follow from.
  ///   - schedule: how the optimizer's learning rate changes; at the end it is what it was.
  ///   - clipping: how gradients are kept from growing too large.
  ///   - penalties: what holds weights back, by their names.
  ///   - gradientNoise: what is added to gradients, after clipping.
  ///   - checkpointInterval: how many time steps of a recurrent layer keep their gates for the backward pass at a time,
  ///     for long sequences; nil keeps them all.
  ///   - truncation: into windows of how many steps sequences are cut, each learned from before the next, with the
  ///     state carried on; nil takes them whole (see ``Trainer/truncation``).
  ///   - earlyStopping: when to end early; with it the best weights come back.
  ///   - progress: what is shown on standard error.
  ///   - onEpoch: called after each epoch; says whether to go on.
  ///   - shouldStop: asked before each step whether to stop; the best weights of the finished epochs come back then.
  /// - Throws: ``TrainingError`` when a number is not finite, or when there is no example.
  @discardableResult
  public mutating func fit(
    _ input: Tensor, _ target: Tensor, lengths: [Int]? = nil, steps: Steps = Steps(), weights: Tensor? = nil,
    epochs: Int = 1, batchSize: Int = 32, validation: Validation? = nil, shuffle: Bool = true, seed: UInt64 = 0,
    schedule: LearningRateSchedule = .constant, clipping: Clipping? = nil, penalties: [WeightPenalty] = [],
    gradientNoise: GradientNoise? = nil, checkpointInterval: Int? = nil, truncation: Int? = nil,
    earlyStopping: EarlyStopping? = nil, progress: ProgressStyle = .automatic,
    onEpoch: @escaping (History.Epoch) -> Bool = { _ in true },
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) throws(TrainingError) -> History {
    let trainer = Trainer(
      epochs: epochs, seed: seed, schedule: schedule, clipping: clipping, penalties: penalties,
      gradientNoise: gradientNoise, checkpointInterval: checkpointInterval, truncation: truncation,
      earlyStopping: earlyStopping, progress: progress, onEpoch: onEpoch, shouldStop: shouldStop)
    let examples = Batch(input, target, steps: steps.with(lengths: lengths), weights: weights)
    return try train(truncation) { model, optimizer, task throws(TrainingError) in
      try trainer.run(
        &task, &model, &optimizer, examples: examples, batchSize: batchSize, validation: validation, shuffle: shuffle)
    }
  }

  /// Trains the compiled model on a sequence of batches, which is gone through anew in each epoch.
  ///
  /// - Parameters:
  ///   - batches: what to learn from.
  ///   - validation: what to judge by after each epoch.
  ///   - trainer: how to train.
  /// - Throws: ``TrainingError`` when a number is not finite, or when there is no batch.
  @discardableResult
  public mutating func fit(
    batches: some Sequence<Batch>, validation: (any Sequence<Batch>)? = nil, trainer: Trainer = Trainer()
  ) throws(TrainingError) -> History {
    try train(trainer.truncation) { model, optimizer, task throws(TrainingError) in
      try trainer.run(
        &task, &model, &optimizer, batches: { _ in batches },
        count: trainer.truncation == nil ? batches.underestimatedCount : 0, validation: validation)
    }
  }

  private mutating func train(
    _ truncation: Int?,
    _ body: (inout Sequential, inout any Optimizer, inout SequentialTask) throws(TrainingError) -> History
  ) throws(TrainingError) -> History {
    // Taken out while the model trains, so that the copies of the model do not share the optimizer's memory.
    guard var compiled = compiled.take() else { fatalError("compile the model before it is trained") }
    defer { self.compiled = compiled }
    if truncation != nil {
      do throws(LayerError) { try checkStepping() } catch { fatalError("no truncated training: \(error.description)") }
      require(outputHasSteps, "truncated training wants an output at every step; let the recurrent layers return it")
    }
    var task = SequentialTask(self, compiled, carries: truncation != nil)
    return try body(&self, &compiled.optimizer, &task)
  }

  /// The loss and the metrics of the compiled model on examples in memory; the parameters are those of `fit`.
  public func evaluate(
    _ input: Tensor, _ target: Tensor, lengths: [Int]? = nil, steps: Steps = Steps(), weights: Tensor? = nil,
    batchSize: Int = 256
  ) -> Evaluation {
    let examples = Batch(input, target, steps: steps.with(lengths: lengths), weights: weights)
    return evaluate(batches: Batches(examples, size: batchSize))
  }

  /// The loss and the metrics of the compiled model on a sequence of batches: the same as over all of them at once.
  public func evaluate(batches: some Sequence<Batch>) -> Evaluation {
    guard let compiled else { fatalError("compile the model before it is evaluated") }
    var task = SequentialTask(self, compiled, carries: false)
    return Refrain.evaluate(&task, self, on: batches)
  }

  /// The outputs for many inputs, computed in batches; layers that act only in training do nothing.
  ///
  /// - Parameters:
  ///   - input: `[B, T, I]`, or whatever the first layer takes.
  ///   - lengths: the valid steps of each example; nil means all.
  ///   - steps: the same with gaps and resets, in the place of lengths or beside them; the examples come first.
  ///   - batchSize: how many examples are computed at once.
  public func predict(
    _ input: Tensor, lengths: [Int]? = nil, steps: Steps = Steps(), batchSize: Int = 256
  ) -> Tensor {
    require(batchSize > 0, "the batch size is \(batchSize), and must be positive")
    require(input.rank > 0, "an input without examples")
    require(steps.layout == .batchFirst, "a batch to predict from has the examples first")
    let (count, steps) = (input.shape[0], steps.with(lengths: lengths))
    guard count > batchSize else { return self(input, steps: steps) }
    let parts = stride(from: 0, to: count, by: batchSize).map { start in
      let range = start..<min(start + batchSize, count)
      return self(input.slice(range, axis: 0), steps: steps.selecting(range))
    }
    return concatenate(parts, axis: 0)
  }

  /// Whether the output has the input's steps, `[B, T, …]`, so that lengths hold for it too.
  var outputHasSteps: Bool {
    guard inputShape.count >= 2 else { return false }
    var shape = inputShape
    shape[1] = nil
    guard let output = try? outputShape(for: shape) else { return false }
    return output.count >= 3 && output[1] == nil
  }
}

/// The training of a compiled ``Sequential``.
struct SequentialTask: TrainingTask {
  private let loss: Loss
  private var metrics: [Metric.Total]
  private let outputHasSteps: Bool
  /// Whether what the layers remember goes on from one part of the sequences to the next.
  private let carries: Bool
  private var memory: Sequential.Memory?

  init(_ model: Sequential, _ compiled: CompiledTraining, carries: Bool) {
    self.carries = carries
    loss = compiled.loss
    metrics = compiled.metrics.map(Metric.Total.init)
    outputHasSteps = model.outputHasSteps
  }

  mutating func loss(
    of model: Sequential, on batch: Batch, continues: Bool
  ) -> (value: Tensor, weight: Double) {
    var batch = batch
    let prediction = prediction(of: model, on: &batch, continues: continues)
    let (lengths, weights) = outputHasSteps ? (batch.lengths, batch.stepWeights) : (nil, batch.weights)
    let result = loss.measure(prediction, batch.target, weights: weights, lengths: lengths)
    for index in metrics.indices {
      metrics[index].add(prediction, batch.target, weights: weights, lengths: lengths)
    }
    return (result.mean, result.weight)
  }

  /// The output; the batch's steps become those that the layers have found there to be, where it has steps.
  private mutating func prediction(of model: Sequential, on batch: inout Batch, continues: Bool) -> Tensor {
    guard carries else { return model(batch.input, passing: &batch.steps) }
    var memory = memory.flatMap { continues ? $0 : nil } ?? model.initialMemory(batch: batch.count)
    defer { self.memory = memory }
    return model(batch.input, steps: batch.steps, memory: &memory)
  }

  mutating func takeMetrics() -> [String: Float] {
    let values = metrics.map { ($0.metric.name, $0.value) }
    metrics = metrics.map { Metric.Total($0.metric) }
    return Dictionary(values) { _, last in last }
  }

  func firstNotFinite(in model: Sequential, on batch: Batch) -> String? {
    var (values, steps) = (batch.input, batch.steps)
    for (index, layer) in model.layers.enumerated() {
      values = layer(values, passing: &steps)
      if !values.validSteps(values.rank > 2 ? steps : Steps()).isFinite {
        return "the output of layer \(index) (\(kind(of: layer)))"
      }
    }
    return nil
  }

  private func kind<L: Layer>(of layer: L) -> String { L.kind }
}
