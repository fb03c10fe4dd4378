import RefrainData
import RefrainTasks

extension ForecastReport {
  /// One JSON object.
  ///
  /// The backtest is of the series that was forecast; a model's own, of another series, stands by itself.
  var json: JSON {
    var pairs: [(key: String, value: JSON)] = []
    if let label { pairs.append(("id", .text(label))) }
    pairs += [
      ("series", .text(facts.title)),
      ("target", .text(facts.target)),
      ("frequency", .text(facts.frequency)),
      ("season", .integer(forecaster.season)),
      ("horizon", .integer(forecaster.horizon)),
      ("forecast", .array(points.map { .object($0.fields) })),
      ("backtest", backtest?.json ?? .null),
    ]
    if isOfAnotherSeries { pairs.append(("trainingBacktest", forecaster.backtest?.json ?? .null)) }
    pairs.append(("training", forecaster.training.json))
    if !forecaster.notes.isEmpty { pairs.append(("notes", .array(forecaster.notes.map { .text($0) }))) }
    return .object(pairs)
  }

  /// One object a step, each on a line, with the label where there is one.
  var jsonLines: String {
    let start = label.map { [(key: "id", value: JSON.text($0))] } ?? []
    return points.map { JSON.object(start + $0.fields).line + "\n" }.joined()
  }
}

extension Forecast.Point {
  fileprivate var fields: [(key: String, value: JSON)] {
    // The median stands as "mean" too for one version, for programs that read the old name.
    [
      ("time", .text(time)), ("median", .number(median)), ("mean", .number(median)), ("p10", .number(p10)),
      ("p90", .number(p90)),
    ] + bounds(of: intervals).map { (key: $0.name, value: JSON.number($0.value)) }
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
