import RefrainTasks

extension ForecastReport {
  /// The names of the columns.
  var csvHeader: String {
    (["time", "median", "p10", "p90"] + bounds(of: points.first?.intervals ?? []).map(\.name)).joined(separator: ",")
  }

  /// The forecast as CSV (RFC 4180, with LF): ``csvHeader`` and a row a step.
  var csv: String { ([csvHeader] + csvRows).map { $0 + "\n" }.joined() }

  /// The rows, without line breaks.
  var csvRows: [String] {
    points.map { point in
      let bounds = bounds(of: point.intervals).map(\.value)
      return ([csvField(point.time)] + ([point.median, point.p10, point.p90] + bounds).map(csvField)).joined(
        separator: ",")
    }
  }
}
