import RealModule

/// Simple forecasts of each next patch of a series, among which a ``ZeroShotNetwork`` chooses.
struct ZeroShotCandidates: Sendable {
  /// The last value; that of a season before; the same moved by what the level rose in a season; smoothing; and
  /// smoothing of logarithms.
  static let count = 3 + smoothers.count + logarithmic.count
  /// Which of them is told value by value.
  static let main = 4

  private static let smoothers: [ZeroShotSmoother.Coefficients] = [
    .init(level: 0.05, trend: 0, season: 0.05, damping: 1, isRobust: true),
    .init(level: 0.2, trend: 0.05, season: 0.1, damping: 0.97, isRobust: true),
    .init(level: 0.5, trend: 0.05, season: 0.2, damping: 0.9, isRobust: false),
    .init(level: 0.2, trend: 0.1, season: 0.1, damping: 1, isRobust: true),
    .init(level: 0.9, trend: 0.1, season: 0.4, damping: 0.85, isRobust: false),
  ]

  /// Which of them smooth logarithms too, where all values are positive.
  private static let logarithmic = [1, 3]

  private let values: [Double]
  /// Empty where a value has none.
  private let logarithms: [Double]
  private let season: Int
  private var states: [ZeroShotSmoother]
  private var logarithmicStates: [ZeroShotSmoother]
  /// The largest logarithm that is forecast.
  private let highest: Double
  private var last: Double
  /// Sums and numbers of the known values before each row.
  private var sums: [Double], counts: [Int]
  private var next = 0

  init(_ values: [Double], season: Int) {
    self.values = values
    self.season = season
    states = Self.smoothers.map { ZeroShotSmoother($0, season: season) }
    logarithmicStates = Self.logarithmic.map { ZeroShotSmoother(Self.smoothers[$0], season: season) }
    let isPositive = values.allSatisfy { !$0.isFinite || $0 > 0 }
    logarithms = isPositive ? values.map { $0.isFinite ? .log($0) : .nan } : []
    highest = logarithms.reduce(-.infinity) { $1.isFinite ? max($0, $1) : $0 } + 2
    last = values.first(where: \.isFinite) ?? 0
    (sums, counts) = ([0], [0])
    for value in values {
      sums.append(sums[sums.count - 1] + (value.isFinite ? value : 0))
      counts.append(counts[counts.count - 1] + (value.isFinite ? 1 : 0))
    }
  }

  /// Reads the rows before `end`.
  mutating func read(before end: Int) {
    while next < end {
      for index in states.indices { states[index].read(next, of: values) }
      if !logarithms.isEmpty {
        for index in logarithmicStates.indices { logarithmicStates[index].read(next, of: logarithms) }
      }
      if values[next].isFinite { last = values[next] }
      next += 1
    }
  }

  /// What each candidate expects of the `count` rows after those that were read, one candidate after another.
  func forecasts(_ count: Int) -> [[Double]] {
    let isSeen = counts[next] > 0
    let seasonal = (0..<count).map { seasonalValue(next + $0) ?? last }
    let rise = self.rise
    let repeated = Array(repeating: last, count: count)
    let smoothed = states.map { isSeen ? $0.forecast(after: next - 1, count: count) : repeated }
    let grown = zip(Self.logarithmic, logarithmicStates).map { number, state in
      isSeen && !logarithms.isEmpty
        ? state.forecast(after: next - 1, count: count).map { .exp(min($0, highest)) } : smoothed[number]
    }
    return [repeated, seasonal, seasonal.map { $0 + rise }] + smoothed + grown
  }

  /// The newest known value at the same place of a season.
  private func seasonalValue(_ row: Int) -> Double? {
    guard season > 1 else { return nil }
    var back = row - season
    while back >= next { back -= season }
    while back >= 0 {
      if values[back].isFinite { return values[back] }
      back -= season
    }
    return nil
  }

  /// By how much the newest season is above the one before it.
  private var rise: Double {
    func mean(_ range: Range<Int>) -> Double? {
      let known = counts[range.upperBound] - counts[range.lowerBound]
      return known * 2 >= range.count ? (sums[range.upperBound] - sums[range.lowerBound]) / Double(known) : nil
    }
    guard season > 1, next >= 2 * season, let late = mean(next - season..<next),
      let early = mean(next - 2 * season..<next - season)
    else { return 0 }
    return late - early
  }
}
