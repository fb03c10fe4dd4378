import ArgumentParser
import RefrainData
import RefrainFoundation
import Synchronization

/// How much memory a command may take for what files say of sizes.
struct MemoryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The most memory for what files say of sizes: 2GB, 500MB. (default: half of what there is, at most 2GB)",
      valueName: "size"))
  var memory: MemorySize?

  /// Whether the command that runs has the flag.
  private static let isOffered = Mutex(false)

  /// Runs what reads files under the budget.
  func run<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try MemoryBudget(memory?.bytes ?? MemoryBudget.standardLimit).run(body)
    } catch let error as DataError {
      throw error.withMemoryFlag
    }
  }

  /// Gives each reader as much, in a command that reads for as long as it runs.
  func apply() {
    Self.isOffered.withLock { $0 = true }
    if let memory { MemoryBudget.defaultLimit = memory.bytes }
  }

  /// The same for what is read before the arguments are parsed.
  static func apply(in arguments: [String]) {
    isOffered.withLock { $0 = true }
    let flag = "--memory"
    for (place, argument) in arguments.enumerated() {
      let text =
        argument == flag
        ? arguments.dropFirst(place + 1).first
        : argument.hasPrefix(flag + "=") ? String(argument.dropFirst(flag.count + 1)) : nil
      if let size = text.flatMap(MemorySize.init(argument:)) { MemoryBudget.defaultLimit = size.bytes }
    }
  }

  /// An error with the flag that gives more memory, if the command has it.
  static func naming(_ error: DataError) -> DataError {
    isOffered.withLock(\.self) ? error.withMemoryFlag : error.withoutMemoryFlag
  }
}

/// A number of bytes as people write it: `500MB`, `2GB`, `1073741824`.
struct MemorySize: ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    let text = argument.uppercased()
    let units = [
      "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000, "K": 1 << 10, "M": 1 << 20,
      "G": 1 << 30, "T": 1 << 40, "B": 1,
    ]
    let unit = units.keys.sorted { $0.count > $1.count }.first { text.hasSuffix($0) }
    let number = text.dropLast(unit?.count ?? 0).trimmed
    guard let value = Double(number), value > 0 else { return nil }
    let product = value * Double(unit.flatMap { units[$0] } ?? 1)
    guard product >= 1, product < 0x1p62 else { return nil }
    bytes = Int(product)
  }
}
