import RefrainData

/// What is expected to come after the end of a series.
public struct Forecast: Sendable {
  /// Bounds between which a share of all truths is expected to lie.
  public struct Interval: Sendable, Equatable {
    /// The share, in percent.
    public var level: Double
    /// The lower bound.
    public var lower: Double
    /// The upper bound.
    public var upper: Double
  }

  /// One future step.
  public struct Point: Sendable, Equatable {
    /// The time, written as in the series.
    public var time: String
    /// The value that the truth is as likely to exceed as to stay below.
    public var median: Double
    /// The truth is expected to stay below this value with probability 0.1.
    public var p10: Double
    /// The truth is expected to stay below this value with probability 0.9.
    public var p90: Double

    /// Which of several series it is of; nil for a single one.
    public var id: String?
    /// Intervals of other levels, where they were asked for.
    public var intervals: [Interval] = []
    /// The values of sample paths at this step, in the order of the paths; empty where none were asked for.
    public var samples: [Double] = []
    /// How its fields are named where it is written.
    public var shape = Shape.refrain

    /// A step from its time, median and bounds.
    public init(time: String, median: Double, p10: Double, p90: Double) {
      self.time = time
      self.median = median
      self.p10 = p10
      self.p90 = p90
    }
  }

  /// Which of several series it is of; nil for a single one.
  public var id: String?
  /// The last observed steps, for a chart.
  public var history: [(time: String, value: Double)]
  /// The future steps, the nearest first.
  public var points: [Point]
  /// Paths of the future, each as likely as the others, `[samples][horizon]`; empty where none were asked for.
  public var samples: [[Double]] = []
}

/// How well a forecaster did on held-out time, beside the two forecasts that cost nothing.
public struct Backtest: Codable, Sendable, Equatable {
  /// The errors of a forecast that cost nothing.
  public struct Errors: Codable, Sendable, Equatable {
    /// Symmetric mean absolute percentage error, 0 … 200.
    public var smape: Double
    /// Mean absolute error over that of the seasonal-naive forecast within the training part.
    public var mase: Double
  }

  /// The errors of some of the forecasts.
  public struct Part: Codable, Sendable, Equatable {
    /// Symmetric mean absolute percentage error, 0 … 200.
    public var smape: Double
    /// Mean absolute error over that of the seasonal-naive forecast within the training part.
    public var mase: Double
    /// Root mean squared error, in the unit of the series.
    public var rmse: Double
    /// The share of true values between p10 and p90.
    public var coverage: Double
  }

  /// The errors of one horizon.
  public struct Fold: Codable, Sendable, Equatable {
    /// The first time that was forecast.
    public var from: String
    /// The last.
    public var to: String
    /// How far off it was.
    public var errors: Part
  }

  /// The errors of one step of the horizon.
  public struct Step: Codable, Sendable, Equatable {
    /// The number of the step, from 1.
    public var step: Int
    /// How far off it was.
    public var errors: Part
  }

  /// How many times a horizon was forecast, each from what came before it.
  public var folds: Int
  /// Symmetric mean absolute percentage error, 0 … 200.
  public var smape: Double
  /// Mean absolute error over that of the seasonal-naive forecast within the training part.
  public var mase: Double
  /// Root mean squared error, in the unit of the series.
  public var rmse: Double
  /// The share of true values between p10 and p90; 0.8 is aimed at.
  public var coverage: Double
  /// The last value, repeated.
  public var naive: Errors
  /// The last season, repeated.
  public var seasonalNaive: Errors
  /// Each horizon by itself; nil for the mean over several series, and in files of older versions.
  public var perFold: [Fold]?
  /// Each step of the horizons by itself; nil for the mean over several series, and in files of older versions.
  public var perStep: [Step]?

  /// Whether every error is a number; errors relative to those of a constant past are none.
  var isFinite: Bool {
    [smape, mase, rmse, coverage, naive.smape, naive.mase, seasonalNaive.smape, seasonalNaive.mase].allSatisfy(
      \.isFinite)
  }

  /// The cheap forecast that did better, if one did.
  public var betterBaseline: String? {
    let best = min(naive.mase, seasonalNaive.mase)
    guard best < mase else { return nil }
    return seasonalNaive.mase <= naive.mase ? "seasonal-naive" : "naive"
  }
}

extension Backtest {
  /// The mean over several series, each counted once; nil where there is none.
  init?(meanOf all: [Backtest]) {
    guard !all.isEmpty else { return nil }
    guard all.count > 1 else {
      self = all[0]
      return
    }
    func mean(_ value: (Backtest) -> Double) -> Double { all.reduce(0) { $0 + value($1) } / Double(all.count) }
    func errors(_ part: (Backtest) -> Errors) -> Errors {
      Errors(smape: mean { part($0).smape }, mase: mean { part($0).mase })
    }
    self.init(
      folds: all.map(\.folds).max() ?? 1, smape: mean(\.smape), mase: mean(\.mase), rmse: mean(\.rmse),
      coverage: mean(\.coverage), naive: errors(\.naive), seasonalNaive: errors(\.seasonalNaive))
  }
}

/// What the training of a forecaster cost.
public struct TrainingReport: Codable, Sendable, Equatable {
  /// The epochs that were finished, of both trainings.
  public var epochs: Int
  /// How long it took, with the backtest.
  public var seconds: Double
  /// The number of learned values.
  public var parameters: Int
  /// What all random choices followed from.
  public var seed: UInt64
}

/// A forecaster that cannot be made or used as asked.
public typealias ForecastError = TaskError
