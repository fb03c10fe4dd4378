import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Adam of sparse rows") struct SparseAdamTests {
  /// The gradient of a table by the rows that were used.
  private func gradient(of table: Tensor, at rows: [Int]) -> Tensor {
    valueAndGradient(at: table) { ($0.gatheringRows(rows) * ramp([rows.count, 3], 0.7)).sum() }.gradient
  }

  @Test("rows that were not used stay as they are, those that were move as by Adam on these alone")
  func rows() {
    let start = ramp([5, 3], 0.3)
    var (table, optimizer) = (start, SparseAdam(learningRate: 0.1))
    let used = [1, 4]
    var (alone, adam) = (start.gatheringRows(used), Adam(learningRate: 0.1))
    for _ in 0..<4 {
      let whole = gradient(of: table, at: used)
      #expect(whole.sparseRows?.indices == used)
      optimizer.update(&table, along: whole)
      adam.update(&alone, along: gradient(of: alone, at: [0, 1]))
    }
    #expect(table.gatheringRows(used) == alone)
    #expect(table.gatheringRows([0, 2, 3]) == start.gatheringRows([0, 2, 3]))
    #expect(optimizer.state.moments[0].allSatisfy { $0.gatheringRows([0, 2, 3]) == .zeros([3, 3]) })
    // By Adam, a row goes on by what is remembered of it.
    let before = table
    optimizer.update(&table, along: gradient(of: table, at: [1]))
    #expect(table.gatheringRows([4]) == before.gatheringRows([4]) && table != before)
  }

  @Test("what is dense moves as by Adam")
  func dense() {
    var (first, second) = (ramp([4, 3], 0.5), ramp([4, 3], 0.5))
    var (sparse, adam) = (SparseAdam(learningRate: 0.05), Adam(learningRate: 0.05))
    for step in 0..<3 {
      let gradient = ramp([4, 3], 0.2 + Double(step))
      sparse.update(&first, along: gradient)
      adam.update(&second, along: gradient)
    }
    #expect(first == second)
  }
}
