import RefrainData
import RefrainTasks

/// Measures over folds, in one of the formats.
struct FoldReport {
  private let task: String
  private let folds: FoldEvaluation

  init(_ task: String, _ folds: FoldEvaluation) { (self.task, self.folds) = (task, folds) }

  /// The measures in a format, ended by a line break.
  func text(as format: OutputFormat, for terminal: Terminal) throws -> String {
    switch format {
    case .table:
      let page = Page(width: terminal.width, usesColor: terminal.usesColor)
      return ([page.strong(task)] + lines(on: page)).map { $0 + "\n" }.joined()
    case .csv:
      let header = ["measure", "mean", "deviation"] + folds.parts.indices.map { "fold \($0 + 1)" }
      let rows = folds.measures.map { [csvField($0.name)] + ([$0.mean, $0.deviation] + $0.values).map(csvField) }
      return ([header] + rows).map { $0.joined(separator: ",") + "\n" }.joined()
    case .json: return try json.text() + "\n"
    case .jsonl: return try json.line + "\n"
    }
  }

  private var json: JSON {
    get throws { ["task": .text(task), "folds": try JSON(encoding: folds)] }
  }

  /// A row for each measure: mean and deviation, the least and the greatest, and the baselines' means.
  func lines(on page: Page) -> [String] {
    func text(_ value: Double?) -> String { value.map { $0.isFinite ? significant($0) : "–" } ?? "" }
    let baselines = folds.baselines
    let examples = folds.parts.reduce(0) { $0 + $1.examples }
    let header = ["measure", "mean", "deviation", "least", "greatest"] + baselines.map(\.name)
    let rows = folds.measures.map { measure in
      [
        measure.name, text(measure.mean), text(measure.deviation), text(measure.values.min()),
        text(measure.values.max()),
      ] + baselines.map { baseline in text(baseline.measures.first { $0.name == measure.name }?.mean) }
    }
    let count = folds.isComplete ? "\(folds.count) folds" : "\(folds.parts.count) of \(folds.count) folds"
    return [page.strong("In \(count)") + page.faint("  \(counted(examples)) examples")]
      + page.grid([header] + rows)
  }
}
