// C[M, N] (+)= A[M, K] · B[K, N], B packed. An element's sum runs over blocks of `depthBlock` in k, each from zero and
// in order, the blocks added in order: its bits depend on K alone, whatever rows, columns or threads surround it.

/// The depth of a block: a panel of it stays in the second-level cache, most of it in the first.
@inline(always) var depthBlock: Int { 256 }

/// The rows of A whose block is kept in the second-level cache while the panels go by.
@inline(always) private var rowBlock: Int { 240 }

/// The parts of a product that stay the same for all its tiles. (Constants without defaults, here as in every structure
/// of the kernels: an initial value of a variable is a function of its own, and a debug build may make two of it.)
struct ProductOperands {
  /// A's element (r, k) is a[(aOffsets?[r] ?? r) · aRowStep + k · aColumnStep].
  let a: P
  let aRowStep: Int
  let aColumnStep: Int
  let aOffsets: UnsafePointer<Int>?
  /// Instead, A is packed in tiles: [tile][k][rows of the tile], `aRowStep` and `aColumnStep` meaning nothing.
  let aIsTiled: Bool
  /// B as packed panels of `packedDepth` rows each; the product uses `depth` of them from `firstDepth` on.
  let packed: P
  let packedDepth: Int
  let firstDepth: Int
  let depth: Int
  let columns: Int
  let bias: P?
  let accumulate: Bool
  let c: M
  let cRowStep: Int
  let cOffsets: UnsafePointer<Int>?

  @inline(always) func aRow(_ row: Int) -> P { a + (aOffsets.map { $0[row] } ?? row) &* aRowStep }
  @inline(always) func cRow(_ row: Int) -> M { c + (cOffsets.map { $0[row] } ?? row) &* cRowStep }
}

extension KernelBuild {
  /// C (+)= A · B (+ bias), where any of rows, columns and depth may be 0.
  public static func product(_ arguments: ProductArguments) {
    computeProduct(
      ProductOperands(
        a: arguments.a, aRowStep: arguments.aRowStep, aColumnStep: arguments.aColumnStep,
        aOffsets: arguments.aOffsets, aIsTiled: false, packed: arguments.packed, packedDepth: arguments.depth,
        firstDepth: 0, depth: arguments.depth, columns: arguments.columns, bias: arguments.bias,
        accumulate: arguments.accumulate, c: arguments.c, cRowStep: arguments.cRowStep,
        cOffsets: arguments.cOffsets), rows: arguments.rows)
  }
}

/// All blocks of a product.
@inline(always) func computeProduct(_ operands: ProductOperands, rows: Int) {
  var start = 0
  repeat {
    let depth = smaller(depthBlock, operands.depth &- start)
    let block = ProductOperands(
      a: operands.a + start &* operands.aColumnStep, aRowStep: operands.aRowStep, aColumnStep: operands.aColumnStep,
      aOffsets: operands.aOffsets, aIsTiled: operands.aIsTiled, packed: operands.packed,
      packedDepth: operands.packedDepth, firstDepth: operands.firstDepth &+ start, depth: depth,
      columns: operands.columns, bias: start == 0 ? operands.bias : nil,
      accumulate: operands.accumulate || start > 0, c: operands.c, cRowStep: operands.cRowStep,
      cOffsets: operands.cOffsets)
    var row = 0
    while row < rows {
      let end = smaller(rows, row &+ rowBlock)
      productBlock(block, row, end)
      row = end
    }
    start &+= depth
  } while start < operands.depth
}

/// One block in k: rows `first..<end` of C, all columns.
@inline(always) func productBlock(_ operands: ProductOperands, _ first: Int, _ end: Int) {
  var memory = TileSums()
  memory.with { productPanels(operands, first, end, $0) }
}

@inline(never) func productPanels(_ operands: ProductOperands, _ first: Int, _ end: Int, _ sums: M) {
  var column = 0
  while column < operands.columns {
    let used = smaller(panelVectors * width, operands.columns &- column)
    let vectors = (used &+ width &- 1) / width
    let panel = operands.packed + column &* operands.packedDepth + operands.firstDepth &* vectors &* width
    let several = rowPanels &* panelVectors &* width
    if end &- first == 1, column &+ several <= operands.columns {
      productRow(operands, panel, first, sums)
      finish(operands, first, 1, column, several, several / width, sums)
      column &+= several
      continue
    }
    var tiles = Tiles(first, end)
    while tiles.next() {
      switch vectors {
      case 1: productTiles1(operands, panel, tiles.row, tiles.rows, sums)
      case 2: productTiles2(operands, panel, tiles.row, tiles.rows, sums)
      case 3: productTiles3(operands, panel, tiles.row, tiles.rows, sums)
      default: productTiles4(operands, panel, tiles.row, tiles.rows, sums)
      }
      finish(operands, tiles.row, tiles.rows, column, used, vectors, sums)
    }
    column &+= used
  }
}

// One function for each width and height, so that none is large. Where registers are few, two vectors at a time, so
// that a tile keeps its six rows; but all at a time by a tile of few rows.

@inline(never) func productTiles1(_ operands: ProductOperands, _ panel: P, _ row: Int, _ rows: Int, _ sums: M) {
  productTile(Panel<1>.self, operands, panel, row, rows, sums, of: Panel<1>.self)
}

@inline(never) func productTiles2(_ operands: ProductOperands, _ panel: P, _ row: Int, _ rows: Int, _ sums: M) {
  productTile(Panel<2>.self, operands, panel, row, rows, sums, of: Panel<2>.self)
}

@inline(never) func productTiles3(_ operands: ProductOperands, _ panel: P, _ row: Int, _ rows: Int, _ sums: M) {
  if fits(rows, 3) {
    return productTile(Panel<3>.self, operands, panel, row, rows, sums, of: Panel<3>.self)
  }
  productTile(Panel<2>.self, operands, panel, row, rows, sums, of: Panel<3>.self)
  productTile(Panel<1>.self, operands, panel + 2 &* width, row, rows, sums + 2 &* width, of: Panel<3>.self)
}

@inline(never) func productTiles4(_ operands: ProductOperands, _ panel: P, _ row: Int, _ rows: Int, _ sums: M) {
  if fits(rows, 4) {
    return productTile(Panel<4>.self, operands, panel, row, rows, sums, of: Panel<4>.self)
  }
  productTile(Panel<2>.self, operands, panel, row, rows, sums, of: Panel<4>.self)
  productTile(Panel<2>.self, operands, panel + 2 &* width, row, rows, sums + 2 &* width, of: Panel<4>.self)
}

@inline(always)
private func productTile<let vectors: Int, let total: Int>(
  _: Panel<vectors>.Type, _ operands: ProductOperands, _ panel: P, _ row: Int, _ rows: Int, _ sums: M,
  of _: Panel<total>.Type
) {
  switch rows {
  case 1: productTile(Tile<1, vectors>.self, operands, panel, row, sums, of: Panel<total>.self)
  case 2: productTile(Tile<2, vectors>.self, operands, panel, row, sums, of: Panel<total>.self)
  case 3: productTile(Tile<3, vectors>.self, operands, panel, row, sums, of: Panel<total>.self)
  case 4 where fits(4, vectors):
    productTile(Tile<4, vectors>.self, operands, panel, row, sums, of: Panel<total>.self)
  case 5 where fits(5, vectors):
    productTile(Tile<5, vectors>.self, operands, panel, row, sums, of: Panel<total>.self)
  case 6 where fits(6, vectors):
    productTile(Tile<6, vectors>.self, operands, panel, row, sums, of: Panel<total>.self)
  default: break
  }
}

@inline(never)
private func productTile<let rows: Int, let vectors: Int, let total: Int>(
  _: Tile<rows, vectors>.Type, _ operands: ProductOperands, _ panel: P, _ row: Int, _ sums: M, of _: Panel<total>.Type
) {
  var tile = Tile<rows, vectors>()
  var a = RowPointers(operands.a)
  if operands.aIsTiled {
    unrolled(rows) { r in a[r] = operands.a + (row &* operands.depth &+ r) }
  } else {
    unrolled(rows) { r in a[r] = operands.aRow(row &+ r) }
  }
  let step = operands.aIsTiled ? rows : operands.aColumnStep
  tile.add(
    depth: operands.depth, a, step: step, panel: panel, panelStep: total &* width, count: vectors
  ) { $0 }
  tile.write(to: sums, rowStep: total &* width)
}

/// The product of a single row with two panels.
@inline(never) private func productRow(_ operands: ProductOperands, _ panel: P, _ row: Int, _ sums: M) {
  var tile = Tile<2, 4>()
  tile.addPanels(
    depth: operands.depth, operands.aIsTiled ? operands.a + row &* operands.depth : operands.aRow(row),
    step: operands.aIsTiled ? 1 : operands.aColumnStep, panel: panel,
    apart: panelVectors &* width &* operands.packedDepth, panelStep: panelVectors &* width, count: panelVectors
  ) { $0 }
  tile.write(to: sums, rowStep: panelVectors &* width)
}

/// Takes a tile's sums over to C.
@inline(always)
private func finish(
  _ operands: ProductOperands, _ row: Int, _ rows: Int, _ column: Int, _ used: Int, _ vectors: Int, _ sums: M
) {
  for r in 0..<rows {
    let c = operands.cRow(row &+ r) + column
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
