import RefrainData
import RefrainFoundation
import RefrainTasks

extension ForecastReport {
  /// The results for people: what was read, the forecast, how good it is likely to be, and a chart.
  func table(for terminal: Terminal) -> String {
    let page = Page(width: min(terminal.width, 100), usesColor: terminal.usesColor)
    let sections =
      [
        [page.strong(facts.title.sanitized)] + summary.flatMap { page.entry($0, $1, labelWidth: 10) },
        [page.strong("Forecast")] + forecastRows(on: page) + sumRows(on: page),
        [page.strong(isOfAnotherSeries ? "Backtest of the model's training" : "Backtest") + page.faint(backtestCaption)]
          + backtestRows(on: page) + page.paragraph(verdict),
      ] + details(on: page)
    // On a small terminal the chart and the verdict above it are seen together.
    let height = min(max(terminal.height - 6, 12), 20)
    let drawing = TerminalChart(width: page.width, height: height, usesColor: page.usesColor)
    // A terminal has few dots: the forecast gets a fifth of them or so, for its interval to be seen.
    let picture = chart(title: "", historyCount: max(4 * points.count, min(4 * forecaster.season, page.width), 40))
    return sections.map { $0.map { $0 + "\n" }.joined() + "\n" }.joined() + drawing.text(for: picture)
  }

  /// What was read and what was trained, each under a word.
  private var summary: [(String, String)] {
    let report = forecaster.training
    var entries = [seriesEntry, stepsEntry] + besideEntry
    let methods = forecaster.methods.filter { $0.weight >= 0.005 }
    if !methods.isEmpty {
      let shares = methods.map { "\($0.name) \(Int(($0.weight * 100).rounded())) %" }
      entries.append((methods.count > 1 ? "Methods" : "Method", shares.joined(separator: ", ")))
    }
    if forecaster.hasNetwork {
      let model = [
        forecaster.cell.uppercased(), forecaster.layers > 1 ? "\(forecaster.layers) layers" : nil,
        "\(forecaster.hiddenSize) units", "\(counted(report.parameters)) parameters", "seed \(report.seed)",
      ]
      entries += [
        ("Model", model.compactMap(\.self).joined(separator: ", ")),
        (
          "Training",
          "\(counted(report.epochs)) \(report.epochs == 1 ? "epoch" : "epochs") in "
            + "\(fixed(report.seconds, decimals: 1)) s"
            + (forecaster.isComplete ? "" : "; interrupted: this is the best until then")
        ),
      ]
    }
    return entries + forecaster.notes.map { ("Note", $0) }
  }

  private var seriesEntry: (String, String) {
    let span = "\(facts.firstTime) to \(facts.lastTime)"
    let missing = facts.missingCount > 0 ? ", \(counted(facts.missingCount)) of them missing" : ""
    return ("Series", "\(facts.target), \(counted(facts.rowCount)) rows\(missing), \(facts.frequency), \(span)")
  }

  private var stepsEntry: (String, String) {
    let season = forecaster.season > 1 ? "season \(forecaster.season)" : "no season"
    return ("Steps", "horizon \(forecaster.horizon), context \(forecaster.context), \(season)")
  }

  private var besideEntry: [(String, String)] {
    facts.covariates.isEmpty ? [] : [("Beside it", facts.covariates.joined(separator: ", "))]
  }

  private func forecastRows(on page: Page) -> [String] {
    let written = Self.writer(for: points)
    func others(_ point: Forecast.Point) -> [Forecast.Interval] { point.intervals.filter { $0.level != 80 } }
    func fields(_ point: Forecast.Point) -> [String] {
      [point.time] + [point.median, point.p10, point.p90].map(written)
        + others(point).flatMap { [$0.lower, $0.upper].map(written) }
    }
    var header = ["Time", "Forecast", "10 %", "90 %"]
    for interval in points.first.map(others) ?? [] {
      header += [50 - interval.level / 2, 50 + interval.level / 2].map { Self.share($0) + " %" }
    }
    guard points.count > Self.longForecast else { return page.grid([header] + points.map(fields)) }
    let ends = [points.prefix(Self.longForecast / 2), points.suffix(Self.longForecast / 4)].map { $0.map(fields) }
    let left = points.count - ends[0].count - ends[1].count
    var rows = page.grid([header] + ends[0] + ends[1])
    rows.insert(page.faint("  … \(left) more; --format csv prints all"), at: 1 + ends[0].count)
    return rows
  }

  /// What sample paths tell of the sum over the horizon, which the intervals of its steps do not.
  private func sumRows(on page: Page) -> [String] {
    let sums = forecast.samples.map { $0.reduce(0, +) }.sorted()
    guard let last = sums.indices.last else { return [] }
    let quantiles = [0.5, 0.1, 0.9].map { significant(sums[Int(($0 * Double(last)).rounded())]) }
    return page.paragraph(
      "The sum over the \(counted(points.count)) steps is \(quantiles[0]), with 80 % between \(quantiles[1]) and "
        + "\(quantiles[2]), by \(counted(sums.count)) sample \(sums.count == 1 ? "path" : "paths").")
  }

  /// A share in percent with the decimals that it has.
  private static func share(_ percent: Double) -> String {
    percent == percent.rounded() ? "\(Int(percent))" : written(percent, .general, digits: 10)
  }

  /// Forecasts with more steps than this are shown in part.
  private static let longForecast = 120

  /// Writes the numbers of a forecast: with as many decimals as show three digits of the interval's width, which is as
  /// much as anyone can know, or with a power of ten where that would be too many digits.
  static func writer(for points: [Forecast.Point]) -> (Double) -> String {
    let largest = points.flatMap { [$0.median, $0.p10, $0.p90] }.filter(\.isFinite).map(abs).max() ?? 0
    let typical = typicalWidth(of: points)
    guard typical > 0, largest > 0, largest >= 1e15 || typical < 1e-7 else {
      let decimals = decimals(for: points)
      return { readable($0, decimals: decimals) }
    }
    let digits = Int(log10(largest).rounded(.down)) - Int(log10(typical).rounded(.down)) + 2
    return { $0.isFinite ? written($0, .scientific, digits: min(max(digits, 3), 15)) : "–" }
  }

  /// As many decimals as show three digits of the interval's width.
  static func decimals(for points: [Forecast.Point]) -> Int {
    let typical = typicalWidth(of: points)
    guard typical > 0 else { return 0 }
    return min(max(2 - Int(log10(typical).rounded(.down)), 0), 9)
  }

  /// The width of the interval in the middle of all, or the size of the values when it has none but for rounding.
  private static func typicalWidth(of points: [Forecast.Point]) -> Double {
    let size = points.map { abs($0.median) }.filter(\.isFinite).max() ?? 1
    let widths = points.map { $0.p90 - $0.p10 }.filter { $0.isFinite && $0 > 1e-12 * size }.sorted()
    return widths.isEmpty ? size : widths[widths.count / 2]
  }

  private var backtestCaption: String {
    guard let folds = forecaster.backtest?.folds else { return "" }
    let steps = forecaster.horizon == 1 ? "1 step" : "\(counted(forecaster.horizon)) steps"
    return folds == 1 ? "  the last \(steps), held out" : "  \(folds) times \(steps), held out"
  }

  private func backtestRows(on page: Page) -> [String] {
    guard let backtest = forecaster.backtest else { return [] }
    func errors(_ name: String, _ errors: Backtest.Errors) -> [String] {
      [name, percent(errors.smape, decimals: 2), readable(errors.mase, decimals: 3), "", ""]
    }
    let own = [
      "Refrain", percent(backtest.smape, decimals: 2), readable(backtest.mase, decimals: 3), significant(backtest.rmse),
      percent(backtest.coverage * 100, decimals: 0),
    ]
    return page.grid([
      ["", "sMAPE", "MASE", "RMSE", "Within 10–90 %"], own,
      errors("Seasonal naive", backtest.seasonalNaive), errors("Naive", backtest.naive),
    ])
  }

  /// Whether the network was worth its while, in plain words.
  private var verdict: String {
    if isOfAnotherSeries {
      let name = SeriesFacts.title(file: forecaster.fileName, target: forecaster.seriesName)
      return
        "These errors are those of the training, on \(name) with \(counted(forecaster.rowCount)) rows. How good the "
        + "forecast above is, is not known from them."
    }
    if forecaster.isNaive, forecaster.backtest != nil {
      return "This is a naive forecast; nothing was trained that could be better."
    }
    guard let backtest = forecaster.backtest else {
      return forecaster.isComplete
        ? "The errors cannot be compared: the past leaves nothing to scale them by."
        : "There was no time for a backtest: how good this forecast is, is not known."
    }
    if let name = backtest.betterBaseline {
      let (what, errors) =
        name == "naive" ? ("the last value", backtest.naive) : ("the last season", backtest.seasonalNaive)
      return "A naive forecast is better here: to repeat \(what) has a MASE of "
        + "\(readable(errors.mase, decimals: 3)), Refrain's is \(readable(backtest.mase, decimals: 3))."
    }
    let (own, other) = (backtest.mase, backtest.seasonalNaive.mase)
    guard own.isFinite, other.isFinite, other > 0 else {
      return "The errors cannot be compared: the held-out values leave nothing to scale them by."
    }
    let percent = Int(((1 - own / other) * 100).rounded())
    return percent > 0
      ? "Refrain beats the seasonal-naive forecast: its error (MASE) is \(percent) % smaller."
      : "Refrain does no better than the seasonal-naive forecast here."
  }
}
