// The arithmetic of vectors, each operation the processor's own instruction by the compiler's intrinsic functions. The
// standard library's operations on these types are loops over the lanes (but for comparisons, &+ and &-), which come
// out as the same instructions, but take the compiler ten times as long; they serve where there are no others.

#if AVX512
  internal import _Builtin_intrinsics.intel

  @inline(always) func + (a: Vector, b: Vector) -> Vector { _mm512_add_ps(a, b) }
  @inline(always) func - (a: Vector, b: Vector) -> Vector { _mm512_sub_ps(a, b) }
  @inline(always) func * (a: Vector, b: Vector) -> Vector { _mm512_mul_ps(a, b) }
  @inline(always) func / (a: Vector, b: Vector) -> Vector { _mm512_div_ps(a, b) }
  @inline(always) func multiplyAdd(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector { _mm512_fmadd_ps(a, b, sum) }
  @inline(always) func squareRoot(_ vector: Vector) -> Vector { _mm512_sqrt_ps(vector) }
  @inline(always) func maximum(_ a: Vector, _ b: Vector) -> Vector { _mm512_max_ps(a, b) }
  @inline(always) func atLeast(_ bound: Float, _ vector: Vector) -> Vector { _mm512_max_ps(splat(bound), vector) }
  @inline(always) func atMost(_ bound: Float, _ vector: Vector) -> Vector { _mm512_min_ps(splat(bound), vector) }
  @inline(always) func & (a: IntegerVector, b: IntegerVector) -> IntegerVector {
    integers(_mm512_and_si512(words(a), words(b)))
  }
  @inline(always) func | (a: IntegerVector, b: IntegerVector) -> IntegerVector {
    integers(_mm512_or_si512(words(a), words(b)))
  }
  @inline(always) func ^ (a: IntegerVector, b: IntegerVector) -> IntegerVector {
    integers(_mm512_xor_si512(words(a), words(b)))
  }
  @inline(always) func shiftedLeft(_ a: IntegerVector, _ count: Int32) -> IntegerVector {
    integers(_mm512_slli_epi32(words(a), UInt32(count)))
  }
  @inline(always) func shiftedRight(_ a: IntegerVector, _ count: Int32) -> IntegerVector {
    integers(_mm512_srai_epi32(words(a), UInt32(count)))
  }
  /// Lane i is lane indices[i] of `a`, or from 16 on of `b`.
  @inline(always) func permuted(_ a: Vector, _ b: Vector, _ indices: IntegerVector) -> Vector {
    _mm512_permutex2var_ps(a, words(indices), b)
  }

  private typealias Words = SIMD8<Int64>
#elseif AVX2
  internal import _Builtin_intrinsics.intel

  @inline(always) func + (a: Vector, b: Vector) -> Vector { _mm256_add_ps(a, b) }
  @inline(always) func - (a: Vector, b: Vector) -> Vector { _mm256_sub_ps(a, b) }
  @inline(always) func * (a: Vector, b: Vector) -> Vector { _mm256_mul_ps(a, b) }
  @inline(always) func / (a: Vector, b: Vector) -> Vector { _mm256_div_ps(a, b) }
  @inline(always) func multiplyAdd(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector { _mm256_fmadd_ps(a, b, sum) }
  @inline(always) func squareRoot(_ vector: Vector) -> Vector { _mm256_sqrt_ps(vector) }
  @inline(always) func maximum(_ a: Vector, _ b: Vector) -> Vector { _mm256_max_ps(a, b) }
  @inline(always) func atLeast(_ bound: Float, _ vector: Vector) -> Vector { _mm256_max_ps(splat(bound), vector) }
  @inline(always) func atMost(_ bound: Float, _ vector: Vector) -> Vector { _mm256_min_ps(splat(bound), vector) }
  @inline(always) func & (a: IntegerVector, b: IntegerVector) -> IntegerVector {
    integers(_mm256_and_si256(words(a), words(b)))
  }
  @inline(always) func | (a: IntegerVector, b: IntegerVector) -> IntegerVector {
    integers(_mm256_or_si256(words(a), words(b)))
  }
  @inline(always) func ^ (a: IntegerVector, b: IntegerVector) -> IntegerVector {
    integers(_mm256_xor_si256(words(a), words(b)))
  }
  @inline(always) func shiftedLeft(_ a: IntegerVector, _ count: Int32) -> IntegerVector {
    integers(_mm256_slli_epi32(words(a), count))
  }
  @inline(always) func shiftedRight(_ a: IntegerVector, _ count: Int32) -> IntegerVector {
    integers(_mm256_srai_epi32(words(a), count))
  }

  private typealias Words = SIMD4<Int64>
#elseif arch(x86_64)
  internal import _Builtin_intrinsics.intel

  @inline(always) func + (a: Vector, b: Vector) -> Vector { _mm_add_ps(a, b) }
  @inline(always) func - (a: Vector, b: Vector) -> Vector { _mm_sub_ps(a, b) }
  @inline(always) func * (a: Vector, b: Vector) -> Vector { _mm_mul_ps(a, b) }
  @inline(always) func / (a: Vector, b: Vector) -> Vector { _mm_div_ps(a, b) }
  @inline(always) func multiplyAdd(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector { sum + a * b }
  @inline(always) func squareRoot(_ vector: Vector) -> Vector { _mm_sqrt_ps(vector) }
  @inline(always) func maximum(_ a: Vector, _ b: Vector) -> Vector { _mm_max_ps(a, b) }
  @inline(always) func atLeast(_ bound: Float, _ vector: Vector) -> Vector { _mm_max_ps(splat(bound), vector) }
  @inline(always) func atMost(_ bound: Float, _ vector: Vector) -> Vector { _mm_min_ps(splat(bound), vector) }
  @inline(always) func & (a: IntegerVector, b: IntegerVector) -> IntegerVector {
    integers(_mm_and_si128(words(a), words(b)))
  }
  @inline(always) func | (a: IntegerVector, b: IntegerVector) -> IntegerVector {
    integers(_mm_or_si128(words(a), words(b)))
  }
  @inline(always) func ^ (a: IntegerVector, b: IntegerVector) -> IntegerVector {
    integers(_mm_xor_si128(words(a), words(b)))
  }
  @inline(always) func shiftedLeft(_ a: IntegerVector, _ count: Int32) -> IntegerVector {
    integers(_mm_slli_epi32(words(a), count))
  }
  @inline(always) func shiftedRight(_ a: IntegerVector, _ count: Int32) -> IntegerVector {
    integers(_mm_srai_epi32(words(a), count))
  }

  private typealias Words = SIMD2<Int64>
#else
  @inline(always) func multiplyAdd(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector { sum.addingProduct(a, b) }
  @inline(always) func squareRoot(_ vector: Vector) -> Vector { vector.squareRoot() }
  /// The larger of two; `b` if one is NaN.
  @inline(always) func maximum(_ a: Vector, _ b: Vector) -> Vector { choose(a .> b, a, b) }
  /// The larger of `vector` and `bound`; a NaN in `vector` stays.
  @inline(always) func atLeast(_ bound: Float, _ vector: Vector) -> Vector {
    choose(vector .< splat(bound), splat(bound), vector)
  }
  /// The smaller of `vector` and `bound`; a NaN in `vector` stays.
  @inline(always) func atMost(_ bound: Float, _ vector: Vector) -> Vector {
    choose(vector .> splat(bound), splat(bound), vector)
  }
  @inline(always) func shiftedLeft(_ a: IntegerVector, _ count: Int32) -> IntegerVector {
    a &<< IntegerVector(repeating: count)
  }
  @inline(always) func shiftedRight(_ a: IntegerVector, _ count: Int32) -> IntegerVector {
    a &>> IntegerVector(repeating: count)
  }
#endif

#if arch(x86_64)
  @inline(always) private func words(_ a: IntegerVector) -> Words { unsafeBitCast(a, to: Words.self) }
  @inline(always) private func integers(_ a: Words) -> IntegerVector { unsafeBitCast(a, to: IntegerVector.self) }

  @inline(always) func + (a: Float, b: Vector) -> Vector { splat(a) + b }
  @inline(always) func - (a: Float, b: Vector) -> Vector { splat(a) - b }
  @inline(always) func * (a: Float, b: Vector) -> Vector { splat(a) * b }
  @inline(always) func / (a: Float, b: Vector) -> Vector { splat(a) / b }
  @inline(always) func - (a: Vector, b: Float) -> Vector { a - splat(b) }
  @inline(always) func * (a: Vector, b: Float) -> Vector { a * splat(b) }
#endif
