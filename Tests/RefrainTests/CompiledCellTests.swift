import Testing

@testable import Refrain

/// Cells whose step is compiled. That what is compiled equals the loop, gradients, masks, ragged batches and bits of rows, is
/// what every cell is tested for (CellScanTests, CellRowTests, CellTests); here is whether it is compiled at all, and what a cell of one's own
/// may do.
@Suite("Compiled cells")
struct CompiledCellTests {
  static let names = Cells.all.filter { $0 is any CompiledCell.Type }.map { $0.name }

  @Test("every cell that promises to be is compiled, with masks and without, on both ways", arguments: names)
  func compiles(name: String) throws {
    func check<Cell: CompiledCell>(_ type: Cell.Type) {
      let cell = Passage<Cell>(batch: 1, time: 1, inputSize: 3, hiddenSize: 5).cell
      let state = cell.initialState(batch: 1)
      for isTraining in [false, true] {
        for kinds in [[], StepMasks.Kind.allCases.filter { state.tensor($0.state) != nil }] {
          var masks = StepMasks()
          for kind in kinds { masks[kind] = state.tensor(kind.state) }
          let program = cell.program(for: masks, kinds, isTraining: isTraining, differentiatesInput: true)
          #expect(program != nil, "training: \(isTraining), masks: \(kinds)")
        }
      }
    }
    let type = try #require(try cellType(name) as? any CompiledCell.Type)
    check(type)
  }
}
