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

  private var outputs: OutputFiles {
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

  func run() throws { try task.naming(forecast) }

  private func forecast() throws {
    try outputs.checkWritable()
    results.apply()
    var configuration = try task.table()
    try configuration.choose(network.options)
    if let every = files.every {
      do throws(OptionError) { try configuration.choose(every: every) } catch { throw error.ofFlag }
    }
    let input = input
    if input == nil, let flag = task.flags(choosingData: true).first {
      throw ValidationError("\(flag) names a column, but no FILE is given.")
    }
    let reports =
      try files.model.map { try fromModel($0, input, configuration) } ?? fromTraining(input, configuration)
    let forecasts = ForecastResults(reports, shape: results.format == .table ? .refrain : files.shape ?? .refrain)
    try write(forecasts)
    // Ctrl-C that came too late to be obeyed changed nothing.
    if Interruption.isRequested && !forecasts.areComplete {
      throw CommandFailure.interrupted("the training was interrupted; the forecast is the best until then")
    }
  }

  /// The file, the folder or standard input; nil for the bundled series.
  private var input: DataSource.Part? {
    guard let path = file ?? (StandardInput.holdsData(note: results.running.note) ? "-" : nil) else { return nil }
    return DataSource(paths: [path]).parts[0]
  }

  /// What the reports tell besides the forecast.
  private var extent: ForecastReport.Extent {
    ForecastReport.Extent(hasDetails: files.details, hasFitted: files.fitted, samples: files.samples ?? 0)
  }

  private func fromModel(
    _ path: String, _ input: DataSource.Part?, _ configuration: Forecaster.Configuration
  ) throws -> [ForecastReport] {
    let forecaster = try Forecaster(contentsOf: path)
    let levels = configuration.levels
    guard let input else {
      return try forecaster.each.map {
        try ForecastReport($0, label: forecaster.seriesIDs.isEmpty ? nil : $0.id, levels: levels, extent: extent)
      }
    }
    let given = configuration.reading
    let all = try forecaster.reading(given).allSeries(in: input) { forecaster.options(given, in: $0) }
      .map(forecaster.fitting)
    note(all)
    return try all.map { try ForecastReport(forecaster, continuing: $0, levels: levels, extent: extent) }
  }

  /// More series than this are learned by one network together.
  private static let mostAlone = 12

  private func fromTraining(
    _ input: DataSource.Part?, _ configuration: Forecaster.Configuration
  ) throws -> [ForecastReport] {
    guard let input else { return [try report(of: .airline, label: nil, configuration)] }
    var all = try configuration.reading.allSeries(in: input, configuration.options)
    let areTogether = all.count > Self.mostAlone || all.count > 1 && files.save != nil
    if !areTogether { all = try Forecaster.longEnough(all, for: configuration) }
    if all.count > 1, files.chart != nil {
      throw CommandFailure.badData(
        "\(input.name): there are \(all.count) series, and --chart takes one; choose it with "
          + "--only \((all[0].id ?? all[0].name).shellWord) or --target")
    }
    note(all)
    try Forecaster.checkFuture(of: all, configuration)
    if areTogether {
      return try reports(of: all, configuration)
    }
    var reports: [ForecastReport] = []
    for series in all where reports.isEmpty || !Interruption.isRequested {
      reports.append(
        try report(of: series, label: all.count > 1 ? series.id ?? series.name : nil, configuration))
    }
    return reports
  }

  /// Says once what was assumed of the series.
  private func note(_ all: [Series]) {
    results.running.notes(of: all, for: Forecaster.self)
  }

  /// The reports on series that one model learned together.
  private func reports(of all: [Series], _ configuration: Forecaster.Configuration) throws -> [ForecastReport] {
    let forecaster = try trained(on: all, prefix: "", configuration)
    if results.format != .table { for text in forecaster.notes { results.running.note("Note: \(text).") } }
    return try zip(forecaster.each, all).map { member, series in
      try ForecastReport(
        member, trainedOn: series, label: series.id ?? series.name, whole: forecaster, levels: configuration.levels,
        extent: extent)
    }
  }

  private func trained(
    on all: [Series], prefix: String, _ configuration: Forecaster.Configuration
  ) throws -> Forecaster {
    try results.running.training { progress in
      var context = TrainingContext(shouldStop: { Interruption.isRequested })
      if let progress { context.progress = { progress($0, prefix + $1) } }
      context.timeLimit = files.timeLimit?.seconds
      return try Forecaster.train(on: all, configuration, context)
    }
  }

  private func report(
    of series: Series, label: String?, _ configuration: Forecaster.Configuration
  ) throws -> ForecastReport {
    let prefix = label.map { "\($0): " } ?? ""
    let forecaster = try trained(on: [series], prefix: prefix, configuration)
    if results.format != .table { for text in forecaster.notes { results.running.note("Note: \(prefix)\(text).") } }
    return try ForecastReport(
      forecaster, trainedOn: series, label: label, levels: configuration.levels, extent: extent)
  }

  /// Writes the files first: who reads standard output may stop reading at any time.
  private func write(_ forecasts: ForecastResults) throws {
    if let path = files.save {
      try (forecasts.reports[0].whole ?? forecasts.reports[0].forecaster).save(to: path)
      results.running.note("The model is in \(path).")
    }
    if let path = files.chart {
      try writeAtomically(forecasts.reports[0].svg, to: path)
      results.running.note("The chart is in \(path).")
    }
    try results.write("The forecast is") { forecasts.text(as: results.format, for: $0) }
  }
}
