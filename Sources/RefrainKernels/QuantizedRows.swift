// Rows and weights as bytes.
//
// A row x is q · s with s = max |x| / 127 and whole numbers q from −127 to 127, each row by itself: a row's bits do not
// depend on its neighbors. A row that is zero, or as good as zero, has the scale 0. One with a number that is not
// finite has a scale that is not finite either, and so has what becomes of it.
//
// How the numbers lie depends on the instruction that multiplies them. VNNI multiplies four bytes without a sign by
// four with one, so that 128 is added to every q of a row and taken off again at the start of the sums; everywhere else
// two neighbors of 16 bits are multiplied at a time, which is exact too. Where bytes of less than 16 bits are added in
// pairs (`vpmaddubsw`), they would saturate.

#if arch(x86_64)
  internal import _Builtin_intrinsics.intel
#endif

/// The neighbors in k that one instruction multiplies and adds.
@inline(always) var quantizedGroup: Int {
  #if VNNI
    4
  #else
    2
  #endif
}

/// K rounded up to whole groups, of every build.
@inline(always) func quantizedDepth(_ depth: Int) -> Int { (depth &+ 3) / 4 &* 4 }

extension KernelBuild {
  /// The bytes of a quantized row: of whole vectors of numbers, with zeros behind the last.
  public static func quantizedRowSize(_ depth: Int) -> Int {
    (depth + width - 1) / width * width * (4 / quantizedGroup)
  }

  /// The floats of a packed quantized B[K, N]: of a column the scale, the number that its sum starts at, and the
  /// weights.
  public static func quantizedPackedSize(_ depth: Int, _ columns: Int) -> Int {
    (2 + quantizedDepth(depth) / 4) * ((columns + width - 1) / width * width)
  }

  /// Quantizes rows; the two sides do not overlap.
  public static func quantizeRows(_ arguments: QuantizeRowsArguments) {
    let (depth, size) = (arguments.depth, quantizedRowSize(arguments.depth))
    for row in 0..<arguments.rows {
      let x = arguments.x + row &* arguments.stride
      let largest = largestMagnitude(depth, x)
      // Below, 127 divided by it would be infinite.
      let isZero = largest < 1e-30
      let factor = splat(isZero ? 0 : 127 / largest)
      arguments.scales[row] = isZero ? 0 : largest / 127
      let target = arguments.quantized + row &* size
      var vectors = Vectors(depth)
      while vectors.next() {
        let index = vectors.index
        let lanes = vectors.lanes
        storeQuantized(load(x + index, lanes) * factor, target + index &* (4 / quantizedGroup))
      }
    }
  }

  /// Packs a vector of columns into a panel: [scale][vector][width], [start][vector][width], [group][vector][width][k].
  public static func quantizedPack(_ arguments: QuantizedPackArguments) {
    let (depth, lanes, vectors) = (arguments.depth, arguments.lanes, arguments.vectors)
    let scales = arguments.panel + arguments.vector &* width
    let starts = scales + vectors &* width
    let groups = UnsafeMutableRawPointer(arguments.panel + 2 &* vectors &* width)
    let group = quantizedGroup
    for lane in 0..<width {
      let scale = lane < lanes ? arguments.scales?[lane] ?? 0 : 0
      scales[lane] = scale
      let inverse: Float = scale > 0 ? 1 / scale : 0
      var sum: Int32 = 0
      for k in 0..<quantizedDepth(depth) {
        var number: Int32 = 0
        if lane < lanes, k < depth, scale > 0 {
          number = roundedToByte(arguments.weights[lane &* depth &+ k], inverse)
        }
        sum &+= number
        let place = ((k / group &* vectors &+ arguments.vector) &* width &+ lane) &* group &+ k % group
        groups.storeBytes(of: Int8(truncatingIfNeeded: number), toByteOffset: place, as: Int8.self)
      }
      #if VNNI
        starts[lane] = Float(bitPattern: UInt32(bitPattern: 0 &- 128 &* sum))
      #else
        starts[lane] = 0
      #endif
    }
  }
}

/// The magic number whose addition rounds: what is added to it stands in its low bits.
@inline(always) private var rounding: Float { 12_582_912 }

/// The whole number nearest to x · inverse, from −127 to 127.
@inline(always) private func roundedToByte(_ x: Float, _ inverse: Float) -> Int32 {
  var number = x * inverse
  if !(number > -127) { number = -127 }
  if number > 127 { number = 127 }
  return Int32(bitPattern: (number + rounding).bitPattern) &- Int32(bitPattern: rounding.bitPattern)
}

/// The largest magnitude; not finite if one is not. (As bits, magnitudes are ordered, and what is no number is the
/// largest.)
@inline(always) private func largestMagnitude(_ count: Int, _ x: P) -> Float {
  var largest = splatInteger(0)
  var vectors = Vectors(count)
  while vectors.next() {
    let index = vectors.index
    let lanes = vectors.lanes
    let value = bits(magnitude(load(x + index, lanes)))
    largest = largest.replacing(with: value, where: value .> largest)
  }
  #if AVX512
    let eight = larger(largest.lowHalf, largest.highHalf)
    let four = larger(eight.lowHalf, eight.highHalf)
  #elseif AVX2
    let four = larger(largest.lowHalf, largest.highHalf)
  #else
    let four = largest
  #endif
  let (a, b) = (four[0] > four[2] ? four[0] : four[2], four[1] > four[3] ? four[1] : four[3])
  return Float(bitPattern: UInt32(bitPattern: a > b ? a : b))
}

#if AVX512
  @inline(always) private func larger(_ a: SIMD8<Int32>, _ b: SIMD8<Int32>) -> SIMD8<Int32> {
    a.replacing(with: b, where: b .> a)
  }
#endif
#if AVX512 || AVX2
  @inline(always) private func larger(_ a: SIMD4<Int32>, _ b: SIMD4<Int32>) -> SIMD4<Int32> {
    a.replacing(with: b, where: b .> a)
  }
#endif

/// Rounds a vector of numbers from −127 to 127, and stores them as the products read them.
@inline(always) private func storeQuantized(_ vector: Vector, _ target: UnsafeMutableRawPointer) {
  let numbers = bits(vector + splat(rounding)) &- bits(splat(rounding))
  #if VNNI
    let bytes = _mm512_cvtepi32_epi8(unsafeBitCast(numbers &+ splatInteger(128), to: SIMD8<Int64>.self))
    storeBytes(bytes, target)
  #elseif AVX512
    let words = _mm512_cvtepi32_epi16(unsafeBitCast(numbers, to: SIMD8<Int64>.self))
    storeBytes(words.lowHalf, target)
    storeBytes(words.highHalf, target + 16)
  #elseif AVX2
    let low = unsafeBitCast(numbers.lowHalf, to: SIMD2<Int64>.self)
    storeBytes(_mm_packs_epi32(low, unsafeBitCast(numbers.highHalf, to: SIMD2<Int64>.self)), target)
  #elseif arch(x86_64)
    let four = unsafeBitCast(numbers, to: SIMD2<Int64>.self)
    let words = _mm_packs_epi32(four, four)
    target.assumingMemoryBound(to: InlineArray<1, Int64>.self).pointee[0] = words[0]
  #else
    let words = target.assumingMemoryBound(to: Int16.self)
    for lane in 0..<4 { words[lane] = Int16(truncatingIfNeeded: numbers[lane]) }
  #endif
}

#if arch(x86_64)
  @inline(always) private func storeBytes(_ bytes: SIMD2<Int64>, _ target: UnsafeMutableRawPointer) {
    let target = target.assumingMemoryBound(to: Int64.self)
    target[0] = bytes[0]
    target[1] = bytes[1]
  }
#endif
