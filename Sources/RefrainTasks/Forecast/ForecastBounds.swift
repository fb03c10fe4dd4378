import RefrainData

/// What values a series can have, as far as its past shows it.
struct ForecastBounds: Codable, Sendable, Equatable {
  /// No forecast lies below: 0 for what was never negative.
  var lowest: Double?
  /// No forecast lies above: 100 for percentages.
  var highest: Double?
  /// Whether all are whole numbers.
  var isWhole = false

  /// Nothing is known.
  init() {}

  /// - Parameters:
  ///   - values: What was observed, of the training part.
  ///   - isPercentage: Whether the file calls them percentages.
  init(_ values: some Collection<Double>, isPercentage: Bool) {
    guard let least = values.min(), let most = values.max() else { return }
    if least >= 0 { lowest = 0 }
    isWhole = values.count >= 8 && most > least && values.allSatisfy { $0 == $0.rounded() && abs($0) < 0x1p53 }
    if isWhole, Self.areAll(least, most, of: Array(values)) { (lowest, highest) = (least, most) }
    guard least >= 0, most > least, highest == nil else { return }
    // What reaches 1 or 100 more than once and never goes beyond is bounded there.
    let isShare = !isWhole && most <= 1 && values.count { $0 == 1 } > 1
    if isShare {
      highest = 1
    } else if most <= 100, isPercentage || values.count(where: { $0 == 100 }) > 2 {
      highest = 100
    }
  }

  /// Whether whole numbers, of which these are the least and the most, can be no others: no and yes, or a few steps of
  /// a scale whose both ends were reached and left again often, where a count would have gone beyond.
  private static func areAll(_ least: Double, _ most: Double, of values: [Double]) -> Bool {
    if least == 0, most == 1 { return true }
    guard most - least <= 10 else { return false }
    return [least, most].allSatisfy { end in
      values.count { $0 == end } >= max(10, values.count / 20)
        && zip(values, values.dropFirst()).count { $0 == end && $1 != end } >= 3
    }
  }

  /// The bounds without those that other values do not keep.
  func allowing(_ values: some Collection<Double>) -> ForecastBounds {
    var bounds = self
    if let lowest, values.contains(where: { $0 < lowest }) { bounds.lowest = nil }
    if let highest, values.contains(where: { $0 > highest }) { bounds.highest = nil }
    return bounds
  }

  /// The nearest value that can be.
  func callAsFunction(_ value: Double) -> Double {
    var value = isWhole ? value.rounded(.toNearestOrEven) : value
    if let lowest { value = max(lowest, value) }
    if let highest { value = min(highest, value) }
    // A zero without a sign: -0.0 looks like less than there can be.
    return value + 0
  }
}

extension Series {
  /// What its values can be, from the first `count` of them.
  func bounds(within count: Int) -> ForecastBounds {
    let kept = values.prefix(count).enumerated().filter { isObserved($0.offset) }.map(\.element)
    return ForecastBounds(kept, isPercentage: isPercentage)
  }
}
