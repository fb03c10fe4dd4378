import RealModule
import Refrain

extension ZeroShotNetwork {
  /// The quantiles of what follows some values, `[horizon][quantiles]` in rising order.
  ///
  /// - Parameter values: NaN is missing; the newest ``reach`` of them are read.
  package func forecast(continuing values: [Double], season: Int, horizon: Int) -> [[Double]] {
    forecasts(continuing: [values], season: season, horizon: horizon)[0]
  }

  /// The same for several pasts at once, `[series][horizon][quantiles]`.
  package func forecasts(continuing pasts: [[Double]], season: Int, horizon: Int) -> [[[Double]]] {
    let patch = Self.patch
    let largest = Double.greatestFiniteMagnitude
    let all = (horizon + patch - 1) / patch
    let near = min(all, Self.ahead)
    let longest = max(1, min(pasts.map(\.count).max() ?? 0, Self.reach))
    let before = (longest + patch - 1) / patch
    var units: [Double] = []
    let offsets = pasts.map { Self.offset($0.suffix(Self.reach)) }
    let patches = zip(pasts, offsets).map { past, offset in
      // The largest value is the unit, so that no difference overflows.
      let seen = past.suffix(Self.reach).map { $0 - offset }
      let size = seen.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
      let unit = size.isNormal ? size : 1
      units.append(unit)
      let missing = [Double](repeating: .nan, count: before * patch - seen.count)
      return ZeroShotPatches(
        missing + seen.map { $0 / unit } + [Double](repeating: .nan, count: (near - 1) * patch), season: season,
        known: before * patch, more: all - near)
    }
    let time = before + near - 1
    let input = Tensor(patches.flatMap(\.input), shape: [pasts.count, time, ZeroShotPatches.width])
    let (trust, added) = parts(input)
    let (shares, sums) = (trust.values, added.values)
    let values = Values(shares: shares, sums: sums)
    return patches.enumerated().map { row, patches in
      if let constant = Self.constant(pasts[row]) {
        return Array(repeating: Array(repeating: constant, count: Self.quantiles.count), count: horizon)
      }
      return (0..<horizon).map { step in
        let place = before - 1 + min(step / patch, near - 1)
        let told =
          step / patch < near
          ? values.quantiles(patches, at: place, number: row * time + place, step: step % patch)
          : values.quantiles(patches, later: step / patch - near, number: row * time + place, step: step % patch)
        return told.sorted().map { max(-largest, min(largest, $0 * units[row] + offsets[row])) }
      }
    }
  }

  /// What is taken off values that lie so far from zero that it is not known how far: beside it, what they differ by
  /// would be too little to be told.
  private static func offset(_ values: ArraySlice<Double>) -> Double {
    let known = values.lazy.filter(\.isFinite)
    guard let lowest = known.min(), let highest = known.max() else { return 0 }
    let far = 1e4 * (highest - lowest)
    guard far > 0, max(abs(lowest), abs(highest)) > 2 * far else { return 0 }
    return lowest > 0 ? lowest - far : highest + far
  }

  /// The value that all known ones are, of two at least; 0 where none is known.
  private static func constant(_ values: [Double]) -> Double? {
    let known = values.suffix(reach).filter(\.isFinite)
    guard let first = known.first else { return 0 }
    return known.count > 1 && known.allSatisfy { $0 == first } ? first : nil
  }

  /// What a network said of all patches.
  private struct Values {
    let shares: [Float], sums: [Float]
    private var patch: Int { ZeroShotNetwork.patch }
    private var width: Int { ZeroShotNetwork.quantiles.count }
    private var count: Int { ZeroShotCandidates.count }

    /// The quantiles of a step of the patch after one.
    func quantiles(_ patches: ZeroShotPatches, at place: Int, number: Int, step: Int) -> [Double] {
      let first = place * ZeroShotPatches.width + ZeroShotPatches.features + step
      let share = (number * patch + step) * count
      let middle = (0..<count).reduce(0.0) {
        $0 + Double(shares[share + $1]) * Double(patches.input[first + $1 * patch])
      }
      let sum = (number * patch + step) * width
      return sums[sum..<sum + width].map { patches.levels[place] + (middle + Double($0)) * patches.scale }
    }

    /// The quantiles of a step further ahead than the network is asked about: what it says of the last patch, on
    /// average.
    func quantiles(_ patches: ZeroShotPatches, later: Int, number: Int, step: Int) -> [Double] {
      var middle = 0.0
      for candidate in 0..<count {
        let share = (0..<patch).reduce(0.0) { $0 + Double(shares[(number * patch + $1) * count + candidate]) }
        middle += share / Double(patch) * patches.later[later][candidate][step]
      }
      return (0..<width).map { quantile in
        let added = (0..<patch).reduce(0.0) { $0 + Double(sums[(number * patch + $1) * width + quantile]) }
        return middle + added / Double(patch) * patches.scale
      }
    }
  }
}
