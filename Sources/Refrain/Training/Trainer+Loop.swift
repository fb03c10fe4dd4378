extension Trainer {
  /// Trains on examples in memory.
  func run<Task: TrainingTask, O: Optimizer>(
    _ task: inout Task, _ model: inout Task.Model, _ optimizer: inout O, examples: Batch, batchSize: Int,
    validation: Validation?, shuffle: Bool
  ) throws(TrainingError) -> History {
    guard examples.count > 0 else { throw .noExamples("there are no examples to learn from") }
    let parts = try validation?.split(examples, seed: seed)
    let training = parts?.training ?? examples
    var shuffling = RandomGenerator(seed: seed)
    return try run(
      &task, &model, &optimizer,
      batches: { _ in
        Batches(training, size: batchSize, order: shuffle ? shuffling.permutation(training.count) : nil)
      },
      count: (training.count + batchSize - 1) / batchSize * windows(in: training),
      validation: parts.map { Batches($0.validation, size: batchSize) })
  }

  /// How many windows the examples are cut into.
  private func windows(in examples: Batch) -> Int {
    guard let truncation, examples.input.rank > 1 else { return 1 }
    return max(1, (examples.input.shape[1] + truncation - 1) / truncation)
  }

  /// The batches, or their windows, each with whether it goes on where the one before stopped.
  private func windows(of batches: some Sequence<Batch>) -> any Sequence<(batch: Batch, continues: Bool)> {
    batches.lazy.flatMap { batch in
      batch.windows(of: truncation).enumerated().map { (batch: $1, continues: $0 > 0) }
    }
  }

  /// The loop over epochs and batches.
  ///
  /// - Parameters:
  ///   - batches: gives the batches of an epoch.
  ///   - count: how many there are, windows counted, or 0 when that is not known.
  ///   - validation: what to judge by after each epoch.
  func run<Task: TrainingTask, O: Optimizer>(
    _ task: inout Task, _ model: inout Task.Model, _ optimizer: inout O,
    batches: (_ epoch: Int) -> any Sequence<Batch>, count: Int, validation: (any Sequence<Batch>)?
  ) throws(TrainingError) -> History {
    for penalty in penalties { penalty.check(model) }
    let start = monotonicSeconds()
    let ownRate = optimizer.learningRate
    defer { optimizer.learningRate = ownRate }
    var schedule = schedule
    var history = History()
    // What the model falls back to: its weights at the start, then those of the best epoch.
    var kept = model
    var bestLoss = Float.infinity
    var epochsWithoutImprovement = 0
    var step = 0
    var reporter = ProgressReporter(style: progress, epochs: epochs, batches: count)
    defer { reporter.end() }

    func finished(_ reason: History.StopReason) -> History {
      if earlyStopping != nil || reason == .cancelled, !history.epochs.isEmpty { model = kept }
      history.stopReason = reason
      history.seconds = monotonicSeconds() - start
      return history
    }

    for epoch in 0..<epochs {
      let epochStart = monotonicSeconds()
      var losses = WeightedMean()
      var batchNumber = 0
      for (batch, continues) in windows(of: batches(epoch)) {
        if shouldStop() { return finished(.cancelled) }
        batchNumber += 1
        optimizer.learningRate = rate(of: schedule, epoch: epoch, step: step, batches: count, initial: ownRate)
        do throws(TrainingError) {
          let (loss, weight) = try learn(
            &task, &model, &optimizer, batch, continues, step: step, at: (epoch: epoch + 1, step: batchNumber))
          losses.add(Double(loss), weight: weight)
        } catch {
          model = kept
          throw error
        }
        step += 1
        reporter.step(batchNumber, epoch: epoch, loss: Float(losses.mean))
      }
      guard batchNumber > 0 else {
        throw .noExamples(
          epoch == 0
            ? "there are no batches to learn from"
            : "the sequence of batches was empty in epoch \(epoch + 1): it must start anew in each epoch",
          epoch: epoch + 1)
      }
      var report = History.Epoch(
        number: epoch + 1, loss: Float(losses.mean), validationLoss: nil, metrics: task.takeMetrics(),
        validationMetrics: [:], learningRate: optimizer.learningRate, seconds: 0)
      do throws(TrainingError) {
        if let place = model.firstNotFinite {
          throw .notFinite("a weight", epoch: epoch + 1, place: "the weight \(place)")
        }
        if let validation {
          let evaluation = evaluate(&task, model, on: validation)
          guard evaluation.loss.isFinite else {
            throw .notFinite("the validation loss", epoch: epoch + 1, place: nil, isData: true)
          }
          report.validationLoss = evaluation.loss
          report.validationMetrics = evaluation.metrics
        }
      } catch {
        model = kept
        throw error
      }
      report.seconds = monotonicSeconds() - epochStart
      history.epochs.append(report)
      schedule.observe(report.monitoredLoss)
      if report.monitoredLoss < bestLoss - (earlyStopping?.minimumImprovement ?? 0) || history.bestEpoch == nil {
        bestLoss = report.monitoredLoss
        history.bestEpoch = epoch + 1
        kept = model
        epochsWithoutImprovement = 0
      } else {
        epochsWithoutImprovement += 1
      }
      let isStale = earlyStopping.map { epochsWithoutImprovement >= $0.patience } ?? false
      reporter.epoch(report, batches: batchNumber, isLast: isStale)
      if !onEpoch(report) { return finished(.requested) }
      if isStale { return finished(.earlyStopping) }
    }
    return finished(.completed)
  }

  /// One step of the optimizer. Returns the loss before it, and its weight.
  private func learn<Task: TrainingTask, O: Optimizer>(
    _ task: inout Task, _ model: inout Task.Model, _ optimizer: inout O, _ batch: Batch, _ continues: Bool, step: Int,
    at place: (epoch: Int, step: Int)
  ) throws(TrainingError) -> (loss: Float, weight: Double) {
    // Each step draws from a generator of its own, so that it does not matter how much the steps before drew.
    var generator = RandomGenerator(seed: seed &+ UInt64(step + 1) &* 0x9E37_79B9_7F4A_7C15)
    var weight = 0.0
    var (loss, gradient) = valueAndGradient(at: model, checkpointInterval: checkpointInterval, using: &generator) {
      model in
      let loss = task.loss(of: model, on: batch, continues: continues)
      weight = loss.weight
      return penalties.reduce(loss.value) { $0 + $1.value(of: model) }
    }
    let inGradient = gradient.firstNotFinite.map { "the gradient of \($0)" }
    guard loss.isFinite && inGradient == nil else {
      throw notFinite(task, model, batch, loss: loss, inGradient: inGradient, at: place)
    }
    guard weight > 0 else { return (loss, weight) }
    if let clipping { gradient.clip(clipping) }
    gradientNoise?.add(to: &gradient, step: optimizer.state.step, using: &generator)
    optimizer.update(&model, along: gradient)
    for penalty in penalties { penalty.limit(&model) }
    return (loss, weight)
  }

  /// The error that names the first place that is not finite: in the weights, the input, what the layers make of it,
  /// the gradient.
  private func notFinite<Task: TrainingTask>(
    _ task: Task, _ model: Task.Model, _ batch: Batch, loss: Float, inGradient: String?,
    at place: (epoch: Int, step: Int)
  ) -> TrainingError {
    func error(_ culprit: String?, isData: Bool = false) -> TrainingError {
      .notFinite(
        loss.isFinite ? "the gradient" : "the loss", epoch: place.epoch, step: place.step, place: culprit,
        isData: isData)
    }
    if let weight = model.firstNotFinite { return error("the weight \(weight)") }
    if !batch.input.validSteps(batch.steps).isFinite { return error("the input of the batch", isData: true) }
    if let output = task.firstNotFinite(in: model, on: batch) { return error(output) }
    if !batch.target.validSteps(batch.steps).isFinite { return error("the target of the batch", isData: true) }
    return error(inGradient)
  }

  private func rate(
    of schedule: LearningRateSchedule, epoch: Int, step: Int, batches: Int, initial: Float
  ) -> Float {
    switch schedule.interval {
    case .epoch: schedule.rate(at: epoch, initial: initial, total: epochs)
    case .step: schedule.rate(at: step, initial: initial, total: batches > 0 ? epochs * batches : nil)
    }
  }
}

/// The loss and the metrics of a model on batches.
func evaluate<Task: TrainingTask>(
  _ task: inout Task, _ model: Task.Model, on batches: any Sequence<Batch>
) -> Evaluation {
  var losses = WeightedMean()
  _ = task.takeMetrics()
  for batch in batches {
    let loss = task.loss(of: model, on: batch, continues: false)
    losses.add(Double(loss.value.item), weight: loss.weight)
  }
  return Evaluation(loss: Float(losses.mean), metrics: task.takeMetrics())
}

/// A mean that grows.
private struct WeightedMean {
  private var sum = 0.0
  private var weight = 0.0

  mutating func add(_ value: Double, weight: Double) {
    guard weight > 0 else { return }
    sum += value * weight
    self.weight += weight
  }

  /// Not a number when nothing was added.
  var mean: Double { sum / weight }
}

extension Tensor {
  /// The valid steps of sequences `[B, T, …]`, or `[T, B, …]`, one sequence after another; the tensor itself where the
  /// steps do not fit it.
  func validSteps(_ steps: Steps) -> Tensor {
    guard rank >= 2, steps.lengths != nil || steps.present != nil else { return self }
    let (batch, time) = steps.extent(of: shape)
    guard steps.lengths?.count ?? batch == batch, (steps.lengths ?? []).allSatisfy({ $0 <= time }),
      steps.present?.count ?? batch == batch, (steps.present ?? []).allSatisfy({ $0.count == time })
    else { return self }
    let valid = Steps(lengths: steps.lengths, present: steps.present, layout: steps.layout)
    return reshaped([batch * time] + shape.dropFirst(2))
      .gatheringRows(valid.episodes(batch: batch, time: time).flatMap(\.self))
  }
}
