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
      and shows what gates and memory did. Attributions are not causes.

      The model knows its task. What this one takes besides, such as --prompt for a model of language, is said by \
      'refrain explain MODEL --help'.

      Examples:

        refrain explain sales.model
        refrain explain sales.model new-sales.csv --html why.html
        refrain explain sales.model --explained 2024-02 --baseline mean --format json
        refrain explain reviews.model reviews.csv --rows 3,17 --whole --html why.html
        refrain explain reviews.model reviews.csv --compare 3,17
        refrain explain motion.model clip.gif --html why.html

      Exit status: 0 when all is well, 64 for flags that make no sense, \
      \(CommandFailure.fileStatuses).
      """)

  @Argument(help: "A file that 'train' wrote.", completion: .file())
  var model: String

  @Argument(parsing: .allUnrecognized, help: "What was answered; - is standard input.", completion: .file())
  var files: [String] = []

  @OptionGroup(title: "Explanation") var options: ExplainOptions
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
    help: ArgumentHelp(
      "Which examples are explained, by their numbers from 1, between commas. (default: the first)", valueName: "n,n"))
  var rows: String?

  @Option(
    help: ArgumentHelp(
      "Explain two examples, by their numbers from 1 with a comma between, and say how they differ.", valueName: "n,n"))
  var compare: String?

  @Flag(
    help: """
      Show all examples together too: those that are hard, labels that are probably wrong, and what drives each unit \
      most over the first 500, or fewer that are large.
      """)
  var whole = false

  @Option(
    parsing: .unconditional, help: ArgumentHelp("At most so many examples are explained.", valueName: "n"))
  var examples = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many points integrated gradients evaluate.", valueName: "n"))
  var points = 50

  @Option(
    help: ArgumentHelp("Write a page to look at in a browser to this file.", valueName: "file"), completion: .file())
  var html: String?

  @Flag(help: "Give every gate and state at every step, and of frames the part of every pixel, in JSON too.")
  var states = false

  func validate() throws {
    try check("--examples", examples, within: 1...1000)
    try check("--points", points, within: 1...10_000)
    if let compare, Self.numbers(in: compare)?.count != 2 {
      throw ValidationError("--compare takes two numbers with a comma between, such as 3,17, not '\(compare)'")
    }
    if let rows, Self.numbers(in: rows) == nil {
      throw ValidationError("--rows takes numbers between commas, such as 3,17, not '\(rows)'")
    }
    guard rows == nil || compare == nil else {
      throw ValidationError("--rows and --compare both say which examples are explained; leave one of them out")
    }
  }

  /// Numbers between commas; nil for anything else, and for too many.
  private static func numbers(in text: String) -> [Int]? {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    return numbers.contains(nil) || numbers.count > 1000 ? nil : numbers.compactMap(\.self)
  }

  /// Which examples are explained.
  var choice: ExampleChoice { (compare ?? rows).flatMap(Self.numbers).map { .numbers($0) } ?? .first(examples) }

  /// The explanations of as many examples as are asked for.
  ///
  /// - Throws: `TaskError` for an output or a baseline that there is not.
  func explanations(of examples: [ExplainedExample]) throws(TaskError) -> [Explanation] {
    var explanations: [Explanation] = []
    for example in examples {
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
    results.apply()
    let request = try task.table()
    let trained = try Task(contentsOf: model)
    let read = try trained.examples(from: DataSource(paths: files), request)
    let examples = try trained.explained(read, request, options.choice)
    guard !examples.isEmpty else {
      throw TaskError("a model of the task \(Task.name.quoted) has nothing to explain here")
    }
    let explanations = try options.explanations(of: examples)
    let comparison = options.compare.map { _ in ExplanationComparison(explanations[0], explanations[1]) }
    let overview = options.whole ? try overview(of: trained, read, request, like: examples[0]) : []
    if let html = options.html {
      var page = ExplanationPage(
        title: "What the model looked at", subtitle: "\(Task.name): \(model)", explanations: explanations)
      (page.comparison, page.overview) = (comparison, overview)
      try writeAtomically(page.text, to: html)
      results.running.note("The page is in \(html).")
    }
    var report = ExplanationReport(Task.name, explanations, withStates: options.states)
    (report.comparison, report.overview) = (comparison?.exhibits ?? [], overview)
    try results.write("The explanation is") { report.text(as: results.format, for: $0) }
  }

  /// What there is to see in all the examples together, of which one is given.
  private func overview(
    of trained: Task, _ read: Task.Examples, _ request: Task.Request, like example: ExplainedExample
  ) throws -> [Exhibit] {
    var contexts = UnitContexts()
    // Clips are large, and all are held at once.
    let most = max(1, min(500, 10_000_000 / max(1, example.input.count)))
    // Of a task whose examples are of many lengths each is looked at alone.
    for example in try trained.explained(read, request, .first(most)) { contexts.add(example) }
    return try trained.overview(read, request) + contexts.exhibits
  }
}
