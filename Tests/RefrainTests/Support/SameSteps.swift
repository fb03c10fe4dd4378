import Refrain
import RefrainTestSupport
import Testing

/// Expects what the steps of a cell give to have the same bits however they are taken; where the cell computes them
/// side by side, sums have another order and are only close.
func expectSameSteps<Group: TensorGroup, Cell: RecurrentCell>(
  of cell: Cell.Type, _ actual: Group, _ expected: Group, _ what: @autoclosure () -> String = "the tensor",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  if Cell.self == MatrixLSTMCell.self {
    expectClose(actual, expected, what(), sourceLocation: sourceLocation)
  } else {
    expectSameBits(actual, expected, what(), sourceLocation: sourceLocation)
  }
}
