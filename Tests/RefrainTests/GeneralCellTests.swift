import Foundation
import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Cells with any functions")
struct GeneralCellTests {
  static let functions = Activation.allCases.filter { ![.softmax, .logSoftmax, .thresholdedReLU].contains($0) }

  /// Weights, input and state of one cell, given to another.
  private func outcome<Cell: RecurrentCell>(_ cell: Cell, _ passage: Passage<Cell>) -> Outcome<Cell.State> {
    Passage(cell: cell, input: passage.input, state: passage.state)
      .outcome(Schedule(batch: 3, time: 4, lengths: [3, 0, 4]))
  }

  @Test("with the usual functions are the cells that they stand for")
  func usual() {
    func check<Usual: RecurrentCell, General: RecurrentCell>(
      _ usual: Usual.Type, _ general: General.Type, _ options: General.Options, dropsLast: Bool = false
    ) where Usual.State == General.State {
      let passage = Passage<Usual>(batch: 3, time: 4, inputSize: 2, hiddenSize: 3)
      var generator = RandomGenerator(seed: 1)
      var cell = General(inputSize: 2, hiddenSize: 3, options: options, using: &generator)
      let weights = passage.cell.tensors + (dropsLast ? [Tensor.zeros([3])] : [])
      cell = cell.replacingTensors(weights)
      let schedule = Schedule(batch: 3, time: 4, lengths: [3, 0, 4])
      let found = cell.scan(passage.input, from: passage.state, along: schedule)
      let expected = passage.cell.scan(passage.input, from: passage.state, along: schedule)
      expectClose(found.outputs, expected.outputs, "outputs of \(General.name)")
      expectClose(found.state, expected.state, "states of \(General.name)")
    }
    check(LSTMCell.self, GeneralLSTMCell.self, .init())
    check(GRUCell.self, GeneralGRUCell.self, .init())
    check(TanhRNNCell.self, GeneralRNNCell.self, .init())
    check(ReLURNNCell.self, GeneralRNNCell.self, .init(function: ActivationFunction(.relu)))
    var before = GeneralGRUCell.Options()
    before.resetsAfter = false
    check(GRUResetBeforeCell.self, GeneralGRUCell.self, before, dropsLast: true)
    var peepholes = GeneralLSTMCell.Options()
    peepholes.hasPeepholes = true
    check(PeepholeLSTMCell.self, GeneralLSTMCell.self, peepholes)
  }

  @Test("with every function are compiled, and equal their loops, forward and backward", arguments: functions)
  func compiled(function: Activation) {
    func check<Cell: RecurrentCell>(_ type: Cell.Type, _ options: Cell.Options) {
      var generator = RandomGenerator(seed: 4)
      let cell = Cell(inputSize: 2, hiddenSize: 3, options: options, using: &generator).filledWithRamps(0.3, scale: 0.4)
      #expect(cell.stepCompilation(forTraining: true) == .compiled, "\(Cell.name) with \(function)")
      let passage = Passage(
        cell: cell, input: ramp([3, 4, 2], 0.3), state: cell.initialState(batch: 3).filledWithRamps(5, scale: 0.3))
      let schedule = Schedule(batch: 3, time: 4, lengths: [3, 0, 4])
      let (found, expected) = (passage.outcome(schedule), passage.outcome(schedule, byLoop: true))
      expectClose(found, expected, "\(Cell.name)")
      let gradients = [false, true].map { byLoop in
        valueAndGradient(at: passage, training: false) { passage in
          passage.outcome(schedule, byLoop: byLoop).tensors.map { ($0 * ramp($0.shape, 0.7)).sum() }.reduce(
            Tensor(0), +)
        }.gradient
      }
      expectClose(gradients[0], gradients[1], "the gradient of \(Cell.name)")
    }
    let function = ActivationFunction(function)
    check(GeneralRNNCell.self, .init(function: function))
    check(GeneralGRUCell.self, .init(gates: ActivationFunction(.hardSigmoid), candidate: function, resetsAfter: false))
    check(
      GeneralLSTMCell.self, .init(gates: ActivationFunction(.hardSigmoidLinear), candidate: function, output: function))
  }

  @Test("functions are what their formulas say")
  func values() {
    let x: [Float] = [-30, -3.5, -2, -1, -0.5, 0, 0.25, 1, 2.5, 4, 30]
    func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    let formulas: [(ActivationFunction, (Double) -> Double)] = [
      (ActivationFunction(.elu, alpha: 0.5), { $0 > 0 ? $0 : 0.5 * (exp($0) - 1) }),
      (ActivationFunction(.selu), { 1.0507009873554805 * ($0 > 0 ? $0 : 1.6732632423543772 * (exp($0) - 1)) }),
      (ActivationFunction(.softsign), { $0 / (1 + abs($0)) }),
      (ActivationFunction(.hardSigmoid), { min(max($0 / 6 + 0.5, 0), 1) }),
      (ActivationFunction(.hardSigmoidLinear), { min(max($0 * 0.2 + 0.5, 0), 1) }),
      (ActivationFunction(.hardTanh), { min(max($0, -1), 1) }),
      (ActivationFunction(.hardSwish), { $0 * min(max($0 / 6 + 0.5, 0), 1) }),
      (ActivationFunction(.leakyReLU, alpha: 0.3), { $0 > 0 ? $0 : 0.3 * $0 }),
      (ActivationFunction(.cappedReLU), { min(max($0, 0), 6) }),
      (ActivationFunction(.thresholdedReLU), { $0 > 1 ? $0 : 0 }),
      (ActivationFunction(.affine, alpha: 2, beta: -1), { 2 * $0 - 1 }),
    ]
    for (function, formula) in formulas {
      for (found, x) in zip(function(Tensor(x)).values, x) {
        let expected = Float(formula(Double(x)))
        #expect(abs(found - expected) <= 1e-6 * max(1, abs(expected)), "\(function.activation) of \(x)")
      }
    }
  }
}
