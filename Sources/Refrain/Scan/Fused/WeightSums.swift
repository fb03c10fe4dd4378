import RefrainKernels

/// The gradients of weights and biases from all steps of a backward scan at once.
struct WeightSums {
  /// The vectors that some weights multiplied at every step: where the `[N]` rows begin, and how many values each has.
  struct Operand {
    let rows: [P]
    let size: Int
  }

  /// The number **N** of packed rows.
  let count: Int
  /// The columns of a source.
  let width: Int
  /// The gradients of the sums behind the weights: matrices `[N, width]` whose rows are `stride` apart.
  let sources: [(pointer: P, stride: Int)]

  /// For each operand and the sources whose sums it went into: the gradient of the weights `[sources · width, size]`
  /// and that of a bias beside it, `[sources · width]`.
  func gradients(_ products: [(operand: Operand, sources: [Int])]) -> [(weight: Tensor, bias: Tensor)] {
    // Transposed, [size + 1, sources · width], the last row for the bias: the sources' rows, of which there are more,
    // then take the cheaper place in the product.
    var sums = products.map { Storage(count: ($0.operand.size + 1) * $0.sources.count * width) }
    let work = count * products.reduce(0) { $0 + $1.operand.size * $1.sources.count }
    parallel(width, grain: max(16, 1 << 18 / max(work, 1)), multiple: 16) { columns in
      addProducts(products, columns, sums.map(\.pointer))
    }
    // The sums are given up as they are turned: both at once would be half as much again as all gradients.
    return products.map { product in
      let (size, columns) = (product.operand.size, product.sources.count * width)
      let sums = sums.removeFirst()
      let weight = Tensor([columns, size]) { target in
        parallel(columns, grain: max(16, 1 << 16 / max(size, 1)), multiple: 16) { part in
          kernels.transpose(
            size, part.count, sums.pointer + part.lowerBound, columns, target + part.lowerBound * size, size)
        }
      }
      let bias = Tensor([columns]) { kernels.copy(columns, sums.pointer + size * columns, $0) }
      withExtendedLifetime(sums) {}
      return (weight, bias)
    }
  }

  /// Columns `columns` of every source.
  private func addProducts(
    _ products: [(operand: Operand, sources: [Int])], _ columns: Range<Int>, _ sums: [M]
  ) {
    // Long, because the sums are read and written once for each; shorter where the block would be most of the memory.
    let block = sources.count * width < 1024 ? 256 : 512
    let panels = kernels.packedSize(block, columns.count)
    let packed = Storage(count: sources.count * panels)
    let tiles = Storage(count: block * kernels.tiledColumns() + 16)
    let used = Set(products.flatMap(\.sources))
    // At least once, so that the sums of no steps are zero.
    for start in stride(from: 0, through: max(0, count - 1), by: block) {
      let depth = min(block, count - start)
      for index in used {
        let source = sources[index]
        kernels.packPanels(
          depth, columns.count, source.pointer + start * source.stride + columns.lowerBound, source.stride, 1,
          packed.pointer + index * panels)
      }
      for (product, sums) in zip(products, sums) {
        let stride = product.sources.count * width
        let rows = product.operand.size + 1
        for first in Swift.stride(from: 0, to: rows, by: kernels.tiledColumns()) {
          let end = min(rows, first + kernels.tiledColumns())
          product.operand.rows.withUnsafeBufferPointer { rows in
            guard let rows = rows.baseAddress else { return }
            kernels.packTiles(depth, product.operand.size, first, end, rows + start, tiles.pointer)
          }
          for (place, index) in product.sources.enumerated() {
            kernels.productTiled(
              TiledProductArguments(
                rows: end - first, columns: columns.count, depth: depth, tiles: tiles.pointer,
                packed: packed.pointer + index * panels, packedDepth: depth, firstDepth: 0, accumulate: start > 0,
                c: sums + first * stride + place * width + columns.lowerBound, cRowStep: stride))
          }
        }
      }
    }
    withExtendedLifetime((packed, tiles)) {}
  }
}
