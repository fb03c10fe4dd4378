import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainData

private func options(_ change: (inout Series.Options) -> Void = { _ in }) -> Series.Options {
  var options = Series.Options()
  options.filling = .asIs
  change(&options)
  return options
}

private func series(_ csv: String, _ change: (inout Series.Options) -> Void = { _ in }) throws -> Series {
  try Series.all(in: Table(csv: csv, file: "f.csv"), options: options(change))[0]
}

private func problem(_ csv: String, _ change: (inout Series.Options) -> Void = { _ in }) -> DataError? {
  dataError { () throws(DataError) in
    try Series.all(in: Table(csv: csv, file: "f.csv"), options: options(change))
  }
}

@Suite("Series as they come") struct SeriesAsTheyComeTests {
  @Test("Missing values and missing times are told apart from what was observed, and counted")
  func missing() throws {
    let series = try series("date,v\n2024-01-01,1\n2024-01-02,\n2024-01-04,4\n2024-01-05,NA\n2024-01-06,6\n")
    #expect(series.values == [1, 2, 3, 4, 5, 6])
    #expect(series.observed == [true, false, false, true, false, true] && series.missingCount == 3)
    #expect(series.notes.contains { $0.contains("1 missing time put in") })
    #expect(series.notes.contains { $0.contains("3 missing values of 6") })
    // Of a part nothing is known that comes after it.
    #expect(series.prefix(3).values == [1, 1, 1] && series.prefix(3).missingCount == 2)
  }

  @Test("Rows at the end without a value are what is to be forecast")
  func openEnd() throws {
    let series = try series("date,v\n2024-01-01,\n2024-01-02,2\n2024-01-03,3\n2024-01-04,\n2024-01-05,\n")
    #expect(series.values == [2, 3] && series.times.text(at: 0) == "2024-01-02")
    #expect(series.times.text(at: 2) == "2024-01-04" && series.rowNumber(of: 0) == 3)
    #expect(series.notes.contains { $0.contains("2 rows at the end without a value") })
  }

  @Test("Every value missing is an error; a wrong one is named with its row")
  func refused() {
    #expect(problem("date,v\n2024-01-01,\n2024-01-02,\n") { $0.target = "v" }?.code == .missingValue)
    #expect(problem("date,v\n2024-01-01,1\n2024-01-02,x\n2024-01-03,3\n")?.row == 3)
  }

  @Test(
    "A step of time is read as people write it",
    arguments: [
      ("15min", "every 15 minutes"), ("1h", "hourly"), ("h", "hourly"), ("24h", "daily"), ("1d", "daily"),
      ("1w", "weekly"), ("2 weeks", "every 2 weeks"), ("1mo", "monthly"), ("1q", "quarterly"), ("1y", "yearly"),
      ("30s", "every 30 seconds"), ("0h", nil), ("h1", nil), ("1x", nil), ("", nil), ("-1h", nil), ("999999y", nil),
    ] as [(String, String?)])
  func periods(text: String, words: String?) {
    #expect(TimePeriod(text).map { $0.frequency.description } == words)
  }

  @Test("Irregular times are brought together by mean, sum, last, smallest or largest, in whatever order they stand")
  func every() throws {
    let csv =
      "time,v\n2024-01-01 10:05,1\n2024-01-01 09:59,9\n2024-01-01 10:55,3\n2024-01-01 10:30,8\n2024-01-01 12:01,7\n"
    let expected: [(Aggregate, Double)] = [(.mean, 4), (.sum, 12), (.last, 3), (.min, 1), (.max, 8)]
    for (aggregate, value) in expected {
      let series = try series(csv) { ($0.every, $0.aggregate) = (TimePeriod("1h"), aggregate) }
      #expect(series.frequency.description == "hourly" && series.times.text(at: 0) == "2024-01-01 09:00")
      #expect(series.values[0] == 9 && series.values[1] == value && series.values[3] == 7)
      #expect(!series.isObserved(2) && series.missingCount == 1)
    }
    #expect(problem(csv)?.setting == .spacing || problem(csv)?.code == .unsortedTimes)
  }

  @Test("Weeks begin on Monday, months on their first; a sum leaves out a last step of which a part is missing")
  func calendar() throws {
    let days = (1...17).map { "2024-01-\($0 < 10 ? "0" : "")\($0),1\n" }.joined()
    let weeks = try series("date,v\n" + days) { ($0.every, $0.aggregate) = (TimePeriod("1w"), .sum) }
    // 1 January 2024 is a Monday.
    #expect(weeks.values == [7, 7] && weeks.times.text(at: 1) == "2024-01-08")
    let months = try series("date,v\n" + days + "2024-03-05,4\n") { $0.every = TimePeriod("1mo") }
    #expect(months.times.text(at: 2) == "2024-03-01" && months.observed == [true, false, true])
  }

  @Test("Rows of several series below each other are none of one, and a clock that is set back is noted")
  func observed() throws {
    func rows(_ hours: [String]) throws(DataError) -> ObservedRows {
      try ObservedRows(Table(csv: "time,v\n" + hours.map { "2024-01-01 \($0),1\n" }.joined(), file: "f.csv"))
    }
    let hours = (0..<6).map { "0\($0):00" }
    let error = dataError { () throws(DataError) in try rows(hours + hours) }
    #expect(
      error?.description
        == "f.csv: row 8, column time: '2024-01-01 00:00' was there before: several series stand below "
        + "each other; keep the rows of one, or give each a column of its own" && error?.code == .repeatedTime)
    let back = try rows(["00:00", "01:00", "02:00", "01:30", "02:30", "03:30"])
    #expect(back.notes == ["the clock goes back at row 5: the rows are taken in the order of the file"])
    #expect(dataError { () throws(DataError) in try rows(["00:00", "02:00", "01:00", "04:00", "03:00"]) }?.row == 4)
  }

  @Test("A clock that jumps is named with its row, and not filled up with years of nothing")
  func jump() {
    let error = problem("time,v\n2024-01-01 10:05,1\n2024-01-01 10:59,9\n2924-01-01 10:55,3\n2024-01-01 11:30,8\n") {
      $0.every = TimePeriod("1min")
    }
    #expect(error?.row == 4 && error?.code == .irregularTimes)
  }

  @Test("Where so much is missing that nothing is filled in, filling is not what is advised")
  func hole() {
    let minutes = { (day: Int) in
      (10...39).map { "2024-01-0\(day) 00:\($0),1\n" }.joined()
    }
    let error = problem("time,v\n" + minutes(1) + minutes(3))
    #expect(error?.code == .gapInTimes && error?.row == 32 && error?.setting == .spacing && error?.step == nil)
  }

  @Test("A time that stands twice is named with both rows, whatever lies between")
  func twins() {
    let error = problem("date,v\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-02,4\n")
    #expect(error?.code == .repeatedTime && error?.row == 5 && error?.problem.contains("row 3") == true)
    let panel = problem("id,date,v\na,2024-01-01,1\na,2024-01-02,2\na,2024-01-03,2\nb,2024-01-01,3\na,2024-01-02,4\n") {
      $0.id = ["id"]
    }
    #expect(panel?.code == .repeatedTime && panel?.row == 6 && panel?.problem.contains("series 'a'") == true)
  }

  @Test("What is known ahead stands in the rows after the last value; numbers and categories")
  func covariates() throws {
    let csv =
      "date,v,promo,weather,temp\n2024-01-01,1,0,sun,5\n2024-01-02,2,1,rain,\n2024-01-03,3,0,sun,7\n"
      + "2024-01-04,,1,rain,\n2024-01-05,,0,sun,\n"
    let series = try series(csv) {
      ($0.target, $0.covariates, $0.future) = ("v", ["temp"], ["promo", "weather"])
    }
    #expect(series.count == 3)
    #expect(series.covariates.map(\.name) == ["temp", "promo", "weather=rain", "weather=sun"])
    #expect(series.covariates[0].values == [5, 5, 7] && series.covariates[0].future.isEmpty)
    #expect(series.covariates[1].values == [0, 1, 0] && series.covariates[1].future == [1, 0])
    #expect(series.covariates[3].values == [1, 0, 1] && series.covariates[3].future == [0, 1])
    // A part knows of the future what the whole knows of its past.
    #expect(series.prefix(2).covariates[1].future == [0, 1, 0])
  }

  @Test("A future that is missing is named with its row, and so is a category never seen")
  func future() {
    let csv = "date,v,promo\n2024-01-01,1,0\n2024-01-02,2,1\n2024-01-03,,1\n2024-01-04,,\n"
    let error = problem(csv) { ($0.target, $0.future) = ("v", ["promo"]) }
    #expect(error?.row == 5 && error?.column == "promo" && error?.code == .missingValue)
    let other = problem("date,v,w\n2024-01-01,1,sun\n2024-01-02,2,snow\n") {
      ($0.target, $0.covariates, $0.categories) = ("v", ["w"], ["w": ["rain", "sun"]])
    }
    #expect(other?.row == 3 && other?.problem.contains("'snow' was never seen") == true)
    let twice = problem(csv) { ($0.target, $0.future, $0.covariates) = ("v", ["promo"], ["promo"]) }
    #expect(twice?.code == .columnUsedTwice)
  }

  @Test("A file of the future is read by its times")
  func futureFile() throws {
    let series = try series("date,v,promo\n2024-01-01,1,0\n2024-01-02,2,1\n2024-01-03,3,1\n") {
      ($0.target, $0.future) = ("v", ["promo"])
    }
    var options = options()
    options.future = ["promo"]
    let ahead = try Table(csv: "date,promo\n2024-01-03,9\n2024-01-04,1\n2024-01-05,0\n", file: "ahead.csv")
    #expect(try series.knowing(ahead, options: options).covariates[0].future == [1, 0])
    // The same days in another program's digits.
    let other = try Table(csv: "date,promo\n2024-1-4,1\n2024-1-5,0\n", file: "d/other.csv")
    let told = try series.knowing(other, options: options)
    #expect(told.covariates[0].future == [1, 0] && told.futureFile == "d/other.csv")
    let late = try Table(csv: "date,promo\n2024-02-03,9\n2024-02-04,1\n", file: "late.csv")
    let error = dataError { () throws(DataError) in try series.knowing(late, options: options) }
    #expect(error?.description.contains("late.csv: there is no row for 2024-01-04") == true)
  }

  @Test("Columns are series of a wide table; one without a value is left out, which is said")
  func wide() throws {
    let table = try Table(csv: "date,a,b,empty,c\n2024-01-01,1,4,,7\n2024-01-02,2,5,,\n2024-01-03,3,6,,9\n")
    let all = try Series.all(in: table, options: options { $0.isWide = true })
    #expect(all.map(\.id) == ["a", "b", "c"] && all[2].missingCount == 1 && all[1].values == [4, 5, 6])
    #expect(all[0].notes.contains { $0.contains("column 'empty' is left out") })
    let some = try Series.all(in: table, options: options { ($0.isWide, $0.columns) = (true, ["b"]) })
    #expect(some.map(\.id) == ["b"])
  }

  @Test("A faulty series among several is left out and reported; with an id of one row each nothing is forecast")
  func faulty() throws {
    let csv =
      "id,date,v\na,2024-01-01,1\nb,2024-01-01,\na,2024-01-02,2\nb,2024-01-02,\nc,2024-01-01,3\na,2024-01-03,3\n"
    let all = try Series.all(in: Table(csv: csv), options: options { $0.id = ["id"] })
    #expect(all.map(\.id) == ["a"])
    #expect(all[0].notes.contains { $0.contains("'b' is left out") && $0.contains("every value is missing") })
    #expect(all[0].notes.contains { $0.contains("'c' is left out") })
    let error = problem("id,date,v\na,2024-01-01,1\nb,2024-01-02,2\nc,2024-01-03,3\n") { $0.id = ["id"] }
    #expect(error?.code == .tooFewRows && error?.problem.contains("has one row") == true)
  }
}
