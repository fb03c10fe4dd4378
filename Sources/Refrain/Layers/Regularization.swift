/// How a recurrent layer is kept from learning its examples by heart.
///
///     LSTM(64, returning: .everyStep).regularized(by: Regularization(inputDropout: 0.2, weightDropout: 0.5))
///
/// All of it acts only while a model trains, but for zoneout, which takes its expectation at prediction. A rate is the
/// probability of each value, at least 0 and below 1. What is dropped is 0, and the rest enlarged by 1 / (1 − rate).
public struct Regularization: CellOptions {
  /// Dropout on the input, one mask a sequence, the same at every step (Gal and Ghahramani 2016). A last column that is
  /// no value, such as a time, is never dropped.
  public var inputDropout: Float
  /// Dropout on the hidden state where it enters the recurrent products, one mask a sequence, the same at every step
  /// (Gal and Ghahramani 2016). What a cell carries on past the products, as the GRU does, is not touched.
  public var recurrentDropout: Float
  /// Zoneout on the hidden state: with this probability a unit keeps its value from the step before, drawn anew at
  /// every step; at prediction h = z ⊙ h_prev + (1 − z) ⊙ h_new with the probability itself (Krueger et al. 2017).
  public var zoneoutHidden: Float
  /// Zoneout on the cell state. The hidden state of the same step is computed from the cell state before zoneout, as in
  /// the paper.
  public var zoneoutCell: Float
  /// DropConnect on the recurrent weights, one mask a batch (Merity, Keskar and Socher 2018): on tensors whose names
  /// begin with `weight_hh`.
  public var weightDropout: Float

  /// What is not given is not done.
  public init(
    inputDropout: Float = 0, recurrentDropout: Float = 0, zoneoutHidden: Float = 0, zoneoutCell: Float = 0,
    weightDropout: Float = 0
  ) {
    self.inputDropout = inputDropout
    self.recurrentDropout = recurrentDropout
    self.zoneoutHidden = zoneoutHidden
    self.zoneoutCell = zoneoutCell
    self.weightDropout = weightDropout
  }

  /// None.
  public init() { self.init(inputDropout: 0) }

  private static let recurrentWeights = "weight_hh"

  /// Throws where a rate is no rate, or where a cell has nothing that it could act on.
  func check<Cell: RecurrentCell>(_ cell: Cell, of layer: String) throws(LayerError) {
    guard self != Regularization() else { return }
    let rates = [
      ("input dropout", inputDropout), ("recurrent dropout", recurrentDropout), ("zoneout of h", zoneoutHidden),
      ("zoneout of c", zoneoutCell), ("weight dropout", weightDropout),
    ]
    for (name, rate) in rates {
      guard (0..<1).contains(rate) else {
        throw LayerError("\(layer): the \(name) is \(rate), and must be at least 0 and below 1")
      }
    }
    let hasWeights = cell.namedTensors.contains { $0.name.hasPrefix(Self.recurrentWeights) }
    let state = cell.initialState(batch: 1)
    let demands = [
      ("weight dropout", weightDropout, hasWeights, "recurrent weights"),
      ("recurrent dropout", recurrentDropout, hasWeights && state.tensor("hidden") != nil, "recurrent weights"),
      ("zoneout of h", zoneoutHidden, state.tensor("hidden") != nil, "hidden state"),
      ("zoneout of c", zoneoutCell, state.tensor("cell") != nil, "cell state"),
    ]
    for (name, rate, isThere, lack) in demands where rate > 0 && !isThere {
      throw LayerError("\(layer): \(name) needs a cell with \(lack), which \(Cell.name) has not; leave it at 0")
    }
  }

  /// The cell with dropped recurrent weights.
  fileprivate func droppingWeights<Cell: RecurrentCell>(of cell: Cell) -> Cell {
    guard weightDropout > 0, let tape = Tape.training else { return cell }
    var cell = cell
    cell.forEachTensor { name, tensor in
      guard name.hasPrefix(Self.recurrentWeights) else { return }
      tensor *= tape.dropoutMask(tensor.shape, rate: weightDropout)
    }
    return cell
  }

  /// The input with one mask a row of the schedule, laid out as the input is.
  ///
  /// - Parameter kept: how many columns at the end are no values, and stay.
  fileprivate func dropping(_ input: Tensor, along schedule: Schedule, keeping kept: Int) -> Tensor {
    guard inputDropout > 0, let tape = Tape.training else { return input }
    let rows = schedule.order.count
    let drawn = tape.dropoutMask([rows, input.shape[2] - kept], rate: inputDropout, for: schedule.drawnRows)
    let masks = kept == 0 ? drawn : concatenate([drawn, .ones([rows, kept])], axis: 1)
    return input * masks.gatheringRows(schedule.rowAtPositions).reshaped(input.shape)
  }

  /// The masks of a scan, drawn before it; nil when there are none.
  func masks<State: TensorGroup>(for state: State, along schedule: Schedule) -> StepMasks? {
    var masks = StepMasks()
    if recurrentDropout > 0, let tape = Tape.training, let hidden = state.tensor("hidden") {
      masks.recurrent = tape.dropoutMask(hidden.shape, rate: recurrentDropout, for: schedule.drawnRows)
        .gatheringRows(schedule.order)
    }
    func kept(_ name: String, _ rate: Float) -> Tensor? {
      guard rate > 0, let values = state.tensor(name) else { return nil }
      guard let tape = Tape.training else { return Tensor(rate) }
      return tape.draw(
        [schedule.count] + values.shape.dropFirst(), probability: rate, chosen: 1, other: 0, for: .packed(schedule))
    }
    masks.keptHidden = kept("hidden", zoneoutHidden)
    masks.keptCell = kept("cell", zoneoutCell)
    return masks.isEmpty ? nil : masks
  }
}

extension RecurrentCell {
  /// All steps of a batch under a regularization; the other parameters are those of ``scan(_:from:along:masks:)``.
  ///
  /// Dropped inputs and weights are inputs and weights like others. Masks on the state go to
  /// ``scan(_:from:along:masks:)``.
  public func scan(
    _ input: Tensor, from state: State, along schedule: Schedule, regularization: Regularization
  ) -> (outputs: Tensor, state: State) {
    guard regularization != Regularization() else { return scan(input, from: state, along: schedule) }
    let cell = regularization.droppingWeights(of: self)
    let input = regularization.dropping(input, along: schedule, keeping: Self.lastColumn == nil ? 0 : 1)
    let masks = regularization.masks(for: state, along: schedule) ?? StepMasks()
    return cell.scan(input, from: state, along: schedule, masks: masks)
  }

  /// One step of streams in place, as ``advance(_:with:)``, with the expectation of zoneout.
  public func advance(_ state: inout State, with input: Tensor, regularization: Regularization) {
    guard regularization.zoneoutHidden > 0 || regularization.zoneoutCell > 0 else {
      return advance(&state, with: input)
    }
    let schedule = Schedule(batch: input.shape[0], time: 1)
    let before = state
    advance(&state, with: input)
    regularization.masks(for: state, along: schedule)?.keep(before, in: &state, rows: 0..<schedule.batch)
  }
}

extension Schedule {
  /// Whose values one mask a row is: the sequences', unless resets divide them.
  fileprivate var drawnRows: DrawnRows { rows == batch ? .examples(axis: 0) : .own }

  /// For each of the batch's `[B·T]` places the row that has its step there; 0 where no step is valid.
  fileprivate var rowAtPositions: [Int] {
    var rows = Array(repeating: 0, count: batch * time)
    for (offset, alive) in zip(offsets, alive) {
      for rank in 0..<alive { rows[positions[offset + rank]] = order[rank] }
    }
    return rows
  }
}
