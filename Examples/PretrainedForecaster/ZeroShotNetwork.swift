import RealModule
import Refrain

/// A recurrent network that continues series it was never trained on.
///
/// It reads a series in patches of ``patch`` values, and after each says the quantiles of the next patch as corrections
/// of a base: the value one season before, or the last one. Patches that are not known yet go in as missing ones, so
/// any number of steps is reached. Values are told from the level of their patch, in units of the mean difference of
/// values a season apart, so that scale and level do not matter.
package struct ZeroShotNetwork: Module {
  /// The values read, and said, at a step of the network.
  package static let patch = 8
  package static let quantiles: [Float] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
  /// What goes in at a step: values, which of them are known, the base of the next patch, which of it is a season's,
  /// and how long the season is.
  package static let features = 4 * patch + 1
  /// No more values than this are read.
  package static let reach = 512

  package var entry: Dense
  package var recurrent: Stacked<Recurrent<LSTMCell>>
  package var head: Dense

  package init(hiddenSize: Int, layers: Int = 2, using generator: inout RandomGenerator) {
    entry = Dense(inputSize: Self.features, outputSize: hiddenSize, using: &generator)
    recurrent = Stacked(
      inputSize: hiddenSize, hiddenSizes: Array(repeating: hiddenSize, count: layers), returning: .everyStep,
      using: &generator)
    head = Dense(inputSize: hiddenSize, outputSize: Self.patch * Self.quantiles.count, using: &generator)
    head.weight = head.weight * 0.1
  }

  package mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try entry.forEachTensor(under: "entry", body)
    try recurrent.forEachTensor(under: "recurrent", body)
    try head.forEachTensor(under: "head", body)
  }

  /// Corrections of the bases, `[B, T, patch, Q]`, from features `[B, T, I]`.
  package func callAsFunction(_ input: Tensor) -> Tensor {
    let (batch, time) = (input.shape[0], input.shape[1])
    return head(recurrent(tanh(entry(input)))).reshaped([batch, time, Self.patch, Self.quantiles.count])
  }
}

/// A series cut into patches, as a ``ZeroShotNetwork`` reads it.
package struct ZeroShotPatches: Sendable {
  /// `[T · I]`
  package private(set) var features: [Float] = []
  /// What the base of each next patch is, in the unit of the series, `[T · patch]`.
  package private(set) var bases: [Double] = []
  /// The unit: the mean difference of values a season apart.
  package let scale: Double
  package private(set) var count = 0

  /// - Parameters:
  ///   - values: The series; NaN is missing. Its length is a number of whole patches.
  ///   - season: 1 for none.
  ///   - known: How many of the values the unit is found from.
  package init(_ values: [Double], season: Int, known: Int) {
    let patch = ZeroShotNetwork.patch
    let seasonal = season < known ? season : 1
    var (sum, pairs) = (0.0, 0.0)
    if known > seasonal {
      for index in seasonal..<known where values[index].isFinite && values[index - seasonal].isFinite {
        sum += abs(values[index] - values[index - seasonal])
        pairs += 1
      }
    }
    let size = values.prefix(known).reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
    scale = max(pairs > 0 ? sum / pairs : 0, size * 1e-6, 1e-12)
    var level = values.first(where: \.isFinite) ?? 0
    var last = level
    let length = Float.log(Float(season)) / 4
    count = values.count / patch
    features.reserveCapacity(count * ZeroShotNetwork.features)
    for start in stride(from: 0, to: count * patch, by: patch) {
      let own = values[start..<start + patch]
      let seen = own.filter(\.isFinite)
      if !seen.isEmpty { level = seen.reduce(0, +) / Double(seen.count) }
      if let newest = own.last(where: \.isFinite) { last = newest }
      features += own.map { $0.isFinite ? Self.bounded(($0 - level) / scale) : 0 }
      features += own.map { $0.isFinite ? 1 : 0 }
      var areSeasonal: [Float] = []
      for index in start + patch..<start + 2 * patch {
        var base: Double?
        if season > 1 {
          var back = index - season
          while back >= start + patch { back -= season }
          while back >= 0, base == nil {
            if values[back].isFinite { base = values[back] }
            back -= season
          }
        }
        areSeasonal.append(base == nil ? 0 : 1)
        bases.append(base ?? last)
        features.append(Self.bounded(((base ?? last) - level) / scale))
      }
      features += areSeasonal
      features.append(length)
    }
  }

  /// Large numbers, smaller.
  private static func bounded(_ value: Double) -> Float {
    let value = Float(value)
    return abs(value) <= 4 ? value : (value < 0 ? -1 : 1) * (4 + Float.log(abs(value) / 4) * 4)
  }
}

extension ZeroShotNetwork {
  /// The quantiles of what follows some values, `[horizon][quantiles]` in rising order.
  ///
  /// - Parameter values: NaN is missing.
  package func forecast(continuing values: [Double], season: Int, horizon: Int) -> [[Double]] {
    forecasts(continuing: [values], season: season, horizon: horizon)[0]
  }

  /// The same for several pasts at once.
  package func forecasts(continuing pasts: [[Double]], season: Int, horizon: Int) -> [[[Double]]] {
    let patch = Self.patch
    let ahead = (horizon + patch - 1) / patch
    let longest = min(pasts.map(\.count).max() ?? 0, Self.reach)
    let before = (longest + patch - 1) / patch
    let all = pasts.map { past in
      let seen = past.suffix(Self.reach)
      let padding = [Double](repeating: .nan, count: before * patch - seen.count)
      return ZeroShotPatches(
        padding + seen + [Double](repeating: .nan, count: (ahead - 1) * patch), season: season, known: before * patch)
    }
    let time = before + ahead - 1
    let input = Tensor(all.flatMap(\.features), shape: [pasts.count, time, Self.features])
    let output = self(input).values
    let width = Self.quantiles.count
    return all.enumerated().map { row, patches in
      (0..<horizon).map { step in
        let place = (before - 1) * patch + step
        let start = (row * time * patch + place) * width
        return output[start..<start + width].sorted().map { patches.bases[place] + Double($0) * patches.scale }
      }
    }
  }
}
