import ArgumentParser
import RefrainData
import RefrainTasks

/// `refrain evaluate MODEL FILE…`: the field's measures for the task, beside trivial baselines.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure a trained model on files that it has not seen.",
    usage: "refrain evaluate MODEL FILE… [options]",
    discussion: """
      The model knows its task, and the task its measures. Each stands beside that of an answer that costs nothing. \
      What this one takes besides is said by 'refrain evaluate MODEL --help'.

      Examples:

        refrain evaluate sales.model newest-sales.csv
        refrain evaluate sales.model newest-sales.csv --format json

      Exit status: 0 when all is well, 64 for flags that make no sense, \
      \(CommandFailure.fileStatuses).
      """)

  @Argument(help: "A file that 'train' wrote.", completion: .file())
  var model: String

  @Argument(
    parsing: .allUnrecognized, help: "Examples with what is true of them; - is standard input.", completion: .file())
  var files: [String] = []

  @OptionGroup(title: "Results") var results: ResultOptions

  /// Only a model whose task is not known comes here: ``TaskVerb`` sees the others.
  func run() throws { try TaskVerb.refuse(model) }
}

/// The evaluation of a model of one task.
struct EvaluateTask<Task: TaskModel>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "evaluate", abstract: "Measure a model of the task \(Task.name).",
      usage: "refrain evaluate MODEL FILE… [options]")
  }

  @Argument(help: "A file that 'train' wrote.", completion: .file())
  var model: String

  @Argument(help: "Examples with what is true of them; - is standard input.", completion: .file())
  var files: [String] = []

  @OptionGroup(title: "Task") var task: OptionFlags<Task.Request>
  @OptionGroup(title: "Results") var results: ResultOptions

  private var outputs: OutputFiles {
    OutputFiles(
      written: [("--output", results.output)],
      read: [("MODEL", model)] + files.filter { $0 != "-" }.map { ("FILE", $0) })
  }

  func validate() throws {
    try outputs.validate()
    if files.isEmpty {
      throw ValidationError("There is nothing to measure by: name a file, or - for what is piped in.")
    }
  }

  func run() throws { try task.naming(measure) }

  private func measure() throws {
    try outputs.checkWritable()
    results.apply()
    let request = try task.table()
    let trained = try Task(contentsOf: model)
    let examples = try trained.examples(from: DataSource(paths: files), request)
    results.running.notes(of: examples, for: Task.self)
    let evaluation = try trained.evaluate(on: examples, request)
    try results.write("The measures are") { try EvaluationReport(evaluation).text(as: results.format, for: $0) }
  }
}
