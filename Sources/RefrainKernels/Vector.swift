// The vector every kernel is written on. Its width is the only thing that differs between the three builds of these
// sources (besides how a product is added, see `multiplyAdd`).
//
// The legend of all shapes: T time, B batch, I input size, H hidden size, N the valid steps of all rows (the sum of the
// lengths), K depth of a product. `Hp` is H rounded up to whole vectors (`paddedSize`).

#if AVX512 || AVX2
  internal import _Builtin_intrinsics.intel
#endif

#if AVX512
  typealias Vector = SIMD16<Float>
  typealias IntegerVector = SIMD16<Int32>
  private typealias Floats = InlineArray<16, Float>
#elseif AVX2
  typealias Vector = SIMD8<Float>
  typealias IntegerVector = SIMD8<Int32>
  private typealias Floats = InlineArray<8, Float>
#else
  typealias Vector = SIMD4<Float>
  typealias IntegerVector = SIMD4<Int32>
  private typealias Floats = InlineArray<4, Float>
#endif

typealias P = UnsafePointer<Float>
typealias M = UnsafeMutablePointer<Float>

@inline(always) var width: Int { MemoryLayout<Vector>.size / MemoryLayout<Float>.size }

/// The vectors a panel of a packed matrix is wide.
@inline(always) var panelVectors: Int { 4 }

/// The rows of the largest tile. Its accumulators stay in registers: four vectors a row where there are 32 registers,
/// on AVX-512 and arm64, two at a time where there are 16.
@inline(always) var tileRows: Int { 6 }

/// The rows of which a tile takes a whole panel at a time. Each product waits for the sum before it, four or five
/// cycles where the two are one instruction: the fewer the rows, the more vectors it takes to fill that time.
@inline(always) var wideRows: Int {
  #if AVX512 || arch(arm64)
    tileRows
  #elseif AVX2
    3
  #else
    2
  #endif
}

/// The panels that a single row takes at a time, for the same reason: eight sums are as fast as the second-level cache
/// gives the weights.
@inline(always) var rowPanels: Int { 2 }

/// Whether a tile of so many rows takes so many of a panel's vectors at a time: one or two always.
@inline(always) func fits(_ rows: Int, _ vectors: Int) -> Bool {
  wideRows == tileRows || vectors <= 2 || rows <= wideRows
}

/// The rows of a tile, whether or not all are there, under the gate function.
typealias TilePlace = Place<6>

extension KernelBuild {
  /// The floats in a vector of this build: 16, 8 or 4.
  public static func vectorWidth() -> Int { width }

  /// The columns of a panel of a packed matrix: four vectors.
  public static func panelWidth() -> Int { panelVectors * width }

  /// `size` rounded up to whole vectors: the row stride of the state buffers of the recurrent kernels.
  public static func paddedSize(_ size: Int) -> Int { (size + width - 1) / width * width }
}

// MARK: Memory

// Through the pointee of an unaligned type, and not by `loadUnaligned` and `storeBytes`: these are generic functions of
// the library, which the compiler stops inlining in large functions, where they matter most.

@inline(always) func load(_ pointer: P) -> Vector {
  unsafeBitCast(UnsafeRawPointer(pointer).assumingMemoryBound(to: Floats.self).pointee, to: Vector.self)
}

@inline(always) func store(_ vector: Vector, _ pointer: M) {
  UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Floats.self).pointee = unsafeBitCast(vector, to: Floats.self)
}

/// The first `lanes` floats at `pointer`, zeros behind them; nothing beyond is read.
@inline(always) func load(_ pointer: P, _ lanes: Int) -> Vector {
  lanes == width ? load(pointer) : loadPart(pointer, lanes)
}

/// The same without asking whether all are there.
@inline(always) func loadPart(_ pointer: P, _ lanes: Int) -> Vector {
  #if AVX512
    return _mm512_maskz_loadu_ps(mask(lanes), pointer)
  #elseif AVX2
    return _mm256_maskload_ps(pointer, mask(lanes))
  #else
    var vector = Vector(repeating: 0)
    withUnsafeMutablePointer(to: &vector) {
      copyPart(pointer, UnsafeMutableRawPointer($0).assumingMemoryBound(to: Float.self), lanes)
    }
    return vector
  #endif
}

/// The same with `rest` behind them.
@inline(always) func load(_ pointer: P, _ lanes: Int, rest: Float) -> Vector {
  if lanes == width { return load(pointer) }
  #if AVX512
    return _mm512_mask_loadu_ps(splat(rest), mask(lanes), pointer)
  #elseif AVX2
    return _mm256_blendv_ps(splat(rest), load(pointer, lanes), unsafeBitCast(mask(lanes), to: Vector.self))
  #else
    var vector = splat(rest)
    withUnsafeMutablePointer(to: &vector) {
      copyPart(pointer, UnsafeMutableRawPointer($0).assumingMemoryBound(to: Float.self), lanes)
    }
    return vector
  #endif
}

/// Writes the first `lanes` lanes; nothing beyond is written.
@inline(always) func store(_ vector: Vector, _ pointer: M, _ lanes: Int) {
  if lanes == width { return store(vector, pointer) }
  storePart(vector, pointer, lanes)
}

/// The same without asking whether all are.
@inline(always) func storePart(_ vector: Vector, _ pointer: M, _ lanes: Int) {
  #if AVX512
    _mm512_mask_storeu_ps(pointer, mask(lanes), vector)
  #elseif AVX2
    _mm256_maskstore_ps(pointer, mask(lanes), vector)
  #else
    withUnsafePointer(to: vector) {
      copyPart(UnsafeRawPointer($0).assumingMemoryBound(to: Float.self), pointer, lanes)
    }
  #endif
}

#if AVX512
  /// A bit for each of the first `lanes` lanes.
  @inline(always) private func mask(_ lanes: Int) -> UInt16 { UInt16(truncatingIfNeeded: (1 &<< lanes) &- 1) }
#elseif AVX2
  /// All bits of each of the first `lanes` lanes.
  @inline(always) private func mask(_ lanes: Int) -> SIMD4<Int64> {
    let indices = IntegerVector(0, 1, 2, 3, 4, 5, 6, 7)
    let bound = IntegerVector(repeating: Int32(truncatingIfNeeded: lanes))
    return unsafeBitCast((indices &- bound) &>> IntegerVector(repeating: 31), to: SIMD4<Int64>.self)
  }
#else
  /// The way of a partial vector, through memory: a vector handed to a function would be taken apart, and the
  /// arithmetic before it too.
  @inline(never) func copyPart(_ source: P, _ target: M, _ lanes: Int) {
    for lane in 0..<lanes { target[lane] = source[lane] }
  }
#endif

/// Goes through `count` floats a vector at a time. The last, partial vector takes the same arithmetic as the others, so
/// a result does not depend on an element's place. (Not a function that takes a closure: the compiler may leave one
/// outlined.)
struct Vectors {
  /// The first element of the vector at hand.
  private(set) var index: Int
  /// How many elements it has.
  private(set) var lanes: Int
  private let count: Int

  @inline(always) init(_ count: Int) {
    self.count = count
    index = 0 &- width
    lanes = 0
  }

  /// Goes on to the next vector, unless there is none.
  @inline(always) mutating func next() -> Bool {
    index &+= width
    guard index < count else { return false }
    lanes = smaller(width, count &- index)
    return true
  }
}

/// Four vectors, one behind another.
@inline(always) func four(_ x: P) -> Rows<4> {
  Rows(load(x), load(x + width), load(x + 2 &* width), load(x + 3 &* width), splat(0), splat(0))
}

@inline(always) func storeFour(_ vectors: Rows<4>, _ y: M) {
  store(vectors.v0, y)
  store(vectors.v1, y + width)
  store(vectors.v2, y + 2 &* width)
  store(vectors.v3, y + 3 &* width)
}

// MARK: Arithmetic

@inline(always) func splat(_ value: Float) -> Vector { Vector(repeating: value) }

@inline(always) func splatInteger(_ value: Int32) -> IntegerVector { IntegerVector(repeating: value) }

@inline(always) var signBit: IntegerVector { splatInteger(Int32.min) }

@inline(always) func bits(_ vector: Vector) -> IntegerVector { unsafeBitCast(vector, to: IntegerVector.self) }

@inline(always) func float(_ bits: IntegerVector) -> Vector { unsafeBitCast(bits, to: Vector.self) }

@inline(always) func choose(_ mask: SIMDMask<IntegerVector>, _ yes: Vector, _ no: Vector) -> Vector {
  // The library's `replacing` goes through the lanes one by one, which takes the compiler long.
  #if AVX512
    return _mm512_mask_mov_ps(no, _mm512_movepi32_mask(unsafeBitCast(mask, to: SIMD8<Int64>.self)), yes)
  #elseif AVX2
    return _mm256_blendv_ps(no, yes, unsafeBitCast(mask, to: Vector.self))
  #else
    return no.replacing(with: yes, where: mask)
  #endif
}

/// The larger of two; NaN if either is.
@inline(always) func larger(_ a: Vector, _ b: Vector) -> Vector {
  choose((b .> a) .| (b .!= b), b, a)
}

/// The smaller of two; NaN if either is.
@inline(always) func smaller(_ a: Vector, _ b: Vector) -> Vector {
  choose((b .< a) .| (b .!= b), b, a)
}

@inline(always) func magnitude(_ vector: Vector) -> Vector {
  float(bits(vector) & IntegerVector(repeating: 0x7FFF_FFFF))
}

/// The sum of the lanes, by halves: a fixed tree.
@inline(always) func sumOfLanes(_ vector: Vector) -> Float {
  #if AVX512
    let eight = vector.lowHalf + vector.highHalf
    let four = eight.lowHalf + eight.highHalf
  #elseif AVX2
    let four = vector.lowHalf + vector.highHalf
  #else
    let four = vector
  #endif
  return (four[0] + four[2]) + (four[1] + four[3])
}

@inline(always) func smaller(_ a: Int, _ b: Int) -> Int { a < b ? a : b }

/// All bits where a < b, for numbers far from overflow; 0 elsewhere. (Hundreds of branches in a function take the
/// compiler longer than all else in it.)
@inline(always) func bitsIfBelow(_ a: Int, _ b: Int) -> Int { (a &- b) &>> 63 }

/// Calls `body` with 0, 1, 2, … below `count` (at most 6), each a constant, so that what it indexes stays in registers:
/// a loop would put a tile's accumulators into memory, at a third of the speed.
@inline(always) func unrolled(_ count: Int, _ body: (Int) -> Void) {
  if count > 0 { body(0) }
  if count > 1 { body(1) }
  if count > 2 { body(2) }
  if count > 3 { body(3) }
  if count > 4 { body(4) }
  if count > 5 { body(5) }
}
