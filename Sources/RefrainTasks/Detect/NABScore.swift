import RealModule

/// The score of the Numenta Anomaly Benchmark (Lavin and Ahmad 2015, arXiv 1510.03336), by the rules of its program's
/// threshold sweep.
///
/// A detector gives every row of every series a number. Rows whose number is at least a threshold are detections. The
/// first in a labeled window earns the more the earlier it is, others in the same window earn nothing; a window without
/// one costs; a detection outside windows costs the more the farther it lies behind the last window. The first rows of
/// a series are a probation and count for nothing. One threshold holds for all series, and is the one under which the
/// sum is greatest.
public struct NABScore: Sendable, Equatable {
  /// What detections are worth.
  public struct Profile: Sendable, Equatable {
    /// Its name: `standard`, `lowFalsePositives` or `lowFalseNegatives`.
    public let name: String
    /// What a window earns whose first row was detected.
    public let truePositive: Double
    /// What a detection far from windows costs.
    public let falsePositive: Double
    /// What a window without a detection costs.
    public let falseNegative: Double

    /// The benchmark's first profile.
    public static let standard = Profile(name: "standard", truePositive: 1, falsePositive: 0.11, falseNegative: 1)
    /// The one that rewards few false alarms.
    public static let lowFalsePositives = Profile(
      name: "lowFalsePositives", truePositive: 1, falsePositive: 0.22, falseNegative: 1)
    /// The one that rewards finding every window.
    public static let lowFalseNegatives = Profile(
      name: "lowFalseNegatives", truePositive: 1, falsePositive: 0.11, falseNegative: 2)
    /// All three.
    public static let all = [standard, lowFalsePositives, lowFalseNegatives]
  }

  /// The scores of one series' rows, and its labeled windows.
  public struct Scored: Sendable {
    /// One number a row, greater for odder rows; one that is no number is never a detection.
    public let scores: [Double]
    /// The first and last rows of the windows, from 0, in rising order and apart from each other.
    public let windows: [ClosedRange<Int>]

    /// Scores beside windows that lie within them.
    public init(scores: [Double], windows: [ClosedRange<Int>]) {
      self.scores = scores
      self.windows = windows
    }

    /// How many rows at the beginning do not count: 15 % of them, at most 750.
    public var probation: Int { NABScore.probation(rows: scores.count) }
  }

  /// The profile by which detections were valued.
  public let profile: Profile
  /// 100 for a detection on the first row of every window and no other, 0 for no detection at all.
  public let normalized: Double
  /// Rows whose score is at least this are detections; infinite where it is best to have none.
  public let threshold: Double
  /// How many windows have a detection.
  public let windowsFound: Int
  /// How many windows there are, without those that lie in a probation.
  public let windowCount: Int
  /// How many rows outside windows were detected.
  public let falseAlarms: Int
  /// The sum that each series added, in the order given.
  public let parts: [Double]

  /// How many rows at the beginning of a series do not count.
  public static func probation(rows: Int) -> Int { min(rows * 15 / 100, 750) }

  /// The greatest score that a threshold reaches, and that threshold.
  ///
  /// - Parameters:
  ///   - series: Scores and windows.
  ///   - profile: What detections are worth.
  ///   - threshold: The threshold to take; nil is the best.
  public init(_ series: [Scored], profile: Profile = .standard, threshold: Double? = nil) {
    let rows = series.enumerated().flatMap { Self.rows(of: $1, number: $0, profile) }
      .sorted { $0.score > $1.score }
    // A window that lies in the probation cannot be won or lost.
    let windowCount = Set(rows.compactMap(\.window)).count

    // Every window starts as missed.
    var sum = -profile.falseNegative * Double(windowCount)
    var best: (sum: Double, end: Int, threshold: Double) = (sum, 0, .infinity)
    var gains: [Window: Double] = [:]
    var index = 0
    while index < rows.count, rows[index].score > -.infinity, threshold.map({ rows[index].score >= $0 }) ?? true {
      let score = rows[index].score
      while index < rows.count, rows[index].score == score {
        let row = rows[index]
        if let window = row.window {
          let before = gains[window] ?? -profile.falseNegative
          if row.gain > before {
            sum += row.gain - before
            gains[window] = row.gain
          }
        } else {
          sum += row.gain
        }
        index += 1
      }
      if threshold != nil || sum > best.sum { best = (sum, index, score) }
    }

    var parts = series.map { _ in 0.0 }
    var found: [Window: Double] = [:]
    var falseAlarms = 0
    for row in rows[..<best.end] {
      if let window = row.window {
        found[window] = max(found[window] ?? -profile.falseNegative, row.gain)
      } else {
        parts[row.series] += row.gain
        falseAlarms += 1
      }
    }
    for window in Set(rows.compactMap(\.window)) { parts[window.series] += found[window] ?? -profile.falseNegative }

    let nothing = -profile.falseNegative * Double(windowCount)
    let perfect = profile.truePositive * Double(windowCount)
    self.profile = profile
    self.parts = parts
    self.falseAlarms = falseAlarms
    self.windowCount = windowCount
    self.threshold = threshold ?? best.threshold
    windowsFound = found.count
    normalized = windowCount == 0 ? .nan : 100 * (best.sum - nothing) / (perfect - nothing)
  }

  private struct Window: Hashable {
    let series: Int
    let first: Int
  }

  private struct Row {
    let series: Int
    let score: Double
    /// The window it lies in.
    let window: Window?
    /// What a detection on this row adds, or sets its window's part to.
    let gain: Double
  }

  /// The rows after the probation, with what a detection on each is worth.
  private static func rows(of series: Scored, number: Int, _ profile: Profile) -> [Row] {
    let greatest = scaledSigmoid(-1)
    var rows: [Row] = []
    rows.reserveCapacity(series.scores.count)
    var next = 0
    var last: ClosedRange<Int>?
    for (index, value) in series.scores.enumerated() {
      let score = value.isNaN ? -.infinity : value
      if next < series.windows.count, series.windows[next].upperBound < index {
        last = series.windows[next]
        next += 1
      }
      guard index >= series.probation else { continue }
      if next < series.windows.count, series.windows[next].contains(index) {
        let window = series.windows[next]
        let position = -Double(window.upperBound - index + 1) / Double(window.count)
        rows.append(
          Row(
            series: number, score: score, window: Window(series: number, first: window.lowerBound),
            gain: scaledSigmoid(position) / greatest * profile.truePositive))
      } else {
        let position = last.map { Double(index - $0.upperBound) / Double(max($0.count - 1, 1)) } ?? 3
        rows.append(
          Row(series: number, score: score, window: nil, gain: scaledSigmoid(position) * profile.falsePositive))
      }
    }
    return rows
  }
}

/// What a detection is worth by its place: −1 is a window's first row, 0 lies behind its last, from 3 on it is far
/// away.
private func scaledSigmoid(_ position: Double) -> Double {
  position >= 3 ? -1 : 2 / (1 + .exp(5 * position)) - 1
}
