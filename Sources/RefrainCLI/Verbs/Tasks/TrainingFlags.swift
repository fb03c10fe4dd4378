import ArgumentParser
import Refrain
import RefrainData
import RefrainFoundation
import RefrainTasks

/// The flags that say what goes on around a training: where it is saved, who watches it.
struct TrainingFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Save the training to this folder now and then, so that it goes on after a crash with --resume.",
      valueName: "folder"),
    completion: .directory)
  var checkpoint: String?

  @Option(
    help: ArgumentHelp(
      """
      With --checkpoint, how often it is saved: 30s, 5m, 2h, 500steps, 1epoch (default: 5m). Without, for a forecast, \
      the step of time over which rows are brought together: 15min, 1h, 1d, 1w, 1mo.
      """,
      valueName: "interval"))
  var every: String?

  @Option(
    help: ArgumentHelp(
      "After which time the training ends with what it has: 90s, 10m, 2h. (default: it takes its time)",
      valueName: "time"), transform: SearchTime.init(text:))
  var timeLimit: SearchTime?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("How many of the last saved are kept. (default: 3)", valueName: "n"))
  var keep: Int?

  @Option(
    help: ArgumentHelp(
      "Go on with the training that is saved in this folder; 'refrain train --resume FOLDER' repeats the other arguments.",
      valueName: "folder"),
    completion: .directory)
  var resume: String?

  @Option(
    help: ArgumentHelp("Write the course of the training to this file: .csv, or .jsonl.", valueName: "file"),
    completion: .file())
  var log: String?

  @Option(
    help: ArgumentHelp("Write the course of the training for TensorBoard to this folder.", valueName: "folder"),
    completion: .directory)
  var tensorboard: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("The learning rate. (default: by the task)", valueName: "rate"))
  var learningRate: Float?

  @Flag(help: "Try learning rates, show the loss over them, and train nothing.")
  var findRate = false

  @Option(
    help: ArgumentHelp(
      "Give the mean of the weights along the way: a decay such as 0.999, or epochs:5 for that from epoch 5 on.",
      valueName: "mean"))
  var averageWeights: AverageOption?

  func validate() throws {
    try check("--keep", keep, within: 1...1_000_000)
    if let rate = learningRate, !(rate > 0 && rate.isFinite) {
      throw ValidationError("--learning-rate must be a positive number, not \(rate).")
    }
    if checkpoint != nil, resume != nil {
      throw ValidationError("--checkpoint begins and --resume goes on: give one of them.")
    }
    if checkpoint != nil || resume != nil, let every, CheckpointInterval(argument: every) == nil {
      throw ValidationError(
        "--every takes 30s, 5m, 2h, 500steps or 1epoch beside --checkpoint, not '\(every.sanitized)'.")
    }
    if checkpoint == nil, resume == nil {
      if keep != nil { throw ValidationError("--keep needs --checkpoint, the folder to save to.") }
    }
    if findRate, checkpoint != nil || resume != nil {
      throw ValidationError("--find-rate trains nothing that could be saved: leave out --checkpoint and --resume.")
    }
    if let log, logFormat == nil {
      throw ValidationError("--log writes .csv or .jsonl, and '\(log.sanitized)' ends in neither.")
    }
  }

  /// The flags that were given.
  var given: [String] {
    let flags: [(String, Bool)] = [
      ("--checkpoint", checkpoint != nil), ("--resume", resume != nil), ("--log", log != nil),
      ("--tensorboard", tensorboard != nil), ("--learning-rate", learningRate != nil), ("--find-rate", findRate),
      ("--average-weights", averageWeights != nil), ("--time-limit", timeLimit != nil),
    ]
    return flags.filter(\.1).map(\.0)
  }

  /// The form of the log.
  var logFormat: TrainingLog.Format? {
    guard let log else { return nil }
    return log.lowercased().hasSuffix(".csv") ? .csv : log.lowercased().hasSuffix(".jsonl") ? .jsonLines : nil
  }

  /// The folder of checkpoints; it is made where training begins.
  func folder() throws(DataError) -> CheckpointFolder? {
    guard let path = checkpoint ?? resume else { return nil }
    let folder = CheckpointFolder(
      path, every: every.flatMap { CheckpointInterval(argument: $0) }?.interval ?? .seconds(300), keeping: keep ?? 3,
      resumes: resume != nil)
    // Of several processes one writes for all.
    if checkpoint != nil, Processes.isFirst {
      do {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      } catch {
        throw DataError(
          .unwritableFile, file: path, "the folder for checkpoints cannot be made", remedy: "choose another place")
      }
      guard !folder.holdsTraining else {
        throw DataError(
          .wrongInput, file: path, "there is a training in this folder already",
          remedy: "go on with it with --resume, or name another folder")
      }
    }
    return folder
  }

  /// What goes on around the training.
  ///
  /// - Parameters:
  ///   - course: Takes the course of each stage.
  ///   - note: Says what is no result.
  func context(
    _ course: TrainingCourse, settings: String, note: @escaping @Sendable (String) -> Void
  ) throws(DataError) -> TrainingContext {
    // All processes hear a signal, and not at the same moment: the first one tells the others.
    var context = TrainingContext(shouldStop: { Processes.isFirst && Interruption.isRequested })
    context.warn = note
    context.timeLimit = timeLimit?.seconds
    context.group = Processes.group
    context.checkpoints = try folder()
    context.learningRate = learningRate
    context.averaging = averageWeights?.averaging
    context.resumed = { course.add($0, $1) }
    if findRate { context.rateSearch = RateSearch() }
    if let log, resume == nil, Processes.isFirst { try writeAtomically("", to: log) }
    let recorders = recorders(settings: settings, note: note)
    context.observers = { stage in
      [course.observer(of: stage), TrainingAdvice { note($0.description) }] + recorders(stage)
    }
    return context
  }

  /// What writes the course of a stage of training to files.
  func recorders(
    settings: String, note: @escaping @Sendable (String) -> Void
  ) -> @Sendable (_ stage: String) -> [any TrainingObserver] {
    let (log, format, board) = (log, logFormat, tensorboard)
    return { stage in
      var observers: [any TrainingObserver] = []
      if let log, let format { observers.append(TrainingLog(log, format: format, stage: stage, warn: note)) }
      if let board {
        observers.append(TensorBoard(board + "/" + stage, notes: [("settings", settings)], warn: note))
      }
      return observers
    }
  }
}

/// The flag that measures by folds, of a task whose examples can be divided.
struct FoldFlags<Task: TaskModel>: ParsableArguments {
  // Where it does nothing it is not in the help, and refused in words of its own.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      Divide the examples into so many parts, train on all but one and measure on it, for each in turn; then train on \
      all, where there is --save.
      """, valueName: "n", visibility: Task.dividesExamples ? .default : .hidden))
  var folds: Int?

  func validate() throws {
    if folds != nil, !Task.dividesExamples {
      let other = Task.self is Forecaster.Type ? "; --backtest measures a forecaster" : ""
      throw ValidationError("--folds: the examples of the task \(Task.name) cannot be divided\(other).")
    }
    try check("--folds", folds, within: 2...1000)
  }
}

/// How often a training is saved, as people write it.
struct CheckpointInterval: ExpressibleByArgument {
  let interval: CheckpointFolder.Interval

  init?(argument: String) {
    let text = argument.lowercased()
    let digits = text.prefix { $0.isNumber || $0 == "." }
    let unit = text.dropFirst(digits.count).trimmed
    guard let number = Double(digits), number > 0, number < 1e12 else { return nil }
    let seconds = ["s": 1.0, "m": 60, "min": 60, "h": 3600]
    if let second = seconds[unit] {
      interval = .seconds(number * second)
    } else if let count = Int(exactly: number), ["steps", "step"].contains(unit) {
      interval = .steps(count)
    } else if let count = Int(exactly: number), ["epochs", "epoch"].contains(unit) {
      interval = .epochs(count)
    } else {
      return nil
    }
  }
}

/// What mean of the weights is the result, as people write it.
struct AverageOption: ExpressibleByArgument {
  let averaging: WeightAveraging
  /// As it was written.
  let text: String

  init?(argument: String) {
    text = argument
    if argument.hasPrefix("epochs:"), let first = Int(argument.dropFirst(7)), (1...1_000_000).contains(first) {
      averaging = .uniform(fromEpoch: first)
    } else if let decay = Float(argument), decay > 0, decay < 1 {
      averaging = .exponential(decay: decay)
    } else {
      return nil
    }
  }
}
