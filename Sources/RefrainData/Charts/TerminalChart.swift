/// Draws a forecast in a terminal: braille dots for the lines, a stipple for the interval, and labelled axes.
public struct TerminalChart: Hashable, Sendable {
  /// Columns of the terminal, labels included; at least 40 are used.
  public var width: Int
  /// Rows, title, axis and legend included; at least 8 are used.
  public var height: Int
  /// Whether to use ANSI colors.
  public var usesColor: Bool

  /// Makes a drawing style.
  public init(width: Int = 80, height: Int = 20, usesColor: Bool = false) {
    self.width = max(width, 40)
    self.height = max(height, 8)
    self.usesColor = usesColor
  }

  /// The chart as lines of text, each ended by a line break and no wider than `width`.
  public func text(for chart: ForecastChart) -> String {
    guard !chart.history.isEmpty else { return "" }
    let hasTitle = !chart.title.isEmpty
    let rows = height - 3 - (hasTitle ? 1 : 0)
    let ticks = chart.valueTicks(atMost: max(2, rows / 3 + 1))
    let labelWidth = min(ticks.labels.map(\.count).max() ?? 0, width / 3)
    let columns = width - labelWidth - 2
    var canvas = BrailleCanvas(columns: columns, rows: rows)
    draw(chart, range: ticks.range, on: &canvas)

    var lines: [String] = hasTitle ? [bold(String(chart.title.onOneLine.prefix(width)))] : []
    let labels = Self.labels(ticks, rows: rows)
    for row in 0..<rows {
      let label = labels[row].map { String($0.prefix(labelWidth)) } ?? ""
      let margin = String(repeating: " ", count: labelWidth - label.count)
      lines.append("\(margin)\(label) \(labels[row] == nil ? "│" : "┤")\(canvas.text(row: row, usesColor: usesColor))")
    }
    lines += timeAxis(chart, columns: columns, indent: labelWidth + 1)
    lines.append(legend(for: chart, indent: labelWidth + 2))
    return lines.map { $0 + "\n" }.joined()
  }

  private func draw(_ chart: ForecastChart, range: ClosedRange<Double>, on canvas: inout BrailleCanvas) {
    let last = chart.history.count - 1
    func x(_ position: Int) -> Int { Self.place(position, of: chart.count, across: canvas.width) }
    let height = canvas.height
    func y(_ value: Double) -> Int { Self.dot(value, in: range, of: height) }
    let interval = chart.interval
    for (offset, pair) in zip(interval, interval.dropFirst()).enumerated() {
      let (left, right) = (x(last + offset), x(last + offset + 1))
      for column in left...right {
        let share = right == left ? 1 : Double(column - left) / Double(right - left)
        let low = pair.0.lowerBound + share * (pair.1.lowerBound - pair.0.lowerBound)
        let high = pair.0.upperBound + share * (pair.1.upperBound - pair.0.upperBound)
        canvas.stipple(column: column, from: y(high), to: y(low))
      }
    }
    for (values, first, ink) in [(chart.history, 0, BrailleCanvas.Ink.history), (chart.forecastLine, last, .forecast)] {
      var previous: (x: Int, y: Int)?
      for (offset, value) in values.enumerated() {
        let point = (x: x(first + offset), y: y(value))
        canvas.line(from: previous ?? point, to: point, ink: ink)
        previous = point
      }
    }
  }

  /// Where one of `count` positions lies among `size` places.
  private static func place(_ position: Int, of count: Int, across size: Int) -> Int {
    count > 1 ? Int((Double(position) / Double(count - 1) * Double(size - 1)).rounded()) : 0
  }

  /// The label of each row, for rows at a tick.
  private static func labels(_ ticks: ValueTicks, rows: Int) -> [String?] {
    var labels: [String?] = Array(repeating: nil, count: rows)
    let dots = rows * 4
    for (value, label) in zip(ticks.values, ticks.labels) {
      labels[dot(value, in: ticks.range, of: dots) / 4] = label
    }
    return labels
  }

  /// Which of so many dots, from the top, a value is drawn at.
  private static func dot(_ value: Double, in range: ClosedRange<Double>, of dots: Int) -> Int {
    let share = (value / 2 - range.lowerBound / 2) / (range.upperBound / 2 - range.lowerBound / 2)
    return Int((Double(dots - 1) * (1 - min(max(share.isNaN ? 0 : share, 0), 1))).rounded())
  }

  private func timeAxis(_ chart: ForecastChart, columns: Int, indent: Int) -> [String] {
    var axis = Array(repeating: Character("─"), count: columns)
    var labels = Array(repeating: Character(" "), count: columns)
    var free = 0
    for (position, label) in chart.timeTicks(along: Double(columns), gap: 3) {
      let column = Self.place(position, of: chart.count, across: columns)
      axis[column] = "┬"
      let text = Array(label.onOneLine.prefix(columns))
      // Centered below its tick, moved in from the edges, left out when it would touch its neighbor.
      let start = min(max(column - text.count / 2, 0), columns - text.count)
      guard start >= free else { continue }
      labels.replaceSubrange(start..<start + text.count, with: text)
      free = start + text.count + 1
    }
    let margin = String(repeating: " ", count: indent)
    let shown = String(labels).reversed().drop { $0 == " " }.reversed()
    return [margin + "└" + String(axis), margin + " " + String(shown)]
  }

  private func legend(for chart: ForecastChart, indent: Int) -> String {
    let samples: [(String, BrailleCanvas.Ink, Bool)] = [
      ("⠤⠤ history", .history, true), ("⠤⠤ forecast", .forecast, !chart.median.isEmpty),
      ("⢕⢕ 10–90 %", .interval, chart.hasInterval),
    ]
    let shown = samples.filter(\.2)
    let length = shown.reduce(3 * (shown.count - 1)) { $0 + $1.0.count }
    let margin = String(repeating: " ", count: max(0, min(indent, width - length)))
    return margin + shown.map { usesColor ? $0.1.paint($0.0) : $0.0 }.joined(separator: "   ")
  }

  private func bold(_ text: String) -> String { usesColor ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
}
