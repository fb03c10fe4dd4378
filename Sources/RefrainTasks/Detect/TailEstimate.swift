import RealModule

/// How rarely a stream has values as far out as one: the tail of its distribution beyond the most extreme values seen
/// so far, on both sides, by a generalized Pareto distribution of their excesses (peaks over a threshold; Siffer et al.
/// 2017). It learns from each value after it has judged it.
struct TailEstimate: Codable, Sendable, Equatable {
  /// By how many values on each side the tail is judged.
  let kept: Int
  /// How many values are held on each side, where ``thin(for:)`` is to leave as many as are judged by; nil is as many.
  private let room: Int?
  /// How many values were seen, or stand for those that were.
  private(set) var count = 0
  /// The greatest values, and the negatives of the least, each in falling order.
  private var greatest: [Double] = []
  private var least: [Double] = []

  init(kept: Int, isThinned: Bool = false) {
    self.kept = kept
    room = isThinned ? 2 * kept : nil
  }

  /// −log₁₀ of the share of values that lie farther out; 0 for what is not among the extremes, or while too few values
  /// were seen to say.
  ///
  /// - Parameter value: Finite.
  func score(_ value: Double) -> Double {
    guard count >= 4 * kept, let top = greatest.first, let bottom = least.first else { return 0 }
    let range = top + bottom
    return max(
      Self.score(value, beyond: greatest, of: count, range: range),
      Self.score(-value, beyond: least, of: count, range: range))
  }

  /// Learns a value.
  mutating func insert(_ value: Double) {
    Self.insert(value, into: &greatest, kept: room ?? kept)
    Self.insert(-value, into: &least, kept: room ?? kept)
    count += 1
  }

  private static func insert(_ value: Double, into values: inout [Double], kept: Int) {
    guard values.count < kept || value > values[values.count - 1] else { return }
    let index = values.firstIndex { $0 < value } ?? values.count
    values.insert(value, at: index)
    if values.count > kept { values.removeLast() }
  }

  private static func score(_ value: Double, beyond top: [Double], of count: Int, range: Double) -> Double {
    let threshold = top[top.count - 1]
    let excess = value - threshold
    guard excess > 0 else { return 0 }
    var (mean, square) = (0.0, 0.0)
    for other in top {
      mean += other - threshold
      square += (other - threshold) * (other - threshold)
    }
    let degrees = Double(top.count - 1)
    // Values that are all the same have no tail; a twentieth of the range is the least that is taken for one.
    mean = max(mean / degrees, range / 20, 1e-9)
    square /= degrees
    // The moments' estimate of the shape; a tail heavier than this or with an end is not believed.
    let ratio = mean * mean / max(square - mean * mean, 1e-12)
    let shape = min(max((1 - ratio) / 2, 0), 0.45)
    let scale = mean * (1 - shape)
    let before = max(0, Double.log10(Double(count) / Double(top.count)))
    guard shape > 0.01 else { return before + excess / scale / .log(10) }
    return before + .log10(1 + shape * excess / scale) / shape
  }
}

extension TailEstimate {
  /// The value that this share of values exceed, on the greater side; nil while too few values were seen to say.
  func quantile(exceededBy share: Double) -> Double? {
    guard count >= 4 * kept, greatest.count >= kept else { return nil }
    // Among the values that are held.
    if share * Double(count) >= 1 { return greatest[min(greatest.count, Int(share * Double(count))) - 1] }
    let (threshold, known) = (greatest[kept - 1], Double(kept) / Double(count))
    let excess = max(greatest.prefix(kept).reduce(0) { $0 + $1 - threshold } / Double(kept - 1), 1e-9)
    return max(greatest[0], threshold + excess * .log(known / share))
  }

  /// Lets every second value stand for two, when the value that this share exceed is about to be beyond those that are
  /// held: otherwise a stream's threshold would be its greatest values of all time, which ever fewer exceed.
  mutating func thin(for share: Double) {
    guard let room, share * Double(count) > Double(kept), greatest.count == room, count >= 8 * kept else { return }
    count /= 2
    greatest = stride(from: 1, to: room, by: 2).map { greatest[$0] }
    least = stride(from: 1, to: room, by: 2).map { least[$0] }
  }

  /// Whether numbers read from a file can be.
  func isSound(kept: Int) -> Bool {
    let holds = room.map { $0 == 2 * kept && (min(count, kept)...$0).contains(greatest.count) }
    return self.kept == kept && count >= greatest.count && DetectorStream.State.counts.contains(count)
      && holds ?? (greatest.count == min(count, kept))
      && least.count == greatest.count && (greatest + least).allSatisfy(\.isFinite)
  }
}
