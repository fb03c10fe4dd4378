// The same vector of several rows. A processor that starts two instructions a cycle and waits four for a result needs
// eight independent ones at hand, and it looks only some hundred instructions ahead: a gate function, one chain of
// thirty from its sum to its value, is taken by several rows side by side, step by step.

#if AVX512
  internal import _Builtin_intrinsics.intel
#endif

/// One vector of each of `count` rows, at most six; for what lies beyond `count` nothing is computed. (Spelled out:
/// loops over the rows, even unrolled ones, cost the compiler minutes.)
struct Rows<let count: Int> {
  let v0: Vector
  let v1: Vector
  let v2: Vector
  let v3: Vector
  let v4: Vector
  let v5: Vector

  @inline(always)
  init(_ v0: Vector, _ v1: Vector, _ v2: Vector, _ v3: Vector, _ v4: Vector, _ v5: Vector) {
    self.v0 = v0
    self.v1 = v1
    self.v2 = v2
    self.v3 = v3
    self.v4 = v4
    self.v5 = v5
  }

  /// Every row holds the same.
  @inline(always) init(_ value: Vector) { self.init(value, value, value, value, value, value) }

  @inline(always) func map(_ body: (Vector) -> Vector) -> Rows {
    Rows(
      body(v0), count > 1 ? body(v1) : self.v1,
      count > 2 ? body(v2) : self.v2, count > 3 ? body(v3) : self.v3,
      count > 4 ? body(v4) : self.v4, count > 5 ? body(v5) : self.v5)
  }

  @inline(always) func map(_ b: Rows, _ body: (Vector, Vector) -> Vector) -> Rows {
    Rows(
      body(v0, b.v0), count > 1 ? body(v1, b.v1) : b.v1,
      count > 2 ? body(v2, b.v2) : b.v2, count > 3 ? body(v3, b.v3) : b.v3,
      count > 4 ? body(v4, b.v4) : b.v4, count > 5 ? body(v5, b.v5) : b.v5)
  }

  @inline(always) static func + (a: Rows, b: Rows) -> Rows {
    Rows(
      a.v0 + b.v0, count > 1 ? a.v1 + b.v1 : a.v1,
      count > 2 ? a.v2 + b.v2 : a.v2, count > 3 ? a.v3 + b.v3 : a.v3,
      count > 4 ? a.v4 + b.v4 : a.v4, count > 5 ? a.v5 + b.v5 : a.v5)
  }

  @inline(always) static func - (a: Rows, b: Rows) -> Rows {
    Rows(
      a.v0 - b.v0, count > 1 ? a.v1 - b.v1 : a.v1,
      count > 2 ? a.v2 - b.v2 : a.v2, count > 3 ? a.v3 - b.v3 : a.v3,
      count > 4 ? a.v4 - b.v4 : a.v4, count > 5 ? a.v5 - b.v5 : a.v5)
  }

  @inline(always) static func * (a: Rows, b: Rows) -> Rows {
    Rows(
      a.v0 * b.v0, count > 1 ? a.v1 * b.v1 : a.v1,
      count > 2 ? a.v2 * b.v2 : a.v2, count > 3 ? a.v3 * b.v3 : a.v3,
      count > 4 ? a.v4 * b.v4 : a.v4, count > 5 ? a.v5 * b.v5 : a.v5)
  }

  @inline(always) static func + (a: Float, b: Rows) -> Rows { Rows(splat(a)) + b }
  @inline(always) static func - (a: Float, b: Rows) -> Rows { Rows(splat(a)) - b }
  @inline(always) static func - (a: Rows, b: Float) -> Rows { a - Rows(splat(b)) }
  @inline(always) static func * (a: Float, b: Rows) -> Rows { Rows(splat(a)) * b }
}

/// `sum + a · b`
@inline(always) func multiplyAdd<let n: Int>(_ a: Rows<n>, _ b: Rows<n>, _ sum: Rows<n>) -> Rows<n> {
  Rows(
    multiplyAdd(a.v0, b.v0, sum.v0),
    n > 1 ? multiplyAdd(a.v1, b.v1, sum.v1) : sum.v1,
    n > 2 ? multiplyAdd(a.v2, b.v2, sum.v2) : sum.v2,
    n > 3 ? multiplyAdd(a.v3, b.v3, sum.v3) : sum.v3,
    n > 4 ? multiplyAdd(a.v4, b.v4, sum.v4) : sum.v4,
    n > 5 ? multiplyAdd(a.v5, b.v5, sum.v5) : sum.v5)
}

/// `sum + a · b`
@inline(always) func multiplyAdd<let n: Int>(_ a: Rows<n>, _ b: Rows<n>, _ sum: Float) -> Rows<n> {
  multiplyAdd(a, b, Rows(splat(sum)))
}

/// `sum + a · b`
@inline(always) func multiplyAdd<let n: Int>(_ a: Rows<n>, _ b: Float, _ sum: Rows<n>) -> Rows<n> {
  multiplyAdd(a, Rows(splat(b)), sum)
}

/// `sum + a · b`
@inline(always) func multiplyAdd<let n: Int>(_ a: Rows<n>, _ b: Float, _ sum: Float) -> Rows<n> {
  multiplyAdd(a, Rows(splat(b)), Rows(splat(sum)))
}

@inline(always) func atLeast<let n: Int>(_ bound: Float, _ rows: Rows<n>) -> Rows<n> { rows.map { atLeast(bound, $0) } }

@inline(always) func atMost<let n: Int>(_ bound: Float, _ rows: Rows<n>) -> Rows<n> { rows.map { atMost(bound, $0) } }

/// a / b for a b from 2⁻¹⁰⁰ to 2¹⁰⁰, to the last bit but one. The 512-bit division takes sixteen cycles; an estimate to
/// fourteen bits and its correction by what is left take four.
@inline(always) func quotient<let n: Int>(_ a: Rows<n>, _ b: Rows<n>) -> Rows<n> {
  #if AVX512
    // Spelled out, so that the rows take these steps side by side too.
    let reciprocal = b.map { _mm512_rcp14_ps($0) }
    let first = a * reciprocal
    return multiplyAdd(multiplyAdd(first.map { -$0 }, b, a), reciprocal, first)
  #else
    return a.map(b) { $0 / $1 }
  #endif
}
