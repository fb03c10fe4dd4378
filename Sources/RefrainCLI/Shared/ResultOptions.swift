import ArgumentParser
import Refrain
import RefrainData
import RefrainFoundation

/// How results are written.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
  case table, csv, json, jsonl
}

/// The flags that say in which form results are written, and where.
struct ResultOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The form of the results; jsonl is one JSON value a line.", valueName: "format"))
  var format = OutputFormat.table

  @Option(
    help: ArgumentHelp("Write the results to this file, not to standard output.", valueName: "file"),
    completion: .file())
  var output: String?

  @OptionGroup var memory: MemoryOptions
  @OptionGroup var running: RunningOptions

  /// Has the library compute with as many threads, and read with as much memory, as were asked for.
  func apply() {
    running.apply()
    memory.apply()
  }

  /// Writes results, to the file or to standard output.
  ///
  /// - Parameter text: What to write for a terminal, which decides over the width and the colors of a table.
  func write(_ what: String, _ text: (Terminal) throws -> String) throws {
    guard let output else { return try StandardOutput.write(text(StandardOutput.terminal)) }
    try writeAtomically(text(.none), to: output)
    running.note("\(what) in \(output).")
  }
}

/// The flags that say how the program runs.
struct RunningOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many threads compute. (default: all processors)", valueName: "n"))
  var threads: Int?

  @Flag(help: "Print no progress and no notes.")
  var quiet = false

  func validate() throws { try check("--threads", threads, within: 1...1024) }

  /// Has the library compute with as many threads as were asked for.
  func apply() { if let threads { Parallelism.threads = threads } }

  /// Says something that is no result.
  func note(_ text: String) { if !quiet { StandardError.write(line: text.sanitized) } }

  /// Runs a training that Ctrl-C or SIGTERM ends and that shows how far it is.
  ///
  /// - Throws: ``CommandFailure`` with the status of an interruption when there is no result yet.
  func training<Result>(
    _ body: (_ progress: (@Sendable (_ fraction: Double, _ message: String) -> Void)?) throws -> Result
  ) throws -> Result {
    let progress = quiet ? nil : Progress()
    return try Interruption.listening {
      defer { progress?.finish() }
      do {
        return try body(progress.map { $0.show })
      } catch {
        guard Interruption.isRequested else { throw error }
        throw CommandFailure.interrupted("the training was interrupted before there was a result")
      }
    }
  }
}
