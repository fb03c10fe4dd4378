import Refrain
import RefrainData

extension Backtest {
  /// The errors of forecasts of the last horizons of a series, each made from what came before it.
  ///
  /// - Parameter quantiles: For each fold, for each step: the lower bound, the median and the upper bound.
  init(_ series: Series, quantiles: [[[Double]]], plan: ForecastPlan) {
    let values = series.values
    let folds = quantiles.count
    let held = series.count - folds * plan.horizon
    let origins = (0..<folds).map { held + $0 * plan.horizon }
    let truth = origins.flatMap { values[$0..<$0 + plan.horizon] }
    let forecast = quantiles.flatMap { $0.map { $0[1] } }
    let naive = origins.flatMap { Array(repeating: values[$0 - 1], count: plan.horizon) }
    let seasonal = origins.flatMap { origin in
      (0..<plan.horizon).map { values[origin - plan.season + $0 % plan.season] }
    }
    let past = Array(values[..<held])
    func errors(_ forecast: [Double]) -> Errors {
      Errors(
        smape: ForecastErrors.symmetricPercentage(actual: truth, forecast: forecast),
        mase: ForecastErrors.scaled(actual: truth, forecast: forecast, history: past, season: plan.season))
    }
    let own = errors(forecast)
    let bounds = quantiles.flatMap { $0 }
    let inside = zip(truth, bounds).filter { $1[0] <= $0 && $0 <= $1[2] }.count
    self.init(
      folds: folds, smape: own.smape, mase: own.mase,
      rmse: ForecastErrors.rootMeanSquared(actual: truth, forecast: forecast),
      coverage: Double(inside) / Double(truth.count), naive: errors(naive), seasonalNaive: errors(seasonal))
  }
}
