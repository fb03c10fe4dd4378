import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

private func noise(_ count: Int, seed: UInt64) -> [Double] {
  var generator = RandomGenerator(seed: seed)
  return (0..<count).map { _ in Double(generator.normal()) }
}

@Suite("Forecasts that are never foolish") struct RobustForecastTests {
  @Test("After a shift of its level a series is forecast where it stands", arguments: [12, 40])
  func shift(since: Int) throws {
    let noise = noise(240, seed: 3)
    let values = (0..<240).map { (row: Int) -> Double in
      let level: Double = row < 240 - since ? 100 : 660
      return level + 10 * noise[row]
    }
    let points = try Forecaster.train(on: Series(name: "x", values: values)).forecast().points
    for point in points { #expect(abs(point.median - 660) < 60, "\(point)") }
  }

  @Test("One outlier, however large, does not carry the forecast away", arguments: [100, 235, 238])
  func outlier(place: Int) throws {
    let noise = noise(240, seed: 4)
    var values = (0..<240).map { (row: Int) -> Double in
      let wave: Double = sin(Double(row) * .pi / 6)
      return 500 + 50 * wave + 10 * noise[row]
    }
    values[place] = 1e9
    let points = try Forecaster.train(on: Series(name: "x", values: values)).forecast().points
    for point in points { #expect((380...620).contains(point.median) && point.p90 < 1000, "\(point)") }
  }

  @Test("What is far from the others and alone is an outlier; what is common, or stands beside another, is none")
  func outliers() {
    var values = (0..<60).map { 10 + Double($0 * 7 % 5) }
    #expect(withoutOutliers(values, season: 1) == values)
    values[30] = 1000
    let cleaned = withoutOutliers(values, season: 1)
    #expect(cleaned[30] < 20 && cleaned[29] == values[29])
    values[31] = 1000
    #expect(withoutOutliers(values, season: 1) == values)
    let bursts = (0..<60).map { $0 % 6 == 0 ? 100.0 : Double($0 % 3) }
    #expect(withoutOutliers(bursts, season: 1) == bursts)
  }

  @Test("A series that stood still and begins to move at its end has an interval as wide as its moves")
  func begins() throws {
    let values = Array(repeating: 5.0, count: 30) + [6, 8]
    for point in try Forecaster.train(on: Series(name: "x", values: values)).forecast().points {
      #expect(point.p90 - point.p10 >= 2 && point.p10 < point.median && point.median < point.p90, "\(point)")
    }
  }

  @Test("Errors since a series moves count; those of one that always moved, or hardly ever does, count all")
  func moving() {
    func moving(_ errors: [Double]) -> [Double] {
      Combination.sinceMoving(errors.map { [$0] }, ends: Array(errors.indices), least: 1e-9).flatMap(\.self)
    }
    #expect(moving([0, 0, 0, 1, 2]).map(\.isNaN) == [true, true, true, false, false])
    #expect(moving([1, 0, 0, 1, 2]) == [1, 0, 0, 1, 2])
    #expect(moving([0, 0, 1, 0, 0, 0, 1]) == [0, 0, 1, 0, 0, 0, 1])
    #expect(moving([0, 0, 0]) == [0, 0, 0])
    // Two steps of each end: what counts is the row they were for.
    let paths = Combination.sinceMoving([[0, 0], [0, 3], [2, 1]], ends: [4, 5, 6], least: 1e-9)
    #expect(paths[0].allSatisfy(\.isNaN) && paths[1][0].isNaN && paths[1][1] == 3 && paths[2] == [2, 1])
  }

  @Test("One outlier in the past does not make every error look small, and the report says what it is measured by")
  func scale() throws {
    let noise = noise(96, seed: 9)
    var values = (0..<96).map { (row: Int) -> Double in 50 + 10 * Double(row % 12) + 3 * noise[row] }
    let monthly = { (values: [Double]) in
      Series(name: "x", values: values, times: TimeAxis(monthlyFrom: 2000, month: 1, count: values.count))
    }
    let plain = Backtest.scale(monthly(values), within: 84, season: 12)
    #expect(!plain.isWithoutOutliers)
    var own = 0.0
    for row in 12..<84 { own += abs(values[row] - values[row - 12]) / 72 }
    #expect(abs(plain.value - own) < 1e-9)
    values[20] = 1e9
    let mended = Backtest.scale(monthly(values), within: 84, season: 12)
    #expect(mended.isWithoutOutliers && abs(mended.value / plain.value - 1) < 0.2)
    var configuration = Forecaster.Configuration()
    configuration.isZeroShot = true
    let forecaster = try Forecaster.train(on: monthly(values), configuration: configuration)
    #expect(try #require(forecaster.backtest).mase > 0.1)
    #expect(forecaster.notes.contains { $0.hasPrefix("MASE is scaled without the outliers") })
  }

  @Test("What is only ever no or yes, or one of a few steps, is forecast as one of them; a count may go beyond")
  func scales() {
    func bounds(_ values: [Double]) -> ForecastBounds { ForecastBounds(values, isPercentage: false) }
    let binary = bounds((0..<40).map { $0 * 7 % 5 < 3 ? 1 : 0 })
    #expect(binary.highest == 1 && binary.lowest == 0 && binary(1.7) == 1 && binary(-0.6) == 0 && binary(0.4) == 0)
    // Ratings from 1 to 5.
    let ratings = bounds((0..<60).map { Double(1 + $0 * 7 % 5) })
    #expect(ratings.lowest == 1 && ratings.highest == 5)
    #expect(bounds((0..<60).map { Double($0 % 3 - 1) }).lowest == -1)
    // Every third or so, rarely more: such a count may be larger tomorrow.
    let counts = bounds((0..<200).map { $0 % 50 == 7 ? 4 : Double($0 % 3) })
    #expect(counts.highest == nil && counts.lowest == 0)
    // A number that grows, a step a year, has not reached an end.
    #expect(bounds((0..<120).map { Double($0 / 12) }).highest == nil)
  }

  @Test("Of draws of known processes the interval of 80 % holds about four in five")
  func coverage() throws {
    var (inside, all) = (0, 0)
    for seed in 0..<24 {
      let shocks = noise(140, seed: UInt64(seed) + 50)
      var value = 0.0
      let values = (0..<140).map { index in
        value = 0.6 * value + shocks[index]
        return 50 + value + 5 * sin(Double(index) * .pi / 6)
      }
      let series = Series(name: "x", values: values, times: TimeAxis(monthlyFrom: 2000, month: 1, count: 140))
      var configuration = Forecaster.Configuration()
      configuration.horizon = 6
      configuration.epochs = 1
      configuration.hiddenSize = 2
      let points = try Forecaster.train(on: series.prefix(134), configuration: configuration).forecast().points
      for (point, truth) in zip(points, values[134...]) {
        inside += point.p10 <= truth && truth <= point.p90 ? 1 : 0
        all += 1
      }
    }
    #expect((0.7...0.95).contains(Double(inside) / Double(all)), "\(inside) of \(all)")
  }

  @Test("Intervals of random walks hold four in five at every step, though some horizons leave theirs for good")
  func steps() {
    let (limit, horizon, count) = (300, 12, 200)
    var inside = [Int](repeating: 0, count: horizon)
    var few = 0
    let origins = RollingOrigins(limit: limit, horizon: horizon, least: 50)
    for seed in 0..<count {
      var values = [0.0]
      for shock in noise(limit + horizon, seed: UInt64(seed) + 500) { values.append(values[values.count - 1] + shock) }
      let errors = origins.ends.map { end in
        (end..<min(end + horizon, limit)).map { values[$0] - values[end - 1] }
      }
      let calibration = IntervalCalibration(
        errors: errors, horizon: horizon, spacing: limit - origins.ends[0], least: 1e-9)
      let bounds = (calibration.score(0.1), calibration.score(0.9))
      let isInside = (0..<horizon).map { step in
        let error = (values[limit + step] - values[limit - 1]) / calibration.spreads[step]
        return bounds.0 <= error && error <= bounds.1
      }
      for step in 0..<horizon where isInside[step] { inside[step] += 1 }
      few += Double(isInside.count { $0 }) < 0.55 * Double(horizon) ? 1 : 0
    }
    for number in inside { #expect((0.74...0.9).contains(Double(number) / Double(count)), "\(inside)") }
    #expect((0.05...0.25).contains(Double(few) / Double(count)), "\(few) of \(count)")
  }

  @Test("Intervals of other levels lie within each other, and are asked for in percent")
  func levels() throws {
    let forecaster = try Forecaster.train(on: Series.airline.prefix(60))
    let points = try forecaster.forecast(levels: [50, 80, 95]).points
    for point in points {
      #expect(point.intervals.map(\.level) == [50, 80, 95])
      let (half, most) = (point.intervals[0], point.intervals[2])
      #expect(point.intervals[1].lower == point.p10 && point.intervals[1].upper == point.p90)
      #expect(most.lower < point.p10 && point.p10 < half.lower && half.upper < point.p90 && point.p90 < most.upper)
    }
    let line = try JSON(encoding: points[0]).line
    #expect(line.contains(#""lower95":"#) && line.contains(#""upper50":"#))
    #expect(try ForecastRequest(["levels": ["95, 50"]]).levels == [50, 95])
    #expect(throws: OptionError.self) { try ForecastRequest(["levels": ["120"]]) }
  }
}

@Suite("Many series") struct ManySeriesTests {
  private func table(_ rows: Int) throws -> Table {
    var csv = "month,store,sales\n"
    for (number, store) in ["a", "b", "c"].enumerated() {
      let noise = noise(rows, seed: UInt64(number))
      for row in 0..<rows {
        let month = row % 12 + 1
        let wave: Double = sin(Double(row) * .pi / 6)
        let value: Double = Double(number + 1) * (100 + 20 * wave + 3 * noise[row])
        csv += "\(2010 + row / 12)-\(month < 10 ? "0" : "")\(month),\(store),\(value)\n"
      }
    }
    return try Table(csv: csv)
  }

  private func configuration() -> Forecaster.Configuration {
    var configuration = Forecaster.Configuration()
    (configuration.hiddenSize, configuration.epochs, configuration.horizon) = (4, 2, 6)
    return configuration
  }

  @Test("One model forecasts all of them, each on its own scale, the same after saving")
  func all() throws {
    let all = try Series.all(in: table(72), options: Series.Options())
    let forecaster = try Forecaster.train(on: all, configuration: configuration())
    #expect(forecaster.seriesIDs == ["a", "b", "c"])
    let forecasts = try forecaster.forecasts()
    for (number, forecast) in forecasts.enumerated() {
      #expect(forecast.points.allSatisfy { $0.id == all[number].id })
      for point in forecast.points { #expect(abs(point.median / Double(number + 1) - 100) < 35) }
    }
    let again = try Forecaster(modelFile: SafeTensorsFile(bytes: forecaster.modelFile().bytes()))
    #expect(try again.forecasts().flatMap(\.points) == forecasts.flatMap(\.points))
    #expect(again.backtest == forecaster.backtest && again.backtest != nil)
    // One alone, without a file.
    var one = ForecastRequest()
    one.reading.only = "b"
    #expect(try again.predict([], one) == forecasts[1].points)
    one.reading.only = "bb"
    #expect(throws: TaskError.self) { try again.predict([], one) }
    // Given again, and one that was never seen.
    #expect(try again.predict(all, ForecastRequest()) == forecasts.flatMap(\.points))
    let other = Series(name: "sales", values: all[1].values.map { $0 * 10 }, times: all[1].times)
    for point in try again.forecast(continuing: other).points { #expect(abs(point.median / 20 - 100) < 35) }
  }

  @Test("A series too short for the network is forecast with the rest of them")
  func shortOne() throws {
    let all = try Series.all(in: table(72), options: Series.Options())
    let forecaster = try Forecaster.train(
      on: [all[0], all[1].prefix(5), all[2].prefix(20)], configuration: configuration())
    #expect(
      try forecaster.forecasts().allSatisfy { $0.points.allSatisfy { $0.p10 <= $0.median && $0.median <= $0.p90 } })
  }

  @Test("Series of different frequencies are refused together")
  func frequencies() throws {
    let all = [Series.airline, Series(name: "x", values: (0..<100).map(Double.init))]
    let error = #expect(throws: ForecastError.self) { try Forecaster.train(on: all, configuration: configuration()) }
    #expect(error?.description.contains("one frequency") == true)
  }

  @Test("A model of several series refuses one that it never saw and that is of another frequency")
  func otherFrequency() throws {
    var configuration = Forecaster.Configuration()
    configuration.isZeroShot = true
    let forecaster = try Forecaster.train(
      on: Series.all(in: table(48), options: Series.Options()), configuration: configuration)
    let other = Series(name: "sales", values: (0..<60).map(Double.init))
    let error = #expect(throws: ForecastError.self) { try forecaster.forecast(continuing: other) }
    #expect(error?.description.contains("the model was trained on one that is monthly") == true)
    #expect(throws: ForecastError.self) { try forecaster.evaluate(on: [other], ForecastRequest()) }
  }

  @Test("Each is measured where two seasons lie before what is forecast, and every step counts")
  func evaluation() throws {
    var configuration = Forecaster.Configuration()
    (configuration.horizon, configuration.isZeroShot) = (9, true)
    let all = try Series.all(in: table(48), options: Series.Options())
    let forecaster = try Forecaster.train(on: all, configuration: configuration)
    #expect(forecaster.season == 12 && forecaster.evaluation?.examples == 27)
    let evaluation = try forecaster.evaluate(on: all, ForecastRequest())
    #expect(evaluation.examples == 54)
    #expect(evaluation.measures.allSatisfy { $0.value.isFinite })
  }
}
