/// A path through a chain: a tag for each step.
public struct TagPath: Sendable, Equatable {
  /// The numbers of the tags.
  public let tags: [Int]
  /// The sum of its scores.
  public let score: Double
  /// The logarithm of its probability among all paths.
  public let logProbability: Double
}

extension ConditionalRandomField {
  /// The most probable tags of each sequence (Viterbi 1967). Of paths of one score the one is taken whose last tag that
  /// differs comes first.
  ///
  /// - Parameters:
  ///   - scores: e, `[B, T, K]`.
  ///   - lengths: the valid steps of each sequence; nil means all.
  ///   - constraints: the paths that there are; nil means all.
  /// - Returns: as many tags for each sequence as it has steps.
  /// - Complexity: O(N · K²) for N steps together.
  public func bestPaths(
    _ scores: Tensor, lengths: [Int]? = nil, constraints: TransitionConstraints? = nil
  ) -> [[Int]] {
    forEachSequence(scores, lengths, constraints) { chain, scores, steps in chain.bestPath(scores, steps: steps) }
  }

  /// The `count` most probable paths of each sequence, the best first; fewer where there are not as many.
  ///
  /// - Parameters:
  ///   - scores: e, `[B, T, K]`.
  ///   - count: how many paths, at least 1.
  ///   - lengths: the valid steps of each sequence; nil means all.
  ///   - constraints: the paths that there are; nil means all. Probabilities are those among them.
  /// - Complexity: O(N · K² · n log n) for N steps together and n paths.
  public func bestPaths(
    _ scores: Tensor, count: Int, lengths: [Int]? = nil, constraints: TransitionConstraints? = nil
  ) -> [[TagPath]] {
    require(count > 0, "the \(count) best paths were asked for; ask for at least one")
    return forEachSequence(scores, lengths, constraints) { chain, scores, steps in
      chain.bestPaths(scores, steps: steps, count: count)
    }
  }

  /// Calls `body` for all sequences, side by side.
  ///
  /// - Parameter body: takes the scores of the sequence, `[T, K]`, and how many steps it has.
  func forEachSequence<Result: Sendable>(
    _ scores: Tensor, _ lengths: [Int]?, _ constraints: TransitionConstraints?,
    _ body: (_ chain: ChainPotentials, _ scores: UnsafePointer<Float>, _ steps: Int) -> Result
  ) -> [Result] {
    let (batch, time) = checked(scores, lengths)
    let chain = ChainPotentials(transitions: transitions, start: start, end: end, constraints: constraints)
    let count = tagCount
    for (name, values) in [("transition", transitions), ("start", start), ("end", end)] {
      let place = values.detached.values.firstIndex(where: \.isNaN)
      require(place == nil, "\(name) score \(place ?? 0) of a conditional random field is not a number")
    }
    return scores.detached.read { scores in
      var results = [Result?](repeating: nil, count: batch)
      results.withUnsafeMutableBufferPointer { results in
        nonisolated(unsafe) let results = results
        parallel(batch, grain: max(1, (1 << 16) / max(1, time * count * count))) { part in
          for sequence in part {
            let (scores, steps) = (scores + sequence * time * count, lengths?[sequence] ?? time)
            for place in 0..<steps * count where scores[place].isNaN {
              require(
                false,
                "the score of tag \(place % count) at step \(place / count) of sequence \(sequence) is not a number; "
                  + "look for one in what the scores were made from")
            }
            results[sequence] = body(chain, scores, steps)
          }
        }
      }
      return results.compactMap(\.self)
    }
  }
}

extension ChainPotentials {
  /// The path of the greatest score.
  func bestPath(_ scores: UnsafePointer<Float>, steps: Int) -> [Int] {
    guard steps > 0 else { return [] }
    let count = tagCount
    var best = (0..<count).map { start[$0] + Double(scores[$0]) }
    var next = best
    var origins = [Int](repeating: 0, count: steps * count)
    transitions.withUnsafeBufferPointer { transitions in
      for step in 1..<max(steps, 1) {
        for to in 0..<count { next[to] = -.infinity }
        for from in 0..<count {
          let (before, row) = (best[from], from * count)
          for to in 0..<count {
            let score = before + transitions[row + to]
            if score > next[to] {
              next[to] = score
              origins[step * count + to] = from
            }
          }
        }
        for to in 0..<count { next[to] += Double(scores[step * count + to]) }
        swap(&best, &next)
      }
    }
    for tag in 0..<count { best[tag] += end[tag] }
    var tag = 0
    for other in 1..<count where best[other] > best[tag] { tag = other }
    requirePath(best[tag], steps: steps)
    var path = [Int](repeating: tag, count: steps)
    for step in (1..<max(steps, 1)).reversed() {
      tag = origins[step * count + tag]
      path[step - 1] = tag
    }
    return path
  }

  /// Stops where the constraints leave no path.
  func requirePath(_ score: Double, steps: Int) {
    require(score != -.infinity, "the constraints allow no path of \(steps) steps")
  }

  /// A way to a tag at a step: its score, and which way to which tag of the step before it goes on from.
  private struct Partial {
    var score: Double
    var tag: Int
    var rank: Int
  }

  /// The paths of the greatest scores: each step keeps the `limit` best ways to each tag.
  func bestPaths(_ scores: UnsafePointer<Float>, steps: Int, count limit: Int) -> [TagPath] {
    guard steps > 0 else { return [TagPath(tags: [], score: 0, logProbability: 0)] }
    let count = tagCount
    /// The best of some ways; of equal ones those that come first.
    func best(_ ways: [Partial]) -> [Partial] {
      let order = ways.indices.sorted { ways[$0].score == ways[$1].score ? $0 < $1 : ways[$0].score > ways[$1].score }
      return order.prefix(limit).map { ways[$0] }
    }
    // For each step and tag the best ways, those that are allowed.
    var ways: [[[Partial]]] = [
      (0..<count).map { tag in
        let score = start[tag] + Double(scores[tag])
        return score > -.infinity ? [Partial(score: score, tag: 0, rank: 0)] : []
      }
    ]
    for step in 1..<max(steps, 1) {
      let before = ways[step - 1]
      ways.append(
        (0..<count).map { to in
          let own = Double(scores[step * count + to])
          var reaching: [Partial] = []
          for from in 0..<count {
            let transition = transitions[from * count + to]
            guard transition > -.infinity else { continue }
            for (rank, way) in before[from].enumerated() {
              reaching.append(Partial(score: way.score + transition + own, tag: from, rank: rank))
            }
          }
          return best(reaching)
        })
    }
    var complete: [Partial] = []
    for tag in 0..<count where end[tag] > -.infinity {
      for (rank, way) in ways[steps - 1][tag].enumerated() {
        complete.append(Partial(score: way.score + end[tag], tag: tag, rank: rank))
      }
    }
    requirePath(complete.isEmpty ? -.infinity : 0, steps: steps)
    let logPartition = logPartition(scores, steps: steps)
    return best(complete).map { last in
      var path = [Int](repeating: 0, count: steps)
      var (tag, rank) = (last.tag, last.rank)
      for step in (0..<steps).reversed() {
        path[step] = tag
        let way = ways[step][tag][rank]
        (tag, rank) = (way.tag, way.rank)
      }
      return TagPath(tags: path, score: last.score, logProbability: last.score - logPartition)
    }
  }

  /// The logarithm of the sum over all paths.
  private func logPartition(_ scores: UnsafePointer<Float>, steps: Int) -> Double {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: (steps + 2) * tagCount) { memory in
      guard let alphas = memory.baseAddress else { return 0 }
      return forward(scores, steps: steps, alphas, scratch: alphas + steps * tagCount)
    }
  }
}
