/// Mean and deviation of each channel, step by step.
struct ChannelMoments {
  private var sums: [(count: Double, mean: Double, squares: Double)]
  private var extremes: [(low: Double, high: Double)]
  private let limits: [ClosedRange<Double>]?
  private(set) var hasGaps = false

  init(channels: Int, within limits: [ClosedRange<Double>]?) {
    sums = Array(repeating: (0, 0, 0), count: channels)
    extremes = Array(repeating: (.infinity, -.infinity), count: channels)
    self.limits = limits
  }

  var count: Int { sums.count }
  var means: [Double] { sums.map(\.mean) }
  var deviations: [Double] {
    sums.map { sum in
      let deviation = (sum.squares / max(1, sum.count)).squareRoot()
      return deviation.isNormal && deviation > 1e-9 * abs(sum.mean) ? deviation : 1
    }
  }
  /// The first channel without a value.
  var firstEmpty: Int? { sums.firstIndex { $0.count == 0 } }
  /// Ten deviations on both sides of each mean, beyond which values are not told apart.
  var bounds: [ClosedRange<Double>] { zip(means, deviations).map { $0 - 10 * $1...$0 + 10 * $1 } }
  /// Whether a value lies beyond.
  var hasOutliers: Bool {
    zip(bounds, extremes).contains { $1.low < $0.lowerBound || $1.high > $0.upperBound }
  }

  /// - Parameter values: `[T, C]`
  mutating func add(_ values: [Double]) {
    for (place, value) in values.enumerated() {
      guard value.isFinite else {
        hasGaps = true
        continue
      }
      let channel = place % sums.count
      if let limits, !limits[channel].contains(value) { continue }
      extremes[channel] = (min(extremes[channel].low, value), max(extremes[channel].high, value))
      sums[channel].count += 1
      let difference = value - sums[channel].mean
      sums[channel].mean += difference / sums[channel].count
      sums[channel].squares += difference * (value - sums[channel].mean)
    }
  }
}

/// How far apart steps are.
struct SeriesClock {
  private var gaps = 0.0
  private var total = 0.0
  private var shortest = Double.infinity
  private var longest = 0.0

  mutating func add(_ times: [Double]) {
    for (time, next) in zip(times, times.dropFirst()) {
      (gaps, total) = (gaps + 1, total + next - time)
      (shortest, longest) = (min(shortest, next - time), max(longest, next - time))
    }
  }

  /// The mean time between steps; nil where all steps are equally far apart, or there are no times.
  var unit: Double? {
    let mean = total / max(gaps, 1)
    return mean.isNormal && longest - shortest > 1e-6 * mean ? mean : nil
  }
}
