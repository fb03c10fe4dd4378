/// Where in time the labels of a sequence are said: the most probable path that says them (Viterbi).
public struct CTCAlignment: Sendable, Equatable {
  /// For each label the steps that the path spends on it, at least one.
  public var steps: [Range<Int>]
  /// For each label the greatest of its log-probabilities at these steps.
  public var logProbabilities: [Float]

  /// The alignment of labels with the log-probabilities `[T, V]` of one sequence; nil where there are too few steps
  /// (``Loss/ctcStepsNeeded(_:)``).
  ///
  /// - Complexity: O(T · U) time and bytes.
  public init?(_ logProbabilities: Tensor, labels: [Int], blank: Int = 0) {
    require(
      logProbabilities.rank == 2,
      "log-probabilities of shape \(logProbabilities.shape); expected [T, V] of one sequence")
    let (time, width) = (logProbabilities.shape[0], logProbabilities.shape[1])
    require((0..<width).contains(blank), "the blank is \(blank), and there are \(width) symbols, from 0")
    for (place, label) in labels.enumerated() {
      require((0..<width).contains(label), "label \(place) is \(label), and there are \(width) symbols, from 0")
    }
    let states = 2 * labels.count + 1
    guard time > 0 else { return nil }
    func symbol(_ state: Int) -> Int { state % 2 == 0 ? blank : labels[state / 2] }
    var scores = [Float](repeating: -.infinity, count: states)
    /// How many states the best path comes from, a step before.
    var moves = [UInt8](repeating: 0, count: time * states)
    let path: [Int]? = logProbabilities.withUnsafeValues { values in
      scores[0] = values[blank]
      if states > 1 { scores[1] = values[labels[0]] }
      for step in 1..<max(1, time) {
        // From the last state on, so that what a state comes from is still that of the step before.
        for state in stride(from: states - 1, through: 0, by: -1) {
          var (best, move) = (scores[state], 0)
          if state > 0, scores[state - 1] > best { (best, move) = (scores[state - 1], 1) }
          if state % 2 == 1, state > 1, labels[state / 2] != labels[state / 2 - 1], scores[state - 2] > best {
            (best, move) = (scores[state - 2], 2)
          }
          scores[state] = best + values[step * width + symbol(state)]
          moves[step * states + state] = UInt8(move)
        }
      }
      var state = states - 1
      if states > 1, scores[states - 2] > scores[states - 1] { state = states - 2 }
      guard scores[state] > -.infinity else { return nil }
      var path = [Int](repeating: 0, count: time)
      for step in stride(from: time - 1, through: 0, by: -1) {
        path[step] = state
        state -= Int(moves[step * states + state])
      }
      return path
    }
    guard let path else { return nil }
    var ranges = [Range<Int>?](repeating: nil, count: labels.count)
    for (step, state) in path.enumerated() where state % 2 == 1 {
      ranges[state / 2] = (ranges[state / 2]?.lowerBound ?? step)..<step + 1
    }
    steps = ranges.compactMap(\.self)
    guard steps.count == labels.count else { return nil }
    self.logProbabilities = zip(labels, steps).map { label, steps in
      logProbabilities.withUnsafeValues { values in
        steps.reduce(-Float.infinity) { max($0, values[$1 * width + label]) }
      }
    }
  }
}
