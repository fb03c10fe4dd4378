import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@Suite("The command's trainings") struct TrainingSurvivesTests {
  private let training = [
    "train", "forecast", "airline.csv", "--epochs", "24", "--hidden", "8", "--save", "again.model", "--quiet",
  ]

  private func makePlace() throws -> Workplace {
    let place = try Workplace()
    let rows = (0..<144).map { index in
      let (year, month) = (1949 + index / 12, index % 12 + 1)
      let value = 100 + 2 * index + (month - 6) * (month - 6)
      return "\(year)-\(month < 10 ? "0" : "")\(month),\(value)"
    }
    try place.write((["month,passengers"] + rows).joined(separator: "\n") + "\n", to: "airline.csv")
    return place
  }

  private func tensors(_ name: String, in place: Workplace) throws -> [NamedArray] {
    try SafeTensorsFile(contentsOf: place.folder.appendingPathComponent(name).path).tensors
  }

  @Test("end with the same bits after twenty kill -9 at random moments") func killed() throws {
    let place = try makePlace()
    let whole = training.map { $0 == "again.model" ? "whole.model" : $0 }
    #expect(try place.run(whole).status == 0)
    let answers = try place.run(["predict", "whole.model", "--format", "json"]).text

    var generator = SystemRandomNumberGenerator()
    var (kills, rounds) = (0, 0)
    while kills < 20 && rounds < 40 {
      rounds += 1
      let folder = "saved\(rounds)"
      var arguments = training + ["--checkpoint", folder, "--every", "1steps"]
      while true {
        let running = try place.start(arguments)
        var isKilled = false
        if kills < 20 {
          Thread.sleep(forTimeInterval: Double.random(in: 0.02..<0.3, using: &generator))
          if running.process.isRunning {
            kill(running.process.processIdentifier, SIGKILL)
            isKilled = true
            kills += 1
          }
        }
        let result = try running.finish()
        if result.status == 0 { break }
        // Anything else would be tried for ever.
        try #require(isKilled && result.status == -SIGKILL, "\(result.errors)")
        if try place.files.contains(folder),
          FileManager.default.fileExists(atPath: place.folder.path + "/\(folder)/training.json")
        {
          arguments = ["train", "--resume", folder]
        }
      }
      #expect(try tensors("again.model", in: place) == tensors("whole.model", in: place))
      #expect(try place.run(["predict", "again.model", "--format", "json"]).text == answers)
    }
    #expect(kills == 20)
  }

  @Test("are refused where they would go on otherwise than they began") func refusals() throws {
    let place = try makePlace()
    let saved = training + ["--checkpoint", "saved"]
    #expect(try place.run(saved).status == 0)
    let twice = try place.run(saved)
    #expect(
      twice.status == 65
        && twice.errors.contains("there is a training in this folder already; go on with it with --resume"))
    let other = try place.run(training + ["--resume", "saved", "--horizon", "6"])
    #expect(other.status == 65 && other.errors.contains("the training was begun otherwise: 'the options' differs"))
    let same = try place.run(training + ["--resume", "saved"])
    #expect(same.status == 0)
    try place.write("month,passengers\n1949-01,1\n1949-02,2\n", to: "airline.csv")
    let data = try place.run(["train", "--resume", "saved"])
    #expect(data.status == 65)
    let nothing = try place.run(["train", "--resume", "."])
    #expect(nothing.status == 66 && nothing.errors.contains("no training was saved in this folder"))
    #expect(try place.run(training + ["--every", "5steps"]).errors.contains("needs --checkpoint"))
    #expect(try place.run(training + ["--checkpoint", "x", "--every", "5x"]).status == 64)
    #expect(try place.run(training + ["--log", "x.txt"]).errors.contains("ends in neither"))
    #expect(try place.run(training + ["--learning-rate", "-1"]).status == 64)
    #expect(try place.run(["train", "forecast", "airline.csv"]).errors.contains("--save"))
  }

  @Test("go on with the files of their options only as these were, and from no pipe") func files() throws {
    let place = try makePlace()
    let rows = (0..<24).map {
      "\($0 % 2 == 0 ? "bad grey rain" : "good fine day") \($0 % 5),\($0 % 2 == 0 ? "b" : "a")"
    }
    try place.write((["text,label"] + rows).joined(separator: "\n") + "\n", to: "rows.csv")
    try place.write((["text,label"] + rows.prefix(8)).joined(separator: "\n") + "\n", to: "valid.csv")
    let training = [
      "train", "classify", "rows.csv", "--target", "label", "--validation", "valid.csv", "--epochs", "1", "--hidden",
      "4", "--save", "c.model", "--quiet",
    ]
    let first = try place.run(training + ["--checkpoint", "saved"])
    #expect(first.status == 0, "\(first.errors)")
    #expect(try place.run(["train", "--resume", "saved"]).status == 0)
    try place.write((["text,label"] + rows.prefix(9)).joined(separator: "\n") + "\n", to: "valid.csv")
    let changed = try place.run(["train", "--resume", "saved"])
    #expect(
      changed.status == 65 && changed.errors.contains("begun otherwise: 'valid.csv' differs"), "\(changed.errors)")
    for flag in ["--checkpoint", "--resume"] {
      let piped = try place.run(["train", "forecast", "-", "--save", "m", flag, "pipe"], input: "airline.csv")
      #expect(piped.status == 64 && piped.errors.contains("name a file, not -"), "\(piped.errors)")
    }
    #expect(try !place.files.contains("pipe"))
  }

  @Test("go on where all was learned and nothing was saved", arguments: ["forecast", "language", "translate"])
  func ended(task: String) throws {
    let place = try makePlace()
    let line = "one two three four five six seven"
    try place.write(Array(repeating: line, count: 40).joined(separator: "\n") + "\n", to: "text.txt")
    try place.write(Array(repeating: "one two\teins zwei", count: 40).joined(separator: "\n") + "\n", to: "pairs.tsv")
    let file = ["forecast": "airline.csv", "language": "text.txt", "translate": "pairs.tsv"][task] ?? ""
    let began = try place.run([
      "train", task, file, "--epochs", "2", "--hidden", "8", "--average-weights", "0.9", "--weight-decay", "0.1",
      "--save", "whole.model", "--checkpoint", "saved", "--quiet",
    ])
    try #require(began.status == 0, "\(began.errors)")
    let before = try tensors("whole.model", in: place)
    try FileManager.default.removeItem(atPath: place.folder.path + "/whole.model")
    let result = try place.run(["train", "--resume", "saved"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(try tensors("whole.model", in: place) == before)
    // The courses of stages that had ended stand in the report.
    #expect(began.text.contains("Loss") && result.text.contains("Loss"))
    let other = try place.run(["train", "--resume", "saved", "--weight-decay", "0.2"])
    #expect(other.status == 65 && other.errors.contains("'the regularization' differs"), "\(other.errors)")
  }

  @Test("hold weights back and gather gradients as they are told, or say why not") func regularized() throws {
    let place = try makePlace()
    #expect(try place.run(training).status == 0)
    let plain = try tensors("again.model", in: place)
    for flags in [
      ["--weight-decay", "1"], ["--l1", "0.01"], ["--greatest-norm", "0.1"], ["--gradient-noise", "0.1"],
      ["--accumulate", "2"], ["--zoneout", "0.3"], ["--recurrent-dropout", "0.3"], ["--weight-dropout", "0.3"],
      ["--augment", "noise=0.2,scaling"],
    ] {
      let result = try place.run(training + flags)
      #expect(result.status == 0, "\(flags): \(result.errors)")
      #expect(try tensors("again.model", in: place) != plain, "\(flags)")
    }
    #expect(try place.run(training + ["--weight-decay", "0"]).status == 0)
    #expect(try tensors("again.model", in: place) == plain)
    #expect(try place.run(training + ["--accumulate", "0"]).status == 64)
    #expect(try place.run(training + ["--augment", "none", "--zoneout", "0"]).status == 0)
    #expect(try tensors("again.model", in: place) == plain)
    let misfit = try place.run(training + ["--augment", "rotation"])
    #expect(
      misfit.status == 64
        && misfit.errors.contains(
          "--augment rotation does not fit the task forecast; there fit noise, scaling, magnitude-warp."),
      "\(misfit.errors)")
    let misspelt = try place.run(training + ["--augment", "nose"])
    #expect(misspelt.status == 64 && misspelt.errors.contains("did you mean 'noise'?"), "\(misspelt.errors)")
    let penalty = try place.run(training + ["--temporal-penalty", "1"])
    #expect(penalty.status == 65 && penalty.errors.contains("its last step alone"), "\(penalty.errors)")
    try place.write(String(repeating: "to be or not to be\n", count: 40), to: "text.txt")
    let windows = try place.run(
      ["train", "language", "text.txt", "--accumulate", "2", "--epochs", "1", "--save", "l.model"])
    #expect(windows.status == 65 && windows.errors.contains("choose a larger batch"), "\(windows.errors)")
    let average = try place.run(
      ["train", "language", "text.txt", "--average-weights", "epochs:9", "--epochs", "1", "--save", "l.model"])
    #expect(average.status == 0 && average.errors.contains("before weights were averaged"), "\(average.errors)")
  }

  @Test("write their course as CSV, JSON lines and for TensorBoard, and in the report") func course() throws {
    let place = try makePlace()
    let result = try place.run(
      training.filter { $0 != "--quiet" } + ["--log", "log.csv", "--tensorboard", "runs", "--format", "json"])
    #expect(result.status == 0)
    let rows = String(decoding: try place.read("log.csv"), as: UTF8.self).split(separator: "\n")
    #expect(rows.count == 1 + 16 + 8 + 12 && rows[1].hasPrefix("past,1,") && rows[36].hasPrefix("whole,12,"))
    let runs = try FileManager.default.contentsOfDirectory(atPath: place.folder.path + "/runs").sorted()
    #expect(runs == ["backtest", "past", "whole"])
    let report = try JSONSerialization.jsonObject(with: result.output) as? [String: Any]
    let stages = report?["training"] as? [[String: Any]]
    #expect(stages?.map { $0["stage"] as? String } == ["past", "backtest", "whole"])
    #expect((stages?[0]["loss"] as? [Double])?.count == 16)
    #expect(try place.run(training + ["--log", "log.jsonl"]).status == 0)
    #expect(
      String(decoding: try place.read("log.jsonl"), as: UTF8.self).hasPrefix(#"{"event":"began","stage":"past""#))
  }

  @Test("can look for a learning rate, and train nothing") func rate() throws {
    let place = try makePlace()
    let result = try place.run(["train", "forecast", "airline.csv", "--find-rate", "--format", "json"])
    #expect(result.status == 0)
    let report = try JSONSerialization.jsonObject(with: result.output) as? [String: Any]
    let rate = try #require(report?["suggestion"] as? Double)
    #expect((1e-5...0.5).contains(rate))
    #expect(try place.files == ["airline.csv"])
    #expect(try place.run(["train", "forecast", "airline.csv", "--find-rate"]).text.contains("try --learning-rate"))
  }

  @Test("can be explained: as a table, JSON, CSV and a page") func explained() throws {
    let place = try makePlace()
    #expect(try place.run(training).status == 0)
    let table = try place.run(["explain", "again.model", "--html", "why.html"])
    #expect(table.status == 0 && table.text.contains("Is it true?") && table.text.contains("not causes"))
    #expect(table.text.contains("Gates of recurrent"))
    #expect(String(decoding: try place.read("why.html"), as: UTF8.self).hasPrefix("<!DOCTYPE html>"))
    let json = try place.run(["explain", "again.model", "airline.csv", "--explained", "1961-03", "--format", "json"])
    let report = try JSONSerialization.jsonObject(with: json.output) as? [String: Any]
    let explanation = try #require((report?["explanations"] as? [[String: Any]])?.first)
    #expect(explanation["output"] as? String == "1961-03")
    let csv = try place.run(["explain", "again.model", "--format", "csv"]).text.split(separator: "\n")
    #expect(csv[0] == "example,output,step,feature,integratedGradients,gradientTimesInput,occlusion,relevance")
    let wrong = try place.run(["explain", "again.model", "--baseline", "zero"])
    #expect(wrong.status == 65 && wrong.errors.contains("did you mean 'zeros'?"))
    #expect(try place.run(["explain", "airline.csv"]).status == 65)
  }
}
