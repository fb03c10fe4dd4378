import RefrainData
import RefrainTasks

extension ForecastReport {
  /// One JSON object.
  var json: JSON {
    [
      "series": .text(facts.title),
      "target": .text(facts.target),
      "frequency": .text(facts.frequency),
      "season": .integer(forecaster.season),
      "horizon": .integer(forecaster.horizon),
      "forecast": .array(points.map(\.json)),
      "backtest": forecaster.backtest?.json ?? .null,
      "training": forecaster.training.json,
    ]
  }
}

extension Forecast.Point {
  var json: JSON {
    ["time": .text(time), "mean": .number(mean), "p10": .number(p10), "p90": .number(p90)]
  }
}

extension Backtest {
  fileprivate var json: JSON {
    [
      "folds": .integer(folds), "smape": .number(smape), "mase": .number(mase), "rmse": .number(rmse),
      "coverage": .number(coverage), "naive": naive.json, "seasonalNaive": seasonalNaive.json,
    ]
  }
}

extension Backtest.Errors {
  fileprivate var json: JSON { ["smape": .number(smape), "mase": .number(mase)] }
}

extension TrainingReport {
  fileprivate var json: JSON {
    [
      "epochs": .integer(epochs), "seconds": .number(seconds), "parameters": .integer(parameters),
      "seed": .integer(seed),
    ]
  }
}
