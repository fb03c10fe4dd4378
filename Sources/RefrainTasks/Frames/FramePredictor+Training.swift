import Refrain
import RefrainData

extension FramePredictor {
  /// Learns from clips.
  static func trained(
    on clips: FrameClips, _ configuration: FrameConfiguration, _ context: TrainingContext
  ) throws(TaskError) -> FramePredictor {
    let plan = try plan(for: clips, configuration, context)
    try context.regularization.requireNoRecurrent("the layers of a frame predictor are convolutional")
    let changes = try context.regularization.augmentations(for: Self.self)
    let (learned, aside) = split(clips, plan)
    guard !learned.isEmpty else {
      throw TaskError(
        "no clip has \(plan.context + plan.horizon) frames, \(plan.context) to be seen and \(plan.horizon) to follow",
        remedy: "ask for fewer")
    }
    func examples(_ windows: [FrameWindows.Window]) -> FrameWindows {
      FrameWindows(clips: clips, windows: windows, context: plan.context, horizon: plan.horizon)
    }
    var report = FrameReport(
      clips: clips.lengths.count, windows: learned.count, heldOut: aside.count, notes: clips.notes)
    var generator = RandomGenerator(seed: plan.seed)
    var network = FrameNetwork(plan, using: &generator)
    var optimizer = Adam(learningRate: plan.learningRate)
    let loss = Loss.binaryCrossEntropy
    let trainer = Trainer(
      epochs: plan.epochs, seed: plan.seed, schedule: .oneCycle(), clipping: .globalNorm(1),
      observers: [ContextProgress(context: context, share: 0..<0.95)], shouldStop: context.shouldStop)
    let history: History
    do throws(TrainingError) {
      let unfinished = report
      history = try context.train(trainer, &network, optimizer: &optimizer) { network in
        var report = unfinished
        report.isComplete = false
        return FramePredictor(plan: plan, frameNetwork: network, report: report)
      } fit: { trainer, network, optimizer, state throws(TrainingError) in
        try trainer.fit(
          &network, optimizer: &optimizer,
          source: LengthBatches(examples(learned), size: plan.batchSize, pool: 1, seed: plan.seed), resuming: state
        ) { network, batch in
          let seen = changes.whileTraining(StepValues(batch.input)) { $0.changed(frames: $1, using: &$2) }
          return loss(network.logits(seen.values, steps: plan.horizon), batch.target)
        }
      }
    } catch {
      throw TaskError(error, remedy: "choose another seed, or a lower learning rate")
    }
    guard !history.epochs.isEmpty else {
      throw TaskError("training was stopped before there was a result", remedy: "let it go through the clips once")
    }
    report.epochs = history.epochs.count
    report.isComplete = history.stopReason != .cancelled
    let predictor = FramePredictor(plan: plan, frameNetwork: network, report: report)
    if !aside.isEmpty {
      context.progress?(0.95, "measuring on \(aside.count) parts kept aside")
      do throws(TrainingError) {
        report.evaluation = SavedEvaluation(try predictor.measured(clips, windows: aside).evaluation)
      } catch {
        throw TaskError(error.description)
      }
    }
    return FramePredictor(plan: plan, frameNetwork: network, report: report)
  }

  /// What is not decided by the user, from the clips.
  private static func plan(
    for clips: FrameClips, _ configuration: FrameConfiguration, _ training: TrainingContext
  ) throws(TaskError) -> FramePlan {
    let longest = clips.lengths.max() ?? 0
    guard longest >= 2 else {
      throw TaskError("the clips have one frame each, and nothing follows it", remedy: "name clips of several frames")
    }
    let context = configuration.context ?? max(1, min(10, longest - (configuration.horizon ?? min(10, longest / 2))))
    let horizon = configuration.horizon ?? max(1, min(10, longest - context))
    let side = min(clips.size[0], clips.size[1])
    // Places of a grid of about sixteen by sixteen.
    let fitting = [2, 4, 8, 16, 32].last { size in side / size >= 12 }
    let patch = configuration.patch ?? fitting ?? 1
    let windows = clips.lengths.reduce(0) { sum, length in
      let starts = max(0, length - context - horizon + 1)
      return sum + starts / stride(horizon) + 1
    }
    var format = configuration.format
    (format.rows, format.columns, format.isGray) = (clips.size[0], clips.size[1], clips.size[2] == 1)
    var plan = FramePlan(
      format: format, rows: clips.size[0], columns: clips.size[1], channels: clips.size[2], context: context,
      horizon: horizon, patch: patch, filters: configuration.hidden ?? 32, layers: configuration.layers ?? 2,
      kernel: configuration.kernel ?? 3,
      // About six thousand examples seen.
      epochs: configuration.epochs ?? max(2, min(100, 6000 / max(1, windows))),
      batchSize: max(1, min(8, windows / 8)), learningRate: 3e-3, seed: configuration.seed)
    if let fault = plan.fault { throw TaskError("a frame predictor cannot be made so: \(fault)") }
    let room = MemoryBudget.current.left
    let fit = BatchFit(usual: plan.batchSize, examples: windows, budget: room) { [bytes = plan.exampleBytes] size in
      bytes.multipliedReportingOverflow(by: size).overflow ? .max : bytes * size
    }
    switch configuration.batchSize {
    case nil: plan.batchSize = fit.largest(atMost: plan.batchSize) ?? 1
    case .count(let size):
      plan.batchSize = fit.largest(atMost: size) ?? 1
      if let problem = fit.problem(size) { training.warn?("\(problem); \(plan.batchSize) is taken.") }
    case .fitting: plan.batchSize = try training.fitting { () throws(TaskError) in fit }
    }
    guard plan.exampleBytes < 4 * room else {
      throw TaskError(
        "one clip of \(clips.size[1]) × \(clips.size[0]) would take \(memoryText(plan.exampleBytes)) to learn from",
        remedy: "bring the frames to a smaller size, or take larger patches")
    }
    return plan
  }

  /// From one part of a clip to the next.
  private static func stride(_ horizon: Int) -> Int { max(1, horizon / 2) }

  /// The parts to learn from, and those that are kept aside: a tenth of the clips, at most 100; of few clips the last
  /// part of each that has several, and none that overlaps it.
  private static func split(
    _ clips: FrameClips, _ plan: FramePlan
  ) -> (learned: [FrameWindows.Window], aside: [FrameWindows.Window]) {
    let size = plan.context + plan.horizon
    func windows(_ clip: Int, below end: Int) -> [FrameWindows.Window] {
      Swift.stride(from: 0, through: end - size, by: stride(plan.horizon)).map { .init(clip: clip, start: $0) }
    }
    let usable = clips.lengths.indices.filter { clips.lengths[$0] >= size }
    var (learned, aside): ([FrameWindows.Window], [FrameWindows.Window]) = ([], [])
    if usable.count >= 10 {
      var generator = RandomGenerator(seed: plan.seed ^ 0x5EED_0F_5911)
      let chosen = Set(generator.permutation(usable.count).prefix(min(100, usable.count / 10)).map { usable[$0] })
      for clip in usable {
        let length = clips.lengths[clip]
        if chosen.contains(clip) {
          aside.append(.init(clip: clip, start: 0))
        } else {
          learned += windows(clip, below: length)
        }
      }
    } else {
      for clip in usable {
        let length = clips.lengths[clip]
        if length >= 3 * size {
          aside.append(.init(clip: clip, start: length - size))
          learned += windows(clip, below: length - size)
        } else {
          learned += windows(clip, below: length)
        }
      }
    }
    return (learned, aside)
  }
}
