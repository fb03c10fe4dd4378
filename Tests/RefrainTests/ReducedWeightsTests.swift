import RefrainTestSupport
import Testing

@testable import Refrain

/// Tensors of the same values, by which products are of floats.
func asFloats<Group: TensorGroup>(_ group: Group) -> Group {
  group.mapTensors { asFloats($0) }
}

/// The same values, by which products are of floats.
func asFloats(_ tensor: Tensor) -> Tensor { Tensor(tensor.values, shape: tensor.shape) }

/// Whether the products of a step are of its input and its hidden state alone.
func isOfOneProduct(_ cell: any RecurrentCell.Type) -> Bool {
  guard let cell = cell as? any FusedCell.Type else { return false }
  return cell.kind != nil && cell.stages == 1
}

/// Weights of fewer bits than floats have.
enum ReducedWeights: CaseIterable {
  case bytes, bfloat16

  func applied(to tensor: Tensor) -> Tensor { self == .bytes ? tensor.quantized() : tensor.roundedToBFloat16() }

  func applied<Group: TensorGroup>(to group: Group) -> Group { group.mapTensors { applied(to: $0) } }

  /// How far a scan may be from that of floats.
  var tolerance: Tolerance { Tolerance(relative: 0.05, absolute: self == .bytes ? 1e-3 : 1e-2) }
}

/// What holds of weights of bytes and of bfloat16 alike.
@Suite struct `Weights of fewer bits` {
  @Test(arguments: ReducedWeights.allCases)
  func `multiply as floats where a gradient is asked for`(kind: ReducedWeights) {
    let weight = kind.applied(to: ramp([5, 64], 0.7))
    let x = ramp([3, 64], 1)
    let found = valueAndGradient(at: x) { $0.linear(weight: weight, bias: .zeros([5])).sum() }
    let wanted = valueAndGradient(at: x) { $0.linear(weight: asFloats(weight), bias: .zeros([5])).sum() }
    #expect(found.value == wanted.value)
    expectSameBits(found.gradient, wanted.gradient)
  }

  @Test("are as good as floats along ragged sequences", arguments: ReducedWeights.allCases, CellTests.names)
  func sequences(kind: ReducedWeights, name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      var passage = Passage<Cell>(batch: 5, time: 9, inputSize: 40, hiddenSize: 48)
      passage.cell = kind.applied(to: passage.cell)
      var floats = passage
      floats.cell = asFloats(passage.cell)
      for direction in Direction.allCases {
        let schedule = Schedule(batch: 5, time: 9, lengths: [9, 4, 0, 7, 1], direction: direction)
        expectClose(passage.outcome(schedule), floats.outcome(schedule), within: kind.tolerance)
      }
    }
    check(try cellType(name))
  }

  @Test(
    "step in a stream as along a sequence, and a row is the same alone",
    arguments: ReducedWeights.allCases, ["lstm", "gru", "rnn"])
  func stream(kind: ReducedWeights, name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      for (inputSize, hiddenSize) in [(5, 48), (40, 50), (41, 50), (64, 128)] {
        let passage = Passage<Cell>(batch: 3, time: 4, inputSize: inputSize, hiddenSize: hiddenSize)
        let cell = kind.applied(to: passage.cell)
        let whole = cell.scan(passage.input, from: passage.state, along: Schedule(batch: 3, time: 4))
        for row in 0..<3 {
          var state = passage.state.mapTensors { rows([row], of: $0) }
          for time in 0..<4 {
            let input = rows([row], of: passage.input).slice(time..<time + 1, axis: 1).reshaped([1, inputSize])
            cell.advance(&state, with: input)
            expectSameBits(
              state.output, rows([row], of: whole.outputs).slice(time..<time + 1, axis: 1).reshaped([1, hiddenSize]))
          }
        }
      }
    }
    check(try cellType(name))
  }
}
