/// Which way a recurrent layer goes through time, within the valid steps of each sequence.
public enum Direction: String, Codable, Sendable, CaseIterable {
  /// From the first valid step to the last.
  case forward
  /// From the last valid step to the first.
  case backward
}

/// In what order a batch of sequences of unequal lengths is computed.
///
/// A row is a sequence, or where resets divide it, one of its episodes. The rows are taken longest first, so that at
/// step `s` exactly the first `alive[s]` of them still run, and steps past a row's end cost nothing. "Packed" rows are
/// numbered step after step: packed row `offsets[s] + r` belongs to row `order[r]` at its `s`-th step. `positions` says
/// which of the `[B·T]` places of the caller's batch that is: lengths, gaps, resets, the direction and the layout are
/// in it, and nowhere else.
public struct Schedule: Sendable {
  /// The number of sequences **B**.
  public let batch: Int
  /// The time steps **T** of the padded batch.
  public let time: Int
  /// The leading axes of inputs and outputs: `[B, T]`, or `[T, B]`.
  public let shape: [Int]
  /// The valid steps of each row.
  public let lengths: [Int]
  /// Rows from the longest to the shortest; equal ones in their given order.
  public let order: [Int]
  /// For each step, how many rows still run.
  public let alive: [Int]
  /// For each step, the packed row it starts at.
  public let offsets: [Int]
  /// For each packed row, its place among the `[B·T]` places of the batch.
  public let positions: [Int]
  /// Where resets divide sequences; nil when every row is a sequence.
  private let episodes: Episodes?

  /// The most sequences of a batch without steps. An input without elements can say any number of them, and each of
  /// them has a state; one that has elements is bounded by its own memory.
  static let mostSequencesWithoutSteps = 1 << 24

  private struct Episodes {
    /// For each row, the sequence whose given state it begins with, or nil where it begins with the initial one.
    var given: [Int?] = []
    /// For each sequence, the row that ends with its final state.
    var last: [Int] = []
  }

  /// - Parameters:
  ///   - batch: the number of sequences **B**.
  ///   - time: the steps **T** of the padded batch.
  ///   - lengths: the valid steps of each sequence, 0 … T; nil means all of them.
  ///   - direction: backward goes from each sequence's own last valid step to its first.
  public init(batch: Int, time: Int, lengths: [Int]? = nil, direction: Direction = .forward) {
    self.init(batch: batch, time: time, steps: Steps(lengths: lengths), direction: direction)
  }

  /// - Parameters:
  ///   - batch: the number of sequences **B**.
  ///   - time: the steps **T** of the padded batch.
  ///   - steps: lengths, gaps, resets and the layout.
  ///   - direction: backward goes from each sequence's own last valid step to its first.
  public init(batch: Int, time: Int, steps: Steps, direction: Direction = .forward) {
    require(
      time > 0 || batch <= Self.mostSequencesWithoutSteps,
      "a batch of \(batch) sequences without steps; at most \(Self.mostSequencesWithoutSteps) have a state each")
    steps.check(batch: batch, time: time)
    // For each row the places of its steps, in the order in which they are taken.
    var rows: [[Int]] = []
    rows.reserveCapacity(batch)
    var episodes = Episodes()
    for sequence in 0..<batch {
      let (first, stride) = steps.layout == .batchFirst ? (sequence * time, 1) : (sequence, batch)
      let length = steps.lengths?[sequence] ?? time
      // Backward nothing comes after the first step, and so nothing begins anew there.
      var parts = steps.episodes(of: sequence, length: length, from: direction == .forward ? 0 : 1) {
        first + $0 * stride
      }
      if direction == .backward { parts = parts.reversed().map { $0.reversed() } }
      rows += parts
      episodes.given += [sequence] + Array(repeating: nil, count: parts.count - 1)
      episodes.last.append(rows.count - 1)
    }
    let order = rows.indices.sorted {
      rows[$0].count == rows[$1].count ? $0 < $1 : rows[$0].count > rows[$1].count
    }
    var alive: [Int] = []
    var offsets: [Int] = []
    var positions: [Int] = []
    positions.reserveCapacity(rows.reduce(0) { $0 + $1.count })
    var running = rows.count
    for step in 0..<(order.first.map { rows[$0].count } ?? 0) {
      while rows[order[running - 1]].count <= step { running -= 1 }
      alive.append(running)
      offsets.append(positions.count)
      for row in order[..<running] { positions.append(rows[row][step]) }
    }
    self.batch = batch
    self.time = time
    self.shape = steps.shape(batch: batch, time: time)
    self.lengths = rows.map(\.count)
    self.order = order
    self.alive = alive
    self.offsets = offsets
    self.positions = positions
    self.episodes = rows.count == batch ? nil : episodes
  }

  /// The number of rows, of which the states of a scan have one each: B, or more where resets divide sequences.
  public var rows: Int { lengths.count }
  /// The number of steps of the longest row.
  public var steps: Int { alive.count }
  /// The number of valid steps of all rows together, **N**.
  public var count: Int { positions.count }

  /// The packed rows of some steps.
  func rows(of steps: Range<Int>) -> Range<Int> {
    guard let last = steps.last else { return 0..<0 }
    return offsets[steps.lowerBound]..<offsets[last] + alive[last]
  }

  /// Some of the steps as a schedule of their own, over a batch of its packed rows, `[1, N, …]`; its rows are these, of
  /// which some may have ended before.
  func segment(_ steps: Range<Int>) -> Schedule { Schedule(segment: steps, of: self) }

  private init(segment steps: Range<Int>, of whole: Schedule) {
    alive = Array(whole.alive[steps])
    let first = steps.isEmpty ? 0 : whole.offsets[steps.lowerBound]
    offsets = whole.offsets[steps].map { $0 - first }
    time = alive.reduce(0, +)
    positions = Array(0..<time)
    batch = 1
    shape = [1, time]
    lengths = whole.lengths.map { min(max($0 - steps.lowerBound, 0), steps.count) }
    order = whole.order
    episodes = nil
  }

  /// For each row, its place in ``order``.
  var ranks: [Int] {
    var ranks = order
    for (rank, row) in order.enumerated() { ranks[row] = rank }
    return ranks
  }

  /// The states that the rows begin with.
  ///
  /// - Parameters:
  ///   - given: the states of the B sequences.
  ///   - initial: what an episode begins with, of one row.
  func entering<State: TensorGroup>(_ given: State, initial: @autoclosure () -> State) -> State {
    guard let episodes else { return given }
    let places = episodes.given.map { $0 ?? batch }
    let both = zip(given.tensors, initial().tensors).map { concatenate([$0, $1], axis: 0).gatheringRows(places) }
    return given.replacingTensors(both)
  }

  /// The states of the B sequences after their last valid steps, from those of the rows.
  func leaving<State: TensorGroup>(_ state: State) -> State {
    guard let episodes else { return state }
    return state.mapTensors { $0.gatheringRows(episodes.last) }
  }

  /// Ranges of ordered rows that hold about as many valid steps each, for `threads` threads.
  func split(threads: Int) -> [Range<Int>] {
    guard threads > 1, rows > 1 else { return [0..<rows] }
    var ranges: [Range<Int>] = []
    var (start, sum) = (0, 0)
    for rank in 0..<rows {
      sum += lengths[order[rank]]
      if sum * threads >= count * (ranges.count + 1), ranges.count < threads - 1, rank + 1 < rows {
        ranges.append(start..<rank + 1)
        start = rank + 1
      }
    }
    return ranges + [start..<rows]
  }
}
