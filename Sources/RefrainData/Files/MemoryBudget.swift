import Refrain
import RefrainFoundation
import Synchronization

/// How much memory a run may take for what files and inputs say of sizes. Whatever they say is held against it before
/// anything is allocated or looped over; values without elements count by their extents, of which 0 is 1.
///
///     try MemoryBudget(2 << 30).run { try LoadedModel(contentsOf: "model.onnx") }
///
/// Within ``run(_:)`` all readers share one budget. Outside of it each of them has one of its own, of
/// ``defaultLimit``.
public final class MemoryBudget: Sendable {
  /// The most bytes that may be taken.
  public let limit: Int
  private let taken = Atomic<Int>(0)

  @TaskLocal private static var shared: MemoryBudget?

  /// A budget of so many bytes.
  public init(_ limit: Int = MemoryBudget.standardLimit) { self.limit = max(0, limit) }

  /// The budget of the run that this is part of, or a fresh one.
  public static var current: MemoryBudget { shared ?? MemoryBudget(defaultLimit) }

  /// The bytes that a reader outside of ``run(_:)`` may take, in the whole process: ``standardLimit`` until something
  /// else is set; 0 sets it again.
  public static var defaultLimit: Int {
    get {
      let chosen = chosenLimit.load(ordering: .relaxed)
      return chosen > 0 ? chosen : standardLimit
    }
    set { chosenLimit.store(newValue, ordering: .relaxed) }
  }
  private static let chosenLimit = Atomic<Int>(0)

  /// Half of the memory that the process may have: of the machine's, of the container's, or of the address space that
  /// it is allowed; at most 2 GB.
  public static let standardLimit: Int = {
    var limit = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
      guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { continue }
      if let bytes = Int(text.split(whereSeparator: \.isWhitespace).first ?? ""), bytes > 0 {
        limit = min(limit, bytes)
      }
    }
    limit = min(limit, TensorMemory.addressSpaceLimit ?? limit)
    return min(max(limit / 2, 1 << 26), 2_000_000_000)
  }()

  /// Runs `body`, all of whose readers share this budget.
  public func run<Result>(_ body: () throws -> Result) rethrows -> Result {
    try Self.$shared.withValue(self, operation: body)
  }

  /// Takes so many bytes.
  ///
  /// - Parameter what: what they are for, as the subject of a sentence.
  /// - Throws: `overMemoryBudget` when less is left.
  public func take(_ bytes: Int, for what: @autoclosure () -> String) throws(DataError) {
    let (sum, overflows) = taken.load(ordering: .relaxed).addingReportingOverflow(max(0, bytes))
    guard !overflows, sum <= limit else { throw refusal("\(memoryText(bytes))", what()) }
    taken.wrappingAdd(max(0, bytes), ordering: .relaxed)
  }

  /// Takes the memory of an array of a shape, which may be any numbers from a file.
  ///
  /// - Parameters:
  ///   - size: bytes of an element.
  ///   - what: what it is for, as the subject of a sentence.
  /// - Returns: how many bytes were taken.
  /// - Throws: `overMemoryBudget` when less is left.
  @discardableResult
  public func take(
    shape: [Int], elementSize size: Int = 4, for what: @autoclosure () -> String
  ) throws(DataError) -> Int {
    var bytes = size
    for extent in shape {
      let (product, overflows) = bytes.multipliedReportingOverflow(by: max(extent, 1))
      guard !overflows, extent >= 0 else { throw refusal("the memory of a shape \(shape)", what()) }
      bytes = product
    }
    try take(bytes, for: what())
    return bytes
  }

  /// How many bytes may still be taken.
  public var left: Int { max(0, limit - taken.load(ordering: .relaxed)) }

  /// Gives back what is no longer in use.
  public func giveBack(_ bytes: Int) { taken.wrappingSubtract(max(0, bytes), ordering: .relaxed) }

  private func refusal(_ amount: String, _ what: String) -> DataError {
    DataError(
      .overMemoryBudget, "\(what) would take \(amount), more than is left of the memory budget of \(memoryText(limit))",
      remedy: "use a smaller file, or a part of it")
  }
}

/// Bytes as people say them: `17.2 GB`.
package func memoryText(_ bytes: Int) -> String {
  let units = ["bytes", "KB", "MB", "GB", "TB", "PB", "EB"]
  var (value, unit) = (Double(bytes), 0)
  while value >= 1000, unit + 1 < units.count {
    value /= 1000
    unit += 1
  }
  return unit == 0 ? "\(bytes) bytes" : "\((value * 10).rounded() / 10) \(units[unit])"
}
