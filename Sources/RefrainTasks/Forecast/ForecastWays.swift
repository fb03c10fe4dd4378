import RefrainData

/// All ways to forecast a series, ready to be asked for a forecast from any of its rows.
struct ForecastWays: Sendable {
  /// The name of what is no ``SimpleMethod``.
  static let network = "network"

  let windows: ForecastWindows
  var simple: SimpleSeries
  /// The coefficients of the linear method, where they are learned already.
  var linear: LinearForecast?
  /// The networks that may be asked, each from the row on up to which it was trained.
  var networks: [(from: Int, network: ForecastNetwork)] = []

  init(_ windows: ForecastWindows) {
    let plan = windows.plan
    self.windows = windows
    simple = SimpleSeries(
      windows.cleaned, observed: windows.observed, scaler: windows.scaler, horizon: plan.horizon, season: plan.season,
      longSeason: plan.longSeason)
  }

  /// The forecasts of one way, scaled, `[ends][horizon]`; nil where it cannot be asked. Before an end with too little
  /// for a simple method stands the last value, repeated.
  func forecasts(_ name: String, at ends: [Int]) -> [[Double]]? {
    switch name {
    case Self.network: networkForecasts(at: ends)
    case SimpleMethod.linear.rawValue:
      ends.first ?? 0 < windows.plan.context ? nil : linear.map { LinearMethod(windows).forecasts($0, at: ends) }
    case SimpleMethod.pretrained.rawValue:
      SimpleSeries.hasPretrained(from: ends.first ?? 0) ? simple.forecasts(.pretrained, at: ends) : nil
    default: SimpleMethod(rawValue: name).flatMap { simpleForecasts($0, at: ends) }
    }
  }

  private func simpleForecasts(_ method: SimpleMethod, at ends: [Int]) -> [[Double]]? {
    let able = ends.filter { simple.methods(from: $0).contains(method) }
    guard !able.isEmpty else { return nil }
    let forecasts = simple.forecasts(method, at: able)
    guard able.count < ends.count else { return forecasts }
    let known = Dictionary(zip(able, forecasts)) { first, _ in first }
    return zip(ends, simple.forecasts(.naive, at: ends)).map { known[$0] ?? $1 }
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
    contest.truths = origins.ends.map { end in
      // What is missing did not come.
      zip(end..., origins.truth(values, after: end)).map { windows.isObserved($0) ? $1 : .nan }
    }
    let first = origins.ends.first ?? simple.values.count
    let pretrained = SimpleMethod.pretrained.rawValue
    if windows.plan.isZeroShot == true, let paths = forecasts(pretrained, at: origins.ends) {
      contest.forecasts.append((pretrained, paths))
      return contest
    }
    for method in simple.methods(from: first, within: origins.limit) where method != .linear {
      contest.forecasts.append((method.rawValue, simple.forecasts(method, at: origins.ends)))
    }
    if withLinear, let all = LinearMethod(windows).forecasts(at: origins.ends),
      let best = all.indices.min(by: { contest.error(all[$0]) < contest.error(all[$1]) })
    {
      contest.forecasts.append((SimpleMethod.linear.rawValue, all[best]))
      contest.penalty = LinearMethod.penalties[best]
    }
    if let paths = forecasts(Self.network, at: origins.ends) { contest.forecasts.append((Self.network, paths)) }
    contest.forecasts.removeAll { !$0.paths.allSatisfy { $0.allSatisfy(\.isFinite) } }
    return contest
  }
}
