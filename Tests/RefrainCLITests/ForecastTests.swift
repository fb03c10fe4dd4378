import Foundation
import RefrainData
import Testing

@testable import RefrainCLI

@Suite("refrain forecast")
struct ForecastTests {
  let place: Workplace

  init() throws {
    place = try Workplace()
    try place.write(monthlyCSV(), to: "shop.2024.csv")
  }

  private func forecast(_ flags: String...) throws -> RunResult {
    let result = try place.run(["forecast"] + flags)
    try #require(result.status == 0, "\(result.errors)")
    return result
  }

  private func training(_ flags: String...) throws -> RunResult {
    let result = try place.run(["forecast"] + flags + tiny)
    try #require(result.status == 0, "\(result.errors)")
    return result
  }

  @Test("JSON is one object with the promised keys in their order")
  func json() throws {
    let result = try training("shop.2024.csv", "--format", "json", "--seed", "7", "--quiet")
    #expect(result.errors.isEmpty)
    #expect(result.text.hasSuffix("}\n"))
    let object = try #require(try JSONSerialization.jsonObject(with: result.output) as? [String: Any])
    #expect(object["series"] as? String == "shop.2024")
    #expect(object["target"] as? String == "sales")
    #expect(object["frequency"] as? String == "monthly")
    #expect(object["season"] is Int)
    #expect(object["horizon"] as? Int == 3)
    let points = try #require(object["forecast"] as? [[String: Any]])
    #expect(points.map { $0["time"] as? String } == ["2016-01", "2016-02", "2016-03"])
    for point in points {
      let (low, high) = (try #require(point["p10"] as? Double), try #require(point["p90"] as? Double))
      #expect(point["median"] is Double && point["mean"] as? Double == point["median"] as? Double && low <= high)
    }
    let backtest = try #require(object["backtest"] as? [String: Any])
    #expect(backtest["folds"] as? Int == 1)
    #expect((object["training"] as? [String: Any])?["seed"] as? Int == 7)
    let methods = try #require(object["methods"] as? [[String: Any]])
    #expect(abs(methods.reduce(0) { $0 + ($1["weight"] as? Double ?? .nan) } - 1) < 1e-9)
    #expect(methods.allSatisfy { $0["name"] is String })

    let keys = result.text.matches(of: /"([A-Za-z0-9]+)":/).map { String($0.output.1) }
    let point = ["time", "median", "mean", "p10", "p90"]
    let errors = ["smape", "mase"]
    var expected = ["series", "target", "frequency", "season", "horizon", "forecast"] + point + point + point
    expected +=
      ["backtest", "folds", "smape", "mase", "rmse", "coverage", "naive"] + errors + ["seasonalNaive"] + errors
    expected += ["methods"] + methods.flatMap { _ in ["name", "weight"] }
    expected += ["training", "epochs", "seconds", "parameters", "seed"]
    #expect(keys == expected)
  }

  @Test("Sample paths are rows of CSV and arrays of JSON; the table tells their sum")
  func samples() throws {
    let csv = try training("shop.2024.csv", "--format", "csv", "--quiet", "--samples", "4", "--save", "m").text
    let rows = csv.split(separator: "\n")
    #expect(rows[0] == "sample,time,value" && rows.count == 13)
    #expect(rows[1].hasPrefix("1,2016-01,") && rows[12].hasPrefix("4,2016-03,"))
    let json = try forecast("--model", "m", "--format", "json", "--quiet", "--samples", "4")
    let object = try #require(try JSONSerialization.jsonObject(with: json.output) as? [String: Any])
    let paths = try #require(object["samples"] as? [[Double]])
    // JSONSerialization rounds the last digit.
    let values = rows.dropFirst().compactMap { Double($0.split(separator: ",")[2]) }
    #expect(values.count == 12 && zip(paths.flatMap(\.self), values).allSatisfy { abs($0 - $1) < 1e-9 })
    #expect(try forecast("--model", "m", "--quiet", "--samples", "4").text.contains("The sum over the 3 steps is"))
    let answers = try place.run(["predict", "m", "--format", "json", "--samples", "4"])
    let points = try #require(try JSONSerialization.jsonObject(with: answers.output) as? [[String: Any]])
    #expect(points.map { $0["samples"] as? [Double] } == (0..<3).map { step in paths.map { $0[step] } })
    for flags in [["--samples", "0"], ["--samples", "-3"], ["--samples", "4", "--shape", "nixtla"]] {
      #expect(try place.run(["forecast", "--model", "m"] + flags).status == 64)
    }
  }

  @Test("CSV has a header and a row for each step")
  func csv() throws {
    let lines = try training("shop.2024.csv", "--format", "csv").text.split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 5 && lines[4].isEmpty)
    #expect(lines[0] == "time,median,p10,p90")
    #expect(lines[1...3].map { $0.split(separator: ",")[0] } == ["2016-01", "2016-02", "2016-03"])
    #expect(lines[1...3].allSatisfy { $0.split(separator: ",").dropFirst().compactMap { Double($0) }.count == 3 })
  }

  @Test("The table fits 80 columns, says what was read and how good it is, and has no colors in a file")
  func table() throws {
    let result = try training("shop.2024.csv", "--covariates", "rain")
    let text = result.text
    let parts = [
      "shop.2024", "sales, 72 rows, monthly, 2010-01 to 2015-12", "rain", "horizon 3, context 12", "4 units", "seed 0",
      "2016-01", "2016-03", "sMAPE", "MASE", "RMSE", "Refrain", "Seasonal naive", "Naive", "forecast", "└",
    ]
    for part in parts { #expect(text.contains(part), "no '\(part)' in:\n\(text)") }
    #expect(text.contains("Refrain beats") || text.contains("naive forecast"))
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
    #expect(!text.contains("\u{1B}") && !result.errors.contains("\u{1B}") && !result.errors.contains("\r"))
  }

  @Test("Without a file the bundled series is forecast")
  func bundled() throws {
    let result = try training("--format", "json", "--quiet")
    let object = try #require(try JSONSerialization.jsonObject(with: result.output) as? [String: Any])
    #expect(object["series"] as? String == "airline passengers")
    #expect((object["forecast"] as? [[String: Any]])?.first?["time"] as? String == "1961-01")
  }

  @Test("A byte-order mark, CRLF and names beyond ASCII are read")
  func unicode() throws {
    try place.write("\u{FEFF}" + monthlyCSV(lineEnd: "\r\n", header: "месяц,снег,Größe Ω"), to: "данные é.csv")
    let result = try training("данные é.csv", "--target", "Größe Ω", "--covariates", "снег", "--format", "json")
    let object = try #require(try JSONSerialization.jsonObject(with: result.output) as? [String: Any])
    #expect(object["series"] as? String == "данные é")
    #expect(object["target"] as? String == "Größe Ω")
  }

  @Test("A saved model forecasts again, byte for byte", arguments: ["table", "csv", "json"])
  func again(format: String) throws {
    let first = try training(
      "shop.2024.csv", "--format", format, "--save", "m", "--chart", "1.svg", "--covariates", "rain")
    let second = try forecast("--model", "m", "--format", format, "--chart", "2.svg")
    #expect(first.output == second.output)
    #expect(try place.read("1.svg") == place.read("2.svg"))
    let newest = try forecast("shop.2024.csv", "--model", "m", "--format", format)
    #expect(first.output == newest.output)
  }

  @Test("A saved model goes on from newer rows")
  func newer() throws {
    _ = try training("shop.2024.csv", "--save", "m", "--quiet")
    try place.write(monthlyCSV(rows: 80), to: "newer.csv")
    let result = try forecast("newer.csv", "--model", "m", "--format", "csv", "--time", "month")
    #expect(result.text.split(separator: "\n")[1].hasPrefix("2016-09,"))
  }

  @Test("The same seed gives the same forecast, on one thread or two, and another seed another")
  func seeds() throws {
    let one = try training("--format", "csv", "--seed", "5", "--threads", "1").text
    #expect(try training("--format", "csv", "--seed", "5", "--threads", "2").text == one)
    #expect(try training("--format", "csv", "--seed", "6").text != one)
  }

  @Test("Every cell can be chosen", arguments: ["lstm", "gru", "rnn"])
  func cells(name: String) throws {
    #expect(try training("--cell", name, "--layers", "2").text.contains(name.uppercased()))
  }

  @Test("Results go to a file when asked, the same as to standard output")
  func output() throws {
    let result = try training("shop.2024.csv", "--format", "csv", "--output", "out.csv", "--save", "m")
    #expect(result.output.isEmpty)
    #expect(result.errors.contains("out.csv"))
    #expect(try place.read("out.csv") == forecast("--model", "m", "--format", "csv").output)
    #expect(try place.files == ["shop.2024.csv", "out.csv", "m"])
  }

  @Test("The chart is an SVG picture with the series' name")
  func chart() throws {
    _ = try training("shop.2024.csv", "--chart", "c.svg")
    let svg = String(decoding: try place.read("c.svg"), as: UTF8.self)
    #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n") && svg.contains("shop.2024: sales"))
  }

  @Test("Progress goes to standard error in few lines, and not at all when quiet")
  func progress() throws {
    let loud = try training("shop.2024.csv", "--format", "csv")
    #expect((1...8).contains(loud.errorLines.count))
    #expect(loud.errors.contains(" %"))
    #expect(!loud.text.contains(" %"))
    #expect(try training("shop.2024.csv", "--save", "m", "--quiet").errors.isEmpty)
  }

  @Test("A reader that stops reading ends the command without noise")
  func closedPipe() throws {
    // The reader is gone before anything is written.
    let flags = tiny.joined(separator: " ")
    let line = "{ \"$REFRAIN\" forecast \(flags) --quiet; echo status $? >&2; } | true"
    let result = try place.shell(line)
    #expect(result.errors == "status 0\n")
    let help = try place.shell("{ sleep 0.2; \"$REFRAIN\" forecast --help; echo status $? >&2; } | true")
    #expect(help.errors == "status 0\n")
  }
}

@Suite("Ctrl-C", .timeLimit(.minutes(20)))
struct InterruptionTests {
  private func startLongTraining(in place: Workplace, _ flags: String...) throws -> Running {
    // A shell may have made the tests deaf to it, and the command would inherit that.
    signal(SIGINT, SIG_DFL)
    try place.write(monthlyCSV(rows: 1200), to: "long.csv")
    let running = try place.start(
      ["forecast", "long.csv", "--epochs", "1000000", "--hidden", "128", "--context", "48"] + flags)
    // What was assumed in reading is said before the training, and Ctrl-C ends the process at once there.
    while !running.errors.contains("epoch") && running.process.isRunning { usleep(10_000) }
    return running
  }

  @Test("The first Ctrl-C ends the training with 130, and with the best result or none")
  func once() throws {
    let place = try Workplace()
    let running = try startLongTraining(in: place, "--save", "model")
    kill(running.process.processIdentifier, SIGINT)
    let result = try running.finish()
    #expect(result.status == 130, "\(result.errors)")
    #expect(result.errorLines.last?.hasPrefix("refrain: the training was interrupted") == true)
    let hasResult = !result.output.isEmpty
    #expect(result.errors.contains(hasResult ? "best until then" : "before there was a result"))
    #expect(try place.files == (hasResult ? ["long.csv", "model"] : ["long.csv"]))
  }

  @Test("A second Ctrl-C ends it at once")
  func twice() throws {
    let running = try startLongTraining(in: Workplace())
    // The first is counted by a handler, so the second must not merge with it while both wait.
    kill(running.process.processIdentifier, SIGINT)
    usleep(1000)
    kill(running.process.processIdentifier, SIGINT)
    // After the training is over, the second one ends the process by the signal itself.
    #expect([130, -SIGINT].contains(try running.finish().status))
  }
}
