import Refrain

/// What a user may decide on before a task is trained. Everything is left to the data at first.
public protocol TaskConfiguration: OptionTable, Codable {
  /// Takes what every task may be told.
  ///
  /// - Throws: ``TaskError`` for what this task has not.
  mutating func choose(_ options: SharedOptions) throws(TaskError)

  /// The names of the cells that may be chosen; all that want nothing but values, or the time between them, unless it
  /// says otherwise.
  static var cells: [String] { get }

  /// Whether what is kept aside is learned from too in the end, as many epochs as were best; nil for a task that cannot
  /// do so, and where nothing is kept aside. Setting it does nothing there.
  var refitting: Bool? { get set }

  /// What the number of units in a layer has to be a multiple of; 1 unless it says otherwise.
  static var unitMultiple: Int { get }

  /// Takes the step of time over which rows are to be brought together, such as `1h`.
  ///
  /// - Throws: ``OptionError`` for a task that knows no times, and for what is no step.
  mutating func choose(every step: String) throws(OptionError)
}

extension TaskConfiguration {
  /// All that want nothing but values, or the time between them.
  public static var cells: [String] { Cells.all.filter { $0.lastColumn == nil || $0.readsTime }.map { $0.name } }

  /// It cannot.
  public var refitting: Bool? {
    get { nil }
    set {}
  }

  /// Any number will do.
  public static var unitMultiple: Int { 1 }

  /// Refuses it: the task brings no rows together.
  public mutating func choose(every step: String) throws(OptionError) {
    throw OptionError(option: "every", "needs --checkpoint, the folder to save to")
  }
}

/// What every task may be told of its network and its training. Nil is left to the task.
public struct SharedOptions: Codable, Sendable, Equatable {
  /// The cell's name, one of ``Cells/all``.
  public var cell: String?
  /// The number of recurrent layers.
  public var layers: Int?
  /// The size of the hidden state of each.
  public var hidden: Int?
  /// The share of values that are left out between layers in training, at least 0 and below 1.
  public var dropout: Float?
  /// Passes over the examples.
  public var epochs: Int?
  /// What all random choices follow from.
  public var seed: UInt64?

  /// Everything left to the task.
  public init() {}
}

/// What may be asked of a trained task besides its examples, such as how many steps or which prompt.
public protocol TaskRequest: OptionTable {}

/// Nothing besides the examples.
public struct NoRequest: TaskRequest {
  /// None.
  public static let options: [TaskOption<NoRequest>] = []
  /// Nothing.
  public init() {}
}

/// A value that is filled in from options: flags on the command line, fields of a request.
public protocol OptionTable: Sendable {
  /// The options there are.
  static var options: [TaskOption<Self>] { get }
  /// The value with nothing given.
  init()
}

extension OptionTable {
  /// The value with these options given.
  ///
  /// - Parameter given: The texts of each option by its name; a switch has none.
  /// - Throws: ``OptionError`` for an option that there is not, or whose text makes no sense.
  public init(_ given: [String: [String]]) throws(OptionError) {
    self.init()
    for (name, texts) in given.sorted(by: { $0.key < $1.key }) {
      guard let option = Self.options.first(where: { $0.name == name }) else {
        throw OptionError(option: name, "is no option here")
      }
      try option.set(&self, texts)
    }
  }
}

/// An option whose text makes no sense. `description` begins with the option's name.
public struct OptionError: Error, CustomStringConvertible, Sendable {
  /// The name of the option.
  public let option: String
  /// What is wrong, to be read after the name.
  public let problem: String
  /// The name and the problem, one line.
  public var description: String { "\(option) \(problem)" }

  /// An error about an option.
  public init(option: String, _ problem: String) {
    self.option = option
    self.problem = problem
  }
}
