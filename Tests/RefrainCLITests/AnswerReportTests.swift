import RefrainData
import Testing

@testable import RefrainCLI

@Suite("Answers in one of the formats") struct AnswerReportTests {
  private func table(_ value: JSON) -> String {
    AnswerReport([.object([("a", .text("x")), ("b", value)])]).text(as: .table, for: .none)
  }

  @Test("show people the greatest of numbers by name, and other values as they are") func readable() {
    let numbers: JSON = .object([("p", .number(0.1)), ("q", .number(0.5)), ("r", .number(0.1))])
    #expect(table(numbers).contains("q 0.5000, p 0.1000, r 0.1000"))
    let many = JSON.object((0..<6).map { ("k\($0)", .number(Double($0) + 1)) })
    #expect(table(many).contains("k5 6.000, k4 5.000, k3 4.000, k2 3.000, … 2 more"))
    #expect(table(.object([])).contains("{}"))
    #expect(table(.object([("p", .text("a"))])).contains("{\"p\":\"a\"}"))
    #expect(table(.array([])).contains("[]") && table(.null).contains("–"))
  }

  @Test("have the same fields in all formats, in the order in which they come") func fields() {
    let report = AnswerReport([
      .object([("file", .text("a, b.png")), ("label", .text("x"))]), .object([("label", .text("y")), ("odd", .null)]),
    ])
    #expect(report.text(as: .csv, for: .none) == "file,label,odd\n\"a, b.png\",x,\n,y,\n")
    #expect(
      report.text(as: .jsonl, for: .none) == """
        {"file":"a, b.png","label":"x"}
        {"label":"y","odd":null}

        """)
    #expect(report.text(as: .table, for: .none).split(separator: "\n").count == 3)
  }
}
