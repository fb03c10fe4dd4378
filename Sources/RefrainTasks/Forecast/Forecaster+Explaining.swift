import Refrain
import RefrainData

extension Forecaster {
  /// The medians of the network's forecast that goes on from the end of each series, or of those trained on, with the
  /// context as the input. Scores are in the unit of the series, or of its logarithm where that is taken, less the
  /// context's level. Which part the network has in the forecast stands beside.
  ///
  /// - Throws: ``TaskError`` for a forecaster without a network of its own, and for a series shorter than ``context``.
  public func explained(
    _ examples: [Series], _ request: ForecastRequest, _ choice: ExampleChoice = .first(.max)
  ) throws(TaskError) -> [ExplainedExample] {
    guard hasNetwork else { throw withoutNetwork }
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
    let scale = Float(member.scaler.deviation)
    let name = members.count > 1 ? member.id ?? memory.name : memory.name
    var example = ExplainedExample(
      title: "\(name): \(horizon) steps after \(memory.times.last ?? "the end"), less the level before",
      input: input,
      steps: Array(memory.times.suffix(context)), features: .named(features),
      outputs: ["mean of all steps"] + memory.futureTimes, network: forecastNetwork
    ) { network, inputs, layers in
      let quantiles = network(inputs, layers: layers)
      let medians = quantiles.at(ForecastNetwork.quantiles.count / 2, axis: 2)
      return concatenate([medians.mean(axes: [1], keepingAxes: true), medians], axis: 1) * scale
    }
    example.unit =
      member.scaler.transform == .identity
      ? "the unit of \(seriesName)" : "the logarithm of \(seriesName), of which 0.1 is about 10 %"
    let shares = shares(of: member)
    example.remark = remark(shares)
    example.exhibits = [
      Exhibit(
        "shares", title: "The ways to forecast and their shares",
        note: "The forecast is their weighted mean, drawn towards their median. The network alone is explained here.",
        .table(
          columns: ["method", "kind", "share"],
          rows: shares.map { [.text($0.title), .text($0.kind), .number(($0.weight * 1e4).rounded() / 1e4)] }))
    ]
    return example
  }

  /// A way to forecast with its weight among all.
  private typealias Share = (title: String, kind: String, weight: Double)

  /// The ways that make the forecast of a series, the heaviest first, and the network in any case.
  private func shares(of member: ForecastMember) -> [Share] {
    // A network whose training was stopped early forecasts alone.
    var all = (member.combination?.members ?? [.init(name: ForecastWays.network, weight: 1, error: 1)])
      .map { (name: $0.name, weight: $0.weight) }
    if !all.contains(where: { $0.name == ForecastWays.network }) { all.append((ForecastWays.network, 0)) }
    return all.map {
      (ForecastWays.title($0.name, cell: cell), SimpleMethod(rawValue: $0.name)?.kind ?? "network", $0.weight)
    }
  }

  /// Which part the network has in the forecast, in a sentence or two.
  private func remark(_ shares: [Share]) -> String {
    let isNetwork = { (share: Share) in share.kind == "network" }
    let own = shares.first(where: isNetwork)?.weight ?? 0
    let others = Self.list(shares.filter { !isNetwork($0) }.map { ($0.title, $0.weight) })
    if own == 0 {
      return "The network has no part in this forecast: \(others). Below is what it alone would look at."
    }
    return others.isEmpty
      ? "The network forecasts alone."
      : "The network has a share of \(Self.percent(own)) in this forecast, beside \(others). Below is what it alone "
        + "looks at."
  }

  /// Why there is nothing to explain.
  private var withoutNetwork: TaskError {
    if isNaive {
      return TaskError(
        "this forecaster repeats what was: there is no network to explain", remedy: "train on more rows")
    }
    if plan.isZeroShot == true {
      return TaskError(
        "this forecaster forecasts by the network that comes with Refrain, which is not explained",
        remedy: "train one on the series, without zero-shot")
    }
    let ways = Self.list(methods)
    return TaskError(
      "this forecaster has no network to explain: the simple methods forecast alone"
        + (ways.isEmpty ? "" : " (\(ways))"), remedy: "train on more rows")
  }

  private static func list(_ shares: [(name: String, weight: Double)]) -> String {
    shares.map { "\($0.name) \(percent($0.weight))" }.joined(separator: ", ")
  }

  private static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
}

extension SimpleMethod {
  /// What sort of a method it is, in a word.
  fileprivate var kind: String {
    switch self {
    case .naive, .seasonalNaive, .longSeasonalNaive, .drift, .seasonalMean: "naive"
    case .smoothing, .dampedTrend, .linearTrend, .seasonalSmoothing, .seasonalDampedTrend, .seasonalTrend,
      .multiplicativeSeason, .doubleSeason, .theta, .stretchedTheta:
      "smoothing"
    case .linear: "regression"
    case .pretrained: "network"
    }
  }
}
