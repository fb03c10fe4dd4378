import ArgumentParser
import Refrain
import RefrainData
import RefrainTasks

extension ForecastCommand {
  /// What was read, and how it is to be forecast.
  struct Work {
    var configuration: Forecaster.Configuration
    /// The saved model, where one forecasts.
    var model: Forecaster?
    /// The series; none where those are gone on from that the model keeps.
    var series: [Series] = []
    /// Whether one network learns all of them.
    var areTogether = false
    /// The forecaster that has learned all of them, where one does.
    var learned: Forecaster?

    /// How many series there are to forecast.
    var count: Int { series.isEmpty ? model?.each.count ?? 0 : series.count }

    /// A number that follows from the series, and from whether they are learned together.
    var common: UInt64 {
      var print = Fingerprint()
      print.add(areTogether ? 1 : 0)
      for series in series {
        for byte in (series.id ?? series.name).utf8 { print.add(UInt64(byte)) }
        for values in [series.values] + series.covariates.flatMap({ [$0.values, $0.future] }) {
          print.add(UInt64(values.count))
          for value in values { print.add(value.bitPattern) }
        }
      }
      return print.value
    }
  }

  /// More series than this are learned by one network together.
  private static let mostAlone = 12

  /// Reads and checks the series, or the model.
  func read() throws -> Work {
    if Processes.isFirst { try outputs.checkWritable() }
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
    var work = Work(configuration: configuration)
    if let path = files.model {
      let forecaster = try Forecaster(contentsOf: path)
      work.model = forecaster
      guard let input else { return work }
      let given = configuration.reading
      work.series = try forecaster.reading(given).allSeries(in: input) { forecaster.options(given, in: $0) }
        .map(forecaster.fitting)
      note(work.series)
      return work
    }
    guard let input else {
      work.series = [.airline]
      return work
    }
    var all = try configuration.reading.allSeries(in: input, configuration.options)
    work.areTogether = all.count > Self.mostAlone || all.count > 1 && files.save != nil
    if !work.areTogether { all = try Forecaster.longEnough(all, for: configuration) }
    if all.count > 1, files.chart != nil {
      throw CommandFailure.badData(
        "\(input.name): there are \(all.count) series, and --chart takes one; choose it with "
          + "--only \((all[0].id ?? all[0].name).shellWord) or --target")
    }
    note(all)
    try Forecaster.checkFuture(of: all, configuration)
    work.series = all
    return work
  }

  /// The file, the folder or standard input; nil for the bundled series.
  private var input: DataSource.Part? {
    guard let path = file ?? (StandardInput.holdsData(note: results.running.note) ? "-" : nil) else { return nil }
    return DataSource(paths: [path]).parts[0]
  }

  /// Says once what was assumed of the series.
  private func note(_ all: [Series]) {
    results.running.notes(of: all, for: Forecaster.self)
  }

  /// Lets one network learn all series, where they are learned together.
  func learning(_ work: Work) throws -> Work {
    guard work.areTogether else { return work }
    var work = work
    work.learned = try trained(on: work.series, prefix: "", work)
    return work
  }

  /// The reports on some of the series, each of which is learned for it where not all have been learned together.
  func reports(_ work: Work, _ places: Range<Int>) throws -> [ForecastReport] {
    if let model = work.model { return try reports(work, places, by: model) }
    let levels = work.configuration.levels
    guard let forecaster = work.learned else {
      var reports: [ForecastReport] = []
      for series in work.series[places] where reports.isEmpty || !Interruption.isRequested {
        let label = label(of: series, in: work)
        let forecaster = try trained(on: [series], prefix: label.map { "\($0): " } ?? "", work)
        let report = try ForecastReport(
          forecaster, trainedOn: series, label: label, levels: levels, extent: extent)
        for text in notes(of: report, in: work) { results.running.note(text) }
        reports.append(report)
      }
      return reports
    }
    if results.format != .table { for text in forecaster.notes { results.running.note("Note: \(text).") } }
    return try zip(forecaster.each[places], work.series[places]).map { member, series in
      try ForecastReport(
        member, trainedOn: series, label: series.id ?? series.name, whole: forecaster, levels: levels, extent: extent)
    }
  }

  /// The reports of a saved model.
  private func reports(_ work: Work, _ places: Range<Int>, by model: Forecaster) throws -> [ForecastReport] {
    let levels = work.configuration.levels
    guard work.series.isEmpty else {
      return try work.series[places].map {
        try ForecastReport(model, continuing: $0, levels: levels, extent: extent)
      }
    }
    return try model.each[places].map {
      try ForecastReport($0, label: model.seriesIDs.isEmpty ? nil : $0.id, levels: levels, extent: extent)
    }
  }

  /// What a report tells besides the forecast.
  private var extent: ForecastReport.Extent {
    ForecastReport.Extent(hasDetails: files.details, hasFitted: files.fitted, samples: files.samples ?? 0)
  }

  /// What a series is called, where there are several.
  private func label(of series: Series, in work: Work) -> String? {
    work.count > 1 ? series.id ?? series.name : nil
  }

  /// What was assumed in the training of a series that is learned alone, a line each, where the report does not say it.
  func notes(of report: ForecastReport, in work: Work) -> [String] {
    guard work.model == nil, !work.areTogether, results.format != .table else { return [] }
    return report.forecaster.notes.map { "Note: \(report.label.map { "\($0): " } ?? "")\($0)." }
  }

  private func trained(on all: [Series], prefix: String, _ work: Work) throws -> Forecaster {
    try results.running.training { progress in
      // Together all processes learn the one network, and the first tells the others to stop.
      var context = TrainingContext(
        shouldStop: { [isTogether = work.areTogether] in
          (!isTogether || Processes.isFirst) && Interruption.isRequested
        })
      if work.areTogether { context.group = Processes.group }
      if let progress { context.progress = { progress($0, prefix + $1) } }
      context.timeLimit = files.timeLimit?.seconds
      return try Forecaster.train(on: all, work.configuration, context)
    }
  }
}
