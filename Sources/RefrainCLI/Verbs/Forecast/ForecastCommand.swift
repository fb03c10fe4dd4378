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

      Exit status: 0 when all is well, 64 for flags that make no sense, 65 for a file that cannot be used, 130 after \
      Ctrl-C (the first prints the best result so far, the second quits at once).
      """)

  @Argument(
    help: """
      A CSV file, one row a time; - reads standard input. Without it: what standard input holds, or the bundled series \
      of airline passengers, or the series kept in the model.
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
    // A model knows its target, its covariates and how it was trained. The file may be written otherwise now.
    let reading = Set(ForecastRequest.options.map { "--" + $0.name })
    if files.model != nil, let flag = (task.flags().filter { !reading.contains($0) } + network.given).first {
      throw ValidationError("\(flag) and --model exclude each other: the model keeps what it was trained with.")
    }
  }

  func run() throws { try task.naming(forecast) }

  private func forecast() throws {
    try outputs.checkWritable()
    results.running.apply()
    var configuration = try task.table()
    try configuration.choose(network.options)
    let table = try input(configuration.reading)
    if table == nil, let flag = task.flags(choosingData: true).first {
      throw ValidationError("\(flag) names a column, but no FILE is given.")
    }
    let reports =
      try files.model.map { try fromModel($0, table, configuration) } ?? fromTraining(table, configuration)
    let forecasts = ForecastResults(reports)
    try write(forecasts)
    // Ctrl-C that came too late to be obeyed changed nothing.
    if Interruption.isRequested && !forecasts.areComplete {
      throw CommandFailure.interrupted("the training was interrupted; the forecast is the best until then")
    }
  }

  /// The table of the file or of standard input; nil for the bundled series.
  private func input(_ reading: SeriesReadingOptions) throws -> Table? {
    guard let path = file ?? (StandardInput.holdsData(note: results.running.note) ? "-" : nil) else { return nil }
    return try DataSource(paths: [path]).parts[0].table(format: reading.format)
  }

  private func fromModel(
    _ path: String, _ table: Table?, _ configuration: Forecaster.Configuration
  ) throws -> [ForecastReport] {
    let reading = configuration.reading
    let forecaster = try Forecaster(contentsOf: path)
    guard let table else { return [try ForecastReport(forecaster, levels: configuration.levels)] }
    let options = reading.options(target: forecaster.seriesName, covariates: forecaster.covariates)
    return try reading.chosen(Series.all(in: table, options: options), file: file).map { series in
      for text in series.notes { results.running.note("Note: \(text).") }
      return try ForecastReport(forecaster, continuing: series, levels: configuration.levels)
    }
  }

  private func fromTraining(
    _ table: Table?, _ configuration: Forecaster.Configuration
  ) throws -> [ForecastReport] {
    guard let table else { return [try report(of: .airline, label: nil, configuration)] }
    let all = try configuration.reading.chosen(
      targets(of: table, configuration).flatMap { try Series.all(in: table, options: $0) }, file: file)
    if all.count > 1, let flag = [("--save", files.save), ("--chart", files.chart)].first(where: { $0.1 != nil })?.0 {
      throw CommandFailure.badData(
        "\(file ?? "standard input"): there are \(all.count) series, and \(flag) takes one; choose it with "
          + "--only \(all[0].id ?? all[0].name) or --target")
    }
    var said: Set<String> = []
    var reports: [ForecastReport] = []
    for series in all where reports.isEmpty || !Interruption.isRequested {
      for text in series.notes where said.insert(text).inserted { results.running.note("Note: \(text).") }
      reports.append(try report(of: series, label: all.count > 1 ? series.label(among: all) : nil, configuration))
    }
    return reports
  }

  /// Options for each target: one column, several between commas, or all.
  private func targets(of table: Table, _ configuration: Forecaster.Configuration) throws -> [Series.Options] {
    let options = configuration.reading.options(target: configuration.target, covariates: configuration.covariates)
    let isColumn = { (name: String) in table.columns.contains { $0.name.lowercased() == name.lowercased() } }
    guard let target = options.target, !isColumn(target) else { return [options] }
    let names =
      target == "all"
      ? Series.targets(in: table, options: options)
      : target.split(separator: ",").map { String($0.trimmingPrefix(while: \.isWhitespace)) }
    return names.map { name in
      var options = options
      options.target = name
      return options
    }
  }

  private func report(
    of series: Series, label: String?, _ configuration: Forecaster.Configuration
  ) throws -> ForecastReport {
    let prefix = label.map { "\($0): " } ?? ""
    let forecaster = try results.running.training { progress in
      var show: (@Sendable (Double, String) -> Void)?
      if let progress { show = { progress($0, prefix + $1) } }
      return try Forecaster.train(
        on: series, configuration: configuration, progress: show, shouldStop: { Interruption.isRequested })
    }
    if results.format != .table { for text in forecaster.notes { results.running.note("Note: \(text).") } }
    return try ForecastReport(forecaster, trainedOn: series, label: label, levels: configuration.levels)
  }

  /// Writes the files first: who reads standard output may stop reading at any time.
  private func write(_ forecasts: ForecastResults) throws {
    if let path = files.save {
      try forecasts.reports[0].forecaster.save(to: path)
      results.running.note("The model is in \(path).")
    }
    if let path = files.chart {
      try writeAtomically(forecasts.reports[0].svg, to: path)
      results.running.note("The chart is in \(path).")
    }
    try results.write("The forecast is") { forecasts.text(as: results.format, for: $0) }
  }
}
