import RealModule

/// A linear-chain conditional random field (Lafferty, McCallum and Pereira 2001): what a tagger says of the tags of a
/// sequence together. A network gives each tag a score at each step, e; the field adds what it costs to go from one tag
/// to the next:
///
///     score(y) = start(y₁) + Σₜ eₜ(yₜ) + Σₜ A(yₜ₋₁, yₜ) + end(y_T)
///     p(y) = exp score(y) / Σ exp score(y'), over all y' of as many steps
///
/// What it learns from is −log p of the true tags (``negativeLogLikelihood(_:_:lengths:)``, or ``loss``); the most
/// probable tags are its ``bestPaths(_:lengths:constraints:)``.
public struct ConditionalRandomField: Module {
  /// A, `[K, K]`: the score of the column's tag right after the row's.
  public var transitions: Tensor
  /// `[K]`: the score of a tag at the first step.
  public var start: Tensor
  /// `[K]`: the score of a tag at the last step.
  public var end: Tensor

  /// A field of so many tags, whose scores are drawn evenly from −0.1 … 0.1.
  public init(tagCount: Int, using generator: inout RandomGenerator) {
    require(tagCount > 0, "a conditional random field of \(tagCount) tags; there must be at least one")
    func drawn(_ shape: [Int]) -> Tensor { .uniform(shape, in: -0.1..<0.1, using: &generator) }
    self.init(transitions: drawn([tagCount, tagCount]), start: drawn([tagCount]), end: drawn([tagCount]))
  }

  /// A field with scores that exist already.
  ///
  /// - Parameters:
  ///   - transitions: `[K, K]`, from the row's tag to the column's.
  ///   - start: `[K]`
  ///   - end: `[K]`
  public init(transitions: Tensor, start: Tensor, end: Tensor) {
    let count = start.count
    require(
      transitions.shape == [count, count] && start.shape == [count] && end.shape == [count] && count > 0,
      "a conditional random field of scores \(transitions.shape), \(start.shape) and \(end.shape)")
    self.transitions = transitions
    self.start = start
    self.end = end
  }

  /// The number of tags **K**.
  public var tagCount: Int { start.count }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("transitions", &transitions)
    try body("start", &start)
    try body("end", &end)
  }

  /// The loss of whole sequences, for scores `[B, T, K]` and tags `[B, T]` by their numbers. A tag that is none stops
  /// the program: check tags that come from outside before.
  ///
  /// The loss has the field's scores as they are now. Given to ``Sequential/compile(optimizer:loss:metrics:)`` it keeps
  /// them constant, and only the network learns; for both to learn, a model holds network and field, and its loss in
  /// ``Trainer`` is ``negativeLogLikelihood(_:_:lengths:)``.
  public var loss: Loss {
    Loss("conditional random field", prediction: .logits) { batch in
      negativeLogLikelihood(batch.prediction, batch.target, lengths: batch.lengths)
    }
  }

  /// −log p of the true tags of each sequence, `[B]`; 0 for one without a step.
  ///
  /// One operation with its own gradient, by the forward-backward algorithm: the probability of each tag less 1 where
  /// it is the true one, and of each transition less how often it was made.
  ///
  /// - Parameters:
  ///   - scores: e, `[B, T, K]`.
  ///   - tags: their numbers from 0, `[B, T]`; what stands past a sequence's length has no influence, and what is no
  ///     tag before it stops the program.
  ///   - lengths: the valid steps of each sequence; nil means all.
  /// - Complexity: O(N · K²) for N steps together.
  public func negativeLogLikelihood(_ scores: Tensor, _ tags: Tensor, lengths: [Int]? = nil) -> Tensor {
    let (batch, time) = checked(scores, lengths)
    require(
      tags.shape == [batch, time], "the tags of scores of shape \(scores.shape) have shape \(tags.shape)")
    let chain = ChainLikelihood(
      potentials: ChainPotentials(transitions: transitions, start: start, end: end), time: time,
      lengths: lengths ?? Array(repeating: time, count: batch), tags: tags.detached.values)
    let values = scores.detached
    let sums = chain.sums(values)
    guard let recorder = Recording.current else { return sums.losses }
    let operation = Operations.Opaque(name: "conditional random field")
    return recorder.record(operation, of: [scores, transitions, start, end], [sums.losses]) { gradients in
      chain.gradients(values, sums, along: gradients[0]!)
    }[0]
  }

  /// The batch and time of scores that fit the field.
  func checked(_ scores: Tensor, _ lengths: [Int]?) -> (batch: Int, time: Int) {
    require(
      scores.rank == 3 && scores.shape[2] == tagCount,
      "scores for a conditional random field have shape \(scores.shape), expected [B, T, \(tagCount)]"
    )
    let (batch, time) = (scores.shape[0], scores.shape[1])
    require(
      lengths.map { $0.count == batch && $0.allSatisfy { (0...time).contains($0) } } ?? true,
      "the lengths \(lengths ?? []) do not fit \(batch) sequences of \(time) steps")
    return (batch, time)
  }
}
