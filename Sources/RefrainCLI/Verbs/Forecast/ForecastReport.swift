import RefrainData
import RefrainTasks

/// All that is known once a forecast is made; the extensions turn it into a table, CSV, JSON or a picture.
struct ForecastReport {
  let forecaster: Forecaster
  let forecast: Forecast
  let facts: SeriesFacts

  /// Forecasts the series that the forecaster was trained on, which `series` is when it is at hand.
  init(_ forecaster: Forecaster, trainedOn series: Series? = nil) throws(ForecastError) {
    self.forecaster = forecaster
    forecast = try forecaster.forecast()
    facts = series.map(SeriesFacts.init) ?? SeriesFacts(forecaster, forecast)
  }

  /// Forecasts a newer series.
  init(_ forecaster: Forecaster, continuing series: Series) throws(ForecastError) {
    self.forecaster = forecaster
    forecast = try forecaster.forecast(continuing: series)
    facts = SeriesFacts(series)
  }

  var points: [Forecast.Point] { forecast.points }

  /// An SVG picture.
  var svg: String { SVGChart().text(for: chart(title: "\(facts.title): \(facts.target)")) }

  /// The picture for a terminal or a file.
  ///
  /// - Parameter historyCount: How many of the newest values are shown; by default many.
  func chart(title: String, historyCount: Int? = nil) -> ForecastChart {
    ForecastChart(
      title: title, history: forecast.history.map(\.value), mean: points.map(\.mean), lower: points.map(\.p10),
      upper: points.map(\.p90), times: forecast.history.map(\.time) + points.map(\.time), season: forecaster.season,
      historyCount: historyCount)
  }

  /// The results in one of the formats, ended by a line break.
  ///
  /// - Parameter terminal: Where the text will be read; it decides over the width and the colors of a table.
  func text(as format: OutputFormat, for terminal: Terminal) -> String {
    switch format {
    case .table: table(for: terminal)
    case .csv: csv
    case .json: json.text() + "\n"
    case .jsonl: points.map { $0.json.line + "\n" }.joined()
    }
  }
}
