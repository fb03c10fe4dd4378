import RealModule

/// The ways to forecast that were found best on rolling origins, with their weights and how far they were off together.
struct Combination: Codable, Sendable {
  /// One of them.
  struct Member: Codable, Sendable, Equatable {
    /// A ``SimpleMethod`` or `network`.
    var name: String
    /// The weights add up to 1.
    var weight: Double
    /// The mean absolute error on the rolling origins, over that of the best.
    var error: Double
    /// The strength of the penalty that was best, of the linear method.
    var penalty: Double?
  }

  /// The heaviest first.
  let members: [Member]
  /// The share of the plain median beside the weighted mean: the larger, the fewer origins there were.
  let medianShare: Double
  /// What intervals are made of.
  let calibration: IntervalCalibration
  /// How errors at the steps hang together; nil where there were too few, and in files of older versions.
  let ranks: ErrorRanks?

  /// What was forecast from rolling origins, and what came.
  struct Contest: Sendable {
    var origins: RollingOrigins
    /// For each origin, for as many steps as are known; scaled.
    var truths: [[Double]]
    /// By name: for each origin, for each step.
    var forecasts: [(name: String, paths: [[Double]])] = []
    /// The penalty with which the linear method was best.
    var penalty: Double?

    /// The mean absolute error of a way, of the newer origins somewhat more.
    func error(_ paths: [[Double]]) -> Double {
      var (sum, weights) = (0.0, 0.0)
      for (origin, truth) in truths.enumerated() {
        let weight = 0.6 + 0.4 * Double(origin + 1) / Double(truths.count)
        for (step, value) in truth.enumerated() where value.isFinite {
          sum += weight * abs(value - paths[origin][step])
          weights += weight
        }
      }
      return weights > 0 ? sum / weights : .nan
    }
  }

  /// Weighs the ways of a contest.
  ///
  /// - Parameters:
  ///   - usual: The names that are given something even when there are no origins to tell.
  ///   - least: The smallest spread of an interval.
  init(_ contest: Contest, usual: Set<String>, least: Double) {
    let origins = contest.origins
    let span = Double((origins.ends.first.map { origins.limit - $0 }) ?? 0)
    // Horizons that do not overlap.
    let independent = span / Double(origins.horizon)
    let errors = contest.forecasts.map { contest.error($0.paths) }
    let best = errors.filter(\.isFinite).min() ?? .nan
    let power = Self.basePower + Self.powerGrowth * min(independent, 12)
    var weighed = zip(contest.forecasts, errors).map { way, error -> Member in
      guard best.isFinite, error.isFinite else {
        return Member(name: way.name, weight: usual.contains(way.name) ? 1 : 0.001, error: 1)
      }
      // A way without any error wins over all that have one.
      let ratio = error == best ? 1 : error / best
      return Member(name: way.name, weight: ratio > Self.worst ? 0 : .pow(ratio, -power), error: ratio)
    }
    weighed.sort { ($0.weight, $1.name) > ($1.weight, $0.name) }
    let kept = weighed.prefix(Self.most).filter { $0.weight > 0.05 * weighed[0].weight }
    let total = kept.reduce(0) { $0 + $1.weight }
    let members = kept.map { member in
      Member(
        name: member.name, weight: member.weight / total, error: member.error,
        penalty: member.name == SimpleMethod.linear.rawValue ? contest.penalty : nil)
    }
    let medianShare = 1 / (1 + independent / Self.trust)
    let paths = Dictionary(uniqueKeysWithValues: contest.forecasts.map { ($0.name, $0.paths) })
    let residuals = contest.truths.enumerated().map { origin, truth in
      let path = Self.path(members, medianShare, of: members.map { paths[$0.name]![origin] })
      return zip(truth, path).map { $0 - $1 }
    }
    self.members = members
    self.medianShare = medianShare
    let told = Self.sinceMoving(residuals, ends: origins.ends, least: least)
    ranks = ErrorRanks(errors: told, horizon: origins.horizon)
    calibration = IntervalCalibration(
      errors: told, horizon: origins.horizon,
      spacing: origins.ends.first.map { origins.limit - $0 } ?? 1,
      least: least)
  }

  /// The errors that tell how far off forecasts are. Where all of the earlier ones are none and most of those since are
  /// some, a series that stood still begins to move: its stillness, which is left out as NaN, would make an interval
  /// without any width (what errors tell holds for later ones where these are of the same kind, Vovk et al. 2005).
  ///
  /// - Parameters:
  ///   - errors: For each end, step by step.
  ///   - least: No larger error is none.
  static func sinceMoving(_ errors: [[Double]], ends: [Int], least: Double) -> [[Double]] {
    let told = zip(ends, errors).flatMap { end, row in
      row.enumerated().filter(\.element.isFinite).map { (row: end + $0.offset, isOff: abs($0.element) > least) }
    }
    guard let start = told.filter(\.isOff).map(\.row).min() else { return errors }
    let since = told.filter { $0.row >= start }
    guard since.count < told.count, 2 * since.count(where: \.isOff) > since.count else { return errors }
    return zip(ends, errors).map { end, row in row.enumerated().map { end + $0.offset < start ? .nan : $0.element } }
  }

  /// Chosen on public series other than those that figures are told of; the result depends little on them.
  private static let basePower = 2.0, powerGrowth = 1.0, worst = 2.0, most = 8, trust = 2.0

  /// The forecast of them together, from those of the members in their order.
  func path(of forecasts: [[Double]]) -> [Double] { Self.path(members, medianShare, of: forecasts) }

  private static func path(_ members: [Member], _ medianShare: Double, of forecasts: [[Double]]) -> [Double] {
    guard let first = forecasts.first else { return [] }
    return first.indices.map { step in
      let values = forecasts.map { $0[step] }
      let mean = zip(members, values).reduce(0) { $0 + $1.0.weight * $1.1 }
      let sorted = values.sorted()
      let median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
      return (1 - medianShare) * mean + medianShare * median
    }
  }
}
