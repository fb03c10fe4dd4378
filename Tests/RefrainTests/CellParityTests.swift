import RefrainTestSupport
import Testing

@testable import Refrain

/// One recurrent layer against PyTorch and Keras, or a loop written from the paper: outputs, final states and every
/// gradient, computed by them in double precision from weights that all differ.
@Suite("Cells agree with PyTorch, Keras or independent loops")
struct CellParityTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var file: String
    var cell: String
    var name: String
    var run: @Sendable (Fixture, Direction) throws -> Void
    var testDescription: String { "\(cell) \(name)" }

    static func all<Cell: RecurrentCell>(
      _ type: Cell.Type, _ file: String, _ cell: String, keras: Bool = false, options: Cell.Options = Cell.Options()
    ) -> [Case] {
      (["full", "ragged", "reverse"] + (keras ? ["keras"] : [])).map { name in
        Case(file: file, cell: cell, name: name) { try check(Cell.self, options, $0, $1) }
      }
    }
  }

  static let cases: [Case] =
    Case.all(LSTMCell.self, "cells_lstm", "lstm", keras: true)
    + Case.all(GRUCell.self, "cells_gru_after", "gru_after", keras: true)
    + Case.all(GRUResetBeforeCell.self, "cells_gru_before", "gru_before")
    + Case.all(TanhRNNCell.self, "cells_rnn", "rnn_tanh")
    + Case.all(ReLURNNCell.self, "cells_rnn", "rnn_relu")
    + Case.all(PeepholeLSTMCell.self, "cells_peephole", "peephole")
    + Case.all(FullPeepholeLSTMCell.self, "cells_peephole", "full_peephole")
    + Case.all(NoInputGateLSTMCell.self, "cells_odyssey", "no_input_gate")
    + Case.all(NoForgetGateLSTMCell.self, "cells_odyssey", "no_forget_gate")
    + Case.all(NoOutputGateLSTMCell.self, "cells_odyssey", "no_output_gate")
    + Case.all(NoInputActivationLSTMCell.self, "cells_odyssey", "no_input_activation")
    + Case.all(NoOutputActivationLSTMCell.self, "cells_odyssey", "no_output_activation")
    + Case.all(CoupledGatesLSTMCell.self, "cells_odyssey", "coupled_gates")
    + Case.all(FullGateRecurrenceLSTMCell.self, "cells_odyssey", "full_gate_recurrence")
    + Case.all(ProjectedLSTMCell.self, "cells_gated", "projected")
    + Case.all(LayerNormLSTMCell.self, "cells_gated", "layer_norm_lstm")
    + Case.all(LayerNormGRUCell.self, "cells_gated", "layer_norm_gru")
    + Case.all(MinimalGatedCell.self, "cells_gated", "mgu")
    + Case.all(MultiplicativeLSTMCell.self, "cells_gated", "multiplicative")
    + Case.all(FastGRNNCell.self, "cells_gated", "fast_grnn")
    + Case.all(IndRNNCell.self, "cells_linear", "indrnn")
    + Case.all(SRUCell.self, "cells_linear", "sru")
    + Case.all(SRUCell.self, "cells_linear", "sru_square")
    + Case.all(QRNNCell.self, "cells_linear", "qrnn")
    + Case.all(MinLSTMCell.self, "cells_linear", "min_lstm")
    + Case.all(MinGRUCell.self, "cells_linear", "min_gru")
    + Case.all(SLSTMCell.self, "cells_special", "slstm")
    + Case.all(SLSTMCell.self, "cells_special", "slstm_exponential", options: .init(forgetGate: .exponential))
    + Case.all(MatrixLSTMCell.self, "cells_special", "mlstm")
    + Case.all(TimeAwareLSTMCell.self, "cells_special", "t-lstm")
    + Case.all(PhasedLSTMCell.self, "cells_special", "phased-lstm")
    + Case.all(GRUDCell.self, "cells_special", "gru-d")
    + Case.all(AttentionGRUCell.self, "cells_special", "augru")

  @Test("outputs, final states and every gradient", arguments: cases)
  func parity(_ parity: Case) throws {
    let fixture = try Fixture(parity.file).under(parity.cell).under(parity.name)
    try parity.run(fixture, parity.name == "reverse" ? .backward : .forward)
  }

  private static func check<Cell: RecurrentCell>(
    _ type: Cell.Type, _ options: Cell.Options, _ fixture: Fixture, _ direction: Direction
  ) throws {
    var input = try fixture("x")
    let (batch, time) = (input.shape[0], input.shape[1])
    if fixture.has("missing") {
      let missing = try concatenate([fixture("missing"), .zeros([batch, time, 1])], axis: 2)
      input = select(missing, Tensor(.nan), input)
    }
    var generator = RandomGenerator(seed: 1)
    let cell = try Cell(
      inputSize: input.shape[2], hiddenSize: fixture("outputs").shape[2], options: options, using: &generator
    ).filled(from: fixture)
    let state = try cell.initialState(batch: batch).filled(from: fixture) { "initial." + $0 }
    let passage = Passage(cell: cell, input: input, state: state)
    let schedule = try Schedule(
      batch: batch, time: time, lengths: fixture.integers("lengths"), direction: direction)
    let weights =
      try [fixture("cotangent.outputs")] + state.namedTensors.map { try fixture("cotangent.final.\($0.name)") }

    let expected = Passage(
      cell: try cell.filled(from: fixture) { "grad." + $0 }, input: try fixture("grad.x"),
      state: try state.filled(from: fixture) { "grad.initial." + $0 })
    let expectedOutcome = Outcome(
      outputs: try fixture("outputs"), state: try state.filled(from: fixture) { "final." + $0 })
    for byLoop in [false, true] {
      let (outcome, gradient) = passage.differentiated(schedule, byLoop: byLoop, weights: weights)
      expectClose(outcome, expectedOutcome, byLoop ? "by the loop:" : "by the scan:")
      expectClose(gradient, expected, "the gradient \(byLoop ? "by the loop" : "by the scan") by")
    }
    let layer = Recurrent(cell, returning: .everyStep, direction: direction)
    expectSameBits(
      layer.scan(input, lengths: schedule.lengths, from: state).outputs, passage.outcome(schedule).outputs)
  }
}

/// Two bidirectional layers one on another, ragged, against PyTorch.
@Suite("Stacks agree with PyTorch")
struct StackParityTests {
  @Test("two bidirectional LSTM layers")
  func lstm() throws { try check(LSTMCell.self, "lstm") }

  @Test("two bidirectional GRU layers")
  func gru() throws { try check(GRUCell.self, "gru_after") }

  /// A stack with what it reads, to differentiate by all of it.
  private struct Stack<Cell: RecurrentCell>: TensorGroup {
    var layer: Stacked<Bidirectional<Cell>>
    var input: Tensor
    var state: [Bidirectional<Cell>.State]

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try layer.forEachTensor(body)
      try input.forEachTensor(under: "x", body)
      try state.forEachTensor(under: "state", body)
    }
  }

  private func check<Cell: RecurrentCell>(_ type: Cell.Type, _ name: String) throws {
    let fixture = try Fixture("stacked").under(name)
    let input = try fixture("x")
    let lengths = try fixture.integers("lengths")
    let layer = try Stacked<Bidirectional<Cell>>(inputSize: 4, hiddenSizes: [3, 3], returning: .everyStep)
      .filled(from: fixture)
    // The fixture's states are [layer · 2 + direction, B, H].
    func state(_ prefix: String) throws -> [Bidirectional<Cell>.State] {
      try layer.levels.indices.map { level in
        func part(_ direction: Int) throws -> Cell.State {
          let zeros = layer.levels[level].forward.cell.initialState(batch: input.shape[0])
          return zeros.replacingTensors(
            try zeros.namedTensors.map { try fixture(prefix + $0.name).at(level * 2 + direction, axis: 0) })
        }
        return .init(forward: try part(0), backward: try part(1))
      }
    }
    let stack = Stack(layer: layer, input: input, state: try state("initial."))
    let weights = try [fixture("cotangent.outputs")] + state("cotangent.final.").tensors
    func outcome(_ stack: Stack<Cell>) -> Outcome<[Bidirectional<Cell>.State]> {
      let result = stack.layer.scan(stack.input, lengths: lengths, from: stack.state)
      return Outcome(outputs: result.outputs, state: result.state)
    }
    let found = outcome(stack)
    expectClose(found, Outcome(outputs: try fixture("outputs"), state: try state("final.")))
    let gradient = valueAndGradient(at: stack) { stack in
      zip(outcome(stack).tensors, weights).map { ($0 * $1).sum() }.reduce(Tensor(0), +)
    }.gradient
    let expected = Stack(
      layer: try layer.filled(from: fixture) { "grad." + $0 }, input: try fixture("grad.x"),
      state: try state("grad.initial."))
    expectClose(gradient, expected, "the gradient by")
    expectSameBits(
      layer.lastOutput(found.state),
      concatenate(
        [found.state[1].forward.output, found.state[1].backward.output], axis: 1))
  }
}

/// A thousand steps against PyTorch: rounding must not grow on the way.
@Suite("A long sequence agrees with PyTorch")
struct LongParityTests {
  @Test("an LSTM over 1,000 steps, by the scan and by the loop", arguments: [false, true])
  func long(byLoop: Bool) throws {
    let fixture = try Fixture("long").under("lstm")
    let (batch, time, inputSize, size) = (2, 1000, 3, 4)
    func formula(_ width: Int, _ value: (_ t: Double, _ b: Double, _ i: Double) -> Double) -> Tensor {
      Tensor(
        (0..<batch * time * width).map { element in
          let at = place(element, in: [batch, time, width])
          return Float(value(Double(at[1]), Double(at[0]), Double(at[2])))
        }, shape: [batch, time, width])
    }
    let input = formula(inputSize) { t, b, i in sine(0.1 * t + b + 0.7 * i) }
    let weights = try [
      formula(size) { t, b, h in sine(0.37 * t + 1.3 * b + 0.7 * h + .pi / 2) },
      fixture("cotangent.final.hidden"), fixture("cotangent.final.cell"),
    ]
    let cell = try LSTM(inputSize: inputSize, hiddenSize: size).cell.filled(from: fixture)
    let state = try cell.initialState(batch: batch).filled(from: fixture) { "initial." + $0 }
    let passage = Passage(cell: cell, input: input, state: state)
    let schedule = Schedule(batch: batch, time: time)
    let (outcome, gradient) = passage.differentiated(schedule, byLoop: byLoop, weights: weights)

    let shown = concatenate((0..<10).map { outcome.outputs.slice(100 * $0 + 99..<100 * $0 + 100, axis: 1) }, axis: 1)
    expectClose(shown, try fixture("outputs.every_100th"), "every 100th output")
    expectClose(outcome.state, try state.filled(from: fixture) { "final." + $0 }, "the final state")
    // The loop adds up a thousand gradients of the recurrent weights one after another.
    expectClose(
      gradient.cell, try cell.filled(from: fixture) { "grad." + $0 }, "the gradient by",
      within: Tolerance(relative: byLoop ? 2e-5 : 1e-5))
    expectClose(gradient.state, try state.filled(from: fixture) { "grad.initial." + $0 }, "the gradient by initial")
    expectClose(gradient.input.slice(0..<10, axis: 1), try fixture("grad.x.first_10"), "the gradient by the input")
    let loss = zip(outcome.tensors, weights).reduce(0.0) { sum, pair in
      zip(pair.0.values, pair.1.values).reduce(sum) { $0 + Double($1.0) * Double($1.1) }
    }
    expectClose(Tensor(Float(loss)), try fixture("loss"), "the loss")
  }
}
