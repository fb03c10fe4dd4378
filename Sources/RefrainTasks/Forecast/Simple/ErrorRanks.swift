import Refrain
import RefrainFoundation

/// How the errors at the steps of one forecast hang together: for some past forecasts, the rank of each step's error
/// among all errors at that step. It is an empirical copula: paths drawn from it keep the dependence of steps whatever
/// the quantiles of each step are (the Schaake shuffle, Clark et al. 2004; Schefzik, Thorarinsdottir, Gneiting 2013).
struct ErrorRanks: Codable, Sendable {
  /// `[paths][horizon]`, a rank in 256ths of all a byte, so that a model of many series stays small.
  private let ranks: Data

  /// With fewer paths than these there is no telling; more tell little more.
  private static let (least, most) = (4, 40)

  /// - Parameter errors: Truth less forecast, for each origin, for as many steps as are known.
  /// - Returns: Nil where too few origins know the greater part of their horizon.
  init?(errors: [[Double]], horizon: Int) {
    let told = errors.filter { row in 2 * row.prefix(horizon).count(where: \.isFinite) >= max(horizon, 1) }
    guard told.count >= Self.least else { return nil }
    let count = min(told.count, Self.most)
    let chosen = (0..<count).map { told[$0 * (told.count - 1) / (count - 1)] }
    var shares = [[Double]](repeating: Array(repeating: .nan, count: horizon), count: count)
    for step in 0..<horizon {
      let known = chosen.indices.filter { step < chosen[$0].count && chosen[$0][step].isFinite }
      for place in known {
        let own = chosen[place][step]
        let (below, equal) = known.reduce((0, 0)) { sums, other in
          let value = chosen[other][step]
          return (sums.0 + (value < own ? 1 : 0), sums.1 + (value == own ? 1 : 0))
        }
        shares[place][step] = (Double(below) + Double(equal) / 2) / Double(known.count)
      }
    }
    ranks = Data(shares.flatMap(Self.filled).map { UInt8(min(max($0 * 256, 0), 255)) })
  }

  /// The ranks with that of the nearest known step, the earlier first, in place of each that is not known.
  private static func filled(_ shares: [Double]) -> [Double] {
    var filled = shares
    for step in shares.indices.dropFirst() where filled[step].isNaN { filled[step] = filled[step - 1] }
    for step in shares.indices.reversed().dropFirst() where filled[step].isNaN { filled[step] = filled[step + 1] }
    return filled
  }

  /// Whether ranks read from a file can be used.
  func isSound(horizon: Int) -> Bool {
    horizon > 0 && ranks.count % horizon == 0
      && (Self.least...Self.most).contains(ranks.count / horizon)
  }

  /// Draws positions within the distributions of the steps: each path has the ranks of one past forecast, moved within
  /// their reach.
  ///
  /// - Returns: `[count][horizon]`.
  func positions(_ count: Int, horizon: Int, using generator: inout RandomGenerator) -> [[Double]] {
    let paths = ranks.count / horizon
    var order: [Int] = []
    return (0..<count).map { _ in
      // Each past forecast comes as often as the others.
      if order.isEmpty { order = generator.permutation(paths) }
      let first = order.removeLast() * horizon
      let shift = (Double(generator.uniform()) - 0.5) / Double(paths)
      return (first..<first + horizon).map { (Double(ranks[ranks.startIndex + $0]) + 0.5) / 256 + shift }
    }
  }
}

extension [[Double]] {
  /// Values at each step in the order that positions drawn for it have: `[paths][horizon]`, as these.
  ///
  /// - Parameter values: For each step as many as there are paths.
  func shuffling(_ values: [[Double]]) -> [[Double]] {
    var paths = self
    for (step, sorted) in values.map({ $0.sorted() }).enumerated() {
      let order = indices.sorted { (self[$0][step], $0) < (self[$1][step], $1) }
      for (rank, path) in order.enumerated() { paths[path][step] = sorted[rank] }
    }
    return paths
  }
}
