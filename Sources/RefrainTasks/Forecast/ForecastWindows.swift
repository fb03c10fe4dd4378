import RealModule
import Refrain
import RefrainData

/// A series as the network sees it: scaled, with its covariates and the waves of longer periods beside it, cut into
/// windows. The scalers are fitted on the training part alone.
struct ForecastWindows: Sendable {
  let plan: ForecastPlan
  let scaler: Scaler
  let covariateScalers: [Scaler]
  /// The scaled series, and the other features step by step: the memory of `[count, featureCount]`.
  private let features: [Float]
  let count: Int
  let featureCount: Int
  /// The series in its unit, outliers of the training part taken out.
  let cleaned: [Double]
  /// No quantile lies below this, if it is known: 0 for what was never negative.
  private let lowest: Double?

  /// - Parameters:
  ///   - values: The series, or its end.
  ///   - covariates: What is observed beside it.
  ///   - firstPosition: The position of the first value since the start of the training series, for the waves.
  ///   - training: How many of the first values tell what the series can be; nil is all.
  init(
    _ values: [Double], covariates: [[Double]], firstPosition: Int, plan: ForecastPlan, scaler: Scaler,
    covariateScalers: [Scaler], training: Int? = nil
  ) {
    self.plan = plan
    self.scaler = scaler
    self.covariateScalers = covariateScalers
    count = values.count
    cleaned = values
    lowest = plan.isNonnegative == true && values.prefix(training ?? count).allSatisfy { $0 >= 0 } ? 0 : nil
    featureCount = 1 + covariates.count + 2 * plan.cycles.count
    var features: [Float] = []
    features.reserveCapacity(count * featureCount)
    for (index, value) in values.enumerated() {
      features.append(Float(scaler.scale(value)))
      for (covariate, scaler) in zip(covariates, covariateScalers) {
        features.append(Float(scaler.scale(covariate[index])))
      }
      for cycle in plan.cycles {
        let angle = 2 * Double.pi * Double(firstPosition + index) / Double(cycle)
        features += [Float(Double.sin(angle)), Float(Double.cos(angle))]
      }
    }
    self.features = features
  }

  /// The windows of a training series, scaled by its first `training` rows.
  init(_ series: Series, training: Int, plan: ForecastPlan) {
    let covariates = series.covariates.map(\.values)
    let past = withoutOutliers(Array(series.values.prefix(training)), season: plan.season)
    self.init(
      past + series.values[training...], covariates: covariates, firstPosition: 0, plan: plan,
      scaler: .fit(on: past, logarithm: plan.usesLogarithm),
      covariateScalers: covariates.map { .fit(on: $0.prefix(training)) }, training: training)
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
    let level = (end - plan.base..<end).reduce(Float(0)) { $0 + features[$1 * featureCount] } / Float(plan.base)
    let start = values.count
    values += features[(end - plan.context) * featureCount..<end * featureCount]
    for step in 0..<plan.context { values[start + step * featureCount] -= level }
    return level
  }

  /// Appends the values that follow a row, less the level of the context.
  func appendTarget(after end: Int, level: Float, to values: inout [Float]) {
    for step in 0..<plan.horizon { values.append(features[(end + step) * featureCount] - level) }
  }

  /// A spread so small that a forecast's digits do not show it.
  var leastSpread: Double { 1e-9 }

  /// The scaled value of a row.
  func value(at row: Int) -> Float { features[row * featureCount] }

  /// The rows before which a context and after which a horizon lie within the first `limit` rows.
  func ends(within limit: Int) -> [Int] {
    Array(plan.context..<max(limit - plan.horizon + 1, plan.context))
  }

  /// The network's quantiles in the unit of the series, in rising order: for each end, for each step.
  func quantiles(_ network: ForecastNetwork, after ends: [Int]) -> [[[Double]]] {
    scaledQuantiles(network, after: ends).map { $0.map { $0.map(unscaled) } }
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

  /// A scaled value in the unit of the series, and within what it can be.
  func unscaled(_ value: Double) -> Double { bounded(scaler.unscale(value)) }

  /// A value in the unit of the series, within what it can be.
  func bounded(_ value: Double) -> Double { lowest.map { max($0, value) } ?? value }
}
