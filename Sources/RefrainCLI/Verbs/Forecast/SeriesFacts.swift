import RefrainData
import RefrainTasks

/// What a report says of the series that a forecast continues.
struct SeriesFacts {
  /// What the series is called: its file's name without folder and extension.
  let title: String
  /// The column that is forecast.
  let target: String
  /// What is observed beside it.
  let covariates: [String]
  /// How far apart the times lie, in words.
  let frequency: String
  let rowCount: Int
  /// How many values are missing.
  let missingCount: Int
  let firstTime: String
  let lastTime: String

  init(_ series: Series) {
    let title = Self.title(file: series.file, target: series.name)
    self.title = series.id.map { "\(title): \($0)" } ?? title
    target = series.name
    covariates = Self.unique(series.covariates.map(\.column))
    missingCount = series.missingCount
    frequency = series.frequency.description
    rowCount = series.count
    firstTime = series.times.text(at: 0)
    lastTime = series.times.text(at: series.count - 1)
  }

  /// The series that a model was trained on.
  init(_ forecaster: Forecaster, _ forecast: Forecast) {
    title = Self.title(file: forecaster.fileName, target: forecaster.seriesName)
    target = forecaster.seriesName
    covariates = forecaster.covariateColumns
    missingCount = forecaster.missingCount
    frequency = forecaster.frequency
    rowCount = forecaster.rowCount
    firstTime = forecaster.firstTime
    lastTime = forecast.history.last?.time ?? ""
  }

  private static func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  static func title(file: String?, target: String) -> String {
    guard let file else { return target == Series.airline.name ? "airline passengers" : target }
    let name = file.split(separator: "/").last.map(String.init) ?? file
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return name }
    return String(name[..<dot])
  }
}
