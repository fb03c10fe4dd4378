import RefrainTasks

extension RunningOptions {
  /// Writes what was mended or assumed in reading examples, the first of many alone.
  ///
  /// - Returns: What was said, so that a report need not say it again; nothing where there is to be no note.
  @discardableResult
  func notes<Task: TaskModel>(of examples: Task.Examples, for task: Task.Type) -> Set<String> {
    let notes = task.notes(of: examples)
    for text in notes.prefix(20) { note("Note: \(text).") }
    if notes.count > 20 { note("Note: \(notes.count - 20) more of the kind.") }
    return quiet ? [] : Set(notes.prefix(20))
  }
}
