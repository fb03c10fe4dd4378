import RefrainTasks
import Testing

@testable import RefrainCLI

@Suite("Numbers and text in the outputs")
struct OutputTests {
  @Test("A CSV field is quoted when it must be")
  func csv() {
    #expect(csvField("2024-01") == "2024-01")
    #expect(csvField("Jan 1, 2024") == "\"Jan 1, 2024\"")
    #expect(csvField("a\"b") == "\"a\"\"b\"")
    #expect(csvField("a\r\nb") == "\"a\r\nb\"")
    #expect(csvField(0.1 + 0.2) == "0.30000000000000004")
    #expect(csvField(.nan).isEmpty)
  }

  @Test("Numbers for people have as many digits as mean something")
  func digits() {
    func decimals(_ mean: Double, _ width: Double) -> Int {
      ForecastReport.decimals(for: [.init(time: "", median: mean, p10: mean - width / 2, p90: mean + width / 2)])
    }
    #expect(decimals(450, 40) == 1)
    #expect(decimals(12.3, 6) == 2)
    #expect(decimals(1e6, 5e4) == 0)
    #expect(decimals(0.001, 0.0002) == 6)
    #expect(decimals(450, 0) == 0)
    #expect(decimals(.nan, 1) == 2)
    #expect(readable(.infinity, decimals: 2) == "–")
    #expect(readable(-0.001, decimals: 2) == "0.00")
    #expect(readable(1.5e15, decimals: 0) == "1.5000e+15")
    #expect(significant(19.2412) == "19.24")
    #expect(significant(0) == "0")
    #expect(percent(4.2137, decimals: 2) == "4.21 %")
    #expect([0, 999, 1000, 1_234_567, -4513].map(counted) == ["0", "999", "1,000", "1,234,567", "-4,513"])
  }

  @Test("Tiny values and small moves at a great height are told apart")
  func tellingDigits() {
    func written(_ median: Double, _ width: Double) -> [String] {
      let point = Forecast.Point(time: "", median: median, p10: median - width / 2, p90: median + width / 2)
      let write = ForecastReport.writer(for: [point])
      return [point.p10, point.median, point.p90].map(write)
    }
    #expect(written(1.2e-12, 2e-13) == ["1.100e-12", "1.200e-12", "1.300e-12"])
    #expect(written(1e12 + 100, 20) == ["1000000000090.0", "1000000000100.0", "1000000000110.0"])
    #expect(Set(written(3e17, 4e15)).count == 3)
    #expect(written(450, 40) == ["430.0", "450.0", "470.0"])
    #expect(significant(3.14159e-13) == "3.142e-13")
  }

  @Test("A page wraps long texts below their beginning and sets numbers to the right")
  func page() {
    let page = Page(width: 20, usesColor: false)
    #expect(page.entry("Key", "one two three four", labelWidth: 6) == ["  Key   one two", "        three four"])
    #expect(page.grid([["", "A"], ["x", "10"], ["long", "1"]]) == ["          A", "  x      10", "  long    1"])
    #expect(Page(width: 20, usesColor: true).strong("x") == "\u{1B}[1mx\u{1B}[0m")
  }
}
