extension KernelBuild {
  /// y[c, r] = x[r, c]: x is [rows, columns] with rows `xStride` apart, y is [columns, rows] with rows `yStride` apart.
  /// Blocks of 16 by 16 use every line of memory whole. The two do not overlap.
  public static func transpose(
    _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ xStride: Int, _ y: UnsafeMutablePointer<Float>,
    _ yStride: Int
  ) {
    var row = 0
    while row < rows {
      let rowEnd = smaller(rows, row &+ 16)
      var column = 0
      while column < columns {
        let columnEnd = smaller(columns, column &+ 16)
        let (from, to) = (x + (row &* xStride &+ column), y + (column &* yStride &+ row))
        if rowEnd &- row == 16, columnEnd &- column == 16 {
          transposeBlock(from, xStride, to, yStride)
        } else {
          for r in 0..<rowEnd &- row {
            for c in 0..<columnEnd &- column { to[c &* yStride &+ r] = from[r &* xStride &+ c] }
          }
        }
        column = columnEnd
      }
      row = rowEnd
    }
  }
}

#if AVX512
  /// 16 by 16: for each of the four bits of an index, rows and columns that differ in it change places.
  @inline(never) private func transposeBlock(_ x: P, _ xStride: Int, _ y: M, _ yStride: Int) {
    @inline(always) func row(_ index: Int) -> Vector { load(x + index &* xStride) }
    var (a0, a1, a2, a3) = (row(0), row(1), row(2), row(3))
    var (a4, a5, a6, a7) = (row(4), row(5), row(6), row(7))
    var (a8, a9, a10, a11) = (row(8), row(9), row(10), row(11))
    var (a12, a13, a14, a15) = (row(12), row(13), row(14), row(15))
    let half = Exchange(bit: 3)
    half(&a0, &a8)
    half(&a1, &a9)
    half(&a2, &a10)
    half(&a3, &a11)
    half(&a4, &a12)
    half(&a5, &a13)
    half(&a6, &a14)
    half(&a7, &a15)
    let quarter = Exchange(bit: 2)
    quarter(&a0, &a4)
    quarter(&a1, &a5)
    quarter(&a2, &a6)
    quarter(&a3, &a7)
    quarter(&a8, &a12)
    quarter(&a9, &a13)
    quarter(&a10, &a14)
    quarter(&a11, &a15)
    let pair = Exchange(bit: 1)
    pair(&a0, &a2)
    pair(&a1, &a3)
    pair(&a4, &a6)
    pair(&a5, &a7)
    pair(&a8, &a10)
    pair(&a9, &a11)
    pair(&a12, &a14)
    pair(&a13, &a15)
    let single = Exchange(bit: 0)
    single(&a0, &a1)
    single(&a2, &a3)
    single(&a4, &a5)
    single(&a6, &a7)
    single(&a8, &a9)
    single(&a10, &a11)
    single(&a12, &a13)
    single(&a14, &a15)
    @inline(always) func put(_ vector: Vector, _ index: Int) { store(vector, y + index &* yStride) }
    put(a0, 0)
    put(a1, 1)
    put(a2, 2)
    put(a3, 3)
    put(a4, 4)
    put(a5, 5)
    put(a6, 6)
    put(a7, 7)
    put(a8, 8)
    put(a9, 9)
    put(a10, 10)
    put(a11, 11)
    put(a12, 12)
    put(a13, 13)
    put(a14, 14)
    put(a15, 15)
  }

  /// Exchanges, between two rows that differ in a bit of their index, the columns that differ in it too.
  private struct Exchange {
    private let fromFirst: IntegerVector
    private let fromSecond: IntegerVector

    @inline(always) init(bit: Int32) {
      let index = IntegerVector(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
      let mask = IntegerVector(repeating: 1 &<< bit)
      // Sources 16 … 31 are the second row's.
      let second = shiftedLeft(index & mask, 4 &- bit)
      fromFirst = (index &- (index & mask)) | second
      fromSecond = (index | mask) | second
    }

    @inline(always) func callAsFunction(_ a: inout Vector, _ b: inout Vector) {
      let old = a
      a = permuted(old, b, fromFirst)
      b = permuted(old, b, fromSecond)
    }
  }
#else
  @inline(always) private func transposeBlock(_ x: P, _ xStride: Int, _ y: M, _ yStride: Int) {
    for r in 0..<16 {
      for c in 0..<16 { y[c &* yStride &+ r] = x[r &* xStride &+ c] }
    }
  }
#endif
