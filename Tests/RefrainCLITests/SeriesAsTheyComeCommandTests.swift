import Foundation
import Testing

@testable import RefrainCLI

@Suite("refrain forecast on data as it comes")
struct SeriesAsTheyComeCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private func run(_ arguments: [String]) throws -> RunResult {
    let result = try place.run(arguments)
    try #require(result.status == 0, "\(result.errors)")
    return result
  }

  private func forecast(_ flags: String...) throws -> RunResult { try run(["forecast"] + flags + tiny) }

  private func object(_ result: RunResult) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: result.output) as? [String: Any])
  }

  /// Months whose sales are lifted by a promotion.
  private func promotions(_ rows: Int, ahead: Int = 0) -> String {
    var lines = ["month,promo,kind,sales"]
    for row in 0..<rows + ahead {
      let promo = row * row % 7 < 2 ? 1 : 0
      let sales = 100 + 20 * sin(Double(row) * .pi / 6) + 40 * Double(promo) + Double(row * 37 % 11) / 4
      let month = row % 12 + 1
      lines.append(
        "\(2010 + row / 12)-\(month < 10 ? "0" : "")\(month),\(promo),\(promo > 0 ? "deal" : "none"),"
          + (row < rows ? "\(sales)" : ""))
    }
    return lines.map { $0 + "\n" }.joined()
  }

  @Test("Missing values and months are counted and taken as they are, or filled")
  func missing() throws {
    var lines = monthlyCSV().split(separator: "\n").map(String.init)
    lines[20] = String(lines[20].prefix(while: { $0 != "," })) + ",1,"
    lines.remove(at: 40)
    try place.write(lines.joined(separator: "\n") + "\n", to: "a.csv")
    let result = try forecast("a.csv", "--target", "sales")
    #expect(result.text.contains("72 rows, 2 of them missing"))
    #expect(result.errors.contains("1 missing time put in") && result.errors.contains("2 missing values of 72"))
    let json = try forecast("a.csv", "--format", "json", "--quiet")
    #expect(try object(json)["missing"] as? Int == 2)
    for way in ["zero", "last", "linear"] {
      let filled = try forecast("a.csv", "--fill", way, "--format", "json")
      #expect(filled.errors.contains("2 missing values filled with"))
      #expect(try object(filled)["missing"] == nil)
    }
  }

  @Test("Irregular times are brought together; a model remembers how")
  func every() throws {
    func csv(_ days: Int) -> String {
      "time,v\n"
        + (0..<days * 5).map { row in
          let (day, part) = (row / 5, row % 5)
          let date = "2024-0\(1 + day / 28)-\(day % 28 < 9 ? "0" : "")\(day % 28 + 1)"
          return "\(date) 0\(part):\(10 + row * 13 % 47),\(day % 7 + part)\n"
        }.joined()
    }
    try place.write(csv(56), to: "a.csv")
    try place.write(csv(60), to: "b.csv")
    let first = try forecast("a.csv", "--every", "1d", "--format", "csv", "--save", "m")
    #expect(first.errors.contains("rows brought together to daily: 59 from 280"))
    // What follows 28 February 2024.
    #expect(first.text.contains("\n2024-02-29"))
    let newer = try run(["forecast", "b.csv", "--model", "m", "--format", "csv"])
    #expect(newer.errors.contains("from 300"))
    let trained = try run(
      ["train", "forecast", "a.csv", "--every", "1d", "--aggregate", "sum", "--save", "n", "--quiet"] + tiny)
    #expect(trained.status == 0)
    let predicted = try run(["predict", "n", "a.csv", "--format", "csv"])
    let value = try #require(Double(predicted.text.split(separator: "\n")[1].split(separator: ",")[1]))
    #expect(value > 9)
  }

  @Test("What is known ahead stands below the last value or in a file of its own; the model asks for it again")
  func future() throws {
    try place.write(promotions(96, ahead: 3), to: "a.csv")
    try place.write(promotions(96), to: "past.csv")
    let ahead = promotions(96, ahead: 3).split(separator: "\n")
    try place.write(([ahead[0]] + ahead.suffix(3)).joined(separator: "\n") + "\n", to: "ahead.csv")
    for column in ["promo", "kind"] {
      let inside = try forecast("a.csv", "--future", column, "--format", "csv", "--save", "m", "--quiet")
      let apart = try forecast(
        "past.csv", "--future", column, "--future-file", "ahead.csv", "--format", "csv", "--quiet")
      #expect(inside.output == apart.output)
      let again = try run(["forecast", "past.csv", "--future-file", "ahead.csv", "--model", "m", "--format", "csv"])
      #expect(again.output == inside.output)
      expectRefusal(
        try place.run(["forecast", "past.csv", "--model", "m"]), 65, naming: ["column \(column)", "--future-file"],
        at: #_sourceLocation)
    }
    try place.write("month,kind\n2018-01,deal\n2018-02,deel\n2018-03,none\n", to: "wrong.csv")
    expectRefusal(
      try place.run(["forecast", "past.csv", "--future", "kind", "--future-file", "wrong.csv"] + tiny), 65,
      naming: ["wrong.csv: row 3, column kind", "'deel'"], at: #_sourceLocation)
  }

  @Test("A category never seen is named with its row when a model is given it")
  func category() throws {
    try place.write(promotions(72), to: "a.csv")
    _ = try run(
      ["train", "forecast", "a.csv", "--past", "kind", "--target", "sales", "--save", "m", "--quiet"] + tiny)
    try place.write(
      promotions(72).replacing("2015-12,1,deal", with: "2015-12,1,gift").replacing(
        "2015-12,0,none", with: "2015-12,0,gift"), to: "b.csv")
    expectRefusal(
      try place.run(["predict", "m", "b.csv"]), 65, naming: ["b.csv: row 73, column kind", "'gift' was never seen"],
      at: #_sourceLocation)
  }

  @Test("Columns, ids and files of a folder are series of one model; a faulty one is reported and left out")
  func many() throws {
    let header = ["month"] + (1...14).map { "s\($0)" } + ["empty"]
    let rows = (0..<40).map { row in
      let month = row % 12 + 1
      return ["\(2010 + row / 12)-\(month < 10 ? "0" : "")\(month)"]
        + (1...14).map { "\($0 * 10 + row * $0 % 7)" } + [""]
    }
    try place.write(([header] + rows).map { $0.joined(separator: ",") + "\n" }.joined(), to: "wide.csv")
    let wide = try forecast("wide.csv", "--wide", "--format", "csv", "--save", "m")
    #expect(wide.errors.contains("column 'empty' is left out"))
    #expect(wide.text.hasPrefix("id,time,median") && wide.text.split(separator: "\n").count == 1 + 14 * 3)
    let again = try run(["forecast", "--model", "m", "--format", "csv"])
    #expect(again.output == wide.output)
    let newer = try run(["forecast", "wide.csv", "--model", "m", "--format", "csv", "--quiet"])
    #expect(newer.output == wide.output)
    try FileManager.default.createDirectory(
      at: place.folder.appendingPathComponent("folder"), withIntermediateDirectories: false)
    for name in ["a", "b"] { try place.write(monthlyCSV(), to: "folder/\(name).csv") }
    try place.write("month,sales\n2010-01,x\n", to: "folder/c.csv")
    let folder = try forecast("folder", "--target", "sales", "--format", "csv")
    #expect(folder.errors.contains("file 'c.csv' is left out"))
    #expect(Set(folder.text.split(separator: "\n").dropFirst().map { $0.prefix(2) }) == ["a,", "b,"])
    let targets = try forecast("folder/a.csv", "--target", "rain,sales", "--format", "json", "--save", "n", "--quiet")
    let all = try #require(try JSONSerialization.jsonObject(with: targets.output) as? [[String: Any]])
    #expect(all.map { $0["id"] as? String } == ["rain", "sales"])
    #expect(all.allSatisfy { ($0["backtest"] as? [String: Any])?["mase"] is Double })
  }

  @Test("Fitted values, the backtest's details, and the names that others read come on request")
  func requests() throws {
    try place.write(monthlyCSV(), to: "a.csv")
    let json = try object(forecast("a.csv", "--fitted", "--details", "--format", "json", "--quiet"))
    let fitted = try #require(json["fitted"] as? [[String: Any]])
    #expect(fitted.count > 20 && fitted.last?["time"] as? String == "2015-12" && fitted.last?["residual"] is Double)
    let backtest = try #require(json["backtest"] as? [String: Any])
    #expect((backtest["perFold"] as? [[String: Any]])?.count == 1)
    #expect((backtest["perStep"] as? [[String: Any]])?.map { $0["step"] as? Int } == [1, 2, 3])
    let table = try forecast("a.csv", "--fitted", "--details").text
    for part in ["Backtest by horizon", "2015-10 to 2015-12", "Backtest by step", "One step ahead"] {
      #expect(table.contains(part), "no '\(part)' in:\n\(table)")
    }
    let csv = try forecast("a.csv", "--fitted", "--format", "csv", "--quiet").text.split(separator: "\n")
    #expect(csv[0] == "time,median,p10,p90,value,residual" && csv.count == 1 + fitted.count + 3)
    let both = try place.run(["forecast", "a.csv", "--fitted", "--shape", "nixtla", "--format", "csv"])
    #expect(both.status == 64 && both.errors.contains("--fitted and --shape nixtla exclude each other"))
    let other = try forecast("a.csv", "--shape", "nixtla", "--levels", "95", "--format", "csv", "--quiet").text
    #expect(other.hasPrefix("unique_id,ds,Refrain,Refrain-lo-80,Refrain-hi-80,Refrain-lo-95,Refrain-hi-95\na,2016-01,"))
  }

  @Test("The intervals that are asked for stand in the table")
  func levels() throws {
    try place.write(monthlyCSV(), to: "a.csv")
    let lines = try run(["forecast", "a.csv", "--zero-shot", "--horizon", "3", "--levels", "95,80,50.5"]).text
      .split(separator: "\n").map { $0.split(separator: "  ").map { $0.trimmingCharacters(in: .whitespaces) } }
    let header = try #require(lines.first { $0.first == "Time" })
    #expect(header == ["Time", "Forecast", "10 %", "90 %", "24.75 %", "75.25 %", "2.5 %", "97.5 %"])
    let row = try #require(lines.first { $0.first == "2016-01" })
    let numbers = row.dropFirst().compactMap(Double.init)
    #expect(row.count == 8 && numbers.count == 7)
    #expect(numbers[5] <= numbers[1] && numbers[1] <= numbers[3] && numbers[3] <= numbers[0])
  }

  @Test("What is noted of one of several series names it")
  func notes() throws {
    let lines = monthlyCSV(rows: 48).split(separator: "\n").dropFirst()
    let all = ["shop,month,rain,sales"] + ["a", "b"].flatMap { shop in lines.map { "\(shop),\($0)" } }
    try place.write(all.map { $0 + "\n" }.joined(), to: "a.csv")
    let errors = try run(["forecast", "a.csv", "--target", "sales", "--zero-shot", "--format", "csv"]).errors
    #expect(errors.contains("Note: a: nothing was trained") && errors.contains("Note: b: nothing was trained"))
  }

  @Test("What repeats without any change has no errors to compare, and the report says so")
  func periodic() throws {
    let rows = (0..<60).map { "\(2010 + $0 / 12)-\($0 % 12 < 9 ? "0" : "")\($0 % 12 + 1),\(($0 % 12) * 7 % 12)\n" }
    try place.write("month,v\n" + rows.joined(), to: "a.csv")
    let text = try run(["forecast", "a.csv", "--zero-shot"]).text
    #expect(text.contains("The errors cannot be compared"), "\(text)")
  }

  @Test("Training, predicting and measuring say which series was left out; a model of one names what chooses it")
  func faultySeries() throws {
    let lines = monthlyCSV().split(separator: "\n").dropFirst()
    func shop(_ name: String) -> [String] { lines.map { "\(name),\($0)" } }
    let all = ["shop,month,rain,sales"] + shop("a b") + shop("c") + ["d,2010-01,1,5"]
    try place.write(all.map { $0 + "\n" }.joined(), to: "a.csv")
    let train = ["train", "forecast", "a.csv", "--target", "sales", "--id", "shop", "--zero-shot", "--horizon", "3"]
    let trained = try run(train + ["--save", "m"])
    let predicted = try run(["predict", "m", "a.csv"])
    let measured = try run(["evaluate", "m", "a.csv"])
    for result in [trained, predicted, measured] {
      #expect(result.errors.contains("Note: series 'd' is left out"), "\(result.errors)")
    }
    #expect(try !run(["predict", "m", "a.csv", "--quiet"]).errors.contains("Note"))
    _ = try run(train + ["--only", "c", "--save", "one"])
    let several = try place.run(["predict", "one", "a.csv"])
    #expect(several.status == 65 && several.errors.contains("--only 'a b'"), "\(several.errors)")
  }

  @Test("A time that stands twice is answered with what brings rows together")
  func twice() throws {
    try place.write("day,v\n2024-01-01,1\n2024-01-02,2\n2024-01-02,3\n2024-01-03,4\n", to: "a.csv")
    let result = try place.run(["forecast", "a.csv"])
    #expect(result.status == 65 && result.errors.contains("--every 1d") && result.errors.contains("with --id"))
  }

  @Test("Of several series the ones that are too short are left out by name")
  func tooShort() throws {
    let rows = ["a", "b", "c"].flatMap { id in
      (1...(id == "c" ? 3 : 28)).map { "2024-01-\($0 < 10 ? "0" : "")\($0),\(id),\($0 % 7)\n" }
    }
    try place.write("date,store,v\n" + rows.joined(), to: "a.csv")
    let flags = ["--horizon", "2", "--backtest", "1", "--epochs", "1", "--format", "csv"]
    let result = try place.run(["forecast", "a.csv"] + flags)
    #expect(result.status == 0 && result.errors.contains("series 'c' is left out: it has 3 rows"), "\(result.errors)")
    let alone = try place.run(["forecast", "a.csv", "--only", "c"] + flags)
    #expect(alone.status == 65 && alone.errors.contains("series 'c' has 3 rows"), "\(alone.errors)")
  }

  @Test(
    "A training that goes astray is told a smaller learning rate",
    arguments: [["forecast"], ["regress", "--target", "sales"]])
  func astray(task: [String]) throws {
    try place.write(monthlyCSV(), to: "a.csv")
    let flags = ["--learning-rate", "1e38", "--epochs", "2", "--save", "m", "--quiet"]
    let result = try place.run(["train", task[0], "a.csv"] + task.dropFirst() + flags)
    #expect(result.status == 65 && result.errors.contains("did not converge"), "\(result.errors)")
    #expect(result.errors.contains("choose a smaller learning rate, another seed, or fewer units"), "\(result.errors)")
  }

  @Test("A detector says what measures it; where there are no alarms, CSV has a header")
  func detector() throws {
    let rows = (0..<80).map { "\($0),\(20 + sin(Double($0)))\n" }
    try place.write("n,v\n" + rows.joined(), to: "a.csv")
    let flags = ["--target", "v", "--count-rows", "--epochs", "1", "--hidden", "4", "--quiet"]
    let trained = try run(["train", "detect", "a.csv", "--save", "d"] + flags)
    #expect(trained.text.contains("evaluate'") && !trained.text.contains("no time"))
    try place.write("n,v\n1,20\n2,20.5\n", to: "b.csv")
    let alarms = try run(["predict", "d", "b.csv", "--count-rows", "--only-alarms", "--format", "csv"])
    #expect(alarms.text == "time,score,isAnomaly,channel,expected,seen,threshold,since,reason\n")
    let unlabeled = try place.run(["evaluate", "d", "b.csv", "--count-rows"])
    #expect(unlabeled.status == 65 && unlabeled.errors.contains("--labels"))
  }

  @Test("What smaller weights do to a detector is measured without labels")
  func smallerDetector() throws {
    let rows = (0..<80).map { row in
      "2024-01-0\(1 + row / 24)T\(row % 24 < 10 ? "0" : "")\(row % 24):00,\(20 + sin(Double(row)))\n"
    }
    try place.write("time,v\n" + rows.joined(), to: "a.csv")
    _ = try run(["train", "detect", "a.csv", "--save", "d", "--epochs", "1", "--hidden", "32", "--quiet"])
    let result = try run(["convert", "d", "small", "--weights", "int8", "--calibrate", "a.csv"])
    for part in ["rows: 80", "meanScoreDifference: ", "greatestScoreDifference: ", "alarms: ", "alarmsChanged: "] {
      #expect(result.text.contains(part), "\(result.text)")
    }
  }

  @Test("A time limit holds, and is said")
  func timeLimit() throws {
    try place.write(monthlyCSV(rows: 200), to: "a.csv")
    let result = try run(
      ["forecast", "a.csv", "--epochs", "100000", "--hidden", "64", "--time-limit", "2s", "--format", "csv"])
    #expect(result.errors.contains("the time limit of 2 s cut the training short"))
    #expect(result.text.hasPrefix("time,median"))
  }
}
