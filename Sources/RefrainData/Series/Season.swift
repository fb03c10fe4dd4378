/// The number of steps after which a series repeats, or 1 when nothing repeats clearly.
///
/// To judge a period *p*, everything slower is first taken out with a moving average over one period. The period's
/// score is then how far the autocorrelation at *p* stands above its mean at *p*/2 and 3*p*/2: a wave of period *p*
/// scores 2, noise about 0, and so does twice a period that repeats. A period counts when both its score and its
/// autocorrelation exceed what chance allows: 5/√n, and at least 0.2.
///
/// - Parameters:
///   - values: The series, oldest first; a straight trend is removed before anything else.
///   - candidates: Periods that the calendar suggests, in order; the first that is confirmed is returned. When empty,
///     as for a plain index, every period that fits four times into the newest 20,000 values is tried, up to 1000: the
///     shortest whose score comes close to the best.
/// - Complexity: O(*n*) for each period tried.
public func detectSeason(_ values: [Double], candidates: [Int] = []) -> Int {
  if !candidates.isEmpty {
    let series = removingTrend(values)
    return candidates.first { $0 > 1 && $0 <= series.count / 2 && score(of: $0, in: series) != nil } ?? 1
  }
  let series = removingTrend(Array(values.suffix(20_000)))
  let longest = min(series.count / 4, 1000)
  guard longest >= 2 else { return 1 }
  let scores = (2...longest).map { (period: $0, score: score(of: $0, in: series) ?? 0) }
  guard let best = scores.map(\.score).max(), best > 0 else { return 1 }
  // The neighbors of a good period are good too, and so are its multiples: the best one before its double.
  let first = scores.first { $0.score >= 0.8 * best }!.period
  return scores.filter { first...first * 3 / 2 ~= $0.period }.max { $0.score < $1.score }!.period
}

/// How clearly the series repeats after `period` steps; nil when that may be chance.
private func score(of period: Int, in series: [Double]) -> Double? {
  let rest = removingSlowMovement(series, period: period)
  guard rest.count > period * 3 / 2 else { return nil }
  let chance = max(5 / Double(rest.count).squareRoot(), 0.2)
  // A moving average over two steps, taken away, makes noise repeat every second step: 1/6.
  let correlation = autocorrelation(of: rest, at: period) - (period == 2 ? 1 / 6 : 0)
  guard correlation > chance else { return nil }
  /// Between two lags when the period is odd.
  func between(halves: Int) -> Double {
    (autocorrelation(of: rest, at: halves / 2) + autocorrelation(of: rest, at: (halves + 1) / 2)) / 2
  }
  let score = correlation - (between(halves: period) + between(halves: 3 * period)) / 2
  return score > chance ? score : nil
}

/// The series minus its straight line of least squares.
private func removingTrend(_ values: [Double]) -> [Double] {
  let count = Double(values.count)
  guard values.count > 1 else { return values.map { _ in 0 } }
  let middle = (count - 1) / 2
  let mean = values.reduce(0) { $0 + $1 / count }
  var covariance = 0.0
  for (index, value) in values.enumerated() { covariance += (Double(index) - middle) * (value - mean) }
  let slope = covariance / (count * (count * count - 1) / 12)
  return values.enumerated().map { $1 - mean - slope * (Double($0) - middle) }
}

/// The series minus its centered moving average over one period; one period shorter.
private func removingSlowMovement(_ series: [Double], period: Int) -> [Double] {
  // An even period's average is centered by counting its two ends half.
  let weight = period.isMultiple(of: 2) ? 0.5 : 1
  let half = period / 2
  guard series.count > 2 * half else { return [] }
  var sum = series[..<(2 * half + 1)].reduce(0, +)
  var rest: [Double] = []
  rest.reserveCapacity(series.count - 2 * half)
  for center in half..<series.count - half {
    if center > half { sum += series[center + half] - series[center - half - 1] }
    let ends = (1 - weight) * (series[center - half] + series[center + half])
    rest.append(series[center] - (sum - ends) / Double(period))
  }
  return rest
}

/// The mean product of values `lag` apart over the mean square; zero when there is none.
private func autocorrelation(of series: [Double], at lag: Int) -> Double {
  guard lag < series.count else { return 0 }
  return series.withUnsafeBufferPointer { series in
    var product = 0.0
    var square = 0.0
    for index in 0..<series.count - lag { product += series[index] * series[index + lag] }
    for value in series { square += value * value }
    // Divided by the number of its terms, a perfect wave scores 1 at its period however short the series.
    return square > 0 ? product / Double(series.count - lag) / (square / Double(series.count)) : 0
  }
}
