import Foundation
import Testing

@Suite("Flags that make no sense end with 64 and one line")
struct FlagTests {
  static let mistakes: [(flags: String, names: String)] = [
    ("--horizon 0", "--horizon must be at least 1, not 0"), ("--horizon -3", "--horizon must be at least 1, not -3"),
    ("--horizon=-3", "at least 1"), ("--horizon x", "'x'"), ("--horizon 1.5", "'1.5'"), ("--horizon", "--horizon"),
    ("--horizon 99999999999999999999", "--horizon"), ("--horizon 9223372036854775807", "at most"),
    ("--context 0", "--context"), ("--context -1", "--context"), ("--season 0", "--season"),
    ("--season -12", "--season"), ("--backtest 0", "--backtest"), ("--backtest -1", "--backtest"),
    ("--hidden 0", "--hidden"), ("--hidden 1000000", "at most"), ("--layers 0", "--layers"),
    ("--layers -1", "--layers"), ("--epochs 0", "--epochs"), ("--epochs -5", "--epochs"), ("--seed -1", "--seed"),
    ("--seed one", "--seed"), ("--threads 0", "--threads"), ("--threads -2", "--threads"),
    ("--cell foo", ": lstm, gru,"),
    ("--format xml", "'table', 'csv', 'json' or 'jsonl'"), ("--horizn 3", "Did you mean '--horizon'?"),
    ("--nonsense", "--nonsense"),
    ("a.csv b.csv", "'b.csv'"), ("a.csv --covariates x,,y", "x,,y"), ("--save", "--save"), ("--save=", "--save"),
    ("--output=", "--output"), ("--chart=", "--chart"), ("--model=", "--model"), ("--target sales", "--target"),
    ("--time month", "--time"), ("--covariates rain", "--covariates"),
    ("--model m --save n", "--save and --model"), ("--model m --hidden 3", "--hidden and --model"),
    ("--model m --horizon 3", "--horizon and --model"), ("--model m --cell gru", "--cell and --model"),
    ("--model m --seed 1", "--seed and --model"), ("a.csv --model m --target x", "--target and --model"),
    ("a.csv --model m --covariates x", "--covariates and --model"), ("--output x --chart x", "--output and --chart"),
    ("--save x --output ./x", "--save and --output"), ("a.csv --output a.csv", "FILE and --output"),
    ("--model m --chart m", "--model and --chart"), ("a.csv --chart x.png", "ends in .svg"),
    ("a.csv --decimal x", "'.', ','"), ("a.csv --dates ddmm", "dmy"), ("a.csv --fill mean", "'zero', 'last'"),
    ("a.csv --every 1x", "15min"), ("a.csv --aggregate middle", "'mean', 'sum'"), ("a.csv --shape x", "nixtla"),
    ("a.csv --levels 0,50", "between 0 and 100"), ("a.csv --time-limit soon", "--time-limit"),
    ("a.csv --decimal . --thousands .", "the same mark"),
    ("a.csv --count-rows --time month", "--count-rows and --time"),
    ("--only x", "--only"), ("--id x", "--id"), ("a.csv --time-limit 5", "such as 90s, 10m or 2h"),
  ]

  @Test("A flag that is refused", arguments: mistakes)
  func refused(flags: String, names: String) throws {
    let place = try Workplace()
    try place.write(monthlyCSV(), to: "a.csv")
    let result = try place.run(["forecast"] + flags.split(separator: " ").map(String.init))
    expectRefusal(result, 64, naming: [names], at: #_sourceLocation)
    #expect(try place.files == ["a.csv"])
  }

  @Test(
    "An unknown command or task is a mistake in the flags, and the one that was meant is named",
    arguments: [
      ("forcast", "There is no command 'forcast'. Did you mean 'forecast'? See 'refrain --help'."),
      ("xyzzy", "There is no command 'xyzzy'. There are train, tune, predict, evaluate, explain,"),
      ("train forcast a.csv", "There is no task 'forcast'. Did you mean 'forecast'? See 'refrain train --help'."),
      ("train forecast a.csv --horizn 3 --save m", "Did you mean '--horizon'? See 'refrain train forecast --help'."),
      ("train forecast a.csv", "--save"), ("train forecast --save m", "name a file"),
      ("train forecast a.csv --save a.csv", "FILE and --save name the same file"),
      ("train forecast a.csv --save m --dropout 1", "--dropout must be at least 0 and below 1, not 1.0"),
      ("train forecast a.csv --save m --horizon 0", "--horizon must be at least 1, not 0"),
      ("train frames a.csv --save m --cell lstm", "'conv-lstm'"),
      ("predict", "<model>"), ("evaluate --format xml m", "'jsonl'"),
    ])
  func unknownNames(arguments: String, names: String) throws {
    let place = try Workplace()
    try place.write(monthlyCSV(), to: "a.csv")
    expectRefusal(
      try place.run(arguments.split(separator: " ").map(String.init)), 64, naming: [names], at: #_sourceLocation)
    #expect(try place.files == ["a.csv"])
  }

  @Test("A cell that reads times is refused where there are none")
  func cellOfTimes() throws {
    let result = try Workplace().run(["forecast", "--cell", "gru-d"])
    expectRefusal(result, 65, naming: ["the cell 'gru-d'", "choose another cell"], at: #_sourceLocation)
  }

  @Test("Line breaks and escapes in an argument stay out of the message")
  func unprintable() throws {
    let result = try Workplace().run(["forecast", "--cell", "a\nb\u{1B}[31m"])
    expectRefusal(result, 64, naming: ["a b"], at: #_sourceLocation)
    #expect(!result.errors.contains("\u{1B}"))
  }

  @Test("Columns with commas in their names are named like any others, alone and in lists")
  func commas() throws {
    let place = try Workplace()
    let rows: String = (1...60).map { row -> String in
      let month = row % 12 + 1
      return "\(2010 + row / 12)-\(month < 10 ? "0" : "")\(month),\(100 + row),\(50 + row % 12),\(row % 7)\n"
    }.joined()
    try place.write("month,net,gross,rain\n" + rows, to: "plain.csv")
    try place.write("month,\"sales, net\",\"sales, gross\",rain\n" + rows, to: "commas.csv")
    func run(_ arguments: [String]) throws -> String {
      let result = try place.run(arguments)
      #expect(result.status == 0, "\(result.errors)")
      return result.text.replacing("\"sales, net\"", with: "net")
    }
    func forecast(_ file: String, _ flags: String...) throws -> String {
      try run(["forecast", file] + flags + tiny + ["--format", "csv", "--quiet"])
    }
    #expect(
      try forecast("commas.csv", "--target", "sales, net", "--past", "Sales,gross,rain")
        == forecast("plain.csv", "--target", "net", "--past", "gross,rain"))
    let both = try forecast("plain.csv", "--target", "rain,net", "--save", "p")
    #expect(try forecast("commas.csv", "--target", "rain,sales, net", "--save", "m") == both)
    #expect(try run(["forecast", "commas.csv", "--model", "m", "--format", "csv", "--quiet"]) == both)
    _ = try run(["train", "detect", "commas.csv", "--target", "sales, net", "--epochs", "1", "--save", "d"])
    // The series of several shops are no channels of one.
    let shops = ["x", "y"].flatMap { shop in rows.split(separator: "\n").map { "\(shop),1,\($0)\n" as String } }
      .joined(separator: "")
    try place.write("shop,no,month,net,gross,rain\n" + shops, to: "plain.csv")
    try place.write("shop,\"no, of town\",month,\"sales, net\",gross,rain\n" + shops, to: "commas.csv")
    #expect(
      try forecast("commas.csv", "--target", "sales, net", "--id", "shop,no, of town")
        == forecast("plain.csv", "--target", "net", "--id", "shop,no"))
    _ = try run([
      "train", "classify", "commas.csv", "--target", "shop", "--inputs", "no, of town:category,sales, net", "--epochs",
      "1", "--members", "1", "--save", "c",
    ])
    #expect(try run(["info", "c"]).contains("no, of town (1 categories), sales, net (numbers)"))
  }

  @Test(
    "Help and the version go to standard output, and are no errors",
    arguments: [
      "--help", "--version", "forecast --help", "help train forecast", "train --help", "train forecast --help",
      "predict --help", "evaluate --help", "--generate-completion-script bash", "--experimental-dump-help",
    ])
  func help(flags: String) throws {
    let result = try Workplace().run(flags.split(separator: " ").map(String.init))
    #expect(result.status == 0)
    #expect(result.errors.isEmpty)
    #expect(!result.output.isEmpty)
  }

  @Test("The help names every flag")
  func helpIsComplete() throws {
    let help = try Workplace().run(["forecast", "--help"]).text
    let flags = """
      --target --time --id --only --decimal --thousands --dates --fill --every --aggregate --wide --future-file --count-rows --horizon --context --season --past --future --covariates --levels --details --fitted --samples --shape --time-limit --backtest --cell --hidden --layers --epochs --seed \
      --threads --save --model --format --output --chart --memory --quiet
      """
    for flag in flags.split(separator: " ") { #expect(help.contains("  \(flag)")) }
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }
}
