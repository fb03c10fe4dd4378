import Refrain
import RefrainData

extension Forecaster {
  /// What would have been forecast for a past time.
  public struct FittedValue: Sendable, Equatable {
    /// The time, written as in the series.
    public var time: String
    /// What came; nil where it is missing.
    public var value: Double?
    /// What was forecast for it from the times before.
    public var fitted: Double
  }

  /// What the forecaster would have said of each past time from the times before it, as far as the first ones leave
  /// something to learn from. The weights of the ways, and the network, know the whole series.
  ///
  /// - Parameter series: The series, or nil for what is kept of the one that was trained on.
  /// - Returns: At most the newest 4,000 values.
  /// - Throws: ``ForecastError`` when the series does not fit.
  public func fitted(_ series: Series? = nil) throws(ForecastError) -> [FittedValue] {
    var (member, memory) = (members[0], members[0].memory)
    if let series {
      member = try self.member(for: series)
      memory = try self.memory(of: series, for: member)
    }
    let count = memory.values.count
    let least = min(max(plan.season > 1 ? 2 * plan.season + 2 : 10, plan.base + 1), max(count - 1, 1))
    // A network is asked only where it sees a whole context.
    let usesContext = member.combination?.members.contains {
      [ForecastWays.network, SimpleMethod.linear.rawValue].contains($0.name)
    }
    let first = usesContext ?? !isNaive ? max(plan.context, least) : least
    guard first < count else { return [] }
    let ends = Array(first..<count)
    let ways = ways(memory, of: member, barriers: ends)
    let paths =
      member.combination.map { ways.quantiles($0, at: ends, levels: [0.5]).map { $0[0][0] } }
      ?? ways.windows.quantiles(forecastNetwork, after: ends).map { $0[0][ForecastNetwork.quantiles.count / 2] }
    return zip(ends, paths).map { end, value in
      let isThere = memory.observed?[end] ?? true
      return FittedValue(time: memory.times[end], value: isThere ? memory.values[end] : nil, fitted: value)
    }
  }

  /// The middle of what is forecast for a series from many of its rows, each from what came before it: by all ways
  /// together, and by the network alone where there is one; `[rows][horizon]` each.
  package func medians(of series: Series, at ends: [Int]) throws(ForecastError) -> [(name: String, paths: [[Double]])] {
    let member = try member(for: series)
    let position = try memory(of: series, for: member).origin(of: series)
    let windows = windows(
      SeriesPast(series), of: member, firstPosition: position, training: ends.first, barriers: ends)
    var ways = ForecastWays(windows)
    ways.linear = linear
    ways.networks = hasNetwork ? [(0, forecastNetwork)] : []
    var all: [(name: String, paths: [[Double]])] = []
    if let combination = member.combination {
      all.append(("combination", ways.quantiles(combination, at: ends, levels: [0.5]).map { $0.map { $0[0] } }))
    }
    if hasNetwork {
      var paths: [[Double]] = []
      for start in stride(from: 0, to: ends.count, by: 512) {
        let part = Array(ends[start..<min(start + 512, ends.count)])
        paths += windows.quantiles(forecastNetwork, after: part).map { $0.map { $0[1] } }
      }
      all.append(("network", paths))
    }
    return all
  }

  /// Each series by itself, with the network of all.
  public var each: [Forecaster] {
    members.map { member in
      Forecaster(
        plan: plan, forecastNetwork: forecastNetwork, members: [member], linear: linear, isComplete: isComplete,
        training: training)
    }
  }

  /// Which of several series it is; nil for a single one.
  public var id: String? { members.count == 1 ? members[0].id : nil }

  /// The columns observed beside the target, each once.
  public var covariateColumns: [String] {
    plan.beside == nil ? covariates : plan.columns(.past) + plan.columns(.future) + plan.columns(.fixed)
  }

  /// How many of the values that are kept are missing.
  public var missingCount: Int { members.reduce(0) { $0 + ($1.memory.missingCount ?? 0) } }

  /// Stops when what is known ahead does not reach as far as the forecast of one of the series will.
  public static func checkFuture(of all: [Series], _ configuration: Configuration) throws(ForecastError) {
    for series in all.findingFixedCovariates() where series.knownAhead != nil {
      try checkFuture(of: series, configuration)
    }
  }

  private static func checkFuture(of series: Series, _ configuration: Configuration) throws(ForecastError) {
    var plan = try ForecastPlan(series, configuration)
    plan.note([series], areChannels: false)
    try SeriesMemory(series, plan: plan).checkFuture(plan)
  }
}
