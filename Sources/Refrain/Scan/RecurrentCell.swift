/// The values that a cell carries from one step to the next. All its tensors are `[B, …]`: a row is a sequence.
public protocol RecurrentState: TensorGroup {
  /// The part that the cell shows to the outside at this step: `[B, H]`.
  var output: Tensor { get }
}

/// The formula of one step of a recurrent network. The loop over time, the direction, lengths, stacks and streams
/// belong to the layers: ``Recurrent``, ``Bidirectional``, ``Stacked``.
///
/// A new cell is one file that gives its sizes, its walk and ``step(_:_:)``, and one line in ``Cells/all``. All else
/// has a default: facts for people (``CellFacts``), and how the steps are run (``ScanExecution``).
///
/// What runs once a scan is compiled once, and not for each of thirty cells
/// (`@_semantics("optimize.sil.specialize.generic.never")`): it would be a quarter of what the library takes to
/// compile, and a scan takes a thousand times as long as what it saves. What runs at each step of a stream is not so.
public protocol RecurrentCell: Module, CellFacts {
  /// The values that the cell carries from one step to the next.
  associatedtype State: RecurrentState
  /// The settings of the cell besides its two sizes, such as a number of heads.
  associatedtype Options: CellOptions = NoOptions

  /// The name in saved files and on the command line, such as `lstm`.
  static var name: String { get }
  /// The meaning of the last column of the input, such as `the time since the step before`, for a cell that reads a
  /// time or a score there; nil when it is a value like the others, as in most cells.
  static var lastColumn: String? { get }
  /// How the steps are run: compiled, unless the cell says otherwise.
  static var execution: ScanExecution<Self> { get }

  /// The size **I** of the input at one step.
  var inputSize: Int { get }
  /// The size **H** of the output at one step.
  var hiddenSize: Int { get }

  /// A cell with weights drawn from `generator`.
  init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator)
  /// The same with options; a cell that has some gives this one, and the other one follows.
  init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator)
  /// The settings of this cell: with its sizes enough to make another one that takes its weights.
  var options: Options { get }
  /// Throws where a cell of these sizes and options is impossible. Every combination is possible unless the cell says
  /// otherwise.
  static func check(inputSize: Int, hiddenSize: Int, options: Options) throws(LayerError)

  /// The gates of a step by name, each `[B, H]`, for looking inside: functions of what ``step(_:_:)`` is given. A cell
  /// that says nothing shows none.
  func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)]

  /// The share of each unit's memory that a step keeps, from the gates by their names, of their shape: the forget gate
  /// of a long short-term memory. Nil, as in a cell that says nothing, where no gate decides it.
  func retention(_ gates: [String: Tensor]) -> Tensor?

  /// The state before the first step: zeros unless the cell says otherwise.
  func initialState(batch: Int) -> State

  /// The part of a step that needs no state: `[N, I]` → `[N, …]`, for all steps at once.
  func project(_ input: Tensor) -> Tensor

  /// One step: the projected input `[B, …]` and the state at t − 1 give the state at t.
  ///
  /// A row of the result depends on the same row of the input and the state alone, and the operations do not depend on
  /// the values: no reading of values, no drawing of random numbers.
  func step(_ projected: Tensor, _ state: State) -> State

  /// The same step when the recurrent products see `hidden`, `[B, H]`, in place of the state's hidden state: for
  /// dropout between steps. The default is the step from a state with that hidden state; a cell that carries the hidden
  /// state on past the products gives its own.
  func step(_ projected: Tensor, _ state: State, seeing hidden: Tensor) -> State
}

/// The settings of a cell besides its sizes; saved with the layer.
public protocol CellOptions: Codable, Sendable, Equatable {
  /// The defaults.
  init()
}

/// The options of a cell that has none.
public struct NoOptions: CellOptions {
  /// There is nothing to set.
  public init() {}
}

extension RecurrentCell where Options == NoOptions {
  /// There is nothing to set.
  public var options: NoOptions { NoOptions() }

  public init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator) {
    self.init(inputSize: inputSize, hiddenSize: hiddenSize, using: &generator)
  }
}

extension RecurrentCell {
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    self.init(inputSize: inputSize, hiddenSize: hiddenSize, options: Options(), using: &generator)
  }

  public static var lastColumn: String? { nil }
  public static var execution: ScanExecution<Self> { .compiled }

  public static func check(inputSize: Int, hiddenSize: Int, options: Options) throws(LayerError) {
    try checkLastColumn(inputSize: inputSize)
  }

  /// A last column that is no value needs at least one value before it.
  static func checkLastColumn(inputSize: Int) throws(LayerError) {
    guard let lastColumn, inputSize < 2 else { return }
    throw LayerError("\(name): the input has \(inputSize) column, which is \(lastColumn); put values before it")
  }

  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] { [] }
  public func retention(_ gates: [String: Tensor]) -> Tensor? { nil }

  public func step(_ projected: Tensor, _ state: State, seeing hidden: Tensor) -> State {
    var seen = state
    seen.forEachTensor { name, tensor in if name == "hidden" { tensor = hidden } }
    return step(projected, seen)
  }

  /// One step from an input `[B, I]`, for a loop of one's own.
  public func callAsFunction(_ input: Tensor, _ state: State) -> State {
    step(project(input), state)
  }
}
