import Refrain
import RefrainData
import RefrainFoundation

/// The loss over learning rates that were tried, in one of the formats.
struct RateReport {
  private let search: LearningRateSearch

  init(_ search: LearningRateSearch) { self.search = search }

  /// The rates in a format, ended by a line break.
  func text(as format: OutputFormat, for terminal: Terminal) -> String {
    switch format {
    case .table:
      let page = Page(width: min(terminal.width, 100), usesColor: terminal.usesColor)
      let losses = search.trials.map(\.loss)
      let (least, greatest) = (losses.min() ?? 0, losses.max() ?? 0)
      // About twenty of them, and the suggested one.
      let every = max(1, search.trials.count / 20)
      let shown = search.trials.enumerated().filter { $0.offset % every == 0 || $0.element.rate == search.suggestion }
      let rows = shown.map { _, trial in
        let part = greatest > least ? (trial.loss - least) / (greatest - least) : 0
        let bar = String(repeating: "━", count: Int(part * 30) + 1)
        let room = String(repeating: " ", count: 31 - bar.count)
        let mark = trial.rate == search.suggestion ? "←" : " "
        return [rate(trial.rate), significant(Double(trial.loss)), bar + room, mark]
      }
      let advice =
        search.suggestion.map { "The loss falls fastest at a rate of \(rate($0)): try --learning-rate \(rate($0))." }
        ?? "The loss falls at none of these rates."
      return ([page.strong("Learning rates")] + page.grid([["rate", "loss", "", ""]] + rows) + page.paragraph(advice))
        .map { $0 + "\n" }.joined()
    case .csv: return "rate,loss\n" + search.trials.map { "\($0.rate),\($0.loss)\n" }.joined()
    case .json: return json.text() + "\n"
    case .jsonl: return json.line + "\n"
    }
  }

  /// A rate with two digits, as people choose them.
  private func rate(_ rate: Float) -> String { written(Double(rate), .general, digits: 2) }

  private var json: JSON {
    func number(_ value: Float) -> JSON { .number(Double("\(value)") ?? .nan) }
    return [
      "suggestion": search.suggestion.map(number) ?? .null,
      "trials": .array(search.trials.map { ["rate": number($0.rate), "loss": number($0.loss)] }),
    ]
  }
}
