import ArgumentParser
import Refrain
import RefrainData
import RefrainTasks

/// `refrain predict MODEL [FILE… | -]`: what a trained model answers.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Answer with a trained model.",
    usage: "refrain predict MODEL [FILE… | -] [options]",
    discussion: """
      The model knows its task. What this one takes besides is said by 'refrain predict MODEL --help'.

      Examples:

        refrain predict sales.model new-sales.csv --format json
        cat new-sales.csv | refrain predict sales.model - --format jsonl
        mpirun -n 4 refrain predict reviews.model many-reviews.csv --format csv

      Exit status: 0 when all is well, 64 for flags that make no sense, \
      \(CommandFailure.fileStatuses).
      """)

  @Argument(help: "A file that 'train' wrote.", completion: .file())
  var model: String

  @Argument(parsing: .allUnrecognized, help: "What to answer; - is standard input.", completion: .file())
  var files: [String] = []

  @OptionGroup(title: "Results") var results: ResultOptions

  /// Only a model whose task is not known comes here: ``TaskVerb`` sees the others.
  func run() throws { try TaskVerb.refuse(model) }
}

/// Prediction with a model of one task.
struct PredictTask<Task: TaskModel>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "predict", abstract: Task.purpose, usage: "refrain predict MODEL [FILE… | -] [options]")
  }

  @Argument(help: "A file that 'train' wrote.", completion: .file())
  var model: String

  @Argument(help: "What to answer; - is standard input.", completion: .file())
  var files: [String] = []

  @OptionGroup(title: "Task") var task: OptionFlags<Task.Request>
  @OptionGroup(title: "Results") var results: ResultOptions

  private var outputs: OutputFiles {
    OutputFiles(
      written: [("--output", results.output)],
      read: [("MODEL", model)] + files.filter { $0 != "-" }.map { ("FILE", $0) })
  }

  func validate() throws { try outputs.validate() }

  func run() throws {
    // Answers that are files themselves, such as the frames of a clip, where the name is one of such a file.
    let written = results.output.flatMap { path in
      (Task.Answer.self as? any FileAnswer.Type).flatMap { $0.isWritten(to: path) ? path : nil }
    }
    // Standard input is that of one process, and so are answers that are files.
    try Processes.joinToAnswer(
      written == nil && !(files + task.files).contains("-"), note: results.running.note)
    if let group = Processes.group { return try answer(with: group) }
    try task.naming { try answer(written: written) }
  }

  private func answer(written: String?) throws {
    let (trained, examples, request) = try read(checking: written == nil)
    // Of many answers their lines are less than they are.
    if written == nil, results.format == .jsonl {
      var lines = ""
      try trained.predictInParts(examples, request) { answers in
        lines += AnswerReport(try answers.map { try JSON(encoding: $0) }).text(as: .jsonl, for: .none)
      }
      return try results.write("The answers are") { _ in lines }
    }
    let answers = try trained.predict(examples, request)
    if let written {
      func write<Answer: FileAnswer>(_: Answer.Type) throws(DataError) {
        try Answer.write(answers.compactMap { $0 as? Answer }, to: written)
      }
      if let kind = Task.Answer.self as? any FileAnswer.Type { try write(kind) }
      return results.running.note("The answers are in \(written).")
    }
    try write(answers.map { try JSON(encoding: $0) })
  }

  /// The model, what it is to answer, and what is asked of it.
  ///
  /// - Parameter isChecking: Whether a place to write to is looked at before.
  private func read(
    checking isChecking: Bool
  ) throws -> (model: Task, examples: Task.Examples, request: Task.Request) {
    if isChecking { try outputs.checkWritable() }
    results.apply()
    let request = try task.table()
    let trained = try Task(contentsOf: model)
    let examples = try trained.examples(from: DataSource(paths: files), request)
    if Processes.isFirst { results.running.notes(of: examples, for: Task.self) }
    return (trained, examples, request)
  }

  /// Answers together with the processes that were started with this one, of which the first writes.
  private func answer(with group: any TrainingGroup) throws {
    let answers = try SharedAnswers(group: group, model: model).answers {
      try task.naming { try read(checking: group.isFirst) }
    } sharing: { work, share in
      try task.naming {
        try work.model.predict(work.examples, work.request, share: share)?.map { try JSON(encoding: $0) }
      }
    } alone: { work in
      try task.naming { try work.model.predict(work.examples, work.request).map { try JSON(encoding: $0) } }
    }
    if let answers { try write(answers) }
  }

  private func write(_ answers: [JSON]) throws {
    let report = AnswerReport(answers, fields: Task.answerFields)
    try results.write("The answers are") { report.text(as: results.format, for: $0) }
  }
}
