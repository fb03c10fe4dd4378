/// Asynchronous successive halving (Li et al. 2020): at 1, η, η², … of what is reported a trial goes on only where it
/// is among the best 1 / η of those that have come as far, or while these are few, among the better half.
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

  /// Of how many trials nobody is compared, as with Optuna's pruner.
  private static let fewest = 5

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
    let count = others.count + 1
    // Too few to say anything: all go on. With a few more a third is often not the best third at the end.
    guard count > Self.fewest else { return true }
    let share = count < 4 * factor ? 2 : factor
    return others.count { $0 < loss } < max(1, count / share)
  }
}
