import ArgumentParser
import Refrain
import RefrainData
import RefrainTasks

/// `refrain forecast`: what comes next in a series, how sure that is, and how well it went on held-out time.
struct ForecastCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forecast",
    abstract: "Forecast a series of numbers.",
    usage: "refrain forecast [FILE.csv] [options]",
    discussion: """
      Trains a recurrent network on a column of a CSV file, tests it on time it has not seen, and prints the forecast \
      with an interval in which the truth lies four times out of five.

      Examples:

        refrain forecast
        refrain forecast sales.csv --target revenue --horizon 14 --chart sales.svg
        refrain forecast sales.csv --save sales.safetensors
        refrain forecast new-sales.csv --model sales.safetensors --format json
        refrain forecast --format csv < sales.csv

      Exit status: 0 when all is well, 64 for flags that make no sense, \
      \(CommandFailure.fileStatuses), 130 after Ctrl-C and 143 after SIGTERM (the first prints the best result so far, \
      the second quits at once).
      """)

  @Argument(
    help: """
      A CSV file, one row a time, or a folder of such; - reads standard input. Without it: what standard input holds, or the bundled series \
      of airline passengers, or the series kept in the model.
      """,
    completion: .file(extensions: ["csv"]))
  var file: String?

  @OptionGroup(title: "Task") var task: OptionFlags<Forecaster.Configuration>
  @OptionGroup(title: "Network and training") var network: NetworkFlags<Forecaster.Configuration>
  @OptionGroup(title: "Model and picture") var files: ForecastOptions
  @OptionGroup(title: "Results") var results: ResultOptions

  var outputs: OutputFiles {
    OutputFiles(
      written: [("--save", files.save), ("--output", results.output), ("--chart", files.chart)],
      read: [("FILE", file == "-" ? nil : file), ("--model", files.model)])
  }

  func validate() throws {
    try outputs.validate()
    if files.fitted, files.shape == .nixtla, results.format != .table {
      throw ValidationError("--fitted and --shape nixtla exclude each other: that shape has forecasts alone.")
    }
    if files.fitted, files.samples != nil, results.format == .csv {
      throw ValidationError("--fitted and --samples exclude each other in CSV: its rows are those of one of them.")
    }
    // A model knows its target, its covariates and how it was trained. The file may be written otherwise now.
    let reading = Set(ForecastRequest.options.map { "--" + $0.name })
    if files.model != nil, let flag = (task.flags().filter { !reading.contains($0) } + network.given).first {
      throw ValidationError("\(flag) and --model exclude each other: the model keeps what it was trained with.")
    }
  }

  mutating func run() throws {
    // Standard input, which may hold something where no file is named, is that of one process.
    try Processes.joinToAnswer(file != nil && file != "-", note: results.running.note)
    if !Processes.isFirst { results.running.quiet = true }
    let command = self
    if let group = Processes.group { return try command.forecast(with: group) }
    try command.task.naming {
      let work = try command.learning(command.read())
      let reports = try command.reports(work, 0..<work.count)
      try command.write(reports[0]) { form in reports.map { ForecastPart($0, form) } }
    }
  }

  /// How results are written.
  private func form(for terminal: Terminal) -> ForecastPart.Form {
    ForecastPart.Form(
      format: results.format, shape: results.format == .table ? .refrain : files.shape ?? .refrain, terminal: terminal)
  }

  /// Forecasts together with the processes that were started with this one, of which the first writes.
  private func forecast(with group: any TrainingGroup) throws {
    // A table is as wide as the first process' terminal.
    let own = results.output == nil ? StandardOutput.terminal : .none
    let all = try exchanging { () throws(TrainingError) -> [[UInt64]] in
      try group.gather([UInt64(own.width), UInt64(own.height), own.usesColor ? 1 : 0, own.isTerminal ? 1 : 0])
    }
    let form = form(
      for: Terminal(
        isTerminal: all[0][3] == 1, width: Int(all[0][0]), height: Int(all[0][1]), usesColor: all[0][2] == 1))
    var first: ForecastReport?
    func parts(_ work: Work, _ places: Range<Int>) throws -> [JSON] {
      let reports = try task.naming { try self.reports(work, places) }
      first = reports.first
      return reports.map { report in
        var part = ForecastPart(report, form)
        // The first has said its own.
        if !group.isFirst { part.notes = notes(of: report, in: work) }
        return part.json
      }
    }
    let shared = try SharedAnswers(group: group, model: files.model).answers {
      try task.naming { try read() }
    } common: {
      $0.common
    } learning: { work in
      try Processes.training { try task.naming { try learning(work) } }
    } sharing: { work, share in
      try share.places(of: work.count).map { try parts(work, $0) }
    } alone: { work in
      try parts(work, 0..<work.count)
    }
    guard let shared, let first else { return }
    let parts = shared.compactMap(ForecastPart.init)
    for text in parts.flatMap(\.notes) { results.running.note(text) }
    try write(first) { _ in parts }
  }

  /// Writes the files first: who reads standard output may stop reading at any time.
  ///
  /// - Parameters:
  ///   - first: The first report.
  ///   - parts: What is written of all, in a form.
  private func write(_ first: ForecastReport, _ parts: (ForecastPart.Form) -> [ForecastPart]) throws {
    if let path = files.save {
      try (first.whole ?? first.forecaster).save(to: path)
      results.running.note("The model is in \(path).")
    }
    if let path = files.chart {
      try writeAtomically(first.svg, to: path)
      results.running.note("The chart is in \(path).")
    }
    var areComplete = true
    try results.write("The forecast is") { terminal in
      let form = self.form(for: terminal)
      let parts = parts(form)
      areComplete = parts.allSatisfy(\.isComplete)
      return ForecastResults(parts, form).text
    }
    // Ctrl-C that came too late to be obeyed changed nothing.
    if Interruption.isRequested && !areComplete {
      throw CommandFailure.interrupted("the training was interrupted; the forecast is the best until then")
    }
  }
}
