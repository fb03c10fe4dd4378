import ArgumentParser
import RefrainData
import RefrainTasks

/// `refrain explain MODEL FILE…`: what a model looked at, and what its gates did.
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Show what in its input a trained model looked at.",
    usage: "refrain explain MODEL [FILE… | -] [options]",
    discussion: """
      Attributes an answer to the steps and features of the input by several methods, says how far they can be trusted, \
      and shows what gates and memory did. Attributions are not causes. Models of the task forecast have something to \
      explain so far.

      Examples:

        refrain explain sales.model
        refrain explain sales.model new-sales.csv --html why.html
        refrain explain sales.model --explained 2024-02 --baseline mean --format json

      Exit status: 0 when all is well, 64 for flags that make no sense, 65 for a file that cannot be used.
      """)

  @Argument(help: "A file that 'train' wrote.", completion: .file())
  var model: String

  @Argument(parsing: .allUnrecognized, help: "What was answered; - is standard input.", completion: .file())
  var files: [String] = []

  @OptionGroup(title: "Results") var results: ResultOptions

  /// Only a model whose task is not known comes here: ``TaskVerb`` sees the others.
  func run() throws { try TaskVerb.refuse(model) }
}

/// What is to be explained, and how.
struct ExplainOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Which output is explained, by its name or number. (default: the first)", valueName: "output"))
  var explained: String?

  @Option(
    help: ArgumentHelp("What the input is compared with, by its name. (default: the first: zeros)", valueName: "name"))
  var baseline: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("At most so many examples are explained. (default: 1)", valueName: "n"))
  var examples = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many points integrated gradients evaluate. (default: 50)", valueName: "n"))
  var points = 50

  @Option(
    help: ArgumentHelp("Write a page to look at in a browser to this file.", valueName: "file"), completion: .file())
  var html: String?

  @Flag(help: "Give every gate and state at every step in JSON too.")
  var states = false

  func validate() throws {
    try check("--examples", examples, within: 1...1000)
    try check("--points", points, within: 1...10_000)
  }

  /// The explanations of as many examples as are asked for.
  ///
  /// - Throws: `TaskError` for an output or a baseline that there is not.
  func explanations(of examples: [ExplainedExample]) throws(TaskError) -> [Explanation] {
    var explanations: [Explanation] = []
    for example in examples.prefix(self.examples) {
      let output = try place(explained, among: example.outputs, "output")
      let baseline = try place(baseline, among: example.baselines.map(\.name), "baseline")
      explanations.append(example.explanation(of: output, from: baseline, points: points))
    }
    return explanations
  }

  private func place(_ name: String?, among names: [String], _ what: String) throws(TaskError) -> Int {
    guard let name else { return 0 }
    if let place = names.firstIndex(of: name) { return place }
    if let number = Int(name), names.indices.contains(number - 1) { return number - 1 }
    let hint = nearestName(to: name, among: names).map { "did you mean \($0.quoted)?" }
    throw TaskError(
      "there is no \(what) \(name.quoted)",
      remedy: hint ?? "there are \(names.prefix(12).joined(separator: ", "))\(names.count > 12 ? ", …" : "")")
  }
}

/// Explanations of a model of one task.
struct ExplainTask<Task: TaskModel>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "explain", abstract: "Show what a model of the task \(Task.name) looked at.",
      usage: "refrain explain MODEL [FILE… | -] [options]")
  }

  @Argument(help: "A file that 'train' wrote.", completion: .file())
  var model: String

  @Argument(help: "What was answered; - is standard input.", completion: .file())
  var files: [String] = []

  @OptionGroup(title: "Explanation") var options: ExplainOptions
  @OptionGroup(title: "Task") var task: OptionFlags<Task.Request>
  @OptionGroup(title: "Results") var results: ResultOptions

  private var outputs: OutputFiles {
    OutputFiles(
      written: [("--html", options.html), ("--output", results.output)],
      read: [("MODEL", model)] + files.filter { $0 != "-" }.map { ("FILE", $0) })
  }

  func validate() throws { try outputs.validate() }

  func run() throws { try task.naming(explain) }

  private func explain() throws {
    try outputs.checkWritable()
    results.running.apply()
    let request = try task.table()
    let trained = try Task(contentsOf: model)
    let examples = try trained.explained(trained.examples(from: DataSource(paths: files), request), request)
    guard !examples.isEmpty else {
      throw TaskError("a model of the task \(Task.name.quoted) has nothing to explain here")
    }
    let explanations = try options.explanations(of: examples)
    if let html = options.html {
      let page = ExplanationPage(
        title: "What the model looked at", subtitle: "\(Task.name): \(model)", explanations: explanations)
      try writeAtomically(page.text, to: html)
      results.running.note("The page is in \(html).")
    }
    let report = ExplanationReport(Task.name, explanations, withStates: options.states)
    try results.write("The explanation is") { report.text(as: results.format, for: $0) }
  }
}
