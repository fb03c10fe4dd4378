import RefrainData
import RefrainTasks

/// The reports on one series or on several.
struct ForecastResults {
  /// At least one.
  let reports: [ForecastReport]

  init(_ reports: [ForecastReport]) { self.reports = reports }

  /// Whether every training came to its end.
  var areComplete: Bool { reports.allSatisfy(\.forecaster.isComplete) }

  /// The results in one of the formats, ended by a line break. Those of several series follow each other in a table,
  /// have a first column `id` in CSV, a field `id` in JSON lines, and are an array in JSON.
  func text(as format: OutputFormat, for terminal: Terminal) -> String {
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
}
