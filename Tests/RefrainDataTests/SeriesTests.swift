import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@Suite struct `A series` {
  @Test(.enabled(if: RealData.isThere, RealData.missing))
  func `bundled with the library is the airline file to the last value`() throws {
    let file = try Series(contentsOf: RealData.path("airline-passengers.csv"))
    #expect(Series.airline.values == file.values)
    #expect(Series.airline.name == file.name)
    #expect(Series.airline.times == file.times)
  }

  @Test func `bundled with the library sums to 40,363 over 144 months`() {
    #expect(Series.airline.count == 144)
    #expect(Series.airline.values.reduce(0, +) == 40_363)
    #expect(Series.airline.times.text(at: 0) == "1949-01")
    #expect(Series.airline.times.text(at: 144) == "1961-01")
  }

  private let csv = "date,a,b,c,note\n2020-01-01,1,5,7,x\n2020-01-02,2,6,9,y\n2020-01-03,3,8,8,z\n"

  @Test func `takes the last column of numbers unless told otherwise`() throws {
    let series = try Series(table: Table(csv: csv), covariates: ["b"])
    #expect(series.name == "c")
    #expect(series.values == [7, 9, 8])
    #expect(series.covariates == [Series.Covariate(name: "b", values: [5, 6, 8])])
    #expect(series.frequency.description == "daily")
    #expect(try Series(table: Table(csv: csv), target: "a", time: "date").values == [1, 2, 3])
    #expect(try Series(table: Table(csv: csv), covariates: ["c"]).name == "b")
  }

  @Test(
    arguments: [
      ("d", nil, [], DataError.Code.noSuchColumn), ("a", "a", [], .columnUsedTwice),
      ("a", nil, ["b", "b"], .columnUsedTwice),
      ("note", nil, [], .notANumber), ("a", "note", [], .notATime),
    ] as [(String, String?, [String], DataError.Code)])
  func `refuses columns that cannot be`(target: String, time: String?, beside: [String], code: DataError.Code) throws {
    let table = try Table(csv: csv)
    let error = dataError { () throws(DataError) in
      try Series(table: table, target: target, time: time, covariates: beside)
    }
    #expect(error?.code == code)
  }

  @Test func `reads a constant column and refuses a table without numbers`() throws {
    let constant = try Table(csv: "date,a\n2020-01-01,4\n2020-01-02,4\n", file: "f.csv")
    #expect(try Series(table: constant).values == [4, 4])
    let words = try Table(csv: "date,a\n2020-01-01,x\n2020-01-02,y\n")
    #expect(dataError { () throws(DataError) in try Series(table: words) }?.code == .noNumericColumn)
  }

  @Test func `takes a target of a few bad fields by default and names the first of them`() throws {
    let table = try Table(csv: "date,a\n2020-01-01,1\n2020-01-02,n/a?\n2020-01-03,3\n")
    #expect(dataError { () throws(DataError) in try Series(table: table) }?.row == 3)
  }

  @Test func `keeps its beginning`() {
    let year = Series.airline.prefix(12)
    #expect(year.values == Array(Series.airline.values[..<12]))
    #expect(year.times.count == 12)
    #expect(year.times.text(at: 12) == "1950-01")
  }
}

@Suite struct `The season` {
  private func wave(_ period: Double, _ count: Int) -> [Double] {
    (0..<count).map { sin(Double($0) * 2 * .pi / period) }
  }

  @Test func `of the airline series is a year, confirmed and found`() {
    #expect(detectSeason(Series.airline.values, candidates: [12]) == 12)
    #expect(detectSeason(Series.airline.values) == 12)
    #expect(detectSeason(Series.airline.values, candidates: [7]) == 1)
  }

  @Test(arguments: [0, 0.3, 0.6])
  func `of a wave of period 25 is found under a trend and noise`(level: Double) {
    let noise = noise(400)
    let values = wave(25, 400).enumerated().map { $1 + level * noise[$0] + 0.05 * Double($0) }
    #expect(detectSeason(values) == 25)
    #expect(detectSeason(values, candidates: [25]) == 25)
    #expect(detectSeason(values, candidates: [12]) == 1)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `of white noise or of a random walk is none`(seed: UInt64) {
    let steps = noise(600, seed: seed)
    #expect(detectSeason(steps) == 1)
    #expect(detectSeason(steps, candidates: [12, 24]) == 1)
    var level = 0.0
    let walk = steps.map { step in
      level += step
      return level
    }
    #expect(detectSeason(walk, candidates: [12, 24]) == 1)
  }

  @Test func `of a short or constant series is none`() {
    #expect(detectSeason([]) == 1)
    #expect(detectSeason([1, 2, 1, 2]) == 1)
    #expect(detectSeason([Double](repeating: 3, count: 100)) == 1)
    #expect(detectSeason([Double](repeating: 3, count: 100), candidates: [12]) == 1)
  }

  @Test(
    .enabled(if: RealData.isThere, RealData.missing),
    arguments: [
      ("ETTh1.csv", [24], 24), ("ETTh1.csv", [], 24), ("monthly-sunspots.csv", [12], 1),
      ("daily-min-temperatures.csv", [7], 1), ("daily-min-temperatures.csv", [7, 365], 365),
    ])
  func `of real series is what it is known to be`(file: String, candidates: [Int], season: Int) throws {
    let series = try Series(contentsOf: RealData.path(file))
    #expect(detectSeason(series.values, candidates: candidates) == season)
  }
}

@Suite struct `A scaler` {
  @Test func `brings values to mean 0 and deviation 1 and back`() {
    let values = Series.airline.values
    for logarithm in [false, true] {
      let scaler = Scaler.fit(on: values, logarithm: logarithm)
      let scaled = scaler.scale(values)
      let mean = scaled.reduce(0, +) / 144
      let variance = scaled.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 144
      #expect(abs(mean) < 1e-12)
      #expect(abs(variance - 1) < 1e-12)
      #expect(zip(scaler.unscale(scaled), values).allSatisfy { abs($0 - $1) < 1e-9 })
      #expect((scaler.transform != .identity) == logarithm)
    }
  }

  @Test func `takes no logarithm of what may be negative and survives zeros`() {
    #expect(Scaler.fit(on: [-1, 1, 2], logarithm: true).transform == .identity)
    let scaler = Scaler.fit(on: [0, 10, 20, 1000], logarithm: true)
    #expect(abs(scaler.unscale(scaler.scale(0))) < 1e-12)
    #expect(scaler.scale(1000).isFinite)
  }

  @Test(arguments: [0, 5, 0.1, -1e300, 1e-300])
  func `does not divide by zero when all values are the same`(value: Double) {
    for logarithm in [false, true] {
      let scaler = Scaler.fit(on: [value, value, value], logarithm: logarithm)
      #expect(abs(scaler.scale(value)) < 1e-9)
      #expect(abs(scaler.unscale(0) - value) <= 1e-9 * abs(value))
      #expect(scaler.scale(value + 1).isFinite)
    }
  }

  @Test func `survives values near the largest Double`() {
    let scaler = Scaler.fit(on: [1e308, -1e308, 1e308])
    #expect(scaler.scale(1e308).isFinite)
  }

  @Test func `is the same after JSON`() throws {
    let scaler = Scaler.fit(on: Series.airline.values, logarithm: true)
    let data = try JSONEncoder().encode(scaler)
    #expect(try JSONDecoder().decode(Scaler.self, from: data) == scaler)
  }
}
