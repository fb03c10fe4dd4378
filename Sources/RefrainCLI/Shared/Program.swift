import ArgumentParser
import Refrain
import RefrainData
import RefrainFoundation

/// What the programs have in common: it runs a command, and turns what goes wrong into one line and a status.
struct Program<Root: ParsableCommand> {
  /// Its name in messages.
  let name: String
  /// Called with the status before a failure, or help, is told, and when the process is about to end.
  var beforeTelling: (_ status: Int32) -> Void = { _ in }
  var atEnd: (_ status: Int32) -> Void = { _ in }
  /// What stands behind the command where its help is asked for, such as the model whose task says which flags there
  /// are.
  var helpOperand: (_ arguments: [String]) -> String? = { _ in nil }

  /// Runs the command that `parse` finds in the arguments, and ends the process.
  func run(_ parse: () throws -> any ParsableCommand) -> Never {
    // A reader that stops listening and a file that may not grow are noticed where the text is written.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    Trap.report(as: name)
    raiseFileLimit()
    do {
      try EnvironmentSettings.check()
      var command = try parse()
      try command.run()
    } catch {
      let status = report(error)
      atEnd(status)
      RefrainFoundation.exit(status)
    }
    atEnd(EXIT_SUCCESS)
    RefrainFoundation.exit(EXIT_SUCCESS)
  }

  /// Says what went wrong, on one line, and returns the exit status. Help and the version are no errors and go to
  /// standard output.
  private func report(_ error: any Error) -> Int32 {
    switch error {
    case is ClosedPipe:
      return EXIT_SUCCESS
    case let error as EnvironmentError:
      return report(CommandFailure(status: EX_USAGE, message: error.description.sanitized))
    case let failure as CommandFailure:
      beforeTelling(failure.status)
      StandardError.write(line: "\(name): \(failure.message)")
      return failure.status
    case let error as DataError:
      return report(CommandFailure(MemoryOptions.naming(error)))
    case let error as any InputError:
      return report(CommandFailure(error))
    default:
      let status = Root.exitCode(for: error).rawValue
      beforeTelling(status)
      guard status == EXIT_SUCCESS else {
        StandardError.write(line: "\(name): \(usageMessage(for: error))")
        return status
      }
      do {
        try StandardOutput.write(Root.fullMessage(for: error).withFinalLineBreak)
        return EXIT_SUCCESS
      } catch {
        return report(error)
      }
    }
  }

  private func usageMessage(for error: any Error) -> String {
    // Of more than a few values each has a line of its own.
    let text = Root.message(for: error).replacing(":\n  - ", with: ": ").replacing("\n  - ", with: ", ")
    let message = text.sanitized.split(separator: " ").joined(separator: " ")
    let end = message.last.map { ".?!".contains($0) } == true ? "" : "."
    return "\(message)\(end) See '\(failedCommand) --help'."
  }

  /// The command whose flags were wrong: `refrain train forecast`, `refrain explain sales.model`, or `refrain` when its
  /// name is none.
  private var failedCommand: String {
    var command: any ParsableCommand.Type = Root.self
    var names = [name]
    for argument in CommandLine.arguments.dropFirst() {
      guard let next = command.subcommand(argument) else { break }
      command = next
      names.append(argument)
    }
    let operand = helpOperand(Array(CommandLine.arguments.dropFirst())).map { $0.sanitized.shellWord }
    return (names + [operand].compactMap(\.self)).joined(separator: " ")
  }
}

extension ParsableCommand {
  /// The subcommand of this name.
  static func subcommand(_ name: String) -> (any ParsableCommand.Type)? {
    configuration.subcommands.first { $0.configuration.commandName == name }
  }

  /// Stops when `argument` should be the name of a subcommand and is none, with the name that was probably meant.
  ///
  /// - Parameter what: What the subcommands are, such as `command`.
  static func checkSubcommand(_ argument: String?, what: String) throws {
    guard let argument, !argument.hasPrefix("-"), argument != "help", subcommand(argument) == nil else { return }
    let names = configuration.subcommands.compactMap { $0.configuration.commandName }
    let hint = nearestName(to: argument, among: names).map { "Did you mean '\($0)'?" }
    let list = "There are \(names.joined(separator: ", "))."
    throw ValidationError("There is no \(what) '\(argument)'. \(hint ?? list)")
  }
}

/// Why a command ends without having done what it was asked to.
struct CommandFailure: Error {
  /// What a process tells its parent.
  let status: Int32
  /// One line.
  let message: String

  /// What was given, or what is in it, is not as it must be.
  static func badData(_ message: String) -> CommandFailure {
    CommandFailure(status: EX_DATAERR, message: message.sanitized)
  }

  /// The user pressed Ctrl-C, or SIGTERM came; by convention the status is 128 and the number of the signal.
  static func interrupted(_ message: String) -> CommandFailure {
    CommandFailure(status: Interruption.status, message: message)
  }
}

extension CommandFailure {
  /// A file, its contents or a place to write is not as it must be.
  init(_ error: any InputError) {
    self.init(status: error.dataError?.exitStatus ?? EX_DATAERR, message: error.description.sanitized)
  }

  /// The statuses of ``DataError/exitStatus`` and of ``TensorMemory``, for the help of commands that read and write
  /// files.
  static let fileStatuses = """
    65 for a file that cannot be used, 66 for one that is missing or cannot be read, 71 where memory runs out, 73 or 74 \
    for one that cannot be written
    """
}

extension DataError {
  /// What a command ends with for this error, by the conventions of `sysexits.h`.
  var exitStatus: Int32 {
    switch code {
    case .missingFile, .unreadableFile: EX_NOINPUT
    case .missingFolder, .unwritableFile: EX_CANTCREAT
    case .diskFull: EX_IOERR
    default: EX_DATAERR
    }
  }

  /// The same error, for a command with the flag that gives more memory.
  var withMemoryFlag: DataError {
    guard code == .overMemoryBudget else { return self }
    var error = self
    error.remedy = "give more with --memory if the file can be trusted"
    return error
  }

  /// The same error, for a command without the flag that gives more memory.
  var withoutMemoryFlag: DataError {
    guard code == .overMemoryBudget else { return self }
    var error = self
    error.remedy = "choose a smaller file"
    return error
  }
}

extension String {
  /// The text on one line, without characters that would steer a terminal.
  var sanitized: String {
    let scalars = unicodeScalars.map { scalar -> UnicodeScalar in
      switch scalar.properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator: scalar == "\n" || scalar == "\t" ? " " : "\u{FFFD}"
      default: scalar
      }
    }
    return String(String.UnicodeScalarView(scalars))
  }

  fileprivate var withFinalLineBreak: String { hasSuffix("\n") ? self : self + "\n" }
}

/// Stops when a number was given that lies outside of its range.
func check(_ flag: String, _ number: Int?, within range: ClosedRange<Int>) throws {
  guard let number, !range.contains(number) else { return }
  let bound = number < range.lowerBound ? "at least \(range.lowerBound)" : "at most \(range.upperBound)"
  throw ValidationError("\(flag) must be \(bound), not \(number).")
}

extension String {
  /// The text as one word of a command.
  var shellWord: String {
    let isPlain = !isEmpty && allSatisfy { $0.isLetter || $0.isNumber || "._-+/:@%".contains($0) }
    return isPlain ? self : "'" + replacing("'", with: "'\\''") + "'"
  }
}
