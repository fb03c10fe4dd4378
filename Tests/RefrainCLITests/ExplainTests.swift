import Foundation
import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite("refrain explain") struct ExplainTests {
  private func makePlace() throws -> Workplace {
    let place = try Workplace()
    let rows = (0..<60).map { index in "\(index % 2 == 0 ? "good" : "bad") film number\(index % 7),\(index % 2)" }
    try place.write((["text,label"] + rows).joined(separator: "\n") + "\n", to: "rows.csv")
    let trained = try place.run([
      "train", "classify", "rows.csv", "--inputs", "text:text", "--hidden", "4", "--epochs", "4", "--save", "m.model",
      "--quiet",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    return place
  }

  @Test("shows chosen rows, two beside each other, and the whole file") func rows() throws {
    let place = try makePlace()
    let chosen = try place.run(["explain", "m.model", "rows.csv", "--rows", "3,2", "--format", "jsonl"])
    let lines = chosen.text.split(separator: "\n")
    #expect(chosen.status == 0 && lines.count == 2 && lines[0].hasPrefix(#"{"title":"row 3"#), "\(chosen.errors)")
    let both = try place.run([
      "explain", "m.model", "rows.csv", "--compare", "1,2", "--whole", "--html", "why.html", "--format", "json",
    ])
    #expect(both.status == 0, "\(both.errors)")
    let value = try JSONValue(Array(both.text.utf8))
    #expect(value["explanations"].array?.count == 2)
    #expect(value["comparison"]["scores"].array?.count == 4)
    #expect(value["overview"]["hardExamples"].array?.isEmpty == false)
    #expect(value["overview"]["units1"].array?.isEmpty == false)
    let page = String(decoding: try place.read("why.html"), as: UTF8.self)
    #expect(page.contains("The two examples together") && page.contains("Hard examples") && !page.contains("http"))
    let table = try place.run(["explain", "m.model", "rows.csv", "--whole"])
    #expect(table.text.contains("Hard examples") && table.text.contains("Layer-wise relevance"), "\(table.text)")
  }

  @Test("refuses numbers that make no sense, in one line") func refusals() throws {
    let place = try makePlace()
    let beyond = try place.run(["explain", "m.model", "rows.csv", "--rows", "99"])
    #expect(beyond.status == 65 && beyond.errors.contains("there is no row 99; there are 60, numbered from 1"))
    #expect(try place.run(["explain", "m.model", "rows.csv", "--rows", "a"]).status == 64)
    let alone = try place.run(["explain", "m.model", "rows.csv", "--compare", "1"])
    #expect(alone.status == 64 && alone.errors.contains("such as 3,17, not '1'. See 'refrain explain m.model --help'."))
    #expect(try place.run(["explain", "m.model", "rows.csv", "--compare", "1,2", "--rows", "3"]).status == 64)
  }

  @Test("takes a file after two numbers to compare for a file") func compareBeforeFile() throws {
    let place = try makePlace()
    let both = try place.run(["explain", "m.model", "--compare", "2,1", "rows.csv", "--format", "json"])
    #expect(both.status == 0, "\(both.errors)")
    #expect(try JSONValue(Array(both.text.utf8))["explanations"].array?.count == 2)
  }

  @Test("lists its options without a model, and says where those of a task are") func help() throws {
    let place = try makePlace()
    let text = try place.run(["explain", "--help"]).text
    for flag in [
      "--html", "--rows", "--compare", "--whole", "--explained", "--baseline", "--points", "--examples", "--states",
      "--prompt", "explain MODEL --help",
    ] { #expect(text.replacing("\n", with: " ").contains(flag), "\(flag): \(text)") }
    for verb in ["predict", "evaluate"] {
      let text = try place.run([verb, "--help"]).text.replacing("\n", with: " ")
      #expect(text.contains("refrain \(verb) MODEL --help"), "\(text)")
    }
    let hint = try place.run(["predict", "m.model", "rows.csv", "--format", "xml"])
    #expect(hint.errors.contains("See 'refrain predict m.model --help'."), "\(hint.errors)")
  }

  @Test("and train measure by folds, with and without a model") func folds() throws {
    let place = try makePlace()
    let training = [
      "train", "classify", "rows.csv", "--inputs", "text:text", "--hidden", "4", "--epochs", "2", "--folds", "3",
      "--quiet",
    ]
    let alone = try place.run(training + ["--format", "json"])
    #expect(alone.status == 0, "\(alone.errors)")
    let value = try JSONValue(Array(alone.text.utf8))
    #expect(value["folds"]["measures"].array?.first?["values"].array?.count == 3)
    let saved = try place.run(training + ["--save", "f.model"])
    #expect(saved.status == 0 && saved.text.contains("In 3 folds") && saved.text.contains("deviation"))
    #expect(try place.run(training + ["--checkpoint", "saved", "--save", "f.model"]).status == 64)
    let many = try place.run(training.map { $0 == "3" ? "100" : $0 })
    #expect(many.status == 65 && many.errors.contains("60 examples cannot be divided into 100 parts"))
    let logged = try place.run(training + ["--log", "course.csv", "--tensorboard", "runs"])
    #expect(logged.status == 0, "\(logged.errors)")
    let log = String(decoding: try place.read("course.csv"), as: UTF8.self)
    for fold in 1...3 { #expect(log.contains("\nfold\(fold)-member1,1,"), "\(log)") }
    #expect(try place.files.contains("runs"))
  }

  @Test("and folds are for tasks whose examples can be divided") func foldTasks() throws {
    let place = try makePlace()
    for task in ["forecast", "language", "detect", "frames"] {
      let refused = try place.run(["train", task, "rows.csv", "--folds", "3", "--save", "x"])
      #expect(refused.status == 64 && refused.errors.contains("the examples of the task \(task) cannot be divided"))
      #expect(try !place.run(["train", task, "--help"]).text.contains("--folds"))
    }
    #expect(try place.run(["train", "tag", "--help"]).text.contains("--folds"))
  }

  @Test("and the folds that were done are shown after Ctrl-C") func interruptedFolds() throws {
    signal(SIGINT, SIG_DFL)
    let place = try makePlace()
    let running = try place.start([
      "train", "classify", "rows.csv", "--inputs", "text:text", "--hidden", "4", "--members", "1", "--epochs", "40",
      "--folds", "30", "--log", "course.csv", "--save", "f.model",
    ])
    func hasBegunThird() -> Bool {
      guard let log = try? place.read("course.csv") else { return false }
      return String(decoding: log, as: UTF8.self).contains("\nfold3-member1,")
    }
    while running.process.isRunning, !hasBegunThird() { usleep(2000) }
    kill(running.process.processIdentifier, SIGINT)
    let result = try running.finish()
    #expect(result.status == 130 && result.errors.contains("of 30 folds were measured"), "\(result.errors)")
    #expect(result.text.contains("of 30 folds") && result.text.contains("deviation"))
    #expect(try !place.files.contains("f.model"))
  }
}
