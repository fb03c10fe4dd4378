import RefrainTestSupport
import Testing

@testable import Refrain

// An operation is one type and the function that calls it, in one file: here is all that a new one takes to be
// differentiated, traced and compiled.

extension Operations {
  fileprivate struct Cube: OperationOfOne {
    func callAsFunction(_ x: Tensor) -> Tensor {
      var result = x.detached
      result.withUnsafeMutableValues { values in
        for index in values.indices { values[index] *= values[index] * values[index] }
      }
      return result.recorded(as: self, of: [x]) { [.pullback { 3 * $0 * x.squared }] }
    }

    func formula(_ operands: [Tensor]) -> [Tensor]? { [operands[0].squared * operands[0]] }
  }
}

private func cube(_ x: Tensor) -> Tensor { Operations.Cube()(x) }

@Suite("A new operation")
struct NewOperationTests {
  @Test("has the gradient that stands beside its value")
  func gradient() {
    expectGradientMatchesDifferences(at: ramp([2, 3], 0.3)) { [cube($0), cube(tanh($0)) * $0] }
  }

  @Test("is compiled by its formula, and is the loop")
  func compiled() {
    let passage = Passage<CubeCell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 5)
    #expect(passage.cell.stepCompilation() == .compiled)
    let schedule = Schedule(batch: 3, time: 4, lengths: [4, 1, 3])
    expectClose(
      passage.outcome(schedule), passage.outcome(schedule, byLoop: true), "the loop's", within: CellScanTests.tolerance)
  }

  @Test("is called by its type's name where it is refused")
  func name() { #expect(Operations.Cube().name == "cube") }
}

private struct CubeCell: OneWeightCell {
  static let name = "cube"

  var weight: Tensor

  func step(_ projected: Tensor, _ state: HiddenState) -> HiddenState {
    HiddenState(hidden: tanh(projected + cube(state.hidden)))
  }
}
