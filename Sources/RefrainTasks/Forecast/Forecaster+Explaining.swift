import Refrain
import RefrainData

extension Forecaster {
  /// The medians of the forecast that goes on from the end of each series, or of the one trained on, with the context
  /// as the input. Scores are in the unit of the series where it is not taken the logarithm of, less the context's
  /// level.
  public func explained(_ examples: [Series], _ request: ForecastRequest) throws(TaskError) -> [ExplainedExample] {
    guard !isNaive else { throw TaskError("this forecaster repeats what was: there is no network to explain") }
    guard !examples.isEmpty else { return [explained(memory)] }
    var all: [ExplainedExample] = []
    for series in examples { all.append(explained(try memory.replaced(by: series, plan: plan, scaler: scaler))) }
    return all
  }

  private func explained(_ memory: SeriesMemory) -> ExplainedExample {
    let windows = ForecastWindows(
      memory.values, covariates: memory.covariates, firstPosition: memory.firstPosition, plan: plan, scaler: scaler,
      covariateScalers: covariateScalers)
    let input = windows.contexts(endingAt: [windows.count]).input.at(0, axis: 0)
    let features =
      [memory.name] + memory.covariateNames
      + plan.cycles.flatMap { ["sine of \($0) steps", "cosine of \($0) steps"] }
    // What is a logarithm stays one.
    let unit = scaler.transform == .identity ? Float(scaler.deviation) : 1
    return ExplainedExample(
      title: "\(memory.name): \(horizon) steps after \(memory.times.last ?? "the end"), less the level before",
      input: input,
      steps: Array(memory.times.suffix(context)), features: .named(features),
      outputs: ["mean of all steps"] + memory.futureTimes, network: forecastNetwork
    ) { network, inputs, layers in
      let quantiles = network(inputs, layers: layers)
      let medians = quantiles.at(ForecastNetwork.quantiles.count / 2, axis: 2)
      return concatenate([medians.mean(axes: [1], keepingAxes: true), medians], axis: 1) * unit
    }
  }
}
