import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite struct `Times as other programs write them` {
  private func axis(
    _ times: [String], name: String = "date", order: DateOrder? = nil
  ) throws(DataError) -> TimeAxis {
    let table = try Table(csv: "\(name);value\n" + times.map { "\"\($0)\";1" }.joined(separator: "\n"), file: "f.csv")
    do throws(TimeFault) {
      return try TimeAxis.find(in: table, excluding: [table.columns[1]], order: order).axis
    } catch {
      throw error.error
    }
  }

  /// Times, the name of their column, what they are and how they go on.
  private static let written: [(times: [String], name: String, frequency: String, next: String)] = [
    // Before 1970.
    (["-631152000", "-628473600", "-626054400", "-623376000"], "date", "monthly", "-620784000"),
    (["-126230400", "-94694400", "-63158400", "-31536000", "0", "31536000"], "t", "yearly", "63072000"),
    (["-63158400000", "-63072000000"], "time", "daily", "-62985600000"),
    (["-86400000000000", "-86396400000000"], "ts", "hourly", "-86392800000000"),
    (["-157766400.5", "-157766400.0", "-157766399.5"], "time", "every 500 milliseconds", "-157766399.0"),
    // Zones by their names.
    (
      ["2023-01-01 00:00 Europe/Berlin", "2023-01-01 01:00 Europe/Berlin"], "t", "hourly",
      "2023-01-01 02:00 Europe/Berlin"
    ),
    (["2023-01-01 00:00 (UTC)", "2023-01-01 01:00 (UTC)"], "time", "hourly", "2023-01-01 02:00 (UTC)"),
    (["2023-01-01 00:00 GMT+1", "2023-01-01 01:00 GMT+1"], "time", "hourly", "2023-01-01 02:00 GMT+1"),
    (["2023-01-01 00:00 UTC-05:30", "2023-01-01 01:00 UTC-05:30"], "time", "hourly", "2023-01-01 02:00 UTC-05:30"),
    (["2023-01-01 00:00 IST", "2023-01-01 01:00 IST"], "time", "hourly", "2023-01-01 02:00 IST"),
    (
      [
        "Sun Jan 01 2023 00:00:00 GMT+0000 (Coordinated Universal Time)",
        "Sun Jan 01 2023 01:00:00 GMT+0000 (Coordinated Universal Time)",
      ], "time", "hourly", "Sun Jan 01 2023 02:00:00 GMT+0000 (Coordinated Universal Time)"
    ),
    // Times of day as they stand behind dates.
    (["1/1/2023 12 AM", "1/1/2023 1 AM", "1/1/2023 2 AM"], "time", "hourly", "1/1/2023 3 AM"),
    (["2023-01-01_00-00-00", "2023-01-01_01-00-00"], "time", "hourly", "2023-01-01_02-00-00"),
    (
      ["2023-01-01-00.00.00.000000", "2023-01-01-01.00.00.000000"], "time", "hourly", "2023-01-01-02.00.00.000000"
    ),
    (["01.01.2023 00:00 Uhr", "01.01.2023 01:00 Uhr"], "Zeit", "hourly", "01.01.2023 02:00 Uhr"),
    // Years, quarters and weeks by other words and signs.
    (["1950/1951", "1951/1952"], "season", "yearly", "1952/1953"), (["FY98", "FY99"], "year", "yearly", "FY00"),
    (["2000:2", "2000:3", "2000:4", "2001:1"], "time", "quarterly", "2001:2"),
    (["2000.2", "2000.3", "2000.4", "2001.1"], "quarter", "quarterly", "2001.2"),
    (["Week ending 06/01/2019", "Week ending 13/01/2019"], "week", "weekly", "Week ending 20/01/2019"),
    (["w/c 14/01/2019", "w/c 21/01/2019"], "week", "weekly", "w/c 28/01/2019"),
    (["week of 2019-01-07", "week of 2019-01-14"], "week", "weekly", "week of 2019-01-21"),
    (["30.06.67", "30.06.68", "30.06.69", "30.06.70"], "date", "yearly", "30.06.71"),
    // More languages.
    (["január 2015", "február 2015"], "hó", "monthly", "március 2015"),
    (["Μάρτιος 2015", "Απρίλιος 2015"], "μήνας", "monthly", "Μάιος 2015"),
    (["січень 2015", "лютий 2015"], "місяць", "monthly", "березень 2015"),
    (["Februari 2015", "Maret 2015"], "bulan", "monthly", "April 2015"),
    (["Tháng 1 2015", "Tháng 2 2015"], "tháng", "monthly", "Tháng 3 2015"),
    (["يناير 2015", "فبراير 2015"], "الشهر", "monthly", "مارس 2015"),
    // Names of months and weekdays.
    (["November 2021", "December 2021"], "month", "monthly", "January 2022"),
    (["Feb 2015", "Mär 2015", "Apr 2015"], "Monat", "monthly", "Mai 2015"),
    (["30. April 2023", "1. Mai 2023"], "Tag", "daily", "2. Mai 2023"),
    (["8 de enero de 2023", "9 de enero de 2023"], "fecha", "daily", "10 de enero de 2023"),
    (["31 janv. 2023", "1 févr. 2023"], "jour", "daily", "2 févr. 2023"),
    (["Mon 29 Jan 2024", "Tue 30 Jan 2024", "Wed 31 Jan 2024"], "d", "daily", "Thu 01 Feb 2024"),
    (["Saturday, March 1st, 2025", "Sunday, March 2nd, 2025"], "day", "daily", "Monday, March 3rd, 2025"),
    (["Mo 01.01.2024", "Di 02.01.2024"], "Datum", "daily", "Mi 03.01.2024"),
    (["JAN-99", "FEB-99", "MAR-99"], "t", "monthly", "APR-99"),
    (["Sept. 2020", "Oct. 2020"], "month", "monthly", "Nov. 2020"),
    (["Sun Jan  1 00:00:00 2023", "Mon Jan  2 00:00:00 2023"], "time", "daily", "Tue Jan 3 00:00:00 2023"),
    (
      ["Sun, 01 Jan 2023 00:00:00 +0000", "Mon, 02 Jan 2023 00:00:00 +0000"], "date", "daily",
      "Tue, 03 Jan 2023 00:00:00 +0000"
    ),
    (["10/Oct/2000:13:00:00 -0700", "10/Oct/2000:14:00:00 -0700"], "time", "hourly", "10/Oct/2000:15:00:00 -0700"),
    (["январь 2020", "февраль 2020"], "месяц", "monthly", "март 2020"),
    // Weeks, quarters, halves and parts of years.
    (["2020-W52", "2020-W53", "2021-W01"], "week", "weekly", "2021-W02"),
    (["2020W09", "2020W10"], "x", "weekly", "2020W11"),
    (["2018-W01-1", "2018-W02-1"], "date", "weekly", "2018-W03-1"),
    (["KW 51/2020", "KW 52/2020", "KW 53/2020"], "Woche", "weekly", "KW 01/2021"),
    (["2021-51", "2021-52"], "week", "weekly", "2022-01"),
    (["202051", "202052", "202053"], "week", "weekly", "202101"),
    (["3rd quarter 2019", "4th quarter 2019"], "period", "quarterly", "1st quarter 2020"),
    (["3Q19", "4Q19"], "q", "quarterly", "1Q20"),
    (["2019T3", "2019T4"], "t", "quarterly", "2020T1"),
    (["20193", "20194"], "quarter", "quarterly", "20201"),
    (["2019-H1", "2019-H2"], "x", "every 6 months", "2020-H1"),
    (["2018/19", "2019/20"], "season", "yearly", "2020/21"),
    (["2019M11", "2019M12"], "TIME", "monthly", "2020M01"),
    (["1-11", "1-12", "2-01"], "Month", "monthly", "2-02"),
    (["9-11", "9-12"], "month", "monthly", "10-01"),
    (["2024-365", "2024-366"], "day", "daily", "2025-001"),
    (["1949.833", "1949.917"], "time", "monthly", "1950.000"),
    (["1949.5", "1949.75"], "time", "quarterly", "1950.0"),
    // Compact times.
    (["202311", "202312"], "month", "monthly", "202401"),
    (["2023364", "2023365"], "date", "daily", "2024001"),
    (["2024013122", "2024013123"], "time", "hourly", "2024020100"),
    (["202401312359", "202402010000"], "time", "every minute", "202402010001"),
    (["20240131T230000Z", "20240201T000000Z"], "time", "hourly", "20240201T010000Z"),
    (["30012024", "31012024"], "date", "daily", "01022024"),
    // Clocks and zones.
    (["2024-01-01 22:00 UTC", "2024-01-01 23:00 UTC"], "time", "hourly", "2024-01-02 00:00 UTC"),
    (["2024-01-01 22:00:00 +0000", "2024-01-01 23:00:00 +0000"], "time", "hourly", "2024-01-02 00:00:00 +0000"),
    (["2024-01-01T22", "2024-01-01T23"], "time", "hourly", "2024-01-02T00"),
    (["2024-01-01 22:00", "2024-01-01 23:00", "2024-01-01 24:00"], "time", "hourly", "2024-01-02 01:00"),
    (["2024-01-01 22h30", "2024-01-01 23h30"], "time", "hourly", "2024-01-02 00h30"),
    (["1/1/2024 9:00 a.m.", "1/1/2024 10:00 a.m."], "time", "hourly", "1/1/2024 11:00 a.m."),
    (["2024:01:30 08:00:00", "2024:01:31 08:00:00"], "taken", "daily", "2024:02:01 08:00:00"),
    // What leaves out zeros: Python fractions, R midnights.
    (
      ["2024-01-01T00:00:00", "2024-01-01T00:00:00.500000", "2024-01-01T00:00:01"], "time", "every 500 milliseconds",
      "2024-01-01T00:00:01.500000"
    ),
    (["2024-01-01 22:00:00", "2024-01-01 23:00:00", "2024-01-02"], "time", "hourly", "2024-01-02 01:00:00"),
    (["2024-01-01", "2024-01-01 12:00:00"], "time", "every 12 hours", "2024-01-02"),
    // Numbers since some day.
    (["1577836800.0", "1577840400.0"], "timestamp", "hourly", "1577844000.0"),
    (["1577836800000000", "1577840400000000"], "timestamp", "hourly", "1577844000000000"),
    (["1577836800000000000", "1577840400000000000"], "ts", "hourly", "1577844000000000000"),
    (["638396640000000000", "638396676000000000"], "time", "hourly", "638396712000000000"),
    (["133485408000000000", "133486272000000000"], "time", "daily", "133487136000000000"),
    (["946684800000000000", "946688400000000000"], "time", "hourly", "946692000000000000"),
    (["45292", "45293"], "date", "daily", "45294"),
    // Other scripts.
    (["2023年8月", "2023年9月"], "年月", "monthly", "2023年10月"),
    (["2024년 2월 28일", "2024년 2월 29일"], "날짜", "daily", "2024년 3월 1일"),
    (["45292.000000", "45292.041667", "45292.083333"], "datetime", "hourly", "45292.125000"),
    // One part of a date may have zeros where another has none.
    (["03/26/2021", "04/2/2021", "04/9/2021"], "Week", "weekly", "04/16/2021"),
    (["4/26/2021", "5/03/2021", "5/10/2021"], "Week", "weekly", "5/17/2021"),
    (["11/29/2021", "12/6/2021", "12/13/2021", "12/20/2021", "12/27/2021"], "day", "weekly", "1/3/2022"),
    // Spans.
    (["00:58:00", "00:59:00"], "t", "every minute", "01:00:00"),
    (["0 days 23:00:00", "1 days 00:00:00"], "t", "hourly", "1 days 01:00:00"),
    (["22:00", "23:00", "00:00"], "time", "hourly", "01:00"),
    // Days of months that no number tells.
    (["2015-01-30", "2015-02-27", "2015-03-31", "2015-04-30"], "date", "monthly", "2015-05-29"),
    (["2015-06-01", "2015-07-01", "2015-08-03"], "date", "monthly", "2015-09-01"),
    (["2015-01-16", "2015-02-20", "2015-03-20"], "date", "monthly", "2015-04-17"),
    (["2005-03-31", "2005-06-30", "2005-09-30", "2005-12-30", "2006-03-31"], "date", "quarterly", "2006-06-30"),
  ]

  @Test(arguments: written)
  func `are read and gone on with`(times: [String], name: String, frequency: String, next: String) throws {
    let axis = try axis(times, name: name)
    #expect(axis.frequency.description == frequency)
    #expect(axis.text(at: times.count) == next)
    #expect(
      (0..<times.count).map { axis.text(at: $0).replacing("  ", with: " ") }
        == times.map { $0.replacing("  ", with: " ") })
  }

  @Test func `with the number of a year say how they are read, and have no month beyond twelve`() throws {
    let notes = try axis(["1-11", "1-12", "2-01"], name: "Month").notes
    #expect(notes == ["column Month: read as the number of a year and the month"])
    #expect(dataError { () throws(DataError) in try axis(["1-12", "1-13"], name: "Month") }?.row == 3)
    #expect(dataError { () throws(DataError) in try axis(["0-11", "0-12"], name: "Month") }?.row == 2)
  }

  /// Times, and the next as it is written.
  @Test(arguments: [
    (["2019-01-07 - 2019-01-13", "2019-01-14 - 2019-01-20"], "2019-01-21"),
    (["07.01.2019–13.01.2019", "14.01.2019–20.01.2019"], "21.01.2019"),
    (["2019-01-07 – 2019-01-13", "2019-01-14 – 2019-01-20"], "2019-01-21"),
    (["2023-01-01 00:00–01:00", "2023-01-01 01:00–02:00"], "2023-01-01 02:00"),
    (["2023-01-01 8:00—9:00", "2023-01-01 9:00—10:00"], "2023-01-01 10:00"),
    (["2023-01-01 8:00 - 9:00", "2023-01-01 9:00 - 10:00"], "2023-01-01 10:00"),
    (["2023-01-01 00:00−01:00", "2023-01-01 01:00−01:00"], "2023-01-01 02:00-01:00"),
    (["2019-01-07 to 2019-01-13", "2019-01-14 to 2019-01-20"], "2019-01-21"),
    (["01.01.2023 00:00 - 01:00", "01.01.2023 01:00 - 02:00"], "01.01.2023 02:00"),
    (["2019-01-07 00:00 - 2019-01-07 06:00", "2019-01-07 06:00 - 2019-01-07 12:00"], "2019-01-07 12:00"),
    (["1950–51", "1951–52"], "1952-53"), (["2000 – Q3", "2000 – Q4"], "2001 - Q1"),
    (["2023‑01‑10", "2023‑01‑11"], "2023-01-12"), (["2023−01−10", "2023−01−11"], "2023-01-12"),
    (["'2023-01-10", "'2023-01-11"], "2023-01-12"), (["2023-01-10", "2023-01-11*"], "2023-01-12"),
    (["2019 Aug", "2019 Sep (p)"], "2019 Oct"),
    (["2016-12-31 23:59:59", "2016-12-31 23:59:60"], "2017-01-01 00:00:01"),
  ])
  func `with something about them are read without it`(times: [String], next: String) throws {
    let axis = try axis(times, name: "time")
    #expect(axis.text(at: 2) == next && axis.frequency.description != "index")
    #expect(
      axis.notes.contains { $0.contains("spans are read by their beginning") }
        == [" - ", " to ", "–13.", " – 2019", ":00–", ":00—"].contains(where: times[0].contains))
  }

  @Test func `with a thirteenth month are refused, and not made into weeks`() throws {
    let rows = (1...13).map { "2023,M\($0 < 10 ? "0" : "")\($0),5\n" }.joined()
    let error = dataError { () throws(DataError) in try Series(table: Table(csv: "Year,Period,y\n" + rows)) }
    #expect(error?.code == .notATime && error?.row == 14)
  }

  @Test(arguments: [
    ["10/01", "11/01", "12/01", "13/01"], ["01/10", "01/11", "01/12"], ["10.01.", "11.01.", "12.01."],
  ])
  func `without a year are not made into years`(times: [String]) {
    #expect(dataError { () throws(DataError) in try axis(times) }?.code == .notATime)
  }

  @Test func `newest first are turned around, and say so`() throws {
    let axis = try axis(["2023-01-03", "2023-01-02", "2023-01-01"])
    #expect(axis.isNewestFirst)
    #expect((0..<4).map { axis.text(at: $0) } == ["2023-01-01", "2023-01-02", "2023-01-03", "2023-01-04"])
    #expect(axis.notes == ["column date: the newest row is first: turned around"])
  }

  @Test func `by local clocks stay days and weeks when summer time begins`() throws {
    let days = try axis((24...28).map { "2023-03-\($0)T00:00:00+0\($0 < 27 ? 1 : 2):00" })
    #expect(days.frequency.description == "daily")
    #expect(days.text(at: 0) == "2023-03-24T00:00:00+01:00")
    #expect(days.text(at: 5) == "2023-03-29T00:00:00+02:00")
    let walls = try axis([
      "2023-03-25T12:00+01:00", "2023-03-25T18:00+01:00", "2023-03-26T00:00+01:00", "2023-03-26T06:00+02:00",
    ])
    #expect(walls.frequency.description == "every 6 hours")
    #expect(walls.notes.count == 1)
    let hours = try axis(["2023-03-26T01:00+01:00", "2023-03-26T03:00+02:00", "2023-03-26T04:00+02:00"])
    #expect(hours.frequency.description == "hourly")
    #expect(hours.text(at: 0) == "2023-03-26T01:00+01:00")
  }

  @Test(arguments: [
    (["2023-01-01 00:00 UTC", "2023-01-01 06:30 IST", "2023-01-01 07:30 IST"], "2023-01-01 08:30 IST"),
    (
      ["2023-01-01 00:00 UTC", "2023-01-01 06:00 Etc/GMT-5", "2023-01-01 07:00 Etc/GMT-5"], "2023-01-01 08:00 Etc/GMT-5"
    ),
    (
      ["2023-01-01 00:00 UTC", "2022-12-31 20:00 Etc/GMT+5", "2022-12-31 21:00 Etc/GMT+5"], "2022-12-31 22:00 Etc/GMT+5"
    ),
    (["2023-01-01 00:00 EST", "2023-01-01 06:00 Etc/GMT", "2023-01-01 07:00 Etc/GMT0"], "2023-01-01 08:00 Etc/GMT0"),
  ])
  func `with zones by their names are told apart by what these are ahead of UTC`(times: [String], next: String) throws {
    let axis = try axis(times, name: "time")
    #expect(axis.frequency.description == "hourly" && axis.text(at: 3) == next)
  }

  @Test func `with years of two digits before 1969 are filled where some are missing, and brought together`() throws {
    let times = ["30.06.66", "30.06.67", "30.06.69", "30.06.70", "30.06.71"]
    for times in [times, times.reversed()] {
      let error = dataError { () throws(DataError) in try axis(times) }
      #expect(error?.code == .gapInTimes && error?.row == 4)
      let table = try Table(csv: "date,v\n" + times.map { "\($0),\($0.suffix(2))\n" }.joined())
      var options = Series.Options()
      options.filling = .previous
      let series = try Series(table: table, options: options)
      #expect(series.values == [66, 67, 67, 69, 70, 71] && series.times.text(at: 6) == "30.06.72")
      options.every = TimePeriod("1y")
      #expect(try Series(table: table, options: options).values == [66, 67, 67, 69, 70, 71])
      let rows = try ObservedRows(table)
      #expect(rows.channels[0].values == [66, 67, 69, 70, 71] && rows.notes.allSatisfy { !$0.contains("clock") })
    }
  }

  @Test func `of clocks that are seconds off are read as the hours they mean`() throws {
    let times = [
      "2023-12-31 23:59:58", "2024-01-01 01:00:01", "2024-01-01 01:59:57", "2024-01-01 03:00:02", "2024-01-01 04:00:00",
    ]
    let axis = try axis(times)
    #expect(axis.frequency.description == "hourly")
    #expect((0..<5).map { axis.text(at: $0) } == times)
    #expect(axis.text(at: 5) == "2024-01-01 05:00:00")
    #expect(axis.notes == ["column date: the times are up to 3 s off an even clock; read as hourly"])
    #expect(dataError { () throws(DataError) in try self.axis(times.filter { $0 != times[2] }) } != nil)
  }

  @Test func `of working days may lack holidays, but not many`() throws {
    let start = CivilDate(year: 2023, month: 1, day: 2)!.daysSince1970
    let style = TimeStyle(layout: TimeLayout("Y-m-d"))
    let days = (start..<start + 120).map { CivilDate(daysSince1970: $0) }.filter { $0.weekday < 5 }
      .map { style.text(for: TimeStamp(ticks: $0.daysSince1970 * TimeStamp.day)) }
    let axis = try axis(days.filter { $0 != "2023-04-07" && $0 != "2023-04-10" })
    #expect(axis.frequency.description == "business-daily")
    #expect(axis.notes == ["column date: 2 working days are missing (the first is 2023-04-07): taken for holidays"])
    #expect(axis.text(at: 69) == "2023-04-11")
    #expect(axis.prefix(70).text(at: 70) == "2023-04-12")
    let many = days.enumerated().filter { $0.offset % 8 != 3 }.map(\.element)
    #expect(dataError { () throws(DataError) in try self.axis(many) }?.code == .gapInTimes)
  }

  @Test func `that may be in two orders are refused, and read as told`() throws {
    let times = (1...12).map { "\($0 < 10 ? "0" : "")\($0)/01/2023" }
    let error = dataError { () throws(DataError) in try axis(times) }
    #expect(error?.code == .doubtfulTime)
    #expect(error?.setting == .dates)
    #expect(error?.description.contains("'02/01/2023' may be 2023-02-01 or 2023-01-02") == true)
    #expect(try axis(times, order: .mdy).frequency.description == "monthly")
    #expect(try axis(times, order: .dmy).frequency.description == "daily")
    #expect(
      dataError { () throws(DataError) in try axis(["2023-01-01", "2023-01-02"], order: .dmy) }?.setting == .dates)
    // A weekday tells.
    #expect(try axis(["Sun 01/01/2023", "Mon 02/01/2023", "Tue 03/01/2023"]).frequency.description == "daily")
  }

  @Test(arguments: [
    ["soon", "later"], ["01-Jan", "02-Jan"], ["Monday", "Tuesday"], ["2020-W54", "2021-W01"],
    ["1949.01923", "1949.03846"],
    ["2023-13-01", "2023-13-02"], ["the 5th of 2020", "the 6th of 2020"],
    ["2020-01-06/2020-01-12", "2020-01-13/2020-01-19"], ["2016-12-31 10:30:60", "2016-12-31 10:30:61"],
  ])
  func `that nobody can read are refused, never counted`(times: [String]) {
    let error = dataError { () throws(DataError) in try axis(times) }
    #expect(error?.row == 2)
    #expect(error?.column == "date")
    #expect(error?.remedy != nil)
  }

  @Test(arguments: [
    ("Date,Time,y\n2024-01-01,22:00,1\n2024-01-01,23:00,2\n2024-01-02,00:00,3\n", "2024-01-02 01:00"),
    ("Time;Date;y\n22.00.00;01/01/2024;1\n23.00.00;01/01/2024;2\n00.00.00;02/01/2024;3\n", "02/01/2024 01:00:00"),
    ("date,hour,y\n2024-01-01,23,1\n2024-01-01,24,2\n2024-01-02,1,3\n", "2024-01-02 02:00"),
    // The date is a bare number.
    ("Date,Time,y\n20240101,22:00,1\n20240101,23:00,2\n20240102,00:00,3\n", "20240102 01:00"),
    ("Time,Date,y\n22:00,20240101,1\n23:00,20240101,2\n00:00,20240102,3\n", "20240102 01:00"),
    ("date;hour;y\n20240101;22;1\n20240101;23;2\n20240102;0;3\n", "20240102 01:00"),
    ("Date,Time,y\n240101,22:00,1\n240101,23:00,2\n240102,00:00,3\n", "240102 01:00"),
    ("Date,Time,y\n45292,22:00,1\n45292,23:00,2\n45293,00:00,3\n", "2024-01-02 01:00"),
    // The time of day is written otherwise.
    ("Date,time,y\n2024-01-01,220000,1\n2024-01-01,230000,2\n2024-01-02,000000,3\n", "2024-01-02 01:00:00"),
    ("Date,HE,y\n2024-01-01,23,1\n2024-01-01,24,2\n2024-01-02,1,3\n", "2024-01-02 02:00"),
    ("Date,hour,y\n2024-01-01,H23,1\n2024-01-01,H24,2\n2024-01-02,H01,3\n", "2024-01-02 02:00"),
    ("Date,time,y\n2024-01-01,22-23,1\n2024-01-01,23-24,2\n2024-01-02,00-01,3\n", "2024-01-02 01:00"),
    (
      "Date,time,y\n2024-01-01,22:00 - 23:00,1\n2024-01-01,23:00 - 00:00,2\n2024-01-02,00:00 - 01:00,3\n",
      "2024-01-02 01:00"
    ),
    ("Date,time,y\n2024-01-01,10 PM,1\n2024-01-01,11 PM,2\n2024-01-02,12 AM,3\n", "2024-01-02 01:00"),
    ("Datum;Uhrzeit;y\n01.01.2024;22:00 Uhr;1\n01.01.2024;23:00 Uhr;2\n02.01.2024;00:00 Uhr;3\n", "02.01.2024 01:00"),
    ("date,interval,y\n2024-01-01,1320,1\n2024-01-01,1380,2\n2024-01-02,0,3\n", "2024-01-02 01:00"),
    ("date,hhmm_time,y\n2024-01-01,2200,1\n2024-01-01,2300,2\n2024-01-02,0,3\n", "2024-01-02 01:00"),
    ("year,month,day,hour,y\n2024,1,31,22,1\n2024,1,31,23,2\n2024,2,1,0,3\n", "2024-02-01 01:00"),
    ("Year,Month,y\n2023,November,1\n2023,December,2\n2024,January,3\n", "2024-02"),
    ("y,year,quarter\n1,2023,3\n2,2023,4\n3,2024,1\n", "2024-Q2"),
    ("Jahr;KW;y\n2020;52;1\n2020;53;2\n2021;1;3\n", "2021-W02"),
    ("Year,Day,y\n2023,364,1\n2023,365,2\n2024,1,3\n", "2024-002"),
    ("YEAR,DOY,HR,y\n2023,365,22,1\n2023,365,23,2\n2024,1,0,3\n", "2024-001 01:00"),
    ("year,month,day,time,y\n2023,12,31,22:00,1\n2023,12,31,23:00,2\n2024,1,1,00:00,3\n", "2024-01-01 01:00"),
    ("year,month,day,hhmm,y\n2023,12,31,2200,1\n2023,12,31,2300,2\n2024,1,1,0,3\n", "2024-01-01 01:00"),
    ("Year,Period,y\n2023,M11,1\n2023,M12,2\n2024,M01,3\n", "2024-02"),
    ("Fiscal Year,Month,y\nFY23,Nov,1\nFY23,Dec,2\nFY24,Jan,3\n", "FY24-02"),
    ("FY,Q,y\n2023,3,1\n2023,4,2\n2024,1,3\n", "2024-Q2"),
  ])
  func `in several columns are one time`(csv: String, next: String) throws {
    let series = try Series(table: Table(csv: csv), target: "y")
    #expect(series.times.text(at: 3) == next)
  }

  @Test(arguments: [(48, "every 30 minutes", "2024-01-03 00:00"), (96, "every 15 minutes", "2024-01-03 00:00")])
  func `of counted periods are parts of their day`(count: Int, frequency: String, next: String) throws {
    let rows = (1...2).flatMap { day in (1...count).map { "2024-01-0\(day),\($0),\($0 * 7 % 10)\n" } }.joined()
    let series = try Series.all(
      in: Table(csv: "Date,SettlementPeriod,y\n" + rows), options: Series.Options(target: "y"))
    #expect(series.count == 1 && series[0].frequency.description == frequency)
    #expect(series[0].times.text(at: 2 * count) == next && series[0].times.text(at: 1) < "2024-01-01 00:31")
    #expect(series[0].notes.contains { $0.contains("counts \(count) periods a day, the first from 00:00") })
  }

  @Test func `of day that cannot be read are neither series nor left out`() throws {
    let rows = (1...3).flatMap { day in ["dawn 1", "noon 2", "dusk 3"].map { "2024-01-0\(day),\($0),5\n" } }.joined()
    let error = dataError { () throws(DataError) in
      try Series.all(in: Table(csv: "date,hour,y\n" + rows), options: Series.Options())
    }
    #expect(error?.code == .repeatedTime && error?.remedy?.contains("column hour looks like the time of day") == true)
    // Words without a digit tell series apart, whatever their column is called.
    let shifts = rows.replacing(" 1", with: "").replacing(" 2", with: "").replacing(" 3", with: "")
    #expect(try Series.all(in: Table(csv: "date,time,y\n" + shifts), options: Series.Options()).count == 3)
    // Days that all stand equally often would be a mean of what is told apart.
    #expect(error?.step == nil)
    // The date, which is a number, is at fault where the clock alone would be read.
    let repeated = dataError { () throws(DataError) in
      try Series(table: Table(csv: "Date,Time,y\n20240102,22:00,1\n20240102,23:00,2\n20240101,00:00,3\n"))
    }
    #expect(repeated?.code == .unsortedTimes && repeated?.column == "Date")
    let hours = ["20240101", "20240103"].flatMap { day in (10...23).map { "\(day),\($0):00,\($0)\n" } }.joined()
    let gap = dataError { () throws(DataError) in try Series(table: Table(csv: "Date,Time,y\n" + hours)) }
    #expect(gap?.code == .gapInTimes && gap?.column?.hasPrefix("Date") == true)
    // Months, not days of 2020.
    let months = dataError { () throws(DataError) in
      try Series(table: Table(csv: "yyyymm,time,y\n201101,00:00,1\n201101,12:00,2\n201102,00:00,3\n"))
    }
    #expect(months?.code == .repeatedTime && months?.column == "yyyymm")
  }

  @Test(
    arguments: [
      (["2000-01", "2000-02", "2000-03", "2000-03", "2000-04"], "1mo"),
      (["2010-01-01", "2010-01-16", "2010-02-01", "2010-02-16", "2010-03-01", "2010-03-16"], "1mo"),
      (["2024-01-01", "2024-01-02", "2024-01-02", "2024-01-03"], "1d"),
      (["2024-01-01 10:00", "2024-01-01 11:00", "2024-01-01 12:17"], "1h"),
      (["2024-01-01", "2024-01-01", "2024-01-02", "2024-01-02"], nil), (["3", "5", "8", "9"], nil),
    ] as [([String], String?)])
  func `that are uneven are answered with a step that brings them together`(times: [String], step: String?) throws {
    let error = dataError { () throws(DataError) in try axis(times) }
    #expect(error != nil && error?.step == step)
    guard let step else { return }
    var options = Series.Options()
    options.every = TimePeriod(step)
    let table = try Table(csv: "date,v\n" + times.map { $0 + ",1\n" }.joined())
    #expect(try Series(table: table, options: options).count > 1)
  }

  @Test func `in digits of any script are times`() throws {
    for times in [["２０２４-０１", "２０２４-０２"], ["٢٠٢٤-٠١", "٢٠٢٤-٠٢"], ["२०२४-०१", "२०२४-०२"]] {
      #expect(try axis(times, name: "x").text(at: 2) == "2024-03")
    }
  }

  @Test(arguments: [
    ("年月", ["令和5年12月", "令和5年11月", "令和5年10月"]), ("x", ["W3", "W2", "W1"]), ("", ["Week 12", "Week 11", "Week 10"]),
    ("Sprint", ["Sprint 3", "Sprint 2", "Sprint 1"]), ("เดือน", ["ธ.ค. 2566", "พ.ย. 2566", "ต.ค. 2566"]),
  ])
  func `in words that are not known are never counted in silence`(name: String, times: [String]) throws {
    let table = try Table(csv: "\(name),v\n" + times.map { $0 + ",1\n" }.joined())
    let error = dataError { () throws(DataError) in try Series(table: table) }
    #expect(error?.code == .notATime && error?.setting == .time && error?.row == 2)
    var options = Series.Options()
    options.countsRows = true
    #expect(try Series(table: table, options: options).count == 3)
    // What cannot be times is left aside, and that is said.
    let words = try Series(table: Table(csv: "city,v\nRome,1\nOslo,2\nBern,3\n"))
    #expect(words.notes == ["the rows are counted; column city is not read"])
  }

  @Test func `that count from other days say which day is the first`() throws {
    #expect(
      try axis(["638396640000000000", "638396676000000000"], name: "time").notes
        == ["column time: read as ticks of 100 ns since year 1 (the first is 2024-01-01)"])
    #expect(
      try axis(["133485408000000000", "133485444000000000"], name: "time").notes
        == ["column time: read as Windows' ticks of 100 ns since 1601 (the first is 2024-01-01)"])
  }

  @Test func `of which no column holds the year are refused`() throws {
    let table = try Table(csv: "month,day,y\n1,30,5\n1,31,6\n2,1,7\n")
    #expect(
      dataError { () throws(DataError) in try Series(table: table) }?.description.contains("no column holds the year")
        == true)
  }

  @Test func `named as a count are counted`() throws {
    #expect(try axis(["202301", "202302", "202303"], name: "No").frequency.description == "index")
    // Sizes, not the first months of a year.
    #expect(try axis(["1-10", "1-11", "1-12"], name: "size").frequency.description == "index")
    var options = Series.Options()
    options.countsRows = true
    let table = try Table(csv: "date,y\nsoon,5\nlater,6\n")
    #expect(try Series(table: table, options: options).times.text(at: 2) == "3")
  }
}
