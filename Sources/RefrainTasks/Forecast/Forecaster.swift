import Foundation
import Refrain
import RefrainData

/// Forecasts a series: learns from its past with a recurrent network, tests itself on held-out time, and says what
/// comes next with an interval.
///
///     let forecaster = try Forecaster.train(on: .airline)
///     for point in try forecaster.forecast().points { print(point.time, point.median) }
public struct Forecaster: Sendable {
  /// What the user may decide; nil is chosen from the data.
  public struct Configuration: Codable, Sendable {
    /// The column to forecast; by default the last column of numbers.
    public var target: String?
    /// The column of times; by default the first that holds times.
    public var time: String? {
      get { reading.time }
      set { reading.time = newValue }
    }
    /// How series are read from a table.
    public var reading = SeriesReadingOptions()
    /// Columns observed beside the target; none by default.
    public var covariates: [String] = []
    /// How many steps to forecast; one season by default.
    public var horizon: Int?
    /// How many steps the network looks back; at least two seasons by default, more when there are many rows.
    public var context: Int?
    /// After how many steps the series repeats; by default what the calendar suggests.
    public var season: Int?
    /// How many horizons at the end are held out for the backtest; by default about a tenth of the series, at most 10.
    public var folds: Int?
    /// The cell's name, one of ``Cells/all``.
    public var cell = LSTMCell.name
    /// The size of the hidden state; by default from the number of rows.
    public var hiddenSize: Int?
    /// The number of recurrent layers.
    public var layers = 1
    /// Passes through the training part; by default from the number of rows.
    public var epochs: Int?
    /// What all random choices follow from.
    public var seed: UInt64 = 0

    /// Everything left to the data.
    public init() {}
  }

  let plan: ForecastPlan
  package let forecastNetwork: ForecastNetwork
  let scaler: Scaler
  let covariateScalers: [Scaler]
  let memory: SeriesMemory

  /// False when training was stopped before its end.
  public let isComplete: Bool
  /// The errors on held-out time; nil when training was stopped before they were known.
  public let backtest: Backtest?
  /// What the training cost.
  public let training: TrainingReport

  /// The name of the target.
  public var seriesName: String { memory.name }
  /// The name of the file that the series came from, without its folder, if it came from one.
  public var fileName: String? { memory.fileName }
  /// How many rows the series has.
  public var rowCount: Int { memory.rowCount }
  /// The first of its times, as the file writes it.
  public var firstTime: String { memory.firstTime }
  /// How far apart the times lie, such as `monthly`.
  public var frequency: String { memory.frequency }
  /// The steps after which the series repeats; 1 for none.
  public var season: Int { plan.season }
  /// How many steps are forecast.
  public var horizon: Int { plan.horizon }
  /// How many steps the network looks back.
  public var context: Int { plan.context }
  /// Whether nothing was trained, because there was too little to learn from: the forecast repeats the last value or
  /// season.
  public var isNaive: Bool { plan.isNaive == true }
  /// What was assumed in choosing sizes, a line each.
  public var notes: [String] { plan.notes ?? [] }
  /// The name of the recurrent cell.
  public var cell: String { plan.cell }
  /// The size of the hidden state.
  public var hiddenSize: Int { plan.hiddenSize }
  /// The number of recurrent layers.
  public var layers: Int { plan.layers }
  /// The names of the series observed beside the target.
  public var covariates: [String] { memory.covariateNames }

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
      on: series, configuration, TrainingContext(progress: progress, shouldStop: shouldStop))
  }

  /// The same in a context that may save training and watch it.
  static func train(
    on series: Series, _ configuration: Configuration, _ context: TrainingContext
  ) throws(ForecastError) -> Forecaster {
    let start = ContinuousClock.now
    let plan = try ForecastPlan(series, configuration)
    let held = series.count - plan.folds * plan.horizon
    var generator = RandomGenerator(seed: plan.seed)
    var windows = ForecastWindows(series, training: held, plan: plan)
    var network = ForecastNetwork(plan, featureCount: windows.featureCount, using: &generator)

    if plan.isNaive == true {
      network.becomeNaive(windows, within: held, plan: plan)
      let backtest = Backtest(series, windows: windows, network: network, plan: plan)
      windows = ForecastWindows(series, training: series.count, plan: plan)
      network.becomeNaive(windows, within: series.count, plan: plan)
      return Forecaster(
        plan: plan, forecastNetwork: network, scaler: windows.scaler, covariateScalers: windows.covariateScalers,
        memory: SeriesMemory(series, plan: plan), isComplete: true, backtest: backtest.isFinite ? backtest : nil,
        training: TrainingReport(epochs: 0, seconds: 0, parameters: 0, seed: plan.seed))
    }

    // The second training starts from the first, so it needs less.
    let refit = (plan.epochs + 1) / 2
    let total = Double(plan.epochs + refit)
    var finished = 0
    func fit(
      _ network: inout ForecastNetwork, _ windows: ForecastWindows, within limit: Int, epochs: Int, _ message: String,
      backtest: Backtest? = nil
    ) throws(ForecastError) -> Bool {
      let before = finished
      let training = ForecastTraining(
        windows: windows, limit: limit, epochs: epochs, plan: plan, stage: backtest == nil ? "backtest" : "whole",
        context: context)
      let parameters = network.parameterCount
      let history = try training.run(&network) { network in
        Forecaster(
          plan: plan, forecastNetwork: network, scaler: windows.scaler, covariateScalers: windows.covariateScalers,
          memory: SeriesMemory(series, plan: plan), isComplete: false, backtest: backtest,
          training: TrainingReport(epochs: before, seconds: 0, parameters: parameters, seed: plan.seed))
      } progress: { epoch, loss in
        context.progress?(
          Double(before + epoch) / total, "\(message), epoch \(epoch) of \(epochs), loss \(rounded(loss))")
      }
      finished = before + history.epochs.count
      return history.stopReason == .completed
    }
    var isComplete = try fit(
      &network, windows, within: held, epochs: plan.epochs, "learning the past up to the backtest")
    guard finished > 0 else { throw ForecastError("interrupted before there was a result") }
    let backtest = Backtest(series, windows: windows, network: network, plan: plan)
    if isComplete {
      let whole = ForecastWindows(series, training: series.count, plan: plan)
      var refitted = network
      isComplete = try fit(
        &refitted, whole, within: series.count, epochs: refit, "learning the whole series", backtest: backtest)
      // Interrupted before its first epoch ended, the second training has nothing to offer over the first.
      if finished > plan.epochs { (network, windows) = (refitted, whole) }
    }
    let elapsed = start.duration(to: .now) / .seconds(1)
    return Forecaster(
      plan: plan, forecastNetwork: network, scaler: windows.scaler, covariateScalers: windows.covariateScalers,
      memory: SeriesMemory(series, plan: plan), isComplete: isComplete, backtest: backtest,
      training: TrainingReport(
        epochs: finished, seconds: (elapsed * 1000).rounded() / 1000, parameters: network.parameterCount,
        seed: plan.seed))
  }

  /// Whether a series is the one that the forecaster was trained on, so that ``backtest`` speaks of it.
  public func wasTrained(on series: Series) -> Bool {
    let memory = SeriesMemory(series, plan: plan)
    return memory.rowCount == self.memory.rowCount && memory.values == self.memory.values
      && memory.times == self.memory.times && memory.covariates == self.memory.covariates
  }

  /// The errors on the last horizons of a series, each forecast from what came before it.
  ///
  /// - Parameter series: A series of the same frequency with the same covariates, which was not trained on.
  /// - Throws: ``ForecastError`` when the series does not fit, is too short, or is negative where the forecaster takes
  ///   logarithms.
  func backtest(on series: Series) throws(ForecastError) -> Backtest {
    let position = try memory.replaced(by: series, plan: plan, scaler: scaler).origin(of: series)
    try SeriesMemory.check(series.values, of: series, from: 0, scaler: scaler)
    let first = max(plan.context, plan.season)
    let folds = min(10, (series.count - first) / plan.horizon)
    guard folds > 0 else {
      throw ForecastError(
        "\(series.place)the series has \(series.count) rows, and to forecast \(plan.horizon) of them from the "
          + "\(first) before takes \(first + plan.horizon)", remedy: "give more rows")
    }
    let windows = ForecastWindows(
      series.values, covariates: series.covariates.map(\.values), firstPosition: position, plan: plan, scaler: scaler,
      covariateScalers: covariateScalers)
    return Backtest(series, windows: windows, network: forecastNetwork, plan: plan, folds: folds)
  }

  /// What comes after the series that the forecaster was trained on, or after a newer one.
  ///
  /// - Parameter series: A series of the same frequency with the same covariates; nil is the one trained on.
  /// - Throws: ``ForecastError`` when the series does not fit, is shorter than ``context``, or is negative where the
  ///   forecaster takes logarithms, or when the forecast is beyond all numbers.
  public func forecast(continuing series: Series? = nil) throws(ForecastError) -> Forecast {
    let memory =
      try series.map { series throws(ForecastError) in try self.memory.replaced(by: series, plan: plan, scaler: scaler)
      }
      ?? self.memory
    let windows = ForecastWindows(
      memory.values, covariates: memory.covariates, firstPosition: memory.firstPosition, plan: plan, scaler: scaler,
      covariateScalers: covariateScalers)
    let quantiles = windows.quantiles(forecastNetwork, after: [windows.count])[0]
    guard quantiles.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
      throw ForecastError(
        "the forecast is beyond all numbers: the model is damaged or does not fit the series; train it anew")
    }
    return Forecast(
      history: Array(zip(memory.times, memory.values)).map { (time: $0.0, value: $0.1) },
      points: zip(memory.futureTimes, quantiles).map { time, quantile in
        Forecast.Point(time: time, median: quantile[1], p10: quantile[0], p90: quantile[2])
      })
  }
}

private func rounded(_ value: Float) -> Double { (Double(value) * 10_000).rounded() / 10_000 }
