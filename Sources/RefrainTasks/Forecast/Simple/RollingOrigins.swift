/// The moments in a training part from which forecasts are made and compared with what came then.
struct RollingOrigins: Sendable {
  /// The rows before which the forecasts begin, rising. From the last ones less than a horizon is known.
  let ends: [Int]
  /// The end of the training part.
  let limit: Int
  let horizon: Int

  /// - Parameters:
  ///   - limit: How many rows there are.
  ///   - least: How many rows must lie before the first.
  ///   - most: No more moments than this.
  init(limit: Int, horizon: Int, least: Int, most: Int = .max) {
    let span = max(limit / 2, 2)
    let first = min(max(limit - span, least), limit - 1)
    let count = min(limit - first, limit > 1500 ? 60 : limit > 300 ? 40 : 24, most)
    // The last row but one must be among them, as much of the horizon as is known.
    self.init(
      ends: first < 1
        ? [] : (0..<count).map { first + $0 * (limit - first) / count }, limit: limit, horizon: horizon)
  }

  init(ends: [Int], limit: Int, horizon: Int) {
    self.ends = ends
    self.limit = limit
    self.horizon = horizon
  }

  /// These and later ones, of a longer past.
  func extended(by later: [Int], limit: Int) -> RollingOrigins {
    RollingOrigins(ends: Set(ends + later).sorted(), limit: limit, horizon: horizon)
  }

  /// What came after an end, as far as it is known.
  func truth(_ values: [Double], after end: Int) -> ArraySlice<Double> { values[end..<min(end + horizon, limit)] }
}
