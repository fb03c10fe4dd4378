/// What linear baselines see of rows: the features of all columns, one column's behind another's.
struct BagFeatures: Sendable {
  /// How many features there are.
  let size: Int
  /// Where those of each column begin.
  private let offsets: [Int]

  /// Baselines with more weights are not made.
  static let limit = 20_000_000

  init(_ columns: InputColumns) {
    var offset = 0
    offsets = columns.encoders.map { input in
      defer { offset += input.encoder.bagSize }
      return offset
    }
    size = offset
  }

  /// The features of a row that are not 0.
  func features(of row: Int, in rows: EncodedRows) -> [SparseRows.Feature] {
    var features: [SparseRows.Feature] = []
    for (column, offset) in zip(rows.columns, offsets) {
      for (feature, value) in column.bag(of: row) { features.append(.init(feature + offset, value)) }
    }
    return features
  }
}
