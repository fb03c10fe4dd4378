// Products with few rows, for which packing B would cost more than it saves: B is read once, as it lies.

/// C[M, N] (+)= A[M, K] · B[K, N] (+ bias[N]) with B row by row, for a few rows M.
///
/// - a: rows `aRowStep` apart, contiguous; b: rows `bRowStep` apart; c: rows `cRowStep` apart, added to if
///   `accumulate`.
public func productUnpacked(
  rows: Int, columns: Int, depth: Int, a: UnsafePointer<Float>, aRowStep: Int, b: UnsafePointer<Float>, bRowStep: Int,
  bias: UnsafePointer<Float>?, accumulate: Bool, c: UnsafeMutablePointer<Float>, cRowStep: Int
) {
  for row in 0..<rows {
    let source = a + row &* aRowStep
    let target = c + row &* cRowStep
    var column = 0
    while column < columns {
      if column &+ 4 &* width <= columns {
        var (s0, s1, s2, s3) = (splat(0), splat(0), splat(0), splat(0))
        var from = b + column
        for k in 0..<depth {
          let value = splat(source[k])
          s0 = multiplyAdd(value, load(from), s0)
          s1 = multiplyAdd(value, load(from + width), s1)
          s2 = multiplyAdd(value, load(from + 2 &* width), s2)
          s3 = multiplyAdd(value, load(from + 3 &* width), s3)
          from += bRowStep
        }
        finish(s0, column, width, bias, accumulate, target)
        finish(s1, column &+ width, width, bias, accumulate, target)
        finish(s2, column &+ 2 &* width, width, bias, accumulate, target)
        finish(s3, column &+ 3 &* width, width, bias, accumulate, target)
        column &+= 4 &* width
      } else {
        let lanes = smaller(width, columns &- column)
        var sum = splat(0)
        for k in 0..<depth {
          sum = multiplyAdd(splat(source[k]), load(b + k &* bRowStep + column, lanes), sum)
        }
        finish(sum, column, lanes, bias, accumulate, target)
        column &+= width
      }
    }
  }
}

@inline(always)
private func finish(_ sum: Vector, _ column: Int, _ lanes: Int, _ bias: P?, _ accumulate: Bool, _ target: M) {
  var sum = sum
  if let bias { sum = load(bias + column, lanes) + sum }
  if accumulate { sum = load(target + column, lanes) + sum }
  store(sum, target + column, lanes)
}

/// C[M, N] (+)= A[M, K] · Bᵀ (+ bias[N]) with B given as [N, K], for a few rows M: a dot product for every element.
///
/// - a, b: rows `aRowStep` and `bRowStep` apart, contiguous; c: rows `cRowStep` apart, added to if `accumulate`.
public func productUnpackedTransposed(
  rows: Int, columns: Int, depth: Int, a: UnsafePointer<Float>, aRowStep: Int, b: UnsafePointer<Float>, bRowStep: Int,
  bias: UnsafePointer<Float>?, accumulate: Bool, c: UnsafeMutablePointer<Float>, cRowStep: Int
) {
  for row in 0..<rows {
    for column in 0..<columns {
      var sum = dot(depth, a + row &* aRowStep, b + column &* bRowStep)
      if let bias { sum += bias[column] }
      let target = c + (row &* cRowStep &+ column)
      target.pointee = accumulate ? target.pointee + sum : sum
    }
  }
}
