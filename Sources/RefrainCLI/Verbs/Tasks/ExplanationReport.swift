import Refrain
import RefrainData
import RefrainTasks

/// Explanations in one of the formats.
struct ExplanationReport {
  private let task: String
  private let explanations: [Explanation]
  private let withStates: Bool
  /// What is shown of two examples together.
  var comparison: [Exhibit] = []
  /// What is shown of all examples together.
  var overview: [Exhibit] = []

  init(_ task: String, _ explanations: [Explanation], withStates: Bool) {
    self.task = task
    self.explanations = explanations
    self.withStates = withStates
  }

  /// The explanations in a format, ended by a line break.
  func text(as format: OutputFormat, for terminal: Terminal) -> String {
    switch format {
    case .table:
      let page = Page(width: min(terminal.width, 100), usesColor: terminal.usesColor)
      let lines =
        explanations.flatMap { self.lines(of: $0, on: page) }
        + (comparison + overview).flatMap { [""] + self.lines(of: $0, on: page) } + page.paragraph(Explanation.caution)
      return lines.map { $0 + "\n" }.joined()
    case .csv: return csv
    case .json:
      func object(_ exhibits: [Exhibit]) -> JSON { .object(exhibits.map { ($0.name, $0.json) }) }
      return JSON.object(
        [("task", .text(task)), ("explanations", .array(explanations.map { $0.json(withStates: withStates) }))]
          + (comparison.isEmpty ? [] : [("comparison", object(comparison))])
          + (overview.isEmpty ? [] : [("overview", object(overview))])
      ).text() + "\n"
    case .jsonl: return explanations.map { $0.json(withStates: withStates).line + "\n" }.joined()
    }
  }

  /// A row for each value: its part by each method.
  private var csv: String {
    let methods = explanations.first?.methods ?? []
    let header = ["example", "output", "step", "feature"] + methods.map(\.method)
    let rows = explanations.flatMap { one in
      let features = one.features.isEmpty ? [""] : one.features
      return one.steps.indices.flatMap { step in
        features.indices.map { feature -> [String] in
          let parts = one.methods.map { parts -> String in
            // A method that takes steps as a whole says nothing of a feature.
            if parts.values.shape[1] == features.count { return csvField(Double(parts.values[step, feature])) }
            return feature == 0 ? csvField(Double(parts.values[step, 0])) : ""
          }
          return [one.title, one.output, one.steps[step], features[feature]].map(csvField) + parts
        }
      }
    }
    return ([header] + rows).map { $0.joined(separator: ",") + "\n" }.joined()
  }

  private func lines(of one: Explanation, on page: Page) -> [String] {
    let main = one.methods[0]
    var lines = [page.strong(one.title.sanitized) + page.faint("  \(one.outputAndUnit.sanitized)")]
    if !one.remark.isEmpty { lines += page.entry("", one.remark.sanitized, labelWidth: 0) }
    lines += page.entry(
      "Score",
      "\(number(one.score)) = \(number(one.baselineScore)) with the baseline '\(one.baseline)' + "
        + "\(number(main.steps.reduce(0, +))) from the input + \(number(main.gap ?? 0)) not accounted for",
      labelWidth: 12)
    if one.initialStateShare != 0 {
      lines += page.entry(
        "Initial state", "\(number(one.initialStateShare)) of the baseline's score comes from it", labelWidth: 12)
    }
    lines += ["", page.strong("Steps") + page.faint("  the ten with the greatest parts")]
    let steps = main.steps
    let order = steps.indices.sorted { abs(steps[$0]) > abs(steps[$1]) }.prefix(10).sorted()
    let most = steps.reduce(0) { max($0, abs($1)) }
    lines += page.grid(
      [["step"] + one.methods.map(\.title) + [""]]
        + order.map { step in
          [String(one.steps[step].sanitized.prefix(24))] + one.methods.map { number($0.steps[step]) }
            + [bar(steps[step], most)]
        })
    if one.features.count > 1 {
      lines += ["", page.strong("Features")]
      let sums = main.values.sum(axes: [0]).values
      let order = one.features.indices.sorted { abs(sums[$0]) > abs(sums[$1]) }.prefix(12)
      lines += page.grid(
        [["feature", "sum of its parts", "score falls without it by"]]
          + order.map { [one.features[$0].sanitized, number(sums[$0]), number(one.withoutFeature[$0])] })
    }
    for exhibit in one.exhibits { lines += [""] + self.lines(of: exhibit, on: page) }
    lines += ["", page.strong("Is it true?")] + truth(one, on: page)
    for level in one.levels where !level.units.isEmpty { lines += [""] + self.lines(of: level, one, on: page) }
    return lines
  }

  /// A number of a table: numbers of rows and counts as they are.
  private static func cell(_ value: Double) -> String {
    Int(exactly: value).map { "\($0)" } ?? significant(value)
  }

  /// An exhibit: a table as it is, of words those with the greatest numbers, of a grid the greatest in each row.
  private func lines(of exhibit: Exhibit, on page: Page) -> [String] {
    var lines = [page.strong(exhibit.title.sanitized)]
    if !exhibit.note.isEmpty { lines += page.paragraph(exhibit.note).dropFirst() }
    switch exhibit.content {
    case .table(let columns, let rows):
      lines += page.grid(
        [columns]
          + rows.prefix(12).map { row in
            row.map { cell in
              switch cell {
              case .text(let text): String(text.sanitized.prefix(60))
              case .number(let value): value.isFinite ? Self.cell(value) : ""
              }
            }
          })
      if rows.count > 12 {
        lines += page.entry("", "and \(rows.count - 12) more, in JSON or on the page", labelWidth: 0)
      }
    case .words(let words):
      let order = words.indices.sorted { words[$0].value > words[$1].value }.prefix(10)
      lines += page.grid(
        [["place", "text", "value"]]
          + order.map { ["\($0 + 1)", String(words[$0].text.sanitized.prefix(40)), significant(words[$0].value)] })
    case .grid(let rows, let columns, let values):
      let (all, width) = (values.values, columns.count)
      lines += page.grid(
        [["", "greatest", "value"]]
          + rows.prefix(40).enumerated().map { index, name in
            let own = all[index * width..<(index + 1) * width]
            let best = own.indices.max { own[$0] < own[$1] } ?? own.startIndex
            return [
              String(name.sanitized.prefix(24)), String(columns[best - own.startIndex].sanitized.prefix(24)),
              significant(Double(own[best])),
            ]
          })
    case .frames(let names, let clip):
      lines += page.grid(
        [["frame", "its mean"]]
          + zip(names, clip.means).prefix(40).map { [String($0.sanitized.prefix(40)), significant($1)] })
    }
    return lines
  }

  private func truth(_ one: Explanation, on page: Page) -> [String] {
    var lines: [String] = []
    if let faithfulness = one.faithfulness {
      let (deletion, insertion) = (faithfulness.deletion.areas, faithfulness.insertion.areas)
      lines += page.grid([
        ["mean score (0: baseline, 1: input)", "greatest first", "random order", ""],
        [
          "steps taken out, less is better", number(deletion.ordered), number(deletion.random),
          deletion.ordered < deletion.random ? "better" : "no better",
        ],
        [
          "steps put in, more is better", number(insertion.ordered), number(insertion.random),
          insertion.ordered > insertion.random ? "better" : "no better",
        ],
      ])
    }
    lines += page.entry("", one.verdict, labelWidth: 0)
    if let incompleteness = one.incompleteness { lines += page.entry("", incompleteness, labelWidth: 0) }
    for parts in one.methods {
      guard let gap = parts.gap else { continue }
      let others = parts.others.map { ", \($0.name) \(number($0.value))" }.joined()
      lines += page.entry(
        "Adds up",
        "\(parts.title): all parts but \(number(gap)) of \(parts.subject ?? number(one.score))\(others)", labelWidth: 12
      )
    }
    // One step has no order.
    guard one.steps.count > 1 else { return lines }
    let agreement = one.agreement.map { "\(one.title(of: $0.method)) \(number($0.correlation))" }
      .joined(separator: ", ")
    lines += page.entry("Agreement", "rank correlation with integrated gradients: \(agreement)", labelWidth: 12)
    lines += page.entry(
      "Mixed up", "with the weights in random places: correlation \(number(one.randomizedCorrelation))", labelWidth: 12)
    return lines
  }

  private func lines(of level: Explanation.Level, _ one: Explanation, on page: Page) -> [String] {
    let units = level.units
    var lines = [page.strong("Gates of \(level.name.sanitized)") + page.faint("  \(level.cell), \(units.count) units")]
    if let absence = level.absenceOfGates { lines += page.entry("", absence, labelWidth: 0) }
    let gates = units[0].gates.map(\.name)
    if !gates.isEmpty {
      func mean(_ gate: Int, _ value: (UnitStatistics.Gate) -> Float) -> Float {
        units.reduce(0) { $0 + value($1.gates[gate]) } / Float(units.count)
      }
      lines += page.grid(
        [["gate", "mean", "closed < 0.1", "open > 0.9", "units stuck closed", "stuck open"]]
          + gates.indices.map { gate in
            [
              gates[gate], number(mean(gate, \.mean)), percent(Double(mean(gate, \.closed)) * 100, decimals: 0),
              percent(Double(mean(gate, \.open)) * 100, decimals: 0),
              "\(units.count { $0.gates[gate].closed > 0.95 })", "\(units.count { $0.gates[gate].open > 0.95 })",
            ]
          })
    }
    let lives = units.compactMap(\.halfLife).sorted()
    if !lives.isEmpty {
      lines += page.entry(
        "Half-life",
        "half of what a unit holds is left after \(number(lives[lives.count / 2])) steps in the median, "
          + "\(number(lives[0])) at least, \(number(lives[lives.count - 1])) at most", labelWidth: 12)
    }
    let followers = units.filter { abs($0.follows?.correlation ?? 0) > 0.5 }
      .sorted { abs($0.follows!.correlation) > abs($1.follows!.correlation) }.prefix(5)
    if !followers.isEmpty {
      let texts = followers.map { unit in
        "unit \(unit.unit) \(one.features[unit.follows!.feature].sanitized) (\(number(unit.follows!.correlation)))"
      }
      lines += page.entry("Follow", texts.joined(separator: ", "), labelWidth: 12)
    }
    return lines
  }

  private func number(_ value: Float) -> String { significant(Double(value)) }

  private func bar(_ value: Float, _ most: Float) -> String {
    let length = most > 0 ? Int((abs(value) / most * 12).rounded()) : 0
    let bar = (value < 0 ? "−" : "+") + String(repeating: "━", count: length)
    return bar + String(repeating: " ", count: 13 - bar.count)
  }
}
