/// The rows of a matrix that are not zero, as the gradient of an embedding has them: values `[rows, columns]` and the
/// row each belongs to, in increasing order, none twice.
public final class SparseRows: Sendable {
  /// The rows' places in the matrix, in increasing order.
  public let indices: [Int]
  /// [indices.count, columns]
  public let values: Tensor

  /// Adds up the rows of `values` (`[N, columns]`) that go to the same place, in the order they come.
  init(adding values: Tensor, at places: [Int]) {
    let columns = values.shape[1]
    indices = Set(places).sorted()
    let rowOf = Dictionary(uniqueKeysWithValues: zip(indices, indices.indices))
    var sums = Tensor.zeros([indices.count, columns])
    sums.write { sum in
      values.read { value in
        for (source, place) in places.enumerated() {
          kernels.addScaled(columns, 1, value + source * columns, sum + rowOf[place]! * columns)
        }
      }
    }
    self.values = sums
  }

  /// Rows in increasing order, none twice, and their values.
  init(indices: [Int], values: Tensor) {
    self.indices = indices
    self.values = values
  }

  /// The same rows with other values.
  init(_ other: SparseRows, values: Tensor) {
    indices = other.indices
    self.values = values
  }

  /// The sum of two sets of rows.
  static func + (left: SparseRows, right: SparseRows) -> SparseRows {
    SparseRows(
      adding: concatenate([left.values.detached, right.values.detached], axis: 0), at: left.indices + right.indices)
  }

  func dense(_ shape: [Int]) -> Tensor {
    let columns = values.shape[1]
    var result = Tensor.zeros(shape)
    result.write { target in
      values.read { source in
        for (row, index) in indices.enumerated() {
          kernels.copy(columns, source + row * columns, target + index * columns)
        }
      }
    }
    return result
  }
}
