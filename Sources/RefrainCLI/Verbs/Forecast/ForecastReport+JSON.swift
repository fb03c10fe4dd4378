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
      ("backtest", backtest?.json(hasDetails: extent.hasDetails) ?? .null),
      (
        "methods",
        .array(forecaster.methods.map { .object([("name", .text($0.name)), ("weight", .number($0.weight))]) })
      ),
    ]
    if !forecast.samples.isEmpty {
      pairs.append(("samples", .array(forecast.samples.map { .array($0.map { .number($0) }) })))
    }
    if facts.missingCount > 0 { pairs.append(("missing", .integer(facts.missingCount))) }
    if extent.hasFitted { pairs.append(("fitted", .array(fitted.map(\.json)))) }
    if isOfAnotherSeries {
      pairs.append(("trainingBacktest", forecaster.backtest?.json(hasDetails: extent.hasDetails) ?? .null))
    }
    pairs.append(("training", forecaster.training.json))
    if !forecaster.notes.isEmpty { pairs.append(("notes", .array(forecaster.notes.map { .text($0) }))) }
    return .object(pairs)
  }

  /// One object a step, each on a line, with the label where there is one; the values of sample paths at the step are
  /// an array.
  var jsonLines: String {
    let start = label.map { [(key: "id", value: JSON.text($0))] } ?? []
    return points.enumerated().map { step, point in
      let samples = forecast.samples.map { JSON.number($0[step]) }
      let own = samples.isEmpty ? [] : [(key: "samples", value: JSON.array(samples))]
      return JSON.object(start + point.fields + own).line + "\n"
    }.joined()
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
  fileprivate func json(hasDetails: Bool) -> JSON {
    var pairs: [(key: String, value: JSON)] = [
      ("folds", .integer(folds)), ("smape", .number(smape)), ("mase", .number(mase)), ("rmse", .number(rmse)),
      ("coverage", .number(coverage)), ("naive", naive.json), ("seasonalNaive", seasonalNaive.json),
    ]
    if hasDetails {
      pairs += [
        (
          "perFold",
          .array((perFold ?? []).map { .object([("from", .text($0.from)), ("to", .text($0.to))] + $0.errors.fields) })
        ),
        ("perStep", .array((perStep ?? []).map { .object([("step", .integer($0.step))] + $0.errors.fields) })),
      ]
    }
    return .object(pairs)
  }
}

extension Backtest.Part {
  fileprivate var fields: [(key: String, value: JSON)] {
    [
      ("smape", .number(smape)), ("mase", .number(mase)), ("rmse", .number(rmse)), ("coverage", .number(coverage)),
    ]
  }
}

extension Forecaster.FittedValue {
  fileprivate var json: JSON {
    [
      "time": .text(time), "value": value.map { .number($0) } ?? .null, "fitted": .number(fitted),
      "residual": value.map { .number($0 - fitted) } ?? .null,
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
