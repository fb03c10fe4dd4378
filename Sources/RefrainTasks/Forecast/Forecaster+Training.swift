import Foundation
import Refrain
import RefrainData

extension Forecaster {
  /// Trains on all but the end of the series, measures the errors there, then goes on with everything.
  ///
  /// The network is trained three times, each time from where it was: on what lies before the rolling origins on which
  /// all ways to forecast are compared; up to the backtest; on the whole series.
  ///
  /// - Parameters:
  ///   - series: The past.
  ///   - configuration: What is not left to the data.
  ///   - progress: Told now and then the share of the work done and what is going on.
  ///   - shouldStop: Asked at every step; when it says true, the result so far is returned, with ``isComplete`` false.
  /// - Throws: ``ForecastError`` when the series is too short or training was stopped before there was a result.
  public static func train(
    on series: Series, configuration: Configuration = Configuration(),
    progress: (@Sendable (_ fraction: Double, _ message: String) -> Void)? = nil,
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) throws(ForecastError) -> Forecaster {
    let plan = try ForecastPlan(series, configuration)
    var training = ForecasterTraining(series, plan, progress: progress, shouldStop: shouldStop)
    return try plan.isNaive == true ? training.naive() : training.run()
  }
}

/// The making of a forecaster, step by step.
private struct ForecasterTraining {
  let series: Series
  let plan: ForecastPlan
  let progress: (@Sendable (_ fraction: Double, _ message: String) -> Void)?
  let shouldStop: @Sendable () -> Bool
  /// The rows before the backtest.
  let held: Int
  let start = ContinuousClock.now
  /// The epochs that are finished, of all trainings.
  var finished = 0

  init(
    _ series: Series, _ plan: ForecastPlan, progress: (@Sendable (Double, String) -> Void)?,
    shouldStop: @escaping @Sendable () -> Bool
  ) {
    (self.series, self.plan, self.progress, self.shouldStop) = (series, plan, progress, shouldStop)
    held = series.count - plan.folds * plan.horizon
  }

  /// Nothing is learned but how far off the last value or season was.
  func naive() -> Forecaster {
    var generator = RandomGenerator(seed: plan.seed)
    var windows = ForecastWindows(series, training: held, plan: plan)
    var network = ForecastNetwork(plan, featureCount: windows.featureCount, using: &generator)
    network.becomeNaive(windows, within: held, plan: plan)
    let backtest = Backtest(series, quantiles: windows.quantiles(network, after: plan.folds(of: series)), plan: plan)
    windows = ForecastWindows(series, training: series.count, plan: plan)
    network.becomeNaive(windows, within: series.count, plan: plan)
    return forecaster(
      network, windows, combination: nil, linear: nil, isComplete: true, backtest: backtest.isFinite ? backtest : nil)
  }

  /// The epochs of the three trainings.
  private var stages: [Int] {
    guard plan.hasNetwork ?? true else { return [0, 0, 0] }
    return [(2 * plan.epochs + 2) / 3, (plan.epochs + 2) / 3, (plan.epochs + 1) / 2]
  }

  mutating func run() throws(ForecastError) -> Forecaster {
    let hasNetwork = plan.hasNetwork ?? true
    var generator = RandomGenerator(seed: plan.seed)
    let windows = ForecastWindows(series, training: held, plan: plan)
    var network = ForecastNetwork(plan, featureCount: windows.featureCount, using: &generator)
    var ways = ForecastWays(windows, plan: plan, values: windows.cleaned)
    let origins = plan.rollingOrigins(limit: held)
    let first = origins.ends.first ?? held
    var isComplete = true
    if hasNetwork {
      // The network begins at the best linear forecast, and learns what that misses.
      begin(&network, windows, within: first)
      isComplete = try fit(&network, windows, within: first, stage: 0, "learning the past")
      guard finished > 0 else { throw ForecastError("interrupted before there was a result") }
      ways.networks = [(first, network)]
    } else if shouldStop() {
      throw ForecastError("interrupted before there was a result")
    }
    let chosen = choose(ways.contest(origins), windows)
    ways.linear = linear(chosen, windows, within: held)
    if isComplete, hasNetwork {
      isComplete = try fit(&network, windows, within: held, stage: 1, "learning up to the backtest")
    }
    if hasNetwork { ways.networks.append((held, network)) }
    let folds = plan.folds(of: series)
    let backtest = Backtest(series, quantiles: ways.quantiles(chosen, at: folds), plan: plan)
    guard isComplete else {
      return forecaster(
        network, windows, combination: chosen, linear: ways.linear, isComplete: false,
        backtest: backtest.isFinite ? backtest : nil)
    }

    let whole = ForecastWindows(series, training: series.count, plan: plan)
    var last = ForecastWays(whole, plan: plan, values: whole.cleaned)
    last.networks = ways.networks
    let final = choose(last.contest(plan.rollingOrigins(limit: series.count)), whole)
    if hasNetwork {
      let before = finished
      var refitted = network
      isComplete = try fit(&refitted, whole, within: series.count, stage: 2, "learning the whole series")
      // Interrupted before its first epoch ended, the last training has nothing to offer over the one before.
      if finished > before { network = refitted }
    }
    return forecaster(
      network, whole, combination: final, linear: linear(final, whole, within: series.count), isComplete: isComplete,
      backtest: backtest.isFinite ? backtest : nil)
  }

  /// Starts the network from the linear forecast, when there are windows enough for one.
  private func begin(_ network: inout ForecastNetwork, _ windows: ForecastWindows, within limit: Int) {
    let method = LinearMethod(windows)
    if let model = method.fitted(within: limit, strength: LinearMethod.penalties[1]) {
      method.begin(&network, with: model)
    }
  }

  private func linear(_ chosen: Combination, _ windows: ForecastWindows, within limit: Int) -> LinearForecast? {
    guard let member = chosen.members.first(where: { $0.name == SimpleMethod.linear.rawValue }) else { return nil }
    return LinearMethod(windows).fitted(within: limit, strength: member.penalty ?? LinearMethod.penalties[1])?.asSaved
  }

  private func choose(_ contest: Combination.Contest, _ windows: ForecastWindows) -> Combination {
    let isSeasonal = plan.season > 1
    let usual: Set<SimpleMethod> =
      isSeasonal ? [.seasonalNaive, .seasonalSmoothing, .seasonalDampedTrend, .theta] : [.naive, .smoothing, .theta]
    return Combination(
      contest, usual: Set(usual.map(\.rawValue)), least: windows.leastSpread)
  }

  private mutating func fit(
    _ network: inout ForecastNetwork, _ windows: ForecastWindows, within limit: Int, stage: Int, _ message: String
  ) throws(ForecastError) -> Bool {
    let before = finished
    let epochs = stages[stage]
    let total = Double(stages.reduce(0, +))
    let training = ForecastTraining(
      windows: windows, limit: limit, epochs: epochs, plan: plan, shouldStop: shouldStop)
    var reached = before
    defer { finished = reached }
    return try training.run(&network) { epoch, loss in
      reached = before + epoch
      progress?(Double(reached) / total, "\(message), epoch \(epoch) of \(epochs), loss \(rounded(loss))")
    }
  }

  private func forecaster(
    _ network: ForecastNetwork, _ windows: ForecastWindows, combination: Combination?, linear: LinearForecast?,
    isComplete: Bool, backtest: Backtest?
  ) -> Forecaster {
    let elapsed = start.duration(to: .now) / .seconds(1)
    return Forecaster(
      plan: plan, forecastNetwork: network, scaler: windows.scaler, covariateScalers: windows.covariateScalers,
      memory: SeriesMemory(series, plan: plan), combination: combination, linear: linear, isComplete: isComplete,
      backtest: backtest,
      training: TrainingReport(
        epochs: finished, seconds: (elapsed * 1000).rounded() / 1000,
        parameters: plan.hasNetwork ?? true ? network.parameterCount : 0, seed: plan.seed))
  }
}

private func rounded(_ value: Float) -> Double { (Double(value) * 10_000).rounded() / 10_000 }
