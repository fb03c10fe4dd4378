import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

@Suite("Short, constant and bounded series") struct ShortSeriesTests {
  private func season(_ count: Int) -> [Double] { (0..<count).map { 50 + 10 * sin(Double($0) * 2 * .pi / 52) } }

  @Test(
    "Few rows get the naive forecast with an interval that is not narrower than its errors", arguments: [3, 5])
  func few(count: Int) throws {
    let values = (0..<count).map { 100 + Double($0 * 37 % 11) }
    let forecaster = try Forecaster.train(on: Series(name: "x", values: values))
    #expect(forecaster.isNaive)
    #expect(forecaster.notes.first?.contains("\(count) rows are too few") == true)
    let points = try forecaster.forecast().points
    #expect(points.count == max(1, count / 5))
    let steps = zip(values.dropFirst(), values).map { abs($0 - $1) }
    let typical = (steps.reduce(0) { $0 + $1 * $1 } / Double(steps.count)).squareRoot()
    for point in points {
      #expect(abs(point.median - values.last!) < 1e-3)
      #expect(point.p90 - point.median > typical && point.median - point.p10 > 0)
    }
    #expect(zip(points.dropFirst(), points).allSatisfy { $0.p90 - $0.p10 >= $1.p90 - $1.p10 })
  }

  @Test("Ten rows and more are forecast with the simple methods, within what was seen", arguments: [10, 20, 36, 40])
  func short(count: Int) throws {
    let values = (0..<count).map { 100 + Double($0 * 37 % 11) }
    let forecaster = try Forecaster.train(on: Series(name: "x", values: values))
    #expect(!forecaster.isNaive && !forecaster.hasNetwork && !forecaster.methods.isEmpty)
    #expect(abs(forecaster.methods.reduce(0) { $0 + $1.weight } - 1) < 1e-9)
    for point in try forecaster.forecast().points {
      // Whole numbers that repeat are known for sure.
      #expect((100...110).contains(point.median) && point.p10 <= point.median && point.median <= point.p90)
    }
  }

  @Test("Three years of months keep their season")
  func threeYears() throws {
    func truth(_ month: Int) -> Double {
      let wave: Double = sin(Double(month) * .pi / 6)
      return 200 + 2 * Double(month) + 50 * wave
    }
    let values = (0..<36).map(truth)
    let series = Series(name: "x", values: values, times: TimeAxis(monthlyFrom: 2020, month: 1, count: 36))
    let forecaster = try Forecaster.train(on: series)
    #expect(forecaster.season == 12 && forecaster.notes.isEmpty)
    for (step, point) in try forecaster.forecast().points.enumerated() {
      let error: Double = abs(point.median - truth(36 + step))
      #expect(error < 15)
    }
  }

  @Test("Two seasons of few rows are repeated, not the last value alone")
  func fewSeasons() throws {
    let values = (0..<21).map { Double([5, 9, 7, 3, 8, 20, 30][$0 % 7]) + Double($0) * 0.01 }
    var configuration = Forecaster.Configuration()
    configuration.season = 7
    let forecaster = try Forecaster.train(on: Series(name: "x", values: values), configuration: configuration)
    let points = try forecaster.forecast().points
    for (step, point) in points.enumerated() { #expect(abs(point.median - values[14 + step % 7]) < 1) }
  }

  @Test("A year of weeks is forecast without a season, and says so")
  func yearOfWeeks() throws {
    let csv =
      "week,v\n"
      + season(52).enumerated().map { number, value in
        let day = Calendar(identifier: .gregorian).date(
          byAdding: .day, value: 7 * number, to: Date(timeIntervalSince1970: 1_672_617_600))!
        return "\(day.ISO8601Format().prefix(10)),\(value)\n"
      }.joined()
    let forecaster = try Forecaster.train(on: Series(table: Table(csv: csv)))
    #expect(forecaster.frequency == "weekly")
    #expect(forecaster.season == 1)
    #expect(
      try forecaster.forecast().points.allSatisfy { $0.p10 <= $0.median && $0.median <= $0.p90 && $0.median.isFinite })
  }

  @Test("A season longer than the rows can show is not assumed, and the rest is forecast without it")
  func longSeason() throws {
    let values = (0..<60).map { 100 + Double($0 * 37 % 11) }
    var configuration = Forecaster.Configuration()
    configuration.season = 40
    let forecaster = try Forecaster.train(on: Series(name: "x", values: values), configuration: configuration)
    #expect(forecaster.season == 1 && !forecaster.isNaive)
    #expect(forecaster.notes.contains { $0.contains("too few to learn a season of 40 from") })
  }

  @Test("Too few rows are refused with how many it takes, and that many are enough", arguments: [(2, 1), (60, 30)])
  func tooFew(count: Int, horizon: Int) throws {
    func series(_ count: Int) -> Series { Series(name: "x", values: (0..<count).map { 100 + Double($0 * 37 % 11) }) }
    var configuration = Forecaster.Configuration()
    configuration.horizon = horizon
    let error = #expect(throws: ForecastError.self) {
      try Forecaster.train(on: series(count), configuration: configuration)
    }
    #expect(error?.description.contains("1 backtest fold needs \(2 * horizon + 1);") == true)
    let forecaster = try Forecaster.train(on: series(2 * horizon + 1), configuration: configuration)
    #expect(try forecaster.forecast().points.count == horizon)
  }

  @Test("A constant series goes on as it was, and can be saved", arguments: [0, 42, -7.5])
  func constant(value: Double) throws {
    let forecaster = try Forecaster.train(on: Series(name: "x", values: Array(repeating: value, count: 60)))
    #expect(try forecaster.forecast().points.allSatisfy { $0.p10 == value && $0.median == value && $0.p90 == value })
    let path = temporaryPath(".safetensors")
    defer { try? FileManager.default.removeItem(atPath: path) }
    try forecaster.save(to: path)
    #expect(try Forecaster(contentsOf: path).forecast().points == forecaster.forecast().points)
    #expect(try Forecaster(contentsOf: path).isNaive)
  }

  @Test("What never was negative is not forecast to be")
  func nonnegative() throws {
    let counts = (0..<300).map { Double([0, 0, 1, 0, 3, 0, 0, 2][$0 * 7 % 8]) }
    var configuration = Forecaster.Configuration()
    configuration.hiddenSize = 4
    configuration.epochs = 2
    let points = try Forecaster.train(on: Series(name: "x", values: counts), configuration: configuration).forecast()
      .points
    #expect(points.allSatisfy { $0.p10 >= 0 && $0.median >= 0 })
    let shifted = counts.map { $0 - 1 }
    let free = try Forecaster.train(on: Series(name: "x", values: shifted), configuration: configuration).forecast()
      .points
    #expect(free.contains { $0.p10 < 0 })
  }

  @Test("A model that takes logarithms refuses a negative value, and names its row")
  func negativeForLogarithms() throws {
    func table(_ sign: Double) throws -> Series {
      let rows = (0..<96).map { month in
        let value = sign * Foundation.exp(Double(month) / 40) * (100 + 30 * sin(Double(month) * .pi / 6))
        let number = month % 12 + 1
        return "\(2010 + month / 12)-\(number < 10 ? "0" : "")\(number),\(value)\n"
      }
      return try Series(table: Table(csv: "month,v\n" + rows.joined(), file: "f.csv"))
    }
    var configuration = Forecaster.Configuration()
    configuration.hiddenSize = 4
    configuration.epochs = 2
    let forecaster = try Forecaster.train(on: table(1), configuration: configuration)
    #expect(forecaster.scaler.transform != .identity)
    let error = #expect(throws: ForecastError.self) { try forecaster.forecast(continuing: table(-1)) }
    #expect(error?.description.contains(/f\.csv: row \d+, column v: -\d+.* is negative/) == true)
    #expect(forecaster.wasTrained(on: try table(1)))
    #expect(!forecaster.wasTrained(on: try table(1).prefix(90)))
  }

  @Test("Errors of the library name no flags of a command")
  func words() throws {
    var configuration = Forecaster.Configuration()
    configuration.horizon = 12
    configuration.context = 24
    let short = Series(name: "x", values: (0..<20).map(Double.init))
    let error = #expect(throws: ForecastError.self) { try Forecaster.train(on: short, configuration: configuration) }
    #expect(error?.setting == .sizes)
    #expect(error?.description.contains("--") == false)
  }
}
