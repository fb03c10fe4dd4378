import RefrainData
import RefrainTestSupport
import Testing

@Suite struct `A table` {
  private func fields(_ csv: String) throws -> [[String]] {
    let table = try Table(csv: csv)
    return (0..<table.rowCount).map { row in table.columns.map { table.text(row: row, column: $0) } }
  }

  @Test func `reads quotes, doubled quotes, and delimiters and line breaks within quotes`() throws {
    let csv = "name,note\n\"a,b\",\"say \"\"so\"\"\"\n\"two\nlines\", \"\"\"\" \n"
    #expect(try fields(csv) == [["a,b", "say \"so\""], ["two\nlines", "\""]])
  }

  @Test(arguments: ["\n", "\r\n", "\r"])
  func `reads every kind of line end`(end: String) throws {
    let csv = ["a,b", "1,2", "3,4", "", ""].joined(separator: end)
    #expect(try fields(csv) == [["1", "2"], ["3", "4"]])
    #expect(try fields("a" + end + "1" + end + "2") == [["1"], ["2"]])
  }

  @Test func `reads a byte-order mark, CRLF, a UTF-8 header and a quoted line break together`() throws {
    let table = try Table(csv: "\u{FEFF}\"température\",größe\r\n\"1\r\n\",2\r\n3,4\r\n\r\n")
    #expect(table.columns.map(\.name) == ["température", "größe"])
    #expect(try table.numbers(in: table.column(named: "température")) == [1, 3])
  }

  @Test(arguments: [",", ";", "\t", "|"])
  func `finds the delimiter`(delimiter: String) throws {
    let csv = [["date", "price, EUR", "b"], ["2020-01-01", "1.5", "2"], ["2020-01-02", "2.5", "3"]]
      .map { $0.map { $0.contains(delimiter) ? "\"\($0)\"" : $0 }.joined(separator: delimiter) }
      .joined(separator: "\n")
    let table = try Table(csv: csv)
    #expect(table.columns.map(\.name) == ["date", "price, EUR", "b"])
    #expect(try table.numbers(in: table.columns[1]) == [1.5, 2.5])
  }

  @Test func `knows columns that have commas in a list, and leaves other lists alone`() throws {
    let table = try Table(csv: "\"Jan 1, 2020\",\"Jan 2,2020\",\"a,  b, c\",2020,rain\n1,2,3,4,5\n2,3,4,5,6\n")
    func names(_ list: String) -> [String] { table.names(list.listedNames) }
    #expect(names("Jan 1, 2020") == ["Jan 1, 2020"] && names("jan 2, 2020") == ["Jan 2,2020"])
    #expect(
      names("rain,Jan 1, 2020,2020, a, b,c,Jan 2,2020") == ["rain", "Jan 1, 2020", "2020", "a,  b, c", "Jan 2,2020"])
    #expect(names("a,b:number,2020,rain") == ["a", "b:number", "2020", "rain"])
    #expect(names("A,b,c:number,snow, 2020") == ["a,  b, c:number", "snow", "2020"])
    #expect(names(" x ,, ") == ["x", "", ""] && names("") == [""])
    // What is named by itself stays so.
    let parts = try Table(csv: "a,b,\"a,b\"\n1,2,3\n")
    #expect(parts.names(["a", "b"]) == ["a", "b"] && parts.names(["a,b", "b"]) == ["a,b", "b"])
  }

  @Test func `reads decimal commas where the whole file writes them`() throws {
    let table = try Table(csv: "Datum;Preis;Menge\n31.12.2020;1,5;7\n01.01.2021;-2,25;8\n")
    #expect(table.usesDecimalComma)
    #expect(try table.numbers(in: table.columns[1]) == [1.5, -2.25])
    #expect(try table.numbers(in: table.columns[2]) == [7, 8])
  }

  @Test(arguments: ["a;b\n1,500;2\n2,250;3\n", "a\tb\n1,234\t5\n", "a;b\n900;1\n1.024;2\n", "a;b\n1.234;1\n1.567;2\n"])
  func `refuses numbers that may be grouped thousands or decimals, and reads them as told`(csv: String) throws {
    let table = try Table(csv: csv)
    #expect(!table.usesDecimalComma)
    let error = dataError { () throws(DataError) in try table.numbers(in: table.columns[0]) }
    #expect(error?.code == .doubtfulNumber)
    guard case .decimal(let whole) = error?.setting else {
      Issue.record("no mark is said to settle it")
      return
    }
    let asWhole = try Table(csv: csv, format: .init(decimal: whole))
    #expect(try asWhole.numbers(in: asWhole.columns[0]).allSatisfy { $0 == $0.rounded() && $0 >= 900 })
    let asDecimals = try Table(csv: csv, format: .init(decimal: whole == .comma ? .point : .comma))
    #expect(try asDecimals.numbers(in: asDecimals.columns[0]).contains { $0 < 3 })
  }

  @Test func `names an empty first header as pandas leaves it`() throws {
    #expect(try Table(csv: ",value\n0,5\n").columns.map(\.name) == ["column 1", "value"])
  }

  @Test(arguments: [
    ("", DataError.Code.emptyFile, "the file is empty"),
    ("\u{FEFF}\r\n \n", .emptyFile, "the file is empty"),
    ("a,b\n\n", .noRows, "no row below"),
    ("a,b,a\n1,2,3\n", .badHeader, "columns 1 and 3 are both named 'a'"),
    ("a,b\n1,2\n3\n4,5\n", .wrongFieldCount, "f.csv: row 3: there is 1 field, but the header names 2"),
    ("a,b\n1,2\n3,4,5\n", .wrongFieldCount, "f.csv: row 3: there are 3 fields, but the header names 2"),
    ("a,b\n\"x\ny\",2\n3\n", .wrongFieldCount, "f.csv: row 3 (line 4): there is 1 field"),
    ("a,b\n1,2\n3,\"4\n5,6\n", .badQuotes, "line 3: a quote is opened and never closed"),
    ("a,b\n1,\"2\"x\n", .badQuotes, "line 2: there is text after the closing quote"),
  ])
  func `says what is wrong with a file and where`(csv: String, code: DataError.Code, words: String) {
    let error = dataError { () throws(DataError) in try Table(csv: csv, file: "f.csv") }
    #expect(error?.code == code)
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    #expect(error?.description.hasPrefix("f.csv: ") == true)
  }

  @Test func `reads Latin-1 and UTF-16, and refuses what is no text`() throws {
    let latin = try Table(bytes: Array("Gr".utf8) + [0xF6, 0xDF] + Array("e\n1\n".utf8))
    #expect(latin.columns[0].name == "Größe")
    #expect(latin.notes == ["read as Latin-1 (Windows-1252), as it is not UTF-8"])
    let text = "date,größe €\n2024-01-01,5\n2024-01-02,6\n"
    for isBigEndian in [false, true] {
      for hasMark in [false, true] {
        let units = (hasMark ? [0xFEFF] : []) + Array(text.utf16)
        let bytes = units.flatMap {
          isBigEndian ? [UInt8($0 >> 8), UInt8($0 & 255)] : [UInt8($0 & 255), UInt8($0 >> 8)]
        }
        let table = try Table(bytes: bytes)
        #expect(table.columns[1].name == "größe €")
        #expect(try table.numbers(in: table.columns[1]) == [5, 6])
      }
    }
    for bytes in [[0xFF, 0xFE, 0x61], Array("a\n1\n".utf8) + [0x81, 0x0A], [0x61, 0x00, 0x62, 0x0A, 0x31]] as [[UInt8]]
    {
      #expect(dataError { () throws(DataError) in try Table(bytes: bytes) }?.code == .notUTF8)
    }
  }

  @Test(arguments: ["", "NA", "n/a", "NaN", "null", "None", "-", "?", "  ", ".", "..", ":", "N.A.", "(null)", "#NV"])
  func `refuses a missing value and says how to fill it`(text: String) throws {
    let table = try Table(csv: "t,price\n1,2\n2,\(text)\n", file: "f.csv")
    let error = dataError { () throws(DataError) in try table.numbers(in: table.columns[1]) }
    #expect(
      error?.description
        == "f.csv: row 3, column price: the value is missing; fill it (e.g. with the last known value) or remove the row"
    )
  }

  @Test func `names the row, the column and the text of what is no number`() throws {
    let rows = (1...15).map { "\($0),\($0)" }.joined(separator: "\n")
    let table = try Table(csv: "t,price\n\(rows)\n16,n\u{1B}x\n", file: "FILE")
    let error = dataError { () throws(DataError) in try table.numbers(in: table.columns[1]) }
    #expect(error?.code == .notANumber)
    #expect(error?.description.hasPrefix("FILE: row 17, column price: 'n\u{FFFD}x' is not a number; ") == true)
  }

  @Test(arguments: ["inf", "-Infinity", "1e999"])
  func `refuses infinite values`(text: String) throws {
    let table = try Table(csv: "v\n\(text)\n")
    #expect(dataError { () throws(DataError) in try table.numbers(in: table.columns[0]) }?.code == .infiniteValue)
  }

  @Test(arguments: ["0x10", "1.2.3", "--1", "1e", "e5", "1 2", "12a", "+", "1D5", "12(3)"])
  func `takes for a number only what is one`(text: String) throws {
    let table = try Table(csv: "v\n\(text)\n")
    #expect(dataError { () throws(DataError) in try table.numbers(in: table.columns[0]) }?.code == .notANumber)
  }

  @Test func `reads numbers to the last bit`() throws {
    let texts = [
      "0", "-0", "1", "5.", ".5", "+7.25", "1e3", "2.5E-3", "20.7", "30.5310001373291", "9007199254740993", "1e22",
      "1e23",
      "123456789012345678901234567890", "4.9e-324", "1.7976931348623157e308", "0.1", " 3 ", "2.2250738585072011e-308",
      "18446744073709551617.5",
    ]
    let table = try Table(csv: "v\n" + texts.joined(separator: "\n"))
    let expected = texts.map { Double($0.filter { $0 != " " }.replacing(/\.$/, with: ""))! }
    #expect(try table.numbers(in: table.columns[0]).map(\.bitPattern) == expected.map(\.bitPattern))
    let many = (0..<2000).map { noise(2000, seed: 9)[$0] * (($0 % 2 == 0) ? 1e3 : 1e-9) }
    let random = try Table(csv: "v\n" + many.map { "\($0)" }.joined(separator: "\n"))
    #expect(try random.numbers(in: random.columns[0]) == many)
  }

  @Test func `suggests the nearest name for one that is not there`() throws {
    let table = try Table(csv: "Date,Passengers,Price\n1,2,3\n", file: "f.csv")
    func problem(_ name: String) -> String? {
      dataError { () throws(DataError) in try table.column(named: name) }?.description
    }
    #expect(problem("passenger") == "f.csv: there is no column 'passenger'; did you mean 'Passengers'?")
    #expect(problem("Pirce")?.contains("did you mean 'Price'?") == true)
    #expect(problem("zzz")?.contains("the columns are 'Date', 'Passengers', 'Price'") == true)
    #expect(try table.column(named: "PRICE").index == 2)
  }

  @Test func `says why a file cannot be read`() throws {
    try withTemporaryFolder { folder in
      let missing = dataError { () throws(DataError) in try Table(contentsOf: folder + "/no.csv") }
      #expect(missing?.description == "\(folder)/no.csv: there is no such file; check the path")
      #expect(dataError { () throws(DataError) in try Table(contentsOf: folder) }?.code == .isDirectory)
    }
  }

  @Test(
    .enabled(if: RealData.isThere, RealData.missing),
    arguments: [
      ("airline-passengers.csv", 144, "Passengers"), ("daily-min-temperatures.csv", 3650, "Temp"),
      ("ETTh1.csv", 17420, "OT"), ("monthly-sunspots.csv", 2820, "Sunspots"), ("pollution.csv", 43824, "Ir"),
    ])
  func `reads real files whole`(name: String, rows: Int, last: String) throws {
    let table = try Table(contentsOf: RealData.path(name))
    #expect(table.rowCount == rows)
    #expect(table.columns.last?.name == last)
    #expect(try table.numbers(in: table.columns.last!).count == rows)
  }

  @Test(arguments: [
    "date,\"a \"\"b\"\"\",c\r\n2020-01-30,1.5,\"3\"\r\n2020-02-29,-2e3,4\r\n",
    "t;x\n31.12.2020 23:59:59;1,5\n01.01.2021 00:00:59;2,5\n",
    "ds\ty\n2020-01-01T00:00:00.5+02:00\t1\n2020-01-01T00:00:01.0+02:00\t2\n",
    "n,y\n999999998,1\n999999999,2\n", "Q,y\n2020-Q4,1\n2021-Q1,9\n", "s,y\n1500000000,1\n1500000001,9\n",
  ])
  func `survives any single wrong byte`(csv: String) {
    let whole = Array(csv.utf8)
    for position in whole.indices {
      for byte in Array("\",;\n\r\t-+0 9.eQ:\u{1}".utf8) + [0xFF] {
        var bytes = whole
        bytes[position] = byte
        guard let table = try? Table(bytes: bytes), let series = try? Series(table: table) else { continue }
        _ = series.times.text(at: series.count + 1000)
        _ = detectSeason(series.values, candidates: series.frequency.candidateSeasons)
      }
    }
  }
}
