import ArgumentParser
import Refrain
import RefrainData
import RefrainTasks

/// `refrain train TASK FILE… --save MODEL`: learns from files, says how well, and saves what was learned.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a model for a task.",
    usage: "refrain train TASK FILE… --save MODEL [options]",
    discussion: """
      Reads the files, checks them, trains, says how good the model is on what training kept aside, and saves it. What \
      else a task takes is said by its own help.

      Examples:

        refrain train forecast sales.csv --target revenue --save sales.model
        refrain train forecast sales.csv --save sales.model --checkpoint saved --every 1m
        refrain train --resume saved
        refrain train classify reviews.csv --target label --save reviews.model
        refrain train transcribe recordings.csv --save speech.model
        refrain train forecast --help

      Exit status: 0 when all is well, 64 for flags that make no sense, \
      \(CommandFailure.fileStatuses), 130 after Ctrl-C and 143 after SIGTERM (the first saves the best result so far, \
      the second quits at once).
      """,
    subcommands: Tasks.all.map { command(for: $0) })

  private static func command<Task: TaskModel>(for task: Task.Type) -> any ParsableCommand.Type { TrainTask<Task>.self }
}

/// The training of one task.
struct TrainTask<Task: TaskModel>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: Task.name, abstract: Task.purpose, usage: "refrain train \(Task.name) FILE… --save MODEL [options]")
  }

  @Argument(help: "What to learn from; - is standard input.", completion: .file())
  var files: [String] = []

  @OptionGroup(title: "Task") var task: OptionFlags<Task.Configuration>
  @OptionGroup(title: "Network and training") var network: NetworkFlags<Task.Configuration>
  @OptionGroup(title: "Regularization") var regularization: OptionFlags<TaskRegularization<Task>>

  @Option(help: ArgumentHelp("Write the trained model to this file.", valueName: "model"), completion: .file())
  var save: String?

  @OptionGroup(title: "Around the training") var around: TrainingFlags
  @OptionGroup(title: "Around the training") var division: FoldFlags<Task>
  @OptionGroup(title: "Results") var results: ResultOptions

  private var outputs: OutputFiles {
    OutputFiles(
      written: [("--save", save), ("--log", around.log), ("--output", results.output)],
      read: files.filter { $0 != "-" }.map { ("FILE", $0) })
  }

  func validate() throws {
    try outputs.validate()
    if files.isEmpty {
      throw ValidationError("There is nothing to learn from: name a file, or - for what is piped in.")
    }
    if save == nil, !around.findRate, division.folds == nil {
      throw ValidationError("Name the file for the trained model with --save.")
    }
    if division.folds != nil, around.checkpoint != nil || around.resume != nil || around.findRate {
      throw ValidationError("--folds trains many models: leave out --checkpoint, --resume and --find-rate.")
    }
    if !Task.savesTraining, let flag = (around.given + regularization.flags()).first {
      throw ValidationError("\(flag) does nothing for the task \(Task.name); leave it out.")
    }
    try regularization.check()
    if (files + task.files).contains("-"), let flag = ["--checkpoint", "--resume"].first(where: around.given.contains) {
      throw ValidationError("With \(flag) a training reads its files again when it goes on: name a file, not -.")
    }
  }

  mutating func run() throws {
    try Processes.join(for: around)
    // Of several processes one speaks and writes for all.
    if !Processes.isFirst { results.running.quiet = true }
    if Processes.group != nil, (files + task.files).contains("-") {
      throw ValidationError("Several processes read the files each: name a file, not -.")
    }
    let command = self
    try command.task.naming(command.train)
  }

  private func train() throws {
    if Processes.isFirst { try outputs.checkWritable() }
    results.apply()
    Processes.introduce { results.running.note($0) }
    var configuration = try task.table()
    try configuration.choose(network.options)
    if let every = around.every, around.checkpoint == nil, around.resume == nil {
      do throws(OptionError) { try configuration.choose(every: every) } catch { throw error.ofFlag }
    }
    let examples = try Task.examples(from: DataSource(paths: files), configuration)
    let course = TrainingCourse(comparesLosses: Task.validatesByLoss)
    let running = results.running
    let settings = try settings(configuration)
    var context = try around.context(course, settings: settings) { running.note($0) }
    // A forecaster shares its time out to its stages; others are simply stopped.
    if let seconds = context.timeLimit, !(Task.self is Forecaster.Type) {
      let (end, other) = (ContinuousClock.now + .seconds(seconds), context.shouldStop)
      context.shouldStop = { other() || ContinuousClock.now >= end }
    }
    context.regularization = try regularization.table().values
    if context.checkpoints != nil, Processes.isFirst {
      try SavedCommand(configuration, context.regularization, around: around, files: files + task.files).keep(around)
    }
    let told = results.running.notes(of: examples, for: Task.self)
    if let search = context.rateSearch { return try report(search, on: examples, configuration, context) }
    let folds = try folded(examples, configuration, context, settings: settings)
    guard let save, folds?.isComplete ?? true else {
      guard let folds else { return }
      try report(folds)
      guard !folds.isComplete else { return }
      let done = "\(folds.parts.count) of \(folds.count) folds were measured"
      if Interruption.isRequested { throw CommandFailure.interrupted("the training was interrupted: \(done)") }
      if save != nil { throw CommandFailure.badData("the time was over: \(done), and no model was trained") }
      return
    }
    let model: Task
    do { model = try trained(on: examples, configuration, context) } catch {
      // What the folds have shown is true all the same.
      if let folds { try report(folds) }
      throw error
    }
    guard Processes.isFirst else { return }
    try model.save(to: save)
    results.running.note("The model is in \(save).")
    // A file of the report holds the notes, wherever else they stood.
    let report = TrainingSummary(
      model, file: save, course: course, folds: folds, told: results.output == nil ? told : [])
    try results.write("The report is") { try report.text(as: results.format, for: $0) }
    // A signal that came too late to be obeyed changed nothing.
    if Interruption.isRequested && !model.isComplete {
      throw CommandFailure.interrupted("the training was interrupted; the model is the best until then")
    }
  }

  private func trained(
    on examples: Task.Examples, _ configuration: Task.Configuration, _ context: TrainingContext
  ) throws -> Task {
    try results.running.training { progress in
      var context = context
      context.progress = progress
      return try Task.train(on: examples, configuration, context)
    }
  }

  /// The measures by folds, where these are asked for.
  private func folded(
    _ examples: Task.Examples, _ configuration: Task.Configuration, _ context: TrainingContext, settings: String
  ) throws -> FoldEvaluation? {
    guard let count = division.folds else { return nil }
    let running = results.running
    return try running.training { progress in
      // The report's course is that of the training on all examples; logs hold both, each stage under its name.
      var own = TrainingContext(progress: progress, shouldStop: context.shouldStop)
      own.warn = context.warn
      (own.learningRate, own.averaging) = (context.learningRate, context.averaging)
      own.regularization = context.regularization
      own.observers = around.recorders(settings: settings) { running.note($0) }
      return try FoldEvaluation.run(Task.self, on: examples, folds: count, configuration, own)
    }
  }

  private func report(_ folds: FoldEvaluation) throws {
    guard Processes.isFirst else { return }
    try results.write("The measures are") { try FoldReport(Task.name, folds).text(as: results.format, for: $0) }
  }

  /// Tries learning rates: the task ends with an error after that, which is not one where there is a result.
  private func report(
    _ search: RateSearch, on examples: Task.Examples, _ configuration: Task.Configuration, _ context: TrainingContext
  ) throws {
    do { _ = try trained(on: examples, configuration, context) } catch {
      guard search.result != nil else { throw error }
    }
    guard let result = search.result else {
      throw CommandFailure.badData("nothing was trained, so that no learning rate was tried")
    }
    guard Processes.isFirst else { return }
    try results.write("The rates are") { RateReport(result).text(as: results.format, for: $0) }
  }

  /// The options as a list in Markdown.
  private func settings(_ configuration: Task.Configuration) throws -> String {
    let lines = try JSON(encoding: configuration).text().split(separator: "\n").map { "    " + $0 }
    return (["refrain train \(Task.name) \(files.joined(separator: " "))", ""] + lines).joined(separator: "\n")
  }
}
