/// Solves A x = b for a positive definite symmetric matrix by Cholesky's method; nil when it is not positive definite.
///
/// - Parameters:
///   - matrix: A, `[n, n]` by rows.
///   - right: b, `[n]`.
func solveSymmetric(_ matrix: [Double], _ right: [Double]) -> [Double]? {
  guard let factor = CholeskyFactor(matrix, size: right.count) else { return nil }
  return factor.solve(right)
}

/// The lower triangle L with L Lᵀ = A.
struct CholeskyFactor {
  private let size: Int
  private let lower: [Double]

  /// Nil when the matrix is not positive definite.
  init?(_ matrix: [Double], size: Int) {
    var lower = matrix
    var isPositive = true
    lower.withUnsafeMutableBufferPointer { lower in
      for row in 0..<size {
        for column in 0...row {
          var sum = lower[row * size + column]
          for inner in 0..<column { sum -= lower[row * size + inner] * lower[column * size + inner] }
          if row == column {
            guard sum > 0, sum.isFinite else {
              isPositive = false
              return
            }
            lower[row * size + row] = sum.squareRoot()
          } else {
            lower[row * size + column] = sum / lower[column * size + column]
          }
        }
      }
    }
    guard isPositive else { return nil }
    self.size = size
    self.lower = lower
  }

  /// x with A x = b.
  func solve(_ right: [Double]) -> [Double] {
    var x = right
    lower.withUnsafeBufferPointer { lower in
      for row in 0..<size {
        var sum = x[row]
        for column in 0..<row { sum -= lower[row * size + column] * x[column] }
        x[row] = sum / lower[row * size + row]
      }
      for row in (0..<size).reversed() {
        var sum = x[row]
        for below in row + 1..<max(size, row + 1) { sum -= lower[below * size + row] * x[below] }
        x[row] = sum / lower[row * size + row]
      }
    }
    return x
  }
}
