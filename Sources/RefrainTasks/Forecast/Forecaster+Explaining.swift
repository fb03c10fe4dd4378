import Refrain
import RefrainData

extension Forecaster {
  /// The medians of the network's forecast that goes on from the end of each series, or of those trained on, with the
  /// context as the input. Scores are in the unit of the series where it is not taken the logarithm of, less the
  /// context's level.
  public func explained(
    _ examples: [Series], _ request: ForecastRequest, _ choice: ExampleChoice = .first(.max)
  ) throws(TaskError) -> [ExplainedExample] {
    guard hasNetwork else {
      throw TaskError(
        isNaive
          ? "this forecaster repeats what was: there is no network to explain"
          : "this forecaster has no network to explain: the simple methods forecast alone",
        remedy: "train on more rows")
    }
    guard examples.isEmpty else {
      var all: [ExplainedExample] = []
      for place in try choice.places(of: examples.count, called: "series") {
        let series = examples[place]
        guard series.count >= context else {
          throw TaskError(
            "\(series.place)the series has \(series.count) rows, and the network looks back \(context)",
            remedy: "give more rows")
        }
        let member = try member(for: series)
        all.append(explained(try memory(of: series, for: member), of: member))
      }
      return all
    }
    let seen = members.filter { $0.memory.values.count >= context }
    guard !seen.isEmpty else {
      throw TaskError("no series is as long as the \(context) rows that the network looks back", remedy: "give one")
    }
    let places = try choice.places(of: seen.count, called: "series")
    return places.map { explained(seen[$0].memory, of: seen[$0]) }
  }

  private func explained(_ memory: SeriesMemory, of member: ForecastMember) -> ExplainedExample {
    let windows = windows(memory, of: member)
    let input = windows.contexts(endingAt: [windows.count]).input.at(0, axis: 0)
    let features = plan.featureNames(memory)
    // What is a logarithm stays one.
    let unit = member.scaler.transform == .identity ? Float(member.scaler.deviation) : 1
    let name = members.count > 1 ? member.id ?? memory.name : memory.name
    return ExplainedExample(
      title: "\(name): \(horizon) steps after \(memory.times.last ?? "the end"), less the level before",
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
