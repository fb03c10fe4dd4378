import RealModule

/// Exponential smoothing with fixed coefficients and additive, damped trend and season, one value after another.
///
///     error    = value − (level + φ trend + season)
///     level   += φ trend + α error
///     trend    = φ trend + α β error
///     season  += γ (1 − α) error
///
/// A missing value moves the level on and teaches nothing. Until enough was seen, averages take the place of α and γ.
struct ZeroShotSmoother: Sendable {
  /// α, β, γ and φ, and whether errors that are far larger than usual count less.
  struct Coefficients: Sendable {
    let level: Double, trend: Double, season: Double, damping: Double
    let isRobust: Bool
  }

  private let coefficients: Coefficients
  private let season: Int
  private var level = 0.0, trend = 0.0
  private var seasonal: [Double]
  private var seenInPhase: [Int]
  private var seen = 0
  /// The usual size of an error.
  private var spread = 0.0
  /// The row of the first known value.
  private var start: Int?

  init(_ coefficients: Coefficients, season: Int) {
    self.coefficients = coefficients
    self.season = season
    seasonal = Array(repeating: 0, count: season)
    seenInPhase = Array(repeating: 0, count: season)
  }

  /// Takes the value of a row, which comes after all rows before it; NaN is missing.
  mutating func read(_ row: Int, of values: [Double]) {
    if start == nil, values[row].isFinite {
      start = row
      level = values[row]
    }
    guard let start else { return }
    update(values[row], phase: row % season)
    guard season > 1, row + 1 == start + season || row + 1 == start + 2 * season else { return }
    begin(Array(values[start...row]), from: start)
  }

  private mutating func update(_ value: Double, phase: Int) {
    trend *= coefficients.damping
    level += trend
    guard value.isFinite else { return }
    var error = value - level - seasonal[phase]
    let size = abs(error)
    if coefficients.isRobust, seen > 8, size > 4 * spread { error *= 4 * spread / size }
    let gain = max(coefficients.level, 1 / Double(seen + 1))
    let share = 1 / Double(seen + 1)
    spread += max(0.05, share) * (min(size, seen > 8 ? 8 * spread + 1e-12 : size) - spread)
    level += gain * error
    if seen > 1 { trend += gain * coefficients.trend * error }
    if season > 1, seen >= season {
      seasonal[phase] +=
        max(coefficients.season, 1 / Double(seenInPhase[phase] + 1)) * (1 - coefficients.level) * error
    }
    seen += 1
    seenInPhase[phase] += 1
  }

  /// Starts anew from one or two whole seasons: their means give level and trend, what is left the season.
  private mutating func begin(_ values: [Double], from first: Int) {
    let seasons = values.count / season
    func mean(_ range: Range<Int>) -> Double? {
      let known = values[range].filter(\.isFinite)
      return known.count * 2 >= season ? known.reduce(0, +) / Double(known.count) : nil
    }
    guard let early = mean(0..<season) else { return }
    let late = seasons > 1 ? mean(season..<2 * season) ?? early : early
    let slope = (late - early) / Double(season)
    let middle = Double(season - 1) / 2
    var sums = [Double](repeating: 0, count: season)
    var counts = [Int](repeating: 0, count: season)
    for (index, value) in values.enumerated() where value.isFinite {
      let phase = (first + index) % season
      sums[phase] += value - early - slope * (Double(index) - middle)
      counts[phase] += 1
    }
    seasonal = zip(sums, counts).map { $1 > 0 ? $0 / Double($1) : 0 }
    seenInPhase = counts
    seen = season
    trend = coefficients.trend > 0 ? slope : 0
    level = early - slope * (middle + 1)
    for (index, value) in values.enumerated() { update(value, phase: (first + index) % season) }
  }

  /// What is expected of the `count` rows after one.
  func forecast(after row: Int, count: Int) -> [Double] {
    var (sum, slope) = (level, trend)
    return (1...count).map { step in
      slope *= coefficients.damping
      sum += slope
      return sum + seasonal[(row + step) % season]
    }
  }
}
