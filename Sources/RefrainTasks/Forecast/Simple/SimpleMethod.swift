import RefrainData

/// A way to continue a series without a network.
enum SimpleMethod: String, Codable, Sendable, CaseIterable {
  case naive, seasonalNaive, longSeasonalNaive, drift, seasonalMean
  case smoothing, dampedTrend, linearTrend
  case seasonalSmoothing, seasonalDampedTrend, seasonalTrend, multiplicativeSeason
  case doubleSeason
  case theta, stretchedTheta
  case linear
  /// The network that comes with the library, which learned from made-up series.
  case pretrained

  /// No more values than this are learned from.
  static let reach = 4000

  /// What reports call it.
  var title: String {
    switch self {
    case .naive: "last value"
    case .seasonalNaive: "last season"
    case .longSeasonalNaive: "last long season"
    case .drift: "drift"
    case .seasonalMean: "mean of seasons"
    case .smoothing: "ETS level"
    case .dampedTrend: "ETS damped trend"
    case .linearTrend: "ETS trend"
    case .seasonalSmoothing: "ETS season"
    case .seasonalDampedTrend: "ETS damped trend and season"
    case .seasonalTrend: "ETS trend and season"
    case .multiplicativeSeason: "ETS multiplicative season"
    case .doubleSeason: "ETS two seasons"
    case .theta: "Theta"
    case .stretchedTheta: "Theta stretched"
    case .linear: "linear"
    case .pretrained: "pretrained network"
    }
  }
}

/// What the simple methods are told of a series: its values, brought to a scale on which they move evenly.
struct SimpleSeries: Sendable {
  /// Scaled values, outliers taken out, the oldest first.
  let values: [Double]
  /// The same in the unit of the series.
  let raw: [Double]
  /// Which of them were observed; empty for all. The others stand for what they most likely were.
  let observed: [Bool]
  let scaler: Scaler
  let horizon: Int
  /// 1 for none.
  let season: Int
  /// A longer season, such as the week in hours; nil for none.
  let longSeason: Int?
  /// Forecasts of the pretrained network that are known already, in the unit of the series, by the row they begin at.
  var pretrained: [Int: [Double]] = [:]

  /// - Parameter values: Outliers are taken out of them already.
  init(
    _ values: [Double], observed: [Bool] = [], scaler: Scaler, horizon: Int, season: Int, longSeason: Int?
  ) {
    raw = values
    self.observed = observed
    self.values = scaler.scale(raw)
    self.scaler = scaler
    self.horizon = horizon
    self.season = season
    self.longSeason = longSeason
  }

  /// The methods that make sense for the series when the first forecast is made from `first` values.
  ///
  /// - Parameter limit: The values that are known when a method is chosen; nil is the first ones.
  func methods(from first: Int, within limit: Int? = nil) -> [SimpleMethod] {
    var methods: [SimpleMethod] = [.naive]
    let isPositive = raw.prefix(limit ?? first).allSatisfy { $0 > 0 }
    if first >= 6 { methods += [.drift, .smoothing, .dampedTrend] }
    if first >= 10 { methods += [.linearTrend, .theta, .stretchedTheta] }
    guard season > 1 else { return methods }
    if first >= season { methods.append(.seasonalNaive) }
    if first >= 2 * season + 2 {
      methods += [.seasonalMean, .seasonalSmoothing, .seasonalDampedTrend, .seasonalTrend]
      if isPositive, scaler.transform == .identity { methods.append(.multiplicativeSeason) }
    }
    if let longSeason, first >= 2 * longSeason + 2 { methods += [.longSeasonalNaive, .doubleSeason] }
    return methods
  }

  /// The forecasts of a method from the ends given in rising order, each of what came before it alone,
  /// `[ends][horizon]`.
  ///
  /// Coefficients are learned anew on the way as often as that costs little.
  func forecasts(_ method: SimpleMethod, at ends: [Int]) -> [[Double]] {
    switch method {
    case .naive: ends.map { end in Array(repeating: values[end - 1], count: horizon) }
    case .seasonalNaive: ends.map { repeated(season, $0) }
    case .longSeasonalNaive: ends.map { repeated(longSeason ?? season, $0) }
    case .drift: ends.map(drift)
    case .seasonalMean: ends.map(seasonalMean)
    case .smoothing: smoothed(.init(), ends)
    case .dampedTrend: smoothed(.init(trend: .damped), ends)
    case .linearTrend: smoothed(.init(trend: .additive), ends)
    case .seasonalSmoothing: smoothed(.init(season: .additive, period: season), ends)
    case .seasonalDampedTrend: smoothed(.init(trend: .damped, season: .additive, period: season), ends)
    case .seasonalTrend: smoothed(.init(trend: .additive, season: .additive, period: season), ends)
    case .multiplicativeSeason:
      smoothed(.init(trend: .damped, season: .multiplicative, period: season), ends)
    case .doubleSeason:
      smoothed(.init(season: .additive, period: season, longPeriod: longSeason, hasErrorFeedback: true), ends)
    case .theta: thetas(2, ends)
    case .stretchedTheta: thetas(1.5, ends)
    case .linear: []
    case .pretrained: pretrainedForecasts(at: ends)
    }
  }

  private func repeated(_ season: Int, _ end: Int) -> [Double] {
    (0..<horizon).map { values[end - season + $0 % season] }
  }

  /// The straight line through the first and the last value, of at most the newest 4 horizons or seasons.
  private func drift(_ end: Int) -> [Double] {
    let span = min(end - 1, max(4 * horizon, 4 * season, 10))
    let slope = (values[end - 1] - values[end - 1 - span]) / Double(span)
    return (1...horizon).map { values[end - 1] + Double($0) * slope }
  }

  /// Each place of the season as it was on average in the newest three or so, on the level of the last season.
  private func seasonalMean(_ end: Int) -> [Double] {
    let count = min(end / season, 4)
    let means = (0..<count).map { number in
      let start = end - (number + 1) * season
      return values[start..<start + season].reduce(0, +) / Double(season)
    }
    return (0..<horizon).map { step in
      let place = step % season
      return means[0]
        + (0..<count).reduce(0) { $0 + values[end - ($1 + 1) * season + place] - means[$1] } / Double(count)
    }
  }

  /// The ends grouped so that all of a group take the coefficients learned before its first.
  private func groups(_ ends: [Int], cost: Int) -> [ArraySlice<Int>] {
    guard let last = ends.last else { return [] }
    let fits = max(1, min(ends.count, cost / max(last, 1)))
    let size = (ends.count + fits - 1) / fits
    return stride(from: 0, to: ends.count, by: size).map { ends[$0..<min($0 + size, ends.count)] }
  }

  private func smoothed(_ form: ExponentialSmoothing.Form, _ ends: [Int]) -> [[Double]] {
    let isRaw = form.season == .multiplicative
    var source = isRaw ? raw : values
    // A recurrence knows what to do with a value that is not there.
    for row in observed.indices where !observed[row] { source[row] = .nan }
    // Of a long series the newest part, from a whole number of seasons before the end.
    let whole = form.longPeriod ?? form.period
    return groups(ends, cost: 12_000).flatMap { group in
      let skipped = max(0, group[group.startIndex] - SimpleMethod.reach) / whole * whole
      let model = ExponentialSmoothing(fitting: source[skipped..<group[group.startIndex]], form)
      let known = Array(source[skipped..<group[group.endIndex - 1]])
      let forecasts = model.forecasts(of: known, at: group.map { $0 - skipped }, horizon: horizon)
      return isRaw ? forecasts.map(scaler.scale) : forecasts
    }
  }

  private func thetas(_ theta: Double, _ ends: [Int]) -> [[Double]] {
    groups(ends, cost: 12_000).flatMap { group in
      let first = group[group.startIndex]
      let skipped = max(0, first - SimpleMethod.reach / 2) / season * season
      let isSeasonal = season > 1 && first - skipped >= 2 * season
      var model: Theta?
      return group.map { end in
        let known = Array(values[skipped..<end])
        let indices =
          isSeasonal ? seasonalIndices(known, period: season, isMultiplicative: false) : [0]
        let adjusted = known.enumerated().map { $1 - indices[$0 % indices.count] }
        let fitted = model ?? Theta(fitting: Array(adjusted.prefix(first - skipped)), theta: theta)
        model = fitted
        return fitted.forecast(continuing: adjusted, horizon: horizon).enumerated().map {
          $1 + indices[(end - skipped + $0) % indices.count]
        }
      }
    }
  }
}
