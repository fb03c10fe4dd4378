import RealModule
import RefrainData

/// A search as one page of HTML that needs nothing else.
public struct TuningPage: Sendable {
  private let report: TuningReport

  /// A page of a report.
  public init(_ report: TuningReport) { self.report = report }

  /// The text of the file.
  public var text: String {
    let finished = report.ranked.filter { $0.state == .finished && $0.result != nil }
    let best = finished.first
    let body = """
      <main>
      <ul class="sum">
      <li><b>\(report.trials.count)</b><span>trials</span></li>
      <li><b>\(finished.count)</b><span>finished</span></li>
      <li><b>\(report.trials.count { $0.state == .pruned })</b><span>ended early</span></li>
      <li><b>\(best.map { shortNumber($0.result!) } ?? "–")</b><span>best \(escapedHTML(report.measureName))</span></li>
      </ul>
      \(best.map(sentence) ?? "")
      <h2>Every trial as a line</h2>
      \(parallel(finished))
      <h2>Best so far</h2>
      \(course)
      <h2>Learning curves</h2>
      \(curves)
      <h2>Importance</h2>
      <p class="note">The share of the results' variance (of their ranks) that goes with each option alone.</p>
      \(bars)
      <h2>Trials</h2>
      \(table)
      </main>
      """
    return HTMLPage(
      title: "Search: \(report.task)",
      subtitle: "Options and \(report.measure?.name ?? "results") of \(report.trials.count) trials",
      body: body, style: Self.style
    ).text
  }

  private func options(_ trial: Study.Trial) -> String {
    SearchSpace.typed(trial.values, augment: report.givenChanges)
  }

  private func sentence(_ best: Study.Trial) -> String {
    let mean = report.ranking.isDecided(report.trials) ? report.ranking.mean(of: best) : nil
    let text = mean.map { ", by the mean of \(report.repeats) seeds, \(shortNumber($0))" } ?? ""
    return "<p>The best is trial \(best.number)\(text): <code>\(escapedHTML(options(best)))</code></p>"
  }

  private static let style = """
    .trial { fill: none; stroke: var(--accent); stroke-width: 1.5; } .trial.best { stroke: rgb(var(--plus)); stroke-width: 3; }
    .bar { fill: var(--accent); } .best { fill: none; stroke: rgb(var(--plus)); stroke-width: 2.5; }
    .trial.ended { stroke: var(--other); stroke-dasharray: 4 3; }
    .dot { fill: var(--accent); fill-opacity: .5; }
    .chart { overflow-x: auto; } .chart svg { min-width: 680px; }
    .over { paint-order: stroke; stroke: var(--ground); stroke-width: 6px; }
    """

  /// Parallel coordinates: an axis for each parameter and one for the result; the better a trial the stronger its line.
  private func parallel(_ finished: [Study.Trial]) -> String {
    let results = finished.compactMap(\.result)
    guard let low = results.min(), let high = results.max(), finished.count > 1 else {
      return "<p class=\"note\">Fewer than two trials are finished.</p>"
    }
    let parameters = report.space.parameters
    let step = 860 / Double(max(parameters.count, 1))
    func x(_ axis: Int) -> Double { 60 + step * Double(axis) }
    func y(_ share: Double) -> Double { 230 - 190 * share }
    var (parts, choices): ([String], [String]) = ([], [])
    for (axis, parameter) in parameters.enumerated() {
      parts.append("<path class=\"grid\" d=\"M\(x(axis)) 40V230\"/>")
      parts.append("<text x=\"\(x(axis))\" y=\"16\" text-anchor=\"middle\">\(escapedHTML(parameter.name))</text>")
      let ends: [(Double, String)] =
        switch parameter.domain {
        case .real(let range, _): [(0, shortNumber(range.lowerBound)), (1, shortNumber(range.upperBound))]
        case .whole(let range, _): [(0, "\(range.lowerBound)"), (1, "\(range.upperBound)")]
        case .choice(let words): words.enumerated().map { ((Double($0) + 0.5) / Double(words.count), $1) }
        }
      for (place, text) in ends {
        // Words stand on the axis, over the lines.
        let isBetween = place > 0 && place < 1
        let below = place == 0 ? 16.0 : place == 1 ? -6 : 4
        let label =
          "<text\(isBetween ? " class=\"over\"" : "") x=\"\(x(axis))\" y=\"\(y(place) + below)\" "
          + "text-anchor=\"middle\">\(escapedHTML(text))</text>"
        if isBetween { choices.append(label) } else { parts.append(label) }
      }
    }
    let last = x(parameters.count)
    parts.append("<path class=\"grid\" d=\"M\(last) 40V230\"/>")
    parts.append(
      "<text x=\"\(last)\" y=\"16\" text-anchor=\"middle\">\(escapedHTML(report.measureName))</text>")
    parts.append("<text x=\"\(last)\" y=\"246\" text-anchor=\"middle\">\(shortNumber(low))</text>")
    parts.append("<text x=\"\(last)\" y=\"34\" text-anchor=\"middle\">\(shortNumber(high))</text>")
    for (rank, trial) in finished.enumerated().reversed() {
      guard let values = report.space.values(of: trial.values), let result = trial.result else { continue }
      var points = zip(parameters, values).enumerated().map { axis, pair -> (Double, Double) in
        let (parameter, value) = pair
        if case .choice(let words) = parameter.domain, case .choice(let place) = value {
          return (x(axis), y((Double(place) + 0.5) / Double(words.count)))
        }
        return (x(axis), y(parameter.domain.place(of: value) ?? 0))
      }
      points.append((last, y(high > low ? (result - low) / (high - low) : 0.5)))
      let path = points.enumerated().map { ($0 == 0 ? "M" : "L") + "\($1.0.rounded()) \($1.1.rounded())" }.joined()
      let strength = 0.15 + 0.75 * (1 - Double(rank) / Double(finished.count))
      parts.append(
        "<path class=\"trial\(rank == 0 ? " best" : "")\" d=\"\(path)\" stroke-opacity=\"\((strength * 100).rounded() / 100)\">"
          + "<title>trial \(trial.number): \(escapedHTML(options(trial))): \(shortNumber(result))</title></path>")
    }
    return """
      <div class="chart" tabindex="0" role="region" aria-label="Every trial as a line">
      <svg viewBox="0 0 1000 254" role="img" aria-label="Parallel coordinates of the trials; the table below has the same">
      \(parts.joined())\(choices.joined())</svg></div>
      """
  }

  private var course: String {
    let finished = report.trials.filter { $0.state == .finished && $0.result != nil }
    let results = finished.compactMap(\.result)
    guard let low = results.min(), let high = results.max(), finished.count > 1 else { return "" }
    let greatest = Double(report.trials.map(\.number).max() ?? 1)
    func x(_ number: Int) -> Double { 60 + 920 * Double(number - 1) / max(greatest - 1, 1) }
    func y(_ value: Double) -> Double { 170 - 150 * (high > low ? (value - low) / (high - low) : 0.5) }
    let ranking = report.ranking
    var best: Double?
    var path = ""
    var dots = ""
    for trial in finished {
      let result = trial.result!
      dots += "<circle class=\"dot\" cx=\"\(x(trial.number))\" cy=\"\(y(result))\" r=\"4\"/>"
      if best.map({ ranking.loss(result) < ranking.loss($0) }) ?? true {
        path += best == nil ? "M\(x(trial.number)) \(y(result))" : "H\(x(trial.number))V\(y(result))"
        best = result
      }
    }
    return """
      <div class="chart" tabindex="0" role="region" aria-label="Best so far">
      <svg viewBox="0 0 1000 200" role="img" aria-label="Results by trial, and the best so far">
      <path class="grid" d="M60 20V170H980"/>\(dots)<path class="best" d="\(path)H980"/>
      <text x="52" y="24" text-anchor="end">\(shortNumber(high))</text>
      <text x="52" y="172" text-anchor="end">\(shortNumber(low))</text>
      <text x="60" y="190">trial 1</text><text x="980" y="190" text-anchor="end">\(Int(greatest))</text></svg></div>
      """
  }

  /// How many trials have a line among the learning curves.
  private static let mostCurves = 200

  /// What each trial reported after its epochs, as a line: those ended early broken, the best on top. The few that are
  /// far worse than the others go beyond the edge.
  private var curves: String {
    let shown = report.ranked.filter { $0.reports.count > 0 }.prefix(Self.mostCurves)
    let values = shown.flatMap(\.reports).map(\.value).filter(\.isFinite).sorted()
    let last = shown.flatMap(\.reports).map(\.step).max() ?? 0
    guard let low = values.first, last > 1 else {
      return "<p class=\"note\">No trial has reported more than one epoch.</p>"
    }
    let high = values[min(values.count - 1, values.count * 19 / 20)]
    func x(_ step: Int) -> Double { 60 + 920 * Double(step - 1) / Double(last - 1) }
    func y(_ value: Double) -> Double { max(0, 170 - 150 * (high > low ? (value - low) / (high - low) : 0.5)) }
    let best = report.ranked.first.flatMap { $0.state == .finished ? $0.number : nil }
    var lines = ""
    for trial in shown.reversed() {
      let points = trial.reports.filter(\.value.isFinite)
      guard let end = points.last else { continue }
      let path = points.enumerated().map { place, point in
        "\(place == 0 ? "M" : "L")\(x(point.step).rounded()) \(y(point.value).rounded())"
      }.joined()
      let kind = trial.number == best ? " best" : trial.state == .pruned ? " ended" : ""
      lines += """
        <path class="trial\(kind)" d="\(path)" stroke-opacity="\(kind == " best" ? 1 : 0.45)"><title>trial \
        \(trial.number), \(trial.state.rawValue): \(shortNumber(end.value)) after epoch \(end.step)</title></path>
        """
    }
    return """
      <p class="note">The loss after each epoch, that of the validation where there is one, by which trials are \
      compared on their way; broken lines were ended early.</p>
      <div class="chart" tabindex="0" role="region" aria-label="Learning curves">
      <svg viewBox="0 0 1000 200" role="img" aria-label="Learning curves: the loss of each trial after each epoch">
      <path class="grid" d="M60 20V170H980"/>\(lines)
      <text x="52" y="24" text-anchor="end">\(shortNumber(high))</text>
      <text x="52" y="172" text-anchor="end">\(shortNumber(low))</text>
      <text x="60" y="190">epoch 1</text><text x="980" y="190" text-anchor="end">\(last)</text></svg></div>
      """
  }

  private var bars: String {
    let importance = report.importance
    guard !importance.isEmpty else { return "<p class=\"note\">Too few trials are finished to say.</p>" }
    let rows = importance.map { name, share in
      """
      <tr><td>\(escapedHTML(name))</td><td>\(Int((share * 100).rounded())) %</td><td><svg viewBox="0 0 200 12" \
      style="width:200px" aria-hidden="true"><rect class="bar" width="\((share * 200).rounded())" height="12"/></svg></td></tr>
      """
    }
    return """
      <table><thead><tr><th scope="col">option</th><th scope="col">share</th><th></th></tr></thead>
      <tbody>\(rows.joined())</tbody></table>
      """
  }

  private var table: String {
    let names = report.space.parameters.map(\.name)
    let means = report.repeats > 1 ? ["mean of \(report.repeats) seeds"] : []
    let header: [String] = ["trial", "state", report.measureName] + means + names + ["epochs", "seconds"]
    let rows = report.ranked.prefix(1000).map { trial -> String in
      var cells: [String] = ["\(trial.number)", trial.state.rawValue]
      cells.append(trial.result.map { shortNumber($0) } ?? "")
      if report.repeats > 1 { cells.append(report.ranking.mean(of: trial).map { shortNumber($0) } ?? "") }
      for name in names { cells.append(trial.values[name] ?? "") }
      cells.append("\(trial.reports.last?.step ?? 0)")
      cells.append(trial.seconds.map { shortNumber($0) } ?? "")
      return "<tr>" + cells.map { "<td>\(escapedHTML($0))</td>" }.joined() + "</tr>"
    }
    return """
      <div class="wide" tabindex="0" role="region" aria-label="Trials"><table>
      <thead><tr>\(header.map { "<th scope=\"col\">\(escapedHTML($0))</th>" }.joined())</tr></thead>
      <tbody>\(rows.joined())</tbody></table></div>
      """
  }

  private func shortNumber(_ value: Double) -> String { HTMLPage.short(value) }
}
