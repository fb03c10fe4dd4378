import RefrainTasks

extension RunningOptions {
  /// Writes what was mended or assumed in reading examples, the first of many alone.
  ///
  /// - Returns: Those that were written.
  @discardableResult
  func notes<Task: TaskModel>(of examples: Task.Examples, for task: Task.Type) -> [String] {
    let notes = task.notes(of: examples)
    for text in notes.prefix(20) { note("Note: \(text).") }
    if notes.count > 20 { note("Note: \(notes.count - 20) more of the kind.") }
    return quiet ? [] : Array(notes.prefix(20))
  }
}
