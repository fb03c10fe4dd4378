extension Tensor {
  /// The `index`-th block of `size` columns.
  func block(_ index: Int, of size: Int) -> Tensor { slice(index * size..<(index + 1) * size, axis: -1) }
  /// The `index`-th block of `size` rows: the weights of one gate.
  func rowBlock(_ index: Int, of size: Int) -> Tensor { weightRows(index * size..<(index + 1) * size) }
}
