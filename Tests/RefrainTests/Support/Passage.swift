import RefrainTestSupport
import Testing

@testable import Refrain

/// A cell with what it is to go through: all that a scan can be differentiated by.
struct Passage<Cell: RecurrentCell>: TensorGroup {
  var cell: Cell
  var input: Tensor
  var state: Cell.State

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try cell.forEachTensor(under: "cell", body)
    try input.forEachTensor(under: "input", body)
    try state.forEachTensor(under: "state", body)
  }

  /// A passage of ramps: all weights, biases, inputs and initial states differ. The scale falls with the width, so that
  /// gates neither saturate nor stay closed.
  init(batch: Int, time: Int, inputSize: Int, hiddenSize: Int, phase: Double = 0) {
    var generator = RandomGenerator(seed: 1)
    let scale = min(0.7, 1.5 / Float(max(hiddenSize, 1)).squareRoot())
    cell = Cell(inputSize: inputSize, hiddenSize: hiddenSize, using: &generator)
      .filledWithRamps(phase, scale: scale)
    input = ramp([batch, time, inputSize], phase + 0.3)
    state = cell.initialState(batch: batch).filledWithRamps(phase + 5, scale: 0.8)
    // A sum of positive weights, by which others are divided.
    state.forEachTensor { name, tensor in if name == "normalizer" { tensor = abs(tensor) + 0.5 } }
  }

  init(cell: Cell, input: Tensor, state: Cell.State) {
    self.cell = cell
    self.input = input
    self.state = state
  }

  /// The passage along a schedule, by the cell's own scan or by the loop over its step.
  func outcome(_ schedule: Schedule, byLoop: Bool = false) -> Outcome<Cell.State> {
    let result =
      byLoop
      ? cell.scanByLoop(input, from: state, along: schedule) : cell.scan(input, from: state, along: schedule)
    return Outcome(outputs: result.outputs, state: result.state)
  }

  /// Outcome and gradient of the sum of the outcome's tensors times `weights`' (nil leaves a tensor out).
  func differentiated(
    _ schedule: Schedule, byLoop: Bool = false, weights: [Tensor?]
  ) -> (outcome: Outcome<Cell.State>, gradient: Self) {
    let gradient = valueAndGradient(at: self) { passage in
      zip(passage.outcome(schedule, byLoop: byLoop).tensors, weights)
        .map { tensor, weight in weight.map { (tensor * $0).sum() } ?? Tensor(0) }
        .reduce(Tensor(0), +)
    }.gradient
    return (outcome(schedule, byLoop: byLoop), gradient)
  }
}

/// What a scan gives.
struct Outcome<State: TensorGroup>: TensorGroup {
  var outputs: Tensor
  var state: State

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try outputs.forEachTensor(under: "outputs", body)
    try state.forEachTensor(under: "final", body)
  }

  /// Different weights for every value, with which a loss is made of the outcome.
  var ramps: [Tensor] { tensors.enumerated().map { ramp($1.shape, 2.2 + Double($0)) } }
}

/// The rows of a tensor with the given indices, along the first axis.
func rows(_ indices: [Int], of tensor: Tensor) -> Tensor { tensor.gatheringRows(indices) }

/// The cell of this name, which must be there.
func cellType(_ name: String) throws -> any RecurrentCell.Type {
  try #require(Cells.named(name) as (any RecurrentCell.Type)?, "the cell '\(name)'")
}

/// The layer of this kind, which must be there.
func layerType(_ kind: String) throws -> any Layer.Type {
  try #require(Layers.named(kind) as (any Layer.Type)?, "the layer '\(kind)'")
}
