import Refrain
import RefrainData

extension Forecaster {
  /// The most sample paths that may be asked for.
  static let mostSamples = 10_000

  /// Paths of the future as likely as each other: at each step their values are the quantiles of the forecast, and from
  /// step to step they hang together as past errors did.
  ///
  /// - Parameters:
  ///   - ends: What the network alone says of each step: three quantiles; used where there is no combination.
  ///   - id: Which of several series it is; they are drawn independently of each other.
  /// - Returns: `[count][horizon]`.
  func samples(
    _ count: Int, of ways: ForecastWays, _ combination: Combination?, network quantiles: [[Double]], id: String?
  ) -> [[Double]] {
    guard count > 0 else { return [] }
    // Another seed for each series, the same in every run.
    let own = (id ?? "").utf8.reduce(14_695_981_039_346_656_037 as UInt64) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    var generator = RandomGenerator(seed: plan.seed ^ own)
    let levels = (0..<count).map { (Double($0) + 0.5) / Double(count) }
    let values =
      combination.map { ways.quantiles($0, at: [ways.windows.count], levels: levels)[0] }
      ?? quantiles.map { step in
        levels.map { level in
          let width = abs(normalQuantile(level) / normalQuantile(0.9))
          return ways.windows.bounds(step[1] + width * (level < 0.5 ? step[0] - step[1] : step[2] - step[1]))
        }
      }
    let positions =
      combination?.ranks?.positions(count, horizon: plan.horizon, using: &generator)
      ?? walks(count, using: &generator)
    return positions.shuffling(values)
  }

  /// Errors that add up from step to step, or from season to season, as those of a forecast do that repeats the last:
  /// what is taken where too few forecasts of the past tell how errors hang together.
  private func walks(_ count: Int, using generator: inout RandomGenerator) -> [[Double]] {
    (0..<count).map { _ in
      var walk: [Double] = []
      for step in 0..<plan.horizon {
        walk.append(Double(generator.normal()) + (step < plan.base ? 0 : walk[step - plan.base]))
      }
      return walk
    }
  }
}
