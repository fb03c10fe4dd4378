import Refrain
import RefrainData

/// Values over steps as colored cells: a row a feature or unit. Where there are many steps or rows, each cell is the
/// sum or mean of several, so that the longest sequence is no larger on the page than a short one.
struct HeatMap {
  let values: Tensor
  let rows: [String]
  let columns: [String]
  let label: String
  /// Whether the sums of the columns stand below; cells are sums then, and means otherwise.
  let hasBars: Bool

  private static let mostColumns = 160
  private static let mostRows = 48
  private static let width = 1000.0
  /// Longer names are cut.
  private static let mostLetters = 38

  /// The rules of style for it: on a narrow screen it is moved sideways, so that its names can be read.
  static let style = ".chart { overflow-x: auto; } .chart svg { min-width: 680px; }"

  /// The chart in a frame of its own.
  var markup: String {
    "<div class=\"chart\" tabindex=\"0\" role=\"region\" aria-label=\"Chart\">\(svg)</div>"
  }

  var svg: String {
    let (time, size) = (values.shape[0], values.shape[1])
    let steps = Attribution.windows(of: time, atMost: Self.mostColumns)
    // Of many rows the first are shown: units have no order that would be lost.
    let shown = min(size, Self.mostRows)
    let all = values.values
    let cells = (0..<shown).map { row in
      steps.map { part -> Float in
        let sum = part.reduce(Float(0)) { $0 + all[$1 * size + row] }
        return hasBars ? sum : sum / Float(part.count)
      }
    }
    // What is infinite or not a number has no color.
    let most = cells.joined().reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
    let letters = min(Self.mostLetters, rows.prefix(shown).map(\.count).max() ?? 0)
    let left = 10 + (letters < 30 ? 7.2 : 6.8) * Double(letters)
    let cell = (width: (Self.width - left) / Double(max(steps.count, 1)), height: shown > 16 ? 9.0 : 22.0)
    let bottom = cell.height * Double(shown)
    var parts: [String] = [
      #"<rect class="frame" x="\#(pixel(left))" y="0" width="\#(pixel(Self.width - left))" height="\#(pixel(bottom))"/>"#
    ]
    for (sign, color, letter) in [(Float(1), "plus", "p"), (-1, "minus", "n")] {
      for level in 1...8 {
        var path = ""
        for (row, values) in cells.enumerated() {
          for (column, value) in values.enumerated() where most > 0 && value * sign > 0 && value.isFinite {
            guard Int((abs(value) / most * 8).rounded()) == level else { continue }
            path +=
              "M\(pixel(left + Double(column) * cell.width)) \(pixel(Double(row) * cell.height))"
              + "h\(pixel(cell.width))v\(pixel(cell.height))h\(pixel(-cell.width))z"
          }
        }
        if !path.isEmpty { parts.append(#"<path class="\#(color) \#(letter)\#(level)" d="\#(path)"/>"#) }
      }
    }
    // Of low rows every other has room for its name.
    for row in stride(from: 0, to: min(shown, rows.count), by: cell.height > 12 ? 1 : 2) {
      let (x, y) = (pixel(left - 8), pixel((Double(row) + 0.5) * cell.height + 4))
      let text = escapedHTML(excerpt(rows[row], Self.mostLetters))
      parts.append(#"<text x="\#(x)" y="\#(y)" text-anchor="end">\#(text)</text>"#)
    }
    var height = bottom
    if shown < size {
      let count = "\(shown) of \(size) rows"
      parts.append(#"<text x="0" y="\#(pixel(height + 14))">\#(count)</text>"#)
      height += 18
    }
    if hasBars {
      let sums = steps.indices.map { column in cells.reduce(Float(0)) { $0 + $1[column] } }
      let greatest = sums.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
      let middle = height + 52
      for (column, sum) in sums.enumerated() where greatest > 0 && sum != 0 && sum.isFinite {
        let length = Double(abs(sum) / greatest) * 42
        let x = left + Double(column) * cell.width
        parts.append(
          #"<rect class="\#(sum > 0 ? "plus" : "minus")" x="\#(pixel(x))" "#
            + #"y="\#(pixel(sum > 0 ? middle - length : middle))" "#
            + #"width="\#(pixel(max(cell.width * 0.9, 0.5)))" height="\#(pixel(length))"/>"#)
      }
      parts.append(#"<path class="grid" d="M\#(pixel(left)) \#(pixel(middle))H\#(pixel(Self.width))"/>"#)
      parts.append(#"<text x="\#(pixel(left - 8))" y="\#(pixel(middle + 4))" text-anchor="end">sum</text>"#)
      height += 104
    }
    // The first and the last name stay within the chart; of few steps each stands below its cell.
    let named = time < 5 ? Array(0..<time) : (0...4).map { $0 * (time - 1) / 4 }
    for index in named where time > 1 {
      let isEdge = time >= 5 && (index == 0 || index == time - 1)
      let share = isEdge ? (index == 0 ? 0 : 1) : (Double(index) + 0.5) / Double(time)
      let anchor = !isEdge ? "middle" : index == 0 ? "start" : "end"
      parts.append(
        #"<text x="\#(pixel(left + (Self.width - left) * share))" y="\#(pixel(height + 14))" "#
          + #"text-anchor="\#(anchor)">\#(escapedHTML(excerpt(columns[index], 20)))</text>"#)
    }
    // The name of a low first row is higher than the row.
    return #"<svg viewBox="0 -5 1000 \#(pixel(height + 25))" role="img" aria-label="\#(escapedHTML(label))">"#
      + parts.joined() + "</svg>"
  }
}

/// The score as steps go or come, by the attribution's order and by random ones.
struct CurveChart {
  private let curve: Faithfulness.Curve
  private let label: String

  init(_ curve: Faithfulness.Curve, label: String) {
    self.curve = curve
    self.label = label
  }

  var svg: String {
    let values = (curve.ordered + curve.random).filter(\.isFinite)
    let (low, high) = (min(0, values.min() ?? 0), max(1, values.max() ?? 1))
    func path(_ points: [Float]) -> String {
      points.filter(\.isFinite).enumerated().map { index, value in
        let x = 40 + 350 * Double(index) / Double(max(points.count - 1, 1))
        let y = 10 + 170 * Double((high - value) / (high - low))
        return "\(index == 0 ? "M" : "L")\(pixel(x)) \(pixel(y))"
      }.joined()
    }
    func line(_ value: Float) -> String {
      let y = 10 + 170 * Double((high - value) / (high - low))
      return #"<path class="grid" d="M40 \#(pixel(y))H390"/><text x="32" y="\#(pixel(y + 4))" text-anchor="end">"#
        + "\(value == 0 ? "0" : "1")</text>"
    }
    return """
      <svg viewBox="0 0 400 222" role="img" \
      aria-label="\(escapedHTML(label)): by the attribution's order, and by random orders">
      \(line(0))\(line(1))<path class="random" d="\(path(curve.random))"/>\
      <path class="ordered" d="\(path(curve.ordered))"/>
      <text x="40" y="200">\(escapedHTML(label)):</text>
      <path class="ordered" d="M40 213h24"/><text x="70" y="217">greatest parts first</text>
      <path class="random" d="M210 213h24"/><text x="240" y="217">random order</text></svg>
      """
  }
}

/// How often the gate of each unit is open and closed (Karpathy, Johnson and Fei-Fei 2015).
struct SaturationChart {
  private let units: [UnitStatistics]
  private let gate: String

  init(_ units: [UnitStatistics], gate: String) {
    self.units = units
    self.gate = gate
  }

  var svg: String {
    let points = units.compactMap { unit in unit.gates.first { $0.name == gate } }.map { gate in
      #"<circle class="unit" cx="\#(pixel(44 + 190 * Double(gate.open)))" "#
        + #"cy="\#(pixel(200 - 190 * Double(gate.closed)))" r="4"/>"#
    }
    return """
      <svg viewBox="0 0 300 236" role="img" \
      aria-label="How often the \(escapedHTML(gate)) gate of each unit is open and closed">
      <path class="grid" d="M44 10V200H234M44 10L234 200"/>\(points.joined())
      <text x="44" y="216">0</text><text x="139" y="216" text-anchor="middle">share of steps open</text>
      <text x="234" y="216" text-anchor="end">1</text>
      <text x="36" y="200" text-anchor="end">0</text><text x="36" y="20" text-anchor="end">1</text>
      <text x="14" y="105" text-anchor="middle" transform="rotate(-90 14 105)">closed</text>
      <text x="139" y="232" text-anchor="middle">\(escapedHTML(gate)) gate</text></svg>
      """
  }
}

/// A coordinate with one decimal; that of what is not to be seen on any chart is 0.
private func pixel(_ value: Double) -> String {
  guard abs(value) < 1e6 else { return "0" }
  let tenths = Int((value * 10).rounded())
  return tenths % 10 == 0 ? "\(tenths / 10)" : "\(Double(tenths) / 10)"
}
