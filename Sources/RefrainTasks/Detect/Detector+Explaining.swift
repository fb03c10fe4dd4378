import Refrain
import RefrainData

extension Detector {
  /// What in the rows before made a network expect of a row what it did: the value of each channel that was foretold,
  /// as networks see it (the spread of the channel being about 1), or how far off the window is that was said again.
  /// Alarms come first, the strangest before the others; numbers name rows.
  public func explained(
    _ examples: Examples, _ request: DetectionRequest, _ choice: ExampleChoice
  ) throws(TaskError) -> [ExplainedExample] {
    let rows = examples.files.enumerated().flatMap { file, rows in (0..<rows.count).map { (file: file, row: $0) } }
    let detections = examples.files.map { self.detections(in: $0) }
    func found(_ place: Int) -> Detection { detections[rows[place].file][rows[place].row] }
    let ordered: [Int]
    switch choice {
    case .numbers: ordered = try choice.places(of: rows.count, called: "row")
    case .first(let most):
      let all = rows.indices.filter { rows[$0].row > 0 }.sorted { first, second in
        let (one, other) = (found(first), found(second))
        if one.isAnomaly != other.isAnomaly { return one.isAnomaly }
        return (one.strangeness, second) > (other.strangeness, first)
      }
      ordered = Array(all.prefix(most))
    }
    if networks.predictor != nil, ordered.contains(where: { rows[$0].row == 0 }) {
      throw TaskError(
        "nothing is before the first row of a file that it could be foretold from", remedy: "choose another")
    }
    return ordered.map { place in
      explained(found(place), rows[place].row, of: examples.files[rows[place].file])
    }
  }

  /// So many rows are looked at, and so many parts of a training example.
  private static let most = 240

  private func explained(_ detection: Detection, _ row: Int, of rows: ObservedRows) -> ExplainedExample {
    let isForetold = networks.predictor != nil
    let length = isForetold ? min(Self.most, 4 * plan.context) : plan.window
    let last = isForetold ? row - 1 : row
    let chosen = max(0, last + 1 - length)...max(0, last)
    // Rows count on from those of the training.
    var values = chosen.flatMap { place in
      plan.input(rows.values(place), at: rows.stamps?[place], row: end.state.rows + place + 1).input
    }
    var names = chosen.map { rows.times[$0] }
    if !isForetold, names.count < length {
      values = Array(repeating: 0, count: (length - names.count) * plan.inputSize) + values
      names = Array(repeating: "(before)", count: length - names.count) + names
    }
    let input = Tensor(values, shape: [names.count, plan.inputSize])
    let count = plan.channels.count
    let season = plan.waveCount > 0 ? ["the season"] : []
    let places = (0..<plan.inputSize).map { $0 < 2 * count ? $0 % count : count }
    // The channel that is odd comes first.
    let odd = plan.channels.firstIndex(of: detection.channel) ?? 0
    let order = [odd] + plan.channels.indices.filter { $0 != odd }
    let what = isForetold ? "expected of" : "how far off is"
    let seen = detection.seen.map { "\(Self.short($0))" } ?? "missing"
    let size = names.count
    return ExplainedExample(
      title: "\(rows.times[row]): \(plan.channels[odd]) was \(seen), expected \(Self.short(detection.expected))"
        + (detection.isAnomaly ? ", an alarm" : ", no alarm"), input: input, steps: names,
      features: .grouped(plan.channels + season, places: places),
      outputs: order.map { "\(what) \(plan.channels[$0])" }, network: networks,
      relevance: isForetold ? .ofScore : .none
    ) { network, inputs, layers, output in
      if let predictor = network.predictor {
        return predictor(inputs, layers: layers, named: "predictor").at(size - 1, axis: 1).at(order[output], axis: 1)
      }
      guard let autoencoder = network.autoencoder else { return .zeros([inputs.shape[0]]) }
      let said = autoencoder(inputs, layers: layers, named: "autoencoder").at(order[output], axis: 2)
      let (own, isThere) = (inputs.at(order[output], axis: 2), inputs.at(count + order[output], axis: 2))
      return (abs(own - said) * isThere).mean(axes: [1])
    }
  }

  private static func short(_ value: Double) -> Double {
    let thousands = value * 1000
    return thousands.isFinite ? thousands.rounded() / 1000 : value
  }
}
