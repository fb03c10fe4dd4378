import Refrain
import Testing

@Suite("refrain cells")
struct CellsTests {
  @Test("lists every cell, with the number of its parameters, its purpose and its source")
  func lists() throws {
    let result = try Workplace().run(["cells"])
    #expect(result.status == 0)
    for cell in Cells.all {
      #expect(result.text.contains("\n\(cell.name)\n"))
      #expect(cell.purpose.isEmpty || result.text.contains(cell.purpose))
      #expect(cell.source.isEmpty || result.text.contains(cell.source))
    }
    #expect(!result.text.contains("by its options"))
    // PyTorch's numbers, which have a second bias for all but the last sum of a GRU.
    #expect(result.text.contains("\nlstm\n  parameters  4IH + 4H² + 4H\n"))
    #expect(result.text.contains("\ngru\n  parameters  3IH + 3H² + 4H\n"))
    #expect(result.text.contains("\nprojected-lstm\n  parameters  8IH + 10H² + 8H\n"))
  }
}
