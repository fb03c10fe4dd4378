/// How far answers were off on rows that were kept aside, and the intervals that follow: of new rows like these, the
/// stated share at least lies within (split conformal prediction; Papadopoulos et al. 2002, Lei et al. 2018).
struct Residuals: Codable, Sendable, Equatable {
  /// Truth less answer, rising; at most ``limit``, evenly chosen.
  private let errors: [Double]
  /// How many there were.
  let count: Int

  private static let limit = 2_000

  /// From the errors of rows that were not trained on.
  init(_ errors: [Double]) {
    let sorted = errors.filter(\.isFinite).sorted()
    let all = sorted.count
    let kept = min(all, Self.limit)
    count = all
    self.errors = (0..<kept).map { sorted[kept == all ? $0 : $0 * (all - 1) / (kept - 1)] }
  }

  /// Whether a file's errors can be.
  var isSound: Bool {
    errors.count == min(max(count, 0), Self.limit) && errors.allSatisfy(\.isFinite)
      && zip(errors, errors.dropFirst()).allSatisfy { $0 <= $1 }
  }

  /// How far below and above an answer the interval reaches; nil where there are too few errors to say.
  ///
  /// - Parameter level: The share of truths that it is to hold, in percent.
  func offsets(_ level: Double) -> (low: Double, high: Double)? {
    // The k-th smallest of n errors is not below that of a new row with probability k / (n + 1).
    let tail = (1 - level / 100) / 2 * Double(count + 1)
    // 0.1 · 10 is 1, whatever the last bit says.
    let place = Int(tail + 1e-9)
    guard place >= 1 else { return nil }
    let scale = errors.count == count ? 1 : Double(errors.count - 1) / Double(count - 1)
    let low = Int((Double(place - 1) * scale).rounded(.down))
    let high = Int((Double(count - place) * scale).rounded(.up))
    return (errors[low], errors[min(high, errors.count - 1)])
  }
}
