import Refrain
import RefrainData
import RefrainFoundation

/// A live series on its way through a detector: push a row, get what there is to say of it.
///
///     var stream = detector.stream()
///     let detection = stream.push([21.5], at: time)
///     if detection.isAnomaly { print(detection.reason ?? "") }
///
/// It is a value: a copy is a snapshot, and ``save(to:)`` writes one to a file. The answers are the same to the last
/// bit as those for all rows at once.
public struct DetectorStream: Sendable {
  let plan: DetectorPlan
  var predictor: Streams<Sequential>?
  let autoencoder: Sequential?
  var state: State

  /// What changes from row to row, besides the predictor's memory.
  struct State: Codable, Sendable {
    var watches: [ChannelWatch]
    /// What was foretold of the next row, squashed.
    var guesses: [Float]
    /// The last rows that the autoencoder is asked about, the oldest first: `[window, inputSize]`.
    var window: [Float] = []
    /// How many rows there were.
    var rows = 0
    /// The strangeness of the last rows.
    var recent: [Double] = []
    /// How strange rows usually are.
    var usual = TailEstimate(kept: 30, isThinned: true)
    /// The row in which what goes on now began, and the rows since it was last strange.
    var beginning: String?
    var calm = 0
    /// The time of the last row.
    var last: TimeStamp?

    init(_ plan: DetectorPlan) {
      watches = plan.channels.map { _ in ChannelWatch(plan) }
      guesses = Array(repeating: 0, count: plan.channels.count)
    }

    /// What can have been counted: one more is still a number.
    static let counts = 0...1 << 53

    func isSound(_ plan: DetectorPlan) -> Bool {
      watches.count == plan.channels.count && watches.allSatisfy { $0.isSound(plan) }
        && guesses.count == plan.channels.count && guesses.allSatisfy(\.isFinite)
        && window.count <= plan.window * plan.inputSize && window.count % plan.inputSize == 0
        && window.allSatisfy(\.isFinite) && Self.counts.contains(rows) && Self.counts.contains(calm)
        && recent.count <= plan.rest && recent.allSatisfy(\.isFinite)
        && usual.isSound(kept: 30)
    }
  }

  init(_ plan: DetectorPlan, _ network: DetectionNetwork) {
    self.plan = plan
    autoencoder = network.autoencoder
    // A stack of cells and a layer for each step go step by step.
    predictor = network.predictor.flatMap { try? Streams($0) }
    state = State(plan)
  }

  /// One that stands where rows end, of which it has judged all from the one of a number on.
  init(_ plan: DetectorPlan, _ network: DetectionNetwork, after rows: ObservedRows, from first: Int) {
    self.init(plan, network)
    state.rows = first
    for row in first..<rows.count { _ = push(rows.values(row), at: rows.stamps?[row], label: rows.times[row]) }
  }

  /// Judges a row, and learns from it.
  ///
  /// - Parameters:
  ///   - values: one a channel; NaN where it is missing.
  ///   - time: when; nil counts rows.
  ///   - label: how the time is written in answers; by default the row's count.
  public mutating func push(_ values: [Double], at time: TimeStamp? = nil, label: String? = nil) -> Detection {
    precondition(
      values.count == plan.channels.count, "\(values.count) values were pushed for \(plan.channels.count) channels")
    // A state may bring any time: the difference of two need not be a whole number.
    if let step = plan.step, let time, let last = state.last,
      abs(Double(time.ticks) - Double(last.ticks)) > Double(Self.longestGap * step)
    {
      restart()
    }
    state.last = time ?? state.last
    state.rows += 1
    let label = label ?? String(state.rows)
    let (input, waves) = plan.input(values, at: time, row: state.rows)
    let misfits = reconstruct(input)

    var (detection, greatest) = (Detection(time: label), -1.0)
    for index in values.indices {
      let scaled = values[index].isFinite ? plan.scales[index].scaled(values[index]) : nil
      let judgment = state.watches[index].judge(
        scaled, guess: Double(state.guesses[index]), waves: waves, misfit: misfits?[index] ?? nil,
        seasonRows: plan.seasonRows)
      guard judgment.strangeness > greatest else { continue }
      greatest = judgment.strangeness
      detection.channel = plan.channels[index]
      detection.expected = plan.scales[index].value(ofSquashed: judgment.expected)
      detection.seen = scaled == nil ? nil : values[index]
      detection.oddity = judgment.oddity
    }
    if predictor != nil { state.guesses = predictor!.push(input) }
    settle(&detection, strangeness: max(greatest, 0))
    return detection
  }

  /// After a longer pause, in rows, the rows before say nothing of the next.
  private static let longestGap = 1000

  /// Forgets the last rows, not what is usual.
  mutating func restart() {
    for index in state.watches.indices { state.watches[index].restart() }
    state.guesses = Array(repeating: 0, count: plan.channels.count)
    state.window = []
    predictor = predictor.flatMap { try? Streams($0.model) }
  }

  /// How far off the autoencoder is in the last window, for each channel, every quarter of a window; nil in between,
  /// and for a channel with a gap.
  private mutating func reconstruct(_ input: [Float]) -> [Double?]? {
    guard let autoencoder else { return nil }
    state.window += input
    let (size, channels) = (plan.inputSize, plan.channels.count)
    guard state.window.count > plan.window * size || state.rows % max(1, plan.window / 4) == 0 else { return nil }
    if state.window.count > plan.window * size { state.window.removeFirst(size) }
    guard state.window.count == plan.window * size, state.rows % max(1, plan.window / 4) == 0 else { return nil }
    let output = autoencoder(Tensor(state.window, shape: [1, plan.window, size])).values
    return (0..<channels).map { channel -> Double? in
      var (sum, count) = (0.0, 0.0)
      for row in 0..<plan.window where state.window[row * size + channels + channel] > 0 {
        sum += Double(abs(state.window[row * size + channel] - output[row * channels + channel]))
        count += 1
      }
      // What it says of a window with gaps is no measure of one without.
      return count == Double(plan.window) ? sum / count : nil
    }
  }

  /// Whether the row is an alarm: stranger than what so few rows are, and than all rows shortly before.
  mutating func settle(_ detection: inout Detection, strangeness: Double) {
    let isPeak = strangeness > (state.recent.max() ?? 0)
    detection.score = isPeak ? strangeness : 0
    detection.strangeness = strangeness
    let threshold = max(Self.leastThreshold, state.usual.quantile(exceededBy: plan.alarmShare) ?? .infinity)
    detection.threshold = threshold.isFinite ? threshold : nil
    detection.isAnomaly = detection.score >= threshold
    state.usual.insert(detection.score)
    state.usual.thin(for: plan.alarmShare)
    if state.recent.count == plan.rest { state.recent.removeFirst() }
    state.recent.append(strangeness)
    if strangeness >= threshold {
      if state.beginning == nil { state.beginning = detection.time }
      state.calm = 0
    } else {
      state.calm += 1
      if state.calm > Self.pause { state.beginning = nil }
    }
    detection.since = detection.isAnomaly ? state.beginning : nil
  }

  /// Below this nothing is strange, however quiet the rows were before.
  private static let leastThreshold = 1.0
  /// After as many usual rows, what is strange next is another matter.
  private static let pause = 12
}

extension DetectorPlan {
  /// What networks read of a row, and the waves in it.
  func input(_ values: [Double], at time: TimeStamp?, row: Int) -> (input: [Float], waves: [Double]) {
    var input: [Float] = []
    input.reserveCapacity(inputSize)
    for (value, scale) in zip(values, scales) {
      input.append(value.isFinite ? Float(RobustScale.squashed(scale.scaled(value))) : 0)
    }
    for value in values { input.append(value.isFinite ? 1 : 0) }
    guard waveCount > 0 else { return (input, []) }
    let phase: Double
    if isDaily, let time {
      let day = 86_400_000_000
      phase = Double(((time.ticks % day) + day) % day) / Double(day)
    } else {
      phase = Double(row % season) / Double(season)
    }
    var waves: [Double] = []
    for harmonic in 1...Self.harmonics {
      let angle = 2 * Double.pi * phase * Double(harmonic)
      waves += [sin(angle), cos(angle)]
    }
    input += waves.map { Float($0) }
    return (input, waves)
  }
}
