// C[M, N] (+)= A[M, K] · B[K, N] of bytes. An element's bits depend on its row and its column alone.

extension KernelBuild {
  /// C (+)= A · B (+ bias), where any of rows, columns and depth may be 0.
  public static func quantizedProduct(_ arguments: QuantizedProductArguments) {
    var memory = TileSums()
    memory.with { quantizedPanels(arguments, $0) }
  }
}

@inline(never) private func quantizedPanels(_ arguments: QuantizedProductArguments, _ sums: M) {
  let size = KernelBuild.quantizedRowSize(arguments.depth)
  var column = 0
  while column < arguments.columns {
    let used = smaller(panelVectors * width, arguments.columns &- column)
    let vectors = (used &+ width &- 1) / width
    let panel = arguments.packed + KernelBuild.quantizedPackedSize(arguments.depth, column)
    var tiles = Tiles(0, arguments.rows)
    while tiles.next() {
      for row in 0..<tiles.rows {
        let c = arguments.c + ((tiles.row &+ row) &* arguments.stride &+ column)
        let target = sums + row &* vectors &* width
        var parts = Vectors(used)
        while parts.next() {
          let index = parts.index
          let lanes = parts.lanes
          var value = arguments.bias.map { load($0 + (column &+ index), lanes) } ?? splat(0)
          if arguments.accumulate { value = load(c + index, lanes) + value }
          store(value, target + index)
        }
      }
      KernelBuild.quantizedTile(
        QuantizedTileArguments(
          rows: tiles.rows, vectors: vectors, depth: arguments.depth, a: arguments.a + tiles.row &* size,
          scales: arguments.scales + tiles.row, offsets: nil, panel: panel, sums: sums, stride: vectors &* width,
          thirdSlot: 2))
      for row in 0..<tiles.rows {
        let c = arguments.c + ((tiles.row &+ row) &* arguments.stride &+ column)
        let source = sums + row &* vectors &* width
        var parts = Vectors(used)
        while parts.next() {
          let index = parts.index
          let lanes = parts.lanes
          store(load(source + index), c + index, lanes)
        }
      }
    }
    column &+= used
  }
}
