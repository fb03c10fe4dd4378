import RefrainTasks

extension ForecastReport {
  static let csvHeader = "time,median,p10,p90"

  /// The forecast as CSV (RFC 4180, with LF): ``csvHeader`` and a row a step.
  var csv: String { ([Self.csvHeader] + csvRows).map { $0 + "\n" }.joined() }

  /// The rows, without line breaks.
  var csvRows: [String] {
    points.map { point in
      ([csvField(point.time)] + [point.median, point.p10, point.p90].map(csvField)).joined(separator: ",")
    }
  }
}
