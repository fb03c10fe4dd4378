/// A value that stands several times where it can hardly be one, as programs write where one is missing: 1e20, or
/// nines.
package struct FillerValue {
  /// The value.
  package let value: Double
  /// How often it stands there.
  package let count: Int
  /// The place of the first.
  package let first: Int
  /// Why it can hardly be one: "far beyond the rest".
  package let reason: String

  /// The value, in digits.
  package var shown: String { abs(value) < 1e15 && value == value.rounded() ? "\(Int(value))" : "\(value)" }

  /// Nil where there is none.
  ///
  /// - Parameter values: NaN is missing.
  package init?(in values: [Double]) {
    let known = values.filter { !$0.isNaN }
    guard let lowest = known.min(), let highest = known.max(), lowest < highest else { return nil }
    for value in [highest, lowest] {
      var (count, low, high) = (0, Double.infinity, -Double.infinity)
      for other in known {
        if other == value { count += 1 } else { (low, high) = (min(low, other), max(high, other)) }
      }
      let isNines =
        abs(value) >= 99 && abs(value) < 1e9 && Int(exactly: abs(value)).map { Set(String($0)) == ["9"] } == true
      let distance = max(value - high, low - value)
      let largest = max(abs(low), abs(high))
      // Nines below 0 in what never is below 0 are no value, however near they lie.
      let isImpossible = isNines && value < 0 && low >= 0
      let isFar =
        abs(value) >= 3 * largest
        && (distance > 1000 * (high - low) || distance > 3 * (high - low) && (isNines || abs(value) >= 1e15))
      guard count > 1, count * 2 < known.count, high > low, isFar || isImpossible,
        let first = values.firstIndex(of: value)
      else { continue }
      let times = abs(value) / largest
      reason =
        !isFar
        ? "below 0, where no other is"
        : largest > 0 && times < 1e6 ? "\(Int(times)) times beyond the rest" : "far beyond the rest"
      (self.value, self.count, self.first) = (value, count, first)
      return
    }
    return nil
  }
}
