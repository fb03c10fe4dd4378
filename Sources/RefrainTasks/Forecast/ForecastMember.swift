import RefrainData

/// What a forecaster knows of one of its series: everything but the network, which all of them share.
struct ForecastMember: Codable, Sendable {
  /// The values of the columns that tell it from the others; nil for a single series.
  let id: String?
  let scaler: Scaler
  let covariateScalers: [Scaler]
  let memory: SeriesMemory
  /// What its values can be; nil in files of older versions.
  var bounds: ForecastBounds?
  /// What one unit of each covariate that is known ahead adds to the scaled series; nil for none.
  var effects: [Double]?
  /// The ways to forecast that were found best; nil in files of older versions, whose network stands alone.
  let combination: Combination?
  /// The errors on held-out time; nil when training was stopped before they were known, or nothing scales them.
  let backtest: Backtest?
}
