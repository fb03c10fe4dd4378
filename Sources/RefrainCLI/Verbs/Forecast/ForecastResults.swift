import RefrainData
import RefrainTasks

/// The reports on one series or on several.
struct ForecastResults {
  /// At least one.
  let reports: [ForecastReport]

  /// How columns and fields are named.
  let shape: Forecast.Shape

  init(_ reports: [ForecastReport], shape: Forecast.Shape = .refrain) {
    self.reports = reports
    self.shape = shape
  }

  /// Whether every training came to its end.
  var areComplete: Bool { reports.allSatisfy(\.forecaster.isComplete) }

  /// The results in one of the formats, ended by a line break. Those of several series follow each other in a table,
  /// have a first column `id` in CSV, a field `id` in JSON lines, and are an array in JSON.
  func text(as format: OutputFormat, for terminal: Terminal) -> String {
    if shape == .nixtla, let text = nixtla(format) { return text }
    guard reports.count > 1 else { return reports[0].text(as: format, for: terminal) }
    switch format {
    case .table: return reports.map { $0.table(for: terminal) }.joined(separator: "\n")
    case .csv:
      return "id," + reports[0].csvHeader + "\n"
        + reports.flatMap { report in report.csvRows.map { "\(csvField(report.label ?? "")),\($0)\n" } }.joined()
    case .json: return JSON.array(reports.map(\.json)).text() + "\n"
    case .jsonl: return reports.map(\.jsonLines).joined()
    }
  }

  /// Forecasts as other programs read them; nil for a format in which they do not.
  private func nixtla(_ format: OutputFormat) -> String? {
    let rows = reports.flatMap { report in report.nixtlaRows.map { [("unique_id", JSON.text(report.uniqueID))] + $0 } }
    switch format {
    case .table: return nil
    case .csv:
      let header = rows.first?.map(\.0).joined(separator: ",") ?? ""
      return ([header] + rows.map { $0.map { Self.field($0.1) }.joined(separator: ",") }).map { $0 + "\n" }.joined()
    case .json: return JSON.array(rows.map(JSON.object)).text() + "\n"
    case .jsonl: return rows.map { JSON.object($0).line + "\n" }.joined()
    }
  }

  private static func field(_ value: JSON) -> String {
    switch value {
    case .text(let text): csvField(text)
    case .number(let number): csvField(number)
    default: ""
    }
  }
}
