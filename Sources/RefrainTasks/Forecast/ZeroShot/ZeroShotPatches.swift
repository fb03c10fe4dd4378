import RealModule

/// A series cut into patches, as a ``ZeroShotNetwork`` reads it.
package struct ZeroShotPatches: Sendable {
  static let patch = ZeroShotNetwork.patch
  /// Values and which are known; the candidates for the next patch; the errors of the last ones in sum, and of one of
  /// them each; and eight numbers about the series.
  static let features = (3 + ZeroShotCandidates.count) * patch + 2 * ZeroShotCandidates.count + 8
  /// The features and the candidates as they are.
  package static let width = features + ZeroShotCandidates.count * patch

  /// `[T · width]`
  package private(set) var input: [Float] = []
  /// What values are told from, for each patch, in the unit of the series.
  package private(set) var levels: [Double] = []
  /// The unit that values are told in: a usual difference of values a season apart.
  package let scale: Double
  /// The candidates of the patches after the last one that the network reads, `[patch][candidate][step]`.
  package private(set) var later: [[[Double]]] = []

  /// - Parameters:
  ///   - values: The series; NaN is missing. Its length is a number of whole patches.
  ///   - season: 1 for none.
  ///   - known: How many of the values the unit is found from.
  ///   - more: How many patches after the last are wanted in ``later``.
  package init(_ values: [Double], season: Int, known: Int, more: Int = 0) {
    let patch = Self.patch
    scale = Self.scale(Array(values.prefix(known)), season: season)
    let count = values.count / patch
    var candidates = ZeroShotCandidates(
      values + [Double](repeating: .nan, count: more * patch), season: season)
    var expected: [[Double]] = []
    var level = values.first(where: \.isFinite) ?? 0
    var (seen, zeros, silence) = (0, 0, 0)
    var least = Double.infinity
    input.reserveCapacity(count * Self.width)
    for start in stride(from: 0, to: count * patch, by: patch) {
      let own = Array(values[start..<start + patch])
      let known = own.filter(\.isFinite).sorted()
      let before = level
      if !known.isEmpty { level = (known[(known.count - 1) / 2] + known[known.count / 2]) / 2 }
      let isFirst = seen == 0
      seen += known.count
      zeros += known.count { $0 == 0 }
      silence = known.isEmpty ? silence + 1 : 0
      least = min(least, known.first ?? least)
      let (reference, scale) = (level, scale)
      func told(_ value: Double) -> Float { Self.bounded((value - reference) / scale) }
      input += own.map { $0.isFinite ? told($0) : 0 }
      input += own.map { $0.isFinite ? 1 : 0 }
      appendErrors(of: isFirst ? [] : expected, to: own, count: known.count)
      input += [
        isFirst ? 0 : Self.bounded((level - before) / scale), season > 1 ? Float.log(Float(season)) / 4 : 0,
        season > 1 ? 1 : 0, Float.log(Float(1 + seen)) / 4, Float(min(silence, 16)) / 4,
        Self.bounded(level / scale), Float(zeros) / Float(max(seen, 1)),
        least.isFinite ? told(least) : 0,
      ]
      candidates.read(before: start + patch)
      expected = candidates.forecasts(patch)
      for candidate in expected { input += candidate.map(told) }
      for candidate in expected { input += candidate.map { Float(max(-1e4, min(1e4, ($0 - reference) / scale))) } }
      levels.append(level)
    }
    for number in 0..<more {
      candidates.read(before: (count + number) * patch + patch)
      later.append(candidates.forecasts(patch))
    }
  }

  /// The errors of what was expected of a patch: their means, the means of their sizes, and those of one candidate.
  private mutating func appendErrors(of expected: [[Double]], to own: [Double], count: Int) {
    guard !expected.isEmpty, count > 0 else {
      input += [Float](repeating: 0, count: 2 * ZeroShotCandidates.count + Self.patch)
      return
    }
    for candidate in expected {
      var (sum, size) = (0.0, 0.0)
      for (value, guess) in zip(own, candidate) where value.isFinite {
        sum += value - guess
        size += abs(value - guess)
      }
      input.append(Self.bounded(sum / Double(count) / scale))
      input.append(Self.bounded(size / Double(count) / scale))
    }
    input += zip(own, expected[ZeroShotCandidates.main]).map { $0.isFinite ? Self.bounded(($0 - $1) / scale) : 0 }
  }

  /// The mean size of differences, of which the largest count no more than four times the median; of a season that
  /// never changes, a little of what differs from row to row.
  static func scale(_ values: [Double], season: Int) -> Double {
    func differences(_ lag: Int) -> [Double] {
      zip(values.dropFirst(lag), values).compactMap { $0.isFinite && $1.isFinite ? abs($0 - $1) : nil }
    }
    let steps = differences(1)
    var all = season > 1 && season < values.count ? differences(season) : []
    if all.count < 6 { all = steps }
    let size = values.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
    guard !all.isEmpty else { return size > 0 ? size / 4 : 1 }
    let median = all.sorted()[all.count / 2]
    let limit = median > 0 ? 4 * median : .infinity
    let mean = all.reduce(0) { $0 + min($1, limit) } / Double(all.count)
    let step = steps.reduce(0) { $0 + $1 / Double(steps.count) }
    return max(mean, 0.01 * step, size * 1e-6, 1e-12)
  }

  /// Large numbers, smaller.
  private static func bounded(_ value: Double) -> Float {
    let value = Float(value)
    return abs(value) <= 4 ? value : (value < 0 ? -1 : 1) * (4 + Float.log(abs(value) / 4) * 4)
  }
}
