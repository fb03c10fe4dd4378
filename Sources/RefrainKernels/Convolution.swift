// The product of a convolution: a tile of outputs beside each other, whose patches are rows of the input that overlap,
// times the packed weights. Nothing is gathered.

/// The parts of a line that stay the same for all its tiles.
private struct LineOperands {
  let a: P
  let aRowStep: Int
  let starts: UnsafePointer<Int>
  let depth: Int
  /// B as packed panels of `packedDepth` rows each, of which `runs` · `depth` from `firstDepth` on are used.
  let packed: P
  let packedDepth: Int
  let firstDepth: Int
  let runs: Int
  let columns: Int
  let bias: P?
  let accumulate: Bool
  let c: M
  let cRowStep: Int
}

/// The depth of a block of runs: a panel of it stays in the second-level cache.
@inline(always) private var runBlock: Int { 2048 }

extension KernelBuild {
  /// C (+)= Σ_s A_s · B_s (+ bias), for outputs of one line. An element's sum runs over blocks of whole runs, each from
  /// zero and in order: its bits depend on the runs and their depth alone.
  public static func convolutionLine(_ arguments: ConvolutionLineArguments) {
    let block = arguments.depth > runBlock ? 1 : runBlock / (arguments.depth > 0 ? arguments.depth : 1)
    var first = 0
    repeat {
      let operands = LineOperands(
        a: arguments.a, aRowStep: arguments.aRowStep, starts: arguments.starts + first, depth: arguments.depth,
        packed: arguments.packed, packedDepth: arguments.runs &* arguments.depth,
        firstDepth: first &* arguments.depth, runs: smaller(block, arguments.runs &- first),
        columns: arguments.columns, bias: first == 0 ? arguments.bias : nil,
        accumulate: arguments.accumulate || first > 0, c: arguments.c, cRowStep: arguments.cRowStep)
      var memory = TileSums()
      memory.with { linePanels(operands, arguments.rows, $0) }
      first &+= block
    } while first < arguments.runs
  }
}

@inline(never) private func linePanels(_ operands: LineOperands, _ rows: Int, _ sums: M) {
  var column = 0
  while column < operands.columns {
    let used = smaller(panelVectors &* width, operands.columns &- column)
    let vectors = (used &+ width &- 1) / width
    let panel = operands.packed + column &* operands.packedDepth + operands.firstDepth &* vectors &* width
    var tiles = Tiles(0, rows)
    while tiles.next() {
      switch vectors {
      case 1: lineTiles1(operands, panel, tiles.row, tiles.rows, sums)
      case 2: lineTiles2(operands, panel, tiles.row, tiles.rows, sums)
      case 3: lineTiles3(operands, panel, tiles.row, tiles.rows, sums)
      default: lineTiles4(operands, panel, tiles.row, tiles.rows, sums)
      }
      finish(operands, tiles.row, tiles.rows, column, used, vectors, sums)
    }
    column &+= used
  }
}

// One function for each width, as for products (Product.swift).

@inline(never) private func lineTiles1(_ operands: LineOperands, _ panel: P, _ row: Int, _ rows: Int, _ sums: M) {
  lineTile(Panel<1>.self, operands, panel, row, rows, sums, of: Panel<1>.self)
}

@inline(never) private func lineTiles2(_ operands: LineOperands, _ panel: P, _ row: Int, _ rows: Int, _ sums: M) {
  lineTile(Panel<2>.self, operands, panel, row, rows, sums, of: Panel<2>.self)
}

@inline(never) private func lineTiles3(_ operands: LineOperands, _ panel: P, _ row: Int, _ rows: Int, _ sums: M) {
  #if AVX512 || arch(arm64)
    lineTile(Panel<3>.self, operands, panel, row, rows, sums, of: Panel<3>.self)
  #else
    lineTile(Panel<2>.self, operands, panel, row, rows, sums, of: Panel<3>.self)
    lineTile(Panel<1>.self, operands, panel + 2 &* width, row, rows, sums + 2 &* width, of: Panel<3>.self)
  #endif
}

@inline(never) private func lineTiles4(_ operands: LineOperands, _ panel: P, _ row: Int, _ rows: Int, _ sums: M) {
  #if AVX512 || arch(arm64)
    lineTile(Panel<4>.self, operands, panel, row, rows, sums, of: Panel<4>.self)
  #else
    lineTile(Panel<2>.self, operands, panel, row, rows, sums, of: Panel<4>.self)
    lineTile(Panel<2>.self, operands, panel + 2 &* width, row, rows, sums + 2 &* width, of: Panel<4>.self)
  #endif
}

@inline(always)
private func lineTile<let vectors: Int, let total: Int>(
  _: Panel<vectors>.Type, _ operands: LineOperands, _ panel: P, _ row: Int, _ rows: Int, _ sums: M,
  of _: Panel<total>.Type
) {
  switch rows {
  case 1: lineTile(Tile<1, vectors>.self, operands, panel, row, sums, of: Panel<total>.self)
  case 2: lineTile(Tile<2, vectors>.self, operands, panel, row, sums, of: Panel<total>.self)
  case 3: lineTile(Tile<3, vectors>.self, operands, panel, row, sums, of: Panel<total>.self)
  case 4: lineTile(Tile<4, vectors>.self, operands, panel, row, sums, of: Panel<total>.self)
  case 5: lineTile(Tile<5, vectors>.self, operands, panel, row, sums, of: Panel<total>.self)
  case 6: lineTile(Tile<6, vectors>.self, operands, panel, row, sums, of: Panel<total>.self)
  default: break
  }
}

@inline(never)
private func lineTile<let rows: Int, let vectors: Int, let total: Int>(
  _: Tile<rows, vectors>.Type, _ operands: LineOperands, _ panel: P, _ row: Int, _ sums: M, of _: Panel<total>.Type
) {
  var tile = Tile<rows, vectors>()
  let panelStep = total &* width
  var panel = panel
  var run = 0
  while run < operands.runs {
    let first = operands.a + (operands.starts[run] &+ row &* operands.aRowStep)
    var a = RowPointers(first)
    unrolled(rows) { r in a[r] = first + r &* operands.aRowStep }
    tile.add(depth: operands.depth, a, step: 1, panel: panel, panelStep: panelStep, count: vectors) { $0 }
    panel += operands.depth &* panelStep
    run &+= 1
  }
  tile.write(to: sums, rowStep: panelStep)
}

/// Takes a tile's sums over to C.
@inline(always)
private func finish(
  _ operands: LineOperands, _ row: Int, _ rows: Int, _ column: Int, _ used: Int, _ vectors: Int, _ sums: M
) {
  for r in 0..<rows {
    let c = operands.c + ((row &+ r) &* operands.cRowStep &+ column)
    let source = sums + r &* vectors &* width
    var vectors = Vectors(used)
    while vectors.next() {
      let index = vectors.index
      let lanes = vectors.lanes

      var sum = load(source + index)
      if let bias = operands.bias { sum = load(bias + column + index, lanes) + sum }
      if operands.accumulate { sum = load(c + index, lanes) + sum }
      store(sum, c + index, lanes)
    }
  }
}
