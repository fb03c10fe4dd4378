extension Tensor {
  /// The `index`-th block of `size` columns.
  func block(_ index: Int, of size: Int) -> Tensor { slice(index * size..<(index + 1) * size, axis: -1) }
  /// The `index`-th block of `size` rows: the weights of one gate.
  func rowBlock(_ index: Int, of size: Int) -> Tensor { weightRows(index * size..<(index + 1) * size) }

  /// Some rows of a matrix of weights, taken once until the weights change: a loop over steps asks for them at each.
  func weightRows(_ rows: Range<Int>) -> Tensor {
    guard Recording.current?.follows(self) != true, rank == 2 else { return slice(rows, axis: 0) }
    let kept = storage.form("rows \(rows)", isKept: true) { slice(rows, axis: 0).storage }
    return Tensor(kept, shape: [rows.count, shape[1]])
  }
}
