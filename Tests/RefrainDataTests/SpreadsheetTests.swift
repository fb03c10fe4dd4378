import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite struct `Tables as other programs write them` {
  private func column(_ values: [String], quoted: Bool = true, delimiter: String = ",") throws -> [Double] {
    let rows = values.map { quoted ? "x\(delimiter)\"\($0)\"" : "x\(delimiter)\($0)" }
    let table = try Table(csv: "n\(delimiter)v\n" + rows.joined(separator: "\n") + "\n")
    return try table.numbers(in: table.columns[1])
  }

  @Test(
    arguments: [
      (["$100.38", "$99.50", "-$5"], [100.38, 99.5, -5]), (["5 €", "1.200,50 €"], [5, 1200.5]),
      (["EUR 3.5", "EUR 4"], [3.5, 4]),
      (["20.5%", "7 %"], [20.5, 7]), (["(1,234.50)", "12.25"], [-1234.5, 12.25]), (["1,234", "806"], [1234, 806]),
      (["1'007", "806"], [1007, 806]), (["1\u{A0}007", "1\u{202F}008"], [1007, 1008]),
      (["1 007,5", "2,25"], [1007.5, 2.25]),
      (["100,377.19", "99.5"], [100_377.19, 99.5]), (["1.234.567", "1.234"], [1_234_567, 1234]),
      (["1,20,300", "99"], [120_300, 99]),
      (["1500-", "20.5"], [-1500, 20.5]), (["−5", "−6.5"], [-5, -6.5]), (["0,123", "0,456"], [0.123, 0.456]),
      (["1.125", "0.750"], [1.125, 0.75]), (["1.125", "2.250"], [1.125, 2.25]), (["12,5", "7"], [12.5, 7]),
      (["$5,000", "$900"], [5000, 900]), (["1.5D+03", "2.5D-01"], [1500, 0.25]),
      (["12*", "13.5", "14 [1]"], [12, 13.5, 14]),
      (["5.25 (p)", "6", "7¹"], [5.25, 6, 7]), (["Rs. 994.11", "Rs. 5"], [994.11, 5]), (["$12*", "$5 (e)"], [12, 5]),
    ] as [([String], [Double])])
  func `hold numbers with signs, groups and either mark`(written: [String], values: [Double]) throws {
    #expect(try column(written) == values)
  }

  @Test(arguments: [
    ["1,23,4", "5"], ["1 2", "3"], ["12 34", "5"], ["$5", "€6"], ["5%", "6"], ["5 apples", "6"], ["(5", "6"],
    ["--5", "6"], ["1,,000", "5"],
  ])
  func `refuse what only looks like numbers`(written: [String]) {
    #expect(throws: DataError.self) { try column(written) }
  }

  @Test func `say which mark one column takes from the rest of the file`() throws {
    let table = try Table(csv: "d;cases;rate\na;1.200;12,00\nb;900;9,50\n")
    #expect(try table.numbers(in: table.columns[1]) == [1200, 900])
    #expect(try table.numbers(in: table.columns[2]) == [12, 9.5])
  }

  @Test(arguments: [
    ("date,v,id", "v"), ("date,v,nr", "v"), ("date,v,store_id", "v"), ("date,v,visits", "visits"), ("date,id,v", "v"),
  ])
  func `are not forecast by a column that numbers the rows`(header: String, target: String) throws {
    let isFirst = header.hasSuffix("v")
    let rows = (1...9).map { "2024-01-0\($0),\(isFirst ? "\($0),\($0 * $0)" : "\($0 * $0),\($0)")\n" }.joined()
    #expect(try Series(table: Table(csv: header + "\n" + rows)).name == target)
    // Nor by one that is the same everywhere.
    let constant = (1...9).map { "2024-01-0\($0),\($0 * $0),7\n" }.joined()
    let series = try Series(table: Table(csv: "date,v,store\n" + constant))
    #expect(series.name == "v" && series.notes.contains { $0.contains("the others are store") })
    #expect(
      try Series(table: Table(csv: "date,store\n" + rows.split(separator: "\n").map { $0.prefix(11) + "7\n" }.joined()))
        .name == "store")
  }

  @Test func `with the marks of notes say so`() throws {
    let series = try Series(table: Table(csv: "date,v\n2024-01-01,5\n2024-01-02,6*\n2024-01-03,7 [1]\n"))
    #expect(series.values == [5, 6, 7] && series.notes == ["column v: marks of notes are left out (6*)"])
  }

  private static let rows = (1...9).map { "2024-01-0\($0),\($0)" }.joined(separator: "\n")
  /// The same with the number of each row.
  private static let numbered = (1...9).map { "\($0),2024-01-0\($0),\($0)" }.joined(separator: "\n")

  @Test(
    arguments: [
      ("# a logger, 2024\n# mm\ndate,v\n\(rows)\n", 4), ("Sales report 2024\n\ndate,v\n\(rows)\n", 4),
      ("\n\ndate,v\n\(rows)\n", 4),
      ("sep=,\ndate,v\n\(rows)\n", 3), ("date,v\n\(rows)\n# made by x\n", 2), ("date,v\n\(rows)\nTotal,45\n", 2),
      ("date,v\n\(rows)\n\nSource: somewhere\n", 2), ("date,v\n\(rows)\n,\n,\n", 2),
      ("date,v,\n\(rows.replacing("\n", with: ",\n")),\n", 2),
      ("date,v\n\(rows.replacing("\n", with: ",\n")),\n", 2),
      ("date,v\n\n\(rows.replacing("\n", with: "\n\n"))\n\n", 3),
      ("\(rows)\n", 1), ("#date,v\n\(rows)\n", 2), ("Report, 2024\n\ndate,v\n\(rows)\n", 4),
      ("date;v;;\n\(rows.replacing(",", with: ";").replacing("\n", with: ";;\n"));;\n", 2),
      ("date,v\n\(rows)\n\"Grand total\",45\n", 2),
      ("date,v\n\(rows.replacing("2024-01-05", with: "date,v\n2024-01-05"))\n", 2),
      ("date,v\n\(numbered)\n", 2),
      (
        ",date,v\n\(numbered.replacing("5,2024-01-05", with: ",date,v\n5,2024-01-05"))\n", 2
      ),
      (
        "date,v\nyyyy-mm-dd,kWh\n\(rows.replacing("2024-01-05", with: "date,v\nyyyy-mm-dd,kWh\n2024-01-05"))\n", 3
      ),
      ("Meter;4711\nFrom;2024-01-01\n;\ndate;v\n\(rows.replacing(",", with: ";"))\n", 5),
    ])
  func `have titles, comments, totals and spare delimiters around the data`(csv: String, row: Int) throws {
    let series = try Series(table: Table(csv: csv))
    #expect(series.values == (1...9).map(Double.init))
    #expect(series.times.text(at: 9) == "2024-01-10")
    #expect(series.rowNumber(of: 0) == row)
  }

  @Test func `with numbers of rows that have no name say so, and with any other field too many are refused`() throws {
    let table = try Table(csv: "date,v\n1,2024-01-01,5\n2,2024-01-02,6\n3,2024-01-03,7\n")
    #expect(table.columns.map(\.name) == ["column 1", "date", "v"])
    #expect(table.notes == ["the first field of each row, over which there is no name, is the row's number"])
    for numbers in [[0, 1, 2], [1, 3, 4], [1, 2, 2]] {
      let rows = numbers.map { "\($0),2024-01-0\($0 + 1),5\n" }.joined()
      #expect(dataError { () throws(DataError) in try Table(csv: "date,v\n" + rows) }?.code == .wrongFieldCount)
    }
    // Fields too many that are empty are delimiters.
    let spare = try Table(csv: "n,v\n1,5,\n2,6,\n3,7,\n")
    #expect(spare.columns.map(\.name) == ["n", "v"] && spare.notes == ["delimiters at the ends of rows passed over"])
    #expect(try spare.numbers(in: spare.columns[1]) == [5, 6, 7])
  }

  @Test(arguments: [
    (
      "date,v\nyyyy-mm-dd,kWh\n2024-01-01,5\n2024-01-02,6\n", "v",
      "line 2 (yyyy-mm-dd, kWh) is taken for units, not for values"
    ),
    (
      "date,v\nstring,float\n2024-01-01,5\n2024-01-02,6\n", "v",
      "line 2 (string, float) is taken for units, not for values"
    ),
    (
      "date,pH,v\n,-,kWh\n2024-01-01,7,5\n2024-01-02,7,6\n", "v",
      "line 2 (-, kWh) is taken for units, not for values"
    ),
    (
      "Region,North\ndate,v\n2024-01-01,5\n2024-01-02,6\n", "v",
      "line 1 (Region, North) is taken for a title, not for values"
    ),
    (
      ",North,,South,\ndate,units,EUR,units,EUR\n2024-01-01,1,2,3,5\n2024-01-02,1,2,3,6\n", "South EUR",
      "lines 1 and 2 are taken for names together"
    ),
    (
      "date,North,North\n,units,EUR\n2024-01-01,1,5\n2024-01-02,2,6\n", "North EUR",
      "lines 1 and 2 are taken for names together"
    ),
  ])
  func `have units or names in a second line`(csv: String, name: String, note: String) throws {
    let series = try Series(table: Table(csv: csv))
    #expect(series.name == name && series.values == [5, 6] && series.rowNumber(of: 0) == 3)
    #expect(series.times.text(at: 2) == "2024-01-03" && series.notes.contains(note))
  }

  @Test func `with a title before a header that comes again, with it or without, say so`() throws {
    let parts = ["date,v\n2024-01-01,5\n", "date,v\n2024-01-02,6\n", "Region,North\ndate,v\n2024-01-03,7\n"]
    let series = try Series(table: Table(csv: "Region,North\n" + parts.joined()))
    #expect(series.values == [5, 6, 7] && series.notes.contains("2 headers between the rows passed over"))
  }

  @Test func `with a second line that cannot be told are refused with the line to remove`() throws {
    let table = try Table(csv: "date,shop,v\nday,name,EUR\n2024-01-01,a,5\n2024-01-02,a,6\n")
    let error = dataError { () throws(DataError) in try Series(table: table) }
    #expect(error?.row == 2 && error?.remedy?.hasPrefix("remove line 2") == true)
    // A first value that is missing is a value.
    #expect(try Table(csv: "a,b\nNA,NA\n1,2\n3,4\n").rowCount == 3)
  }

  @Test(
    arguments: [
      (["5", "6", "1e20", "7", "1e20", "5", "6"], "1e+20 stands 2 times (first in row 4), far beyond the rest"),
      (["5", "6", "-999", "7", "-999", "5", "6"], "-999 stands 2 times (first in row 4), 142 times beyond the rest"),
      (
        ["1005", "1006", "-999", "1007", "-999", "1005", "1006"],
        "-999 stands 2 times (first in row 4), below 0, where no other is"
      ),
      (["-5", "6", "-999", "-7", "-999", "5", "6"], "-999 stands 2 times (first in row 4), 142 times beyond the rest"),
      (["-5", "6", "-99", "-7", "-99", "-50", "3"], nil), (["-50", "-60", "-99", "-70", "-99", "-80", "-90"], nil),
      (["5", "6", "999", "7", "8", "5", "6"], nil), (["5", "6", "9", "7", "9", "5", "6"], nil),
      (["950", "980", "999", "970", "999", "960", "970"], nil),
    ] as [([String], String?)])
  func `with a value that may mean missing say so`(values: [String], note: String?) throws {
    let rows = values.enumerated().map { "2024-01-0\($0 + 1),\($1)\n" }.joined()
    let notes = try Series(table: Table(csv: "date,v\n" + rows)).notes
    #expect(notes == note.map { ["column v: \($0): if it means missing, write NA"] } ?? [])
  }

  @Test func `with tabs are as doubtful as with semicolons where points may group thousands`() throws {
    for delimiter in ["\t", ";"] {
      let table = try Table(csv: "n\(delimiter)v\nx\(delimiter)1.034\nx\(delimiter)1.118\nx\(delimiter)1.002\n")
      let error = dataError { () throws(DataError) in try table.numbers(in: table.columns[1]) }
      #expect(error?.code == .doubtfulNumber, "\(delimiter.debugDescription)")
    }
  }

  @Test func `without a header have numbered columns, and say so`() throws {
    let table = try Table(csv: "Berlin,2024-01-01,5.5\nBerlin,2024-01-02,6.5\n")
    #expect(table.columns.map(\.name) == ["column 1", "column 2", "column 3"])
    #expect(table.rowCount == 2)
    #expect(table.notes.count == 1)
    #expect(try Table(csv: "country,1990,1991\nA,5,6\n").columns.map(\.name) == ["country", "1990", "1991"])
  }

  @Test(arguments: [
    ("PK\u{3}\u{4}..xl/workbook.xml", "Excel"), ("PK\u{3}\u{4}abc", "zip"), ("[{\"a\":1}]", "JSON"),
    ("{\"a\": [1]}", "JSON"),
    ("<!DOCTYPE html><html>", "HTML"), ("PAR1xx", "Parquet"), ("%PDF-1.4", "PDF"),
    ("version https://git-lfs.github.com", "Git LFS"),
  ])
  func `that are no tables are called what they are`(text: String, name: String) {
    let error = dataError { () throws(DataError) in try Table(csv: text, file: "f") }
    #expect(error?.code == .wrongFormat)
    #expect(error?.description.contains(name) == true)
  }

  @Test func `in gzip are unpacked, and damaged ones refused`() throws {
    // "date,v\n2024-01-01,5\n2024-01-02,6\n", by gzip -n.
    let packed: [UInt8] = [
      31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 75, 73, 44, 73, 213, 41, 227, 50, 50, 48, 50, 209, 53, 48, 4, 34, 29, 83, 4, 199,
      72, 199, 140, 11, 0, 226, 249, 165, 67, 33, 0, 0, 0,
    ]
    let table = try Table(bytes: packed)
    #expect(try table.numbers(in: table.columns[1]) == [5, 6])
    #expect(dataError { () throws(DataError) in try Table(bytes: Array(packed.dropLast(12))) }?.code == .damagedFile)
  }

  @Test func `with gaps and missing values are filled as told`() throws {
    let csv = "date,v,w\n2024-01-01,1,5\n2024-01-02,,6\n2024-01-05,4,9\n2024-01-06,5,8\n2024-01-07,6,7\n"
    func values(_ filling: Series.Filling?) throws -> [Double] {
      var options = Series.Options(target: "v")
      options.filling = filling
      return try Series(table: Table(csv: csv), options: options).values
    }
    #expect(throws: DataError.self) { try values(nil) }
    #expect(try values(.previous) == [1, 1, 1, 1, 4, 5, 6])
    #expect(try values(.zero) == [1, 0, 0, 0, 4, 5, 6])
    #expect(try values(.linear) == [1, 1.75, 2.5, 3.25, 4, 5, 6])
  }

  @Test func `of several series are read series by series`() throws {
    let days = (1...6).map { "2024-01-0\($0)" }
    let below = days.map { "a,\($0),1\($0.suffix(1))" } + days.map { "b,\($0),2\($0.suffix(1))" }
    let beside = days.flatMap { ["7,\($0),1\($0.suffix(1))", "8,\($0),2\($0.suffix(1))"] }
    for (header, rows, ids) in [("unique_id,ds,y", below, ["a", "b"]), ("store_id,date,y", beside, ["7", "8"])] {
      let table = try Table(csv: header + "\n" + rows.joined(separator: "\n"))
      let all = try Series.all(in: table, options: .init())
      #expect(all.map(\.id) == ids)
      #expect(all.map { $0.values.first } == [11, 21])
      #expect(all[0].notes.first?.hasPrefix("2 series in one table") == true)
      #expect(all[1].rowNumber(of: 0) == (ids[0] == "a" ? 8 : 3))
      #expect(dataError { () throws(DataError) in try Series(table: table) } != nil)
    }
    let pairs = ["x", "y"].flatMap { s in ["1", "2"].flatMap { i in days.map { "\(s),\(i),\($0),3" } } }
    let table = try Table(csv: "shop,item,date,v\n" + pairs.joined(separator: "\n"))
    #expect(try Series.all(in: table, options: .init()).map(\.id) == ["x, 1", "x, 2", "y, 1", "y, 2"])
    let wrong = try Table(
      csv: "shop,date,v\n"
        + (days.map { "a,\($0),1" } + days.dropFirst(2).map { "b,\($0),1" } + ["b,2024-02-09,1"]).joined(
          separator: "\n"))
    #expect(
      dataError { () throws(DataError) in try Series.all(in: wrong, options: .init()) }?.description.contains(
        "series 'b'") == true)
  }

  @Test(arguments: ["blank lines", "columns", "letters of a name"])
  func `of any size are read in time that grows with it`(what: String) throws {
    func csv(_ size: Int) -> String {
      switch what {
      case "blank lines": "v\n1\n2\n" + String(repeating: "\n", count: 10 * size) + "3\n"
      case "columns":
        (0..<size).map { "c\($0)" }.joined(separator: ",") + "\n" + (0..<size).map(String.init).joined(separator: ",")
      default: String(repeating: "n", count: 20 * size) + ",b\n1,2\n2,3\n"
      }
    }
    func seconds(_ size: Int) -> Double {
      let text = csv(size)
      return (0..<7).map { _ in
        ContinuousClock().measure { _ = try? Table(csv: text).column(named: "nnnn") } / .seconds(1)
      }.min()!
    }
    // Sixteen times the size would take 256 times as long if every part were held against every other.
    #expect(seconds(16_000) < 80 * max(seconds(1000), 1e-4))
  }
}
