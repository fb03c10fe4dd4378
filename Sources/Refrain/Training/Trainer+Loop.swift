extension Trainer {
  /// Trains on examples in memory.
  func run<Task: TrainingTask, O: Optimizer>(
    _ task: inout Task, _ model: inout Task.Model, _ optimizer: inout O, examples: Batch, batchSize: Int,
    validation: Validation?, shuffle: Bool, resuming state: TrainingState<Task.Model>?
  ) throws(TrainingError) -> History where Task.Batch == Batch {
    require(batchSize > 0, "the batch size is \(batchSize), and must be positive")
    guard examples.count > 0 else { throw .noExamples("there are no examples to learn from") }
    let parts = try validation?.split(examples, seed: seed)
    let training = parts?.training ?? examples
    let source = ShuffledExamples(training, size: batchSize, shuffles: shuffle, seed: seed)
    return try run(
      &task, &model, &optimizer, source: source,
      count: source.batchCount.map { $0 * windows(in: training) },
      validation: parts.map { Batches($0.validation, size: batchSize) }, resuming: state)
  }

  /// How many windows the examples are cut into.
  private func windows(in examples: Batch) -> Int {
    guard let truncation, examples.input.rank > 1 else { return 1 }
    return max(1, (examples.input.shape[1] + truncation - 1) / truncation)
  }

  /// The loop over epochs and batches.
  ///
  /// - Parameters:
  ///   - source: gives the batches of an epoch.
  ///   - count: how many there are, windows counted; nil when that is not known.
  ///   - validation: what to judge by after each epoch.
  ///   - state: where to go on; nil begins.
  func run<Task: TrainingTask, O: Optimizer>(
    _ task: inout Task, _ model: inout Task.Model, _ optimizer: inout O, source: some BatchSource<Task.Batch>,
    count: Int?, validation: (any Sequence<Task.Batch>)?, resuming state: TrainingState<Task.Model>?
  ) throws(TrainingError) -> History {
    for penalty in penalties { penalty.check(model) }
    model.requireWholeWalk()
    optimizer.prepare(for: model)
    let ownRate = optimizer.learningRate
    defer { optimizer.learningRate = ownRate }
    var run = TrainingRun<Task, _>(self, source, validation: validation, count: count, rate: ownRate, model: model)
    if let state { try run.goOn(from: state, &task, &model, &optimizer) }
    do throws(TrainingError) {
      let reason = try run.all(&task, &model, &optimizer)
      return run.finished(reason, &model)
    } catch {
      model = run.kept
      run.failed()
      throw error
    }
  }
}

/// A training on its way.
struct TrainingRun<Task: TrainingTask, Source: BatchSource<Task.Batch>> {
  typealias Model = Task.Model

  let trainer: Trainer
  var source: Source
  let validation: (any Sequence<Task.Batch>)?
  let count: Int?
  let ownRate: Float
  /// What the model falls back to: its weights at the start, then those of the best epoch.
  var kept: Model
  var position: TrainingPosition
  private var schedule: LearningRateSchedule
  var gathered = AccumulatedGradient<Model>()
  /// What the model keeps of the data rather than learns, as of the last batch.
  var statistics = KeptStatistics()
  private var average = AveragedWeights<Model>()
  /// What a saved training carried to the window that it goes on with.
  var carried: [Tensor]?
  /// The first batch that was learned from, on which observers look at gates; nil where there are none.
  var shown: Task.Batch?
  /// What is done with the other processes of the group, where there is one.
  let together: GroupTraining?
  private var start = monotonicSeconds()
  private var epochStart = monotonicSeconds()

  init(
    _ trainer: Trainer, _ source: Source, validation: (any Sequence<Task.Batch>)?, count: Int?, rate: Float,
    model: Model
  ) {
    self.trainer = trainer
    self.source = source
    self.validation = validation
    self.count = count
    ownRate = rate
    kept = model
    position = TrainingPosition(seed: trainer.seed)
    schedule = trainer.schedule
    together = trainer.group.flatMap { $0.count > 1 ? GroupTraining($0, model: model) : nil }
  }

  /// Takes up a saved training.
  mutating func goOn<O: Optimizer>(
    from state: TrainingState<Model>, _ task: inout Task, _ model: inout Model, _ optimizer: inout O
  ) throws(TrainingError) {
    let names = optimizer.state.namedTensors.map { ($0.name, $0.tensor.shape) }
    let saved = state.optimizer.namedTensors.map { ($0.name, $0.tensor.shape) }
    var problem = state.position.problem(for: trainer, metrics: task.metricSums.count)
    if problem == nil, model.tensors.map(\.shape) != state.model.tensors.map(\.shape) {
      problem = "its model has tensors of other shapes"
    }
    if problem == nil, names.count != saved.count || zip(names, saved).contains(where: { $0 != $1 }) {
      problem = "its optimizer remembers other things; is it of another kind?"
    }
    if let problem {
      throw TrainingError(.stateDoesNotFit, "this training cannot go on from the state given: \(problem)")
    }
    model = state.model
    kept = state.best
    optimizer.state = state.optimizer
    average.model = state.average
    position = state.position
    carried = state.carried
    schedule.memory = position.plateau
    // What was added up before the state was saved counts once.
    if !position.metrics.isEmpty, together?.group.isFirst != false { task.metricSums = position.metrics }
    start -= position.history.seconds + position.seconds
  }

  /// All epochs that are left.
  mutating func all<O: Optimizer>(
    _ task: inout Task, _ model: inout Model, _ optimizer: inout O
  ) throws(TrainingError) -> History.StopReason {
    // A state may have been saved at the very end.
    if trainer.earlyStopping?.isExhausted(by: position.history) == true { return .earlyStopping }
    var reason = try tell(.began, task, model, optimizer)
    if let together {
      reason = try together.meet(model, batches: count, trainer: trainer, at: position, reason)
    }
    if let reason { return reason }
    while position.epoch < trainer.epochs {
      if let reason = try epoch(&task, &model, &optimizer) { return reason }
    }
    return .completed
  }

  /// One epoch, or what is left of it. Returns why training ends, if it does.
  private mutating func epoch<O: Optimizer>(
    _ task: inout Task, _ model: inout Model, _ optimizer: inout O
  ) throws(TrainingError) -> History.StopReason? {
    epochStart = monotonicSeconds() - position.seconds
    try source.begin(epoch: position.epoch, at: position.batch)
    while let batch = try nextBatch() {
      let first = try goOn(&task, model, in: batch)
      for number in first..<max(first, batch.count) {
        if let reason = reasonToStop { return reason }
        position.learningRate = rate
        optimizer.learningRate = position.learningRate
        let window = batch.window(number)
        if shown == nil, number == 0, !trainer.observers.isEmpty { shown = window.batch }
        let (loss, examples) = try learn(&task, &model, &optimizer, window, continues: number > 0)
        let isLast = number == batch.count - 1
        position.window = isLast ? nil : number + 1
        if isLast { position.batch += 1 }
        guard !trainer.observers.isEmpty else { continue }
        let step = TrainingStep(
          epoch: position.epoch + 1, batch: position.drawnInEpoch, step: position.step, loss: loss,
          meanLoss: Float(position.losses.mean), learningRate: position.learningRate, examples: examples)
        let isResumable = gathered.count == 0 && (isLast || together == nil && task.carried != nil)
        guard let reason = try tell(.step(step), task, model, optimizer, isResumable: isResumable) else { continue }
        guard let together else { return reason }
        together.wish = reason
      }
    }
    if gathered.count > 0 { try update(&model, &optimizer, lastGenerator) }
    let number = position.epoch + 1
    average(model, trainer.averaging?.part(afterEpoch: number, count: position.averaged ?? 0))
    guard position.drawnInEpoch > 0 else {
      throw .noExamples(
        position.epoch == 0
          ? "there are no batches to learn from"
          : "the sequence of batches was empty in epoch \(position.epoch + 1): it must start anew in each epoch",
        epoch: position.epoch + 1)
    }
    let report = try report(&task, average.model ?? model)
    take(report, average.model ?? model)
    var reason = try tell(.epoch(report), task, model, optimizer)
    if !trainer.onEpoch(report) { reason = .requested }
    guard let together else { return reason }
    return try together.meet(afterEpoch: number, model, reason)
  }

  /// Why training ends before the next batch, if it does. Of a group the first process decides, and the others hear of
  /// it with the batch that comes next.
  private var reasonToStop: History.StopReason? {
    guard let together else { return trainer.shouldStop() ? .cancelled : nil }
    if together.group.isFirst, trainer.shouldStop() { together.wish = .cancelled }
    return together.stops
  }

  // MARK: - A step

  /// Learns from a batch, or gathers its gradient. Returns the loss before, and the number of examples.
  private mutating func learn<O: Optimizer>(
    _ task: inout Task, _ model: inout Model, _ optimizer: inout O, _ share: BatchShare<Task.Batch>, continues: Bool
  ) throws(TrainingError) -> (loss: Float, examples: Int) {
    position.drawn += 1
    position.drawnInEpoch += 1
    if let together { return try learn(&task, &model, &optimizer, share, continues: continues, with: together) }
    guard let batch = share.batch else { return (0, 0) }
    var generator = lastGenerator
    var weight = 0.0
    let penalties = trainer.penalties
    let (loss, gradient) = valueAndGradient(
      at: model, checkpointInterval: trainer.checkpointInterval, keeping: &statistics, using: &generator
    ) { model in
      let loss = task.loss(of: model, on: batch, continues: continues)
      weight = loss.weight
      return penalties.reduce(loss.value) { $0 + $1.value(of: model) }
    }
    let inGradient = gradient.firstNotFinite.map { "the gradient of \($0)" }
    guard loss.isFinite && inGradient == nil else {
      throw notFinite(task, model, batch, loss: loss, inGradient: inGradient)
    }
    position.losses.add(Double(loss), weight: weight)
    model.take(statistics)
    guard trainer.accumulation > 1 else {
      try update(&model, &optimizer, along: gradient, weight: weight, generator)
      return (loss, batch.count)
    }
    gathered.add(gradient, weight: weight)
    if gathered.count == trainer.accumulation { try update(&model, &optimizer, generator) }
    return (loss, batch.count)
  }

  /// What the batch learned from last draws from: a generator of its own, so that it does not matter how much those
  /// before drew.
  var lastGenerator: RandomGenerator {
    RandomGenerator(seed: trainer.seed &+ UInt64(position.drawn) &* 0x9E37_79B9_7F4A_7C15)
  }

  /// An update along the mean of the gradients that were gathered.
  mutating func update<O: Optimizer>(
    _ model: inout Model, _ optimizer: inout O, _ generator: RandomGenerator
  ) throws(TrainingError) {
    var mean = gathered.take()
    if let together {
      mean = try together.mean(of: mean, like: model)
      if let place = mean?.gradient.firstNotFinite.map({ "the gradient of \($0)" }) {
        throw .notFinite("the gradient", epoch: position.epoch + 1, step: position.drawnInEpoch, place: place)
      }
    }
    try update(
      &model, &optimizer, along: mean?.gradient ?? model.mapTensors { .zeros($0.shape) }, weight: mean?.weight ?? 0,
      generator)
  }

  mutating func update<O: Optimizer>(
    _ model: inout Model, _ optimizer: inout O, along gradient: consuming Model, weight: Double,
    _ generator: RandomGenerator
  ) throws(TrainingError) {
    position.step += 1
    var gradient = gradient
    var step = GradientStep(weight: weight, step: optimizer.state.step, generator: generator)
    for exchange in trainer.exchanges { try exchange.exchange(&gradient, in: &step) }
    guard step.weight > 0 else { return }
    trainer.clipping?.exchange(&gradient, in: &step)
    trainer.gradientNoise?.exchange(&gradient, in: &step)
    for penalty in trainer.penalties { penalty.decay(&model, learningRate: optimizer.learningRate) }
    optimizer.update(&model, along: gradient)
    for penalty in trainer.penalties { penalty.limit(&model) }
    model.take(statistics)
    average(model, trainer.averaging?.part(afterUpdate: position.averaged ?? 0))
  }

  /// Takes weights into the mean, with their part in it; nothing where they have none.
  private mutating func average(_ model: Model, _ part: Float?) {
    guard let part else { return }
    average.add(model, part: part)
    position.averaged = (position.averaged ?? 0) + 1
  }

  private var rate: Float {
    let accumulation = trainer.accumulation
    let updates = count.map { trainer.epochs * (($0 + accumulation - 1) / accumulation) }
    return switch schedule.interval {
    case .epoch: schedule.rate(at: position.epoch, initial: ownRate, total: trainer.epochs)
    case .step: schedule.rate(at: position.step, initial: ownRate, total: updates)
    }
  }

  /// The error that names the first place that is not finite: in the weights, the data, what the layers make of it, the
  /// gradient.
  func notFinite(
    _ task: Task, _ model: Model, _ batch: Task.Batch, loss: Float, inGradient: String?
  ) -> TrainingError {
    func error(_ culprit: String?, isData: Bool = false) -> TrainingError {
      .notFinite(
        loss.isFinite ? "the gradient" : "the loss", epoch: position.epoch + 1, step: position.drawnInEpoch,
        place: culprit, isData: isData)
    }
    if let weight = model.firstNotFinite { return error("the weight \(weight)") }
    if let place = batch.firstNotFinite { return error(place, isData: true) }
    return error(task.firstNotFinite(in: model, on: batch) ?? inGradient)
  }

  // MARK: - The end of an epoch

  /// The losses and metrics of the epoch, once it is learned from.
  private mutating func report(
    _ task: inout Task, _ model: Model
  ) throws(TrainingError) -> History.Epoch {
    let number = position.epoch + 1
    var report = History.Epoch(
      number: number, loss: Float(position.losses.mean), validationLoss: nil, metrics: [:], validationMetrics: [:],
      learningRate: position.learningRate, seconds: 0)
    if let together { task.metricSums = try together.sum(task.metricSums) }
    report.metrics = task.takeMetrics()
    if let place = model.firstNotFinite {
      throw .notFinite("a weight", epoch: number, place: "the weight \(place)")
    }
    if let validation {
      let (evaluation, weight) =
        try together?.evaluate(&task, model, on: validation) ?? evaluate(&task, model, on: validation)
      guard weight > 0 else {
        throw .noExamples("nothing counts in the validation examples; give some a weight", epoch: number)
      }
      guard evaluation.loss.isFinite else { throw notFinite(task, model, validation: validation) }
      report.validationLoss = evaluation.loss
      report.validationMetrics = evaluation.metrics
    }
    report.seconds = monotonicSeconds() - epochStart
    return report
  }

  /// The error of a validation loss that is not finite: the examples are to blame only where they are not.
  private func notFinite(
    _ task: Task, _ model: Model, validation: any Sequence<Task.Batch>
  ) -> TrainingError {
    var place: String?
    for batch in validation {
      if let inData = batch.firstNotFinite {
        return .notFinite(
          "the validation loss", epoch: position.epoch + 1, place: inData + " of validation", isData: true)
      }
      place = place ?? task.firstNotFinite(in: model, on: batch)
    }
    return .notFinite("the validation loss", epoch: position.epoch + 1, place: place)
  }

  /// Takes note of a finished epoch.
  private mutating func take(_ report: History.Epoch, _ model: Model) {
    schedule.observe(report.monitoredLoss)
    let best = position.history.bestEpoch.map { position.history.epochs[$0 - 1].monitoredLoss }
    position.history.epochs.append(report)
    if best.map({ report.monitoredLoss < $0 - (trainer.earlyStopping?.minimumImprovement ?? 0) }) ?? true {
      position.history.bestEpoch = report.number
      kept = model
    }
    position.epoch += 1
    position.batch = 0
    position.window = nil
    position.drawnInEpoch = 0
    position.losses = WeightedMean()
    position.seconds = 0
  }

  // MARK: - Observers

  /// Tells all observers of an event; returns why training ends, if one of them says so.
  private mutating func tell<O: Optimizer>(
    _ kind: TrainingEvent.Kind, _ task: Task, _ model: Model, _ optimizer: O, isResumable: Bool = true
  ) throws(TrainingError) -> History.StopReason? {
    let event: TrainingEvent
    let look = gateLook(at: kind, task, model)
    defer { look?.end() }
    if isResumable {
      var now = position
      now.metrics = position.drawnInEpoch > 0 ? task.metricSums : []
      now.plateau = schedule.memory
      now.history.seconds = monotonicSeconds() - start
      if position.drawnInEpoch > 0 { now.seconds = monotonicSeconds() - epochStart }
      now.history.seconds -= now.seconds
      let (best, memory, mean) = (kept, optimizer.state, average.model)
      let carried = now.window == nil ? nil : task.carried
      event = self.event(kind, look) {
        TrainingState(model: model, best: best, optimizer: memory, average: mean, carried: carried, position: now)
      }
    } else {
      event = self.event(kind)
    }
    var reason: History.StopReason?
    for observer in observers {
      if case .stop(let why) = try observer.observe(event) { reason = reason ?? why }
    }
    return reason
  }

  private var observers: [any TrainingObserver] {
    trainer.observers + (trainer.earlyStopping.map { [$0] } ?? [])
  }

  private func event(
    _ kind: TrainingEvent.Kind, _ look: GateLook? = nil, state: (() -> any SavedTraining)? = nil
  ) -> TrainingEvent {
    TrainingEvent(
      kind, epochs: trainer.epochs, batches: count, history: position.history, makeState: state, gateLook: look)
  }

  /// What happened, once training has ended; the model has its best weights where these are wanted.
  mutating func finished(_ reason: History.StopReason, _ model: inout Model) -> History {
    if trainer.earlyStopping != nil || reason == .cancelled, !position.history.epochs.isEmpty {
      model = kept
    } else if let mean = average.model {
      model = mean
    }
    position.history.stopReason = reason
    position.history.seconds = monotonicSeconds() - start
    let event = event(.ended(reason))
    for observer in observers { _ = try? observer.observe(event) }
    return position.history
  }

  /// Tells the observers that training has ended with an error.
  func failed() {
    let event = event(.ended(nil))
    for observer in observers { _ = try? observer.observe(event) }
  }
}
