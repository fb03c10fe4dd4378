import RefrainTasks

extension ForecastReport {
  /// The forecast as CSV (RFC 4180, with LF): `time,mean,p10,p90` and a row a step.
  var csv: String {
    let rows = points.map { point in
      ([csvField(point.time)] + [point.mean, point.p10, point.p90].map(csvField)).joined(separator: ",")
    }
    return (["time,mean,p10,p90"] + rows).map { $0 + "\n" }.joined()
  }
}
