import Foundation
import Testing

@testable import RefrainData

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct `A chart` {
  private let chart = ForecastChart(
    .airline, median: (0..<12).map { 450 + Double($0) * 5 }, lower: (0..<12).map { 430 + Double($0) * 3 },
    upper: (0..<12).map { 470 + Double($0) * 8 })

  @Test(arguments: [
    (0.0, 10.0, 6, ["0", "2", "4", "6", "8", "10"]), (104, 622, 6, ["100", "200", "300", "400", "500", "600"]),
    (104, 622, 4, ["200", "400", "600"]), (-0.13, 0.21, 5, ["-0.1", "0.0", "0.1", "0.2"]),
    (5, 5, 3, ["4.5", "5.0", "5.5"]),
    (0, 2e10, 3, ["0", "1e10", "2e10"]),
  ])
  func `has ticks at round numbers among the values`(low: Double, high: Double, limit: Int, labels: [String]) {
    let ticks = ValueTicks(covering: low...high, atMost: limit)
    #expect(ticks.range.lowerBound <= low && ticks.range.upperBound >= high)
    #expect(ticks.values.allSatisfy(ticks.range.contains))
    #expect(ticks.labels == labels)
  }

  @Test(
    arguments: [
      (0, 1e300), (-1.7e308, 1.7e308), (1e-300, 2e-300), (1e9, 1e9 + 1), (0, 0),
      (-.leastNonzeroMagnitude, .leastNonzeroMagnitude),
    ] as [(Double, Double)])
  func `has ticks for values of any size`(low: Double, high: Double) {
    let ticks = ValueTicks(covering: low...high, atMost: 6)
    #expect(ticks.values.count >= 2)
    #expect(ticks.values.count <= 100)
  }

  @Test func `has time ticks at whole seasons and leaves out what all labels share`() {
    #expect(
      chart.timeTicks(along: 60, gap: 3).map(\.label) == ["1949", "1951", "1953", "1955", "1957", "1959", "1961"])
    let recent = ForecastChart(.airline, median: [1], historyCount: 30)
    #expect(recent.timeTicks(along: 30, gap: 3).map(\.label) == ["1959", "1960", "1961"])
    #expect(recent.timeTicks(along: 60, gap: 3).map(\.position) == [0, 6, 12, 18, 24, 30])
    #expect(recent.timeTicks(along: 60, gap: 3).map(\.label).first == "1958-07")
  }

  @Test func `in the terminal keeps to its size and shows all its parts`() {
    for (width, height) in [(80, 20), (40, 8), (200, 50)] {
      let text = TerminalChart(width: width, height: height).text(for: chart)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      #expect(lines.count == height)
      #expect(lines.allSatisfy { $0.count <= width })
      #expect(lines.first == "Passengers")
      #expect(text.contains("1949"))
      #expect(text.contains("forecast"))
      #expect(!text.contains("\u{1B}"))
    }
    #expect(TerminalChart(usesColor: true).text(for: chart).contains("\u{1B}[36;1m"))
  }

  @Test func `in the terminal goes up where the values do`() {
    let rising = ForecastChart(title: "", history: [0, 10], median: [], times: ["a", "b"])
    let lines = TerminalChart(width: 30, height: 10).text(for: rising).split(separator: "\n")
    #expect(lines[0].last.map { $0 != " " && $0 != "│" && $0 != "┤" } == true)
    #expect(lines[6].contains("⠤") || lines[6].contains("⣀") || lines[6].contains("⡠"))
    #expect(lines[0].hasPrefix("10 ┤"))
    #expect(lines[6].hasPrefix(" 0 ┤"))
  }

  @Test func `as SVG is well-formed, escapes its text and bounds its size`() throws {
    let long = ForecastChart(
      title: "a < b & \"c\" \u{1}", history: noise(200_000), median: [0.5], lower: [0], upper: [1],
      times: (0...200_000).map(String.init), historyCount: 200_000)
    for chart in [chart, long] {
      let svg = SVGChart().text(for: chart)
      let parser = XMLParser(data: Data(svg.utf8))
      #expect(parser.parse())
      #expect(svg.utf8.count < 100_000)
      #expect(svg.contains("class=\"forecast\""))
      #expect(!svg.contains("nan") && !svg.contains("inf\""))
    }
    #expect(SVGChart().text(for: long).contains("a &lt; b &amp; &quot;c&quot; \u{FFFD}"))
  }

  @Test func `draws a single value, a flat series and no forecast without complaint`() {
    for history in [[5.0], [3, 3, 3], []] {
      let chart = ForecastChart(title: "t", history: history, median: [], times: history.map { "\($0)" })
      _ = TerminalChart().text(for: chart)
      #expect(XMLParser(data: Data(SVGChart().text(for: chart).utf8)).parse())
    }
  }
}
