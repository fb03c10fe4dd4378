/// What ``Sequential/compile(optimizer:loss:metrics:)`` has set: how a model is trained. The optimizer's memory lives
/// here from one `fit` to the next.
public struct CompiledTraining: TrainingSetup {
  /// What moves the weights, with its memory.
  public var optimizer: any Optimizer
  /// What is made small.
  public var loss: Loss
  /// What else is measured.
  public var metrics: [Metric]
}

extension Sequential {
  /// How the model is trained, once that is set.
  public internal(set) var compiled: CompiledTraining? {
    get { setup as? CompiledTraining }
    set { setup = newValue }
  }

  /// Sets how `fit` trains the model; an earlier optimizer and its memory are dropped. Stops where the loss or a metric
  /// takes logits and the last layer makes probabilities of them, or the other way around: the model would learn, and
  /// badly.
  public mutating func compile(optimizer: some Optimizer, loss: Loss, metrics: [Metric] = []) {
    let training = CompiledTraining(optimizer: optimizer, loss: loss, metrics: metrics)
    if let problem = problem(with: training) { fatalError(problem) }
    compiled = training
  }

  /// Why the output of the model is none for a loss or a metric, or nil.
  func problem(with training: CompiledTraining) -> String? {
    let activation = outputActivation(after: nil)
    let outputs = (try? outputShape(for: inputShape))?.last ?? nil
    let measures =
      [("the loss", training.loss.name, training.loss.prediction)]
      + training.metrics.map { ("the metric", $0.name, outputs == 1 ? $0.binaryPrediction : $0.prediction) }
    for (what, name, kind) in measures {
      guard var problem = kind.problem(after: activation, of: "\(what) '\(name)'") else { continue }
      if what == "the metric", activation == .sigmoid {
        problem += "; or give the metric a threshold, as in accuracy(threshold: 0.5)"
      }
      return problem
    }
    return nil
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
  ///   - accumulation: how many batches there are to an update of the optimizer (see ``Trainer/accumulation``).
  ///   - earlyStopping: when to end early; with it the best weights come back.
  ///   - exchanges: what changes the gradient of an update before it is applied.
  ///   - observers: what sees the events of training, such as RefrainData's `ProgressReporter()`; nothing is shown
  ///     without one.
  ///   - state: where to go on with a training that was interrupted; nil begins.
  ///   - onEpoch: called after each epoch; says whether to go on.
  ///   - shouldStop: asked before each step whether to stop; the best weights of the finished epochs come back then.
  /// - Throws: ``TrainingError`` when a number is not finite, when there is no example, or when the state does not fit.
  @discardableResult
  public mutating func fit(
    _ input: Tensor, _ target: Tensor, lengths: [Int]? = nil, steps: Steps = Steps(), weights: Tensor? = nil,
    epochs: Int = 1, batchSize: Int = 32, validation: Validation? = nil, shuffle: Bool = true, seed: UInt64 = 0,
    schedule: LearningRateSchedule = .constant, clipping: Clipping? = nil, penalties: [WeightPenalty] = [],
    gradientNoise: GradientNoise? = nil, checkpointInterval: Int? = nil, truncation: Int? = nil,
    accumulation: Int = 1, earlyStopping: EarlyStopping? = nil, exchanges: [any GradientExchange] = [],
    observers: [any TrainingObserver] = [], resuming state: TrainingState<Sequential>? = nil,
    onEpoch: @escaping (History.Epoch) -> Bool = { _ in true },
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) throws(TrainingError) -> History {
    let trainer = Trainer(
      epochs: epochs, seed: seed, schedule: schedule, clipping: clipping, penalties: penalties,
      gradientNoise: gradientNoise, checkpointInterval: checkpointInterval, truncation: truncation,
      accumulation: accumulation, earlyStopping: earlyStopping, exchanges: exchanges, observers: observers,
      onEpoch: onEpoch, shouldStop: shouldStop)
    let examples = Batch(input, target, steps: steps.with(lengths: lengths), weights: weights)
    return try train(truncation) { model, optimizer, task throws(TrainingError) in
      try trainer.run(
        &task, &model, &optimizer, examples: examples, batchSize: batchSize, validation: validation, shuffle: shuffle,
        resuming: state)
    }
  }

  /// Trains the compiled model on sequences of tokens: on an input of whole numbers, with the lengths that they have.
  /// The trainer says the rest.
  ///
  /// - Throws: ``TrainingError`` when a number is not finite, when there is no example, or when the state does not fit.
  @discardableResult
  public mutating func fit(
    _ tokens: Tokens, _ target: Tensor, weights: Tensor? = nil, batchSize: Int = 32, validation: Validation? = nil,
    shuffle: Bool = true, resuming state: TrainingState<Sequential>? = nil, trainer: Trainer = Trainer()
  ) throws(TrainingError) -> History {
    let examples = Batch(tokens.tensor, target, lengths: tokens.lengths, weights: weights)
    return try train(trainer.truncation) { model, optimizer, task throws(TrainingError) in
      try trainer.run(
        &task, &model, &optimizer, examples: examples, batchSize: batchSize, validation: validation, shuffle: shuffle,
        resuming: state)
    }
  }

  /// Trains the compiled model on a sequence of batches, which is gone through anew in each epoch.
  ///
  /// - Parameters:
  ///   - batches: what to learn from.
  ///   - validation: what to judge by after each epoch.
  ///   - state: where to go on with a training that was interrupted; nil begins.
  ///   - trainer: how to train.
  /// - Throws: ``TrainingError`` when a number is not finite, when there is no batch, or when the state does not fit.
  @discardableResult
  public mutating func fit(
    batches: some Sequence<Batch>, validation: (any Sequence<Batch>)? = nil,
    resuming state: TrainingState<Sequential>? = nil, trainer: Trainer = Trainer()
  ) throws(TrainingError) -> History {
    try fit(source: SequenceSource(batches), validation: validation, resuming: state, trainer: trainer)
  }

  /// Trains the compiled model on batches that are made as they are asked for, such as ``LengthBatches``; the other
  /// parameters are those of ``fit(batches:validation:resuming:trainer:)``.
  @discardableResult
  public mutating func fit(
    source: some BatchSource<Batch>, validation: (any Sequence<Batch>)? = nil,
    resuming state: TrainingState<Sequential>? = nil, trainer: Trainer = Trainer()
  ) throws(TrainingError) -> History {
    try train(trainer.truncation) { model, optimizer, task throws(TrainingError) in
      try trainer.run(
        &task, &model, &optimizer, source: source, count: trainer.truncation == nil ? source.batchCount : nil,
        validation: validation, resuming: state)
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
    return Refrain.evaluate(&task, self, on: batches).evaluation
  }

  /// The same for examples from outside the program, which are checked first.
  ///
  /// - Throws: ``LayerError`` where the input does not fit the model, or the target the loss.
  public func evaluate(
    checking input: Tensor, _ target: Tensor, lengths: [Int]? = nil, steps: Steps = Steps(), weights: Tensor? = nil,
    batchSize: Int = 256
  ) throws(LayerError) -> Evaluation {
    let steps = try checked(input, steps, lengths)
    guard let loss = compiled?.loss else { fatalError("compile the model before it is evaluated") }
    let output = try outputShape(for: input.shape.map(Optional.init)).enumerated().map { axis, size in
      size ?? (axis < input.rank ? input.shape[axis] : 1)
    }
    try loss.check(
      [input.shape[0]] + output.dropFirst(), target, weights: weights,
      hasSteps: outputHasSteps && (steps.lengths != nil || steps.present != nil))
    return evaluate(input, target, steps: steps, weights: weights, batchSize: batchSize)
  }

  /// The outputs for inputs from outside the program, which are checked first; the parameters are those of
  /// ``predict(_:lengths:steps:batchSize:)``.
  ///
  /// - Throws: ``LayerError`` with the shape that was given and the shape that the model takes.
  public func predict(
    checking input: Tensor, lengths: [Int]? = nil, steps: Steps = Steps(), batchSize: Int = 256
  ) throws(LayerError) -> Tensor {
    let steps = try checked(input, steps, lengths)
    return predict(input, steps: steps, batchSize: batchSize)
  }

  private func checked(_ input: Tensor, _ steps: Steps, _ lengths: [Int]?) throws(LayerError) -> Steps {
    guard lengths == nil || steps.lengths == nil else {
      throw LayerError("lengths are given twice, once among the steps; leave one of them out")
    }
    let steps = steps.with(lengths: lengths)
    try check(input, steps: steps)
    return steps
  }

  /// The outputs for sequences of tokens, computed in batches; for a model that begins with an ``Embedding``.
  public func predict(_ tokens: Tokens, batchSize: Int = 256) -> Tensor {
    predict(tokens.tensor, lengths: tokens.lengths, batchSize: batchSize)
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
    requireInput(input.shape)
    require(steps.layout == .batchFirst, "a batch to predict from has the examples first")
    let (count, steps) = (input.shape[0], steps.with(lengths: lengths))
    guard count > batchSize else { return self(input, steps: steps) }
    let parts = stride(from: 0, to: count, by: batchSize).map { start in
      let range = start..<min(start + batchSize, count)
      return self(input.slice(range, axis: 0), steps: steps.selecting(range))
    }
    return concatenate(parts, axis: 0)
  }

  /// Stops where an input does not have the shape that the model takes.
  ///
  /// - Parameter isWindow: whether it is a part of longer sequences.
  func requireInput(_ shape: [Int], isWindow: Bool = false) {
    if let problem = problem(withInputOf: shape, isWindow: isWindow) { fatalError(problem) }
    require(!shape.isEmpty, "an input without examples")
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
  /// The shapes of what the layers remember before the first part.
  private var shapes: [[Int]] = []

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
    let result = loss.measure(
      prediction, batch.target, weights: weights, lengths: lengths, targetLengths: batch.targetLengths)
    for index in metrics.indices {
      metrics[index].add(prediction, batch.target, weights: weights, lengths: lengths)
    }
    return (result.mean, result.weight)
  }

  /// The output; the batch's steps become those that the layers have found there to be, where it has steps.
  private mutating func prediction(of model: Sequential, on batch: inout Batch, continues: Bool) -> Tensor {
    model.requireInput(batch.input.shape, isWindow: carries)
    guard carries else {
      let output = model(StepValues(batch.input, steps: batch.steps))
      batch.steps = output.steps
      return output.values
    }
    var memory = memory.flatMap { continues ? $0 : nil } ?? initialMemory(of: model, on: batch)
    defer { self.memory = memory }
    return model(batch.input, steps: batch.steps, memory: &memory)
  }

  private mutating func initialMemory(of model: Sequential, on batch: Batch) -> Sequential.Memory {
    let memory = model.initialMemory(batch: batch.count)
    shapes = memory.tensors.map(\.shape)
    return memory
  }

  var carried: [Tensor]? {
    guard let tensors = memory?.tensors, tensors.map(\.shape) == shapes else { return nil }
    return tensors
  }

  mutating func carry(_ tensors: [Tensor], of model: Sequential, on batch: Batch) -> Bool {
    let first = initialMemory(of: model, on: batch)
    guard carries, tensors.map(\.shape) == shapes else { return false }
    memory = first.replacingTensors(tensors)
    return true
  }

  var metricSums: [[Double]?] {
    get { metrics.map(\.sums) }
    set { for (index, sums) in zip(metrics.indices, newValue) { metrics[index].sums = sums } }
  }

  mutating func takeMetrics() -> [String: Float] {
    let values = metrics.map { ($0.metric.name, $0.value) }
    metrics = metrics.map { Metric.Total($0.metric) }
    return Dictionary(values) { _, last in last }
  }

  func firstNotFinite(in model: Sequential, on batch: Batch) -> String? {
    var current = StepValues(batch.input, steps: batch.steps)
    for (index, layer) in model.layers.enumerated() {
      current = layer(current)
      if !current.values.validSteps(current.values.rank > 2 ? current.steps : Steps()).isFinite {
        return "the output of layer \(index) (\(kind(of: layer)))"
      }
    }
    return nil
  }

  private func kind<L: Layer>(of layer: L) -> String { L.kind }
}
