import ArgumentParser
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
        refrain train forecast --help

      Exit status: 0 when all is well, 64 for flags that make no sense, 65 for a file that cannot be used, 130 after \
      Ctrl-C (the first saves the best result so far, the second quits at once).
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
  @OptionGroup(title: "Network and training") var network: NetworkFlags

  @Option(help: ArgumentHelp("Write the trained model to this file.", valueName: "model"), completion: .file())
  var save: String

  @OptionGroup(title: "Results") var results: ResultOptions

  private var outputs: OutputFiles {
    OutputFiles(
      written: [("--save", save), ("--output", results.output)], read: files.filter { $0 != "-" }.map { ("FILE", $0) })
  }

  func validate() throws {
    try outputs.validate()
    if files.isEmpty {
      throw ValidationError("There is nothing to learn from: name a file, or - for what is piped in.")
    }
  }

  func run() throws { try task.naming(train) }

  private func train() throws {
    try outputs.checkWritable()
    results.running.apply()
    var configuration = try task.table()
    try configuration.choose(network.options)
    let model = try trained(on: Task.examples(from: DataSource(paths: files), configuration), configuration)
    try model.save(to: save)
    results.running.note("The model is in \(save).")
    let report = TrainingSummary(model, file: save)
    try results.write("The report is") { try report.text(as: results.format, for: $0) }
    // Ctrl-C that came too late to be obeyed changed nothing.
    if Interruption.isRequested && !model.isComplete {
      throw CommandFailure.interrupted("the training was interrupted; the model is the best until then")
    }
  }

  private func trained(on examples: Task.Examples, _ configuration: Task.Configuration) throws -> Task {
    try results.running.training { progress in
      try Task.train(
        on: examples, configuration, TrainingContext(progress: progress, shouldStop: { Interruption.isRequested }))
    }
  }
}
