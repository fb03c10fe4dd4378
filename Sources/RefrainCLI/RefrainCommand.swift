import ArgumentParser
import Foundation
import Refrain
import RefrainData

/// The command `refrain`: reads the arguments, runs a subcommand, and turns what goes wrong into one line and a status.
@main
struct RefrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "refrain",
    abstract: "Recurrent networks for files of data.",
    discussion: """
      The shortest way to see it work, on a series that comes with it:

        refrain forecast
      """,
    version: "0.1.0 on \(Processor.current)",
    subcommands: [
      ForecastCommand.self, InfoCommand.self, ConvertCommand.self, RunCommand.self, CellsCommand.self,
      BenchmarkCommand.self,
    ])

  static func main() {
    // A reader that stops listening and a file that may not grow are noticed where the text is written.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    do {
      try EnvironmentSettings.check()
      var command = try parseAsRoot()
      try command.run()
    } catch {
      Foundation.exit(report(error))
    }
  }

  /// Says what went wrong, on one line, and returns the exit status. Help and the version are no errors and go to
  /// standard output.
  private static func report(_ error: any Error) -> Int32 {
    switch error {
    case is ClosedPipe:
      return EXIT_SUCCESS
    case let error as EnvironmentError:
      StandardError.write(line: "refrain: \(error.description.sanitized)")
      return EX_USAGE
    case let failure as CommandFailure:
      StandardError.write(line: "refrain: \(failure.message)")
      return failure.status
    default:
      let status = exitCode(for: error).rawValue
      guard status == EXIT_SUCCESS else {
        StandardError.write(line: "refrain: \(usageMessage(for: error))")
        return status
      }
      do {
        try StandardOutput.write(fullMessage(for: error).withFinalLineBreak)
        return EXIT_SUCCESS
      } catch {
        return report(error)
      }
    }
  }

  private static func usageMessage(for error: any Error) -> String {
    // Of more than a few values each has a line of its own.
    let text = message(for: error).replacing(":\n  - ", with: ": ").replacing("\n  - ", with: ", ")
    let message = text.sanitized.split(separator: " ").joined(separator: " ")
    let end = message.last.map { ".?!".contains($0) } == true ? "" : "."
    return "\(message)\(end) See '\(failedCommand) --help'."
  }

  /// The command whose flags were wrong: `refrain forecast`, or `refrain` when its name is none.
  private static var failedCommand: String {
    let names = configuration.subcommands.map { $0.configuration.commandName }
    let first = CommandLine.arguments.dropFirst().first
    return ["refrain", names.contains(first) ? first : nil].compactMap(\.self).joined(separator: " ")
  }
}

/// Why a command ends without having done what it was asked to.
struct CommandFailure: Error {
  /// What a process tells its parent.
  let status: Int32
  /// One line.
  let message: String

  /// A file, its contents or a place to write is not as it must be.
  static func badData(_ error: some CustomStringConvertible) -> CommandFailure {
    CommandFailure(status: 65, message: error.description.sanitized)
  }

  /// The user pressed Ctrl-C; by convention the status is 128 and the number of the signal.
  static func interrupted(_ message: String) -> CommandFailure {
    CommandFailure(status: 128 + SIGINT, message: message)
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
