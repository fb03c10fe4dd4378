import RefrainFoundation
import RefrainTasks

/// The ways in which people ask for help, brought to the one that the parser knows: `--help` after what it is asked of.
enum HelpRequest {
  private static let flags: Set<String> = ["--help", "-help", "-h", "-?", "/?"]
  private static let word = "help"

  /// The same arguments, where they ask for help with `--help` at their end and nothing else that asks for it.
  ///
  /// `help classify`, `train help classify` and `classify help` are `train classify --help`.
  ///
  /// - Parameter isFile: Whether there is a file of this name: one that is called `help` is no request.
  static func normalized(
    _ arguments: [String], isFile: (String) -> Bool = { FileManager.default.fileExists(atPath: $0) }
  ) -> [String] {
    guard let first = arguments.first else { return arguments }
    var asked = arguments
    if let place = arguments.prefix(2).firstIndex(where: flags.contains) {
      asked.remove(at: place)
    } else if first != word, arguments.count > 1 || !isTask(first) {
      guard arguments.count <= 3, arguments.allSatisfy({ !$0.hasPrefix("-") }), !isFile(word),
        let place = arguments.lastIndex(of: word)
      else { return arguments }
      asked.remove(at: place)
    }
    while asked.first == word { asked.removeFirst() }
    if let task = asked.first, isTask(task), let train = TrainCommand.configuration.commandName {
      asked.insert(train, at: 0)
    }
    return asked + ["--help"]
  }

  /// Whether a word names a task, and no command.
  static func isTask(_ name: String) -> Bool {
    RefrainCommand.subcommand(name) == nil && Tasks.all.contains { $0.name == name }
  }
}
