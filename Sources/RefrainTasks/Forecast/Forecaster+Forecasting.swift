import Refrain
import RefrainData

extension Forecaster {
  /// The end of a series as the network sees it, outliers taken out.
  func windows(_ memory: SeriesMemory, of member: ForecastMember, barriers: [Int] = []) -> ForecastWindows {
    windows(
      SeriesPast(memory, values: withoutOutliers(memory.values, season: plan.season)), of: member,
      firstPosition: memory.firstPosition, barriers: barriers)
  }

  func windows(
    _ past: SeriesPast, of member: ForecastMember, firstPosition: Int, training: Int? = nil, barriers: [Int] = []
  ) -> ForecastWindows {
    var bounds = member.bounds ?? ForecastBounds()
    if member.bounds == nil, plan.isNonnegative == true { bounds.lowest = 0 }
    return ForecastWindows(
      past, plan: plan, scaler: member.scaler, covariateScalers: member.covariateScalers, effects: member.effects,
      bounds: bounds, channel: plan.channel(of: member.id), firstPosition: firstPosition, training: training,
      barriers: barriers)
  }

  /// All ways to forecast, for the end of a series.
  ///
  /// - Parameter barriers: Rows before which forecasts begin.
  func ways(_ memory: SeriesMemory, of member: ForecastMember, barriers: [Int] = []) -> ForecastWays {
    var ways = ForecastWays(windows(memory, of: member, barriers: barriers))
    ways.linear = linear
    ways.networks = hasNetwork ? [(0, forecastNetwork)] : []
    return ways
  }

  /// What is known of a series: of one among several, by its name; of one that was not among them, found from itself.
  ///
  /// - Throws: ``ForecastError`` for one that was not among them and is not like them.
  func member(for series: Series) throws(ForecastError) -> ForecastMember {
    guard members.count > 1 else { return members[0] }
    if let own = members.first(where: { $0.id == series.id }) { return own }
    try members[0].memory.checkFit(series, plan: plan)
    // A cold start: the network knows such series, and the other ways learn from this one.
    let plan = plan.shortened(for: series)
    let windows = ForecastWindows(series, training: series.count, plan: plan)
    let memory = SeriesMemory(series, plan: plan)
    var ways = ForecastWays(windows)
    ways.networks = hasNetwork ? [(0, forecastNetwork)] : []
    return ForecastMember(
      id: series.id, scaler: windows.scaler, covariateScalers: windows.covariateScalers, memory: memory,
      bounds: windows.bounds, effects: windows.effects,
      combination: ways.chosen(plan.rollingOrigins(limit: series.count), withLinear: false), backtest: nil)
  }

  /// What a member would remember of a newer series. Among several a short one is forecast by ways that need little.
  func memory(of series: Series, for member: ForecastMember) throws(ForecastError) -> SeriesMemory {
    try member.memory.replaced(
      by: series, plan: plan, scaler: member.scaler, least: members.count > 1 ? 1 : plan.context)
  }

  /// What comes after each of the series that the forecaster was trained on.
  public func forecasts(levels: [Double] = [], samples: Int = 0) throws(ForecastError) -> [Forecast] {
    try members.map { member throws(ForecastError) in try forecast(of: member, levels: levels, samples: samples) }
  }

  /// What comes after one of the series that the forecaster was trained on.
  func forecast(of member: ForecastMember, levels: [Double], samples: Int) throws(ForecastError) -> Forecast {
    try TaskError.checkCancellation()
    return try forecast(member.memory, of: member, levels: levels, samples: samples)
  }

  /// What is known of the series of a name.
  ///
  /// - Parameter name: What the series is called; nil for all.
  /// - Throws: ``ForecastError`` when there is none of this name.
  func members(called name: String?) throws(ForecastError) -> [ForecastMember] {
    let chosen = name.map { name in members.filter { ($0.id ?? seriesName) == name } } ?? members
    guard !chosen.isEmpty else {
      let names = members.map { $0.id ?? seriesName }
      throw ForecastError(
        "the forecaster was trained on no series \((name ?? "").debugDescription)",
        remedy: nearestName(to: name ?? "", among: names).map { "did you mean \($0.debugDescription)?" }
          ?? "there \(names.count == 1 ? "is" : "are") \(names.prefix(12).joined(separator: ", "))")
    }
    return chosen
  }

  /// What comes after the series that the forecaster was trained on, or after a newer one.
  ///
  /// - Parameters:
  ///   - series: A series of the same frequency with the same covariates; nil is the one trained on.
  ///   - levels: The shares of truths that intervals are to hold, in percent, besides 80.
  ///   - samples: How many paths of the future are drawn, from 0 to 10,000, of a horizon above 1,000 steps fewer:
  ///     ``Forecast/samples``, `[samples][horizon]`.
  ///     They follow from the training's seed. The distribution of a sum over the horizon, or of its greatest value, is
  ///     that of the sums of the paths, or of their greatest values.
  /// - Throws: ``ForecastError`` when the series does not fit, is shorter than ``context`` of the only series, or is
  ///   negative where the forecaster takes logarithms, or when the forecast is beyond all numbers.
  public func forecast(
    continuing series: Series? = nil, levels: [Double] = [], samples: Int = 0
  ) throws(ForecastError) -> Forecast {
    guard let series else { return try forecast(memory, of: members[0], levels: levels, samples: samples) }
    let member = try member(for: series)
    return try forecast(memory(of: series, for: member), of: member, levels: levels, samples: samples)
  }

  private func forecast(
    _ memory: SeriesMemory, of member: ForecastMember, levels: [Double], samples: Int
  ) throws(ForecastError) -> Forecast {
    // A long horizon has fewer paths, so that all of them have room.
    let most = min(Self.mostSamples, 10_000_000 / plan.horizon)
    guard (0...most).contains(samples) else {
      throw ForecastError(
        "\(samples) sample paths of \(plan.horizon) steps cannot be drawn", remedy: "ask for 1 to \(most)")
    }
    try memory.checkFuture(plan)
    let ways = ways(memory, of: member)
    let count = memory.values.count
    // A network that stands alone, as in a checkpoint of its first training, cannot be asked for less than a context.
    let combination =
      member.combination
      ?? (count < plan.context ? ways.chosen(plan.rollingOrigins(limit: count), withLinear: false) : nil)
    let end = [count]
    var wanted = [0.1, 0.5, 0.9]
    for level in levels { wanted += [0.5 - level / 200, 0.5 + level / 200] }
    let quantiles =
      combination.map { ways.quantiles($0, at: end, levels: wanted)[0] }
      ?? ways.windows.quantiles(forecastNetwork, after: end)[0]
    guard quantiles.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
      throw ForecastError(
        "the forecast is beyond all numbers: the model is damaged or does not fit the series; train it anew")
    }
    return Forecast(
      id: members.count > 1 ? member.id : nil,
      history: Array(zip(memory.times, memory.values)).map { (time: $0.0, value: $0.1) },
      points: zip(memory.futureTimes, quantiles).map { time, quantile in
        var point = Forecast.Point(
          time: time, median: quantile[1], p10: quantile[0], p90: quantile[2])
        point.id = members.count > 1 ? member.id : nil
        point.intervals = levels.enumerated().map { number, level in
          guard combination == nil else {
            return Forecast.Interval(level: level, lower: quantile[3 + 2 * number], upper: quantile[4 + 2 * number])
          }
          // The network alone says 80 %; other intervals are as much wider as those of normal errors.
          let width = normalQuantile(0.5 + level / 200) / normalQuantile(0.9)
          return Forecast.Interval(
            level: level, lower: ways.windows.bounds(point.median - width * (point.median - point.p10)),
            upper: ways.windows.bounds(point.median + width * (point.p90 - point.median)))
        }
        return point
      },
      samples: self.samples(samples, of: ways, combination, network: quantiles, id: member.id))
  }

  /// The errors on the last horizons of a series, each forecast from what came before it.
  ///
  /// - Parameter series: A series of the same frequency with the same covariates, which was not trained on.
  /// - Throws: ``ForecastError`` when the series does not fit, is too short, or is negative where the forecaster takes
  ///   logarithms.
  func backtest(on series: Series) throws(ForecastError) -> Backtest {
    let member = try member(for: series)
    let (scaler, combination) = (member.scaler, member.combination)
    let position = try memory(of: series, for: member).origin(of: series)
    try SeriesMemory.check(series.values, of: series, from: 0, scaler: scaler)
    let first = max(plan.context, plan.season)
    // From less than two seasons the ways cannot tell one, and there is nothing to scale errors by.
    let enough = max(plan.context, 2 * plan.season)
    let most = max((series.count - enough) / plan.horizon, min(1, (series.count - first) / plan.horizon))
    let folds = min(10, most)
    guard folds > 0 else {
      throw ForecastError(
        "\(series.place)the series has \(series.count) rows, and to forecast \(plan.horizon) of them from the "
          + "\(first) before takes \(first + plan.horizon)", remedy: "give more rows")
    }
    let ends = (0..<folds).map { series.count - (folds - $0) * plan.horizon }
    let values = withoutOutliers(Array(series.values[..<ends[0]]), season: plan.season) + series.values[ends[0]...]
    let windows = windows(
      SeriesPast(series, values: values), of: member, firstPosition: position, training: ends[0], barriers: ends)
    var ways = ForecastWays(windows)
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
      forecasts(member.name, at: ends) ?? simple.forecasts(.naive, at: ends)
    }
    let calibration = combination.calibration
    let scores = levels.map(calibration.score)
    return ends.indices.map { row in
      combination.path(of: members.map { $0[row] }).enumerated().map { step, value in
        scores.map { windows.unscaled(value + calibration.spreads[step] * $0, at: ends[row] + step) }
      }
    }
  }

  /// The name of a way for people.
  static func title(_ name: String, cell: String) -> String {
    switch name {
    case network: "network (\(cell.uppercased()))"
    default: SimpleMethod(rawValue: name)?.title ?? name
    }
  }
}
