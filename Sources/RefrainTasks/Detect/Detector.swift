import Refrain
import RefrainData

/// Finds what is odd in a series, as it comes in: learns from its past what is usual, judges every further row by how
/// rarely one is so far from it, and goes on learning.
///
///     let detector = try Detector.train(on: rows)
///     for detection in detector.detections(in: newRows) where detection.isAnomaly { print(detection.time) }
///
/// A recurrent network foretells each row from those before it, and a recurrent autoencoder says windows of rows again;
/// regressions that go on learning correct the foretold value, and say what a time of the season usually brings. Each
/// error, and each value itself, is judged by the tail of all those before it; what is rare adds up to a score.
public struct Detector: Sendable {
  /// Which networks say what is to be expected.
  public enum Method: String, Codable, Sendable, CaseIterable {
    /// One that foretells the next row.
    case prediction
    /// One that says a window of rows again.
    case reconstruction
    /// Both.
    case both
  }

  /// What the user may decide; nil is chosen from the data.
  public struct Configuration: Codable, Sendable {
    /// The columns to watch; all columns of numbers by default.
    public var channels: [String] = []
    /// How rows are read from a table.
    public var reading = SeriesReadingOptions()
    /// Which networks; both by default.
    public var method: Method?
    /// How often a false alarm may be raised; one in 1,000 rows by default.
    public var falseAlarms: FalseAlarmRate?
    /// After how many rows the series repeats, 1 for never; a day by default, where the times tell.
    public var season: Int?
    /// How many rows a training example has.
    public var context: Int?
    /// The cell's name, one of ``Cells/all``.
    public var cell = LSTMCell.name
    /// The size of the hidden state; by default from the number of channels.
    public var hiddenSize: Int?
    /// The number of recurrent layers.
    public var layers = 1
    /// Passes through the rows; by default from their number.
    public var epochs: Int?
    /// What all random choices follow from.
    public var seed: UInt64 = 0

    /// Everything left to the data.
    public init() {}
  }

  let plan: DetectorPlan
  let networks: DetectionNetwork
  /// Where the rows of the training ended.
  let end: DetectorStream
  /// False when training was stopped before its end.
  public let isComplete: Bool
  /// How many rows were trained on.
  public let rowCount: Int
  /// What was assumed in reading the rows, a line each.
  public let notes: [String]

  /// The names of the channels.
  public var channels: [String] { plan.channels }

  /// Learns what is usual.
  ///
  /// - Parameters:
  ///   - rows: The past, in which little should be odd.
  ///   - configuration: What is not left to the data.
  ///   - context: What goes on around the training; when it is to stop, the result so far is returned, with
  ///     ``isComplete`` false.
  /// - Throws: ``TaskError`` when there are too few rows or values, or the configuration makes no sense.
  public static func train(
    on rows: ObservedRows, configuration: Configuration = Configuration(),
    _ context: TrainingContext = TrainingContext()
  ) throws(TaskError) -> Detector {
    var plan = try DetectorPlan(rows, configuration)
    plan.regularizers = try context.regularization.recurrent(of: plan.cell)
    var generator = RandomGenerator(seed: plan.seed)
    var network = DetectionNetwork(plan, using: &generator)
    var inputs: [Float] = []
    inputs.reserveCapacity(rows.count * plan.inputSize)
    for row in 0..<rows.count {
      inputs += plan.input(rows.values(row), at: rows.stamps?[row], row: row + 1).input
    }
    let training = DetectionTraining(plan: plan, inputs: inputs, count: rows.count, context: context)
    let isComplete = try training.run(&network) { network in
      Detector(unfinished: network, plan, after: rows)
    } progress: {
      context.progress?($0, $1)
    }
    return Detector(
      plan: plan, networks: network, end: DetectorStream(plan, network, after: rows, from: 0), isComplete: isComplete,
      rowCount: rows.count, notes: rows.notes)
  }

  /// A stream that goes on where the rows of the training ended.
  public func stream() -> DetectorStream { end }

  /// What there is to say of rows that come after those of the training.
  ///
  /// - Parameter rows: With the channels of the training, in their order.
  public func detections(in rows: ObservedRows) -> [Detection] { detections(in: rows) { () throws(Never) in } }

  /// - Parameter check: Called before each row; what it throws ends it all.
  func detections<Failure: Error>(
    in rows: ObservedRows, check: () throws(Failure) -> Void
  ) throws(Failure) -> [Detection] {
    var stream = stream()
    return try (0..<rows.count).map { row throws(Failure) in
      try check()
      return stream.push(rows.values(row), at: rows.stamps?[row], label: rows.times[row])
    }
  }
}

extension Detector {
  /// What a checkpoint answers by: the networks there are so far, and what is usual by the last rows alone, as all of
  /// them are judged at the end.
  fileprivate init(unfinished network: DetectionNetwork, _ whole: DetectorPlan, after rows: ObservedRows) {
    var plan = whole
    if network.autoencoder == nil { plan.method = .prediction }
    if network.predictor == nil { plan.method = .reconstruction }
    let first = max(0, rows.count - max(Self.judgedEarly, 2 * plan.pastCount))
    let seen = first > 0 ? "what is usual is known from the last \(rows.count - first) rows alone" : nil
    let method = plan.method != whole.method ? "only \(plan.method.rawValue) was learned yet" : nil
    let state = [method, seen].compactMap(\.self).joined(separator: ", and ")
    self.init(
      plan: plan, networks: network, end: DetectorStream(plan, network, after: rows, from: first), isComplete: false,
      rowCount: rows.count,
      notes: rows.notes + ["this is a checkpoint from the middle of a training" + (state.isEmpty ? "" : ": \(state)")])
  }

  /// How many rows a checkpoint judges at least: it is made while the training waits.
  private static let judgedEarly = 10_000
}

extension ObservedRows {
  /// The values of a row, one a channel.
  func values(_ row: Int) -> [Double] { channels.map { $0.values[row] } }
}
