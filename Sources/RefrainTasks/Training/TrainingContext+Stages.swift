import Refrain
import RefrainData
import RefrainFoundation
import Synchronization

extension TrainingContext {
  /// Trains, with everything around it that whoever trains the task asked for: checkpoints to go on from, observers, an
  /// average of the weights, another learning rate. A task puts it around each of its calls of `Trainer.fit`:
  ///
  ///     let history = try context.train(trainer, &network, optimizer: &optimizer) { network in
  ///       MyTask(configuration, network, isComplete: false)
  ///     } fit: { trainer, network, optimizer, state throws(TrainingError) in
  ///       try trainer.fit(&network, optimizer: &optimizer, source: batches, resuming: state, loss: loss)
  ///     }
  ///
  /// A training that goes on ends with the same bits as one that was never interrupted, where the task itself follows
  /// from its examples, configuration and seed. What a task finds out before and after the call is found out again.
  ///
  /// - Parameters:
  ///   - trainer: How the task trains; the task's own observers and exchanges stay.
  ///   - stage: A word for this training, where the task has several, such as `backtest`: letters and digits.
  ///   - model: What is learned.
  ///   - optimizer: What moves it.
  ///   - task: The trained task that there would be with these weights, which a checkpoint saves; nil where there can
  ///     be none yet.
  ///   - fit: Trains by the trainer it is given, from the state it is given.
  /// - Throws: What `fit` throws; `stateDoesNotFit` where a checkpoint is of another training or cannot be read.
  public func train<M: Module, O: Optimizer, Task: TaskModel>(
    _ trainer: Trainer, stage: String = "training", _ model: inout M, optimizer: inout O,
    task: @escaping (M) -> Task?,
    fit:
      (
        _ trainer: Trainer, _ model: inout M, _ optimizer: inout O, _ state: TrainingState<M>?
      ) throws(TrainingError) -> History
  ) throws(TrainingError) -> History {
    var trainer = trainer
    if let learningRate { optimizer.learningRate = learningRate }
    if let averaging { trainer.averaging = averaging }
    try regularization.apply(to: &trainer, for: model)
    trainer.group = group
    // The first process speaks and writes for all.
    let isFirst = group?.isFirst ?? true
    if let rateSearch {
      try rateSearch.run(trainer, model, optimizer) { trainer, model, optimizer throws(TrainingError) in
        try fit(trainer, &model, &optimizer, nil)
      }
    }
    let added = isFirst ? observers(stage) : []
    trainer.observers += added
    trainer.exchanges += added.compactMap { $0 as? any GradientExchange }
    guard let checkpoints else {
      let history = try fit(trainer, &model, &optimizer, nil)
      if isFirst { checkAveraging(history) }
      return history
    }

    var state: TrainingState<M>?
    var end: History?
    do throws(DataError) {
      if let saved = try newest(of: stage, in: checkpoints) {
        let found = try saved.state(model: model, optimizer: optimizer)
        (state, end) = (found, saved.history)
      }
    } catch {
      throw TrainingError(.stateDoesNotFit, "the training cannot go on: \(error)")
    }
    if let state, let end {
      let seed = state.position.seed
      guard seed == trainer.seed else {
        throw TrainingError(
          .stateDoesNotFit, "the training cannot go on: it was trained with the seed \(seed), not \(trainer.seed)")
      }
      model = state.model
      optimizer.state = state.optimizer
      // What is told of a training's course holds that of a stage that had ended, too.
      resumed?(stage, end)
      return end
    }

    guard isFirst else { return try fit(trainer, &model, &optimizer, state) }
    let saver = CheckpointSaver<M>(checkpoints, stage: stage, shouldStop: trainer.shouldStop, warn: warn) { model in
      guard let task = task(model) else { return nil }
      return try? task.modelFile()
    }
    trainer.observers.append(saver)
    trainer.shouldStop = { [flag = saver.flag] in flag.isRaised }
    let history = try fit(trainer, &model, &optimizer, state)
    if history.stopReason != .cancelled {
      saver.save(
        TrainingState(ended: model, optimizer: optimizer, seed: trainer.seed, history: history), ended: history)
    }
    checkAveraging(history)
    return history
  }

  /// Says so where training ended before any weights entered the mean that was asked for.
  private func checkAveraging(_ history: History) {
    let count = history.epochs.count
    guard let averaging, count > 0, !averaging.isBegun(afterEpoch: count) else { return }
    warn?("Training ended after \(count) epochs, before weights were averaged: the result is the weights themselves.")
  }
}

extension TrainingContext {
  /// The newest checkpoint of a stage. Of a group the first process reads it, and hands it to the others, whose
  /// machines may not have the folder.
  private func newest(of stage: String, in folder: CheckpointFolder) throws(DataError) -> Checkpoint? {
    guard let group, group.count > 1 else { return try folder.newest(of: stage, warn: warn) }
    var (found, own, failure): (Checkpoint?, [UInt8], DataError?) = (nil, [], nil)
    if group.isFirst {
      do throws(DataError) {
        found = try folder.newest(of: stage, warn: warn)
        own = try found?.file.bytes() ?? []
      } catch {
        failure = error
      }
    }
    let (hasFailed, bytes): (Bool, [UInt8])
    do throws(TrainingError) {
      // All hear of a failure before one of them gives up.
      hasFailed = try group.broadcast([failure == nil ? 0 : 1]) == [1]
      bytes = try group.broadcast(own)
    } catch {
      throw DataError(.wrongInput, file: folder.path, error.description)
    }
    if hasFailed {
      throw failure ?? DataError(.unreadableFile, file: folder.path, "the first process could not read the checkpoint")
    }
    if group.isFirst { return found }
    return bytes.isEmpty ? nil : try Checkpoint(bytes: bytes, path: folder.path)
  }
}

/// Saves a training now and then, and when it is to stop.
private final class CheckpointSaver<M: Module>: TrainingObserver {
  let flag = StopFlag()
  private let folder: CheckpointFolder
  private let stage: String
  private let shouldStop: @Sendable () -> Bool
  private let warn: (@Sendable (String) -> Void)?
  private let model: (M) -> SafeTensorsFile?
  private var lastSaved = ProcessInfo.processInfo.systemUptime
  private var lastStep = 0
  private var lastEpoch = 0
  private var savedStep: Int?

  init(
    _ folder: CheckpointFolder, stage: String, shouldStop: @escaping @Sendable () -> Bool,
    warn: (@Sendable (String) -> Void)?, model: @escaping (M) -> SafeTensorsFile?
  ) {
    self.folder = folder
    self.stage = stage
    self.shouldStop = shouldStop
    self.warn = warn
    self.model = model
  }

  func observe(_ event: TrainingEvent) -> TrainingDecision {
    switch event.kind {
    case .began: (lastStep, lastEpoch) = (event.state()?.position.step ?? 0, event.history.epochs.count)
    case .step, .epoch: break
    case .ended: return .proceed
    }
    // Training stops here and not before the next step, so that it is saved when it does.
    let stops = shouldStop()
    guard event.isResumable, stops || isDue(event), let state = event.state() as? TrainingState<M> else {
      return .proceed
    }
    if stops { flag.raise() }
    if savedStep != state.position.step || event.isEndOfEpoch { save(state) }
    return .proceed
  }

  private func isDue(_ event: TrainingEvent) -> Bool {
    switch (folder.every, event.kind) {
    case (_, .began), (_, .ended): false
    case (.seconds(let seconds), _): ProcessInfo.processInfo.systemUptime - lastSaved >= seconds
    case (.steps(let count), .step(let step)): step.step - lastStep >= count
    case (.epochs(let count), .epoch(let epoch)): epoch.number - lastEpoch >= count
    case (.steps, .epoch), (.epochs, .step): false
    }
  }

  /// Writes a checkpoint. One that cannot be written is no reason to lose the training: those before it stay.
  func save(_ state: TrainingState<M>, ended history: History? = nil) {
    (lastSaved, lastStep) = (ProcessInfo.processInfo.systemUptime, state.position.step)
    lastEpoch = state.position.history.epochs.count
    do throws(DataError) {
      let file = model(history == nil ? state.result : state.model)
      let checkpoint = try Checkpoint(of: state, model: file, stage: stage, ended: history)
      try folder.write(checkpoint, step: state.position.step)
      savedStep = state.position.step
    } catch {
      warn?("A checkpoint could not be written, and training goes on without it: \(error)")
    }
  }
}

extension TrainingEvent {
  fileprivate var isEndOfEpoch: Bool { if case .epoch = kind { true } else { false } }
}

/// Says, to whatever thread asks, that training stops.
private final class StopFlag: Sendable {
  private let value = Atomic(false)
  var isRaised: Bool { value.load(ordering: .relaxed) }
  func raise() { value.store(true, ordering: .relaxed) }
}
