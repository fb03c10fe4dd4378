import ArgumentParser
internal import CCommit
import Refrain
import RefrainFoundation
import RefrainTasks

/// The command `refrain`: a new verb is a file in Verbs/ and a line in its list.
@main
struct RefrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "refrain",
    abstract: "Recurrent networks for files of data.",
    discussion: """
      The shortest way to see it work, on a series that comes with it:

        refrain forecast

      With files of one's own, for each of the tasks \(Tasks.all.map { $0.name }.joined(separator: ", ")):

        refrain train classify reviews.csv --target label --save reviews.model
        refrain predict reviews.model new-reviews.csv --format csv
        refrain evaluate reviews.model other-reviews.csv

      A model of another program:

        refrain info model.onnx
        refrain convert model.h5 model.safetensors --input x.npy --expect y.npy
      """,
    version: "0.1.0\(commit) on \(Processor.current)",
    subcommands: [
      TrainCommand.self, TuneCommand.self, PredictCommand.self, EvaluateCommand.self, ExplainCommand.self,
      ForecastCommand.self, ServeCommand.self,
      InfoCommand.self, ConvertCommand.self, RunCommand.self, CellsCommand.self, BenchmarkCommand.self,
    ])

  /// The commit that this was built from, where the build knew it.
  private static var commit: String {
    let name = String(cString: refrain_commit())
    return name.isEmpty ? "" : " (\(name))"
  }

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    let sharing = Sharing(arguments)
    // mpirun starts the command many times over; one process answers for all.
    if !Processes.isFirstStarted, sharing == .none { RefrainFoundation.exit(EXIT_SUCCESS) }
    Program<RefrainCommand>(
      name: "refrain", beforeTelling: { Processes.leaveWordToFirst(thatJoin: sharing == .joined, status: $0) },
      atEnd: Processes.leave, helpOperand: { TaskVerb.model(in: $0)?.path }
    ).run { try command(in: arguments) }
  }

  /// How processes that were started together share the work of a command.
  enum Sharing {
    /// The first does it.
    case none
    /// They join, as far as the work can be shared.
    case joined
    /// By a study in a file.
    case study

    init(_ given: [String]) {
      let arguments = HelpRequest.normalized(given)
      self =
        switch arguments.first {
        case nil: .none
        case _ where arguments.last == "--help": .none
        case TuneCommand.configuration.commandName: .study
        case TrainCommand.configuration.commandName, PredictCommand.configuration.commandName,
          ForecastCommand.configuration.commandName:
          .joined
        default: .none
        }
    }
  }

  /// The command that the arguments name, ready to run.
  static func command(in given: [String]) throws -> any ParsableCommand {
    let arguments = HelpRequest.normalized(given)
    if let resumed = try SavedCommand.resumed(by: arguments) { return try command(in: resumed) }
    if let task = arguments.first, HelpRequest.isTask(task) {
      throw ValidationError("'\(task)' is a task, which is learned by a command. Did you mean 'train \(task)'?")
    }
    try checkSubcommand(arguments.first, what: "command")
    for command in [TrainCommand.self, TuneCommand.self] as [any ParsableCommand.Type]
    where arguments.first == command.configuration.commandName {
      try command.checkSubcommand(arguments.dropFirst().first, what: "task")
    }
    // What may be asked of a model depends on its task.
    if let command = try TaskVerb.command(in: arguments) { return command }
    return try parsed(arguments)
  }

  /// What the parser answers itself, with the names of all commands from the root.
  private static let answeredByParser = [
    "help", "-h", "--help", "--version", "--experimental-dump-help", "--generate-completion-script",
  ]

  /// The command, parsed from the one that is named: each command above it would have the parser put its flags together
  /// twice more. What cannot be parsed is said from the root, whose name it begins with.
  private static func parsed(_ arguments: [String]) throws -> any ParsableCommand {
    guard !arguments.contains(where: { answeredByParser.contains(where: $0.hasPrefix) }) else {
      return try parseAsRoot(arguments)
    }
    var command: any ParsableCommand.Type = self
    var rest = arguments[...]
    while rest.count > 1, let next = command.subcommand(rest[rest.startIndex]) {
      command = next
      rest = rest.dropFirst()
    }
    do { return try command.parseAsRoot(Array(rest)) } catch { return try parseAsRoot(arguments) }
  }
}
