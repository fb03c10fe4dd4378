import RefrainData

extension Forecaster {
  /// What weights of the pretrained network say of a series by themselves, with the intervals of their own quantiles.
  package static func zeroShotForecast(
    _ network: ZeroShotNetwork, of series: Series, _ configuration: Configuration
  ) throws(ForecastError) -> [SimpleForecast.Point] {
    var configuration = configuration
    configuration.isZeroShot = true
    let plan = try ForecastPlan(series, configuration)
    let simple = ForecastWays(ForecastWindows(series, training: series.count, plan: plan)).simple
    return simple.pretrainedQuantiles(network, at: [series.count])[0].map { quantiles in
      let told = quantiles.map(simple.scaler.unscale)
      return SimpleForecast.Point(median: told[3], lower: told[1], upper: told[5])
    }
  }
}
