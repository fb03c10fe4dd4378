import RealModule

extension ExponentialSmoothing {
  /// Learns the coefficients, the first level and the first trend from a series: the squares of the one-step errors,
  /// those of outliers bounded (Huber 1964), by steps of Levenberg (1944) and Marquardt (1963). The derivatives are
  /// carried along with the states, step by step, as the states are.
  ///
  /// - Parameters:
  ///   - values: The series; at least one season and two values.
  ///   - form: Which states there are.
  init(fitting values: some RandomAccessCollection<Double>, _ form: Form) {
    let values = Array(values)
    var best: (model: ExponentialSmoothing, loss: Double)?
    let start = Self.start(values, form)
    let scale = Self.typicalStep(values, form.season == .none ? 1 : form.period)
    for first in form.longPeriod == nil ? [[-1.0, -2], [1.5, -2]] : [[-1.5, -2]] {
      var fit = Fit(values: values, form: form, start: start, scale: scale)
      fit.parameters[0] = first[0]
      fit.parameters[1] = first[1]
      let loss = fit.minimize()
      if loss.isFinite, loss < best?.loss ?? .infinity { best = (fit.model, loss) }
    }
    self = best?.model ?? ExponentialSmoothing(form: form, coefficients: Coefficients(), initial: start)
  }

  /// The mean absolute difference of values a season apart.
  private static func typicalStep(_ values: [Double], _ period: Int) -> Double {
    let steps = zip(values.dropFirst(period), values).map { abs($0 - $1) }.filter(\.isFinite).sorted()
    let typical = steps.isEmpty ? 0 : steps.reduce(0, +) / Double(steps.count)
    let median = steps.isEmpty ? 0 : steps[steps.count / 2]
    return max(min(typical, 3 * median), typical * 0.1, .leastNormalMagnitude * 1e10)
  }

  /// States to begin with: the seasons from the mean deviations of the first years from their moving average, the level
  /// and the trend from a line through the first values without their season.
  static func start(_ values: [Double], _ form: Form) -> State {
    let isMultiplicative = form.season == .multiplicative
    let known = Array(values.prefix(max(5 * max(form.period, form.longPeriod ?? 1), 60)))
    var rest = known
    var season: [Double] = []
    var longSeason: [Double] = []
    if form.season != .none {
      season = seasonalIndices(rest, period: form.period, isMultiplicative: isMultiplicative)
      for index in rest.indices {
        let own = season[index % form.period]
        rest[index] = isMultiplicative ? rest[index] / (abs(own) > 1e-8 ? own : 1e-8) : rest[index] - own
      }
    }
    if let longPeriod = form.longPeriod {
      longSeason = seasonalIndices(rest, period: longPeriod, isMultiplicative: false)
      for index in rest.indices { rest[index] -= longSeason[index % longPeriod] }
    }
    let count = min(rest.count, max(10, min(2 * form.period, 48)))
    let line = Line(rest.prefix(count))
    let hasTrend = form.trend != .none
    return State(
      level: hasTrend ? line.value(at: -1) : line.mean, trend: hasTrend ? line.slope : 0, season: season,
      longSeason: longSeason)
  }
}

/// The search for coefficients that make the errors small.
private struct Fit {
  typealias Form = ExponentialSmoothing.Form
  /// The derivatives of one number by all parameters.
  typealias Slopes = SIMD8<Double>

  let values: [Double]
  let form: Form
  let start: ExponentialSmoothing.State
  let scale: Double
  /// Before they are brought into their bounds: α, β/α, γ/(1−α), δ/(1−α), φ, ρ; the changes of the first level and the
  /// first trend in units of `scale`.
  var parameters: [Double] = [-1, -2, -2, -2, 1, 0, 0, 0]

  /// What is known of the parameters before anything is seen, and how sure that is, in observations.
  private static let prior: [(center: Double, weight: Double)] = [
    (-0.5, 0.5), (-2.5, 0.5), (-2, 0.5), (-2, 0.5), (1, 0.5), (0, 0.5), (0, 0.1), (0, 0.3),
  ]

  init(values: [Double], form: Form, start: ExponentialSmoothing.State, scale: Double) {
    self.values = values
    self.form = form
    self.start = start
    self.scale = scale
  }

  /// The parameters that the form has.
  private var isUsed: [Bool] {
    [
      true, form.trend != .none, form.season != .none, form.longPeriod != nil, form.trend == .damped,
      form.hasErrorFeedback, true, form.trend != .none,
    ]
  }

  private func bounded(_ x: Double, _ low: Double, _ high: Double) -> (value: Double, slope: Double) {
    let s = 1 / (1 + .exp(-x))
    return (low + (high - low) * s, (high - low) * s * (1 - s))
  }

  var model: ExponentialSmoothing {
    var coefficients = ExponentialSmoothing.Coefficients()
    coefficients.level = bounded(parameters[0], 1e-4, 0.9999).value
    let rest = 1 - coefficients.level
    let used = isUsed
    if used[1] { coefficients.trend = coefficients.level * bounded(parameters[1], 1e-4, 0.9999).value }
    if used[2] { coefficients.season = rest * bounded(parameters[2], 1e-4, 0.9999).value }
    if used[3] { coefficients.longSeason = rest * bounded(parameters[3], 1e-4, 0.9999).value }
    if used[4] { coefficients.damping = bounded(parameters[4], 0.8, 0.98).value }
    if used[5] { coefficients.feedback = bounded(parameters[5], -0.95, 0.95).value }
    var initial = start
    initial.level += parameters[6] * scale
    if used[7] { initial.trend += parameters[7] * scale }
    return ExponentialSmoothing(form: form, coefficients: coefficients, initial: initial)
  }

  /// Improves the parameters; the loss that is left.
  mutating func minimize() -> Double {
    var damping = 1e-2
    var (loss, gradient, matrix) = system()
    guard loss.isFinite else { return .infinity }
    for _ in 0..<25 {
      var isBetter = false
      for _ in 0..<6 {
        var damped = matrix
        for index in 0..<8 { damped[index * 8 + index] *= 1 + damping }
        guard let step = solveSymmetric(damped, gradient) else {
          damping *= 10
          continue
        }
        var trial = self
        for index in 0..<8 { trial.parameters[index] -= min(max(step[index], -2), 2) }
        let next = trial.system()
        if next.loss.isFinite, next.loss < loss {
          isBetter = loss - next.loss > 1e-5 * loss
          self = trial
          (loss, gradient, matrix) = next
          damping = max(damping * 0.2, 1e-9)
          break
        }
        damping *= 6
      }
      if !isBetter { break }
    }
    return loss
  }

  /// The loss at the parameters, half its gradient, and the matrix of Gauss and Newton.
  private func system() -> (loss: Double, gradient: [Double], matrix: [Double]) {
    let used = isUsed
    let (alpha, alphaSlope) = bounded(parameters[0], 1e-4, 0.9999)
    var (beta, gamma, delta, phi, rho) = (0.0, 0.0, 0.0, 1.0, 0.0)
    var (dAlpha, dBeta, dGamma, dDelta, dPhi, dRho) = (
      Slopes.zero, Slopes.zero, Slopes.zero, Slopes.zero, Slopes.zero, Slopes.zero
    )
    dAlpha[0] = alphaSlope
    if used[1] {
      let (part, slope) = bounded(parameters[1], 1e-4, 0.9999)
      (beta, dBeta[0], dBeta[1]) = (alpha * part, alphaSlope * part, alpha * slope)
    }
    if used[2] {
      let (part, slope) = bounded(parameters[2], 1e-4, 0.9999)
      (gamma, dGamma[0], dGamma[2]) = ((1 - alpha) * part, -alphaSlope * part, (1 - alpha) * slope)
    }
    if used[3] {
      let (part, slope) = bounded(parameters[3], 1e-4, 0.9999)
      (delta, dDelta[0], dDelta[3]) = ((1 - alpha) * part, -alphaSlope * part, (1 - alpha) * slope)
    }
    if used[4] { (phi, dPhi[4]) = bounded(parameters[4], 0.8, 0.98) }
    if used[5] { (rho, dRho[5]) = bounded(parameters[5], -0.95, 0.95) }

    var level = start.level + parameters[6] * scale
    var trend = start.trend + (used[7] ? parameters[7] * scale : 0)
    var (dLevel, dTrend) = (Slopes.zero, Slopes.zero)
    dLevel[6] = scale
    if used[7] { dTrend[7] = scale }
    var season = start.season
    var dSeason = [Slopes](repeating: .zero, count: season.count)
    var long = start.longSeason
    var dLong = [Slopes](repeating: .zero, count: long.count)
    var (error, dError) = (0.0, Slopes.zero)
    let (period, longPeriod) = (season.count, long.count)
    var (at, atLong) = (0, 0)
    let isMultiplicative = form.season == .multiplicative
    let bound = 4 * scale
    // The first season is spent on learning the season.
    let warm = min(values.count / 4, 3)

    var loss = 0.0
    var gradient = Slopes.zero
    var rows = [Slopes](repeating: .zero, count: 8)
    for (position, value) in values.enumerated() {
      let q = level + phi * trend
      let dq = dLevel + phi * dTrend + trend * dPhi
      var expected = q + rho * error
      var dExpected = dq + rho * dError + error * dRho
      if period > 0 {
        if isMultiplicative {
          expected += q * (season[at] - 1)
          dExpected += (season[at] - 1) * dq + q * dSeason[at]
        } else {
          expected += season[at]
          dExpected += dSeason[at]
        }
      }
      if longPeriod > 0 {
        expected += long[atLong]
        dExpected += dLong[atLong]
      }
      if value.isNaN {
        (error, dError) = (0, .zero)
      } else {
        (error, dError) = (value - expected, -dExpected)
      }
      if position >= warm {
        let size = abs(error)
        let weight = size <= bound ? 1 : bound / size
        loss += size <= bound ? error * error : bound * (2 * size - bound)
        gradient += (weight * error) * dError
        for index in 0..<8 where used[index] { rows[index] += (weight * dError[index]) * dError }
      }
      if isMultiplicative {
        let own = abs(season[at]) > 1e-8 ? season[at] : 1e-8
        let base = abs(q) > 1e-8 ? q : 1e-8
        let (forLevel, forSeason) = (error / own, error / base)
        let dForLevel = dError / own - (error / (own * own)) * dSeason[at]
        let dForSeason = dError / base - (error / (base * base)) * dq
        season[at] += gamma * forSeason
        dSeason[at] += gamma * dForSeason + forSeason * dGamma
        level = q + alpha * forLevel
        dLevel = dq + alpha * dForLevel + forLevel * dAlpha
        dTrend = phi * dTrend + trend * dPhi + beta * dForLevel + forLevel * dBeta
        trend = phi * trend + beta * forLevel
      } else {
        if period > 0 {
          season[at] += gamma * error
          dSeason[at] += gamma * dError + error * dGamma
        }
        level = q + alpha * error
        dLevel = dq + alpha * dError + error * dAlpha
        dTrend = phi * dTrend + trend * dPhi + beta * dError + error * dBeta
        trend = phi * trend + beta * error
      }
      if longPeriod > 0 {
        long[atLong] += delta * error
        dLong[atLong] += delta * dError + error * dDelta
        atLong = atLong + 1 == longPeriod ? 0 : atLong + 1
      }
      if period > 0 { at = at + 1 == period ? 0 : at + 1 }
    }
    // A parameter that the form has not stays where it is.
    let unit = max(loss / Double(max(values.count - warm, 1)), scale * scale * 1e-6)
    for index in 0..<8 {
      guard used[index] else {
        rows[index] = .zero
        rows[index][index] = 1
        gradient[index] = 0
        continue
      }
      let (center, weight) = Self.prior[index]
      let distance = parameters[index] - center
      loss += weight * scale * scale * distance * distance * 0.25
      gradient[index] += weight * scale * scale * distance * 0.25
      rows[index][index] += weight * scale * scale * 0.25 + unit * 1e-9
    }
    return (loss, (0..<8).map { gradient[$0] }, rows.flatMap { row in (0..<8).map { row[$0] } })
  }
}
