import Testing

@testable import RefrainData

@Suite("Numbers with grouped thousands") struct NumberNotationTests {
  private func read(_ text: String, decimal: DecimalMark = .point, groups: Bool = true) -> Double? {
    NumberNotation(decimal: decimal, groups: groups).read(Array(text.utf8))
  }

  @Test(
    "are read where their groups are whole",
    arguments: [
      ("1,234", 1234), ("1,234,567.5", 1_234_567.5), ("12,34,567", 1_234_567), ("1,00,000", 100_000),
      ("-1,234", -1234), ("(1,234)", -1234), ("$1,234", 1234), ("1 234 567", 1_234_567), ("1'234.25", 1234.25),
    ])
  func whole(text: String, value: Double) { #expect(read(text) == value) }

  @Test(
    "are none where a group has another length, or a sign of its own",
    arguments: [
      "1234,567", "1,23", "1,2345", "1,23.5", "1,2345.5", "12,34,56", "1,234 567", "1 23 456", "1'23'456", ",234",
      "1,234,", "1.5,000",
    ])
  func broken(text: String) { #expect(read(text) == nil) }

  @Test("are read with a decimal comma as with a point, and not at all where points are decimals")
  func comma() {
    #expect(read("1.234.567,5", decimal: .comma) == 1_234_567.5)
    #expect(read("1234.567,5", decimal: .comma) == nil)
    #expect(read("1,234", groups: false) == nil)
    #expect(read("1 234", groups: false) == 1234)
  }
}
