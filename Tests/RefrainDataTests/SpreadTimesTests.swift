import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite struct `Columns that are times side by side` {
  private func all(
    _ csv: String, gathersTimes: Bool = true, _ change: (inout Series.Options) -> Void = { _ in }
  ) throws -> [Series] {
    let table = try Table(csv: csv, file: "f.csv", format: Table.Format(gathersTimes: gathersTimes))
    var options = Series.Options()
    change(&options)
    return try Series.all(in: table, options: options)
  }

  /// Heads, a time that follows them, and how far apart they lie.
  private static let heads: [(heads: [String], next: String, frequency: String)] = [
    (["2020-01", "2020-02", "2020-03"], "2020-04", "monthly"), (["1960", "1961", "1962", "1963"], "1964", "yearly"),
    (["1/22/20", "1/23/20", "1/24/20"], "1/25/20", "daily"), (["2020Q3", "2020Q4", "2021Q1"], "2021Q2", "quarterly"),
    (["X2020.01.30", "X2020.01.31", "X2020.02.01"], "2020.02.02", "daily"),
    (["1960 [YR1960]", "1961 [YR1961]", "1962 [YR1962]"], "1963", "yearly"),
    (["Jan-20", "Feb-20", "Mar-20"], "Apr-20", "monthly"),
    (["2020-W01", "2020-W02", "2020-W03"], "2020-W04", "weekly"),
    (["2020M01", "2020M02", "2020M03"], "2020M04", "monthly"),
    (["2019/20", "2020/21", "2021/22"], "2022/23", "yearly"),
    (["2020-03", "2020-02", "2020-01"], "2020-04", "monthly"),
  ]

  @Test(arguments: heads)
  func `are put below each other, a series a row`(heads: [String], next: String, frequency: String) throws {
    let isNewestFirst = heads[0] == "2020-03"
    for names in [["country"], ["country", "code"], ["series", "1st"]] {
      let rows = ["Austria", "Chile"].enumerated().map { row, name in
        ([name] + names.dropFirst().map { _ in "x\(row)" } + heads.indices.map { "\(row).\($0)5" }).joined(
          separator: ",")
      }
      let series = try all((names + heads).joined(separator: ",") + "\n" + rows.joined(separator: "\n") + "\n")
      #expect(series.count == 2 && series[0].id?.hasPrefix("Austria") == true)
      for (row, one) in series.enumerated() {
        let values = heads.indices.map { Double(row) + Double($0) / 10 + 0.05 }
        #expect(zip(one.values, isNewestFirst ? values.reversed() : values).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(one.frequency.description == frequency && one.times.text(at: heads.count) == next)
        #expect(one.rowNumber(of: 0) == row + 2)
        #expect(one.notes.contains { $0.contains("are times: their values are read as one column") })
      }
    }
  }

  @Test func `are one series where there is one row`() throws {
    let series = try all("2020-01,2020-02,2020-03\n5,6,7\n")
    #expect(series.count == 1 && series[0].values == [5, 6, 7] && series[0].times.text(at: 3) == "2020-04")
    // Rows without names are told apart by their numbers.
    let two = try all("2020-01,2020-02,2020-03\n5,6,7\n8,9,10\n")
    #expect(two.map(\.id) == ["1", "2"] && two[1].values == [8, 9, 10])
    let same = try all("kind,1960,1961,1962\na,5,6,7\na,8,9,10\n")
    #expect(same.map(\.values) == [[5, 6, 7], [8, 9, 10]])
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  @Test(arguments: [false, true])
  func `may be the months or the quarters of a year that stands before them`(isNewestFirst: Bool) throws {
    let years = isNewestFirst ? [2022, 2021, 2020] : [2020, 2021, 2022]
    for names in [Self.months, (1...12).map(String.init), (1...12).map { "M\($0 < 10 ? "0" : "")\($0)" }] {
      let rows = years.map { year in
        "\(year)," + (1...12).map { year == 2022 && $0 > 10 ? "" : "\(year * 100 + $0)" }.joined(separator: ",")
      }
      let text = "Year," + names.joined(separator: ",") + ",Annual\n" + rows.map { $0 + ",7" }.joined(separator: "\n")
      let series = try all(text) { $0.filling = .asIs }
      #expect(series.count == 1 && series[0].count == 34 && series[0].times.text(at: 34) == "2022-11")
      #expect(series[0].values.first == 202_001 && series[0].values.last == 202_210)
    }
    let rows = years.map { "\($0)," + (1...4).map { String($0) }.joined(separator: ",") }
    let quarters = try all("year;Q1;Q2;Q3;Q4\n" + rows.joined(separator: "\n").replacing(",", with: ";") + "\n")
    #expect(quarters[0].values == [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4] && quarters[0].times.text(at: 12) == "2023-Q1")
  }

  @Test func `may be years whose months stand before them`() throws {
    let rows = Self.months.enumerated().map { place, month in
      let values = (0..<3).map { year in String(202_001 + year * 100 + place) }
      return month + "," + values.joined(separator: ",")
    }
    let series = try all("Month,2020,2021,2022\n" + rows.joined(separator: "\n") + "\n")
    var expected: [Double] = []
    for year in 0..<3 { for month in 0..<12 { expected.append(Double(202_001 + year * 100 + month)) } }
    #expect(series[0].values == expected)
    #expect(series[0].times.text(at: 36) == "2023-01")
  }

  @Test func `may be the days of a month, of which there are as many as it has`() throws {
    let days = (1...31).map(String.init).joined(separator: ",")
    let rows = (1...3).map { month in
      let values = (1...31).map { day in month == 2 && day > 29 ? "" : String(month * 100 + day) }
      return "2024,\(month)," + values.joined(separator: ",")
    }
    for rows in [rows, rows.reversed()] {
      let series = try all("Year,Month,\(days)\n" + rows.joined(separator: "\n") + "\n")
      #expect(series.count == 1 && series[0].count == 91 && series[0].times.text(at: 91) == "2024-04-01")
      #expect(series[0].values[30] == 131 && series[0].values[31] == 201 && series[0].values[60] == 301)
    }
  }

  @Test(arguments: [0, 1])
  func `may be hours that are bare numbers`(first: Int) throws {
    let names = (first..<first + 24).map(String.init).joined(separator: ",")
    let rows = (1...3).map { day in
      "2024-01-0\(day)," + (0..<24).map { String(day * 100 + $0) }.joined(separator: ",")
    }
    let series = try all("Date,\(names)\n" + rows.joined(separator: "\n") + "\n")
    #expect(series[0].count == 72 && series[0].frequency.description == "hourly" && series[0].values[25] == 201)
  }

  @Test(arguments: [false, true])
  func `may be the hours of a day that stands before them`(areEnds: Bool) throws {
    let names = (0..<24).map { areEnds ? "H\($0 + 1)" : "\($0 < 10 ? "0" : "")\($0):00" }
    let rows = (1...3).map { day in "2024-01-0\(day)," + (0..<24).map { "\(day * 100 + $0)" }.joined(separator: ",") }
    let series = try all("date," + names.joined(separator: ",") + "\n" + rows.joined(separator: "\n") + "\n")
    #expect(series[0].count == 72 && series[0].frequency.description == "hourly")
    #expect(series[0].values[25] == 201)
  }

  @Test(arguments: [
    // Times that rows have already, too few, values that are no numbers, and what only looks like months.
    "date,2019,2020,2021\n2024-01-01,1,2,3\n2024-01-02,2,3,4\n2024-01-03,2,3,4\n",
    "date,v1,v2,v3\n2024-01-01,1,2,3\n2024-01-02,2,3,4\n",
    "day,2020,2021,2022\n1,1,2,3\n2,2,3,4\n3,4,5,6\n", "name,2020,2021\na,1,2\nb,2,3\n",
    "t,May,June,July\n1,1,2,3\n2,2,3,4\n", "t,1,2,3,4,5,6\n1,1,2,3,4,5,6\n2,1,2,3,4,5,6\n",
    "year,month,1,2,3,4,5,6,7,8,9,10,11,12,13,14\n2020,1,1,2,3,4,5,6,7,8,9,10,11,12,13,14\n",
    "date,1,2,3,4,5,6\n2024-01-01,1,2,3,4,5,6\n2024-01-02,1,2,3,4,5,6\n",
    "name,2020,2021,2022\na,x,y,z\nb,x,y,z\n",
  ])
  func `are not seen where there are none`(csv: String) throws {
    let table = try Table(csv: csv)
    #expect(table.gathered == nil && table.columns.count == csv.prefix { $0 != "\n" }.count { $0 == "," } + 1)
  }

  @Test func `are named where a value is at fault, and left as they are where that is wanted`() throws {
    let csv = "country,2020-01,2020-02,2020-03\nAustria,1,2,3\nChile,4,x,5\n"
    let error = dataError { () throws(DataError) in
      _ = try Series.all(in: Table(csv: csv, file: "f.csv"), options: Series.Options())
    }
    #expect(error?.description.contains("row 3, column 2020-02: ") == true, "\(error?.description ?? "")")
    let plain = try Table(csv: csv, format: Table.Format(gathersTimes: false))
    #expect(plain.columns.map(\.name) == ["country", "2020-01", "2020-02", "2020-03"])
    let large = #expect(throws: DataError.self) { try MemoryBudget(300).run { _ = try Table(csv: csv) } }
    #expect(large?.code == .overMemoryBudget)
  }
}
