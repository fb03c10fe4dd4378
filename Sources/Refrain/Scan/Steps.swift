/// Which steps of a padded batch there are, where episodes begin, and how the batch lies in memory.
///
///     layer.scan(x, steps: Steps(lengths: [3, 5]))
///     layer.scan(x, steps: Steps(present: [[true, false, true], [true, true, true]]))
///
/// A sequence of length n has the steps 0 ..< n; what stands past it is padding. A step that is absent, a **gap**,
/// leaves the state as it was, as if the sequence were shorter. A **reset** begins a new episode: the step starts from
/// the initial state. Outputs are zero in the padding and at gaps, and what the input holds there, be it NaN, has no
/// influence on anything.
public struct Steps: Sendable, Equatable {
  /// How a batch lies in memory.
  public enum Layout: Sendable, CaseIterable {
    /// `[B, T, …]`
    case batchFirst
    /// `[T, B, …]`
    case timeFirst
  }

  /// How many steps each of the B sequences has, 0 … T; nil means all T.
  public var lengths: [Int]?
  /// For each sequence and each of the T steps, whether the step is there; nil means that there are no gaps.
  public var present: [[Bool]]?
  /// For each sequence and each of the T steps, whether a new episode begins with it; nil means that none does.
  /// Backward in time an episode is left where it begins, and the one before it entered with the initial state.
  public var resets: [[Bool]]?
  /// How the batch lies in memory.
  public var layout: Layout

  /// All steps of a batch, unless something is said.
  public init(
    lengths: [Int]? = nil, present: [[Bool]]? = nil, resets: [[Bool]]? = nil, layout: Layout = .batchFirst
  ) {
    self.lengths = lengths
    self.present = present
    self.resets = resets
    self.layout = layout
  }

  /// The batch and the time of an input `[B, T, …]`, or `[T, B, …]`.
  func extent(of shape: [Int]) -> (batch: Int, time: Int) {
    layout == .batchFirst ? (shape[0], shape[1]) : (shape[1], shape[0])
  }

  /// The leading axes of such an input.
  func shape(batch: Int, time: Int) -> [Int] { layout == .batchFirst ? [batch, time] : [time, batch] }

  /// Stops where the steps do not fit `batch` sequences of `time` steps.
  func check(batch: Int, time: Int) {
    if let lengths {
      require(
        lengths.count == batch && lengths.allSatisfy { (0...time).contains($0) },
        "the lengths \(lengths) do not fit \(batch) sequences of \(time) steps")
    }
    for (name, flags) in [("present", present), ("resets", resets)] {
      guard let flags else { continue }
      require(
        flags.count == batch && flags.allSatisfy { $0.count == time },
        "'\(name)' has rows of \(flags.map(\.count)) steps, expected \(batch) sequences of \(time) steps")
    }
  }

  /// Whether a step counts: it is not padding and not absent.
  func isValid(_ sequence: Int, _ step: Int, time: Int) -> Bool {
    step < lengths?[sequence] ?? time && present?[sequence][step] ?? true
  }

  /// The steps of a sequence that are there, divided by the resets from step `start` on; each as `place` says it.
  func episodes(of sequence: Int, length: Int, from start: Int, place: (_ step: Int) -> Int) -> [[Int]] {
    if present == nil && resets == nil { return [(0..<length).map(place)] }
    let (present, resets) = (present?[sequence], resets?[sequence])
    var episodes: [[Int]] = [[]]
    for step in 0..<length {
      if let resets, resets[step], step >= start { episodes.append([]) }
      if present?[step] ?? true { episodes[episodes.count - 1].append(place(step)) }
    }
    return episodes
  }

  /// The places of the steps that are there among the `[B·T]` of the batch, episode by episode.
  func episodes(batch: Int, time: Int) -> [[Int]] {
    check(batch: batch, time: time)
    return (0..<batch).flatMap { sequence in
      episodes(of: sequence, length: lengths?[sequence] ?? time, from: 0) {
        place(of: $0, in: sequence, batch: batch, time: time)
      }
    }
  }

  /// Where a step stands among the `[B·T]` places of the batch.
  func place(of step: Int, in sequence: Int, batch: Int, time: Int) -> Int {
    layout == .batchFirst ? sequence * time + step : step * batch + sequence
  }

  /// The steps with lengths that are given beside them; they are given once, there or among the steps.
  func with(lengths: [Int]?) -> Steps {
    guard let lengths else { return self }
    require(self.lengths == nil, "lengths are given twice, once among the steps; leave one of them out")
    var steps = self
    steps.lengths = lengths
    return steps
  }

  /// 1 for each step that counts, else 0: `[B, T]`, or `[T, B]` with the time first.
  func mask(batch: Int, time: Int) -> Tensor {
    check(batch: batch, time: time)
    return Tensor(shape(batch: batch, time: time)) { target in
      for sequence in 0..<batch {
        for step in 0..<time {
          target[place(of: step, in: sequence, batch: batch, time: time)] =
            isValid(sequence, step, time: time) ? 1 : 0
        }
      }
    }
  }

  /// The sequences with the given indices.
  func selecting(_ indices: some Sequence<Int>) -> Steps {
    func selected<Value>(_ values: [Value]?) -> [Value]? { values.map { all in indices.map { all[$0] } } }
    return Steps(lengths: selected(lengths), present: selected(present), resets: selected(resets), layout: layout)
  }

  /// A part of the time: the steps in `range` as a batch of their own.
  func window(_ range: Range<Int>) -> Steps {
    Steps(
      lengths: lengths?.map { Swift.min(Swift.max(0, $0 - range.lowerBound), range.count) },
      present: present?.map { Array($0[range]) }, resets: resets?.map { Array($0[range]) }, layout: layout)
  }
}

extension Tensor {
  /// The sequences `[B, T, …]` with zeros wherever `steps` have no valid step, whatever stood there; no gradient goes
  /// back to these.
  func masked(_ steps: Steps) -> Tensor {
    let (batch, time) = steps.extent(of: shape)
    guard steps.lengths != nil || steps.present != nil else { return self }
    let mask = steps.mask(batch: batch, time: time)
    if rank == 2, place.recorder == 0, storage.integers != nil, let integers {
      return Tensor(zip(integers, mask.values).map { $1 == 0 ? 0 : $0 }, shape: shape)
    }
    return select(mask.reshaped(mask.shape + Array(repeating: 1, count: rank - 2)), self, Tensor(0))
  }
}
