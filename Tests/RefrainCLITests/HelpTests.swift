import Testing

@testable import RefrainCLI

@Suite("Help")
struct HelpTests {
  @Test(
    "is given however it is asked for",
    arguments: [
      ("help", ""), ("--help", ""), ("-?", ""), ("help help", ""), ("help --help", ""),
      ("help train", "train"), ("train help", "train"), ("--help train", "train"), ("train -h", "train"),
      ("help classify", "train classify"), ("classify", "train classify"), ("classify help", "train classify"),
      ("classify --help", "train classify"), ("train help classify", "train classify"),
      ("train classify help", "train classify"), ("train --help classify", "train classify"),
      ("tune help tag", "tune tag"), ("help forecast", "forecast"), ("forecast help", "forecast"),
      ("help predict some.model", "predict some.model"), ("predict some.model help", "predict some.model"),
      ("help clasify", "clasify"),
    ])
  func asked(given: String, of place: String) {
    let words = given.split(separator: " ").map(String.init)
    let found = HelpRequest.normalized(words) { _ in false }
    #expect(found == place.split(separator: " ").map(String.init) + ["--help"])
    // What was brought into order stays as it is.
    #expect(HelpRequest.normalized(found) { _ in false } == found)
  }

  @Test("is not given for what does not ask for it")
  func others() {
    for given in ["", "train", "train classify rows.csv --save help", "predict m rows.csv --output -h", "forecast"] {
      let words = given.split(separator: " ").map(String.init)
      #expect(HelpRequest.normalized(words) { _ in false } == words)
    }
    #expect(HelpRequest.normalized(["forecast", "help"]) { $0 == "help" } == ["forecast", "help"])
  }

  @Test("comes from the program, and a task in place of a command is told from a word that is none")
  func program() throws {
    let place = try Workplace()
    for command in [["help", "classify"], ["train", "help"], ["tune", "tag", "help"], ["classify"]] {
      let result = try place.run(command)
      #expect(result.status == 0 && result.errors.isEmpty && result.text.contains("USAGE: refrain t"))
    }
    // With the flags that all commands have.
    #expect(try place.run(["predict", "--help"]).text.contains("--version"))
    let task = try place.run(["classify", "rows.csv"])
    expectRefusal(task, 64, naming: ["Did you mean 'train classify'?"], at: #_sourceLocation)
    let none = try place.run(["help", "trian"])
    expectRefusal(none, 64, naming: ["Did you mean 'train'?"], at: #_sourceLocation)
  }
}
