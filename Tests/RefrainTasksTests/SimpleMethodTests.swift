import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

/// Numbers of statsmodels and statsforecast, made by Tests/Fixtures/make_forecasts.py.
private struct ForecastFixture: Decodable {
  struct Smoothing: Decodable {
    var trend: ExponentialSmoothing.Trend
    var season: ExponentialSmoothing.Season
    var fitted: [Double]
    var forecast: [Double]
  }
  struct Stretched: Decodable {
    var alpha: Double, theta: Double, level: Double
    var fitted: [Double]
    var forecast: [Double]
  }
  var values: [Double]
  var period: Int
  var level: Double, slope: Double
  var additive: [Double], multiplicative: [Double]
  var smoothing: [Smoothing]
  var theta: [Stretched]

  static func read() throws -> ForecastFixture {
    let path = Repository.root.appending(path: "Tests/Fixtures/forecasts.json")
    return try JSONDecoder().decode(ForecastFixture.self, from: Data(contentsOf: path))
  }
}

private func close(_ some: [Double], _ others: [Double]) -> Bool {
  some.count == others.count && zip(some, others).allSatisfy { abs($0 - $1) < 1e-7 * max(1, abs($1)) }
}

@Suite("Simple methods") struct SimpleMethodTests {
  @Test("Exponential smoothing gives the numbers of statsmodels and statsforecast for the same coefficients")
  func smoothing() throws {
    let fixture = try ForecastFixture.read()
    #expect(fixture.smoothing.count == 8)
    for wanted in fixture.smoothing {
      let form = ExponentialSmoothing.Form(trend: wanted.trend, season: wanted.season, period: fixture.period)
      var coefficients = ExponentialSmoothing.Coefficients()
      coefficients.level = 0.35
      if wanted.trend != .none { coefficients.trend = 0.04 }
      if wanted.trend == .damped { coefficients.damping = 0.93 }
      if wanted.season != .none { coefficients.season = 0.2 }
      let season: [Double] =
        switch wanted.season {
        case .none: []
        case .additive: fixture.additive
        case .multiplicative: fixture.multiplicative
        }
      let model = ExponentialSmoothing(
        form: form, coefficients: coefficients,
        initial: .init(
          level: fixture.level, trend: wanted.trend == .none ? 0 : fixture.slope, season: season, longSeason: []))
      #expect(close(model.fitted(fixture.values), wanted.fitted), "\(form)")
      let end = fixture.values.count
      let forecast = model.forecasts(of: fixture.values, at: [end], horizon: wanted.forecast.count)[0]
      #expect(close(forecast, wanted.forecast), "\(form)")
    }
  }

  @Test("Theta gives the numbers of statsforecast for the same coefficients")
  func theta() throws {
    let fixture = try ForecastFixture.read()
    for wanted in fixture.theta {
      let model = Theta(alpha: wanted.alpha, theta: wanted.theta, initialLevel: wanted.level)
      #expect(close(model.fitted(fixture.values), wanted.fitted))
      #expect(close(model.forecast(continuing: fixture.values, horizon: wanted.forecast.count), wanted.forecast))
    }
  }

  @Test(
    "Learned coefficients make smaller errors than their neighbors",
    arguments: [
      ExponentialSmoothing.Form(), .init(trend: .damped), .init(trend: .additive, season: .additive, period: 12),
      .init(trend: .damped, season: .multiplicative, period: 12),
    ])
  func learned(form: ExponentialSmoothing.Form) {
    let values = Series.airline.values
    let model = ExponentialSmoothing(fitting: values, form)
    func loss(_ model: ExponentialSmoothing) -> Double {
      zip(values, model.fitted(values)).dropFirst(3).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    let own = loss(model)
    for change in [-0.08, 0.08] {
      var other = model
      other.coefficients.level = min(max(model.coefficients.level + change, 0.01), 0.99)
      // The prior and the bound on outliers move the best point: the loss here is the plain one.
      #expect(own < 1.05 * loss(other))
    }
    var still = model
    still.coefficients.level = 0.02
    #expect(own < loss(still) * 1.001)
  }
}
