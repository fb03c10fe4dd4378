/// A measure of a task: its name, and whether less or more of it is better. A task lists its own in
/// ``TaskModel/measures``; what is not listed there decides nothing.
public struct TaskMeasure: Sendable, Equatable {
  /// What is better.
  public enum Better: Sendable {
    /// Less, as of errors.
    case less
    /// More, as of what is right.
    case more
    /// Neither, as of the share of truths within an interval, which is to be what was asked for.
    case neither
  }

  /// Its name for programs, such as `wordErrorRate`.
  public let name: String
  /// What is better.
  public let better: Better

  /// A measure of which less is better.
  public static func less(_ name: String) -> TaskMeasure { TaskMeasure(name: name, better: .less) }
  /// A measure of which more is better.
  public static func more(_ name: String) -> TaskMeasure { TaskMeasure(name: name, better: .more) }
  /// A measure of which neither less nor more is better.
  public static func neither(_ name: String) -> TaskMeasure { TaskMeasure(name: name, better: .neither) }

  /// Whether models can be chosen by it.
  public var canDecide: Bool { better != .neither }

  /// A value of the measure, turned so that less is better.
  public func loss(_ value: Double) -> Double { better == .more ? -value : value }
}

extension TaskModel {
  /// The measure of a name; nil for one that the task does not list. Of a measure by class, such as `f1.PER`, what
  /// stands before the point is its name.
  public static func measure(named name: String) -> TaskMeasure? {
    measures.first { $0.name == name } ?? measures.first { $0.name == name.prefix { $0 != "." } }
  }
}
