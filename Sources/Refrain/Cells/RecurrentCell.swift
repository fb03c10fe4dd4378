/// What a recurrent cell carries from one step to the next. All its tensors are `[B, …]`: a row is a sequence.
public protocol RecurrentState: TensorGroup {
  /// What the cell shows to the outside at this step: `[B, H]`.
  var output: Tensor { get }
}

/// What happens at one step of a recurrent network. The loop over time, the direction, lengths, stacks and streams
/// belong to the layers: ``Recurrent``, ``Bidirectional``, ``Stacked``.
///
/// A new cell is one file that gives the formula as ``step(_:_:)``, and one line in ``Cells/all``.
public protocol RecurrentCell: Module {
  associatedtype State: RecurrentState
  /// What the cell has to be told besides its two sizes, such as a number of heads.
  associatedtype Options: CellOptions = NoOptions

  /// The name in saved files and on the command line, such as `lstm`.
  static var name: String { get }
  /// Where the formula comes from.
  static var source: String { get }
  /// What it is for, in a few words; nothing unless the cell says something.
  static var purpose: String { get }
  /// What the last column of the input is to the cell, such as `the time since the step before`; nil when it is a value
  /// like the others, as in most cells.
  static var lastColumn: String? { get }

  /// The size **I** of the input at one step.
  var inputSize: Int { get }
  /// The size **H** of the output at one step.
  var hiddenSize: Int { get }

  /// A cell with weights drawn from `generator`.
  init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator)
  /// The same with options; a cell that has some gives this one, and the other one follows.
  init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator)
  /// What the cell was told: with its sizes enough to make another one that takes its weights.
  var options: Options { get }
  /// Whether a cell of these sizes and options is possible; nothing is, unless the cell says otherwise, impossible.
  static func check(inputSize: Int, hiddenSize: Int, options: Options) throws(LayerError)

  /// The gates of a step by name, each `[B, H]`, for looking inside: functions of what ``step(_:_:)`` is given. A cell
  /// that says nothing shows none.
  func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)]

  /// The state before the first step: zeros unless the cell says otherwise.
  func initialState(batch: Int) -> State

  /// The part of a step that needs no state: `[N, I]` → `[N, …]`, for all steps at once.
  func project(_ input: Tensor) -> Tensor

  /// One step: the projected input `[B, …]` and the state at t − 1 give the state at t.
  func step(_ projected: Tensor, _ state: State) -> State

  /// The same step when the recurrent products see `hidden`, `[B, H]`, in place of the state's hidden state: for
  /// dropout between steps. The default is the step from a state with that hidden state; a cell that carries the hidden
  /// state on past the products gives its own.
  func step(_ projected: Tensor, _ state: State, seeing hidden: Tensor) -> State

  /// One step of one or many streams, in place: for input that comes step by step, with the state in the caller's
  /// hands.
  ///
  /// Without a tape a fused cell allocates nothing here and packs its weights once, until they are written.
  ///
  /// - Parameters:
  ///   - state: in: the state at t − 1; out: at t. It is overwritten where it lies unless somebody else holds it too.
  ///   - input: `[B, I]`, a row for each stream.
  func advance(_ state: inout State, with input: Tensor)

  /// All steps of a batch.
  ///
  /// - Parameters:
  ///   - input: `[B, T, I]`, or `[T, B, I]` where the schedule says so.
  ///   - state: the state before the first step of each of the schedule's rows. Without resets these are the B
  ///     sequences; a reset makes a row of what follows it (``Schedule/rows``).
  ///   - schedule: which steps are valid, and in which order they are taken.
  /// - Returns: the outputs `[B, T, H]`, or `[T, B, H]`, zero at steps that are not valid, and each row's state after
  ///   its last valid step. The default is the loop over ``step(_:_:)``; a cell may replace it by a fused kernel, which
  ///   the tests hold equal to the loop.
  func scan(_ input: Tensor, from state: State, along schedule: Schedule) -> (outputs: Tensor, state: State)

  /// All steps of a batch, under masks on the state. The default is the loop over ``step(_:_:)``; a cell may replace it
  /// by a fused kernel.
  func scan(
    _ input: Tensor, from state: State, along schedule: Schedule, masks: StepMasks
  ) -> (outputs: Tensor, state: State)
}

/// What a cell has to be told besides its sizes; saved with the layer.
public protocol CellOptions: Codable, Sendable, Equatable {
  /// The defaults.
  init()
}

/// The options of a cell that has none.
public struct NoOptions: CellOptions {
  public init() {}
}

extension RecurrentCell where Options == NoOptions {
  public var options: NoOptions { NoOptions() }

  public init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator) {
    self.init(inputSize: inputSize, hiddenSize: hiddenSize, using: &generator)
  }
}

extension RecurrentCell {
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    self.init(inputSize: inputSize, hiddenSize: hiddenSize, options: Options(), using: &generator)
  }

  public static var purpose: String { "" }
  public static var lastColumn: String? { nil }

  public static func check(inputSize: Int, hiddenSize: Int, options: Options) throws(LayerError) {
    try checkLastColumn(inputSize: inputSize)
  }

  /// A last column that is no value needs at least one value before it.
  static func checkLastColumn(inputSize: Int) throws(LayerError) {
    guard let lastColumn, inputSize < 2 else { return }
    throw LayerError("\(name): the input has \(inputSize) column, which is \(lastColumn); put values before it")
  }

  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] { [] }

  public func advance(_ state: inout State, with input: Tensor) { state = step(project(input), state) }

  public func scan(_ input: Tensor, from state: State, along schedule: Schedule) -> (outputs: Tensor, state: State) {
    scanByLoop(input, from: state, along: schedule)
  }

  /// The loop over ``step(_:_:)`` that every ``scan(_:from:along:)`` equals.
  public func scanByLoop(
    _ input: Tensor, from state: State, along schedule: Schedule, masks: StepMasks = StepMasks()
  ) -> (outputs: Tensor, state: State) {
    var outputs: [Tensor] = []
    let final = loop(input, from: state, along: schedule, masks: masks) { _, _, state in outputs.append(state.output) }
    return (schedule.unpacked(outputs, rowShape: [hiddenSize]), final)
  }

  /// Takes all steps in the order of the schedule and shows each one.
  ///
  /// - Parameter visit: takes the projected input of the rows that still run, their state before the step and after it.
  /// - Returns: the state after each row's last valid step.
  func loop(
    _ input: Tensor, from state: State, along schedule: Schedule, masks: StepMasks = StepMasks(),
    visit: (_ projected: Tensor, _ before: State, _ after: State) -> Void
  ) -> State {
    let packed = input.reshaped([schedule.batch * schedule.time, inputSize]).gatheringRows(schedule.positions)
    let projected = project(packed)
    var running = state.mapTensors { $0.gatheringRows(schedule.order) }
    var runningRows = schedule.rows
    var finished: [State] = []
    func retire(downTo rows: Int) {
      guard rows < runningRows else { return }
      finished.append(running.mapTensors { $0.slice(rows..<runningRows, axis: 0) })
      running = running.mapTensors { $0.slice(0..<rows, axis: 0) }
      runningRows = rows
    }
    for (rows, offset) in zip(schedule.alive, schedule.offsets) {
      retire(downTo: rows)
      let packed = offset..<offset + rows
      let now = projected.slice(packed, axis: 0)
      // Apart, so that a row's gradients are added in one order whether others retire at this step or not.
      let before = running.mapTensors(\.apart)
      running = masks.isEmpty ? step(now, before) : step(now, before, under: masks, rows: packed)
      visit(now, before, running)
    }
    retire(downTo: 0)
    let pieces = finished.reversed().map(\.tensors)
    // A batch of no sequences leaves no pieces.
    let final = state.tensors.enumerated().map { index, initial in
      pieces.isEmpty ? initial : concatenate(pieces.map { $0[index] }, axis: 0).gatheringRows(schedule.ranks)
    }
    return state.replacingTensors(final)
  }

  /// One step from an input `[B, I]`, for a loop of one's own.
  public func callAsFunction(_ input: Tensor, _ state: State) -> State {
    step(project(input), state)
  }
}

extension Schedule {
  /// The values of all steps `[B, T, …]`, or `[T, B, …]`, zero at steps that are not valid, from those of one step
  /// after another.
  ///
  /// - Parameter rowShape: the shape of the values of one row at one step.
  func unpacked(_ values: [Tensor], rowShape: [Int]) -> Tensor {
    guard !values.isEmpty else { return .zeros(shape + rowShape) }
    return concatenate(values, axis: 0).scatteringRows(to: positions, count: batch * time).reshaped(shape + rowShape)
  }
}

/// The state of a cell that carries nothing but its output.
public struct HiddenState: RecurrentState {
  /// The hidden state h, `[B, H]`.
  public var hidden: Tensor

  /// A state from h, `[B, H]`.
  public init(hidden: Tensor) { self.hidden = hidden }

  public var output: Tensor { hidden }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try body("hidden", &hidden) }
}

extension RecurrentCell where State == HiddenState {
  public func initialState(batch: Int) -> HiddenState { HiddenState(hidden: .zeros([batch, hiddenSize])) }
}

/// Every recurrent cell. The command line, the benchmarks, saved files and the tests that each cell must pass go by
/// this list; a new cell is added here and nowhere else.
public enum Cells {
  /// The cells, in the order in which they are listed to users.
  public static let all: [any RecurrentCell.Type] = [
    LSTMCell.self,
    GRUCell.self,
    GRUResetBeforeCell.self,
    TanhRNNCell.self,
    ReLURNNCell.self,
    PeepholeLSTMCell.self,
    FullPeepholeLSTMCell.self,
    NoInputGateLSTMCell.self,
    NoForgetGateLSTMCell.self,
    NoOutputGateLSTMCell.self,
    NoInputActivationLSTMCell.self,
    NoOutputActivationLSTMCell.self,
    CoupledGatesLSTMCell.self,
    FullGateRecurrenceLSTMCell.self,
    ProjectedLSTMCell.self,
    LayerNormLSTMCell.self,
    LayerNormGRUCell.self,
    MinimalGatedCell.self,
    MultiplicativeLSTMCell.self,
    IndRNNCell.self,
    SRUCell.self,
    QRNNCell.self,
    MinLSTMCell.self,
    MinGRUCell.self,
    DepthGatedLSTMCell.self,
    SLSTMCell.self,
    MatrixLSTMCell.self,
    TimeAwareLSTMCell.self,
    PhasedLSTMCell.self,
    GRUDCell.self,
    AttentionGRUCell.self,
    GeneralLSTMCell.self,
    GeneralGRUCell.self,
    GeneralRNNCell.self,
  ]

  /// The cell of the given name, or nil.
  public static func named(_ name: String) -> (any RecurrentCell.Type)? { all.first { $0.name == name } }
}
