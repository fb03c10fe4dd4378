import RefrainData
import RefrainTuning

/// The trials of a search in one of the formats.
struct TuningTable {
  private let report: TuningReport

  init(_ report: TuningReport) { self.report = report }

  /// The trials in a format, ended by a line break.
  func text(as format: OutputFormat, for terminal: Terminal) -> String {
    let names = report.space.parameters.map(\.name)
    let means = report.repeats > 1 ? ["mean of \(report.repeats)"] : []
    func mean(_ trial: Study.Trial, _ text: (Double) -> String) -> [String] {
      means.map { _ in report.ranking.mean(of: trial).map(text) ?? "" }
    }
    switch format {
    case .table:
      let page = Page(width: min(terminal.width, 120), usesColor: terminal.usesColor)
      var lines = [page.strong("tune \(report.task)") + page.faint("  \(counts)")]
      let shown = report.ranked.prefix(20)
      lines += page.grid(
        [["trial", report.measureName] + means + names + ["epochs", "seconds"]]
          + shown.map { trial in
            let result = trial.result.map { significant($0) } ?? trial.state.rawValue
            return ["\(trial.number)", result] + mean(trial) { significant($0) } + names.map { trial.values[$0] ?? "" }
              + ["\(trial.reports.last?.step ?? 0)", trial.seconds.map { fixed($0, decimals: 1) } ?? ""]
          })
      if report.trials.count > shown.count { lines += ["", "  and \(report.trials.count - shown.count) more"] }
      let importance = report.importance
      if !importance.isEmpty {
        lines += ["", page.strong("Importance") + page.faint("  the share of the results that goes with it alone")]
        lines += page.grid(
          [["option", "share", ""]]
            + importance.map { name, share in
              [
                name, percent(share * 100, decimals: 0),
                String(repeating: "━", count: Int(share * 20)) + String(repeating: " ", count: 20 - Int(share * 20)),
              ]
            })
      }
      return lines.map { $0 + "\n" }.joined()
    case .csv:
      let header = ["trial", "state", "result"] + means + names + ["epochs", "seconds"]
      let rows = report.trials.map { trial in
        ["\(trial.number)", trial.state.rawValue, trial.result.map { csvField($0) } ?? ""]
          + mean(trial) { csvField($0) }
          + names.map { csvField(trial.values[$0] ?? "") }
          + ["\(trial.reports.last?.step ?? 0)", trial.seconds.map { csvField($0) } ?? ""]
      }
      return ([header] + rows).map { $0.joined(separator: ",") + "\n" }.joined()
    case .json: return report.json.text() + "\n"
    case .jsonl: return report.json.line + "\n"
    }
  }

  private var counts: String {
    Study.State.allCases.compactMap { state in
      let count = report.trials.count { $0.state == state }
      return count > 0 ? "\(count) \(state.rawValue)" : nil
    }.joined(separator: ", ")
  }
}
