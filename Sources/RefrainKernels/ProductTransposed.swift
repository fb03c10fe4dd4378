// C[M, N] (+)= Aᵀ · B for the gradients of weights: A[K, M] and B[K, N] both lie row by row, and K is long (all rows at
// all time steps). The caller takes K in blocks; of each it packs B as panels, once for all products with it
// (`packPanels`), and A as tiles.

extension KernelBuild {
  /// The columns of A that are packed at a time, so that they stay in the second-level cache: whole tiles.
  public static func tiledColumns() -> Int { 240 }

  /// Columns `first..<end` of A[K, size] as tiles, [tile][k][columns of the tile]; a column beyond `size` is all ones,
  /// which gives the sums of B's columns.
  ///
  /// - rows: [K], where the rows of A begin.
  /// - packed: K · (end − first) + 16 floats, written.
  public static func packTiles(
    _ depth: Int, _ size: Int, _ first: Int, _ end: Int, _ rows: UnsafePointer<UnsafePointer<Float>>,
    _ packed: UnsafeMutablePointer<Float>
  ) {
    let whole = (tileRows &+ width &- 1) / width &* width
    var start = 0
    while start < depth {
      // A few rows of A at a time, across all tiles: their memory is read in streams.
      let stop = smaller(depth, start &+ 32)
      var tiles = Tiles(0, end &- first)
      while tiles.next() {
        let column = first &+ tiles.row
        let tile = packed + tiles.row &* depth
        for k in start..<stop {
          let source = rows[k] + column
          let target = tile + k &* tiles.rows
          // Whole vectors, of which the next k overwrites what is too much; not where they would leave A or the tile.
          if column &+ whole <= size && (depth &- k) &* tiles.rows >= whole {
            store(load(source), target)
            if whole > width { store(load(source + width), target + width) }
          } else {
            for r in 0..<tiles.rows { target[r] = column &+ r < size ? source[r] : 1 }
          }
        }
      }
      start = stop
    }
  }

  /// C[M, N] (+)= Aᵀ · B for one block of K.
  public static func productTiled(_ arguments: TiledProductArguments) {
    productBlock(
      ProductOperands(
        a: arguments.tiles, aRowStep: 0, aColumnStep: 0, aOffsets: nil, aIsTiled: true, packed: arguments.packed,
        packedDepth: arguments.packedDepth, firstDepth: arguments.firstDepth, depth: arguments.depth,
        columns: arguments.columns, bias: nil, accumulate: arguments.accumulate, c: arguments.c,
        cRowStep: arguments.cRowStep, cOffsets: nil), 0, arguments.rows)
  }
}
