import Refrain
import RefrainData

extension Backtest {
  /// The errors of forecasts of the last horizons of a series, each made from what came before it. Missing values do
  /// not count.
  ///
  /// - Parameter quantiles: For each fold, for each step: the lower bound, the median and the upper bound.
  init(_ series: Series, quantiles: [[[Double]]], plan: ForecastPlan) {
    let values = series.values
    let folds = quantiles.count
    let held = series.count - folds * plan.horizon
    let origins = (0..<folds).map { held + $0 * plan.horizon }
    let places = origins.enumerated().flatMap { fold, origin in
      (0..<plan.horizon).filter { series.isObserved(origin + $0) }.map { Place(fold: fold, origin: origin, step: $0) }
    }
    /// The newest value before an origin, of all or of those so many steps apart from a row.
    func seen(before origin: Int, _ row: Int, every step: Int) -> Double {
      var row = row
      while row >= origin || row >= 0 && !series.isObserved(row) { row -= step }
      return row >= 0 ? values[row] : step > 1 ? seen(before: origin, origin - 1, every: 1) : values[0]
    }
    let truth = places.map { values[$0.row] }
    let naive = places.map { seen(before: $0.origin, $0.origin - 1, every: 1) }
    let seasonal = places.map { seen(before: $0.origin, $0.row, every: plan.season) }
    let scale = Self.scale(series, within: held, season: plan.season).value
    func mase(_ truth: [Double], _ forecast: [Double]) -> Double {
      let error = ForecastErrors.meanAbsolute(actual: truth, forecast: forecast)
      return error == 0 ? 0 : error / scale
    }
    func errors(_ truth: [Double], _ forecast: [Double]) -> Errors {
      Errors(
        smape: ForecastErrors.symmetricPercentage(actual: truth, forecast: forecast), mase: mase(truth, forecast))
    }
    /// What is measured of some of the places.
    func part(_ chosen: [Int]) -> Part? {
      guard !chosen.isEmpty else { return nil }
      let (truth, bounds) = (chosen.map { truth[$0] }, chosen.map { quantiles[places[$0].fold][places[$0].step] })
      let own = errors(truth, bounds.map { $0[1] })
      let inside = zip(truth, bounds).count { $1[0] <= $0 && $0 <= $1[2] }
      return Part(
        smape: own.smape, mase: own.mase,
        rmse: ForecastErrors.rootMeanSquared(actual: truth, forecast: bounds.map { $0[1] }),
        coverage: Double(inside) / Double(truth.count))
    }
    guard let all = part(Array(places.indices)) else {
      let none = Errors(smape: .nan, mase: .nan)
      self.init(
        folds: folds, smape: .nan, mase: .nan, rmse: .nan, coverage: .nan, naive: none, seasonalNaive: none)
      return
    }
    self.init(
      folds: folds, smape: all.smape, mase: all.mase, rmse: all.rmse, coverage: all.coverage,
      naive: errors(truth, naive), seasonalNaive: errors(truth, seasonal))
    perFold = origins.enumerated().compactMap { fold, origin in
      part(places.indices.filter { places[$0].fold == fold }).map {
        Fold(from: series.times.text(at: origin), to: series.times.text(at: origin + plan.horizon - 1), errors: $0)
      }
    }
    perStep = (0..<plan.horizon).compactMap { step in
      part(places.indices.filter { places[$0].step == step }).map { Step(step: step + 1, errors: $0) }
    }
  }

  /// A held-out value.
  private struct Place {
    let fold: Int
    let origin: Int
    let step: Int
    var row: Int { origin + step }
  }

  /// What errors are measured by: the mean absolute difference of observed values a season apart in the first `count`
  /// rows (Hyndman and Koehler 2006). Where outliers make more than half of it, it is that without them: by theirs any
  /// error would look small.
  static func scale(
    _ series: Series, within count: Int, season: Int
  ) -> (value: Double, isWithoutOutliers: Bool) {
    let rows = (min(season, count)..<count).filter { series.isObserved($0) && series.isObserved($0 - season) }
    guard !rows.isEmpty else { return (.nan, false) }
    func mean(_ differences: [Double]) -> Double { differences.reduce(0, +) / Double(rows.count) }
    let differences = rows.map { abs(series.values[$0] - series.values[$0 - season]) }
    let own = mean(differences)
    // Of so few outliers, each in two differences, half the scale can only come where one difference is large enough.
    let most = Double(2 * max(1, count / 100)) * (differences.max() ?? 0)
    guard 2 * most > own * Double(rows.count) else { return (own, false) }
    let values = withoutOutliers(Array(series.values.prefix(count)), season: season)
    let other = mean(rows.map { abs(values[$0] - values[$0 - season]) })
    return other > 0 && 2 * other < own ? (other, true) : (own, false)
  }
}
