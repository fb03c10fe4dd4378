/// How well alarms fit labeled windows: a window is found when there is an alarm in it, an alarm is right when it lies
/// in a window.
struct DetectionMeasures {
  private(set) var windows = 0
  private(set) var found = 0
  private(set) var alarms = 0
  private(set) var right = 0

  /// - Parameters:
  ///   - alarms: Rows, from 0.
  ///   - windows: Their first and last rows.
  ///   - probation: Alarms before this row do not count, nor do windows that end before it.
  mutating func add(alarms rows: [Int], windows ranges: [ClosedRange<Int>], probation: Int) {
    let rows = rows.filter { $0 >= probation }
    let ranges = ranges.filter { $0.upperBound >= probation }
    windows += ranges.count
    alarms += rows.count
    right += rows.count { row in ranges.contains { $0.contains(row) } }
    found += ranges.count { range in rows.contains { range.contains($0) } }
  }

  /// The share of alarms that lie in windows; NaN without alarms.
  var precision: Double { alarms > 0 ? Double(right) / Double(alarms) : .nan }
  /// The share of windows with an alarm; NaN without windows.
  var recall: Double { windows > 0 ? Double(found) / Double(windows) : .nan }
  /// The harmonic mean of both; 0 where nothing is found.
  var f1: Double {
    guard windows > 0 else { return .nan }
    return right == 0 ? 0 : 2 * precision * recall / (precision + recall)
  }
}
