import Refrain
import RefrainData

/// What the values of a step are: those of the channels, then, where there are gaps, whether each is there, and where
/// steps are not equally far apart the time since the step before.
struct SeriesStepLayout: Sendable, Equatable {
  let channels: Int
  let hasGaps: Bool
  let hasTimes: Bool

  /// How many values there are.
  var width: Int { valueCount + (hasTimes ? 1 : 0) }
  /// How many there are without the time.
  var valueCount: Int { hasGaps ? 2 * channels : channels }
  /// What the baseline sees of a series: of each channel the mean, the deviation, the greatest, the least and the last
  /// value, and how often it was seen.
  var bagSize: Int { (hasGaps ? 6 : 5) * channels }
}

/// Series as steps of values.
struct EncodedSeries: EncodedColumn {
  let rows: StepRows
  let layout: SeriesStepLayout
  var count: Int { rows.count }

  func length(of row: Int) -> Int { rows.length(of: row) }

  func batch(_ chosen: [Int]) throws(TrainingError) -> StepValues { try rows.batch(chosen, least: 1) }

  func check() throws(DataError) { try rows.check() }

  /// The mean, the deviation, the greatest, the least and the last value of each channel, and where there are gaps how
  /// often it was seen.
  func bag(of row: Int) -> [(feature: Int, value: Float)] {
    let steps = Float(max(1, length(of: row)))
    let all = Array(rows[row])
    func values(_ place: Int) -> [Float] { stride(from: place, to: all.count, by: layout.width).map { all[$0] } }
    var features: [(feature: Int, value: Float)] = []
    for channel in 0..<layout.channels {
      let own = values(channel)
      let mean = own.reduce(0, +) / steps
      let square = own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / steps
      let numbers = [mean, square.squareRoot(), own.max() ?? 0, own.min() ?? 0, own.last ?? 0]
      features += numbers.enumerated().map { (numbers.count * channel + $0.offset, $0.element) }
      guard layout.hasGaps else { continue }
      let seen = values(layout.channels + channel).reduce(0, +)
      features.append((numbers.count * layout.channels + channel, seen / steps))
    }
    return features.filter { $0.value != 0 }
  }
}

/// Reads series: recurrent layers over the steps, and beside them each value's mean and mean square and each channel's
/// greatest, least and last value, of which short training sets tell more than recurrent layers can learn from them.
///
/// A cell that reads the time between steps is told it, and what is missing is NaN to it; any other cell reads what was
/// last seen, whether it was seen at this step, and log(1 + Δ).
struct SeriesPart: ColumnPart {
  private var recurrent: SequencePart
  private let layout: SeriesStepLayout
  private let readsTime: Bool
  private let takesGaps: Bool
  let featureSize: Int

  init(_ plan: NetworkPlan, _ layout: SeriesStepLayout, using generator: inout RandomGenerator) {
    self.layout = layout
    readsTime = plan.readsTime
    takesGaps = plan.cell == GRUDCell.name
    let size = readsTime ? (takesGaps ? layout.channels : layout.valueCount) + 1 : layout.width
    recurrent = SequencePart(plan, inputSize: size, hasTime: readsTime, using: &generator)
    featureSize = recurrent.featureSize + 2 * layout.valueCount + 3 * layout.channels
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try recurrent.forEachTensor(body) }

  func callAsFunction(_ input: StepValues, layers: LayerCalls) -> Tensor {
    let values = layout.hasTimes ? input.map { $0.slice(0..<layout.valueCount, axis: 2) } : input
    let mean = GlobalPooling1D(.average)(values).values
    let passes = layers.passesRelevance
    let square = GlobalPooling1D(.average)(values.map { passes ? $0 * $0.detached : $0.squared }).values
    let channels = values.map { $0.slice(0..<layout.channels, axis: 2) }
    let greatest = GlobalPooling1D(.maximum)(channels).values
    let least = GlobalPooling1D(.maximum)(channels.map { -$0 }).values
    let read = input.map { steps($0, passingRelevance: passes) }
    return concatenate(
      [recurrent(read, layers: layers), mean, square, greatest, least, Self.last(of: channels)], axis: 1)
  }

  /// The values of each row's last step, `[B, channels]`; those of its channels that were not seen there are as they
  /// were seen last.
  private static func last(of channels: StepValues) -> Tensor {
    let (batch, time, width) = (channels.values.shape[0], channels.values.shape[1], channels.values.shape[2])
    let lengths = channels.steps.lengths ?? Array(repeating: time, count: batch)
    let places = lengths.enumerated().map { row, length in row * time + max(length, 1) - 1 }
    return channels.values.reshaped([batch * time, width]).gatheringRows(places)
  }

  /// What the recurrent layers read.
  private func steps(_ input: Tensor, passingRelevance: Bool) -> Tensor {
    guard layout.hasTimes || readsTime else { return input }
    var values = layout.hasTimes ? input.slice(0..<layout.valueCount, axis: 2) : input
    var time = layout.hasTimes ? input.slice(layout.valueCount..<layout.width, axis: 2) : nil
    if takesGaps, layout.hasGaps {
      let seen = values.slice(layout.channels..<2 * layout.channels, axis: 2)
      values = select(seen, values.slice(0..<layout.channels, axis: 2), Tensor(Float.nan))
    }
    if !readsTime {
      // The tiny number is nothing beside any other time than 0.
      time = time.map { passingRelevance ? $0 * (log(1 + $0) / ($0 + 1e-12)).detached : log(1 + $0) }
    }
    let shape = [input.shape[0], input.shape[1], 1]
    return concatenate(
      [values, time ?? Tensor(Array(repeating: 1, count: shape[0] * shape[1]), shape: shape)], axis: 2)
  }
}
