import Refrain
import RefrainData

/// A task: something asked of data. A trained task is a value: its configuration, what was learned of the data (a
/// vocabulary, scalers), and a network.
///
/// Every verb (train, predict, evaluate, …) works on every task. A new task is a folder with a type of this kind, and a
/// line in ``Tasks/all``.
public protocol TaskModel: Sendable {
  /// The word on the command line, such as `forecast`.
  static var name: String { get }
  /// A sentence for people that says what the task does.
  static var purpose: String { get }
  /// The word in model files: the name.
  static var kind: String { get }
  /// Other words that stand in older files.
  static var formerKinds: [String] { get }
  /// Whether its trainings go through ``TrainingContext/train(_:stage:_:optimizer:task:fit:)``, so that they can be
  /// saved, watched and gone on with; false unless it says so.
  static var savesTraining: Bool { get }
  /// Whether a training says how good it is, by ``evaluation``, so that options can be searched for; true unless it
  /// says otherwise.
  static var measuresTraining: Bool { get }
  /// The measures that trainings and evaluations may give, each with what is better; empty unless it says otherwise.
  /// Options are searched for by those alone that are listed here.
  static var measures: [TaskMeasure] { get }
  /// The changes of examples that may fit those of the task (``RegularizationOptions/augmentations``); none unless it
  /// says otherwise.
  static var augmentations: [Augmentation.Kind] { get }
  /// Whether ``folds(of:count:_:)`` divides examples; false unless it says so.
  static var dividesExamples: Bool { get }
  /// The names of an answer's fields, where there may be no answer that shows them; empty unless it says otherwise.
  static var answerFields: [String] { get }

  /// What a user may decide on before training.
  associatedtype Configuration: TaskConfiguration
  /// What a user may ask for when a trained task answers or is evaluated, besides the examples.
  associatedtype Request: TaskRequest = NoRequest
  /// Data that was read and checked: no input reaches a trap after this.
  associatedtype Examples: Sendable
  /// One answer. Its fields have the same names here, on the command line and in a server's response.
  associatedtype Answer: Encodable & Sendable

  // MARK: - Data

  /// Reads and checks what the task is to be trained on.
  ///
  /// - Throws: ``DataError`` with the place of what cannot be used.
  static func examples(from source: DataSource, _ configuration: Configuration) throws(DataError) -> Examples

  /// Reads and checks what a trained task is to answer: only what is like what it was trained on.
  ///
  /// - Parameter source: Nothing, where the task has something to say without being given any.
  /// - Throws: ``DataError`` with the place of what cannot be used, or does not fit the model.
  func examples(from source: DataSource, _ request: Request) throws(DataError) -> Examples

  /// What was mended or assumed in reading examples, a line each, for people; none for a task that does not say it.
  static func notes(of examples: Examples) -> [String]

  // MARK: - Verbs

  /// Learns.
  ///
  /// - Throws: ``TaskError`` when there is too little to learn from, when the configuration makes no sense, or when
  ///   training was stopped before there was a result.
  static func train(
    on examples: Examples, _ configuration: Configuration, _ context: TrainingContext
  ) throws(TaskError) -> Self

  /// Answers, as many as the task has for the examples.
  ///
  /// - Throws: ``TaskError`` for what cannot be answered, and when the task that this runs in is canceled meanwhile.
  func predict(_ examples: Examples, _ request: Request) throws(TaskError) -> [Answer]

  /// The answers of ``predict(_:_:)`` some at a time, in their order, for whoever need not hold all of them; all at
  /// once unless a task does otherwise.
  ///
  /// - Throws: What ``predict(_:_:)`` throws, and what `body` does.
  func predictInParts(_ examples: Examples, _ request: Request, _ body: ([Answer]) throws -> Void) throws

  /// The answers to one of several processes' share of the examples: those of all shares, one after another, are the
  /// answers of ``predict(_:_:)``, to the bit. nil, as unless a task does otherwise, where examples are not answered
  /// each by itself, so that one process answers all.
  ///
  /// - Throws: What ``predict(_:_:)`` throws because of an example of the share.
  func predict(_ examples: Examples, _ request: Request, share: ExampleShare) throws(TaskError) -> [Answer]?

  /// The field's measures for the task on examples that were not trained on, with those of trivial baselines.
  func evaluate(on examples: Examples, _ request: Request) throws(TaskError) -> TaskEvaluation

  /// How far the answers of another model of the task, such as the same one with its weights stored in fewer bits, are
  /// from this one's, on examples of which it is not known what is true; none for a task that does not say it.
  func differences(
    to other: Self, on examples: Examples, _ request: Request
  ) throws(TaskError) -> [TaskEvaluation.Measure]

  /// What there is to explain in the answers for some of the examples; none for a task that shows nothing.
  func explained(
    _ examples: Examples, _ request: Request, _ choice: ExampleChoice
  ) throws(TaskError) -> [ExplainedExample]

  /// What there is to see in all the examples together, such as the hard ones; none where a task has nothing to show.
  func overview(_ examples: Examples, _ request: Request) throws(TaskError) -> [Exhibit]

  /// Examples divided into parts of about one size, each with all the others: to train on these and be measured on it;
  /// nil where examples cannot be divided.
  ///
  /// - Parameter count: How many parts, at least 2.
  /// - Throws: ``TaskError`` where there are too few examples.
  static func folds(
    of examples: Examples, count: Int, _ configuration: Configuration
  ) throws(TaskError) -> [ExampleFold<Examples>]?
  /// Whether what training is validated by is the loss that it makes small, so that both can be compared; true unless
  /// it says otherwise.
  static var validatesByLoss: Bool { get }

  // MARK: - What was learned

  /// What is known of how good the model is from examples that training kept aside; nil when there was no time.
  var evaluation: TaskEvaluation? { get }
  /// False when training was stopped before its end.
  var isComplete: Bool { get }
  /// What a report says of the trained model, each under a word or two.
  var facts: [(name: String, value: String)] { get }
  /// What runs on arrays, and is exported to other formats; nil where the task has no such network.
  var network: (any TracedNetwork)? { get }

  // MARK: - Files

  /// Everything the task needs, as the contents of a file: ``ModelFile/contents(of:kind:description:)`` with the
  /// network's one walk and ``kind``.
  func modelFile() throws(DataError) -> SafeTensorsFile

  /// Rebuilds what ``modelFile()`` gave; answers are the same to the last bit.
  ///
  /// - Parameter path: Where the file is, for messages.
  /// - Throws: `notAModel`, `newerModel`, or `damagedModel` when the parts do not fit together.
  init(modelFile: SafeTensorsFile, path: String?) throws(DataError)
}

extension TaskModel {
  /// The name.
  public static var kind: String { name }
  /// There are none.
  public static var formerKinds: [String] { [] }
  /// They do not.
  public static var savesTraining: Bool { false }
  /// It does.
  public static var measuresTraining: Bool { true }
  /// None is listed.
  public static var measures: [TaskMeasure] { [] }
  /// None.
  public static var augmentations: [Augmentation.Kind] { [] }
  /// It does not.
  public static var dividesExamples: Bool { false }
  /// The answers show them.
  public static var answerFields: [String] { [] }
  /// All at once.
  public func predictInParts(
    _ examples: Examples, _ request: Request, _ body: ([Answer]) throws -> Void
  ) throws { try body(predict(examples, request)) }
  /// They are not shared.
  public func predict(
    _ examples: Examples, _ request: Request, share: ExampleShare
  ) throws(TaskError) -> [Answer]? { nil }
  /// Nothing is said.
  public static func notes(of examples: Examples) -> [String] { [] }
  /// They cannot be divided.
  public static func folds(
    of examples: Examples, count: Int, _ configuration: Configuration
  ) throws(TaskError) -> [ExampleFold<Examples>]? { nil }
  /// It is.
  public static var validatesByLoss: Bool { true }
  /// Nothing was kept aside.
  public var evaluation: TaskEvaluation? { nil }
  /// Training went to its end.
  public var isComplete: Bool { true }
  /// They are not compared.
  public func differences(
    to other: Self, on examples: Examples, _ request: Request
  ) throws(TaskError) -> [TaskEvaluation.Measure] { [] }
  /// There is nothing to explain.
  public func explained(
    _ examples: Examples, _ request: Request, _ choice: ExampleChoice
  ) throws(TaskError) -> [ExplainedExample] { [] }
  /// There is nothing to see.
  public func overview(_ examples: Examples, _ request: Request) throws(TaskError) -> [Exhibit] { [] }
  /// Nothing runs on arrays.
  public var network: (any TracedNetwork)? { nil }

  /// Writes everything the task needs to a `.safetensors` file, which appears whole or not at all.
  ///
  /// - Throws: What ``SafeTensorsFile/write(to:)`` throws.
  public func save(to path: String) throws(DataError) { try modelFile().write(to: path) }

  /// Reads a file that ``save(to:)`` wrote; answers are the same to the last bit.
  ///
  /// - Throws: What reading safetensors and ``init(modelFile:path:)`` throw.
  public init(contentsOf path: String) throws(DataError) {
    try self.init(modelFile: SafeTensorsFile(contentsOf: path), path: path)
  }
}

extension TaskModel {
  /// Reads and checks what a trained task is to answer.
  public func examples(from source: DataSource) throws(DataError) -> Examples {
    try examples(from: source, Request())
  }

  /// Answers, as many as the task has for the examples.
  public func predict(_ examples: Examples) throws(TaskError) -> [Answer] { try predict(examples, Request()) }

  /// The field's measures for the task, with those of trivial baselines.
  public func evaluate(on examples: Examples) throws(TaskError) -> TaskEvaluation {
    try evaluate(on: examples, Request())
  }
}

/// A task that cannot be trained, answer or be evaluated as asked.
public struct TaskError: InputError {
  /// The setting that helps, for whoever has a word for it: an argument, a flag.
  public enum Setting: Sendable, Equatable {
    /// A smaller horizon, context or number of folds.
    case sizes
    /// A smaller horizon or number of folds.
    case horizons
    /// The columns observed beside the target, by their names.
    case covariates([String])
    /// What is known ahead.
    case future
    /// What is true of the examples.
    case labels
  }

  /// What to do where a training went astray.
  static let divergenceRemedy = "choose a smaller learning rate, another seed, or fewer units"

  /// What is wrong, and where.
  public let problem: String
  /// What to do.
  public let remedy: String?
  /// The setting that helps, if one does.
  public let setting: Setting?

  /// What was wrong with a file, where that was it.
  public let dataError: DataError?

  /// One line: what, where and what to do.
  public var description: String { problem + (remedy.map { "; \($0)" } ?? "") }

  /// An error that says `problem` and what to do, on one line.
  public init(_ problem: String, remedy: String? = nil, setting: Setting? = nil) {
    self.problem = problem
    self.remedy = remedy
    self.setting = setting
    dataError = nil
  }

  /// What was wrong with a file, in its words.
  public init(_ error: DataError) {
    (problem, remedy, setting, dataError) = (error.description, nil, nil, error)
  }

  /// Ends what takes long between two of its parts, when the task that it runs in is canceled.
  static func checkCancellation() throws(TaskError) {
    guard !Task.isCancelled else { throw TaskError("it was canceled before there was an answer") }
  }
}
