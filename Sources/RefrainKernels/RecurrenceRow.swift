// A stage of a step for a single row: of a stream, or of the last sequence that goes on. It does one multiply-add with
// each weight and is as fast as these come, if no sum waits for the one before it: so it takes several panels at a time
// where one has few sums (`rowPanels`), and several vectors of units where their gates follow.

/// `run` for a single row: the products of six panels, whose sums there is memory for, and then their gates.
@inline(always)
func runRow<S: RecurrentStage>(_: S.Type, _ index: Int, _ packed: P, _ memory: RecurrentMemory, _ sums: M) {
  let row = memory.schedule.firstRow
  let positions = memory.schedule.positions + index
  let panelUnits = panelVectors / S.gates &* width
  var unit = memory.firstUnit
  while unit < memory.endUnit {
    let first = unit
    let end = smaller(memory.endUnit, unit &+ tileRows &* panelUnits)
    while unit < end {
      let panel = packed + unit &* S.unitSize(memory.layout)
      let target = sums + (unit &- first) &* S.gates
      if memory.bytes == nil, unit &+ rowPanels &* panelUnits <= end {
        fusedRow(
          panelVectors / S.gates &* S.gates, isSplit: S.productGates != S.gates, panel,
          apart: panelUnits &* S.unitSize(memory.layout), row, positions, S.state(memory), memory, target)
        unit &+= rowPanels &* panelUnits
      } else {
        let units = smaller(panelUnits, end &- unit)
        multiply(S.self, units / width, panel, row, 1, positions, memory, target)
        unit &+= units
      }
    }
    finishRow(S.self, first, end, index, memory, P(sums))
  }
}

/// The gates of the units `first ..< end` of a single row: of six vectors side by side, as those of one alone would
/// wait for each result; one by one where the vectors are not whole, or what is kept of them lies elsewhere.
@inline(always)
private func finishRow<S: RecurrentStage>(
  _: S.Type, _ first: Int, _ end: Int, _ index: Int, _ memory: RecurrentMemory, _ sums: P
) {
  let row = memory.schedule.firstRow
  let positions = memory.schedule.positions + index
  var unit = first
  while unit < end {
    let own = Sums(pointer: sums + (unit &- first) &* S.gates, stride: S.gates &* width)
    let lanes = smaller(width, memory.hiddenSize &- unit)
    if lanes < width || memory.keptGates != nil {
      finishPlace(
        S.self, own, memory,
        Place<1>(
          row: row, index: index, positions: positions, previousPositions: nil, last: 0, unit: unit, lanes: lanes))
      unit &+= width
      continue
    }
    let vectors = smaller(tileRows, (smaller(end, memory.hiddenSize) &- unit) / width)
    // The vectors of the row, as if they were rows of one vector.
    var view = memory
    let offset = row &* memory.paddedSize &+ unit
    view.paddedSize = width
    view.hiddenSize = width
    view.previous += offset
    view.next += offset
    view.seen += offset
    view.cell += offset
    view.reset += offset
    view.update += offset
    view.parameters = memory.parameters.map { $0 + unit }
    view.parameterStride = memory.paddedSize
    view.output = memory.output.map { $0 + (positions[0] &* memory.outputStride &+ unit) }
    view.outputStride = width
    finishPlace(
      S.self, own, view,
      TilePlace(row: 0, index: 0, positions: nil, previousPositions: nil, last: vectors &- 1, unit: 0, lanes: width))
    unit &+= vectors &* width
  }
}
