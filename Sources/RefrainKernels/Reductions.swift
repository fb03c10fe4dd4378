// Reductions, each in a fixed order: the same numbers give the same bits, always.

/// The length of the blocks whose sums are added up in double precision.
@inline(always) var blockSize: Int { 1024 }

/// The terms of a sum.
private protocol Term {
  static func term(_ x: Vector, _ y: Vector, _ sum: Vector) -> Vector
}

private enum Itself: Term {
  @inline(always) static func term(_ x: Vector, _ y: Vector, _ sum: Vector) -> Vector { sum + x }
}

private enum Products: Term {
  @inline(always) static func term(_ x: Vector, _ y: Vector, _ sum: Vector) -> Vector { multiplyAdd(x, y, sum) }
}

/// Four accumulators within a block, a fixed tree of them at its end; absent elements count as zero.
@inline(always)
private func reduce<T: Term>(_: T.Type, _ count: Int, _ x: P, _ y: P) -> Float {
  var total = 0.0
  var start = 0
  while start < count {
    let end = smaller(count, start &+ blockSize)
    var (a, b, c, d) = (splat(0), splat(0), splat(0), splat(0))
    var index = start
    while index &+ 4 &* width <= end {
      a = T.term(load(x + index), load(y + index), a)
      b = T.term(load(x + index + width), load(y + index + width), b)
      c = T.term(load(x + index + 2 &* width), load(y + index + 2 &* width), c)
      d = T.term(load(x + index + 3 &* width), load(y + index + 3 &* width), d)
      index &+= 4 &* width
    }
    while index < end {
      let lanes = smaller(width, end &- index)
      a = T.term(load(x + index, lanes), load(y + index, lanes), a)
      index &+= width
    }
    total += Double(sumOfLanes((a + b) + (c + d)))
    start = end
  }
  return Float(total)
}

extension KernelBuild {
  /// Σ x[i] over `count` elements.
  public static func sum(_ count: Int, _ x: UnsafePointer<Float>) -> Float { reduce(Itself.self, count, x, x) }

  /// Σ x[i]² over `count` elements.
  public static func sumOfSquares(_ count: Int, _ x: UnsafePointer<Float>) -> Float {
    reduce(Products.self, count, x, x)
  }

  /// Σ x[i] · y[i] over `count` elements.
  public static func dot(_ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>) -> Float {
    reduce(Products.self, count, x, y)
  }
}

/// The largest of `count` elements that are not NaN, −∞ if there are none.
@inline(always) func maximum(_ count: Int, _ x: P) -> Float {
  let least = splat(-.infinity)
  var (a, b, c, d) = (least, least, least, least)
  var index = 0
  while index &+ 4 &* width <= count {
    a = maximum(load(x + index), a)
    b = maximum(load(x + index + width), b)
    c = maximum(load(x + index + 2 &* width), c)
    d = maximum(load(x + index + 3 &* width), d)
    index &+= 4 &* width
  }
  while index < count {
    a = maximum(load(x + index, smaller(width, count &- index), rest: -.infinity), a)
    index &+= width
  }
  let best = maximum(maximum(a, b), maximum(c, d))
  var result = -Float.infinity
  for lane in 0..<width where best[lane] > result { result = best[lane] }
  return result
}

extension KernelBuild {
  /// y[c] += Σ_r x[r, c]: x is [rows, columns] with rows `rowStride` apart, y is [columns]. Blocks of rows are summed
  /// by themselves, so that long sums stay accurate.
  public static func sumRows(
    _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ rowStride: Int, _ y: UnsafeMutablePointer<Float>
  ) {
    var index = 0
    while index &+ 4 &* width <= columns {
      var total = four(y + index)
      var row = 0
      while row < rows {
        let end = smaller(rows, row &+ 256)
        var block = Rows<4>(splat(0))
        while row < end {
          block = block + four(x + row &* rowStride + index)
          row &+= 1
        }
        total = total + block
      }
      storeFour(total, y + index)
      index &+= 4 &* width
    }
    while index < columns {
      let lanes = smaller(width, columns &- index)
      var total = load(y + index, lanes)
      var row = 0
      while row < rows {
        let end = smaller(rows, row &+ 256)
        var block = splat(0)
        while row < end {
          block = block + load(x + row &* rowStride + index, lanes)
          row &+= 1
        }
        total = total + block
      }
      store(total, y + index, lanes)
      index &+= width
    }
  }

  /// z[c] += Σ_r x[r, c] · y[r, c]: x and y are [rows, columns] with rows `xStride` and `yStride` apart, z is
  /// [columns]. Blocks of rows are summed by themselves, so that long sums stay accurate.
  public static func sumProductRows(
    _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ xStride: Int, _ y: UnsafePointer<Float>, _ yStride: Int,
    _ z: UnsafeMutablePointer<Float>
  ) {
    var vectors = Vectors(columns)
    while vectors.next() {
      let (index, lanes) = (vectors.index, vectors.lanes)
      var total = load(z + index, lanes)
      var row = 0
      while row < rows {
        let end = smaller(rows, row &+ 256)
        var block = splat(0)
        while row < end {
          block = multiplyAdd(
            load(x + (row &* xStride &+ index), lanes), load(y + (row &* yStride &+ index), lanes), block)
          row &+= 1
        }
        total = total + block
      }
      store(total, z + index, lanes)
    }
  }

  /// Whether none of `count` elements is NaN or infinite.
  public static func allFinite(_ count: Int, _ x: UnsafePointer<Float>) -> Bool {
    // 0 · x is NaN exactly where x is not finite, and a NaN stays in a sum.
    var zeros = splat(0)
    var vectors = Vectors(count)
    while vectors.next() {
      zeros = multiplyAdd(load(x + vectors.index, vectors.lanes), splat(0), zeros)
    }
    let sum = sumOfLanes(zeros)
    return sum == sum
  }
}
