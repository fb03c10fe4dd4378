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

  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Results") var output: OutputOptions

  func validate() throws {
    try output.validateDistinct(from: data.file == "-" ? nil : data.file)
    if data.file == "" { throw ValidationError("The name of the file is empty.") }
    let columns = [("--target", data.target), ("--covariates", data.covariates?.names.first), ("--time", data.time)]
      .filter { $0.1 != nil }.map(\.0)
    if output.model != nil {
      // A model knows its target, its covariates and how it was trained. The times may go by another name now.
      if let flag = (training.given + columns.filter { $0 != "--time" }).first {
        throw ValidationError("\(flag) and --model exclude each other: the model keeps what it was trained with.")
      }
    }
  }

  func run() throws {
    do {
      try output.checkTargets()
      if let threads = output.threads { Parallelism.threads = threads }
      let table = try input()
      if table == nil { try refuseColumnsWithoutFile() }
      let results = ForecastResults(try output.model.map { try fromModel($0, table) } ?? fromTraining(table))
      try write(results)
      // Ctrl-C that came too late to be obeyed changed nothing.
      if Interruption.isRequested && !results.areComplete {
        throw CommandFailure.interrupted("the training was interrupted; the forecast is the best until then")
      }
    } catch let error as DataError {
      throw CommandFailure.badData(error.inFlags)
    } catch let error as ForecastError {
      throw CommandFailure.badData(error.inFlags)
    }
  }

  /// The table of the file or of standard input; nil for the bundled series.
  private func input() throws -> Table? {
    if let file = data.file, file != "-" { return try Table(contentsOf: file, format: data.format) }
    guard data.file == "-" || StandardInput.holdsData(note: note) else { return nil }
    return try Table(bytes: StandardInput.read(), file: StandardInput.name, format: data.format)
  }

  private func refuseColumnsWithoutFile() throws {
    let flags: [(String, Any?)] = [
      ("--target", data.target), ("--covariates", data.covariates), ("--time", data.time), ("--id", data.id),
      ("--only", data.only),
    ]
    if let flag = flags.first(where: { $0.1 != nil }) {
      throw ValidationError("\(flag.0) names a column, but no FILE is given.")
    }
  }

  private func fromModel(_ path: String, _ table: Table?) throws -> [ForecastReport] {
    let forecaster = try Forecaster(contentsOf: path)
    guard let table else { return [try ForecastReport(forecaster)] }
    var options = data.options
    options.target = forecaster.seriesName
    options.covariates = forecaster.covariates
    return try chosen(Series.all(in: table, options: options)).map { series in
      for text in series.notes { note("Note: \(text).") }
      return try ForecastReport(forecaster, continuing: series)
    }
  }

  private func fromTraining(_ table: Table?) throws -> [ForecastReport] {
    guard let table else { return [try report(of: .airline, label: nil)] }
    let all = try chosen(targets(of: table).flatMap { try Series.all(in: table, options: $0) })
    if all.count > 1, let flag = [("--save", output.save), ("--chart", output.chart)].first(where: { $0.1 != nil })?.0 {
      throw CommandFailure.badData(
        "\(data.file ?? "standard input"): there are \(all.count) series, and \(flag) takes one; choose it with "
          + "--only \(all[0].id ?? all[0].name) or --target")
    }
    var said: Set<String> = []
    var reports: [ForecastReport] = []
    for series in all where reports.isEmpty || !Interruption.isRequested {
      for text in series.notes where said.insert(text).inserted { note("Note: \(text).") }
      reports.append(try report(of: series, label: all.count > 1 ? series.label(among: all) : nil))
    }
    return reports
  }

  /// One series, or all.
  private func chosen(_ all: [Series]) throws -> [Series] {
    guard let only = data.only else { return all }
    let found = all.filter { $0.id == only || $0.id == nil && $0.name == only }
    guard found.isEmpty else { return found }
    let ids = all.compactMap(\.id)
    throw DataError(
      .noSuchColumn, file: data.file, "there is no series \(only.debugDescription)",
      remedy: nearestName(to: only, among: ids).map { "did you mean \($0.debugDescription)?" }
        ?? (ids.isEmpty ? "there is one series in the file" : "there are \(ids.prefix(12).joined(separator: ", "))"))
  }

  /// Options for each target: one column, several between commas, or all.
  private func targets(of table: Table) throws -> [Series.Options] {
    let options = data.options
    let isColumn = { (name: String) in table.columns.contains { $0.name.lowercased() == name.lowercased() } }
    guard let target = data.target, !isColumn(target) else { return [options] }
    let names =
      target == "all" ? Series.targets(in: table, options: options) : ColumnNames(argument: target)?.names ?? [target]
    return names.map { name in
      var options = options
      options.target = name
      return options
    }
  }

  private func report(of series: Series, label: String?) throws -> ForecastReport {
    let progress = output.quiet ? nil : Progress()
    let prefix = label.map { "\($0): " } ?? ""
    var show: (@Sendable (Double, String) -> Void)?
    if let progress { show = { progress.show($0, prefix + $1) } }
    let forecaster = try Interruption.listening {
      defer { progress?.finish() }
      do {
        return try Forecaster.train(
          on: series, configuration: training.configuration, progress: show,
          shouldStop: { Interruption.isRequested })
      } catch {
        if Interruption.isRequested {
          throw CommandFailure.interrupted("the training was interrupted before there was a result")
        }
        throw error
      }
    }
    if output.format != .table { for text in forecaster.notes { note("Note: \(text).") } }
    return try ForecastReport(forecaster, trainedOn: series, label: label)
  }

  /// Writes the files first: who reads standard output may stop reading at any time.
  private func write(_ results: ForecastResults) throws {
    if let path = output.save {
      try results.reports[0].forecaster.save(to: path)
      note("The model is in \(path).")
    }
    if let path = output.chart {
      try writeAtomically(results.reports[0].svg, to: path)
      note("The chart is in \(path).")
    }
    if let path = output.output {
      try writeAtomically(results.text(as: output.format, for: .none), to: path)
      note("The forecast is in \(path).")
    } else {
      try StandardOutput.write(results.text(as: output.format, for: StandardOutput.terminal))
    }
  }

  private func note(_ text: String) {
    if !output.quiet { StandardError.write(line: text.sanitized) }
  }
}
