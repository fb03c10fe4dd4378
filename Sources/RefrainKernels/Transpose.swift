/// y[c, r] = x[r, c]: x is [rows, columns] with rows `xStride` apart, y is [columns, rows] with rows `yStride` apart.
/// Blocks of 16 by 16 use every line of memory whole. The two do not overlap.
public func transpose(
  _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, xStride: Int, _ y: UnsafeMutablePointer<Float>, yStride: Int
) {
  var row = 0
  while row < rows {
    let rowEnd = smaller(rows, row &+ 16)
    var column = 0
    while column < columns {
      let columnEnd = smaller(columns, column &+ 16)
      for r in row..<rowEnd {
        for c in column..<columnEnd { y[c &* yStride &+ r] = x[r &* xStride &+ c] }
      }
      column = columnEnd
    }
    row = rowEnd
  }
}
