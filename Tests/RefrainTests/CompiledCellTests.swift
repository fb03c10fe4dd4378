import Testing

@testable import Refrain

/// Cells whose step is compiled. Every cell is tested for the compiled step's equality with the loop, in gradients, under
/// masks, for ragged batches and in the bits of rows (CellScanTests, CellRowTests, CellTests); these tests show that it is
/// compiled at all, and that steps of any make are.
@Suite("Compiled cells")
struct CompiledCellTests {
  /// The cells that have no kernel of their own and whose step has no operation that is not compiled.
  static let names = [
    "full-peephole-lstm", "lstm-full-gate-recurrence", "projected-lstm", "layer-norm-lstm", "layer-norm-gru",
    "multiplicative-lstm", "sru", "depth-gated-lstm", "t-lstm", "augru", "fast-grnn",
  ]

  @Test("the step is compiled, with masks and without, in prediction and training", arguments: names)
  func compiles(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let cell = Passage<Cell>(batch: 1, time: 1, inputSize: 3, hiddenSize: 5).cell
      let state = cell.initialState(batch: 1)
      for isTraining in [false, true] {
        for kinds in [[], StepMasks.Kind.allCases.filter { state.tensor($0.state) != nil }] {
          var masks = StepMasks()
          for kind in kinds { masks[kind] = state.tensor(kind.state) }
          let program = cell.program(for: masks, kinds, isTraining: isTraining, differentiatesInput: true)
          #expect(program != nil, "training: \(isTraining), masks: \(kinds)")
        }
      }
    }
    check(try cellType(name))
  }

  @Test("a step of operations in any order is the loop over it, in values and gradients", arguments: 0..<80)
  func anySteps(seed: Int) {
    var generator = RandomGenerator(seed: 5)
    let sizes = [4, 10, 16]
    let cell = AnyStepCell(
      inputSize: 3, hiddenSize: sizes[seed % 3], options: AnyStepCell.Options(seed: seed), using: &generator
    ).filledWithRamps(0, scale: 0.4)
    #expect(
      cell.program(for: StepMasks(), [], isTraining: true, differentiatesInput: true) != nil, "it is not compiled")
    let passage = Passage(
      cell: cell, input: ramp([7, 5, 3], 0.3), state: cell.initialState(batch: 7).filledWithRamps(5, scale: 0.8))
    for lengths in [nil, [3, 5, 0, 4, 5, 1, 2]] {
      let schedule = Schedule(batch: 7, time: 5, lengths: lengths)
      let ramps = passage.outcome(schedule, byLoop: true).ramps
      for use in CellScanTests.Use.allCases {
        let weights = CellScanTests.weights(use, ramps)
        let compiled = passage.differentiated(schedule, weights: weights)
        let loop = passage.differentiated(schedule, byLoop: true, weights: weights)
        let tolerance = Tolerance(relative: 2e-4, absolute: 2e-5)
        expectClose(compiled.outcome, loop.outcome, "\(use):", within: tolerance)
        expectClose(compiled.gradient, loop.gradient, "\(use): the gradient by", within: tolerance)
      }
    }
  }

  @Test("a state that is a part of another as it was takes the loop")
  func delays() {
    let passage = Passage<DelayCell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 4)
    let schedule = Schedule(batch: 3, time: 4, lengths: [4, 1, 3])
    expectSameBits(passage.outcome(schedule), passage.outcome(schedule, byLoop: true))
    let weights = passage.outcome(schedule).ramps.map { $0 as Tensor? }
    let (found, loop) = (
      passage.differentiated(schedule, weights: weights),
      passage.differentiated(schedule, byLoop: true, weights: weights)
    )
    expectClose(found.gradient, loop.gradient, "the gradient by", within: CellScanTests.tolerance)
  }

  @Test("a step with an operation that is not compiled takes the loop")
  func fallsBack() {
    let passage = Passage<SoftmaxCell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 4)
    #expect(
      passage.cell.program(for: StepMasks(), [], isTraining: false, differentiatesInput: false) == nil)
    let schedule = Schedule(batch: 3, time: 4)
    expectSameBits(passage.outcome(schedule), passage.outcome(schedule, byLoop: true))
  }

  @Test("a step that looks at its values is not compiled, whatever it does with them")
  func readsValues() {
    let passage = Passage<ReadingCell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 4)
    #expect(passage.cell.program(for: StepMasks(), [], isTraining: false, differentiatesInput: false) == nil)
  }
}

/// A cell whose step looks at a value.
private struct ReadingCell: RecurrentCell {
  static let name = "reading"
  typealias State = HiddenState

  var weight: Tensor

  init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    weight = .normal([hiddenSize, inputSize], using: &generator)
  }

  var inputSize: Int { weight.shape[1] }
  var hiddenSize: Int { weight.shape[0] }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try body("weight", &weight) }

  func project(_ input: Tensor) -> Tensor { input.matrixProduct(weight, transposingOther: true) }
  func step(_ projected: Tensor, _ state: State) -> State {
    let next = tanh(projected + state.hidden)
    // Never so while a trace tries it.
    return State(hidden: next[0, 0] > 2 ? next : next * 0.5)
  }
}

/// A cell whose step does operations drawn by lot, the same at every step.
private struct AnyStepCell: RecurrentCell {
  struct Options: CellOptions {
    var seed = 0
  }
  typealias State = LSTMCell.State

  static let name = "any-step"
  static let source = "by lot"
  private static let operations = 12

  var options: Options
  var weightInput: Tensor
  var weights: [Tensor]
  var vectors: [Tensor]

  init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator) {
    self.options = options
    weightInput = .normal([2 * hiddenSize, inputSize], using: &generator)
    weights = (0..<Self.operations).map { _ in .normal([hiddenSize, hiddenSize], using: &generator) }
    vectors = (0..<2 * Self.operations).map { _ in .normal([hiddenSize], using: &generator) }
  }

  var inputSize: Int { weightInput.shape[1] }
  var hiddenSize: Int { weightInput.shape[0] / 2 }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight", &weightInput)
    try weights.forEachTensor(under: "weights", body)
    try vectors.forEachTensor(under: "vectors", body)
  }

  func initialState(batch: Int) -> State {
    State(hidden: .zeros([batch, hiddenSize]), cell: .zeros([batch, hiddenSize]))
  }

  func project(_ input: Tensor) -> Tensor { input.matrixProduct(weightInput, transposingOther: true) }

  func step(_ projected: Tensor, _ state: State) -> State {
    var generator = RandomGenerator(seed: UInt64(options.seed))
    let size = hiddenSize
    var values = [projected.block(0, of: size), projected.block(1, of: size), state.hidden, state.cell]
    func drawn(_ count: Int) -> Int { Int(generator.uniform() * Float(count)) }
    // Rather what came last: chains find more than stars.
    func value() -> Tensor { values[max(drawn(values.count), drawn(values.count))] }
    for index in 0..<Self.operations {
      let (x, y) = (value(), value())
      let column = y.slice(drawn(size)..<size, axis: 1).slice(0..<1, axis: 1)
      let result: Tensor
      switch drawn(16) {
      case 0: result = x.matrixProduct(weights[index], transposingOther: true)
      case 1: result = x + y.matrixProduct(weights[index], transposingOther: true)
      case 2: result = x.linear(weight: weights[index], bias: vectors[index], activation: .tanh)
      case 3: result = x + y
      case 4: result = x - y
      case 5: result = x * y
      case 6: result = tanh(x) * vectors[index] + column
      case 7: result = vectors[index] - sigmoid(x) * column
      case 8: result = x.normalized(gain: vectors[index], shift: vectors[index + Self.operations])
      case 9: result = softplus(x) + 0.5 * y.normalized(gain: vectors[index], shift: .zeros([size]))
      case 10: result = concatenate([x.slice(size / 2..<size, axis: 1), y.slice(0..<size / 2, axis: 1)], axis: 1)
      case 11:
        let joined = concatenate([x, -y, x.squared, value()], axis: 1)
        let next = State(sums: joined, cell: tanh(value()))
        values.append(tanh(next.cell))
        result = next.hidden
      case 12:
        let joined = concatenate(
          [x, y, tanh(value()), x.matrixProduct(weights[index], transposingOther: true)], axis: 1)
        result = HiddenState(sums: joined, hidden: tanh(value())).hidden
      case 13: result = 1 - x
      case 14: result = concatenate([x, y], axis: 1).slice(size / 2..<size / 2 + size, axis: 1)
      default: result = sigmoid(x) * y + (1 - sigmoid(x)) * tanh(y)
      }
      values.append(result)
    }
    let (hidden, cell) = (tanh(value() + values[values.count - 1]), tanh(value() * 0.5 + values[values.count - 2]))
    return State(hidden: hidden, cell: cell)
  }
}

/// A cell one of whose states is a part of the other as it was.
private struct DelayCell: RecurrentCell {
  static let name = "delay"
  static let source = "of the test's own"
  typealias State = LSTMCell.State

  var weight: Tensor

  init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    weight = .normal([hiddenSize, inputSize], using: &generator)
  }

  var inputSize: Int { weight.shape[1] }
  var hiddenSize: Int { weight.shape[0] }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try body("weight", &weight) }

  func initialState(batch: Int) -> State { State(hidden: .zeros([batch, hiddenSize]), cell: .zeros([batch, 2])) }
  func project(_ input: Tensor) -> Tensor { input.matrixProduct(weight, transposingOther: true) }
  func step(_ projected: Tensor, _ state: State) -> State {
    State(hidden: tanh(projected + state.cell.slice(0..<1, axis: 1)), cell: state.hidden.slice(1..<3, axis: 1))
  }
}

/// A cell with an operation that is not compiled.
private struct SoftmaxCell: RecurrentCell {
  static let name = "softmax-cell"
  static let source = "of the test's own"
  typealias State = HiddenState

  var weight: Tensor

  init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    weight = .normal([hiddenSize, inputSize], using: &generator)
  }

  var inputSize: Int { weight.shape[1] }
  var hiddenSize: Int { weight.shape[0] }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try body("weight", &weight) }

  func project(_ input: Tensor) -> Tensor { input.matrixProduct(weight, transposingOther: true) }
  func step(_ projected: Tensor, _ state: State) -> State {
    State(hidden: (projected + state.hidden).softmax())
  }
}
