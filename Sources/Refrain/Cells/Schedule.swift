/// Which way a recurrent layer goes through time, within the valid steps of each sequence.
public enum Direction: String, Codable, Sendable, CaseIterable {
  case forward, backward
}

/// In what order a batch of sequences of unequal lengths is computed.
///
/// The sequences are taken longest first, so that at step `s` exactly the first `alive[s]` of them still run, and steps
/// past a sequence's end cost nothing. "Packed" rows are numbered step after step: packed row `offsets[s] + r` belongs to
/// sequence `order[r]` at its `s`-th step. `positions` says which row of the `[B·T]` rows of the caller's batch that is:
/// the direction and the layout are in it, and nowhere else.
public struct Schedule: Sendable {
  /// The number of sequences and the number of time steps of the padded batch.
  public let batch: Int
  /// The time steps **T** of the padded batch.
  public let time: Int
  /// The valid steps of each sequence.
  public let lengths: [Int]
  /// Sequences from the longest to the shortest; equal ones in their given order.
  public let order: [Int]
  /// For each step, how many sequences still run.
  public let alive: [Int]
  /// For each step, the packed row it starts at.
  public let offsets: [Int]
  /// For each packed row, its row among the `[B·T]` rows of the batch.
  public let positions: [Int]

  /// - Parameters:
  ///   - batch: the number of sequences **B**.
  ///   - time: the steps **T** of the padded batch.
  ///   - lengths: the valid steps of each sequence, 0 … T; nil means all of them.
  ///   - direction: backward goes from each sequence's own last valid step to its first.
  public init(batch: Int, time: Int, lengths: [Int]? = nil, direction: Direction = .forward) {
    let lengths = lengths ?? Array(repeating: time, count: batch)
    require(
      lengths.count == batch && lengths.allSatisfy { (0...time).contains($0) },
      "the lengths \(lengths) do not fit \(batch) sequences of \(time) steps")
    self.batch = batch
    self.time = time
    self.lengths = lengths
    let order = (0..<batch).sorted { lengths[$0] == lengths[$1] ? $0 < $1 : lengths[$0] > lengths[$1] }
    var alive: [Int] = []
    var offsets: [Int] = []
    var positions: [Int] = []
    positions.reserveCapacity(lengths.reduce(0, +))
    var running = batch
    for step in 0..<(lengths.max() ?? 0) {
      while lengths[order[running - 1]] <= step { running -= 1 }
      alive.append(running)
      offsets.append(positions.count)
      for row in order[..<running] {
        positions.append(row * time + (direction == .forward ? step : lengths[row] - 1 - step))
      }
    }
    self.order = order
    self.alive = alive
    self.offsets = offsets
    self.positions = positions
  }

  /// The number of steps of the longest sequence.
  public var steps: Int { alive.count }
  /// The number of valid steps of all sequences together, **N**.
  public var count: Int { positions.count }

  /// For each sequence, its row in ``order``.
  var ranks: [Int] {
    var ranks = order
    for (rank, row) in order.enumerated() { ranks[row] = rank }
    return ranks
  }

  /// Ranges of ordered rows that hold about as many valid steps each, for `threads` threads.
  func split(threads: Int) -> [Range<Int>] {
    guard threads > 1, batch > 1 else { return [0..<batch] }
    var ranges: [Range<Int>] = []
    var (start, sum) = (0, 0)
    for rank in 0..<batch {
      sum += lengths[order[rank]]
      if sum * threads >= count * (ranges.count + 1), ranges.count < threads - 1, rank + 1 < batch {
        ranges.append(start..<rank + 1)
        start = rank + 1
      }
    }
    return ranges + [start..<batch]
  }
}
