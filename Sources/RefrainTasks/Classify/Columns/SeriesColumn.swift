import Refrain
import RefrainData

/// Whole series, one a row: its channels between colons, the values of a channel between commas, semicolons or blanks,
/// as in `.ts` files: `1.5,2,?:7,8,9`, or pairs of time and value; or the path of a table whose rows are the steps.
/// Lengths may differ from row to row, and from channel to channel; a missing value is `?`, NaN or nothing. Each
/// channel is scaled to mean 0 and deviation 1 over all rows.
public struct SeriesColumn: ColumnEncoder {
  public static let kind = "series"
  /// Mean and deviation of each channel; the deviation is 1 where all its values are the same.
  let means: [Double]
  let deviations: [Double]
  /// Whether values are missing in what was learned of: then the network is told which.
  let hasGaps: Bool
  /// The time that counts as 1, where steps are not equally far apart; nil where they are.
  let timeUnit: Double?
  /// How series are read of tables of their own; nil where they are texts.
  let tables: SeriesTables?

  /// Texts of at least three numbers are series, and so are paths of tables.
  public static func likelihood(of sample: ColumnSample) -> Double {
    guard !sample.values.isEmpty else { return 0 }
    let tables = sample.shareOfFiles(endingIn: SeriesTables.endings)
    if sample.holdsFiles || tables > 0.99 { return 0.95 * tables }
    let share = sample.share { text in
      guard text.utf8.count >= 5, let series = SeriesText(text) else { return false }
      return series.times.contains { !$0.isEmpty } || series.channels.contains { $0.count >= 3 }
    }
    return share > 0.99 ? 0.95 : 0
  }

  public init(learning column: Column, _ settings: ColumnSettings) throws(DataError) {
    var tables: SeriesTables?
    if column.count > 0, column.sample.shareOfFiles(endingIn: SeriesTables.endings) > 0.99 {
      tables = try SeriesTables(column, time: settings.time)
    }
    self.tables = tables
    var clock = SeriesClock()
    var found = try Self.moments(of: column, tables) { clock.add($0) }
    // A slip such as a pH of 735 must not decide how all others are scaled.
    for _ in 0..<3 where found.hasOutliers {
      found = try Self.moments(of: column, tables, within: found.bounds)
    }
    if let empty = found.firstEmpty {
      throw column.fault(
        .missingValue, row: 0, "channel \(empty + 1) has no value in any row", remedy: "leave the channel out")
    }
    (means, deviations, hasGaps) = (found.means, found.deviations, found.hasGaps)
    timeUnit = clock.unit
  }

  /// Mean and deviation of each channel over all rows.
  ///
  /// - Parameters:
  ///   - bounds: What is beyond these is not counted.
  ///   - seeTimes: Told the times of each series.
  private static func moments(
    of column: Column, _ tables: SeriesTables?, within bounds: [ClosedRange<Double>]? = nil,
    seeTimes: ([Double]) -> Void = { _ in }
  ) throws(DataError) -> ChannelMoments {
    var moments: ChannelMoments?
    for row in 0..<column.count {
      let series = try Self.series(in: column, row: row, channels: moments?.count, tables)
      var known = moments ?? ChannelMoments(channels: series.channels.count, within: bounds)
      let steps = series.steps()
      known.add(steps.values)
      moments = known
      seeTimes(steps.times)
    }
    return moments ?? ChannelMoments(channels: 0, within: nil)
  }

  private enum Key: String, CodingKey { case means, deviations, hasGaps, timeUnit, tables }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    means = try container.decode([Double].self, forKey: .means)
    deviations = try container.decode([Double].self, forKey: .deviations)
    hasGaps = try container.decode(Bool.self, forKey: .hasGaps)
    timeUnit = try container.decodeIfPresent(Double.self, forKey: .timeUnit)
    tables = try container.decodeIfPresent(SeriesTables.self, forKey: .tables)
    guard !means.isEmpty, means.count == deviations.count, means.allSatisfy(\.isFinite),
      deviations.allSatisfy({ $0.isNormal && $0 > 0 }), timeUnit.map({ $0.isNormal && $0 > 0 }) ?? true,
      tables.map({ $0.channels.count == means.count }) ?? true
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
    try container.encodeIfPresent(timeUnit, forKey: .timeUnit)
    try container.encodeIfPresent(tables, forKey: .tables)
  }

  /// What the values of a step are.
  var layout: SeriesStepLayout {
    SeriesStepLayout(channels: means.count, hasGaps: hasGaps, hasTimes: timeUnit != nil)
  }

  public func encode(_ column: Column) throws(DataError) -> any EncodedColumn {
    var rows = StepRows(width: layout.width)
    for row in 0..<column.count {
      let series = try Self.series(in: column, row: row, channels: means.count, tables)
      let (seen, times) = series.steps()
      guard timeUnit == nil || !times.isEmpty else {
        throw column.fault(
          .wrongInput, row: row, "the series has no times, and those that were learned of have",
          remedy: "give each value with its time: (0,1.5),(0.5,2)")
      }
      let steps = seen.count / means.count
      var values: [Float] = []
      values.reserveCapacity(steps * layout.width)
      var last = Array(repeating: Float(0), count: means.count)
      for step in 0..<steps {
        let own = seen[step * means.count..<(step + 1) * means.count]
        for (channel, value) in own.enumerated() where value.isFinite {
          // Ten deviations are as far as anything. What is missing is as it was last.
          last[channel] = Float(max(-10, min(10, (value - means[channel]) / deviations[channel])))
        }
        values += last
        if hasGaps { values += own.map { $0.isFinite ? 1 : 0 } }
        if let timeUnit {
          values.append(step == 0 ? 0 : Float(min((times[step] - times[step - 1]) / timeUnit, 1e6)))
        }
      }
      rows.append(values)
    }
    try rows.check()
    return EncodedSeries(rows: rows, layout: layout)
  }

  public func makePart(_ plan: NetworkPlan, using generator: inout RandomGenerator) -> any ColumnPart {
    SeriesPart(plan, layout, using: &generator)
  }

  public func weightCount(_ plan: NetworkPlan) -> Double {
    // Beside the recurrent layers the joined layer reads two numbers of each value and three more of each channel.
    SequencePart.weightCount(plan, inputSize: layout.width) + Double(2 * layout.width + 3 * layout.channels)
  }

  public func names(row: Int, of column: Column, shape: [Int]) -> ColumnNames {
    names(steps: shape[0], (channels: tables?.channels ?? [], steps: []))
  }

  /// What an explanation calls so many steps and what stands at each.
  ///
  /// - Parameter known: What channels and steps are called; those that have no name are counted.
  func names(steps count: Int, _ known: (channels: [String], steps: [String])) -> ColumnNames {
    let channels =
      known.channels.count == means.count ? known.channels : (1...means.count).map { "channel \($0)" }
    let seen = layout.hasGaps ? channels.map { "\($0), whether it is there" } : []
    let features = channels + seen + (layout.hasTimes ? ["the time since the step before"] : [])
    let steps = known.steps.count < count ? (1...max(1, count)).map(String.init) : Array(known.steps.prefix(count))
    return ColumnNames(steps: steps, features: features, places: Array(features.indices))
  }

  public var content: Augmentation.Content? { timeUnit == nil ? .series : .irregularSeries }

  public func changed(
    _ input: StepValues, by changes: Augmentations, using generator: inout RandomGenerator
  ) -> StepValues {
    changes.only(content?.kinds ?? []).changed(
      series: input, channels: layout.channels, flags: layout.hasGaps ? layout.channels : nil,
      timeColumn: layout.hasTimes ? layout.valueCount : nil, using: &generator)
  }

  public var bagSize: Int { layout.bagSize }

  public var summary: String {
    [
      means.count == 1 ? "series" : "series of \(means.count) channels", hasGaps ? "with gaps" : nil,
      timeUnit == nil ? nil : "at irregular times",
    ].compactMap(\.self).joined(separator: " ")
  }

  private static func series(
    in column: Column, row: Int, channels: Int?, _ tables: SeriesTables?
  ) throws(DataError) -> SeriesText {
    let series: SeriesText
    if let tables { series = try tables.series(in: column, row: row) } else { series = try text(column, row) }
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

  private static func text(_ column: Column, _ row: Int) throws(DataError) -> SeriesText {
    let text = column.text(row) ?? ""
    guard let series = SeriesText(text) else {
      throw column.fault(
        .notANumber, row: row,
        text.isEmpty ? "the series is missing" : "\(text.shortened.quoted) is no series of numbers",
        remedy: "write numbers between commas, channels between colons: 1.5,2,3:7,8,9")
    }
    return series
  }
}

extension SeriesLayout {
  /// What the channels of a series are called, and its steps where each is a column; nothing where they have no names.
  func names(of series: String) -> (channels: [String], steps: [String]) {
    switch self {
    case .long(let long): return (long.channels, [])
    case .wide(let all):
      guard let own = all.first(where: { $0.name == series })?.channels else { return ([], []) }
      // What the names of a channel's columns have in common: x of x0, x1, x2 …
      let stems = own.map { names in String((names.first ?? "").reversed().drop { $0.isNumber }.reversed()) }
      let areNames = Set(stems).count == stems.count && !stems.contains("")
      return (areNames ? stems : [], own.count == 1 ? own[0] : [])
    }
  }
}
