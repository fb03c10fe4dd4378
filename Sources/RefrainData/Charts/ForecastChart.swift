/// What a forecast chart shows: a history, how it goes on, and how sure that is. ``TerminalChart`` and ``SVGChart``
/// draw it.
public struct ForecastChart: Hashable, Sendable {
  /// The title; may be empty.
  public var title: String
  /// What was observed, oldest first; at least one value.
  public var history: [Double]
  /// The forecast that follows; may be empty.
  public var median: [Double]
  /// The interval's lower end (the 10 % quantile), as many as in `median`, or none.
  public var lower: [Double]
  /// The interval's upper end (the 90 % quantile), as many as in `median`, or none.
  public var upper: [Double]
  /// The time of each value of the history and then of the forecast, as text.
  public var times: [String]
  /// The steps after which the series repeats; ticks on the time axis keep to it. 1 for none.
  public var season: Int
  /// Where the history begins within the series, so that ticks stand at the series' own seasons.
  public private(set) var start: Int

  /// Makes a chart of the newest part of a history and the forecast.
  ///
  /// - Parameters:
  ///   - historyCount: How many of the newest values are shown; by default twelve times the forecast or four seasons,
  ///     and at least 48, so that the forecast can be seen.
  ///   - times: One text for each value of the history and then of the forecast.
  public init(
    title: String, history: [Double], median: [Double], lower: [Double] = [], upper: [Double] = [], times: [String],
    season: Int = 1, historyCount: Int? = nil
  ) {
    let shown = min(history.count, historyCount ?? max(12 * median.count, 4 * season, 48))
    self.title = title
    self.history = Array(history.suffix(shown))
    self.median = median
    self.lower = lower
    self.upper = upper
    self.times = Array(times.dropFirst(history.count - shown))
    self.season = season
    start = history.count - shown
  }

  /// Makes a chart of a series and its forecast.
  ///
  /// - Parameter historyCount: How many of the newest values are shown, as in the other initializer.
  public init(
    _ series: Series, title: String? = nil, median: [Double], lower: [Double] = [], upper: [Double] = [],
    season: Int? = nil, historyCount: Int? = nil
  ) {
    self.init(
      title: title ?? series.name, history: series.values, median: median, lower: lower, upper: upper,
      times: (0..<series.count + median.count).map { series.times.text(at: $0) },
      season: season ?? series.frequency.season, historyCount: historyCount)
  }

  /// How many times lie along the axis.
  var count: Int { history.count + median.count }

  /// Whether there is an interval to draw.
  var hasInterval: Bool { !median.isEmpty && lower.count == median.count && upper.count == median.count }

  /// The forecast as drawn: from the last observation on, so that nothing is torn.
  var forecastLine: [Double] { median.isEmpty ? [] : history.suffix(1) + median }

  /// The interval as drawn: it opens from the last observation.
  var interval: [ClosedRange<Double>] {
    guard hasInterval else { return [] }
    let last = history.suffix(1).map { $0.isNaN ? 0...0 : $0...$0 }
    return last + zip(lower, upper).map { $0.isNaN || $1.isNaN ? 0...0 : min($0, $1)...max($0, $1) }
  }

  /// The smallest and largest value to show.
  var valueRange: ClosedRange<Double> {
    let all = (history + median + (hasInterval ? lower + upper : [])).filter(\.isFinite)
    return (all.min() ?? 0)...(all.max() ?? 0)
  }

  /// Ticks for the axis of values.
  func valueTicks(atMost limit: Int) -> ValueTicks { ValueTicks(covering: valueRange, atMost: limit) }

  /// Ticks for the axis of times: positions from 0, and what to write there. Whole seasons, parts of one, or round
  /// numbers of steps lie between them; as many as fit.
  ///
  /// - Parameters:
  ///   - length: The length of the axis, in letters.
  ///   - gap: The room between two labels, in letters.
  func timeTicks(along length: Double, gap: Double) -> [(position: Int, label: String)] {
    let parts = (1...max(season, 1)).filter { season.isMultiple(of: $0) }
    var factor = 1
    var steps = parts
    while true {
      for step in steps {
        // The first position whose place in the whole series is a multiple of the step.
        let first = (step - start % step) % step
        let positions = Array(stride(from: first, to: min(count, times.count), by: step))
        let labels = Self.withoutCommonEnd(positions.map { times[$0] })
        let room = length * Double(step) / Double(max(count - 1, 1))
        if positions.count < 2 || Double(labels.map(\.count).max() ?? 0) + gap <= room {
          return zip(positions, labels).map { ($0, $1) }
        }
      }
      steps = [2, 5, 10].map { $0 * factor * max(season, 1) }
      factor *= 10
    }
  }

  /// The labels without an ending that all share and that says nothing: midnight, or the first of January.
  private static func withoutCommonEnd(_ labels: [String]) -> [String] {
    var labels = labels
    for ending in ["Z", "+00:00", " 00:00:00", "T00:00:00", " 00:00", "T00:00", "-01-01", "-01"]
    where labels.count > 1 && labels.allSatisfy({ $0.hasSuffix(ending) && $0.count >= ending.count + 4 }) {
      labels = labels.map { String($0.dropLast(ending.count)) }
    }
    return labels
  }
}
