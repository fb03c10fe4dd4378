import RealModule

/// What a detector knows of one channel while rows come in: what is expected next, how far off the last ones were, and
/// how far off they usually are. Everything is learned from a row after it was judged, so that nothing comes from the
/// future.
struct ChannelWatch: Codable, Sendable, Equatable {
  /// What can be odd about a value.
  enum Oddity: String, Codable, Sendable, CaseIterable {
    /// It lies beyond what was seen.
    case value
    /// It is other than foretold.
    case prediction
    /// The last rows are other than this time of the season usually brings.
    case season
    /// The last rows are not as the autoencoder says them again.
    case reconstruction

    /// What it counts for beside the others, in decades of rareness.
    var weight: Double {
      switch self {
      case .value: 1.15
      case .season: 1
      case .prediction, .reconstruction: 0.6
      }
    }

    /// How many extremes its tail is judged by.
    var kept: Int { self == .season ? 30 : 10 }
  }

  /// How a value was judged.
  struct Judgment: Sendable {
    /// What oddities add up to: 0 for what is usual.
    var strangeness = 0.0
    /// The greatest of them.
    var oddity = Oddity.value
    /// What was expected, squashed.
    var expected = 0.0
    /// How far off that was, squashed; nil where the value is missing.
    var error: Double?
  }

  /// The last squashed values, the place of the oldest, and how many there were; a missing one is what was expected.
  private var past: [Float]
  private var place = 0
  private var count = 0
  /// From the last values and the network's word to the next value, and from the season alone.
  private var near: OnlineRegression
  private var far: OnlineRegression
  private var nearSize = ErrorSize()
  private var farSize = ErrorSize()
  private var seasonError: RunningMean
  private var tails: [TailEstimate]

  private static let nearLags = [1, 2, 3, 6]

  init(_ plan: DetectorPlan) {
    past = Array(repeating: 0, count: plan.pastCount)
    let (near, far) = Self.featureCounts(plan)
    self.near = OnlineRegression(count: near)
    self.far = OnlineRegression(count: far)
    seasonError = RunningMean(count: 60)
    tails = Oddity.allCases.map { TailEstimate(kept: $0.kept) }
  }

  private static func featureCounts(_ plan: DetectorPlan) -> (near: Int, far: Int) {
    let lags = plan.seasonRows == nil ? 0 : 3
    return (1 + nearLags.count + lags + plan.waveCount, 1 + lags + plan.waveCount)
  }

  /// The value of `lag` rows ago; 0 from before the first.
  private func value(_ lag: Int) -> Double {
    guard lag <= count, lag <= past.count else { return 0 }
    let index = place - lag
    return Double(past[index >= 0 ? index : index + past.count])
  }

  /// Judges the next value, and learns from it.
  ///
  /// - Parameters:
  ///   - scaled: the value; nil where it is missing.
  ///   - guess: what the network foretold.
  ///   - waves: where in the season the row lies.
  ///   - misfit: how badly the autoencoder said the last rows again, where it has just been asked.
  ///   - seasonRows: how many rows a season has.
  mutating func judge(
    _ scaled: Double?, guess: Double, waves: [Double], misfit: Double?, seasonRows: Int?
  ) -> Judgment {
    var seasonal: [Double] = []
    if let season = seasonRows {
      let day = value(season)
      seasonal = [day, count >= 7 * season ? value(7 * season) : day]
    }
    let nearFeatures =
      [1] + Self.nearLags.map { value($0) } + seasonal + (seasonRows.map { [value($0 + 1)] } ?? []) + waves
    let before = seasonRows.map { count >= 2 * $0 ? value(2 * $0) : value($0) }
    let farFeatures = [1] + seasonal + (before.map { [$0] } ?? []) + waves
    // Held to what a value can be: a regression may go astray where the series does.
    let expected = max(-40, min(40, guess + near.predict(nearFeatures)))
    let usual = max(-40, min(40, far.predict(farFeatures)))
    var judgment = Judgment(expected: expected)

    var signals: [(Oddity, Double)] = []
    if let scaled {
      let squashed = RobustScale.squashed(scaled)
      let error = squashed - expected
      judgment.error = error
      signals = [
        (.value, scaled), (.prediction, nearSize.relative(error)), (.season, seasonError.append(squashed - usual)),
      ]
      near.learn(nearFeatures, error: nearSize.clipped(error))
      far.learn(farFeatures, error: farSize.clipped(squashed - usual))
      nearSize.insert(error)
      farSize.insert(squashed - usual)
      append(squashed)
    } else {
      append(expected)
    }
    if let misfit, scaled != nil { signals.append((.reconstruction, misfit)) }
    var greatest = 0.0
    for (oddity, signal) in signals {
      let index = Oddity.allCases.firstIndex(of: oddity)!
      let part = max(0, min(3, oddity.weight * tails[index].score(signal) - 1))
      tails[index].insert(signal)
      judgment.strangeness += part
      if part > greatest { (greatest, judgment.oddity) = (part, oddity) }
    }
    return judgment
  }

  private mutating func append(_ value: Double) {
    past[place] = Float(value)
    place = place + 1 == past.count ? 0 : place + 1
    count += 1
  }

  /// Forgets the last values, as other rows come than followed them.
  mutating func restart() {
    count = 0
    seasonError.restart()
  }

  /// Whether it can go on, with what was read from a file.
  func isSound(_ plan: DetectorPlan) -> Bool {
    let (near, far) = Self.featureCounts(plan)
    return past.count == plan.pastCount && past.allSatisfy(\.isFinite) && past.indices.contains(place)
      && DetectorStream.State.counts.contains(count)
      && self.near.isSound(count: near) && self.far.isSound(count: far) && nearSize.isSound && farSize.isSound
      && seasonError.isSound(count: 60)
      && tails.count == Oddity.allCases.count
      && zip(tails, Oddity.allCases).allSatisfy { $0.isSound(kept: $1.kept) }
  }
}

/// How large errors usually are: a mean of their sizes that fades, in which an outlier counts as ten usual ones at
/// most.
struct ErrorSize: Codable, Sendable, Equatable {
  private var sum = 0.0
  private var weight = 0.0

  private var size: Double { weight > 0 ? max(sum / weight, 1e-6) : 1 }

  /// An error in units of the usual size.
  func relative(_ error: Double) -> Double { error / size }

  /// An error, at most five times the usual size.
  func clipped(_ error: Double) -> Double { max(-5 * size, min(5 * size, error)) }

  mutating func insert(_ error: Double) {
    let part = weight > 0 ? min(abs(error), 10 * size) : abs(error)
    sum = sum * 0.998 + part
    weight = weight * 0.998 + 1
  }

  var isSound: Bool { sum.isFinite && weight.isFinite && sum >= 0 && weight >= 0 }
}

/// The mean of the last values.
struct RunningMean: Codable, Sendable, Equatable {
  private var values: [Double]
  private var next = 0
  private var filled = 0

  init(count: Int) { values = Array(repeating: 0, count: count) }

  /// The mean with a value more.
  mutating func append(_ value: Double) -> Double {
    values[next] = value
    next = next + 1 == values.count ? 0 : next + 1
    filled = min(filled + 1, values.count)
    // Added up anew each time, so that no rounding error lasts.
    return values.reduce(0, +) / Double(filled)
  }

  /// Forgets all values.
  mutating func restart() { self = RunningMean(count: values.count) }

  func isSound(count: Int) -> Bool {
    values.count == count && values.allSatisfy(\.isFinite) && values.indices.contains(next)
      && (0...count).contains(filled)
  }
}
