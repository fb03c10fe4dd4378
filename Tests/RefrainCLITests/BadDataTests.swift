import Foundation
import RefrainData
import Testing

@Suite("A file that cannot be used ends with its status and one line, and leaves every file as it was")
struct BadDataTests {
  /// A file's text (nil: no file), flags, and what the message must name.
  struct Case: CustomTestStringConvertible {
    var name: String
    var csv: String?
    var flags: [String] = []
    var names: [String]

    var testDescription: String { name }
  }

  static let months = monthlyCSV()

  /// The months with one line, counted from 1 for the header, replaced.
  static func months(line: Int, _ text: String?) -> String {
    var lines = months.split(separator: "\n").map(String.init)
    lines.replaceSubrange(line - 1...line - 1, with: text.map { [$0] } ?? [])
    return lines.map { $0 + "\n" }.joined()
  }

  static let cases: [Case] = [
    Case(name: "missing file", csv: nil, names: ["data.csv", "no such file"]),
    Case(name: "empty file", csv: "", names: ["data.csv", "empty"]),
    Case(name: "header only", csv: "month,sales\n", names: ["data.csv"]),
    Case(name: "no such target", csv: months, flags: ["--target", "salse"], names: ["salse", "sales"]),
    Case(name: "no such time", csv: months, flags: ["--time", "mnth"], names: ["mnth", "month"]),
    Case(name: "no such covariate", csv: months, flags: ["--covariates", "rian"], names: ["rian", "rain"]),
    Case(
      name: "target twice", csv: months, flags: ["--target", "sales", "--covariates", "sales"], names: ["sales"]),
    Case(name: "no number", csv: months(line: 17, "2011-04,3,n.b."), names: ["row 17", "sales", "n.b."]),
    Case(
      name: "no number in a covariate", csv: months(line: 9, "2010-08,wet,1"), flags: ["--covariates", "rain"],
      names: ["row 9", "rain", "wet"]),
    Case(name: "too few fields", csv: months(line: 5, "2010-04,1"), names: ["row 5"]),
    Case(name: "too many fields", csv: months(line: 6, "2010-05,1,2,3"), names: ["row 6"]),
    Case(name: "unsorted times", csv: months(line: 8, "2009-07,1,2"), names: ["row 8", "2009-07"]),
    Case(name: "repeated time", csv: months(line: 8, "2010-06,1,2"), names: ["row 8", "2010-06"]),
    Case(
      name: "hours that lie unevenly", csv: "time,v\n2024-01-01 10:00,1\n2024-01-01 11:00,2\n2024-01-01 12:17,3\n",
      names: ["row 4", "--every 1h"]),
    Case(name: "a clock that jumps", csv: months(line: 30, "2912-05,1,2"), names: ["row 31", "2012-06"]),
    Case(
      name: "every value missing", csv: "month,sales\n2010-01,\n2010-02,\n", flags: ["--target", "sales"],
      names: ["sales", "every value is missing"]),
    Case(
      name: "target as a covariate", csv: months, flags: ["--target", "sales", "--future", "sales"],
      names: ["'sales' is named twice"]),
    Case(name: "no future", csv: months, flags: ["--future", "rain"], names: ["row 74", "rain", "--future-file"]),
    Case(
      name: "a future that is missing", csv: months + "2016-01,1,\n2016-02,,\n2016-03,2,\n",
      flags: ["--future", "rain"],
      names: ["row 75", "column rain", "2016-02"]),
    Case(
      name: "one row a series", csv: "id,month,v\na,2010-01,1\nb,2010-02,2\nc,2010-03,2\n", flags: ["--id", "id"],
      names: ["3 series", "one row"]),
    Case(
      name: "a time twice in a series",
      csv: "id,month,v\na,2010-01,1\nb,2010-01,2\na,2010-02,2\na,2010-01,3\nb,2010-02,4\n", flags: ["--id", "id"],
      names: ["series 'a'", "row 5", "row 2"]),
    Case(name: "infinite value", csv: months(line: 11, "2010-10,1,inf"), names: ["row 11", "sales"]),
    Case(
      name: "not a time", csv: months(line: 11, "soon,1,2"), flags: ["--time", "month"], names: ["row 11", "soon"]),
    Case(name: "one row", csv: "month,sales\n2010-01,3\n", names: ["data.csv"]),
    Case(
      name: "too few rows", csv: monthlyCSV(rows: 10), flags: ["--horizon", "12", "--context", "24"],
      names: ["10 rows"]),
    Case(name: "too few rows for a huge horizon", csv: months, flags: ["--horizon", "100000"], names: ["72 rows"]),
    Case(name: "too few rows for a huge context", csv: months, flags: ["--context", "100000"], names: ["72 rows"]),
    Case(name: "open quotation mark", csv: months(line: 5, "2010-04,1,\"2"), names: ["data.csv"]),
    Case(name: "no column of numbers", csv: "a,b\nx,y\nz,w\n", names: ["data.csv"]),
  ]

  @Test("Input that is refused", arguments: cases)
  func refused(_ input: Case) throws {
    let place = try Workplace()
    if let csv = input.csv { try place.write(csv, to: "data.csv") }
    let outputs = ["results.csv", "chart.svg", "model.safetensors"]
    for name in outputs { try place.write("precious", to: name) }
    let before = try place.files
    let result = try place.run(
      ["forecast", "data.csv", "--output", "results.csv", "--chart", "chart.svg", "--save", "model.safetensors"]
        + ["--epochs", "1", "--quiet"] + input.flags)
    expectRefusal(result, input.csv == nil ? 66 : 65, naming: input.names, at: #_sourceLocation)
    #expect(try place.files == before)
    for name in outputs { #expect(try place.read(name) == Data("precious".utf8)) }
  }

  @Test("A file that is no text is refused")
  func notText() throws {
    let place = try Workplace()
    try place.write(Data([0xFF, 0xFE, 0x00, 0x80, 0x0A]), to: "data.csv")
    expectRefusal(try place.run(["forecast", "data.csv"]), 65, naming: ["data.csv"], at: #_sourceLocation)
  }

  @Test("A folder in place of a file is refused")
  func folder() throws {
    expectRefusal(try Workplace().run(["forecast", "."]), 65, naming: ["folder"], at: #_sourceLocation)
  }

  @Test(
    "A place that cannot be written to is refused before the training", arguments: ["--output", "--chart", "--save"])
  func badPlace(flag: String) throws {
    let place = try Workplace()
    for (path, name) in [("none/x", "none/x: the folder"), (".", "this is a folder"), ("data.csv/x", "the folder")] {
      try place.write(monthlyCSV(), to: "data.csv")
      // Without --quiet: had the training begun, there would be more than one line.
      let result = try place.run(["forecast", flag, path])
      expectRefusal(result, 73, naming: [name], at: #_sourceLocation)
      #expect(try place.files == ["data.csv"])
    }
  }

  @Test("A file that must not be written is refused", .disabled(if: geteuid() == 0, "the superuser may write anywhere"))
  func readOnly() throws {
    let place = try Workplace()
    try place.write("precious", to: "results.csv")
    chmod(place.folder.appendingPathComponent("results.csv").path, 0o444)
    let result = try place.run(["forecast", "--output", "results.csv"])
    expectRefusal(result, 73, naming: ["no permission"], at: #_sourceLocation)
  }

  @Test("When the disk is full, the old file stays", arguments: ["--chart", "--save"])
  func fullDisk(flag: String) throws {
    let place = try Workplace()
    try place.write("precious", to: "x")
    // A limit on the size of files, in blocks of 512 or 1024 bytes, stands for a full disk. Output goes nowhere.
    let line = "ulimit -f 1; exec \"$REFRAIN\" forecast \(tiny.joined(separator: " ")) --quiet \(flag) x > /dev/null"
    expectRefusal(try place.shell(line), 74, naming: ["x", "space"], at: #_sourceLocation)
    #expect(try place.files == ["x"])
    #expect(try place.read("x") == Data("precious".utf8))
  }

  @Test("Standard output that cannot be written to is an error", .enabled(if: access("/dev/full", W_OK) == 0))
  func fullStandardOutput() throws {
    let line = "exec \"$REFRAIN\" forecast \(tiny.joined(separator: " ")) --quiet > /dev/full"
    expectRefusal(try Workplace().shell(line), 74, naming: ["standard output"], at: #_sourceLocation)
  }
}
