import RefrainData

/// The regularization that a task may be told beside its own options: all but what it has an option of its own for.
public struct TaskRegularization<Task: TaskModel>: OptionTable {
  /// Those of ``RegularizationOptions`` whose names no option of the task has.
  public static var options: [TaskOption<Self>] {
    let own = Set(Task.Configuration.options.map(\.name))
    return RegularizationOptions.options.filter { !own.contains($0.name) }.map { option in
      let isOfExamples = option.name == RegularizationOptions.augment
      return (isOfExamples ? RegularizationOptions.augment(Task.augmentations) : option).within(\.values)
    }
  }

  /// What was said.
  public var values = RegularizationOptions()

  /// Nothing.
  public init() {}
}

extension RegularizationOptions {
  /// The changes of examples, all of which fit the task.
  ///
  /// - Parameter kinds: Those that fit its examples; nil is all that fit the task.
  /// - Throws: ``TaskError`` for one that does not.
  func augmentations<Task: TaskModel>(
    for task: Task.Type, fitting kinds: [Augmentation.Kind]? = nil
  ) throws(TaskError) -> Augmentations {
    let place = kinds == nil ? "the task \(Task.name)" : "these examples"
    if let misfit = misfit(kinds ?? Task.augmentations, place) { throw TaskError("the augmentation \(misfit)") }
    return augmentations ?? Augmentations()
  }

  /// What is wrong with a change that is not of some kinds; nil where there is none.
  private func misfit(_ kinds: [Augmentation.Kind], _ place: String) -> String? {
    guard let wrong = augmentations?.all.first(where: { !kinds.contains($0.kind) })?.kind else { return nil }
    let fitting =
      kinds.isEmpty ? "nothing is changed there" : "there fit \(kinds.map(\.rawValue).joined(separator: ", "))"
    return "\(wrong.rawValue) does not fit \(place); \(fitting)"
  }

  /// Stops at a change of examples that does not fit the task, whatever its examples are.
  ///
  /// - Throws: ``OptionError`` that says which do.
  public func check<Task: TaskModel>(for task: Task.Type) throws(OptionError) {
    guard let misfit = misfit(Task.augmentations, "the task \(Task.name)") else { return }
    throw OptionError(option: RegularizationOptions.augment, misfit)
  }
}
