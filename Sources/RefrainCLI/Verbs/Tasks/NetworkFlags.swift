import ArgumentParser
import RefrainTasks

/// The flags that every task has for its network and its training. Nil means: left to the task.
struct NetworkFlags<Configuration: TaskConfiguration>: ParsableArguments {
  @Option(help: ArgumentHelp("The recurrent cell. (default: by the task)", valueName: "cell"))
  var cell: CellName<Configuration>?

  // `unconditional`: a number may begin with a minus sign, and is refused with its own message.
  @Option(parsing: .unconditional, help: ArgumentHelp("Units in each layer. (default: from the data)", valueName: "n"))
  var hidden: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("Recurrent layers. (default: by the task)", valueName: "n"))
  var layers: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The share of values left out between layers in training. (default: by the task)", valueName: "p"))
  var dropout: Float?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Passes over the examples. (default: from the data)", valueName: "n"))
  var epochs: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Where chance begins: the same seed gives the same result, within one set of instructions. (default: 0)",
      valueName: "n"))
  var seed: UInt64?

  /// The flags that were given.
  var given: [String] {
    let flags: [(String, Any?)] = [
      ("--cell", cell), ("--hidden", hidden), ("--layers", layers), ("--dropout", dropout), ("--epochs", epochs),
      ("--seed", seed),
    ]
    return flags.filter { $0.1 != nil }.map(\.0)
  }

  var options: SharedOptions {
    var options = SharedOptions()
    options.cell = cell?.name
    (options.hidden, options.layers, options.dropout) = (hidden, layers, dropout)
    (options.epochs, options.seed) = (epochs, seed)
    return options
  }

  /// The upper bounds keep a slip of the finger from asking for more memory than there is.
  func validate() throws {
    try check("--hidden", hidden, within: 1...4096)
    try check("--layers", layers, within: 1...32)
    try check("--epochs", epochs, within: 1...1_000_000)
    if let dropout, !(0..<1).contains(dropout) {
      throw ValidationError("--dropout must be at least 0 and below 1, not \(dropout).")
    }
  }
}

/// The name of a cell that may be chosen for a task.
struct CellName<Configuration: TaskConfiguration>: ExpressibleByArgument {
  static var allValueStrings: [String] { Configuration.cells }

  let name: String

  init?(argument: String) {
    guard Self.allValueStrings.contains(argument) else { return nil }
    name = argument
  }

  var defaultValueDescription: String { name }
}
