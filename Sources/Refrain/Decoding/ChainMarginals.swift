import RealModule

/// How probable the tags of one sequence are, each alone and several in a row, all paths taken together.
public struct ChainMarginals: Sendable {
  /// The number of steps **T**.
  public let steps: Int
  /// The number of tags **K**.
  public let tagCount: Int
  /// The logarithm of the sum over all paths.
  public let logPartition: Double
  private let chain: ChainPotentials
  /// `[T, K]` each.
  private let (scores, alphas, betas): ([Double], [Double], [Double])

  init(_ chain: ChainPotentials, _ scores: UnsafePointer<Float>, steps: Int) {
    let count = chain.tagCount
    self.chain = chain
    self.steps = steps
    tagCount = count
    self.scores = (0..<steps * count).map { Double(scores[$0]) }
    var (alphas, betas) = ([Double](repeating: 0, count: steps * count), [Double](repeating: 0, count: steps * count))
    var scratch = [Double](repeating: 0, count: 3 * count)
    logPartition = alphas.withUnsafeMutableBufferPointer { alphas in
      betas.withUnsafeMutableBufferPointer { betas in
        scratch.withUnsafeMutableBufferPointer { scratch in
          guard steps > 0, let alphas = alphas.baseAddress, let betas = betas.baseAddress,
            let scratch = scratch.baseAddress
          else { return 0 }
          let sum = chain.forward(scores, steps: steps, alphas, scratch: scratch)
          chain.backward(scores, steps: steps, betas, scratch: scratch)
          return sum
        }
      }
    }
    (self.alphas, self.betas) = (alphas, betas)
    chain.requirePath(logPartition, steps: steps)
  }

  /// The probability of a tag at a step.
  public func probability(of tag: Int, at step: Int) -> Double {
    let place = step * tagCount + tag
    return .exp(alphas[place] + betas[place] - logPartition)
  }

  /// The probability that the tags from a step on are these.
  ///
  /// - Parameters:
  ///   - tags: one or more in a row.
  ///   - step: where the first of them stands.
  ///   - next: which tags may come right after the last, or nothing; nil means whatever comes.
  public func probability(ofTags tags: [Int], from step: Int, followedBy next: ((Int) -> Bool)? = nil) -> Double {
    guard let first = tags.first, let last = tags.last else { return 1 }
    var sum = alphas[step * tagCount + first]
    for place in 1..<max(tags.count, 1) {
      sum += chain.transitions[tags[place - 1] * tagCount + tags[place]]
      sum += scores[(step + place) * tagCount + tags[place]]
    }
    let end = step + tags.count - 1
    guard let next, end + 1 < steps else { return .exp(sum + betas[end * tagCount + last] - logPartition) }
    let following = ChainPotentials.logarithmOfSum(tagCount) { tag in
      let place = (end + 1) * tagCount + tag
      return next(tag) ? chain.transitions[last * tagCount + tag] + scores[place] + betas[place] : -.infinity
    }
    return .exp(sum + following - logPartition)
  }
}

extension ConditionalRandomField {
  /// How probable the tags of each sequence are, by the forward-backward algorithm.
  ///
  /// - Parameters:
  ///   - scores: e, `[B, T, K]`.
  ///   - lengths: the valid steps of each sequence; nil means all.
  ///   - constraints: the paths that there are; nil means all.
  /// - Complexity: O(N · K²) for N steps together.
  public func marginals(
    _ scores: Tensor, lengths: [Int]? = nil, constraints: TransitionConstraints? = nil
  ) -> [ChainMarginals] {
    forEachSequence(scores, lengths, constraints) { ChainMarginals($0, $1, steps: $2) }
  }
}
