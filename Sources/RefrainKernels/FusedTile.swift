// The fused product of a recurrent step for one tile: the input's and the state's product in the same accumulators.
// There is one function for each width of a panel, and all cells share them: a cell compiles little more than its gates.

/// sums[rows, 1] = bias + input · W + state · R for `rows` rows from `row` on, 1 vector wide.
@inline(never)
func fusedTiles1(
  _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>, _ state: P, _ memory: RecurrentMemory,
  _ sums: M
) {
  fusedTile(Panel<1>.self, panel, row, rows, positions, state, memory, sums, count: 1) { $0 }
}

/// sums[rows, 2] = bias + input · W + state · R for `rows` rows from `row` on, 2 vectors wide.
@inline(never)
func fusedTiles2(
  _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>, _ state: P, _ memory: RecurrentMemory,
  _ sums: M
) {
  fusedTile(Panel<2>.self, panel, row, rows, positions, state, memory, sums, count: 2) { $0 }
}

/// sums[rows, 3] = bias + input · W + state · R for `rows` rows from `row` on, 3 vectors wide.
@inline(never)
func fusedTiles3(
  _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>, _ state: P, _ memory: RecurrentMemory,
  _ sums: M
) {
  fusedTile(Panel<3>.self, panel, row, rows, positions, state, memory, sums, count: 3) { $0 }
}

/// sums[rows, 4] = bias + input · W + state · R for `rows` rows from `row` on, 4 vectors wide.
@inline(never)
func fusedTiles4(
  _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>, _ state: P, _ memory: RecurrentMemory,
  _ sums: M
) {
  fusedTile(Panel<4>.self, panel, row, rows, positions, state, memory, sums, count: 4) { $0 }
}

/// The same for four accumulators and three products on either side: the input's third runs into the third accumulator,
/// the state's into the fourth.
@inline(never)
func splitTiles(
  _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>, _ state: P, _ memory: RecurrentMemory,
  _ sums: M
) {
  fusedTile(Panel<4>.self, panel, row, rows, positions, state, memory, sums, count: 3) { $0 == 2 ? 3 : $0 }
}

@inline(always)
private func fusedTile<let vectors: Int>(
  _: Panel<vectors>.Type, _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>, _ state: P,
  _ memory: RecurrentMemory, _ sums: M, count: Int, slot: (Int) -> Int
) {
  switch rows {
  case 1:
    fusedTile(Tile<1, vectors>.self, panel, row, positions, state, memory, sums, count: count, slot: slot)
  case 2:
    fusedTile(Tile<2, vectors>.self, panel, row, positions, state, memory, sums, count: count, slot: slot)
  case 3:
    fusedTile(Tile<3, vectors>.self, panel, row, positions, state, memory, sums, count: count, slot: slot)
  case 4 where tileRows > 3:
    fusedTile(Tile<4, vectors>.self, panel, row, positions, state, memory, sums, count: count, slot: slot)
  case 5 where tileRows > 3:
    fusedTile(Tile<5, vectors>.self, panel, row, positions, state, memory, sums, count: count, slot: slot)
  case 6 where tileRows > 3:
    fusedTile(Tile<6, vectors>.self, panel, row, positions, state, memory, sums, count: count, slot: slot)
  default: break
  }
}

@inline(always)
private func fusedTile<let rows: Int, let vectors: Int>(
  _: Tile<rows, vectors>.Type, _ panel: P, _ row: Int, _ positions: UnsafePointer<Int>, _ state: P,
  _ memory: RecurrentMemory, _ sums: M, count: Int, slot: (Int) -> Int
) {
  var tile = Tile<rows, vectors>(startingFrom: panel)
  var a = RowPointers(memory.input)
  let input = panel + vectors &* width
  unrolled(rows) { r in a[r] = memory.input + positions[r] &* memory.inputStride }
  tile.add(depth: memory.inputSize, a, step: 1, panel: input, count: count) { $0 }
  let first = state + row &* memory.paddedSize
  unrolled(rows) { r in a[r] = first + r &* memory.paddedSize }
  tile.add(
    depth: memory.hiddenSize, a, step: 1, panel: input + memory.inputSize &* count &* width, count: count, slot: slot)
  tile.write(to: sums)
}
