import RefrainTestSupport
import Testing

@testable import Refrain

/// The scan of every cell, which a fused kernel computes, against the loop over its readable step.
@Suite("The scan of every cell")
struct CellScanTests {
  struct Size: Sendable, CustomTestStringConvertible {
    var batch: Int
    var inputSize: Int
    var hiddenSize: Int
    var testDescription: String { "B \(batch), I \(inputSize), H \(hiddenSize)" }
  }

  static let sizes = [1, 7].flatMap { batch in
    [1, 5].flatMap { input in
      [1, 3, 16, 17, 33].map { Size(batch: batch, inputSize: input, hiddenSize: $0) }
    }
  }

  /// Sums of up to 7 · 6 products in another order.
  static let tolerance = Tolerance(relative: 1e-5, absolute: 2e-6)

  /// Which tensors of the outcome the loss uses.
  enum Use: CaseIterable { case everything, outputs, final, lastOfFinal }

  static func weights(_ use: Use, _ ramps: [Tensor]) -> [Tensor?] {
    switch use {
    case .everything: ramps
    case .outputs: [ramps[0]] + [Tensor?](repeating: nil, count: ramps.count - 1)
    case .final: [nil] + Array(ramps.dropFirst())
    case .lastOfFinal: [Tensor?](repeating: nil, count: ramps.count - 1) + [ramps[ramps.count - 1]]
    }
  }

  @Test("equals the loop over its step, in values and all gradients", arguments: CellTests.names, sizes)
  func equalsLoop(name: String, size: Size) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      // A cell whose last column is a time or a score needs another one.
      guard Cell.lastColumn == nil || size.inputSize > 1 else { return }
      let time = 6
      let passage = Passage<Cell>(
        batch: size.batch, time: time, inputSize: size.inputSize, hiddenSize: size.hiddenSize)
      let ragged = size.batch == 1 ? [4] : [3, 6, 0, 5, 6, 1, 0]
      for lengths in [nil, ragged] {
        for direction in Direction.allCases {
          let schedule = Schedule(batch: size.batch, time: time, lengths: lengths, direction: direction)
          let ramps = passage.outcome(schedule).ramps
          for use in Use.allCases {
            let weights = Self.weights(use, ramps)
            let fused = passage.differentiated(schedule, weights: weights)
            let loop = passage.differentiated(schedule, byLoop: true, weights: weights)
            let what = "\(direction), lengths \(String(describing: lengths)), \(use):"
            expectClose(fused.outcome, loop.outcome, what, within: Self.tolerance)
            expectClose(fused.gradient, loop.gradient, "\(what) the gradient by", within: Self.tolerance)
          }
        }
      }
    }
    check(try cellType(name))
  }

  @Test(
    "under masks equals the loop under the same, in values and all gradients", arguments: CellTests.names,
    [Size(batch: 7, inputSize: 3, hiddenSize: 33), Size(batch: 64, inputSize: 16, hiddenSize: 48)])
  func equalsLoopUnderMasks(name: String, size: Size) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: size.batch, time: 5, inputSize: size.inputSize, hiddenSize: size.hiddenSize)
      let lengths = (0..<size.batch).map { $0 * 7 % 6 }
      let schedule = Schedule(batch: size.batch, time: 5, lengths: lengths, direction: .backward)
      guard passage.state.tensor("hidden")?.shape == [size.batch, size.hiddenSize] else { return }
      let state = passage.state.tensor("cell")?.shape ?? []
      func mask(_ shape: [Int], _ period: Int) -> Tensor {
        Tensor((0..<shape.product).map { $0 % period == 0 ? 1 : 0 }, shape: shape)
      }
      let dropped = 2 * mask([schedule.rows, size.hiddenSize], 3)
      let (hidden, cell) = (mask([schedule.count, size.hiddenSize], 5), mask([schedule.count] + state.dropFirst(), 7))
      for (recurrent, keptHidden, keptCell) in [
        (dropped, nil, nil), (nil, hidden, nil), (nil, nil, cell), (dropped, hidden, cell),
        (dropped, Tensor(0.25), cell), (nil, Tensor(0.25), Tensor(0.5)),
      ] as [(Tensor?, Tensor?, Tensor?)] {
        var masks = StepMasks()
        (masks.recurrent, masks.keptHidden, masks.keptCell) = (recurrent, keptHidden, keptCell)
        func outcome(_ passage: Passage<Cell>, byLoop: Bool) -> Outcome<Cell.State> {
          let result =
            byLoop
            ? passage.cell.scanByLoop(passage.input, from: passage.state, along: schedule, masks: masks)
            : passage.cell.scan(passage.input, from: passage.state, along: schedule, masks: masks)
          return Outcome(outputs: result.outputs, state: result.state)
        }
        let ramps = outcome(passage, byLoop: true).ramps
        func gradient(byLoop: Bool) -> Passage<Cell> {
          valueAndGradient(at: passage) { passage in
            zip(outcome(passage, byLoop: byLoop).tensors, ramps).map { ($0 * $1).sum() }.reduce(Tensor(0), +)
          }.gradient
        }
        expectClose(outcome(passage, byLoop: false), outcome(passage, byLoop: true), within: Self.tolerance)
        let tolerance = Tolerance(relative: 2e-5, absolute: 2e-5)
        expectClose(gradient(byLoop: false), gradient(byLoop: true), "the gradient by", within: tolerance)
      }
    }
    check(try cellType(name))
  }

  @Test("gives the same values on a tape and off it", arguments: CellTests.names)
  func onAndOffTape(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 7, time: 5, inputSize: 3, hiddenSize: 17)
      let schedule = Schedule(batch: 7, time: 5, lengths: [5, 2, 0, 4, 5, 1, 3])
      nonisolated(unsafe) var taped = passage.outcome(schedule)
      _ = valueAndGradient(at: passage) { passage in
        taped = passage.outcome(schedule)
        return taped.outputs.sum()
      }
      expectSameBits(taped, passage.outcome(schedule))
    }
    check(try cellType(name))
  }

  @Test("differentiates by some of its operands when the others are constants", arguments: CellTests.names)
  func constants(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 5)
      let schedule = Schedule(batch: 3, time: 4, lengths: [4, 2, 3])
      let ramps = passage.outcome(schedule).ramps
      func loss(_ passage: Passage<Cell>) -> Tensor {
        zip(passage.outcome(schedule).tensors, ramps).map { ($0 * $1).sum() }.reduce(Tensor(0), +)
      }
      let whole = valueAndGradient(at: passage, of: loss).gradient
      let cell = valueAndGradient(at: passage.cell) {
        loss(Passage(cell: $0, input: passage.input, state: passage.state))
      }
      expectSameBits(cell.gradient, whole.cell)
      let input = valueAndGradient(at: passage.input) {
        loss(Passage(cell: passage.cell, input: $0, state: passage.state))
      }
      expectSameBits(input.gradient, whole.input)
      let state = valueAndGradient(at: passage.state) {
        loss(Passage(cell: passage.cell, input: passage.input, state: $0))
      }
      expectSameBits(state.gradient, whole.state)
    }
    check(try cellType(name))
  }

  @Test("a state carried from one scan to the next makes one scan of two", arguments: CellTests.names)
  func carriedState(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 3, time: 7, inputSize: 2, hiddenSize: 5)
      func halves(_ passage: Passage<Cell>) -> Outcome<Cell.State> {
        let first = passage.cell.scan(
          passage.input.slice(0..<3, axis: 1), from: passage.state, along: Schedule(batch: 3, time: 3))
        let second = passage.cell.scan(
          passage.input.slice(3..<7, axis: 1), from: first.state, along: Schedule(batch: 3, time: 4))
        return Outcome(outputs: concatenate([first.outputs, second.outputs], axis: 1), state: second.state)
      }
      let schedule = Schedule(batch: 3, time: 7)
      let whole = passage.outcome(schedule)
      expectSameSteps(of: Cell.self, halves(passage), whole)
      let gradient = valueAndGradient(at: passage) { passage in
        zip(halves(passage).tensors, whole.ramps).map { ($0 * $1).sum() }.reduce(Tensor(0), +)
      }.gradient
      expectClose(gradient, passage.differentiated(schedule, weights: whole.ramps).gradient)
    }
    check(try cellType(name))
  }

  @Test("stays finite over 1,000 steps, forward and backward", arguments: CellTests.names)
  func longSequence(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      var generator = RandomGenerator(seed: 3)
      let cell = Cell(inputSize: 3, hiddenSize: 17, using: &generator)
      let passage = Passage(
        cell: cell, input: ramp([2, 1000, 3], scale: 0.1), state: cell.initialState(batch: 2))
      let schedule = Schedule(batch: 2, time: 1000)
      let (outcome, gradient) = passage.differentiated(schedule, weights: passage.outcome(schedule).ramps)
      #expect(outcome.tensors.allSatisfy { $0.isFinite })
      #expect(gradient.tensors.allSatisfy { $0.isFinite })
      // What the first step is told still reaches the loss: nothing was cut off on the way.
      #expect(gradient.input.at(0, axis: 1).values.contains { $0 != 0 })
    }
    check(try cellType(name))
  }

  @Test("an empty batch, no steps and lengths of zero give the state back", arguments: CellTests.names)
  func nothing(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      for (batch, time, lengths) in [(0, 3, []), (2, 0, [0, 0]), (2, 3, [0, 0])] as [(Int, Int, [Int])] {
        let passage = Passage<Cell>(batch: batch, time: time, inputSize: 2, hiddenSize: 4)
        let schedule = Schedule(batch: batch, time: time, lengths: lengths)
        for byLoop in [false, true] {
          let outcome = passage.outcome(schedule, byLoop: byLoop)
          #expect(outcome.outputs == .zeros([batch, time, 4]))
          expectSameBits(outcome.state, passage.state)
          let weights = outcome.ramps
          let gradient = passage.differentiated(schedule, byLoop: byLoop, weights: weights).gradient
          expectClose(gradient.state, passage.state.replacingTensors(Array(weights.dropFirst())))
          #expect(gradient.cell.tensors.allSatisfy { $0 == .zeros($0.shape) })
          #expect(gradient.input == .zeros([batch, time, 2]))
        }
      }
    }
    check(try cellType(name))
  }
}
