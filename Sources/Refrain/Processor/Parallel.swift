import Synchronization

/// How many threads Refrain computes with.
public enum Parallelism {
  private static let chosen = Atomic<Int>(0)

  /// The number of threads; at first the value of `REFRAIN_THREADS`, else the number of cores that the process may use:
  /// two threads of one core count once, and the processors that the process is bound to and the time its control group
  /// is granted are limits. Results do not depend on it: work is split over rows and output tiles, and every sum has a
  /// fixed order.
  public static var threads: Int {
    get {
      let value = chosen.load(ordering: .relaxed)
      return value > 0 ? value : initial
    }
    set {
      require(newValue > 0, "the number of threads is \(newValue), and must be at least 1")
      chosen.store(newValue, ordering: .relaxed)
    }
  }

  private static let initial: Int =
    EnvironmentSettings.orStop { () throws(EnvironmentError) in
      try EnvironmentSettings.threads(environmentVariable("REFRAIN_THREADS"))
    } ?? Processor.current.availableCores
}

/// Calls `body` with parts of `0 ..< count`, side by side when that is worth it.
///
/// - Parameters:
///   - count: what is to be split.
///   - grain: the smallest part worth a thread.
///   - multiple: all parts but the last are multiples of this.
///   - body: called once a part; parts never overlap. Its result must not depend on how the range was split.
func parallel(_ count: Int, grain: Int = 1, multiple: Int = 1, _ body: (Range<Int>) -> Void) {
  guard count > 0 else { return }
  let units = (count + multiple - 1) / multiple
  let parts = min(Parallelism.threads, units, max(1, count / max(1, grain)))
  func bound(_ part: Int) -> Int { min(count, units * part / parts * multiple) }
  Workers.shared.run(parts) { body(bound($0)..<bound($0 + 1)) }
}

/// Calls `body` for every range, side by side.
func parallel(_ ranges: [Range<Int>], _ body: (Range<Int>) -> Void) {
  Workers.shared.run(ranges.count) { body(ranges[$0]) }
}
