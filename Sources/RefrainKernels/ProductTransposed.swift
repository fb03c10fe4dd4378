// C[M, N] (+)= Aᵀ · B for the gradients of weights: A[K, M] and B[K, N] both lie row by row, K is long (all rows at all
// time steps). Blocks of K are packed on the way, B as panels and A as tiles, both in scratch.

/// The depth of a block: long, because C is read and written once for each.
@inline(always) private var longDepthBlock: Int { 384 }

/// The rows of C whose part of A is packed at a time.
@inline(always) private var rowBlock: Int { 240 }

/// The floats of scratch `productTransposed` needs for N columns; every thread has its own.
public func productTransposedScratch(columns: Int) -> Int {
  longDepthBlock * paddedSize(columns) + longDepthBlock * rowBlock + vectorWidth()
}

/// Rows `firstRow..<endRow` of C (+)= Aᵀ · B, so that threads can share the work: an element's bits depend on K alone.
///
/// - A[K, M]: row k at a[(aOffsets?[k] ?? k) · aRowStep], M ≥ endRow contiguous columns.
/// - B[K, N]: row k at b[(bOffsets?[k] ?? k) · bRowStep], N contiguous columns.
/// - C[M, N]: row m at c[m · cRowStep]; added to if `accumulate`, overwritten otherwise; overlaps nothing.
/// - scratch: `productTransposedScratch` floats.
public func productTransposed(
  firstRow: Int, endRow: Int, columns: Int, depth: Int, a: UnsafePointer<Float>, aRowStep: Int,
  aOffsets: UnsafePointer<Int>?, b: UnsafePointer<Float>, bRowStep: Int, bOffsets: UnsafePointer<Int>?,
  accumulate: Bool, c: UnsafeMutablePointer<Float>, cRowStep: Int, scratch: UnsafeMutablePointer<Float>
) {
  let tiles = scratch + longDepthBlock &* paddedSize(columns)
  var start = 0
  repeat {
    let block = smaller(longDepthBlock, depth &- start)
    packRows(block, columns, start, b, bRowStep, bOffsets, scratch)
    var row = firstRow
    while row < endRow {
      let rows = smaller(rowBlock, endRow &- row)
      packTiles(block, rows, start, a + row, aRowStep, aOffsets, tiles)
      productBlock(
        ProductOperands(
          a: tiles, aRowStep: 0, aColumnStep: 0, aOffsets: nil, aIsTiled: true, packed: scratch, packedDepth: block,
          firstDepth: 0, depth: block, columns: columns, bias: nil, accumulate: accumulate || start > 0,
          c: c + row &* cRowStep, cRowStep: cRowStep, cOffsets: nil), 0, rows)
      row &+= rows
    }
    start &+= block
  } while start < depth
}

/// Rows `start ..< start + depth` of B as panels.
@inline(never)
func packRows(
  _ depth: Int, _ columns: Int, _ start: Int, _ b: P, _ rowStep: Int, _ offsets: UnsafePointer<Int>?, _ packed: M
) {
  for k in 0..<depth {
    let row = b + (offsets.map { $0[start &+ k] } ?? (start &+ k)) &* rowStep
    var column = 0
    while column < columns {
      let used = smaller(panelVectors * width, columns &- column)
      let target = packed + (column &* depth &+ k &* ((used &+ width &- 1) / width &* width))
      var vectors = Vectors(used)
      while vectors.next() {
        let index = vectors.index
        let lanes = vectors.lanes
        store(load(row + column + index, lanes), target + index)
      }
      column &+= used
    }
  }
}

/// Columns `0..<rows` of rows `start ..< start + depth` of A as tiles, [tile][k][rows of the tile].
@inline(never)
func packTiles(
  _ depth: Int, _ rows: Int, _ start: Int, _ a: P, _ rowStep: Int, _ offsets: UnsafePointer<Int>?, _ packed: M
) {
  var first = 0
  while first < depth {
    // A few rows of A at a time, across all tiles: their memory is read in streams.
    let end = smaller(depth, first &+ 32)
    var tiles = Tiles(0, rows)
    while tiles.next() {
      let tile = packed + tiles.row &* depth
      for k in first..<end {
        let source = a + ((offsets.map { $0[start &+ k] } ?? (start &+ k)) &* rowStep &+ tiles.row)
        let target = tile + k &* tiles.rows
        // A whole vector, of which the next k overwrites what is too much; not where it would leave A or the tile.
        if tiles.row &+ width <= rows && (depth &- k) &* tiles.rows >= width {
          store(load(source), target)
        } else {
          for r in 0..<tiles.rows { target[r] = source[r] }
        }
      }
    }
    first = end
  }
}
