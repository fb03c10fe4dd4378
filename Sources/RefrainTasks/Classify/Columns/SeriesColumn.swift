import Refrain
import RefrainData

/// Whole series, one a row: its channels between colons, the values of a channel between commas, semicolons or blanks,
/// as in `.ts` files: `1.5,2,?:7,8,9`. Lengths may differ from row to row, and from channel to channel; a missing value
/// is `?`, NaN or nothing. Each channel is scaled to mean 0 and deviation 1 over all rows.
public struct SeriesColumn: ColumnEncoder {
  public static let kind = "series"
  /// Mean and deviation of each channel; the deviation is 1 where all its values are the same.
  let means: [Double]
  let deviations: [Double]
  /// Whether values are missing in what was learned of: then the network is told which.
  let hasGaps: Bool

  /// Texts of at least three numbers are series.
  public static func likelihood(of sample: ColumnSample) -> Double {
    guard !sample.holdsFiles, !sample.values.isEmpty else { return 0 }
    let share = sample.share { text in
      guard text.utf8.count >= 5, let series = SeriesText(text) else { return false }
      return series.channels.contains { $0.count >= 3 }
    }
    return share > 0.99 ? 0.95 : 0
  }

  public init(learning column: Column, _ settings: ColumnSettings) throws(DataError) {
    var sums: [(count: Double, mean: Double, squares: Double)] = []
    var hasGaps = false
    for row in 0..<column.count {
      let series = try Self.series(in: column, row: row, channels: sums.isEmpty ? nil : sums.count)
      if sums.isEmpty { sums = series.channels.map { _ in (0, 0, 0) } }
      let longest = series.length
      for (index, values) in series.channels.enumerated() {
        if values.count < longest { hasGaps = true }
        for value in values {
          guard value.isFinite else {
            hasGaps = true
            continue
          }
          sums[index].count += 1
          let difference = value - sums[index].mean
          sums[index].mean += difference / sums[index].count
          sums[index].squares += difference * (value - sums[index].mean)
        }
      }
    }
    if let empty = sums.firstIndex(where: { $0.count == 0 }) {
      throw column.fault(
        .missingValue, row: 0, "channel \(empty + 1) has no value in any row", remedy: "leave the channel out")
    }
    means = sums.map(\.mean)
    deviations = sums.map { sum in
      let deviation = (sum.squares / max(1, sum.count)).squareRoot()
      return deviation.isNormal && deviation > 1e-9 * abs(sum.mean) ? deviation : 1
    }
    self.hasGaps = hasGaps
  }

  private enum Key: String, CodingKey { case means, deviations, hasGaps }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    means = try container.decode([Double].self, forKey: .means)
    deviations = try container.decode([Double].self, forKey: .deviations)
    hasGaps = try container.decode(Bool.self, forKey: .hasGaps)
    guard !means.isEmpty, means.count == deviations.count, means.allSatisfy(\.isFinite),
      deviations.allSatisfy({ $0.isNormal && $0 > 0 })
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .deviations, in: container, debugDescription: "series cannot be scaled by these means and deviations")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(means, forKey: .means)
    try container.encode(deviations, forKey: .deviations)
    try container.encode(hasGaps, forKey: .hasGaps)
  }

  /// The values **I** of a step: the channels, and where there are gaps whether each is there.
  var inputSize: Int { hasGaps ? 2 * means.count : means.count }

  public func encode(_ column: Column) throws(DataError) -> any EncodedColumn {
    var rows: [[Float]] = []
    rows.reserveCapacity(column.count)
    for row in 0..<column.count {
      let series = try Self.series(in: column, row: row, channels: means.count)
      var values: [Float] = []
      values.reserveCapacity(series.length * inputSize)
      var last = Array(repeating: Float(0), count: means.count)
      for step in 0..<series.length {
        var isThere: [Float] = []
        for (channel, own) in series.channels.enumerated() {
          let value = step < own.count ? own[step] : .nan
          // Ten deviations are as far as anything. What is missing is as it was last.
          if value.isFinite {
            last[channel] = Float(max(-10, min(10, (value - means[channel]) / deviations[channel])))
          }
          values.append(last[channel])
          isThere.append(value.isFinite ? 1 : 0)
        }
        if hasGaps { values += isThere }
      }
      rows.append(values)
    }
    return EncodedSeries(rows: rows, inputSize: inputSize, channels: means.count)
  }

  public func makePart(_ plan: NetworkPlan, using generator: inout RandomGenerator) -> any ColumnPart {
    SeriesPart(plan, inputSize: inputSize, using: &generator)
  }

  public func weightCount(_ plan: NetworkPlan) -> Double {
    SequencePart.weightCount(plan, inputSize: inputSize)
  }

  public func names(row: Int, of column: Column, shape: [Int]) -> ColumnNames {
    ColumnNames(
      steps: (1...max(1, shape[0])).map(String.init), features: (1...means.count).map { "channel \($0)" },
      places: (0..<shape[1]).map { $0 % means.count })
  }

  public var bagSize: Int { 2 * means.count }
  public var summary: String { means.count == 1 ? "series" : "series of \(means.count) channels" }

  private static func series(in column: Column, row: Int, channels: Int?) throws(DataError) -> SeriesText {
    guard let text = column.text(row), let series = SeriesText(text) else {
      let text = column.text(row) ?? ""
      throw column.fault(
        .notANumber, row: row, text.isEmpty ? "the series is missing" : "\(text.quoted) is no series of numbers",
        remedy: "write numbers between commas, channels between colons: 1.5,2,3:7,8,9")
    }
    if let channels, series.channels.count != channels {
      throw column.fault(
        .wrongFieldCount, row: row,
        "the series has \(series.channels.count == 1 ? "1 channel" : "\(series.channels.count) channels"), and the "
          + "first has \(channels)", remedy: "give each series all channels, with colons between them")
    }
    guard series.channels.contains(where: { $0.contains(where: \.isFinite) }) else {
      throw column.fault(.missingValue, row: row, "the series has no value", remedy: "leave the row out")
    }
    return series
  }
}

/// Series as steps of values.
struct EncodedSeries: EncodedColumn {
  /// `[T, inputSize]` of each row.
  let rows: [[Float]]
  let inputSize: Int
  let channels: Int
  var count: Int { rows.count }

  func length(of row: Int) -> Int { rows[row].count / inputSize }

  func batch(_ chosen: [Int]) throws(TrainingError) -> StepValues {
    let longest = chosen.reduce(1) { max($0, length(of: $1)) }
    var values: [Float] = []
    values.reserveCapacity(chosen.count * longest * inputSize)
    for row in chosen {
      values += rows[row]
      values += repeatElement(0, count: longest * inputSize - rows[row].count)
    }
    return StepValues(
      Tensor(values, shape: [chosen.count, longest, inputSize]),
      steps: Steps(lengths: chosen.map { length(of: $0) }))
  }

  /// The mean and the deviation of each channel.
  func bag(of row: Int) -> [(feature: Int, value: Float)] {
    let steps = Float(max(1, length(of: row)))
    var features: [(feature: Int, value: Float)] = []
    for channel in 0..<channels {
      let own = stride(from: channel, to: rows[row].count, by: inputSize).map { rows[row][$0] }
      let mean = own.reduce(0, +) / steps
      let square = own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / steps
      features.append((2 * channel, mean))
      features.append((2 * channel + 1, square.squareRoot()))
    }
    return features.filter { $0.value != 0 }
  }
}

/// Reads series: recurrent layers over the steps, and beside them each channel's mean and mean square, of which short
/// training sets tell more than recurrent layers can learn from them.
struct SeriesPart: ColumnPart {
  private var recurrent: SequencePart
  let featureSize: Int

  init(_ plan: NetworkPlan, inputSize: Int, using generator: inout RandomGenerator) {
    recurrent = SequencePart(plan, inputSize: inputSize, using: &generator)
    featureSize = recurrent.featureSize + 2 * inputSize
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try recurrent.forEachTensor(body) }

  func callAsFunction(_ values: StepValues, layers: LayerCalls) -> Tensor {
    let mean = GlobalPooling1D(.average)(values).values
    let square = GlobalPooling1D(.average)(values.map { $0.squared }).values
    return concatenate([recurrent(values, layers: layers), mean, square], axis: 1)
  }
}
