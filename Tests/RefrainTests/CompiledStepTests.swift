import RefrainTestSupport
import Testing

@testable import Refrain

/// The step of a stream through a cell whose step is compiled, with the memory that goes with its state.
@Suite struct `A compiled step` {
  private static let names = ["layer-norm-lstm", "gru-d", "phased-lstm", "projected-lstm", "fast-grnn", "slstm"]

  private func input<Cell: RecurrentCell>(_ passage: Passage<Cell>, _ time: Int) -> Tensor {
    let shape = passage.input.shape
    return passage.input.slice(time..<time + 1, axis: 1).reshaped([shape[0], shape[2]])
  }

  @Test("is the same to the bit along a sequence and in a stream, where states are shared, too", arguments: names)
  func shared(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 3, time: 6, inputSize: 5, hiddenSize: 20)
      let whole = passage.outcome(Schedule(batch: 3, time: 6)).outputs
      func output(_ time: Int) -> Tensor { whole.slice(time..<time + 1, axis: 1).reshaped([3, 20]) }
      var state = passage.state
      passage.cell.advance(&state, with: input(passage, 0))
      expectSameBits(state.output, output(0))
      // Two that go on from one state, in turn: neither sees the other.
      var other = state
      for time in 1..<6 {
        passage.cell.advance(&state, with: input(passage, time))
        expectSameBits(state.output, output(time))
        let held = other
        passage.cell.advance(&other, with: input(passage, time))
        expectSameBits(other.output, output(time))
        withExtendedLifetime(held) {}
      }
    }
    check(try cellType(name))
  }

  @Test("keeps its memory from step to step, and takes another when the weights or the streams change")
  func memory() {
    let passage = Passage<LayerNormLSTMCell>(batch: 3, time: 4, inputSize: 5, hiddenSize: 20)
    var state = passage.state
    func companion() -> AnyObject? { state.tensors.last?.storage.companion }
    passage.cell.advance(&state, with: input(passage, 0))
    let first = companion()
    #expect(first != nil)
    passage.cell.advance(&state, with: input(passage, 1))
    #expect(companion() === first)
    var other = passage.cell
    other.forEachTensor { name, tensor in if name == "weight_ih" { tensor[0, 0] += 1 } }
    var expected = state.mapTensors { Tensor($0.values, shape: $0.shape) }
    other.advance(&state, with: input(passage, 2))
    #expect(companion() != nil && companion() !== first)
    other.advance(&expected, with: input(passage, 2))
    expectSameBits(state.output, expected.output)
    var fewer = state.mapTensors { rows([0, 2], of: $0) }
    let step = rows([0, 2], of: input(passage, 3))
    other.advance(&fewer, with: step)
    other.advance(&state, with: input(passage, 3))
    expectSameBits(fewer.output, rows([0, 2], of: state.output))
  }
}
