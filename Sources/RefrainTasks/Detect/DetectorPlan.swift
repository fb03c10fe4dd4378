import Refrain
import RefrainData
import RefrainFoundation

/// Everything about a detector that is decided before training.
struct DetectorPlan: Codable, Sendable, Equatable {
  /// The names of the channels.
  let channels: [String]
  /// How each is scaled.
  let scales: [RobustScale]
  var method: Detector.Method
  let cell: String
  let hiddenSize: Int
  let layers: Int
  let epochs: Int
  let seed: UInt64
  /// How many rows a training example has.
  let context: Int
  /// How many rows are reconstructed at a time.
  let window: Int
  /// The distance of two rows in microseconds; nil where rows are counted.
  let step: Int?
  /// After how many rows the series repeats; 1 for never.
  let season: Int
  /// Whether the season is the day, whose phase the times tell.
  let isDaily: Bool
  let rate: FalseAlarmRate
  /// The share of rows that may raise a false alarm.
  let alarmShare: Double
  /// For how many rows after an alarm only what is stranger raises another.
  let rest: Int
  /// How the recurrent layers are regularized; nil is not.
  var regularizers: RecurrentRegularizers?

  /// The size of the networks' input: a value and whether it is there, for each channel, and the season's waves.
  var inputSize: Int { 2 * channels.count + waveCount }
  /// How many waves say where in the season a row lies.
  var waveCount: Int { season > 1 || isDaily ? 2 * Self.harmonics : 0 }
  /// Sine and cosine of the season, of its half, and of its third.
  static let harmonics = 3
  /// Longer seasons are known by their waves alone, not by what was a season ago.
  static let longestSeason = 3000
  /// The rows of a season ago; nil where there is none, or it is too long to keep.
  var seasonRows: Int? { season > 1 && season <= Self.longestSeason ? season : nil }
  /// How many past values of a channel are kept.
  var pastCount: Int { max(8, seasonRows.map { 7 * $0 + 1 } ?? 0) }

  /// - Throws: ``TaskError`` when there is nothing to learn from, or what is asked makes no sense.
  init(_ rows: ObservedRows, _ configuration: Detector.Configuration) throws(TaskError) {
    let place = rows.file.map { "\($0): " } ?? ""
    guard rows.count >= Self.leastRows else {
      throw TaskError(
        "\(place)there are \(rows.count) rows, and to know what is usual takes \(Self.leastRows)",
        remedy: "give more rows")
    }
    if let context = configuration.context, context >= rows.count {
      throw TaskError(
        "\(place)there are \(rows.count) rows, and a context of \(context) takes \(context + 1)",
        remedy: "give more rows, or a smaller context")
    }
    let empty = rows.channels.filter { $0.values.lazy.filter { !$0.isNaN }.count < Self.leastValues }
    if let channel = empty.first {
      let many = channel.values.lazy.filter { !$0.isNaN }.count
      throw TaskError(
        "\(place)column \(channel.name.shortened) has \(many == 0 ? "no value" : "\(many) values"), and to know what "
          + "is usual takes \(Self.leastValues)",
        remedy: "leave the column out, or give rows in which it is there")
    }
    if let column = Cells.named(configuration.cell)?.lastColumn {
      throw TaskError(
        "the cell '\(configuration.cell)' takes the last column for \(column), which a detector has not",
        remedy: "choose another cell")
    }
    guard Cells.named(configuration.cell) != nil else {
      throw TaskError(
        "there is no cell \(configuration.cell.quoted)",
        remedy: nearestName(to: configuration.cell, among: Cells.all.map { $0.name }).map {
          "did you mean \($0.quoted)?"
        })
    }
    let step = rows.usualStep
    let day = step.map { 86_400_000_000 / $0 } ?? 0
    channels = rows.channels.map(\.name)
    scales = rows.channels.map { RobustScale($0.values) }
    method = configuration.method ?? .both
    cell = configuration.cell
    hiddenSize = configuration.hiddenSize ?? min(64, 16 + 8 * (rows.channels.count - 1))
    layers = configuration.layers
    epochs = configuration.epochs ?? max(4, min(30, 24_000 / rows.count))
    seed = configuration.seed
    context = configuration.context ?? max(8, min(48, rows.count / 4))
    window = max(4, min(24, rows.count / 8))
    self.step = step
    isDaily = configuration.season == nil && day > 1
    season = configuration.season ?? (day > 1 ? day : 1)
    rate = configuration.falseAlarms ?? .usual
    guard let share = rate.perRow(step: step.map { Double($0) / 1e6 }) else {
      throw TaskError(
        "\(place)how many rows there are to \(rate.unit == .hour ? "an" : "a") \(rate.unit) is not known, as there is no "
          + "column of times", remedy: "say how many false alarms to so many rows, such as 1/1000")
    }
    guard share < 0.5 else {
      throw TaskError(
        "\(place)\(rate) are false alarms in every other row or more", remedy: "allow fewer, such as 1/1000")
    }
    alarmShare = share
    rest = 100
  }

  private static let leastRows = 40
  private static let leastValues = 8

  /// Whether a plan read from a file can be built.
  var isSound: Bool {
    let sizes = [hiddenSize, layers, epochs, context, window, rest]
    return !channels.isEmpty && channels.count == scales.count && channels.count <= 1 << 12
      && scales.allSatisfy(\.isSound) && sizes.allSatisfy { (1...1 << 20).contains($0) } && hiddenSize <= 1 << 14
      && (1...86_400_000_000).contains(season) && layers <= 64 && (1...1 << 53).contains(step ?? 1) && alarmShare > 0
      && alarmShare < 1 && alarmShare.isNormal && regularizers.areSound
      && Cells.named(cell).map { $0.lastColumn == nil } == true
  }
}

/// Brings a channel to about −1…1 by what outliers do not move: the median, and the distance of the first tenth from
/// the last.
struct RobustScale: Codable, Sendable, Equatable {
  let center: Double
  let spread: Double

  /// - Parameter values: Some of which are no NaN.
  init(_ values: [Double]) {
    let sorted = values.filter { !$0.isNaN }.sorted()
    let last = sorted.count - 1
    center = sorted[sorted.count / 2]
    // Halves, where a difference might overflow.
    let tenths = sorted[last - last / 10] / 2 - sorted[last / 10] / 2
    let whole = sorted[last] / 2 - sorted[0] / 2
    let distance = tenths > 0 ? 2 * tenths : 2 * whole
    // A constant's own size is the only measure of how far off another value is.
    spread = distance.isNormal ? distance : max(abs(center), 1) / 10
  }

  /// A value in units of the spread, at most 10⁹ of them, for values at the ends of what numbers can be.
  func scaled(_ value: Double) -> Double { max(-1e9, min(1e9, (value / 2 - center / 2) / spread * 2)) }

  /// The value of a squashed one.
  func value(ofSquashed squashed: Double) -> Double { center + sinh(squashed * 2) / 2 * spread }

  /// What networks see of a scaled value: linear near 0, a logarithm far away.
  static func squashed(_ scaled: Double) -> Double { asinh(scaled * 2) / 2 }

  /// Whether it can be used.
  var isSound: Bool { center.isFinite && spread.isNormal && spread > 0 }
}
