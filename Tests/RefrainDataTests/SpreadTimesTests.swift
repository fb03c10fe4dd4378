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
    // The largest number there is has none behind it.
    let large = try Table(csv: "time,1960,1961,1962\n\(Int.max),5,6,7\n\(Int.max),8,9,10\n")
    #expect(large.gathered != nil && large.rowCount == 6)
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

  @Test(arguments: [[2020, 2021, 2022], [2022, 2021, 2020]])
  func `may be years whose months stand before them`(years: [Int]) throws {
    let rows = Self.months.enumerated().map { place, month in
      let values = years.map { String($0 * 100 + place + 1) }
      return month + "," + values.joined(separator: ",")
    }
    let heads = years.map(String.init).joined(separator: ",")
    let series = try all("Month,\(heads)\n" + rows.joined(separator: "\n") + "\n")
    var expected: [Double] = []
    for year in 0..<3 { for month in 0..<12 { expected.append(Double(202_001 + year * 100 + month)) } }
    #expect(series[0].values == expected)
    #expect(series[0].times.text(at: 36) == "2023-01")
  }

  /// The heads of two years, each by the number of its month or quarter.
  private static func heads(_ years: ClosedRange<Int>, _ parts: Int, _ name: (Int, Int) -> String) -> [[String]] {
    years.map { year in (1...parts).map { name(year, $0) } }
  }

  @Test(arguments: [
    // The total of a year behind its months, before its quarters, and as a single head in the end.
    (
      heads(2018...2019, 12) { "\($0)-\($1 < 10 ? "0" : "")\($1)" }.map { $0 + ["Total \($0[0].prefix(4))"] }, 24,
      "2020-01"
    ),
    (heads(2018...2020, 4) { "\($0)Q\($1)" }.map { ["\($0[0].prefix(4))"] + $0 }, 12, "2021Q1"),
    (heads(2018...2019, 4) { "\($0)Q\($1)" }.map { $0 + ["\($0[0].prefix(4))"] }, 8, "2020Q1"),
    (heads(2018...2018, 12) { "\($0)-\($1 < 10 ? "0" : "")\($1)" } + [["2018"]], 12, "2019-01"),
    ([["1960", "1961", "1962"], ["of it"], ["1963"]], 4, "1964"),
  ])
  func `are all read where totals stand between them`(heads: [[String]], count: Int, next: String) throws {
    let names = heads.flatMap(\.self)
    let isTotal = names.map { name in name.contains(" ") || count > 4 && name.count == 4 }
    let rows = ["Austria", "Chile"].enumerated().map { row, name in
      var time = 0
      let fields = isTotal.map { isTotal in
        if !isTotal { time += 1 }
        return isTotal ? "999" : "\(row * 100 + time)"
      }
      return "\(name),note \(row)," + fields.joined(separator: ",")
    }
    let series = try all("country,note,\(names.joined(separator: ","))\n" + rows.joined(separator: "\n") + "\n")
    #expect(series.map(\.values) == [0, 100].map { first in (1...count).map { Double(first + $0) } })
    #expect(series[0].times.text(at: count) == next)
    let left = zip(names, isTotal).filter(\.1).map(\.0)
    let note = "what stands between these columns, as totals do, is left out: \(left.joined(separator: ", "))"
    #expect(series[0].notes.contains(note), "\(series[0].notes)")
  }

  @Test func `may have a text between them, and quarters between months`() throws {
    let text = try all("kind,1960,1961,1962,note,1963,1964\na,1,2,3,x,4,5\nb,6,7,8,y,9,10\n")
    #expect(text.map(\.values) == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]] && text[0].times.text(at: 5) == "1965")
    let named = "Year,\(Self.months.joined(separator: ",")),1\n2020,1,2,3,4,5,6,7,8,9,10,11,12,99\n"
    #expect(try all(named)[0].values == (1...12).map(Double.init))
    let heads = Self.months.enumerated().map { $0 % 3 == 2 ? "\($1),Q\($0 / 3 + 1)" : $1 }.joined(separator: ",")
    let rows = (2020...2021).map { year in
      "\(year)," + (1...12).map { $0 % 3 == 0 ? "\(year * 100 + $0),9" : "\(year * 100 + $0)" }.joined(separator: ",")
    }
    let series = try all("Year,\(heads)\n" + rows.joined(separator: "\n") + "\n")
    #expect(series[0].count == 24 && series[0].values[3] == 202_004 && series[0].times.text(at: 24) == "2022-01")
    #expect(series[0].notes.contains { $0.hasSuffix("is left out: Q1, Q2, Q3, Q4") })
  }

  /// Tables, and what is said of them.
  private static let outOfOrder: [(csv: String, problem: String)] = {
    func rows(_ keys: [String], _ count: Int) -> String {
      keys.map { "\n\($0)," + (1...count).map(String.init).joined(separator: ",") }.joined() + "\n"
    }
    let years = ["2020", "2021", "2022"]
    let hours = (0..<24).map { "\($0 < 10 ? "0" : "")\($0):00" }
    return [
      (
        "Year," + (months[6...] + months[..<6]).joined(separator: ",") + rows(years, 12),
        "columns Jul to Jun are times beside column Year, but Jan comes after Dec: which Year it belongs to is not known"
      ),
      ("FY,Q3,Q4,Q1,Q2" + rows(years, 4), "but Q1 comes after Q4"),
      ("Year,Jan,Feb,Mar,Apr,May,Jun,Aug" + rows(years, 7), "but Aug comes after Jun"),
      (
        "date," + (hours[6...] + hours[..<6]).joined(separator: ",") + rows(["2024-01-01", "2024-01-02"], 24),
        "columns 06:00 to 05:00 are times beside column date, but 00:00 comes after 23:00"
      ),
      (
        "country,2019-01,2019-02,2019-03,2018-01,2018-02" + rows(["Chile", "Peru"], 5),
        "columns 2019-01 to 2018-02 are times, but 2018-01 comes after 2019-03; put the columns in the order"
      ),
    ]
  }()

  @Test(arguments: outOfOrder)
  func `are refused where it is not known what time each is, unless a column is named`(
    csv: String, problem: String
  ) throws {
    let error = dataError { () throws(DataError) in try Series.all(in: Table(csv: csv, file: "f.csv"), options: .init())
    }
    #expect(
      error?.code == .unsortedTimes && error?.description.contains(problem) == true, "\(error?.description ?? "")")
    #expect(error?.remedy?.contains("column") == true)
    let rows = dataError { () throws(DataError) in try ObservedRows(Table(csv: csv)) }
    #expect(rows?.code == .unsortedTimes)
    let value = dataError { () throws(DataError) in try Series(table: Table(csv: csv), target: "value") }
    #expect(value?.code == .unsortedTimes)
    // The columns are there for who wants one, and the rows for who counts them.
    let table = try Table(csv: csv)
    #expect(try Series(table: table, target: table.columns[2].name).values.first == 2)
    var options = Series.Options(target: table.columns[3].name)
    options.countsRows = true
    #expect(try Series(table: table, options: options).values.first == 3)
  }

  @Test func `are left as they are where one of the columns is named`() throws {
    let rows = (2020...2022).map { year in
      "\(year)," + (1...12).map { "\(year * 100 + $0)" }.joined(separator: ",") + ",\(year % 100)\n"
    }
    let table = try Table(csv: "Year,\(Self.months.joined(separator: ",")),Mean\n" + rows.joined())
    func values(_ change: (inout Series.Options) -> Void) throws -> [[Double]] {
      var options = Series.Options()
      change(&options)
      return try Series.all(in: table, options: options).map(\.values)
    }
    #expect(try values { $0.target = "Mean" } == [[20, 21, 22]])
    #expect(try values { $0.target = "jan" } == [[202_001, 202_101, 202_201]])
    #expect(try values { ($0.target, $0.time) = ("Feb", "Year") } == [[202_002, 202_102, 202_202]])
    #expect(try values { $0.time = "Year" } == [[20, 21, 22]])
    #expect(try values { $0.covariates = ["Mean"] } == [[202_012, 202_112, 202_212]])
    #expect(try values { $0.future = ["Mean"] } == [[202_012, 202_112, 202_212]])
    #expect(try values { ($0.isWide, $0.columns) = (true, ["Mar", "Mean"]) }.count == 2)
    #expect(try values { $0.countsRows = true } == [[20, 21, 22]])
    // The names of what is below each other are those of the gathered table.
    for change in [{ $0.target = "value" }, { $0.time = "time" }] as [(inout Series.Options) -> Void] {
      #expect(try values(change).map(\.count) == [36])
    }
    var observed = ObservedRows.Options()
    #expect(try ObservedRows(table).count == 36)
    observed.channels = ["Mean", "Jan"]
    #expect(
      try ObservedRows(table, options: observed).channels.map(\.values) == [
        [20, 21, 22], [202_001, 202_101, 202_201],
      ])
    // A column that tells series apart is none of the times.
    let two = try Table(csv: "land,year,Q1,Q2,Q3,Q4\na,2020,1,2,3,4\nb,2020,5,6,7,8\na,2021,1,2,3,4\nb,2021,5,6,7,8\n")
    var options = Series.Options()
    options.id = ["land"]
    #expect(try Series.all(in: two, options: options).map(\.count) == [8, 8])
    options.id = ["year"]
    options.target = "Q1"
    #expect(try Series.all(in: two, options: options).map(\.values) == [[1, 5], [1, 5]])
    options.target = nil
    #expect(try Series.all(in: two, options: options).map(\.values) == [[4, 8], [4, 8]])
  }

  @Test func `are turned around in each of several series, whose newest rows are first`() throws {
    for order in [
      ["a,2022", "a,2021", "a,2020", "b,2022", "b,2021", "b,2020"],
      ["a,2022", "b,2022", "a,2021", "b,2021", "a,2020", "b,2020"],
    ] {
      let rows = order.map { key in
        key + "," + (1...12).map { "\(key.hasPrefix("a") ? "" : "-")\(key.suffix(4))\($0 + 10)" }.joined(separator: ",")
          + "\n"
      }
      let series = try all("store,year,\(Self.months.joined(separator: ","))\n" + rows.joined())
      #expect(series.map(\.id) == ["a", "b"] && series.map(\.count) == [36, 36])
      #expect(series[0].values.first == 202_011 && series[1].values.last == -202_222)
      #expect(series[0].times.text(at: 36) == "2023-01")
    }
    let days = ["a,2024-01-03", "a,2024-01-02", "a,2024-01-01", "b,2024-01-03", "b,2024-01-02", "b,2024-01-01"]
    let hours = try all("meter,date,00:00,08:00,16:00\n" + days.map { $0 + ",\($0.suffix(1)),5,6\n" }.joined())
    #expect(hours.map(\.id) == ["a", "b"] && hours.allSatisfy { $0.values == [1, 5, 6, 2, 5, 6, 3, 5, 6] })
    let numbers = (1...31).map(String.init)
    let months = try all(
      "shop,Year,Month,\(numbers.joined(separator: ","))\n"
        + ["a", "b"].flatMap { shop in [3, 2, 1].map { "\(shop),2024,\($0),\(numbers.joined(separator: ","))\n" } }
        .joined())
    #expect(months.map(\.count) == [91, 91] && months[1].times.text(at: 91) == "2024-04-01")
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
    // Answers by people and by years, rates by their years, shares, wavelengths.
    "id,Q1,Q2,Q3,Q4\n1801,7,8,9,6\n1802,5,6,7,8\n", "year,Q1,Q2,Q3,Q4,Q5\n2020,1,2,3,4,5\n2021,2,3,4,5,6\n",
    "year,Q2,Q3,Q4,Q5\n2020,1,2,3,4\n2021,2,3,4,5\n",
    "year,1,2,3,5,7,10\n2020,1,2,3,4,5,6\n2021,2,3,4,5,6,7\n",
    "date,0.10,0.25,0.50,0.75\n2024-01-01,1,2,3,4\n2024-01-02,2,3,4,5\n",
    "sample,1400,1500,1600,1700\na,1,2,3,4\nb,2,3,4,5\n",
  ])
  func `are not seen where there are none`(csv: String) throws {
    let table = try Table(csv: csv)
    #expect(try table.meant(time: nil, values: [], others: [], id: [], isPlain: false).columns == table.columns)
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
