import RefrainData
import RefrainTasks

extension ForecastReport {
  /// The names of the columns.
  var csvHeader: String {
    guard forecast.samples.isEmpty else { return "sample,time,value" }
    return
      (["time", "median", "p10", "p90"] + bounds(of: points.first?.intervals ?? []).map(\.name)
      + (extent.hasFitted ? ["value", "residual"] : [])).joined(separator: ",")
  }

  /// The forecast as CSV (RFC 4180), without line breaks: a row a step, or a row a step of each sample path; with
  /// fitted values first those of past times, whose interval is left empty.
  var csvRows: [String] {
    guard forecast.samples.isEmpty else {
      return forecast.samples.enumerated().flatMap { number, path in
        zip(points, path).map { "\(number + 1),\(csvField($0.time)),\(csvField($1))" }
      }
    }
    let own = bounds(of: points.first?.intervals ?? []).count
    let past = fitted.map { value in
      [csvField(value.time), csvField(value.fitted)] + Array(repeating: "", count: 2 + own)
        + (value.value.map { [csvField($0), csvField($0 - value.fitted)] } ?? ["", ""])
    }
    let future = points.map { point in
      let bounds = bounds(of: point.intervals).map(\.value)
      return [csvField(point.time)] + ([point.median, point.p10, point.p90] + bounds).map(csvField)
        + (extent.hasFitted ? ["", ""] : [])
    }
    return (past + future).map { $0.joined(separator: ",") }
  }

  /// What the series is called where all have a name.
  var uniqueID: String { label ?? facts.title }

  /// The forecast in the fields that other programs read, without the name of the series.
  var nixtlaRows: [[(key: String, value: JSON)]] {
    points.map { point in
      [("ds", .text(point.time))] + point.numbers(.nixtla).map { ($0.name, .number($0.value)) }
    }
  }
}
