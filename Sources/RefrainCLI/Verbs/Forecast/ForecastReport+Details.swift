import RefrainTasks

extension ForecastReport {
  /// What is told on request: the backtest's horizons and steps one by one, and how far off one step ahead was.
  func details(on page: Page) -> [[String]] {
    var sections: [[String]] = []
    if extent.hasDetails, let backtest {
      func row(_ name: String, _ part: Backtest.Part) -> [String] {
        [
          name, percent(part.smape, decimals: 2), readable(part.mase, decimals: 3), significant(part.rmse),
          percent(part.coverage * 100, decimals: 0),
        ]
      }
      let header = ["", "sMAPE", "MASE", "RMSE", "Within 10–90 %"]
      if let folds = backtest.perFold, !folds.isEmpty {
        let rows = folds.map { row($0.from == $0.to ? $0.from : "\($0.from) to \($0.to)", $0.errors) }
        sections.append([page.strong("Backtest by horizon")] + page.grid([header] + rows))
      }
      if let steps = backtest.perStep, !steps.isEmpty {
        let shown = steps.prefix(120).map { row("\($0.step)", $0.errors) }
        sections.append([page.strong("Backtest by step")] + page.grid([header] + shown))
      }
    }
    if extent.hasFitted {
      let residuals = fitted.compactMap { value in value.value.map { $0 - value.fitted } }
      let count = Double(max(residuals.count, 1))
      let mean = residuals.reduce(0) { $0 + abs($1) } / count
      let root = (residuals.reduce(0) { $0 + $1 * $1 } / count).squareRoot()
      sections.append(
        [page.strong("One step ahead")]
          + page.paragraph(
            "\(residuals.count) past values were off by \(significant(mean)) on average (RMSE \(significant(root))); "
              + "--format csv or json gives all of them."
          ).dropFirst())
    }
    return sections
  }
}
