import Foundation
import RefrainData
import Testing

@testable import RefrainTasks

@Suite("The measures of a backtest") struct BacktestMeasureTests {
  /// Two folds of five steps, in a season of three.
  private let series = Series(name: "x", values: [4, 7, 5, 4, 8, 6, 5, 9, 6, 4, 7, 5, 5, 8, 7, 6, 9, 7])

  private func backtest(_ quantiles: (Double) -> [Double]) throws -> Backtest {
    var configuration = Forecaster.Configuration()
    configuration.season = 3
    configuration.horizon = 5
    configuration.folds = 2
    var plan = try ForecastPlan(series, configuration)
    #expect(plan.horizon == 5 && plan.season == 3)
    plan.folds = 2
    let truth = Array(series.values.suffix(10))
    return Backtest(
      series, quantiles: [truth.prefix(5).map(quantiles), truth.suffix(5).map(quantiles)], plan: plan)
  }

  @Test("count a truth as inside its interval up to both bounds, and not beyond either")
  func coverage() throws {
    #expect(try backtest { [$0, $0, $0] }.coverage == 1)
    #expect(try backtest { [$0 - 1, $0, $0 + 1] }.coverage == 1)
    #expect(try backtest { [$0 - 2, $0 - 1, $0 - 0.5] }.coverage == 0)
    #expect(try backtest { [$0 + 0.5, $0 + 1, $0 + 2] }.coverage == 0)
  }

  @Test("repeat the last season over a horizon that is longer") func season() throws {
    let backtest = try backtest { [$0, $0, $0] }
    let values = series.values
    var (naive, seasonal, past) = (0.0, 0.0, 0.0)
    for origin in [8, 13] {
      for step in 0..<5 {
        naive += abs(values[origin + step] - values[origin - 1])
        // The value a whole number of seasons before, none of which was known only later.
        var place = origin + step
        while place >= origin { place -= 3 }
        seasonal += abs(values[origin + step] - values[place])
      }
    }
    for place in 3..<8 { past += abs(values[place] - values[place - 3]) }
    #expect(abs(backtest.naive.mase - naive / 10 / (past / 5)) < 1e-12)
    #expect(abs(backtest.seasonalNaive.mase - seasonal / 10 / (past / 5)) < 1e-12)
    #expect(backtest.mase == 0)
  }

  @Test("that are no numbers are null as JSON, and the others numbers") func notNumbers() throws {
    let evaluation = TaskEvaluation(
      task: "t", examples: 2, measures: [.init("mase", .nan), .init("rmse", .infinity), .init("smape", 2)],
      baselines: [.init("naive", [.init("mase", -.infinity), .init("smape", 3)])])
    let data = try JSONEncoder().encode(evaluation)
    let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    let measures = try #require(object["measures"] as? [String: Any])
    #expect(measures["mase"] is NSNull && measures["rmse"] is NSNull && measures["smape"] as? Double == 2)
    let naive = try #require((object["baselines"] as? [String: [String: Any]])?["naive"])
    #expect(naive["mase"] is NSNull && naive["smape"] as? Double == 3)
  }
}
