import RefrainTestSupport
import Testing

@testable import Refrain

/// A step taken alone, with the state in the caller's hands, is the step of a scan.
@Suite("Streams, in every cell")
struct StreamingTests {
  @Test("steps in place are the scan, to the bit", arguments: CellTests.names, [5, 16, 40])
  func steps(name: String, hiddenSize: Int) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      for batch in [1, 2, 9] {
        let passage = Passage<Cell>(batch: batch, time: 6, inputSize: 3, hiddenSize: hiddenSize)
        let expected = passage.outcome(Schedule(batch: batch, time: 6))
        var state = passage.state
        for step in 0..<6 {
          let input = passage.input.slice(step..<step + 1, axis: 1).reshaped([batch, 3])
          passage.cell.advance(&state, with: input)
          let output = expected.outputs.slice(step..<step + 1, axis: 1).reshaped([batch, hiddenSize])
          expectSameSteps(of: Cell.self, state.output, output, "batch \(batch), step \(step)")
        }
        expectSameSteps(of: Cell.self, state, expected.state)
      }
    }
    check(try cellType(name))
  }

  @Test("a state that somebody else holds too stays as it was", arguments: CellTests.names)
  func states(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 2, time: 1, inputSize: 3, hiddenSize: 16)
      let kept = passage.state.tensors.map(\.values)
      var state = passage.state
      passage.cell.advance(&state, with: passage.input.reshaped([2, 3]))
      #expect(passage.state.tensors.map(\.values) == kept)
      #expect(state.tensors.map(\.values) != kept)
    }
    check(try cellType(name))
  }

  @Test("a weight that was written is used from then on, by the model whose weight it is", arguments: CellTests.names)
  func writtenWeights(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 2, time: 1, inputSize: 3, hiddenSize: 16)
      let input = passage.input.reshaped([2, 3])
      func output(_ cell: Cell) -> Tensor {
        var state = passage.state
        cell.advance(&state, with: input)
        return state.output
      }
      let before = output(passage.cell)
      for index in passage.cell.tensors.indices {
        var cell = passage.cell
        // Once with the memory shared, once alone, so that it is written in place.
        for _ in 0..<2 {
          var position = 0
          cell.forEachTensor { _, tensor in
            if position == index { tensor.withUnsafeMutableValues { $0[0] += 0.5 } }
            position += 1
          }
          let fresh = cell.mapTensors { Tensor($0.values, shape: $0.shape) }
          expectSameBits(output(cell), output(fresh), "tensor \(index)")
        }
        expectSameBits(output(passage.cell), before, "the other model, tensor \(index)")
      }
    }
    check(try cellType(name))
  }

  @Test("a product with a matrix that was written in place is the product with the new one")
  func writtenMatrices() {
    let x = ramp([3, 20], 1)
    var weight = ramp([7, 20], 2)
    var square = ramp([20, 7], 3)
    let bias = ramp([7], 4)
    for _ in 0..<3 {
      weight[2, 3] += 1
      square[2, 3] += 1
      let fresh = Tensor(weight.values, shape: weight.shape)
      expectSameBits(x.linear(weight: weight, bias: bias), x.linear(weight: fresh, bias: bias))
      expectSameBits(
        x.matrixProduct(weight, transposingOther: true), x.matrixProduct(fresh, transposingOther: true))
      expectSameBits(x.matrixProduct(square), x.matrixProduct(Tensor(square.values, shape: square.shape)))
    }
  }

  @Test("a gradient goes through a step in place")
  func gradient() {
    let passage = Passage<LSTMCell>(batch: 2, time: 1, inputSize: 3, hiddenSize: 5)
    let input = passage.input.reshaped([2, 3])
    let expected = valueAndGradient(at: passage.cell) { $0.step($0.project(input), passage.state).output.sum() }
    let found = valueAndGradient(at: passage.cell) { cell in
      var state = passage.state
      cell.advance(&state, with: input)
      return state.output.sum()
    }
    expectSameBits(found.gradient, expected.gradient)
  }
}
