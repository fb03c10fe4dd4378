/// Exponential smoothing as a recurrence: a level, a trend and the values of a season are carried from step to step and
/// moved by a part of each error (the additive-error state space of Hyndman, Koehler, Ord and Snyder 2008).
///
///     q  = l + φ b                      where the level is expected to be
///     ŷ  = q + s + r + ρ e₋₁            forecast; with a multiplicative season q · s
///     e  = y − ŷ                        error; for the states of a multiplicative season e / s and e / q
///     l' = q + α e                      level
///     b' = φ b + β e                    trend
///     s' = s + γ e, r' = r + δ e        the season's value one season ago, and that of a longer season
///
/// Two seasons with ρ are Taylor's method for electricity demand (2003).
struct ExponentialSmoothing: Codable, Sendable, Equatable {
  /// Whether and how the level moves on by itself.
  enum Trend: String, Codable, Sendable { case none, damped, additive }
  /// How the season joins the level.
  enum Season: String, Codable, Sendable { case none, additive, multiplicative }

  /// Which states there are.
  struct Form: Codable, Sendable, Equatable {
    var trend = Trend.none
    var season = Season.none
    /// The steps of the season; 1 without.
    var period = 1
    /// The steps of a second, longer season, which is additive; nil without.
    var longPeriod: Int?
    /// Whether a part ρ of an error is expected to come again at the next step.
    var hasErrorFeedback = false
  }

  /// What is learned, or given.
  struct Coefficients: Codable, Sendable, Equatable {
    /// α, β, γ, δ, φ and ρ of the formulas.
    var level = 0.5, trend = 0.0, season = 0.0, longSeason = 0.0, damping = 1.0, feedback = 0.0
  }

  /// What is carried from step to step.
  struct State: Codable, Sendable, Equatable {
    var level: Double
    var trend: Double
    /// The next value of the season is at the position modulo its length.
    var season: [Double]
    var longSeason: [Double]
    var error = 0.0
    /// How many values were seen.
    var position = 0
  }

  var form: Form
  var coefficients: Coefficients
  /// Before the first value.
  var initial: State

  /// The forecast of the next value.
  func expectation(_ state: State) -> Double {
    let q = state.level + coefficients.damping * state.trend
    var value = q
    switch form.season {
    case .none: break
    case .additive: value += state.season[state.position % form.period]
    case .multiplicative: value *= state.season[state.position % form.period]
    }
    if let longPeriod = form.longPeriod { value += state.longSeason[state.position % longPeriod] }
    return value + coefficients.feedback * state.error
  }

  /// Moves the state on by a value; NaN, which is a missing one, is taken to be as expected.
  func advance(_ state: inout State, _ value: Double) {
    let c = coefficients
    let q = state.level + c.damping * state.trend
    let seen = state.position % form.period
    let error = value.isNaN ? 0 : value - expectation(state)
    var forLevel = error
    if form.season == .multiplicative {
      let season = state.season[seen]
      forLevel = error / (abs(season) > 1e-8 ? season : 1e-8)
      state.season[seen] = season + c.season * error / (abs(q) > 1e-8 ? q : 1e-8)
    } else if form.season == .additive {
      state.season[seen] += c.season * error
    }
    if let longPeriod = form.longPeriod { state.longSeason[state.position % longPeriod] += c.longSeason * error }
    state.level = q + c.level * forLevel
    state.trend = c.damping * state.trend + c.trend * forLevel
    state.error = error
    state.position += 1
  }

  /// What is expected of the next `horizon` values.
  func forecast(from state: State, horizon: Int) -> [Double] {
    var state = state
    return (0..<horizon).map { _ in
      let value = expectation(state)
      // As if it had come so: the level and the trend go on, the season repeats, and the feedback fades by ρ.
      let fading = coefficients.feedback * state.error
      state.level += coefficients.damping * state.trend
      state.trend *= coefficients.damping
      state.error = fading
      state.position += 1
      return value
    }
  }

  /// The forecasts from the ends given in rising order, each of what came before it.
  func forecasts(of values: [Double], at ends: [Int], horizon: Int) -> [[Double]] {
    var state = initial
    var result: [[Double]] = []
    result.reserveCapacity(ends.count)
    for end in ends {
      while state.position < end { advance(&state, values[state.position]) }
      result.append(forecast(from: state, horizon: horizon))
    }
    return result
  }

  /// The forecast of each value from those before it.
  func fitted(_ values: [Double]) -> [Double] {
    var state = initial
    return values.map { value in
      let expected = expectation(state)
      advance(&state, value)
      return expected
    }
  }
}
