/// Draws a forecast as an SVG picture: title, legend, axes with round numbers, history, forecast and shaded interval.
/// It is light or dark as the reader's system is.
public struct SVGChart: Hashable, Sendable {
  /// Width in pixels, at least 240.
  public var width: Int
  /// Height in pixels, at least 160.
  public var height: Int

  /// Makes a drawing style.
  public init(width: Int = 960, height: Int = 480) {
    self.width = max(width, 240)
    self.height = max(height, 160)
  }

  /// The picture as the text of an SVG file.
  public func text(for chart: ForecastChart) -> String {
    guard !chart.history.isEmpty else { return picture(titled: chart.title, body: []) }
    let ticks = chart.valueTicks(atMost: max(2, height / 60))
    let labelWidth = Double(ticks.labels.map(\.count).max() ?? 0) * Self.letterWidth
    let frame = Frame(
      left: labelWidth + 34, right: Double(width) - 28, top: 76, bottom: Double(height) - 44, count: chart.count,
      values: ticks.range)
    let last = chart.history.count - 1
    var body = grid(ticks, frame)
    body += timeAxis(chart, frame)
    if !chart.median.isEmpty {
      let x = pixel(frame.x(last))
      body.append(#"<path class="now" d="M\#(x) \#(pixel(frame.top))V\#(pixel(frame.bottom))"/>"#)
    }
    if chart.hasInterval {
      body.append(#"<path class="interval" d="\#(area(chart.interval, from: last, frame))"/>"#)
    }
    body.append(#"<path class="history" d="\#(path(chart.history, from: 0, frame))"/>"#)
    if let median = chart.median.last {
      body.append(#"<path class="forecast" d="\#(path(chart.forecastLine, from: last, frame))"/>"#)
      let (x, y) = (pixel(frame.x(chart.count - 1)), pixel(frame.y(median)))
      body.append(#"<circle class="end" cx="\#(x)" cy="\#(y)" r="3.5"/>"#)
    }
    return picture(titled: chart.title, body: body + legend(for: chart))
  }

  /// The width of one letter of a label, about.
  private static let letterWidth = 6.6

  /// Where values and times lie in the picture.
  private struct Frame {
    let left, right, top, bottom: Double
    let count: Int
    let values: ClosedRange<Double>

    func x(_ position: Int) -> Double {
      count > 1 ? left + (right - left) * Double(position) / Double(count - 1) : (left + right) / 2
    }

    func y(_ value: Double) -> Double {
      bottom - (bottom - top) * ((value / 2 - values.lowerBound / 2) / (values.upperBound / 2 - values.lowerBound / 2))
    }
  }

  private func grid(_ ticks: ValueTicks, _ frame: Frame) -> [String] {
    zip(ticks.values, ticks.labels).flatMap { value, label in
      let y = frame.y(value)
      return [
        #"<path class="grid" d="M\#(pixel(frame.left)) \#(pixel(y))H\#(pixel(frame.right))"/>"#,
        #"<text class="label" x="\#(pixel(frame.left - 12))" y="\#(pixel(y + 4))" text-anchor="end">"#
          + "\(label.replacing("-", with: "\u{2212}"))</text>",
      ]
    }
  }

  private func timeAxis(_ chart: ForecastChart, _ frame: Frame) -> [String] {
    let ticks = chart.timeTicks(along: (frame.right - frame.left) / Self.letterWidth, gap: 5)
    return ticks.flatMap { position, label in
      let x = frame.x(position)
      // A label at either end stays within the picture.
      let half = Double(label.count) * Self.letterWidth / 2
      let anchor = x - half < 4 ? "start" : x + half > Double(width) - 4 ? "end" : "middle"
      return [
        #"<path class="axis" d="M\#(pixel(x)) \#(pixel(frame.bottom))v5"/>"#,
        #"<text class="label" x="\#(pixel(x))" y="\#(pixel(frame.bottom + 22))" text-anchor="\#(anchor)">"#
          + "\(escaped(label))</text>",
      ]
    } + [#"<path class="axis" d="M\#(pixel(frame.left)) \#(pixel(frame.bottom))H\#(pixel(frame.right))"/>"#]
  }

  private func legend(for chart: ForecastChart) -> [String] {
    let items = [
      ("history", "History", true), ("forecast", "Forecast", !chart.median.isEmpty),
      ("interval", "10–90 % interval", chart.hasInterval),
    ].filter(\.2)
    var x = 24.0
    return items.flatMap { kind, name, _ in
      let sample =
        kind == "interval"
        ? #"<rect class="interval" x="\#(pixel(x))" y="49" width="20" height="10" rx="2"/>"#
        : #"<path class="\#(kind)" d="M\#(pixel(x)) 54h20"/>"#
      let text = #"<text class="label" x="\#(pixel(x + 27))" y="58">\#(name)</text>"#
      x += 27 + Double(name.count) * Self.letterWidth + 22
      return [sample, text]
    }
  }

  /// A line through values at neighboring positions.
  ///
  /// Where many values fall on one pixel, the first, the lowest, the highest and the last of them are enough: the
  /// picture is the same, and the file stays small.
  private func path(_ values: [Double], from first: Int, _ frame: Frame) -> String {
    var points: [(position: Int, value: Double)] = []
    var start = 0
    while start < values.count {
      let column = Int(frame.x(first + start))
      let end = (start..<values.count).first { Int(frame.x(first + $0)) != column } ?? values.count
      let group = start..<end
      let kept: Set = [
        start, end - 1, group.min { values[$0] < values[$1] }!, group.max { values[$0] < values[$1] }!,
      ]
      points += kept.sorted().map { (first + $0, values[$0]) }
      start = end
    }
    return "M" + points.map { "\(pixel(frame.x($0.position))) \(pixel(frame.y($0.value)))" }.joined(separator: "L")
  }

  private func area(_ interval: [ClosedRange<Double>], from first: Int, _ frame: Frame) -> String {
    let upper = interval.enumerated().map { ($0, $1.upperBound) }
    let lower = interval.enumerated().map { ($0, $1.lowerBound) }.reversed()
    let points = (upper + lower).map { "\(pixel(frame.x(first + $0))) \(pixel(frame.y($1)))" }
    return "M" + points.joined(separator: "L") + "Z"
  }

  private func picture(titled title: String, body: [String]) -> String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" \
    role="img" aria-label="\(escaped(title))">
    <style>\(Self.style)</style>
    <rect class="ground" width="100%" height="100%" rx="8"/>
    <text class="title" x="24" y="33">\(escaped(title))</text>
    \(body.joined(separator: "\n"))
    </svg>

    """
  }

  private static let style = """

    text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
    .title { font-size: 18px; font-weight: 600; fill: #1b2330; }
    .label { font-size: 12px; fill: #5c6675; }
    .ground { fill: #ffffff; }
    .grid { stroke: #e6e9ee; stroke-width: 1; }
    .axis { stroke: #9aa4b2; stroke-width: 1; }
    .now { stroke: #9aa4b2; stroke-width: 1; stroke-dasharray: 3 4; }
    .history { fill: none; stroke: #33507d; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
    .forecast { fill: none; stroke: #d9480f; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
    .interval { fill: #f76707; fill-opacity: 0.2; }
    .end { fill: #d9480f; stroke: #ffffff; stroke-width: 1.5; }
    @media (prefers-color-scheme: dark) {
      .title { fill: #e8ecf2; }
      .label { fill: #9aa5b5; }
      .ground { fill: #12161d; }
      .grid { stroke: #232a35; }
      .axis, .now { stroke: #566173; }
      .history { stroke: #8fb3ea; }
      .forecast { stroke: #ff922b; }
      .interval { fill: #ff922b; }
      .end { fill: #ff922b; stroke: #12161d; }
    }

    """
}

/// A length with at most one decimal.
private func pixel(_ value: Double) -> String {
  let text = fixed(value.isFinite ? value : 0, decimals: 1)
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// Text for an XML file: markup escaped, control characters replaced.
private func escaped(_ text: String) -> String {
  text.onOneLine.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    .replacing("\"", with: "&quot;")
}
