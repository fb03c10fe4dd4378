import RealModule
import Refrain
import RefrainData

/// A series as the network sees it: scaled, with its covariates and the waves of longer periods beside it, cut into
/// windows. The scalers are fitted on the training part alone.
///
/// The features of a step, in this order: the series; each covariate; each that is known ahead, as it is one horizon
/// later; the channel, one of all; the waves; and, where values are missing, whether this one is there and how long ago
/// one was.
struct ForecastWindows: Sendable {
  let plan: ForecastPlan
  let scaler: Scaler
  let covariateScalers: [Scaler]
  /// The scaled series, and the other features step by step: the memory of `[count, featureCount]`.
  private let features: [Float]
  /// The scaled series as the past alone knows it at each missing value; empty where nothing is missing.
  private let carried: [Float]
  /// Which values were observed; empty for all.
  let observed: [Bool]
  let count: Int
  let featureCount: Int
  /// The series in its unit, outliers of the training part taken out, missing values put in, without the effects of
  /// what is known ahead.
  let cleaned: [Double]
  /// What one unit of each covariate that is known ahead adds to the scaled series.
  let effects: [Double]?
  /// What all of them together add, for each row and for those after the last.
  private let lifts: [Double]
  /// What values can be.
  let bounds: ForecastBounds

  /// - Parameters:
  ///   - past: The series, or its end.
  ///   - member: What is known of the series from its training.
  ///   - firstPosition: The position of the first value since the start of the training series, for the waves.
  ///   - training: How many of the first values tell what the series can be; nil is all.
  ///   - barriers: Rows before which forecasts begin, so that missing values are not taken from what comes after them.
  init(
    _ past: SeriesPast, plan: ForecastPlan, scaler: Scaler, covariateScalers: [Scaler], effects: [Double]?,
    bounds: ForecastBounds, channel: Int?, firstPosition: Int = 0, training: Int? = nil, barriers: [Int] = []
  ) {
    self.plan = plan
    self.scaler = scaler
    self.covariateScalers = covariateScalers
    self.effects = effects
    let (values, covariates) = (past.values, past.covariates)
    count = values.count
    observed = past.observed
    self.bounds = bounds.allowing(values.prefix(training ?? values.count))
    let roles = plan.roles(count: covariates.count)
    let ahead = covariates.indices.filter { roles[$0] == .future }
    featureCount = plan.featureCount(covariates: covariates.count)

    // Scaled covariates; those known ahead go on after the end, as far as they are known, and then stay as they were.
    let length = count + plan.horizon
    let scaled = zip(covariates.indices, covariates).map { index, values in
      let known = values.map { covariateScalers[index].scale($0) }
      return known + Array(repeating: known.last ?? 0, count: max(0, length - known.count))
    }
    let lifts = effects.map { effects in
      (0..<length).map { row in zip(effects, ahead).reduce(0.0) { $0 + $1.0 * scaled[$1.1][row] } }
    }
    self.lifts = lifts ?? []
    var series = scaler.scale(values)
    if let lifts { for row in 0..<count { series[row] -= lifts[row] } }
    let gaps = FilledGaps(
      series, observed: observed, season: plan.season, training: training, barriers: barriers)
    cleaned = observed.isEmpty && lifts == nil ? values : scaler.unscale(gaps.values)
    carried = gaps.carried.map(Float.init)

    var features: [Float] = []
    features.reserveCapacity(count * featureCount)
    var since = 0
    for index in 0..<count {
      features.append(Float(gaps.values[index]))
      for column in scaled { features.append(Float(column[index])) }
      for number in ahead { features.append(Float(scaled[number][index + plan.horizon])) }
      for number in 0..<(plan.channels ?? 0) { features.append(number == channel ? 1 : 0) }
      for cycle in plan.cycles {
        let angle = 2 * Double.pi * Double(firstPosition + index) / Double(cycle)
        features += [Float(Double.sin(angle)), Float(Double.cos(angle))]
      }
      guard plan.hasMask == true else { continue }
      since = observed.isEmpty || observed[index] ? 0 : since + 1
      features += [since == 0 ? 1 : 0, Float(Double.log(Double(1 + since))) / 2]
    }
    self.features = features
  }

  /// The windows of a training series, scaled by its first `training` rows.
  init(_ series: Series, training: Int, plan: ForecastPlan, barriers: [Int] = []) {
    let past = withoutOutliers(Array(series.values.prefix(training)), season: plan.season)
    // What stands for a missing value may lie between one known and one to come.
    let kept = past.indices.filter(series.isObserved).map { past[$0] }
    let scaler = Scaler.fit(on: kept.isEmpty ? past : kept, logarithm: plan.usesLogarithm)
    let scalers = plan.covariateScalers(of: series, training: training)
    let roles = plan.roles(count: series.covariates.count)
    let ahead = zip(series.covariates, scalers).enumerated().filter { roles[$0.offset] == .future }.map { _, pair in
      pair.1.scale(pair.0.values.prefix(training))
    }
    let seen = Array(series.observed.prefix(training))
    let gapless = FilledGaps(scaler.scale(past), observed: seen, season: plan.season).values
    self.init(
      SeriesPast(series, values: past + series.values[training...]), plan: plan, scaler: scaler,
      covariateScalers: scalers,
      effects: KnownEffects.fitted(gapless, observed: seen, covariates: ahead, season: plan.season),
      bounds: series.bounds(within: training), channel: plan.channel(of: series.id), training: training,
      barriers: barriers)
  }

  /// The contexts that end before the rows `ends`, `[B, context, I]`, each moved so that its level is zero; and the
  /// levels.
  func contexts(endingAt ends: [Int]) -> (input: Tensor, levels: [Float]) {
    let length = plan.context
    var levels: [Float] = []
    var values: [Float] = []
    values.reserveCapacity(ends.count * length * featureCount)
    for end in ends { levels.append(appendContext(endingAt: end, to: &values)) }
    return (Tensor(values, shape: [ends.count, length, featureCount]), levels)
  }

  /// Appends the context that ends before a row, less its level, which is returned.
  func appendContext(endingAt end: Int, to values: inout [Float]) -> Float {
    let level = (end - plan.base..<end).reduce(Float(0)) { $0 + value(at: $1, before: end) } / Float(plan.base)
    let start = values.count
    values += features[(end - plan.context) * featureCount..<end * featureCount]
    for step in unseen(before: end) where step >= end - plan.context {
      values[start + (step - end + plan.context) * featureCount] = carried[step]
    }
    for step in 0..<plan.context { values[start + step * featureCount] -= level }
    return level
  }

  /// Appends the values that follow a row, less the level of the context; for a missing one NaN.
  func appendTarget(after end: Int, level: Float, to values: inout [Float]) {
    for step in 0..<plan.horizon {
      values.append(isObserved(end + step) ? features[(end + step) * featureCount] - level : .nan)
    }
  }

  /// A spread so small that a forecast's digits do not show it.
  var leastSpread: Double { 1e-9 }

  /// Whether the value of a row was observed.
  func isObserved(_ row: Int) -> Bool { observed.isEmpty || observed[row] }

  /// Whether any value was not.
  var hasGaps: Bool { !carried.isEmpty }

  /// The scaled value of a row.
  func value(at row: Int) -> Float { features[row * featureCount] }

  /// The scaled value of a row as it is known before a later one.
  func value(at row: Int, before end: Int) -> Float {
    guard hasGaps, !observed[row], unseen(before: end).contains(row) else { return value(at: row) }
    return carried[row]
  }

  /// The missing rows right before a row, whose values are not known from both sides.
  private func unseen(before end: Int) -> Range<Int> {
    guard hasGaps else { return end..<end }
    var first = end
    while first > 0, !observed[first - 1] { first -= 1 }
    return first..<end
  }

  /// The rows before which a context and after which a horizon lie within the first `limit` rows.
  func ends(within limit: Int) -> [Int] {
    Array(plan.context..<max(limit - plan.horizon + 1, plan.context))
  }

  /// The network's quantiles in the unit of the series, in rising order: for each end, for each step.
  func quantiles(_ network: ForecastNetwork, after ends: [Int]) -> [[[Double]]] {
    zip(ends, scaledQuantiles(network, after: ends)).map { end, steps in
      steps.enumerated().map { step, values in values.map { unscaled($0, at: end + step) } }
    }
  }

  /// The middle one of the network's quantiles on the scale of the methods.
  func medians(_ network: ForecastNetwork, after ends: [Int]) -> [[Double]] {
    scaledQuantiles(network, after: ends).map { $0.map { $0[ForecastNetwork.quantiles.count / 2] } }
  }

  private func scaledQuantiles(_ network: ForecastNetwork, after ends: [Int]) -> [[[Double]]] {
    let (input, levels) = contexts(endingAt: ends)
    let output = network(input).values
    let width = ForecastNetwork.quantiles.count
    return levels.enumerated().map { row, level in
      (0..<plan.horizon).map { step in
        let start = (row * plan.horizon + step) * width
        return output[start..<start + width].sorted().map { Double($0 + level) }
      }
    }
  }

  /// A scaled value in the unit of the series, with what is known of its row, and within what it can be.
  func unscaled(_ value: Double, at row: Int) -> Double {
    bounds(scaler.unscale(value + (lifts.indices.contains(row) ? lifts[row] : 0)))
  }
}

/// A series up to some moment, and what is known of its covariates after it.
struct SeriesPast {
  var values: [Double]
  /// Which values there are; empty for all.
  var observed: [Bool]
  /// As many values each, and then those known ahead.
  var covariates: [[Double]]

  /// - Parameter values: In place of the series' own.
  init(_ series: Series, values: [Double]? = nil) {
    self.values = values ?? series.values
    observed = series.observed
    covariates = series.covariates.map { $0.values + $0.future }
  }

  init(_ memory: SeriesMemory, values: [Double]) {
    self.values = values
    observed = memory.observed ?? []
    covariates = memory.covariates.enumerated().map { $1 + (memory.ahead?[$0] ?? []) }
  }
}
