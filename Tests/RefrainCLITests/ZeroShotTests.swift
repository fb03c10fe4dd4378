import Foundation
import Testing

@testable import RefrainCLI

@Suite("refrain forecast --zero-shot") struct ZeroShotCommandTests {
  let place: Workplace

  init() throws {
    place = try Workplace()
    try place.write(monthlyCSV(), to: "shop.csv")
  }

  @Test("The report names the pretrained network, and says that nothing was trained")
  func report() throws {
    let result = try place.run(["forecast", "shop.csv", "--zero-shot"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.text.contains("pretrained network") && result.text.contains("nothing was trained"))
    #expect(!result.text.contains("epochs"))
  }

  @Test("A saved model forecasts the same; so does the series among others")
  func saved() throws {
    let flags = ["--zero-shot", "--format", "csv", "--quiet"]
    let direct = try place.run(["forecast", "shop.csv", "--save", "model"] + flags)
    #expect(direct.status == 0, "\(direct.errors)")
    let again = try place.run(["forecast", "--model", "model", "--format", "csv", "--quiet"])
    #expect(again.status == 0, "\(again.errors)")
    func numbers(_ text: String) -> [[Double]] {
      text.split(separator: "\n").dropFirst().map { $0.split(separator: ",").compactMap { Double($0) } }
    }
    #expect(numbers(direct.text) == numbers(again.text) && !numbers(direct.text).isEmpty)

    let lines = monthlyCSV().split(separator: "\n")
    let many = ["id," + lines[0]] + ["a", "b"].flatMap { id in lines.dropFirst().map { "\(id),\($0)" } }
    try place.write(many.joined(separator: "\n") + "\n", to: "many.csv")
    let both = try place.run(["forecast", "many.csv", "--id", "id"] + flags)
    #expect(both.status == 0, "\(both.errors)")
    let own = numbers(direct.text)
    #expect(numbers(both.text) == own + own)
  }

  @Test("What belongs to training is refused beside it", arguments: [["--epochs", "3"], ["--hidden", "8"]])
  func refused(flags: [String]) throws {
    let result = try place.run(["forecast", "shop.csv", "--zero-shot"] + flags)
    #expect(result.status != 0 && result.text.isEmpty)
    #expect(result.errors.contains("nothing is trained"))
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
  }
}
