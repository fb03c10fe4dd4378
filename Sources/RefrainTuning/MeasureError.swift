import RefrainData
import RefrainTasks

/// A measure that a search cannot go by. `description` is one line: which, why, and which there are.
public struct MeasureError: InputError {
  /// The measure's name.
  public let name: String
  /// What is wrong and what to do, to be read after the name.
  public let problem: String
  /// The name and the problem.
  public var description: String { "the measure \(name.quoted) \(problem)" }

  /// - Parameter names: Those that there are.
  init(_ name: String, _ problem: String, among names: [String]) {
    let hint = nearestName(to: name, among: names).map { "did you mean \($0.quoted)?" }
    let remedy = hint ?? (names.isEmpty ? "name another" : "name one of \(names.joined(separator: ", "))")
    (self.name, self.problem) = (name, "\(problem); \(remedy)")
  }

  /// Stops at a measure that the task does not list, and at one of which neither less nor more is better.
  ///
  /// - Parameter name: What was asked for; nil is all right.
  /// - Throws: The error, with the name that was probably meant.
  public static func check<Task: TaskModel>(_ name: String?, for task: Task.Type) throws(MeasureError) {
    guard let name else { return }
    let names = Task.measures.filter(\.canDecide).map(\.name)
    guard let measure = Task.measures.first(where: { $0.name == name }) else {
      throw MeasureError(name, "is none of the task \(Task.name.quoted)", among: names)
    }
    guard measure.canDecide else {
      throw MeasureError(name, "cannot decide: neither less nor more of it is better", among: names)
    }
  }
}
