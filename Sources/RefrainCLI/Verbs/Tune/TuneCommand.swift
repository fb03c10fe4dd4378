import ArgumentParser
import Refrain
import RefrainData
import RefrainFoundation
import RefrainTasks
import RefrainTuning

/// `refrain tune TASK FILE… --trials N`: searches for the options with which a task does best.
struct TuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune",
    abstract: "Search for the options with which a task does best.",
    usage: "refrain tune TASK FILE… [--trials N] [--time-limit T] [--save MODEL] [options]",
    discussion: """
      Trains with options chosen by what was seen before, ends hopeless trials early, and trains the best once more to \
      save it. Every trial is kept in a file: a search that was killed goes on, and several processes of \
      one machine may share one. With --repeats the best three are trained with further seeds, and the best by the \
      mean wins.

      Examples:

        refrain tune forecast sales.csv --trials 30 --save sales.model
        refrain tune forecast sales.csv --time-limit 1h --space space.json --study sales.study --html search.html
        refrain tune classify reviews.csv --target label --trials 20 --save reviews.model
        mpirun -n 4 refrain tune forecast sales.csv --trials 60 --save sales.model

      A space is JSON: {"hidden": {"from": 16, "to": 128, "log": true}, "cell": ["lstm", "gru"]}.

      Exit status: 0 when all is well, 64 for flags that make no sense, \
      \(CommandFailure.fileStatuses), 130 after Ctrl-C and 143 after SIGTERM (give the same command to go on).
      """,
    subcommands: Tasks.all.map { command(for: $0) })

  private static func command<Task: TaskModel>(for task: Task.Type) -> any ParsableCommand.Type { TuneTask<Task>.self }
}

/// What a search is told.
struct TuningFlags: ParsableArguments {
  @Option(parsing: .unconditional, help: ArgumentHelp("How many trials in all.", valueName: "n"))
  var trials = 20

  @Option(
    help: ArgumentHelp("How long the search takes at most: 90s, 10m, 2h.", valueName: "time"),
    transform: SearchTime.init(text:))
  var timeLimit: SearchTime?

  @Option(
    help: ArgumentHelp(
      "What is searched, as JSON. (default: cell, hidden, layers, dropout, learning-rate, what the task has of them)",
      valueName: "file"),
    completion: .file())
  var space: String?

  @Option(
    help: ArgumentHelp("Where trials are kept, to go on and to share. (default: TASK.study)", valueName: "file"),
    completion: .file())
  var study: String?

  @Option(help: ArgumentHelp("How the next trial is chosen: tpe or random.", valueName: "sampler"))
  var by = SamplerName.tpe

  @Option(help: ArgumentHelp("The measure that decides. (default: the task's first)", valueName: "measure"))
  var measure: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      How many times in all the three best are trained, with another seed each time; the best by the mean is taken. \
      (default: 1, by the one result)
      """, valueName: "n"))
  var repeats = 1

  @Flag(help: "Let every trial go to its end.")
  var noPruning = false

  @Option(
    help: ArgumentHelp("Write a page to look at in a browser to this file.", valueName: "file"), completion: .file())
  var html: String?

  func validate() throws {
    try check("--trials", trials, within: 1...100_000)
    try check("--repeats", repeats, within: 1...1000)
  }
}

/// How the next trial is chosen.
enum SamplerName: String, CaseIterable, ExpressibleByArgument {
  case tpe, random
}

/// A time as people write it.
struct SearchTime {
  let seconds: Double

  init(text: String) throws {
    guard case .seconds(let seconds) = CheckpointInterval(argument: text)?.interval else {
      throw ValidationError("write a number and a unit, such as 90s, 10m or 2h")
    }
    self.seconds = seconds
  }
}

/// The search for options of one task.
struct TuneTask<Task: TaskModel>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: Task.name, abstract: "Search for options: \(Task.purpose)",
      usage: "refrain tune \(Task.name) FILE… [--trials N] [--save MODEL] [options]")
  }

  @Argument(help: "What to learn from.", completion: .file())
  var files: [String] = []

  @OptionGroup(title: "Search") var search: TuningFlags
  @OptionGroup(title: "Task") var task: OptionFlags<Task.Configuration>
  @OptionGroup(title: "Network and training") var network: NetworkFlags<Task.Configuration>
  @OptionGroup(title: "Regularization") var regularization: OptionFlags<TaskRegularization<Task>>

  @Option(
    help: ArgumentHelp("Train the best once more and write it to this file.", valueName: "model"), completion: .file())
  var save: String?

  @OptionGroup(title: "Results") var results: ResultOptions

  private var studyPath: String { search.study ?? Task.name + ".study" }

  private var outputs: OutputFiles {
    OutputFiles(
      written: [
        ("--save", save), ("--html", search.html), ("--output", results.output), ("--study", studyPath),
      ],
      read: [("--space", search.space)] + files.map { ("FILE", $0) })
  }

  func validate() throws {
    guard Task.measuresTraining else {
      throw ValidationError(
        "A training of \(Task.name) measures nothing that a search could go by: compare models with 'refrain evaluate'."
      )
    }
    do throws(MeasureError) { try MeasureError.check(search.measure, for: Task.self) } catch { throw error.ofFlag }
    try outputs.validate()
    if !Task.savesTraining, let flag = regularization.flags().first {
      throw ValidationError("\(flag) does nothing for the task \(Task.name); leave it out.")
    }
    try regularization.check()
    if files.isEmpty { throw ValidationError("There is nothing to learn from: name a file.") }
    if files.contains("-") {
      throw ValidationError("A search reads its files again when it goes on: name a file, not -.")
    }
  }

  mutating func run() throws {
    // mpirun's processes share the study; one of them speaks, and trains the best.
    if !Processes.isFirstStarted { results.running.quiet = true }
    let command = self
    try command.task.naming(command.tune)
  }

  private func tune() throws {
    try outputs.checkWritable()
    results.apply()
    var configuration = try task.table()
    try configuration.choose(network.options)
    let examples = try Task.examples(from: DataSource(paths: files), configuration)
    let space = try space()
    let isNew = !FileManager.default.fileExists(atPath: studyPath)
    let study = try study(configuration, space)
    var plan = Tuner<Task>.Plan()
    (plan.trials, plan.seconds, plan.measure) = (search.trials, search.timeLimit?.seconds, search.measure)
    if search.by == .random { plan.sampler = RandomSampler() }
    if search.noPruning { plan.halving = nil }
    plan.repeats = search.repeats
    var tuner = Tuner<Task>(
      space, in: study, plan: plan, seed: network.seed ?? 0, examples: examples, fixed: task.given,
      shared: network.options, regularization: regularization.given)
    let running = results.running
    tuner.say = { running.note($0) }
    tuner.shouldStop = { Interruption.isRequested }
    let best: Study.Trial?
    do { best = try Interruption.listening { try tuner.run() } } catch let error as MeasureError {
      // Nothing was found that would be worth keeping.
      if isNew { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: studyPath + end) } }
      throw error.ofFlag
    }
    guard Processes.isFirstStarted else { return }
    let stopped = Interruption.isRequested
    let report = TuningReport(
      task: Task.name, space: space, trials: try study.trials(), measure: try tuner.measure(), repeats: search.repeats,
      givenChanges: tuner.givenChanges)
    if let html = search.html { try writeAtomically(TuningPage(report).text, to: html) }
    var isComplete = true
    if let best, let save, !stopped {
      let mean = report.ranking.isDecided(report.trials) ? " by the mean of \(search.repeats) seeds" : ""
      let whole = try tuner.refits(best) ? ", and then on all examples for as many epochs as were best" : ""
      running.note("The best\(mean) is trial \(best.number); it is trained once more\(whole).")
      let model = try running.training { progress in
        try tuner.train(best, TrainingContext(progress: progress, shouldStop: { Interruption.isRequested }))
      }
      // A signal that came too late to be obeyed changed nothing.
      isComplete = model.isComplete || !Interruption.isRequested
      try model.save(to: save)
      running.note("The model is in \(save).")
    }
    try results.write("The trials are") { TuningTable(report).text(as: results.format, for: $0) }
    if stopped { throw CommandFailure.interrupted("the search was interrupted; the same command goes on") }
    if !isComplete {
      throw CommandFailure.interrupted("the last training was interrupted; the model is the best until then")
    }
    if best == nil {
      throw CommandFailure.badData("no trial was finished: give more --time-limit, or look at --no-pruning")
    }
  }

  private func space() throws -> SearchSpace {
    let space: SearchSpace
    if let path = search.space {
      space = try SearchSpace(json: readFile(path), file: path)
      try space.check(for: Task.self, file: path)
    } else {
      space = .standard(for: Task.self, given: network.options, fixed: task.given)
    }
    let given = Set(task.flags() + network.given + regularization.flags())
    // 'augment.noise' is searched for beside what else is given with --augment.
    if let twice = space.parameters.first(where: { given.contains("--" + $0.name) }) {
      throw ValidationError("--\(twice.name) is given, and is searched for: leave out one of them.")
    }
    let changes = try regularization.table().values.augmentations?.all.map(\.kind.rawValue) ?? []
    if let twice = changes.first(where: { kind in space.parameters.contains { $0.name == "augment.\(kind)" } }) {
      throw ValidationError("--augment gives \(twice), and its amount is searched for: leave out one of them.")
    }
    guard !space.parameters.isEmpty else {
      throw ValidationError("There is nothing to search for: give a space with --space.")
    }
    return space
  }

  private func study(_ configuration: Task.Configuration, _ space: SearchSpace) throws -> Study {
    let data = try (files + task.files).map { "\($0): \(try SavedCommand.fingerprint(of: $0))" }.joined(separator: ", ")
    var options = try JSON(encoding: configuration).line
    // Left out where nothing was asked for, as in studies of before.
    let held = try regularization.table().values
    if held != RegularizationOptions() { options += " " + (try JSON(encoding: held).line) }
    return try Study(
      studyPath,
      Study.Description(
        identity: "\(Task.name) \(options) \(data)", measure: search.measure ?? "",
        seed: network.seed ?? 0, space: space.text))
  }
}

extension MeasureError {
  /// The error as one of the flag's.
  fileprivate var ofFlag: ValidationError {
    ValidationError("--measure \(name.sanitized) \(problem)" + (problem.hasSuffix("?") ? "" : "."))
  }
}
