import RealModule
import RefrainData

/// A forecast of a series by one simple method, to compare with.
package struct SimpleForecast: Sendable {
  /// The method.
  package enum Method: Sendable {
    /// The last value, repeated.
    case naive
    /// The last season, repeated.
    case seasonalNaive
    /// Exponential smoothing, of the form with the smallest error that its number of coefficients allows for (AICc).
    case exponentialSmoothing
    /// The Theta method on the series without its season.
    case theta
  }

  /// A step: a forecast, and bounds for four truths in five.
  package struct Point: Sendable {
    package var median: Double
    package var lower: Double
    package var upper: Double

    package init(median: Double, lower: Double, upper: Double) {
      (self.median, self.lower, self.upper) = (median, lower, upper)
    }
  }

  package let points: [Point]

  /// The forecast of what follows a series. Bounds are those of normal errors as large as the method's own in the past:
  /// growing with the root of the seasons for the naive methods, with the root of steps for the others.
  package init(_ method: Method, of series: Series, horizon: Int, season: Int) {
    let values = series.values
    let simple = SimpleSeries(
      values, scaler: Scaler(mean: 0, deviation: 1), horizon: horizon, season: season, longSeason: nil)
    let period = values.count >= 2 * season ? season : 1
    let path: [Double]
    var errors: [Double]
    var repeats = 1
    switch method {
    case .naive:
      path = simple.forecasts(.naive, at: [values.count])[0]
      errors = zip(values.dropFirst(), values).map { $0 - $1 }
    case .seasonalNaive:
      path = simple.forecasts(season > 1 ? .seasonalNaive : .naive, at: [values.count])[0]
      errors = zip(values.dropFirst(season), values).map { $0 - $1 }
      repeats = season
    case .exponentialSmoothing:
      let model = ExponentialSmoothing(choosing: values, season: season)
      path = model.forecasts(of: values, at: [values.count], horizon: horizon)[0]
      errors = zip(values, model.fitted(values)).map { $0 - $1 }
    case .theta:
      path = simple.forecasts(.theta, at: [values.count])[0]
      let indices = period > 1 ? seasonalIndices(values, period: period, isMultiplicative: false) : [0]
      let adjusted = values.enumerated().map { $1 - indices[$0 % indices.count] }
      errors = zip(adjusted, Theta(fitting: adjusted).fitted(adjusted)).map { $0 - $1 }
    }
    errors = errors.filter(\.isFinite)
    let spread = (errors.reduce(0) { $0 + $1 * $1 } / Double(max(errors.count, 1))).squareRoot()
    points = path.enumerated().map { step, value in
      let width = 1.281_551_6 * spread * Double(step / repeats + 1).squareRoot()
      return Point(median: value, lower: value - width, upper: value + width)
    }
  }
}

extension ExponentialSmoothing {
  /// The form with the smallest error that its number of coefficients allows for (AICc), learned from a series.
  ///
  /// - Parameter season: 1 for none.
  init(choosing values: some RandomAccessCollection<Double>, season: Int) {
    let values = Array(values)
    let period = values.count >= 2 * season ? season : 1
    let seasons: [Season] =
      period > 1
      ? (values.allSatisfy { !($0 <= 0) } ? [.none, .additive, .multiplicative] : [.none, .additive]) : [.none]
    var best: (criterion: Double, model: ExponentialSmoothing)?
    for trend in [Trend.none, .damped, .additive] {
      for kind in seasons {
        let model = ExponentialSmoothing(
          fitting: values, .init(trend: trend, season: kind, period: kind == .none ? 1 : period))
        let criterion = model.criterion(values)
        if criterion.isFinite, criterion < best?.criterion ?? .infinity { best = (criterion, model) }
      }
    }
    self = best?.model ?? ExponentialSmoothing(fitting: values, .init())
  }

  /// Akaike's criterion for few observations, up to a constant: the smaller, the better the form.
  func criterion(_ values: [Double]) -> Double {
    let errors = zip(values, fitted(values)).map { $0 - $1 }.filter { !$0.isNaN }
    let count = Double(errors.count)
    let squares = errors.reduce(0) { $0 + $1 * $1 }
    var parameters = 3.0
    if form.trend != .none { parameters += form.trend == .damped ? 3 : 2 }
    if form.season != .none { parameters += Double(form.period) }
    if form.longPeriod != nil { parameters += 2 }
    guard count > parameters + 1 else { return .infinity }
    return count * .log(max(squares, .leastNormalMagnitude)) + 2 * parameters
      + 2 * parameters * (parameters + 1) / (count - parameters - 1)
  }
}

extension Forecaster {
  /// The steps that are forecast by default.
  package static func horizon(for series: Series, _ configuration: Configuration) throws(ForecastError) -> Int {
    try ForecastPlan(series, configuration).horizon
  }

  /// The season that is taken by default.
  package static func season(for series: Series, _ configuration: Configuration) throws(ForecastError) -> Int {
    try ForecastPlan(series, configuration).season
  }
}
