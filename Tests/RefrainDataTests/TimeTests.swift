import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite struct `The calendar` {
  @Test func `counts days as it always did`() {
    #expect(CivilDate(year: 1970, month: 1, day: 1)?.daysSince1970 == 0)
    #expect(CivilDate(year: 2000, month: 3, day: 1)?.daysSince1970 == 11_017)
    #expect(CivilDate(year: 1749, month: 1, day: 1)?.daysSince1970 == -80_718)
    #expect(CivilDate(year: 1900, month: 2, day: 29) == nil)
    #expect(CivilDate(year: 2000, month: 2, day: 29) != nil)
    for day in stride(from: -800_000, through: 800_000, by: 37) {
      #expect(CivilDate(daysSince1970: day).daysSince1970 == day)
    }
  }
}

@Suite struct `A time axis` {
  private func axis(
    _ times: [String], name: String = "date", order: DateOrder? = nil
  ) throws(DataError) -> TimeAxis {
    let table = try Table(csv: "\(name);value\n" + times.map { "\"\($0)\";1" }.joined(separator: "\n"), file: "f.csv")
    return try TimeAxis(table: table, column: table.columns[0], order: order)
  }

  @Test(
    arguments: [
      (["1949-01", "1949-02", "1949-03"], "monthly", 12, "1949-04"),
      (["2018-06-26 17:00:00", "2018-06-26 18:00:00"], "hourly", 24, "2018-06-26 19:00:00"),
      (
        ["2020-12-31T22:45:00Z", "2020-12-31T23:00:00Z", "2020-12-31T23:15:00Z"], "every 15 minutes", 96,
        "2020-12-31T23:30:00Z"
      ),
      (["2020-01-01T00:00:00+02:00", "2020-01-01T06:00:00+02:00"], "every 6 hours", 4, "2020-01-01T12:00:00+02:00"),
      (
        ["2020-01-01 00:00:00.250", "2020-01-01 00:00:00.500"], "every 250 milliseconds", 240, "2020-01-01 00:00:00.750"
      ),
      (["2020-01-01 00:00", "2020-01-01 00:01"], "every minute", 60, "2020-01-01 00:02"),
      (["2020-01-01 00:00:01", "2020-01-01 00:00:02"], "every second", 60, "2020-01-01 00:00:03"),
      (["1981/12/30", "1981/12/31"], "daily", 7, "1982/01/01"),
      (["31.12.2020", "01.01.2021"], "daily", 7, "02.01.2021"),
      (["12/30/2020", "12/31/2020"], "daily", 7, "01/01/2021"),
      (["1/9/2020", "1/10/2020", "1/11/2020", "1/12/2020", "1/13/2020"], "daily", 7, "1/14/2020"),
      (["01/10/1949", "01/11/1949", "01/12/1949", "01/01/1950"], "monthly", 12, "01/02/1950"),
      (["12/31/2020 11:00 PM", "01/01/2021 12:00 AM"], "hourly", 24, "01/01/2021 01:00 AM"),
      (["28-feb-20", "29-feb-20"], "daily", 7, "01-mar-20"),
      (["Dec 1999", "Jan 2000"], "monthly", 12, "Feb 2000"),
      (["2020-Q3", "2020-Q4"], "quarterly", 4, "2021-Q1"),
      (["2020Q3", "2020Q4"], "quarterly", 4, "2021Q1"),
      (["1998", "1999", "2000"], "yearly", 1, "2001"),
      (["20160229", "20160301"], "daily", 7, "20160302"),
      (["1500000000", "1500003600"], "hourly", 24, "1500007200"),
      (["1500000000000", "1500000060000"], "every minute", 60, "1500000120000"),
      (["2020-01-06", "2020-01-13", "2020-01-20"], "weekly", 52, "2020-01-27"),
      (["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"], "business-daily", 5, "2020-01-08"),
      (["2020-11-30", "2020-12-31", "2021-01-31"], "monthly", 12, "2021-02-28"),
      (["2020-12-30", "2021-01-30"], "monthly", 12, "2021-02-28"),
      (["2020-06-30", "2020-09-30"], "quarterly", 4, "2020-12-31"),
      (["2019-02-28", "2020-02-29"], "yearly", 1, "2021-02-28"),
      (["1", "2", "3"], "index", 1, "4"),
      (["-0.50", "-0.25", "0.00"], "index", 1, "0.25"),
    ] as [([String], String, Int, String)])
  func `infers frequency and season, and goes on in the file's own style`(
    times: [String], frequency: String, season: Int, next: String
  ) throws {
    let axis = try axis(times)
    #expect(axis.frequency.description == frequency)
    #expect(axis.frequency.season == season)
    #expect(axis.text(at: times.count) == next)
    #expect((0..<times.count).map { axis.text(at: $0) } == times)
  }

  @Test(arguments: [("1000-01-01", "9999-01-01"), ("1", "999999999"), ("2020-01-01 00:00", "9999-01-01 00:01")])
  func `does not overflow in a far future`(first: String, second: String) throws {
    let axis = try axis([first, second])
    #expect(!axis.text(at: 1_000_000_000).isEmpty)
    #expect(!axis.text(at: .min).isEmpty)
  }

  @Test func `skips weekends in a business-daily series`() throws {
    let axis = try axis(["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"])
    #expect((4..<8).map { axis.text(at: $0) } == ["2020-01-08", "2020-01-09", "2020-01-10", "2020-01-13"])
    #expect(axis.text(at: -1) == "2020-01-01")
  }

  @Test(
    arguments: [
      (
        ["2020-01-01", "2020-01-03", "2020-01-02"], DataError.Code.unsortedTimes, 4,
        "'2020-01-02' comes after '2020-01-03'"
      ),
      (["2020-01-01", "2020-01-02", "2020-01-02"], .repeatedTime, 4, "'2020-01-02' stands here and in the row before"),
      (
        ["2020-01-04", "2020-01-05", "2020-01-06", "2020-01-09"], .gapInTimes, 5,
        "2 times are missing in a series that is daily, between row 4 ('2020-01-06') and row 5 ('2020-01-09')"
      ),
      (["1949-01", "1949-02", "1949-04", "1949-05"], .gapInTimes, 4, "1 time is missing in a series that is monthly"),
      (
        ["2020-01-01 00:00", "2020-01-01 01:00", "2020-01-01 03:30"], .irregularTimes, 4,
        "the series is hourly elsewhere"
      ),
      (
        ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-08", "2020-01-09", "2020-01-10", "2020-01-13"], .gapInTimes,
        5,
        "1 time is missing in a series that is business-daily"
      ),
      (
        ["2020-01-01", "2020-01-02", "soon"], .notATime, 4,
        "'soon' is not a time written like '2020-01-01'; write it so"
      ),
      (["2020-01-01", "2020-02-30"], .notATime, 3, "'2020-02-30' is not a time"),
      // 2021 has 52 weeks, and a day ends at 24:00.
      (["2021-W51", "2021-W52", "2021-W53"], .notATime, 4, "'2021-W53'"),
      (["2024-01-01 22:30", "2024-01-01 23:30", "2024-01-01 24:30"], .notATime, 4, "'2024-01-01 24:30'"),
      (["soon", "later"], .notATime, 2, "'soon' is not a time"),
      (["2020-01-01", "", "2020-01-03"], .missingValue, 3, "the time is missing"),
      (["1", "2", "4"], .gapInTimes, 4, "1 time is missing"),
      (["2020-01-01"], .tooFewRows, 2, "a single row"),
    ] as [([String], DataError.Code, Int, String)])
  func `names the row of every fault`(times: [String], code: DataError.Code, row: Int, words: String) {
    let error = dataError { () throws(DataError) in try axis(times) }
    #expect(error?.code == code)
    #expect(error?.row == row)
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    #expect(error?.description.hasPrefix("f.csv: row \(row), column date: ") == true)
  }

  private func days(_ first: Int, _ count: Int, omitting: (CivilDate) -> Bool) -> [String] {
    (first..<first + count).map { CivilDate(daysSince1970: $0) }.filter { !omitting($0) }.map { date in
      "\(date.year)-\(date.month < 10 ? "0" : "")\(date.month)-\(date.day < 10 ? "0" : "")\(date.day)"
    }
  }

  @Test(arguments: Frequency.OmittedDay.allCases)
  func `accepts years of 365 days and keeps to them`(omitted: Frequency.OmittedDay) throws {
    let start = CivilDate(year: 1983, month: 6, day: 1)!.daysSince1970
    let all = days(start, 7000, omitting: omitted.isOmitted)
    let axis = try axis(Array(all.prefix(2500)))
    #expect(axis.frequency == Frequency(.commonYearDay(omitting: omitted)))
    #expect((0..<all.count).map { axis.text(at: $0) } == all)
  }

  @Test func `refuses a daily series that lacks some leap days and keeps others`() {
    let start = CivilDate(year: 1983, month: 6, day: 1)!.daysSince1970
    let times = days(start, 2500) { $0.year == 1984 && $0.month == 2 && $0.day == 29 }
    #expect(dataError { () throws(DataError) in try axis(times) }?.code == .gapInTimes)
    let other = days(start, 2500) { $0.month == 12 && $0.day == 30 && CivilDate.isLeap($0.year) }
    #expect(dataError { () throws(DataError) in try axis(other) }?.code == .gapInTimes)
  }

  @Test(
    .enabled(if: RealData.isThere, RealData.missing),
    arguments: [
      ("airline-passengers.csv", "Month", "monthly", "1961-01"),
      ("daily-min-temperatures.csv", "Date", "daily, 365 days a year", "1991-01-01"),
      ("ETTh1.csv", "date", "hourly", "2018-06-26 20:00:00"),
      ("monthly-sunspots.csv", "Month", "monthly", "1984-01"),
      ("pollution.csv", "No", "index", "43825"),
    ])
  func `finds the times of real files`(file: String, column: String, frequency: String, next: String) throws {
    let table = try Table(contentsOf: RealData.path(file))
    let (axis, found) = try TimeAxis.guess(in: table)
    #expect(found?.name == column)
    #expect(axis.frequency.description == frequency)
    #expect(axis.text(at: axis.count) == next)
  }

  @Test(
    arguments: [
      ("value,when\n3,2020-01-01\n9,2020-01-02\n", "when"),
      ("id,day,ds,y\n5,1,2020-01-01,3\n7,2,2020-01-02,4\n", "ds"),
      ("year,month,day,y\n2020,1,1,3\n2020,1,2,4\n2020,1,3,8\n", "year"),
      ("y\n1\n2\n3\n", nil),
      (",y\n0,5\n1,9\n2,4\n", "column 1"),
      ("Year,y\n1999,5\n2000,9\n", "Year"),
      ("price,sales\n3,5\n9,9\n4,4\n", nil),
    ] as [(String, String?)])
  func `guesses the time column`(csv: String, column: String?) throws {
    #expect(try TimeAxis.guess(in: Table(csv: csv)).column?.name == column)
  }

  @Test(arguments: [
    ("date,y\n2020-01-01,1\n2020-01-02,1\n2020-01-05,1\n", DataError.Code.gapInTimes),
    ("no,date,y\n1,2020-01-01,1\n2,2020-01-02,1\n3,2020-01-02,1\n", .repeatedTime),
    ("Year,y\n1999,1\n2001,1\n2000,1\n", .unsortedTimes),
    ("date,y\nsoon,1\nlater,1\n", .notATime),
    ("when,y\n2020-01-01,1\n2020-01-05,1\n2020-01-02,3\n", .unsortedTimes),
  ])
  func `complains of a faulty time column instead of passing over it`(csv: String, code: DataError.Code) {
    #expect(dataError { () throws(DataError) in try TimeAxis.guess(in: Table(csv: csv)) }?.code == code)
  }

  @Test func `reads two-digit years from 1969 to 2068`() throws {
    #expect(try axis(["30.12.68", "31.12.68"]).start.date.year == 2068)
    #expect(try axis(["01.01.69", "02.01.69"]).start.date.year == 1969)
  }

  @Test func `tells summer time by the clock of the last row`() throws {
    let axis = try axis(["2021-03-28T01:00:00+01:00", "2021-03-28T03:00:00+02:00", "2021-03-28T04:00:00+02:00"])
    #expect(axis.frequency.description == "hourly")
    #expect(axis.text(at: 3) == "2021-03-28T05:00:00+02:00")
  }
}
