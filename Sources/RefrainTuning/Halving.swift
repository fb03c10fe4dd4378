/// Asynchronous successive halving (Li et al. 2020): at 1, η, η², … of what is reported a trial goes on only where it
/// is among the best 1 / η of those that have come as far.
public struct Halving: Sendable, Equatable {
  /// After how many reports a trial is first looked at.
  public var first: Int
  /// How many trials there are to one that goes on.
  public var factor: Int

  /// A way to end trials early.
  public init(first: Int = 1, factor: Int = 3) {
    precondition(first > 0 && factor > 1, "halving begins after 1, 2, … reports, and leaves one of 2, 3, …")
    self.first = first
    self.factor = factor
  }

  /// Whether trials are compared after so many reports.
  public func isRung(_ step: Int) -> Bool {
    var rung = first
    while rung < step {
      let (next, overflow) = rung.multipliedReportingOverflow(by: factor)
      if overflow { return false }
      rung = next
    }
    return rung == step
  }

  /// Whether a trial goes on.
  ///
  /// - Parameters:
  ///   - loss: What it reports at a rung; less is better.
  ///   - others: What the other trials that have come to this rung reported there.
  public func goesOn(_ loss: Double, among others: [Double]) -> Bool {
    guard loss.isFinite else { return false }
    // Too few to say anything: all go on.
    guard others.count + 1 >= factor else { return true }
    let better = others.count { $0 < loss }
    return better < max(1, (others.count + 1) / factor)
  }
}
