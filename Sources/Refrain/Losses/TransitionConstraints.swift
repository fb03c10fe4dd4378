/// Which tags of a chain may follow which, begin it, and end it: a scheme such as BIO forbids `I-PER` after `O`.
///
/// A ``ConditionalRandomField`` that is given constraints knows no other paths: none of them is found, and all others
/// share the probability.
public struct TransitionConstraints: Sendable, Equatable {
  /// The number of tags **K**.
  public let tagCount: Int
  /// `[K · K]`, from the row's tag to the column's.
  private var forbiddenTransitions: [Bool]
  private var forbiddenStarts: [Bool]
  private var forbiddenEnds: [Bool]

  /// Constraints that allow everything.
  public init(tagCount: Int) {
    require(tagCount > 0, "constraints of \(tagCount) tags; there must be at least one")
    self.tagCount = tagCount
    forbiddenTransitions = Array(repeating: false, count: tagCount * tagCount)
    forbiddenStarts = Array(repeating: false, count: tagCount)
    forbiddenEnds = forbiddenStarts
  }

  /// Forbids a tag right after another.
  public mutating func forbid(_ tag: Int, after previous: Int) {
    check(tag)
    check(previous)
    forbiddenTransitions[previous * tagCount + tag] = true
  }

  /// Forbids a tag at the first step.
  public mutating func forbidStart(_ tag: Int) {
    check(tag)
    forbiddenStarts[tag] = true
  }

  /// Forbids a tag at the last step.
  public mutating func forbidEnd(_ tag: Int) {
    check(tag)
    forbiddenEnds[tag] = true
  }

  /// Whether a tag may come right after another.
  public func allows(_ tag: Int, after previous: Int) -> Bool { !forbiddenTransitions[previous * tagCount + tag] }

  /// Whether a tag may stand at the first step.
  public func allowsStart(_ tag: Int) -> Bool { !forbiddenStarts[tag] }

  /// Whether a tag may stand at the last step.
  public func allowsEnd(_ tag: Int) -> Bool { !forbiddenEnds[tag] }

  private func check(_ tag: Int) {
    require((0..<tagCount).contains(tag), "there is no tag \(tag) among \(tagCount)")
  }
}
