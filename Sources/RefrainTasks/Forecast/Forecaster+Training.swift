import Refrain
import RefrainData
import RefrainFoundation

extension Forecaster {
  /// Trains on all but the end of the series, measures the errors there, then goes on with everything.
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
    try train(
      on: [series], configuration: configuration, progress: progress, shouldStop: shouldStop)
  }

  /// Trains one network on all series together, each on a scale of its own, and chooses for each the ways to forecast
  /// that are best for it.
  ///
  /// The network is trained three times, each time from where it was: on what lies before the rolling origins on which
  /// all ways to forecast are compared; up to the backtest; on the whole series.
  ///
  /// - Parameter all: Series of one frequency with the same covariates. One that is too short for a window is not
  ///   trained on, and is forecast all the same.
  public static func train(
    on all: [Series], configuration: Configuration = Configuration(),
    progress: (@Sendable (_ fraction: Double, _ message: String) -> Void)? = nil,
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) throws(ForecastError) -> Forecaster {
    try train(on: all, configuration, TrainingContext(progress: progress, shouldStop: shouldStop))
  }

  /// The same in a context that may save training and watch it.
  public static func train(
    on all: [Series], _ configuration: Configuration, _ context: TrainingContext
  ) throws(TaskError) -> Forecaster {
    let all = all.findingFixedCovariates()
    var plan = try ForecastPlan(all, configuration)
    if plan.isZeroShot == true { _ = try ZeroShotWeights.shipped.get() }
    plan.reading = configuration.saved(all)
    if plan.isZeroShot == true {
      try context.regularization.requireNoRecurrent("a forecast without training has no network that learns")
      _ = try context.regularization.augmentations(for: Forecaster.self, fitting: [])
    }
    plan.regularizers = try context.regularization.recurrent(of: plan.cell, showsSteps: false)
    if !(plan.hasNetwork ?? true), context.regularization != RegularizationOptions() {
      context.warn?("No network is trained on so few rows, and what keeps one from overfitting does nothing.")
    }
    var context = context
    let limit = TimeLimit(seconds: context.timeLimit)
    context.shouldStop = limit.stopping(context.shouldStop)
    var training = ForecasterTraining(all, plan, isNetworkWanted: configuration.namesNetwork, context, limit)
    return try plan.isNaive == true && all.count == 1 ? training.naive(all[0]) : training.run()
  }
}

/// A series on its way to be a member of a forecaster.
private struct TrainingPart {
  let series: Series
  let plan: ForecastPlan
  /// The rows before the backtest.
  let held: Int
  let windows: ForecastWindows
  var ways: ForecastWays
  let origins: RollingOrigins
  var chosen: Combination?
  var backtest: Backtest?

  /// - Parameter isAlone: Whether the plan was made for this series; one that is short among others is tried on fewer
  ///   horizons.
  init(_ series: Series, _ plan: ForecastPlan, isAlone: Bool) {
    self.series = series
    self.plan = isAlone ? plan : plan.shortened(for: series)
    held = series.count - self.plan.folds * plan.horizon
    origins = self.plan.rollingOrigins(limit: max(held, 1))
    windows = ForecastWindows(
      series, training: max(held, 1), plan: self.plan, barriers: origins.ends + self.plan.folds(of: series))
    ways = ForecastWays(windows)
  }

  /// The row before which the network's first training ends.
  var first: Int { origins.ends.first ?? held }

  /// Asks the pretrained network for all it will be asked for, where it stands alone: once costs least.
  mutating func askPretrained() {
    if plan.isZeroShot == true { ways.simple.askPretrained(at: origins.ends + plan.folds(of: series)) }
  }

  /// The moments from which the methods are compared on the whole series. Where nothing is trained, the forecasts of
  /// the backtest are as good as others.
  var finalOrigins: RollingOrigins {
    plan.isZeroShot == true
      ? origins.extended(by: plan.folds(of: series), limit: series.count) : plan.rollingOrigins(limit: series.count)
  }

  /// Whether there are windows for the network before a row.
  func isTrained(within limit: Int) -> Bool { limit >= plan.context + plan.horizon }
}

/// The making of a forecaster, step by step.
private struct ForecasterTraining {
  let plan: ForecastPlan
  /// Whether the network is trained to its end even where it is not one of the best ways.
  let isNetworkWanted: Bool
  let context: TrainingContext
  let limit: TimeLimit
  let start = ContinuousClock.now
  var parts: [TrainingPart]
  /// The epochs that are finished, of all trainings.
  var finished = 0

  init(
    _ all: [Series], _ plan: ForecastPlan, isNetworkWanted: Bool, _ context: TrainingContext, _ limit: TimeLimit
  ) {
    (self.plan, self.context, self.limit) = (plan, context, limit)
    self.isNetworkWanted = isNetworkWanted
    parts = all.map { TrainingPart($0, plan, isAlone: all.count == 1) }
  }

  private var hasNetwork: Bool { plan.hasNetwork ?? true }

  /// Nothing is learned but how far off the last value or season was.
  func naive(_ series: Series) -> Forecaster {
    let held = series.count - plan.folds * plan.horizon
    var generator = RandomGenerator(seed: plan.seed)
    var windows = ForecastWindows(series, training: held, plan: plan)
    var network = ForecastNetwork(plan, featureCount: windows.featureCount, using: &generator)
    network.becomeNaive(windows, within: held, plan: plan)
    let backtest = Backtest(series, quantiles: windows.quantiles(network, after: plan.folds(of: series)), plan: plan)
    windows = ForecastWindows(series, training: series.count, plan: plan)
    network.becomeNaive(windows, within: series.count, plan: plan)
    let member = member(series, windows, nil, backtest)
    return forecaster(network, [member], linear: nil, isComplete: true)
  }

  /// The epochs of the three trainings.
  private var stages: [Int] {
    hasNetwork ? [(2 * plan.epochs + 2) / 3, (plan.epochs + 2) / 3, (plan.epochs + 1) / 2] : [0, 0, 0]
  }

  mutating func run() throws(ForecastError) -> Forecaster {
    var generator = RandomGenerator(seed: plan.seed)
    var network = ForecastNetwork(plan, featureCount: parts[0].windows.featureCount, using: &generator)
    var isComplete = true
    if try context.agreed(context.shouldStop()) { throw ForecastError("interrupted before there was a result") }
    if hasNetwork {
      // The network begins at the best linear forecast, and learns what that misses.
      let places = parts.filter { $0.isTrained(within: $0.first) }.map { (windows: $0.windows, limit: $0.first) }
      LinearMethod.begin(&network, with: places)
      isComplete = try fit(&network, places, stage: 0, "learning the past", partMembers, linear: nil)
      guard finished > 0 || limit.isReached else { throw ForecastError("interrupted before there was a result") }
    }
    for index in parts.indices {
      if hasNetwork, finished > 0 { parts[index].ways.networks = [(parts[index].first, network)] }
      parts[index].askPretrained()
    }
    let chosen = try context.shared(parts.count) { index in
      defer { report(after: 0, index) }
      return choose(parts[index].ways, parts[index].origins)
    }
    for index in parts.indices { parts[index].chosen = chosen[index] }
    var linear = parts.count == 1 ? self.linear(parts[0].chosen, parts[0].windows, within: parts[0].held) : nil
    // A network that is none of the best ways anywhere is left as it is.
    if isComplete, hasNetwork, isWorthwhile(parts.map(\.chosen)) {
      let places = parts.filter { $0.isTrained(within: $0.held) }.map { (windows: $0.windows, limit: $0.held) }
      isComplete = try fit(&network, places, stage: 1, "learning up to the backtest", partMembers, linear: linear)
    }
    for index in parts.indices {
      if hasNetwork, finished > 0 { parts[index].ways.networks.append((parts[index].held, network)) }
      parts[index].ways.linear = linear
    }
    let backtests = try context.shared(parts.count) { backtest(parts[$0]) }
    for index in parts.indices { parts[index].backtest = backtests[index] }
    guard isComplete else {
      return forecaster(network, partMembers, linear: linear, isComplete: false)
    }

    let wholes = parts.map { part in
      ForecastWindows(
        part.series, training: part.series.count, plan: part.plan, barriers: part.finalOrigins.ends)
    }
    let finals = try context.shared(parts.count) { index in
      var ways = ForecastWays(wholes[index])
      ways.networks = parts[index].ways.networks
      ways.simple.pretrained = parts[index].ways.simple.pretrained
      defer { report(after: 1, index) }
      return choose(ways, parts[index].finalOrigins)
    }
    var members: [ForecastMember] = []
    var places: [(windows: ForecastWindows, limit: Int)] = []
    for (part, (whole, final)) in zip(parts, zip(wholes, finals)) {
      if parts.count == 1 { linear = self.linear(final, whole, within: part.series.count) }
      members.append(member(part.series, whole, final, part.backtest))
      if part.isTrained(within: part.series.count) { places.append((whole, part.series.count)) }
    }
    if hasNetwork, isWorthwhile(members.map(\.combination)) {
      let before = finished
      var refitted = network
      isComplete = try fit(&refitted, places, stage: 2, "learning the whole series", members, linear: linear)
      // Interrupted before its first epoch ended, the last training has nothing to offer over the one before.
      if finished > before { network = refitted }
    }
    return forecaster(network, members, linear: linear, isComplete: isComplete)
  }

  private func isWorthwhile(_ chosen: [Combination?]) -> Bool {
    isNetworkWanted || chosen.contains { $0?.members.contains { $0.name == ForecastWays.network } ?? true }
  }

  /// Says that one of many series is done with.
  private func report(after stage: Int, _ index: Int) {
    guard parts.count > 9, index % 10 == 9 else { return }
    let total = Double(max(stages.reduce(0, +), 1))
    context.progress?(Double(finished) / total, "choosing methods, series \(index + 1) of \(parts.count)")
  }

  private func backtest(_ part: TrainingPart) -> Backtest? {
    guard let chosen = part.chosen, part.held > max(part.plan.season, 1) else { return nil }
    let quantiles = part.ways.quantiles(chosen, at: part.plan.folds(of: part.series))
    let backtest = Backtest(part.series, quantiles: quantiles, plan: part.plan)
    return backtest.isFinite ? backtest : nil
  }

  private func linear(_ chosen: Combination?, _ windows: ForecastWindows, within limit: Int) -> LinearForecast? {
    guard let member = chosen?.members.first(where: { $0.name == SimpleMethod.linear.rawValue }) else { return nil }
    return LinearMethod(windows).fitted(within: limit, strength: member.penalty ?? LinearMethod.penalties[1])?.asSaved
  }

  private func choose(_ ways: ForecastWays, _ origins: RollingOrigins) -> Combination {
    ways.chosen(origins, withLinear: parts.count == 1)
  }

  /// The members as far as is known before the whole series are learned.
  private var partMembers: [ForecastMember] {
    parts.map { member($0.series, $0.windows, $0.chosen, $0.backtest) }
  }

  /// - Parameters:
  ///   - members: What a checkpoint says of the series.
  ///   - linear: The coefficients that the ways of the members need.
  private mutating func fit(
    _ network: inout ForecastNetwork, _ places: [(windows: ForecastWindows, limit: Int)], stage: Int, _ message: String,
    _ members: [ForecastMember], linear: LinearForecast?
  ) throws(ForecastError) -> Bool {
    guard !places.isEmpty else { return true }
    limit.begin(stage)
    let before = finished
    let epochs = stages[stage]
    let total = Double(stages.reduce(0, +))
    let training = ForecastTraining(
      places: places, epochs: epochs, plan: plan, stage: ["past", "backtest", "whole"][stage], context: context)
    let unfinished = self
    let history = try training.run(&network) { network in
      unfinished.forecaster(network, members, linear: linear, isComplete: false)
    } progress: { epoch, loss in
      unfinished.context.progress?(
        Double(before + epoch) / total, "\(message), epoch \(epoch) of \(epochs), loss \(rounded(loss))")
    }
    finished = before + history.epochs.count
    if context.group != nil { limit.take(isReached: try context.agreed(limit.isReached)) }
    // What the clock ended is as good as it could be.
    return history.stopReason == .completed || limit.isReached
  }

  private func member(
    _ series: Series, _ windows: ForecastWindows, _ combination: Combination?, _ backtest: Backtest?
  ) -> ForecastMember {
    ForecastMember(
      id: series.id, scaler: windows.scaler, covariateScalers: windows.covariateScalers,
      memory: SeriesMemory(series, plan: windows.plan), bounds: windows.bounds, effects: windows.effects,
      combination: combination, backtest: backtest)
  }

  private func forecaster(
    _ network: ForecastNetwork, _ members: [ForecastMember], linear: LinearForecast?, isComplete: Bool
  ) -> Forecaster {
    let elapsed = start.duration(to: .now) / .seconds(1)
    var plan = plan
    if let note = limit.note { plan.notes = (plan.notes ?? []) + [note] }
    return Forecaster(
      plan: plan, forecastNetwork: network, members: members, linear: linear, isComplete: isComplete,
      training: TrainingReport(
        epochs: finished, seconds: (elapsed * 1000).rounded() / 1000,
        parameters: hasNetwork ? network.parameterCount : 0, seed: plan.seed))
  }
}

private func rounded(_ value: Float) -> Double { (Double(value) * 10_000).rounded() / 10_000 }
