import RealModule

/// How far forecasts were off on rolling origins, step by step: what intervals are made of (conformal prediction, Vovk
/// et al. 2005, split by the step of the horizon as far as there are errors enough).
struct IntervalCalibration: Codable, Sendable {
  /// The typical size of the error at each step, on the scale of the methods.
  let spreads: [Double]
  /// Errors in units of their step's spread, signed, rising.
  let scores: [Double]
  /// How many of the scores tell something of their own.
  let independent: Double
  /// How many horizons lie in the rows of the origins.
  let horizons: Double

  /// - Parameters:
  ///   - errors: Truth less forecast, for each origin, for as many steps as are known.
  ///   - spacing: The rows from the first origin to the end of what is known.
  ///   - least: Smaller than this no spread is.
  init(errors: [[Double]], horizon: Int, spacing: Int, least: Double) {
    var sums = [Double](repeating: 0, count: horizon)
    var counts = [Double](repeating: 0, count: horizon)
    for row in errors {
      for (step, error) in row.prefix(horizon).enumerated() where error.isFinite {
        sums[step] += abs(error)
        counts[step] += 1
      }
    }
    // As many neighbors are taken in as make twenty errors, within a quarter of the horizon.
    var local = [Double](repeating: .nan, count: horizon)
    for step in 0..<horizon {
      var (sum, count, reach) = (sums[step], counts[step], 0)
      while count < 20, reach < max(1, horizon / 4) {
        reach += 1
        for other in [step - reach, step + reach] where (0..<horizon).contains(other) {
          sum += sums[other]
          count += counts[other]
        }
      }
      if count > 0 { local[step] = sum / count }
    }
    // A curve c hᵇ through all of them, which grows as those of random walks do at most, and some more.
    var (weights, x, y, xx, xy) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for step in 0..<horizon where counts[step] > 0 && local[step] > 0 {
      let (place, value) = (Double.log(Double(step + 1)), Double.log(local[step]))
      weights += counts[step]
      x += counts[step] * place
      y += counts[step] * value
      xx += counts[step] * place * place
      xy += counts[step] * place * value
    }
    let determinant = weights * xx - x * x
    let slope = determinant > 1e-9 ? min(max((weights * xy - x * y) / determinant, 0), 0.8) : 0.4
    let intercept = weights > 0 ? (y - slope * x) / weights : .log(max(least, .leastNormalMagnitude))
    let typical = (0..<horizon).map { Double.exp(intercept + slope * .log(Double($0 + 1))) }
    let spreads = (0..<horizon).map { step in
      let share = local[step].isFinite ? counts[step] / (counts[step] + 8) : 0
      return max(share * (local[step].isFinite ? local[step] : 0) + (1 - share) * typical[step], least)
    }
    self.spreads = spreads
    var scores = errors.flatMap { row in
      row.prefix(horizon).enumerated().compactMap { $1.isFinite ? $1 / spreads[$0] : nil }
    }.sorted()
    if scores.count > 400 { scores = (0..<400).map { scores[$0 * (scores.count - 1) / 399] } }
    self.scores = scores
    // Errors of neighboring steps and of overlapping horizons are alike.
    independent = max(min(Double(errors.count), Double(spacing) / Double(horizon).squareRoot()), 0.5)
    horizons = Double(spacing) / Double(horizon)
  }

  /// How far above the forecast the quantile of a level lies, in units of a step's spread.
  func score(_ level: Double) -> Double {
    let side = level < 0.5 ? -1.0 : 1
    let far = abs(level - 0.5) * 2
    guard far > 0 else { return 0 }
    // Up to where errors were seen the quantile is theirs; beyond it grows as that of Student's distribution.
    let reliable = min(far, max(0.5, 1 - 4 / Double(max(scores.count, 1)) - 1 / independent))
    let base = side * magnitude(side, reliable)
    let growth = far > reliable ? student((1 + far) / 2) / student((1 + reliable) / 2) : 1
    // For few errors the interval is wider than they were: the weights were chosen by them.
    return base * growth * (1 + 3 / max(independent, 1) + 0.25 / max(horizons, 1))
  }

  /// The size of score that a share of those on one side does not exceed; with few scores, of those on both sides.
  private func magnitude(_ side: Double, _ share: Double) -> Double {
    guard !scores.isEmpty else { return 1.6 }
    let both = quantile(scores.map(abs).sorted(), share)
    let own = max(side * quantile(scores, 0.5 + side * share / 2), 0)
    let trust = independent / (independent + 100)
    return trust * own + (1 - trust) * both
  }

  private func quantile(_ sorted: [Double], _ level: Double) -> Double {
    let place = level * Double(sorted.count - 1)
    let low = Int(place)
    let high = min(low + 1, sorted.count - 1)
    return sorted[low] + (sorted[high] - sorted[low]) * (place - Double(low))
  }

  /// The quantile of Student's distribution with as many degrees of freedom as there are independent scores, by Cornish
  /// and Fisher's expansion of the normal one.
  private func student(_ level: Double) -> Double {
    let z = normalQuantile(level)
    let v = max(independent, 3)
    return z + (z * z * z + z) / (4 * v) + (5 * .pow(z, 5) + 16 * z * z * z + 3 * z) / (96 * v * v)
  }
}

/// The quantile of the standard normal distribution (Acklam's rational approximation, to 1e-9 or so).
func normalQuantile(_ level: Double) -> Double {
  let a = [
    -39.696_830_286_653_76, 220.946_098_424_520_5, -275.928_510_446_968_7, 138.357_751_867_269, -30.664_798_066_147_16,
    2.506_628_277_459_239,
  ]
  let b = [
    -54.476_098_798_224_06, 161.585_836_858_040_9, -155.698_979_859_886_6, 66.801_311_887_719_72,
    -13.280_681_552_885_72,
  ]
  let c = [
    -0.007_784_894_002_430_293, -0.322_396_458_041_136_5, -2.400_758_277_161_838, -2.549_732_539_343_734,
    4.374_664_141_464_968, 2.938_163_982_698_783,
  ]
  let d = [
    0.007_784_695_709_041_462, 0.322_467_129_070_039_8, 2.445_134_137_142_996, 3.754_408_661_907_416,
  ]
  func polynomial(_ coefficients: [Double], _ x: Double) -> Double { coefficients.reduce(0) { $0 * x + $1 } }
  func tail(_ p: Double) -> Double {
    let q = (-2 * Double.log(p)).squareRoot()
    return polynomial(c, q) / (polynomial(d, q) * q + 1)
  }
  guard level > 0, level < 1 else { return level <= 0 ? -.infinity : .infinity }
  if level < 0.024_25 { return tail(level) }
  if level > 1 - 0.024_25 { return -tail(1 - level) }
  let q = level - 0.5
  return polynomial(a, q * q) * q / (polynomial(b, q * q) * q * q + 1)
}
