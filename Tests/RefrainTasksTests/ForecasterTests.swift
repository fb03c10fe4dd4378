import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainTasks

/// A small, quick configuration.
private func quick(_ change: (inout Forecaster.Configuration) -> Void = { _ in }) -> Forecaster.Configuration {
  var configuration = Forecaster.Configuration()
  configuration.hiddenSize = 8
  configuration.epochs = 2
  configuration.seed = 1
  change(&configuration)
  return configuration
}

private func noise(_ count: Int, seed: UInt64) -> [Double] {
  var generator = RandomGenerator(seed: seed)
  return (0..<count).map { _ in Double(generator.normal()) }
}

@Suite("Forecaster") struct ForecasterTests {
  @Test("The airline series' last year is forecast with a third of the seasonal-naive error")
  func airline() throws {
    let errors = try (1...3).map { seed in
      var configuration = Forecaster.Configuration()
      configuration.seed = UInt64(seed)
      return try #require(try Forecaster.train(on: .airline, configuration: configuration).backtest)
    }
    #expect(abs(errors[0].seasonalNaive.smape - 10.57) < 0.01)
    #expect(errors.allSatisfy { $0.folds == 1 && $0.betterBaseline == nil })
    #expect(errors.map(\.smape).sorted()[1] <= 5)
    #expect(errors.map(\.mase).sorted()[1] < 0.75)
  }

  @Test("Defaults come from the data: horizon one season, context two")
  func defaults() throws {
    let forecaster = try Forecaster.train(on: .airline, configuration: quick())
    #expect(forecaster.horizon == 12)
    #expect(forecaster.season == 12)
    #expect(forecaster.context == 24)
    #expect(forecaster.frequency == "monthly")
    let forecast = try forecaster.forecast()
    #expect(forecast.points.map(\.time).first == "1961-01")
    #expect(forecast.points.map(\.time).last == "1961-12")
    #expect(forecast.points.allSatisfy { $0.p10 <= $0.median && $0.median <= $0.p90 })
  }

  @Test("The same seed gives the same forecast, another seed another")
  func seeds() throws {
    let one = try Forecaster.train(on: .airline, configuration: quick()).forecast().points
    let same = try Forecaster.train(on: .airline, configuration: quick()).forecast().points
    let other = try Forecaster.train(on: .airline, configuration: quick { $0.seed = 2 }).forecast().points
    #expect(one == same)
    #expect(one != other)
  }

  @Test("What comes after the held-out boundary has no influence on the forecasts of the backtest")
  func noLeak() throws {
    // One fold: change the last horizon beyond recognition; what is forecast for it must not move.
    let values = Series.airline.values
    var changed = values
    for index in values.count - 12..<values.count { changed[index] = 5 * values[index] + 1000 }
    func heldOutForecast(_ values: [Double]) throws -> [[[Double]]] {
      let series = Series(name: "x", values: values, times: Series.airline.times)
      let plan = try ForecastPlan(series, quick { $0.folds = 1 })
      var generator = RandomGenerator(seed: 1)
      let windows = ForecastWindows(series, training: values.count - 12, plan: plan)
      var network = ForecastNetwork(plan, featureCount: windows.featureCount, using: &generator)
      let training = ForecastTraining(
        places: [(windows: windows, limit: values.count - 12)], epochs: 2, plan: plan)
      _ = try training.run(&network, progress: { _, _ in })
      return windows.quantiles(network, after: [values.count - 12])
    }
    #expect(try heldOutForecast(values) == heldOutForecast(changed))
  }

  @Test("Before training the network is the seasonal-naive forecast, or the naive one where that is closer")
  func startsNaive() throws {
    for (series, season) in [(Series.airline, 12), (Series(name: "walk", values: walk(300)), 1)] {
      let plan = try ForecastPlan(series, quick { $0.season = season })
      var generator = RandomGenerator(seed: 1)
      let windows = ForecastWindows(series, training: series.count, plan: plan)
      let network = ForecastNetwork(plan, featureCount: windows.featureCount, using: &generator)
      let end = series.count - 5
      let forecast = windows.quantiles(network, after: [end])[0].map { $0[1] }
      for (step, value) in forecast.enumerated() {
        let expected = series.values[end - season + step % season]
        #expect(abs(value - expected) < 1e-3 * max(1, abs(expected)))
      }
    }
  }

  private func walk(_ count: Int) -> [Double] {
    noise(count, seed: 5).reduce(into: [100]) { $0.append($0.last! + $1) }
  }

  @Test("A saved forecaster forecasts the same to the last bit, and remembers its backtest")
  func saving() throws {
    let path = temporaryPath(".safetensors")
    defer { try? FileManager.default.removeItem(atPath: path) }
    let covariate = Series.Covariate(name: "other", values: noise(144, seed: 3))
    let series = Series(
      name: "passengers", values: Series.airline.values, times: Series.airline.times, covariates: [covariate])
    for cell in ["lstm", "gru", "rnn"] {
      let forecaster = try Forecaster.train(
        on: series,
        configuration: quick {
          $0.cell = cell
          $0.layers = 2
        })
      try forecaster.save(to: path)
      let loaded = try Forecaster(contentsOf: path)
      #expect(try loaded.forecast().points == forecaster.forecast().points)
      #expect(try loaded.forecast(continuing: series).points == forecaster.forecast().points)
      #expect(loaded.backtest == forecaster.backtest)
      #expect(loaded.training == forecaster.training)
      #expect(loaded.covariates == ["other"])
    }
  }

  @Test("A cell that takes the last column for something else than a value is refused, by its name")
  func cellOfAnotherKind() {
    let error = #expect(throws: ForecastError.self) {
      try Forecaster.train(on: .airline, configuration: quick { $0.cell = "t-lstm" })
    }
    #expect(error?.description.contains("'t-lstm' takes the last column for the time since") == true)
  }

  @Test("A forecaster continues a newer series, on the same phase of the calendar")
  func continuing() throws {
    let series = Series.airline
    let forecaster = try Forecaster.train(on: series.prefix(132), configuration: quick())
    let later = try forecaster.forecast(continuing: series)
    #expect(later.points[0].time == "1961-01")
    #expect(try forecaster.forecast().points[0].time == "1960-01")
    #expect(throws: ForecastError.self) { try forecaster.forecast(continuing: series.prefix(10)) }
    #expect(throws: ForecastError.self) {
      try forecaster.forecast(continuing: Series(name: "index", values: series.values))
    }
  }

  @Test("A covariate that runs ahead of the target is used")
  func covariates() throws {
    let leading = noise(400, seed: 11)
    // The target repeats the covariate twelve steps later, so all of the horizon is in the context.
    let values = (0..<400).map { $0 < 12 ? 0 : leading[$0 - 12] }
    let alone = Series(name: "y", values: values)
    let informed = Series(name: "y", values: values, covariates: [.init(name: "x", values: leading)])
    func error(_ series: Series) throws -> Double {
      var configuration = Forecaster.Configuration()
      configuration.horizon = 4
      configuration.season = 1
      configuration.context = 24
      configuration.epochs = 40
      return try #require(try Forecaster.train(on: series, configuration: configuration).backtest).mase
    }
    let (without, with) = (try error(alone), try error(informed))
    #expect(with < 0.75 * without)
  }

  @Test("Scale and sign of a series do not matter")
  func scales() throws {
    let wave = (0..<200).map { 10 * sin(Double($0) * 2 * .pi / 12) + noise(200, seed: 4)[$0] }
    var errors: [Double] = []
    for (factor, offset) in [(1.0, 0.0), (1e9, 0.0), (1e-9, 0.0), (1.0, -1e4), (-1.0, 50.0)] {
      let series = Series(name: "wave", values: wave.map { factor * $0 + offset })
      let forecaster = try Forecaster.train(on: series, configuration: quick { $0.season = 12 })
      let backtest = try #require(forecaster.backtest)
      #expect(try forecaster.forecast().points.allSatisfy { $0.median.isFinite && $0.p10.isFinite && $0.p90.isFinite })
      errors.append(backtest.mase)
    }
    #expect(errors.max()! < 1.1 * errors.min()!)
  }

  @Test("A series too short for what is asked is refused with what it needs")
  func tooShort() {
    let series = Series(name: "short", values: (0..<20).map(Double.init))
    let error = #expect(throws: ForecastError.self) {
      try Forecaster.train(on: series, configuration: quick { $0.horizon = 12 })
    }
    #expect(error?.description.contains("20 rows") == true)
    #expect(error?.description.contains("\n") == false)
  }

  @Test("Stopped at once there is no result; stopped later there is one that says it is incomplete")
  func cancellation() throws {
    let error = #expect(throws: ForecastError.self) {
      try Forecaster.train(on: .airline, configuration: quick(), shouldStop: { true })
    }
    #expect(error?.description.contains("interrupted") == true)
    for stop in [3, 50, 51] {
      let epochs = Atomic<Int>(0)
      let forecaster = try Forecaster.train(
        on: .airline, configuration: quick { $0.epochs = 50 },
        progress: { _, _ in epochs.wrappingAdd(1, ordering: .relaxed) },
        shouldStop: { epochs.load(ordering: .relaxed) >= stop })
      #expect(!forecaster.isComplete)
      #expect(forecaster.training.epochs == stop)
      #expect(try forecaster.forecast().points.count == 12)
    }
  }

  @Test(
    "Real series are forecast better than the seasonal-naive way",
    .enabled(if: RealData.isThere, RealData.missing))
  func realSeries() throws {
    for (file, target) in [("daily-min-temperatures.csv", "Temp"), ("ETTh1.csv", "OT")] {
      var configuration = Forecaster.Configuration()
      configuration.horizon = 24
      configuration.hiddenSize = 16
      configuration.epochs = 2
      configuration.context = 48
      let series = try Series(contentsOf: RealData.path(file), target: target).prefix(4000)
      let backtest = try #require(try Forecaster.train(on: series, configuration: configuration).backtest)
      #expect(backtest.mase < backtest.seasonalNaive.mase)
    }
  }
}
