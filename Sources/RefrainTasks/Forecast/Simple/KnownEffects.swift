/// What is known ahead (a holiday, a promotion) and how far it moves a series: the same everywhere, found by least
/// squares on what is left of series and covariates without their slow movement and their season.
enum KnownEffects {
  /// The effect of one unit of each covariate; nil where they foretell nothing that was not seen.
  ///
  /// - Parameters:
  ///   - values: The scaled series.
  ///   - observed: Which of them there are; empty for all.
  ///   - covariates: Scaled, as many values each.
  ///   - season: 1 for none.
  static func fitted(
    _ values: [Double], observed: [Bool], covariates: [[Double]], season: Int
  ) -> [Double]? {
    let count = values.count
    guard !covariates.isEmpty, count >= 12 else { return nil }
    let target = withoutMovement(values, season: season)
    let inputs = covariates.map { withoutMovement($0, season: season) }
    let rows = (0..<count).filter { observed.isEmpty || observed[$0] }
    guard rows.count > 2 * covariates.count + 4 else { return nil }
    // Five runs of rows, each foretold by the others.
    let parts = 5
    var (own, zero) = (0.0, 0.0)
    for part in 0..<parts {
      let held = rows[part * rows.count / parts..<(part + 1) * rows.count / parts]
      guard !held.isEmpty else { continue }
      let others = rows.filter { $0 < held.first! || $0 > held.last! }
      guard let effects = solved(target, inputs, others) else { return nil }
      for row in held {
        let rest = target[row] - zip(effects, inputs).reduce(0) { $0 + $1.0 * $1.1[row] }
        own += rest * rest
        zero += target[row] * target[row]
      }
    }
    guard own < 0.97 * zero else { return nil }
    return solved(target, inputs, rows)
  }

  private static func solved(_ target: [Double], _ inputs: [[Double]], _ rows: [Int]) -> [Double]? {
    let size = inputs.count
    var matrix = [Double](repeating: 0, count: size * size)
    var product = [Double](repeating: 0, count: size)
    for first in 0..<size {
      for row in rows { product[first] += inputs[first][row] * target[row] }
      for second in 0...first {
        let sum = rows.reduce(0) { $0 + inputs[first][$1] * inputs[second][$1] }
        matrix[first * size + second] = sum
        matrix[second * size + first] = sum
      }
    }
    let mean = (0..<size).reduce(0) { $0 + matrix[$1 * size + $1] } / Double(size)
    guard mean > 0 else { return nil }
    // As much as half an event, so that what was seen once is not believed whole; categories add up to 1.
    for index in 0..<size { matrix[index * size + index] += 0.02 * mean + 1e-9 }
    let effects = CholeskyFactor(matrix, size: size)?.solve(product)
    return effects.flatMap { $0.allSatisfy(\.isFinite) ? $0 : nil }
  }

  /// Values less their moving average, and less the mean at each place of the season.
  private static func withoutMovement(_ values: [Double], season: Int) -> [Double] {
    let reach = max(season > 1 && season <= 60 ? season / 2 : 0, 3)
    var sums = [0.0]
    for value in values { sums.append(sums[sums.count - 1] + value) }
    var rest = values.indices.map { row in
      let (low, high) = (max(0, row - reach), min(values.count, row + reach + 1))
      return values[row] - (sums[high] - sums[low]) / Double(high - low)
    }
    guard season > 1, values.count >= 3 * season else { return rest }
    for place in 0..<season {
      let rows = stride(from: place, to: rest.count, by: season)
      let mean = rows.reduce(0) { $0 + rest[$1] } / Double((rest.count - place + season - 1) / season)
      for row in rows { rest[row] -= mean }
    }
    return rest
  }
}
