import Refrain
import RefrainData

/// One explanation as a part of a page.
struct ExplanationArticle {
  private let one: Explanation
  private let number: Int

  init(_ explanation: Explanation, number: Int) {
    one = explanation
    self.number = number
  }

  var text: String {
    """
    <article id="example-\(number)" aria-labelledby="title-\(number)">
    <h2 id="title-\(number)">\(escapedHTML(one.title))</h2>
    \(one.remark.isEmpty ? "" : "<p><strong>\(escapedHTML(one.remark))</strong></p>")
    <p class="note">What speaks for and against: \(escapedHTML(one.outputAndUnit))</p>
    \(sum)
    <h3 id="where-\(number)">Where in the input</h3>
    \(methods)
    \(features)
    \(one.exhibits.map { $0.markup(level: 3) }.joined(separator: "\n"))
    <h3>Is it true?</h3>
    \(truth)
    \(one.levels.isEmpty ? "" : "<h3>Gates and memory</h3>")
    \(one.levels.map(level).joined(separator: "\n"))
    </article>
    """
  }

  /// The score and what it is made of.
  private var sum: String {
    let main = one.methods[0]
    var items = [
      ("the score", one.score), ("with the baseline “\(one.baseline)”", one.baselineScore),
      ("from the input", main.steps.reduce(0, +)),
    ]
    if let gap = main.gap { items.append(("not accounted for", gap)) }
    if one.initialStateShare != 0 { items.append(("of the baseline's, from the initial state", one.initialStateShare)) }
    let parts = items.map { "<li><b>\(shortNumber($0.1))</b><span>\(escapedHTML($0.0))</span></li>" }
    return "<ul class=\"sum\">\(parts.joined())</ul>"
  }

  private var methods: String {
    let tabs = one.methods.enumerated().map { index, parts in
      """
      <button role="tab" id="tab-\(number)-\(index)" aria-controls="panel-\(number)-\(index)" \
      aria-selected="\(index == 0)" tabindex="\(index == 0 ? 0 : -1)">\(escapedHTML(parts.title))</button>
      """
    }
    let panels = one.methods.enumerated().map { index, parts in
      """
      <div role="tabpanel" id="panel-\(number)-\(index)" aria-labelledby="tab-\(number)-\(index)" \
      tabindex="0"\(index == 0 ? "" : " hidden")>
      \(note(of: parts))
      \(one.features.isEmpty ? words(parts) : map(of: parts))
      \(pictures(of: parts))
      \(greatest(parts))
      </div>
      """
    }
    return """
      <div role="tablist" aria-label="Methods">\(tabs.joined())</div>
      \(panels.joined(separator: "\n"))
      \(one.pictures.map(plain).joined())
      """
  }

  /// Frames with the parts of their pixels by a method; none by one that takes frames as a whole.
  private func pictures(of parts: Explanation.Parts) -> String {
    one.pictures.compactMap { pictures in
      pictures.parts.first { $0.method == parts.method }.map { _, values in
        FilmStrip(
          clip: pictures.clip, parts: values, names: pictures.names,
          label: "\(pictures.name): the parts of pixels by \(parts.title)"
        ).markup
      }
    }.joined(separator: "\n")
  }

  private func plain(_ pictures: Explanation.Pictures) -> String {
    let strip = FilmStrip(clip: pictures.clip, names: pictures.names, label: "\(pictures.name) as it is")
    return "<details><summary>\(escapedHTML(pictures.name)) as it is</summary>\(strip.markup)</details>"
  }

  /// The mean of all frames, and by how much the score falls without each area.
  private func areas(_ pictures: Explanation.Pictures) -> String {
    guard let values = pictures.withoutArea else { return "" }
    let mean = Clip(pictures.clip.tensor.mean(axes: [0], keepingAxes: true))
    let label = "\(pictures.name): by how much the score falls without each area"
    return "<p class=\"note\">The colors over the mean of all frames: by how much the score falls without each area in "
      + "all of them, divided among its pixels.</p>"
      + FilmStrip(clip: mean, parts: values, names: ["the mean of all frames"], label: label).markup
  }

  private func note(of parts: Explanation.Parts) -> String {
    var text: String
    if let gap = parts.gap {
      text =
        "The parts add up to \(parts.subject ?? "the score")"
        + (parts.others.isEmpty ? "'s difference from the baseline's" : "") + " but for "
        + "\(shortNumber(gap))."
    } else {
      text = "The parts of this method need not add up to the score."
    }
    for other in parts.others { text += " The \(other.name): \(shortNumber(other.value))." }
    return
      "<p class=\"note\">\(escapedHTML(text)) <span aria-hidden=\"true\">Orange speaks for, blue against.</span></p>"
  }

  /// Steps as words with a colored ground.
  private func words(_ parts: Explanation.Parts) -> String {
    let values = parts.steps
    let most = values.reduce(0) { max($0, abs($1)) }
    let spans = zip(one.steps, values).map { word, value -> String in
      let level = most > 0 ? abs(value) / most : 0
      let color = value >= 0 ? "plus" : "minus"
      let alpha = (Double(level) * 80).rounded() / 100
      let ground = alpha >= 0.04 ? " style=\"background:rgb(var(--\(color)) / \(alpha))\"" : ""
      return "<span\(ground) title=\"\(shortNumber(value))\">\(escapedHTML(word))</span>"
    }
    return "<p class=\"words\" tabindex=\"0\" role=\"group\" aria-label=\"The steps, colored by their part\">"
      + spans.joined(separator: " ") + "</p>"
  }

  /// A map of features over steps, and the sums of the steps below it.
  private func map(of parts: Explanation.Parts) -> String {
    let rows = parts.values.shape[1] == one.features.count ? one.features : ["all features"]
    return HeatMap(
      values: parts.values, rows: rows, columns: one.steps, label: "\(parts.title) by feature and step", hasBars: true
    ).markup
  }

  /// The steps with the greatest parts, as a table.
  private func greatest(_ parts: Explanation.Parts) -> String {
    let values = parts.steps
    let order = values.indices.sorted { abs(values[$0]) > abs(values[$1]) }.prefix(10)
    let rows = order.map { "<tr><td>\(escapedHTML(one.steps[$0]))</td><td>\(shortNumber(values[$0]))</td></tr>" }
    return """
      <details><summary>The greatest parts as a table</summary><table>
      <thead><tr><th scope="col">step</th><th scope="col">part</th></tr></thead><tbody>\(rows.joined())</tbody>
      </table></details>
      """
  }

  private var features: String {
    guard one.features.count > 1 else { return "" }
    let sums = one.methods[0].values.sum(axes: [0]).values
    let rows = one.features.indices.sorted { abs(sums[$0]) > abs(sums[$1]) }.prefix(40).map { index in
      "<tr><td>\(escapedHTML(one.features[index]))</td><td>\(shortNumber(sums[index]))</td>"
        + "<td>\(shortNumber(one.withoutFeature[index]))</td></tr>"
    }
    return """
      <h3>Features</h3>
      <div class="wide" tabindex="0" role="region" aria-label="Features"><table><thead><tr><th scope="col">feature</th><th scope="col">sum of its parts</th>
      <th scope="col">the score falls without it by</th></tr></thead><tbody>\(rows.joined())</tbody></table></div>
      \(one.pictures.map(areas).joined())
      """
  }

  private var truth: String {
    var text = ""
    if let faithfulness = one.faithfulness {
      text = """
        <p>\(escapedHTML(one.verdict))</p>
        <div class="pair">
        \(CurveChart(faithfulness.deletion, label: "Score as steps are taken out").svg)
        \(CurveChart(faithfulness.insertion, label: "Score as steps are put in").svg)
        </div>
        """
    } else {
      text = "<p>\(Explanation.unmeasured)</p>"
    }
    if let incompleteness = one.incompleteness { text += "<p>\(escapedHTML(incompleteness))</p>" }
    // One step has no order.
    guard one.steps.count > 1 else { return text }
    let rows = one.agreement.map { method, correlation in
      "<tr><td>\(escapedHTML(one.title(of: method)))</td><td>\(shortNumber(correlation))</td></tr>"
    }
    return text + """
      <p>A network of the same weights in random places gets attributions whose order is correlated with these by \
      \(shortNumber(one.randomizedCorrelation)); a method that looks at the network is far from 1.</p>
      <table><caption class="note">Rank correlation of the steps with integrated gradients</caption>
      <thead><tr><th scope="col">method</th><th scope="col">correlation</th></tr></thead>
      <tbody>\(rows.joined())</tbody></table>
      """
  }

  private func level(_ level: Explanation.Level) -> String {
    let shown = level.units.sorted { ($0.halfLife ?? 0, $1.unit) > ($1.halfLife ?? 0, $0.unit) }.prefix(20)
    let gates = level.units.first?.gates.map(\.name) ?? []
    let follows = shown.contains { $0.follows != nil }
    var header = ["unit"]
    if level.units.first?.halfLife != nil { header.append("half-life") }
    for gate in gates { header += ["\(gate) mean", "closed", "open"] }
    if follows { header.append("follows") }
    let rows = shown.map { unit -> String in
      var cells = ["\(unit.unit)"] + (unit.halfLife.map { [shortNumber($0)] } ?? [])
      for gate in unit.gates { cells += [shortNumber(gate.mean), percent(gate.closed), percent(gate.open)] }
      if follows {
        cells.append(
          unit.follows.map { "\(escapedHTML(one.features[$0.feature])) (\(shortNumber($0.correlation)))" } ?? "–")
      }
      return "<tr>" + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
    }
    let memory = level.memory.map { state in
      HeatMap(
        values: state.value, rows: (0..<state.value.shape[1]).map { "\($0)" }, columns: level.steps,
        label: "The \(state.name) state of every unit over the steps", hasBars: false
      ).markup
    }
    let table = """
      <details><summary>\(header.contains("half-life") ? "The units that remember longest" : "The units")</summary>
      <div class="wide" tabindex="0" role="region" aria-label="The units of \(escapedHTML(level.name))"><table>
      <thead><tr>\(header.map { "<th scope=\"col\">\(escapedHTML($0))</th>" }.joined())</tr></thead>
      <tbody>\(rows.joined())</tbody></table></div></details>
      """
    return """
      <section aria-label="\(escapedHTML(level.name))">
      <h4>\(escapedHTML(level.name)): \(escapedHTML(level.cell)), \(level.units.count) units</h4>
      \(memory ?? "")
      \(saturation(level, gates))
      \(header.count > 1 ? table : "")
      </section>
      """
  }

  /// How often the gates of the units are open and closed.
  private func saturation(_ level: Explanation.Level, _ gates: [String]) -> String {
    if let absence = level.absenceOfGates { return "<p class=\"note\">\(absence)</p>" }
    return """
      <p class="note">Each point is a unit: how often its gate is closed (below 0.1) and open (above 0.9). Units near \
      the corner top left are stuck closed, those bottom right stuck open.</p>
      <div class="pair">\(gates.map { SaturationChart(level.units, gate: $0).svg }.joined())</div>
      """
  }

  private func percent(_ share: Float) -> String { "\(Int((share * 100).rounded())) %" }

  private func shortNumber(_ value: Float) -> String { HTMLPage.short(Double(value)) }
}

extension Explanation.Level {
  /// What is said where there are no gates that are open or closed; nil where there are some.
  package var absenceOfGates: String? {
    guard units.first?.gates.isEmpty != false else { return nil }
    return gates.isEmpty
      ? "This cell has no gates." : "The gates of this cell go beyond 0 and 1, so that none is open or closed."
  }
}
