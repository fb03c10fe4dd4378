// The fused product of a recurrent step for one tile: the input's and the state's product in the same accumulators.
// There is one function for each width of a panel, and all cells share them: a cell compiles little more than its
// gates.

// Where registers are few, a panel is taken two vectors at a time, so that a tile keeps its six rows; but whole by a
// tile of few rows, and two panels at a time by a single row (`wideRows`, `rowPanels`).

/// sums[rows, 1] = bias + input · W + state · R for `rows` rows from `row` on, 1 vector wide.
@inline(never)
func fusedTiles1(
  _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>, _ state: P, _ memory: RecurrentMemory,
  _ sums: M
) {
  let tile = FusedTile<1, 1>(panel: panel, row: row, positions: positions, state: state, sums: sums)
  tile.pass(Panel<1>.self, rows, memory, first: 0, Fused.self)
}

/// sums[rows, 2] = bias + input · W + state · R for `rows` rows from `row` on, 2 vectors wide.
@inline(never)
func fusedTiles2(
  _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>, _ state: P, _ memory: RecurrentMemory,
  _ sums: M
) {
  let tile = FusedTile<2, 2>(panel: panel, row: row, positions: positions, state: state, sums: sums)
  tile.pass(Panel<2>.self, rows, memory, first: 0, Fused.self)
}

/// sums[rows, 3] = bias + input · W + state · R for `rows` rows from `row` on, 3 vectors wide.
@inline(never)
func fusedTiles3(
  _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>, _ state: P, _ memory: RecurrentMemory,
  _ sums: M
) {
  let tile = FusedTile<3, 3>(panel: panel, row: row, positions: positions, state: state, sums: sums)
  if fits(rows, 3) { return tile.pass(Panel<3>.self, rows, memory, first: 0, Fused.self) }
  tile.pass(Panel<2>.self, rows, memory, first: 0, Fused.self)
  tile.pass(Panel<1>.self, rows, memory, first: 2, Fused.self)
}

/// sums[rows, 4] = bias + input · W + state · R for `rows` rows from `row` on, 4 vectors wide.
@inline(never)
func fusedTiles4(
  _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>, _ state: P, _ memory: RecurrentMemory,
  _ sums: M
) {
  let tile = FusedTile<4, 4>(panel: panel, row: row, positions: positions, state: state, sums: sums)
  if fits(rows, 4) { return tile.pass(Panel<4>.self, rows, memory, first: 0, Fused.self) }
  tile.pass(Panel<2>.self, rows, memory, first: 0, Fused.self)
  tile.pass(Panel<2>.self, rows, memory, first: 2, Fused.self)
}

/// The same for four accumulators and three products on either side: the input's third runs into the third accumulator,
/// the state's into the fourth.
@inline(never)
func splitTiles(
  _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>, _ state: P, _ memory: RecurrentMemory,
  _ sums: M
) {
  let tile = FusedTile<4, 3>(panel: panel, row: row, positions: positions, state: state, sums: sums)
  if fits(rows, 4) { return tile.pass(Panel<4>.self, rows, memory, first: 0, Split.self) }
  tile.pass(Panel<2>.self, rows, memory, first: 0, Fused.self)
  tile.pass(Panel<2>.self, rows, memory, first: 2, Split.self)
}

/// The same of a single row for two panels of three or four accumulators, the second `apart` floats behind the first.
@inline(never)
func fusedRow(
  _ vectors: Int, isSplit: Bool, _ panel: P, apart: Int, _ row: Int, _ positions: UnsafePointer<Int>, _ state: P,
  _ memory: RecurrentMemory, _ sums: M
) {
  if isSplit {
    FusedTile<4, 3>(panel: panel, row: row, positions: positions, state: state, sums: sums)
      .passTwo(memory, apart: apart, Split.self)
  } else if vectors == 3 {
    FusedTile<3, 3>(panel: panel, row: row, positions: positions, state: state, sums: sums)
      .passTwo(memory, apart: apart, Fused.self)
  } else {
    FusedTile<4, 4>(panel: panel, row: row, positions: positions, state: state, sums: sums)
      .passTwo(memory, apart: apart, Fused.self)
  }
}

/// How the products of a pass run into its accumulators.
private protocol Accumulation {
  /// The products on either side, of the input and of the state.
  static func products(_ vectors: Int) -> Int
  /// The accumulator of one with the state; that with the input has its own number.
  static func ofState(_ product: Int, _ vectors: Int) -> Int
}

/// Both sides' products in the same accumulators.
private enum Fused: Accumulation {
  @inline(always) static func products(_ vectors: Int) -> Int { vectors }
  @inline(always) static func ofState(_ product: Int, _: Int) -> Int { product }
}

/// The third product of the state apart, in the last one. (Where registers are few it is the only one of its pass.)
private enum Split: Accumulation {
  @inline(always) static func products(_ vectors: Int) -> Int { vectors &- 1 }
  @inline(always) static func ofState(_ product: Int, _ vectors: Int) -> Int {
    product == vectors &- 2 ? product &+ 1 : product
  }
}

private struct FusedTile<let vectors: Int, let products: Int> {
  /// Biases, [vectors], and after them the weights of the input and of the state, [k][products].
  let panel: P
  let row: Int
  let positions: UnsafePointer<Int>
  let state: P
  let sums: M

  /// The sums of accumulators `first` to `first + passVectors`.
  @inline(always)
  func pass<let passVectors: Int, A: Accumulation>(
    _: Panel<passVectors>.Type, _ rows: Int, _ memory: RecurrentMemory, first: Int, _: A.Type
  ) {
    switch rows {
    case 1: pass(Tile<1, passVectors>.self, memory, first: first, A.self)
    case 2: pass(Tile<2, passVectors>.self, memory, first: first, A.self)
    case 3: pass(Tile<3, passVectors>.self, memory, first: first, A.self)
    case 4 where fits(4, passVectors): pass(Tile<4, passVectors>.self, memory, first: first, A.self)
    case 5 where fits(5, passVectors): pass(Tile<5, passVectors>.self, memory, first: first, A.self)
    case 6 where fits(6, passVectors): pass(Tile<6, passVectors>.self, memory, first: first, A.self)
    default: break
    }
  }

  /// A function for each height of a tile: the time that the compiler takes grows faster than a function's size. Its
  /// strides are constants, without which it spills sums.
  @inline(never)
  private func pass<let rows: Int, let passVectors: Int, A: Accumulation>(
    _: Tile<rows, passVectors>.Type, _ memory: RecurrentMemory, first: Int, _: A.Type
  ) {
    var tile = Tile<rows, passVectors>(startingFrom: panel + first &* width)
    var a = RowPointers(memory.input)
    unrolled(rows) { r in a[r] = memory.input + positions[r] &* memory.inputStride }
    let input = panel + vectors &* width
    let stride = products &* width
    let count = A.products(passVectors)
    tile.add(
      depth: memory.inputSize, a, step: 1, panel: input + first &* width, panelStep: stride, count: count
    ) { $0 }
    let start = state + row &* memory.paddedSize
    unrolled(rows) { r in a[r] = start + r &* memory.paddedSize }
    tile.add(
      depth: memory.hiddenSize, a, step: 1, panel: input + memory.inputSize &* stride + first &* width,
      panelStep: stride, count: count
    ) { A.ofState($0, passVectors) }
    tile.write(to: sums + first &* width, rowStep: vectors &* width)
  }

  /// The sums of a single row for two panels.
  @inline(never)
  func passTwo<A: Accumulation>(_ memory: RecurrentMemory, apart: Int, _: A.Type) {
    var tile = Tile<2, vectors>(startingFrom: panel, apart: apart)
    let input = panel + vectors &* width
    let stride = products &* width
    let count = A.products(vectors)
    tile.addPanels(
      depth: memory.inputSize, memory.input + positions[0] &* memory.inputStride, step: 1, panel: input, apart: apart,
      panelStep: stride, count: count
    ) { $0 }
    tile.addPanels(
      depth: memory.hiddenSize, state + row &* memory.paddedSize, step: 1,
      panel: input + memory.inputSize &* stride, apart: apart, panelStep: stride, count: count
    ) { A.ofState($0, vectors) }
    tile.write(to: sums, rowStep: vectors &* width)
  }
}
