/// The part of a task's examples that one of several processes answers: as many of them, one after another, as each of
/// the others.
public struct ExampleShare: Sendable, Equatable {
  /// The place of the process among all, from 0.
  public let rank: Int
  /// The number of processes.
  public let count: Int

  /// The share of the process at place `rank`, from 0, of `count`.
  public init(_ rank: Int, of count: Int) { (self.rank, self.count) = (rank, count) }

  /// The places of its examples among `total`, from 0, empty where there are fewer examples than processes; nil where
  /// there is nothing to share, because there is no more than one.
  public func places(of total: Int) -> Range<Int>? {
    guard total > 1 else { return nil }
    // Without a product, which may be greater than any number.
    let (size, rest) = total.quotientAndRemainder(dividingBy: count)
    let start = rank * size + min(rank, rest)
    return start..<start + size + (rank < rest ? 1 : 0)
  }
}
