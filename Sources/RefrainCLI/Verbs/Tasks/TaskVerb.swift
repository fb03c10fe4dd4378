import ArgumentParser
import RefrainData
import RefrainFoundation
import RefrainTasks

/// The verbs on trained models: the file says which task it is, and the task which flags there are.
enum TaskVerb {
  private static let verbs: [String?] = [
    PredictCommand.configuration.commandName, EvaluateCommand.configuration.commandName,
    ExplainCommand.configuration.commandName,
  ]

  /// The command for the task of the model that the arguments name; nil when they hold no such verb, or no model.
  ///
  /// - Parameter tasks: Those to choose from.
  static func command(
    in arguments: [String], among tasks: [any TaskModel.Type] = Tasks.all
  ) throws -> (any ParsableCommand)? {
    guard !arguments.isEmpty, verbs.contains(arguments.first) else { return nil }
    let rest = Array(arguments.dropFirst())
    MemoryOptions.apply(in: rest)
    guard let (_, task) = model(in: arguments, among: tasks) else { return nil }
    return switch verbs.firstIndex(of: arguments.first) {
    case 0: try prediction(task, rest)
    case 1: try evaluation(task, rest)
    default: try explanation(task, rest)
    }
  }

  /// The first model among the arguments of one of the verbs, with its task; nil when they hold no such verb, or no
  /// model.
  ///
  /// - Parameter tasks: Those to choose from.
  static func model(
    in arguments: [String], among tasks: [any TaskModel.Type] = Tasks.all
  ) -> (path: String, task: any TaskModel.Type)? {
    guard !arguments.isEmpty, verbs.contains(arguments.first) else { return nil }
    return arguments.dropFirst().lazy.compactMap { path in task(ofModelAt: path, among: tasks).map { (path, $0) } }
      .first
  }

  private static func prediction<Task: TaskModel>(
    _ task: Task.Type, _ arguments: [String]
  ) throws -> any ParsableCommand { try PredictTask<Task>.parseAsRoot(arguments) }

  private static func evaluation<Task: TaskModel>(
    _ task: Task.Type, _ arguments: [String]
  ) throws -> any ParsableCommand { try EvaluateTask<Task>.parseAsRoot(arguments) }

  private static func explanation<Task: TaskModel>(
    _ task: Task.Type, _ arguments: [String]
  ) throws -> any ParsableCommand { try ExplainTask<Task>.parseAsRoot(arguments) }

  /// The task of a model; nil for another file, or none. A pipe is not read: its contents come once.
  private static func task(ofModelAt path: String, among tasks: [any TaskModel.Type]) -> (any TaskModel.Type)? {
    var status = stat()
    guard !path.hasPrefix("-"), stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      let file = try? SafeTensorsFile(contentsOf: path)
    else { return nil }
    return Tasks.task(of: file, among: tasks)
  }

  /// Says why a file is no trained model.
  static func refuse(_ path: String) throws -> Never {
    _ = try Tasks.model(in: SafeTensorsFile(contentsOf: path), path: path)
    throw CommandFailure.badData("\(path): name the model first, then the files")
  }
}
