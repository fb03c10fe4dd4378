import RefrainData

/// All ways to forecast a series, ready to be asked for a forecast from any of its rows.
struct ForecastWays: Sendable {
  /// The names of what is no ``SimpleMethod``.
  static let network = "network", zeroShot = "zeroShot"

  let windows: ForecastWindows
  let simple: SimpleSeries
  /// The coefficients of the linear method, where they are learned already.
  var linear: LinearForecast?
  /// The networks that may be asked, each from the row on up to which it was trained.
  var networks: [(from: Int, network: ForecastNetwork)] = []
  let zeroShot: ZeroShotNetwork?

  init(_ windows: ForecastWindows, plan: ForecastPlan, values: [Double]) {
    self.windows = windows
    simple = SimpleSeries(
      values, scaler: windows.scaler, horizon: plan.horizon, season: plan.season, longSeason: plan.longSeason,
      isClean: true)
    zeroShot = nil
  }

  /// The forecasts of one way, scaled, `[ends][horizon]`; nil where it cannot be asked.
  func forecasts(_ name: String, at ends: [Int]) -> [[Double]]? {
    switch name {
    case Self.network: networkForecasts(at: ends)
    case Self.zeroShot:
      zeroShot.map { network in
        network.forecasts(
          continuing: ends.map { Array(simple.values[..<$0]) }, season: simple.season, horizon: simple.horizon
        )
        .map { $0.map { $0[ZeroShotNetwork.quantiles.count / 2] } }
      }
    case SimpleMethod.linear.rawValue:
      linear.map { LinearMethod(windows).forecasts($0, at: ends) }
    default: SimpleMethod(rawValue: name).map { simple.forecasts($0, at: ends) }
    }
  }

  private func networkForecasts(at ends: [Int]) -> [[Double]]? {
    guard !networks.isEmpty, let first = ends.first, first >= windows.plan.context else { return nil }
    var result: [[Double]] = []
    for (number, (from, network)) in networks.enumerated() {
      let next = number + 1 < networks.count ? networks[number + 1].from : Int.max
      let own = ends.filter { (number == 0 || $0 >= from) && $0 < next }
      if !own.isEmpty { result += windows.medians(network, after: own) }
    }
    return result
  }

  /// The ways that are best on rolling origins, with their weights.
  func chosen(_ origins: RollingOrigins, withLinear: Bool) -> Combination {
    let usual: [SimpleMethod] =
      simple.season > 1
      ? [.seasonalNaive, .seasonalSmoothing, .seasonalDampedTrend, .theta] : [.naive, .smoothing, .theta]
    return Combination(
      contest(origins, withLinear: withLinear), usual: Set(usual.map(\.rawValue)), least: windows.leastSpread)
  }

  /// What all ways forecast from rolling origins, to be compared with what came.
  func contest(_ origins: RollingOrigins, withLinear: Bool = true) -> Combination.Contest {
    var contest = Combination.Contest(origins: origins, truths: [])
    let values = windows.scaler.scale(simple.raw)
    contest.truths = origins.ends.map { Array(origins.truth(values, after: $0)) }
    for method in simple.methods(from: origins.ends.first ?? simple.values.count) where method != .linear {
      contest.forecasts.append((method.rawValue, simple.forecasts(method, at: origins.ends)))
    }
    if withLinear, let all = LinearMethod(windows).forecasts(at: origins.ends),
      let best = all.indices.min(by: { contest.error(all[$0]) < contest.error(all[$1]) })
    {
      contest.forecasts.append((SimpleMethod.linear.rawValue, all[best]))
      contest.penalty = LinearMethod.penalties[best]
    }
    for name in [Self.network, Self.zeroShot] {
      if let paths = forecasts(name, at: origins.ends) { contest.forecasts.append((name, paths)) }
    }
    contest.forecasts.removeAll { !$0.paths.allSatisfy { $0.allSatisfy(\.isFinite) } }
    return contest
  }
}
