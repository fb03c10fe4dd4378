import ArgumentParser
import Foundation
import RefrainData
import RefrainTasks
import Testing

@testable import RefrainCLI

/// The verbs on trained models, with the forecaster.
@Suite("train, predict and evaluate")
struct TaskVerbTests {
  let place: Workplace

  init() throws {
    place = try Workplace()
    try place.write(monthlyCSV(), to: "shop.csv")
    try place.write(monthlyCSV(rows: 96), to: "newer.csv")
  }

  private func run(_ arguments: [String], input: String? = nil) throws -> RunResult {
    let result = try place.run(arguments, input: input)
    try #require(result.status == 0, "\(result.errors)")
    return result
  }

  private func train(_ flags: String...) throws -> RunResult {
    try run(["train", "forecast", "shop.csv", "--target", "sales", "--save", "m"] + tiny + flags)
  }

  private func object(_ result: RunResult) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: result.output) as? [String: Any])
  }

  @Test("A model is trained, measured on what was kept aside, and saved; the summary has four forms")
  func training() throws {
    let table = try train()
    for part in ["forecast", "sales, 72 rows, monthly", "Kept aside  3 examples", "mase", "seasonalNaive"] {
      #expect(table.text.contains(part), "no '\(part)' in:\n\(table.text)")
    }
    #expect(table.errors.contains("The model is in m.") && table.errors.contains(" %"))
    #expect(try place.files == ["shop.csv", "newer.csv", "m"])
    let json = try object(try train("--format", "json", "--quiet"))
    #expect(json["task"] as? String == "forecast" && json["model"] as? String == "m")
    #expect(json["isComplete"] as? Bool == true)
    let evaluation = try #require(json["evaluation"] as? [String: Any])
    #expect(evaluation["examples"] as? Int == 3 && evaluation["baselines"] is [String: [String: Double]])
    #expect(try train("--format", "csv", "--quiet").text.hasPrefix("measure,refrain,seasonalNaive,naive\nmase,"))
  }

  @Test("What was assumed in reading a file is said beside the results, unless they are to be quiet")
  func notes() throws {
    let rows = (0..<40).map { index in "\(index % 2 == 0 ? "good" : "bad") film number\(index % 7),\(index % 2)" }
    try place.write((["text,label"] + rows).joined(separator: "\n") + "\n", to: "rows.csv")
    _ = try run([
      "train", "classify", "rows.csv", "--inputs", "text:text", "--hidden", "4", "--epochs", "1", "--save", "m",
      "--quiet",
    ])
    let latin = "text,label\ngood caf\u{E9},0\nbad film,1\n".unicodeScalars.map { UInt8($0.value) }
    try place.write(Data(latin), to: "latin.csv")
    for verb in ["predict", "evaluate"] {
      #expect(try run([verb, "m", "latin.csv"]).errors.contains("Note: read as Latin-1"))
      #expect(try run([verb, "m", "latin.csv", "--quiet"]).errors.isEmpty)
      #expect(try run([verb, "m", "rows.csv"]).errors.isEmpty)
    }
    // A training says it before it begins, and its summary not again; where it was not said, the summary does.
    let many = "text,label\n" + (0..<20).map { "caf\u{E9} number\($0),\($0 % 2)\n" }.joined()
    try place.write(Data(many.unicodeScalars.map { UInt8($0.value) }), to: "many.csv")
    let training = ["train", "classify", "many.csv", "--hidden", "4", "--epochs", "1", "--save", "n"]
    let told = try run(training)
    #expect(told.errors.contains("Note: read as Latin-1") && !told.text.contains("Latin-1"), "\(told.text)")
    let quiet = try run(training + ["--quiet"])
    #expect(quiet.errors.isEmpty && quiet.text.contains("Latin-1"), "\(quiet.text)")
  }

  @Test("Who reads too much is sent to --memory only where the command has it")
  func memory() throws {
    let error = DataError(
      .overMemoryBudget, file: "a.csv", "this would take too much", remedy: "give more with --memory")
    #expect(error.withoutMemoryFlag.remedy == "choose a smaller file")
    let other = DataError(.wrongInput, "no", remedy: "try --memory")
    #expect(other.withoutMemoryFlag.remedy == other.remedy)
    let help = try run(["info", "--help"]).text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(help.contains("--memory") && help.contains("at most 2GB"))
    #expect(error.withMemoryFlag.remedy == "give more with --memory if the file can be trusted")
    #expect(other.withMemoryFlag.remedy == other.remedy)
    // Every verb that reads files has it.
    for verb in ["train forecast", "forecast", "tune classify", "predict", "evaluate", "explain"] {
      let help = try run(verb.split(separator: " ").map(String.init) + ["--help"]).text
      #expect(help.contains("--memory <size>"), "\(verb)")
    }
    _ = try train("--quiet")
    for verb in ["predict", "evaluate", "explain"] {
      for flags in [["--memory", "1KB"], ["--memory=1KB"]] {
        let result = try place.run([verb, "m", "newer.csv"] + flags)
        expectRefusal(
          result, 65, naming: ["newer.csv: ", "memory budget", "give more with --memory"], at: #_sourceLocation)
      }
    }
    _ = try run(["predict", "m", "newer.csv", "--memory", "100MB"])
  }

  @Test("Answers are those of 'refrain forecast', in four forms, from a file, from standard input, or from nothing")
  func prediction() throws {
    let forecast = try run(["forecast", "shop.csv", "--target", "sales", "--format", "csv", "--quiet"] + tiny)
    _ = try train("--quiet")
    let csv = try run(["predict", "m", "--format", "csv"])
    #expect(csv.text.hasPrefix("time,median,p10,p90\n2016-01,"))
    #expect(csv.text.split(separator: "\n").dropFirst() == forecast.text.split(separator: "\n").dropFirst())
    #expect(try run(["predict", "m", "shop.csv", "--format", "csv"]).output == csv.output)
    #expect(try run(["predict", "m", "-", "--format", "csv"], input: "shop.csv").output == csv.output)

    let newer = try run(["predict", "m", "newer.csv", "--time", "month", "--format", "json"])
    let answers = try #require(try JSONSerialization.jsonObject(with: newer.output) as? [[String: Any]])
    #expect(answers.map { $0["time"] as? String } == ["2018-01", "2018-02", "2018-03"])
    #expect(answers.allSatisfy { $0.count == 4 && $0["median"] is Double })
    let lines = try run(["predict", "--format", "jsonl", "m", "newer.csv"])
    #expect(lines.text.split(separator: "\n").count == 3 && lines.text.hasPrefix(#"{"time":"2018-01","median":"#))
    let table = try run(["predict", "m", "--output", "t.txt"])
    #expect(table.output.isEmpty)
    #expect(String(decoding: try place.read("t.txt"), as: UTF8.self).hasPrefix("  time"))
  }

  @Test("An evaluation is one object with the promised keys in their order")
  func evaluation() throws {
    _ = try train("--quiet")
    let result = try run(["evaluate", "m", "newer.csv", "--format", "json"])
    let keys = result.text.matches(of: /"([A-Za-z0-9]+)":/).map { String($0.output.1) }
    #expect(
      keys == [
        "task", "examples", "measures", "mase", "smape", "rmse", "coverage", "baselines", "seasonalNaive", "mase",
        "smape", "naive", "mase", "smape",
      ])
    #expect(try object(result)["examples"] as? Int == 30)
    #expect(try run(["evaluate", "m", "newer.csv", "--format", "jsonl"]).text.split(separator: "\n").count == 1)
    #expect(try run(["evaluate", "m", "newer.csv"]).text.contains("forecast  30 examples\n"))
  }

  @Test("What cannot be used is one line and 65")
  func refusals() throws {
    _ = try train("--quiet")
    try place.write(monthlyCSV(header: "month,rain,revenue"), to: "renamed.csv")
    try place.write(monthlyCSV(rows: 13), to: "short.csv")
    let before = try place.files
    for (arguments, names) in [
      ("predict m renamed.csv", "no column 'sales'"), ("predict m newer.csv shop.csv", "one file"),
      ("evaluate m short.csv", "13 rows"), ("predict shop.csv", "shop.csv"),
      ("train forecast shop.csv --target sale --save n", "did you mean 'sales'?"),
      ("train forecast shop.csv --dropout 0.5 --save n", "no dropout"),
      ("train forecast shop.csv newer.csv --save n", "one file"),
    ] {
      let result = try place.run(arguments.split(separator: " ").map(String.init))
      expectRefusal(result, 65, naming: [names], at: #_sourceLocation)
    }
    for arguments in ["predict m --nonsense 3", "predict m --horizon 3", "evaluate m", "predict m --output m"] {
      let result = try place.run(arguments.split(separator: " ").map(String.init))
      expectRefusal(result, 64, naming: [], at: #_sourceLocation)
    }
    #expect(try place.files == before)
  }

  @Test(
    "Ctrl-C ends a training with 130, SIGTERM with 143, and with the best result or none", arguments: [SIGINT, SIGTERM])
  func interrupted(number: Int32) throws {
    signal(number, SIG_DFL)
    try place.write(monthlyCSV(rows: 1200), to: "long.csv")
    let running = try place.start(
      ["train", "forecast", "long.csv", "--epochs", "1000000", "--hidden", "128", "--context", "48", "--save", "m"])
    // What was assumed in reading is said before the training, and Ctrl-C ends the process at once there.
    while !running.errors.contains("epoch") && running.process.isRunning { usleep(10_000) }
    kill(running.process.processIdentifier, number)
    // A cluster's SIGTERM may come twice at once, from the launcher too.
    if number == SIGTERM { kill(running.process.processIdentifier, number) }
    let result = try running.finish()
    #expect(result.status == 128 + number, "\(result.errors)")
    #expect(result.errorLines.last?.hasPrefix("refrain: the training was interrupted") == true)
    #expect(try place.files.contains("m") == !result.output.isEmpty)
  }

  @Test("Every form of the command line is in the help of a trained model's task")
  func help() throws {
    _ = try train("--quiet")
    #expect(try run(["predict", "m", "--help"]).text.contains("--time"))
    #expect(try !run(["predict", "--help"]).text.contains("--time"))
    let help = try run(["train", "forecast", "--help"]).text
    for flag in ["target", "covariates", "backtest", "cell", "dropout", "save", "format", "threads", "quiet"] {
      #expect(help.contains("  --\(flag)"), "\(flag)")
    }
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }
}

/// The same verbs with a task of one file, which knows nothing of them.
@Suite("A new task has every verb")
struct NewTaskTests {
  let place: Workplace

  init() throws {
    place = try Workplace()
    try place.write("day,sales\n1,10\n2,20\n3,60\n", to: "a.csv")
  }

  private func path(_ name: String) -> String { place.folder.appendingPathComponent(name).path }

  /// What the command in the arguments writes to its file.
  private func result(_ arguments: String) throws -> String {
    let words = arguments.split(separator: " ").map { $0.hasPrefix("@") ? path(String($0.dropFirst())) : String($0) }
    let all = words + ["--output", path("out"), "--quiet"]
    var command: any ParsableCommand =
      if words[0] == "train" {
        try TrainTask<ColumnMean>.parse(Array(all.dropFirst(2)))
      } else {
        try #require(try TaskVerb.command(in: all, among: [Forecaster.self, ColumnMean.self]))
      }
    try command.run()
    return String(decoding: try place.read("out"), as: UTF8.self)
  }

  @Test("with its own flags, and the forms of all")
  func verbs() throws {
    let trained = try result("train mean @a.csv --target sales --save @m --format json")
    #expect(trained.contains(#""task": "mean""#) && trained.contains(#""evaluation": null"#))
    #expect(
      try result("predict @m @a.csv --format jsonl") == """
        {"row":2,"value":10.0,"distance":20.0,"note":"first, of 3"}
        {"row":3,"value":20.0,"distance":10.0}
        {"row":4,"value":60.0,"distance":30.0}

        """)
    #expect(
      try result("predict @m @a.csv --signed --format csv")
        == "row,value,distance,note\n2,10.0,-20.0,\"first, of 3\"\n3,20.0,-10.0,\n4,60.0,30.0,\n")
    #expect(
      try result("predict @m @a.csv --from 5 6 --format table") == """
          row   value   distance          note
          2     10.00      5.000   first, of 3
          3     20.00      15.00
          4     60.00      55.00

        """)
    #expect(
      try result("evaluate @m @a.csv --format jsonl")
        == #"{"task":"mean","examples":3,"measures":{"meanAbsoluteError":20.0,"nothing":null},"#
        + #""baselines":{"zero":{"meanAbsoluteError":30.0}}}"# + "\n")
    _ = try result("train mean @a.csv --target sales --first-rows 2 --save @m")
    #expect(try result("predict @m @a.csv --format csv").contains("2,10.0,5.0,"))
  }

  @Test("with its refusals")
  func refusals() throws {
    #expect(throws: TaskError.self) { try result("train mean @a.csv --save @m --cell gru") }
    #expect(throws: DataError.self) { try result("train mean @a.csv --target x --save @m") }
    let error = #expect(throws: (any Error).self) { try result("train mean @a.csv --first-rows 0 --save @m") }
    #expect(TrainTask<ColumnMean>.message(for: try #require(error)) == "--first-rows must be at least 1, not 0.")
  }
}
