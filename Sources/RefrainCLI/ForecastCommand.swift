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

  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Results") var output: OutputOptions

  func validate() throws {
    try output.validateDistinct(from: data.file)
    if data.file == "" { throw ValidationError("The name of the file is empty.") }
    let columns = [("--target", data.target), ("--covariates", data.covariates?.names.first), ("--time", data.time)]
      .filter { $0.1 != nil }.map(\.0)
    if output.model != nil {
      // A model knows its target, its covariates and how it was trained. The times may go by another name now.
      if let flag = (training.given + columns.filter { $0 != "--time" }).first {
        throw ValidationError("\(flag) and --model exclude each other: the model keeps what it was trained with.")
      }
    }
    if data.file == nil, let flag = columns.first {
      throw ValidationError("\(flag) names a column, but no FILE is given.")
    }
  }

  func run() throws {
    do {
      try output.checkTargets()
      if let threads = output.threads { Parallelism.threads = threads }
      let report = try output.model.map(reportFromModel) ?? reportFromTraining()
      try write(report)
      // Ctrl-C that came too late to be obeyed changed nothing.
      if Interruption.isRequested && !report.forecaster.isComplete {
        throw CommandFailure.interrupted("the training was interrupted; the forecast is the best until then")
      }
    } catch let error as DataError {
      throw CommandFailure.badData(error)
    } catch let error as ForecastError {
      throw CommandFailure.badData(error)
    }
  }

  private func reportFromModel(_ path: String) throws -> ForecastReport {
    let forecaster = try Forecaster(contentsOf: path)
    guard let file = data.file else { return try ForecastReport(forecaster) }
    let series = try Series(
      contentsOf: file, target: forecaster.seriesName, time: data.time, covariates: forecaster.covariates)
    return try ForecastReport(forecaster, continuing: series)
  }

  private func reportFromTraining() throws -> ForecastReport {
    let series =
      try data.file.map {
        try Series(contentsOf: $0, target: data.target, time: data.time, covariates: data.covariates?.names ?? [])
      } ?? .airline
    let progress = output.quiet ? nil : Progress()
    let forecaster = try Interruption.listening {
      defer { progress?.finish() }
      do {
        return try Forecaster.train(
          on: series, configuration: training.configuration, progress: progress.map { $0.show },
          shouldStop: { Interruption.isRequested })
      } catch {
        if Interruption.isRequested {
          throw CommandFailure.interrupted("the training was interrupted before there was a result")
        }
        throw error
      }
    }
    return try ForecastReport(forecaster, trainedOn: series)
  }

  /// Writes the files first: who reads standard output may stop reading at any time.
  private func write(_ report: ForecastReport) throws {
    if let path = output.save {
      try report.forecaster.save(to: path)
      note("The model is in \(path).")
    }
    if let path = output.chart {
      try writeAtomically(report.svg, to: path)
      note("The chart is in \(path).")
    }
    if let path = output.output {
      try writeAtomically(report.text(as: output.format, for: .none), to: path)
      note("The forecast is in \(path).")
    } else {
      try StandardOutput.write(report.text(as: output.format, for: StandardOutput.terminal))
    }
  }

  private func note(_ text: String) {
    if !output.quiet { StandardError.write(line: text.sanitized) }
  }
}
