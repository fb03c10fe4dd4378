import RefrainTestSupport
import Testing

@testable import Refrain

/// Cells whose step is compiled. Every cell is tested for the compiled step's equality with the loop, in gradients,
/// under masks, for ragged batches and in the bits of rows (CellScanTests, CellRowTests, CellTests); these tests show
/// that it is compiled at all, and that steps of any make are.
@Suite("Compiled cells")
struct CompiledCellTests {
  /// The cells that have no kernel of their own and whose step has no operation that is not compiled.
  static let names = [
    "full-peephole-lstm", "lstm-full-gate-recurrence", "projected-lstm", "layer-norm-lstm", "layer-norm-gru",
    "multiplicative-lstm", "indrnn", "sru", "depth-gated-lstm", "t-lstm", "augru", "fast-grnn", "slstm", "phased-lstm",
    "gru-d",
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
          #expect(throws: Never.self, "training: \(isTraining), masks: \(kinds)") {
            try cell.program(for: masks, kinds, isTraining: isTraining, differentiatesInput: true)
          }
        }
      }
    }
    check(try cellType(name))
  }

  @Test("a step of operations in any order is the loop over it, in values and gradients", arguments: 0..<240)
  func anySteps(seed: Int) {
    var generator = RandomGenerator(seed: 5)
    let sizes = [4, 10, 16]
    let cell = AnyStepCell(
      inputSize: 3, hiddenSize: sizes[seed % 3], options: AnyStepCell.Options(seed: seed), using: &generator
    ).filledWithRamps(0, scale: 0.4)
    #expect(cell.stepCompilation() == .compiled)
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

  @Test("means, square roots and quotients are compiled, with the gradients that differences say")
  func means() {
    let passage = Passage<MeanCell>(batch: 3, time: 4, inputSize: 3, hiddenSize: 5)
    #expect(passage.cell.stepCompilation() == .compiled)
    #expect(passage.cell.stepCompilation(forTraining: false).isCompiled)
    let schedule = Schedule(batch: 3, time: 4, lengths: [4, 2, 3])
    expectGradientMatchesDifferences(at: passage) { passage in
      let (outputs, state) = passage.cell.scan(passage.input, from: passage.state, along: schedule)
      return [outputs] + state.tensors
    }
    expectClose(
      passage.outcome(schedule), passage.outcome(schedule, byLoop: true), "the loop's", within: CellScanTests.tolerance)
  }

  @Test("a state that is a part of another as it was takes the loop")
  func delays() {
    let passage = Passage<DelayCell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 4)
    #expect(
      "\(passage.cell.stepCompilation())"
        == "a loop: an output or a state that is a part of what the step is given cannot be compiled")
    let schedule = Schedule(batch: 3, time: 4, lengths: [4, 1, 3])
    expectSameBits(passage.outcome(schedule), passage.outcome(schedule, byLoop: true))
    let weights = passage.outcome(schedule).ramps.map { $0 as Tensor? }
    let (found, loop) = (
      passage.differentiated(schedule, weights: weights),
      passage.differentiated(schedule, byLoop: true, weights: weights)
    )
    expectClose(found.gradient, loop.gradient, "the gradient by", within: CellScanTests.tolerance)
  }

  @Test("an operation in a form that is not compiled is named with its shapes")
  func forms() throws {
    func refusal(_ step: @escaping (Tensor) -> Tensor) throws -> Trace.Refusal? {
      let trace = try Trace.ofRows([[6], [6]], shared: []) { [step($0[0]), $0[1] + 1] }
      do throws(Trace.Refusal) {
        _ = try StepCompiler.compile(
          trace, states: 1, givenMasks: [], isTraining: true, differentiatesInput: true)
        return nil
      } catch { return error }
    }
    #expect(
      try refusal { $0.reshaped([-1, 2, 3]) }.map { "\($0)" } == "the operation 'reshape' of [B, 6], giving [B, 2, 3]")
    #expect(
      try refusal { $0.matrixProduct($0, transposingOther: true) }.map { "\($0)" }
        == "the operation 'matrixProduct' of [B, 6] and [B, 6], giving [B, B]")
    #expect(try refusal { $0.cumulativeSum() } == .operation("cumulativeSum"))
    #expect(try refusal { $0.sum() + $0 } == .operation("sumOfAll"))
    #expect(try refusal { tanh($0) } == nil)
  }

  @Test("a step with an operation that is not compiled takes the loop")
  func fallsBack() {
    let passage = Passage<SoftmaxCell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 4)
    #expect(passage.cell.stepCompilation() == .loop(because: "the operation 'softmax'"))
    #expect(
      "\(passage.cell.stepCompilation(forTraining: false))" == "a loop: the operation 'softmax' cannot be compiled")
    let schedule = Schedule(batch: 3, time: 4)
    expectSameBits(passage.outcome(schedule), passage.outcome(schedule, byLoop: true))
  }

  @Test("a step that looks at its values is not compiled, whatever it does with them")
  func readsValues() {
    let passage = Passage<ReadingCell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 4)
    #expect(!passage.cell.stepCompilation(forTraining: false).isCompiled)
  }
}

/// A cell whose step looks at a value.
private struct ReadingCell: OneWeightCell {
  static let name = "reading"
  typealias State = HiddenState

  var weight: Tensor

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
      // The first steps are of the first operations alone.
      switch drawn(options.seed < 80 ? 16 : options.seed < 180 ? 28 : 32) {
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
      case 15: result = sigmoid(x) * y + (1 - sigmoid(x)) * tanh(y)
      case 16: result = x / (1 + y.squared)
      case 17:
        let centered = x - x.mean(axes: [1], keepingAxes: true)
        result = centered / sqrt(centered.squared.mean(axes: [1], keepingAxes: true) + 0.1)
      case 18: result = column / (2 + abs(y))
      case 19: result = x / (1 + column.squared)
      case 20: result = vectors[index] / (1 + sigmoid(x))
      case 21: result = x / (1 + vectors[index].squared) + vectors[index] * column
      case 22: result = maximum(x, y) + minimum(vectors[index], x) - maximum(column, y)
      case 23: result = x.clamped(-0.5...0.7) * y
      case 24: result = x.matrixProduct(weights[index])
      case 25: result = y - x.sum(axes: [1]).reshaped([-1, 1]) * 0.1
      case 26: result = greater(x, y) * y + equal(x, y)
      case 27: result = column.expanded(to: x.shape) * x
      case 28: result = select(greater(x, y), tanh(y), vectors[index] * x)
      case 29: result = select(greater(x, Tensor(0.2)), column, x) * select(greater(column, Tensor(0)), x, Tensor(1))
      case 30: result = (3 * x).fraction * y
      default: result = select(equal(x, x), (x + vectors[index]).fraction, y - Tensor(.nan))
      }
      values.append(result)
    }
    let (hidden, cell) = (tanh(value() + values[values.count - 1]), tanh(value() * 0.5 + values[values.count - 2]))
    return State(hidden: hidden, cell: cell)
  }
}

/// A cell that divides its sums by the root of their mean square, and its state by what it learned.
private struct MeanCell: RecurrentCell {
  static let name = "mean"
  static let source = "of the test's own"
  typealias State = HiddenState

  var weightInput: Tensor
  var weightHidden: Tensor
  var scale: Tensor
  var gain: Tensor

  init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    weightInput = .normal([hiddenSize, inputSize], using: &generator)
    weightHidden = .normal([hiddenSize, hiddenSize], using: &generator)
    scale = .ones([hiddenSize])
    gain = .ones([1])
  }

  var inputSize: Int { weightInput.shape[1] }
  var hiddenSize: Int { weightInput.shape[0] }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("scale", &scale)
    try body("gain", &gain)
  }

  func project(_ input: Tensor) -> Tensor { input.matrixProduct(weightInput, transposingOther: true) }
  func step(_ projected: Tensor, _ state: State) -> State {
    let sums = projected + (state.hidden / (1 + scale.squared)).matrixProduct(weightHidden)
    let centered = sums - sums.mean(axes: [1], keepingAxes: true)
    let deviation = sqrt(centered.squared.mean(axes: [1]) + 0.1).reshaped([-1, 1])
    return State(hidden: tanh(gain * centered / deviation) + deviation / (2 + sums.squared))
  }
}

/// A cell one of whose states is a part of the other as it was.
private struct DelayCell: OneWeightCell {
  static let name = "delay"
  typealias State = LSTMCell.State

  var weight: Tensor

  func initialState(batch: Int) -> State { State(hidden: .zeros([batch, hiddenSize]), cell: .zeros([batch, 2])) }
  func step(_ projected: Tensor, _ state: State) -> State {
    State(hidden: tanh(projected + state.cell.slice(0..<1, axis: 1)), cell: state.hidden.slice(1..<3, axis: 1))
  }
}

/// A cell with an operation that is not compiled.
private struct SoftmaxCell: OneWeightCell {
  static let name = "softmax-cell"
  typealias State = HiddenState

  var weight: Tensor

  func step(_ projected: Tensor, _ state: State) -> State {
    State(hidden: (projected + state.hidden).softmax())
  }
}
