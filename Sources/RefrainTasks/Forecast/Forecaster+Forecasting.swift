import Refrain
import RefrainData

extension Forecaster {
  /// All ways to forecast, for the end of a series.
  private func ways(_ memory: SeriesMemory) -> ForecastWays {
    let values = withoutOutliers(memory.values, season: plan.season)
    let windows = ForecastWindows(
      values, covariates: memory.covariates, firstPosition: memory.firstPosition, plan: plan, scaler: scaler,
      covariateScalers: covariateScalers)
    var ways = ForecastWays(windows, plan: plan, values: values)
    ways.linear = linear
    ways.networks = hasNetwork ? [(0, forecastNetwork)] : []
    return ways
  }

  /// What comes after the series that the forecaster was trained on, or after a newer one.
  ///
  /// - Parameters:
  ///   - series: A series of the same frequency with the same covariates; nil is the one trained on.
  ///   - levels: The shares of truths that intervals are to hold, in percent, besides 80.
  /// - Throws: ``ForecastError`` when the series does not fit, is shorter than ``context``, or is negative where the
  ///   forecaster takes logarithms, or when the forecast is beyond all numbers.
  public func forecast(continuing series: Series? = nil, levels: [Double] = []) throws(ForecastError) -> Forecast {
    let memory =
      try series.map { series throws(ForecastError) in try self.memory.replaced(by: series, plan: plan, scaler: scaler)
      }
      ?? self.memory
    let ways = ways(memory)
    let end = [memory.values.count]
    let wanted = [0.1, 0.5, 0.9] + levels.flatMap { [0.5 - $0 / 200, 0.5 + $0 / 200] }
    let quantiles =
      combination.map { ways.quantiles($0, at: end, levels: wanted)[0] }
      ?? ways.windows.quantiles(forecastNetwork, after: end)[0]
    guard quantiles.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
      throw ForecastError(
        "the forecast is beyond all numbers: the model is damaged or does not fit the series; train it anew")
    }
    return Forecast(
      history: Array(zip(memory.times, memory.values)).map { (time: $0.0, value: $0.1) },
      points: zip(memory.futureTimes, quantiles).map { time, quantile in
        var point = Forecast.Point(time: time, median: quantile[1], p10: quantile[0], p90: quantile[2])
        if combination != nil {
          point.intervals = levels.enumerated().map { number, level in
            Forecast.Interval(level: level, lower: quantile[3 + 2 * number], upper: quantile[4 + 2 * number])
          }
        }
        return point
      })
  }

  /// The errors on the last horizons of a series, each forecast from what came before it.
  ///
  /// - Parameter series: A series of the same frequency with the same covariates, which was not trained on.
  /// - Throws: ``ForecastError`` when the series does not fit, is too short, or is negative where the forecaster takes
  ///   logarithms.
  func backtest(on series: Series) throws(ForecastError) -> Backtest {
    let position = try memory.replaced(by: series, plan: plan, scaler: scaler).origin(of: series)
    try SeriesMemory.check(series.values, of: series, from: 0, scaler: scaler)
    let first = max(plan.context, plan.season)
    let folds = min(10, (series.count - first) / plan.horizon)
    guard folds > 0 else {
      throw ForecastError(
        "\(series.place)the series has \(series.count) rows, and to forecast \(plan.horizon) of them from the "
          + "\(first) before takes \(first + plan.horizon)", remedy: "give more rows")
    }
    let ends = (0..<folds).map { series.count - (folds - $0) * plan.horizon }
    let values = withoutOutliers(Array(series.values[..<ends[0]]), season: plan.season) + series.values[ends[0]...]
    let windows = ForecastWindows(
      values, covariates: series.covariates.map(\.values), firstPosition: position, plan: plan, scaler: scaler,
      covariateScalers: covariateScalers)
    var ways = ForecastWays(windows, plan: plan, values: values)
    ways.linear = linear
    ways.networks = hasNetwork ? [(0, forecastNetwork)] : []
    let quantiles =
      combination.map { ways.quantiles($0, at: ends) } ?? windows.quantiles(forecastNetwork, after: ends)
    return Backtest(series, quantiles: quantiles, plan: plan)
  }
}

extension ForecastWays {
  /// The quantiles of a combination in the unit of the series, in the order of the levels, `[ends][horizon][levels]`.
  func quantiles(
    _ combination: Combination, at ends: [Int], levels: [Double] = [0.1, 0.5, 0.9]
  ) -> [[[Double]]] {
    let members = combination.members.map { member in
      forecasts(member.name, at: ends) ?? simple.forecasts(simple.season > 1 ? .seasonalNaive : .naive, at: ends)
    }
    return ends.indices.map { row in
      combination.path(of: members.map { $0[row] }).enumerated().map { step, value in
        levels.map { level in windows.unscaled(value + combination.calibration.offset(level, step: step)) }
      }
    }
  }

  /// The name of a way for people.
  static func title(_ name: String, cell: String) -> String {
    switch name {
    case network: "network (\(cell.uppercased()))"
    case zeroShot: "pretrained network"
    default: SimpleMethod(rawValue: name)?.title ?? name
    }
  }
}
