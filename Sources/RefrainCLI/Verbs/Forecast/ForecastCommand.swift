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

      Exit status: 0 when all is well, 64 for flags that make no sense, 65 for a file that cannot be used, 130 after \
      Ctrl-C (the first prints the best result so far, the second quits at once).
      """)

  @Argument(
    help: """
      A CSV file with a header, one row a time, oldest first; - is standard input. Without it: what is piped in, else \
      the bundled series of airline passengers, or the series kept in the model.
      """,
    completion: .file(extensions: ["csv"]))
  var file: String?

  @OptionGroup(title: "Task") var task: OptionFlags<Forecaster.Configuration>
  @OptionGroup(title: "Network and training") var network: NetworkFlags
  @OptionGroup(title: "Model and picture") var files: ForecastOptions
  @OptionGroup(title: "Results") var results: ResultOptions

  private var outputs: OutputFiles {
    OutputFiles(
      written: [("--save", files.save), ("--output", results.output), ("--chart", files.chart)],
      read: [("FILE", file == "-" ? nil : file), ("--model", files.model)])
  }

  func validate() throws {
    try outputs.validate()
    // A model knows its target, its covariates and how it was trained. The times may go by another name now.
    let columns = task.flags(choosingData: true)
    let trained = task.flags(choosingData: false) + network.given + columns.filter { $0 != "--time" }
    if files.model != nil, let flag = trained.first {
      throw ValidationError("\(flag) and --model exclude each other: the model keeps what it was trained with.")
    }
    if source.isEmpty, let flag = columns.first {
      throw ValidationError("\(flag) names a column, but no FILE is given.")
    }
  }

  /// The file, or what is piped in where none is named.
  private var source: DataSource {
    DataSource(paths: file.map { [$0] } ?? (StandardInput.holdsSomething ? ["-"] : []))
  }

  func run() throws {
    try outputs.checkWritable()
    results.running.apply()
    let report = try files.model.map(reportFromModel) ?? reportFromTraining()
    try write(report)
    // Ctrl-C that came too late to be obeyed changed nothing.
    if Interruption.isRequested && !report.forecaster.isComplete {
      throw CommandFailure.interrupted("the training was interrupted; the forecast is the best until then")
    }
  }

  private func reportFromModel(_ path: String) throws -> ForecastReport {
    let forecaster = try Forecaster(contentsOf: path)
    var request = ForecastRequest()
    request.time = try task.table().time
    guard let series = try forecaster.examples(from: source, request).first else {
      return try ForecastReport(forecaster)
    }
    return try ForecastReport(forecaster, continuing: series)
  }

  private func reportFromTraining() throws -> ForecastReport {
    var configuration = try task.table()
    try configuration.choose(network.options)
    let series = source.isEmpty ? .airline : try Forecaster.examples(from: source, configuration)[0]
    let forecaster = try results.running.training { progress in
      try Forecaster.train(
        on: series, configuration: configuration, progress: progress, shouldStop: { Interruption.isRequested })
    }
    return try ForecastReport(forecaster, trainedOn: series)
  }

  /// Writes the files first: who reads standard output may stop reading at any time.
  private func write(_ report: ForecastReport) throws {
    if let path = files.save {
      try report.forecaster.save(to: path)
      results.running.note("The model is in \(path).")
    }
    if let path = files.chart {
      try writeAtomically(report.svg, to: path)
      results.running.note("The chart is in \(path).")
    }
    try results.write("The forecast is") { report.text(as: results.format, for: $0) }
  }
}
