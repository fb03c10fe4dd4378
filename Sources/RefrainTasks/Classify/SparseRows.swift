import RefrainData

/// Rows that are mostly zeros: what is not, eight bytes each, in a file where that is too long for memory.
struct SparseRows: Sendable {
  /// A value that is not 0.
  struct Feature: Sendable {
    let place: Int32
    let value: Float

    init(_ place: Int, _ value: Float) { (self.place, self.value) = (Int32(place), value) }
  }

  private var features: LongArray<Feature>
  /// Where the features of each row end.
  private var ends: LongArray<Int>

  /// - Parameters:
  ///   - rows: The features of each.
  ///   - most: How many features are held in memory; nil is left to ``LongArray``.
  init(_ rows: some Sequence<[Feature]>, most: Int? = nil) {
    (features, ends) = (LongArray(most: most), LongArray(most: most))
    for row in rows {
      features.append(contentsOf: row)
      ends.append(features.count)
    }
  }

  var count: Int { ends.count }

  /// The features of a row.
  subscript(row: Int) -> ArraySlice<Feature> { features[ends.step(to: row)] }

  /// Calls `body` with all rows in their order.
  func forEachRow(_ body: (_ row: Int, _ features: ArraySlice<Feature>) -> Void) {
    for row in 0..<count { body(row, features.nearby(ends.step(to: row))) }
  }

  /// Makes sure that all features could be kept and read.
  func requireWhole() throws(TaskError) {
    try features.requireWhole()
    try ends.requireWhole()
  }
}
