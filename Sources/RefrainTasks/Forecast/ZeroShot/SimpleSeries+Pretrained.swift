import RefrainData

extension SimpleSeries {
  /// Whether the pretrained network is one of the ways to forecast from `first` values.
  static func hasPretrained(from first: Int) -> Bool {
    guard first >= 3, case .success = ZeroShotWeights.shipped else { return false }
    return true
  }

  /// The medians of the pretrained network, scaled, `[ends][horizon]`.
  func pretrainedForecasts(at ends: [Int]) -> [[Double]] {
    let new = ends.filter { pretrained[$0] == nil }
    let made = Dictionary(zip(new, askedPretrained(at: new))) { first, _ in first }
    return ends.map { end in made[end] ?? (pretrained[end] ?? []).map(scaler.scale) }
  }

  /// Keeps the forecasts from some ends, for whoever asks for them later.
  mutating func askPretrained(at ends: [Int]) {
    for (end, path) in zip(ends, askedPretrained(at: ends)) { pretrained[end] = path.map(scaler.unscale) }
  }

  private func askedPretrained(at ends: [Int]) -> [[Double]] {
    guard !ends.isEmpty, let network = try? ZeroShotWeights.shipped.get() else { return ends.map { _ in [] } }
    let middle = ZeroShotNetwork.quantiles.count / 2
    return pretrainedQuantiles(network, at: ends).map { $0.map { $0[middle] } }
  }

  /// The quantiles of a network, scaled, `[ends][horizon][quantiles]`. It is told values that are not standardized: it
  /// knows zero, and what lies far from it.
  func pretrainedQuantiles(_ network: ZeroShotNetwork, at ends: [Int]) -> [[[Double]]] {
    let told = values.map { $0 * scaler.deviation + scaler.mean }
    // A few at a time: each is a copy of the past.
    return stride(from: 0, to: ends.count, by: 64).flatMap { start in
      let pasts = ends[start..<min(start + 64, ends.count)].map { end in
        Array(told[max(0, end - ZeroShotNetwork.reach)..<end])
      }
      return network.forecasts(continuing: pasts, season: season, horizon: horizon).map { path in
        path.map { $0.map { ($0 - scaler.mean) / scaler.deviation } }
      }
    }
  }
}
