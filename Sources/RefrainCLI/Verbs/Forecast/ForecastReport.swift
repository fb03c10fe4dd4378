import RefrainData
import RefrainTasks

/// All that is known once a forecast is made; the extensions turn it into a table, CSV, JSON or a picture.
struct ForecastReport {
  let forecaster: Forecaster
  let forecast: Forecast
  let facts: SeriesFacts
  /// Which of several series this is; nil for a single one.
  let label: String?
  /// Whether the forecaster was trained on another series than the one that is forecast, or on less of it.
  let isOfAnotherSeries: Bool

  /// What it tells besides the forecast.
  let extent: Extent
  /// What would have been forecast for past times, where that was asked for.
  let fitted: [Forecaster.FittedValue]
  /// The model of several series, of which this is one.
  var whole: Forecaster?

  /// What a report tells besides the forecast.
  struct Extent {
    /// The backtest's horizons and steps one by one.
    var hasDetails = false
    /// Fitted values and residuals.
    var hasFitted = false
    /// How many sample paths.
    var samples = 0
  }

  /// Forecasts the series that the forecaster was trained on, which `series` is when it is at hand.
  init(
    _ forecaster: Forecaster, trainedOn series: Series? = nil, label: String? = nil, whole: Forecaster? = nil,
    levels: [Double] = [], extent: Extent = Extent()
  ) throws(ForecastError) {
    self.forecaster = forecaster
    self.label = label
    self.whole = whole
    self.extent = extent
    forecast = try forecaster.forecast(levels: levels, samples: extent.samples)
    facts = series.map(SeriesFacts.init) ?? SeriesFacts(forecaster, forecast)
    isOfAnotherSeries = false
    fitted = extent.hasFitted ? try forecaster.fitted(series) : []
  }

  /// Forecasts a newer series.
  init(
    _ forecaster: Forecaster, continuing series: Series, levels: [Double] = [], extent: Extent = Extent()
  ) throws(ForecastError) {
    let own = forecaster.seriesIDs.isEmpty ? forecaster : forecaster.each.first { $0.id == series.id } ?? forecaster
    self.forecaster = own
    label = series.id
    self.extent = extent
    forecast = try forecaster.forecast(continuing: series, levels: levels, samples: extent.samples)
    facts = SeriesFacts(series)
    isOfAnotherSeries = !own.wasTrained(on: series)
    fitted = extent.hasFitted ? try forecaster.fitted(series) : []
  }

  /// The errors on held-out time of the series that is forecast; nil when none are known.
  var backtest: Backtest? { isOfAnotherSeries ? nil : forecaster.backtest }

  var points: [Forecast.Point] { forecast.points }

  /// An SVG picture.
  var svg: String { SVGChart().text(for: chart(title: "\(facts.title): \(facts.target)")) }

  /// The picture for a terminal or a file.
  ///
  /// - Parameter historyCount: How many of the newest values are shown; by default many.
  func chart(title: String, historyCount: Int? = nil) -> ForecastChart {
    ForecastChart(
      title: title, history: forecast.history.map(\.value), median: points.map(\.median), lower: points.map(\.p10),
      upper: points.map(\.p90), times: forecast.history.map(\.time) + points.map(\.time), season: forecaster.season,
      historyCount: historyCount)
  }
}
