// The register tile of the products of bytes: as that of the products of floats (Tile.swift), with sums of whole
// numbers, which are exact: 255 · 127 · K is less than 2³¹ for a K up to 65,536.

#if arch(x86_64)
  internal import _Builtin_intrinsics.intel
#endif

extension KernelBuild {
  /// sums += a · panel for a few rows.
  public static func quantizedTile(_ arguments: QuantizedTileArguments) {
    switch arguments.vectors {
    case 1: quantizedTiles1(arguments)
    case 2: quantizedTiles2(arguments)
    case 3: quantizedTiles3(arguments)
    default: quantizedTiles4(arguments)
    }
  }
}

// One function for each width, so that none is large. Where registers are few, two vectors at a time.

@inline(never) private func quantizedTiles1(_ arguments: QuantizedTileArguments) {
  pass(Panel<1>.self, arguments, first: 0)
}

@inline(never) private func quantizedTiles2(_ arguments: QuantizedTileArguments) {
  pass(Panel<2>.self, arguments, first: 0)
}

@inline(never) private func quantizedTiles3(_ arguments: QuantizedTileArguments) {
  if fits(arguments.rows, 3) { return pass(Panel<3>.self, arguments, first: 0) }
  pass(Panel<2>.self, arguments, first: 0)
  pass(Panel<1>.self, arguments, first: 2)
}

@inline(never) private func quantizedTiles4(_ arguments: QuantizedTileArguments) {
  if fits(arguments.rows, 4) { return pass(Panel<4>.self, arguments, first: 0) }
  pass(Panel<2>.self, arguments, first: 0)
  pass(Panel<2>.self, arguments, first: 2)
}

@inline(always)
private func pass<let vectors: Int>(_: Panel<vectors>.Type, _ arguments: QuantizedTileArguments, first: Int) {
  switch arguments.rows {
  case 1: pass(QuantizedTile<1, vectors>.self, arguments, first: first)
  case 2: pass(QuantizedTile<2, vectors>.self, arguments, first: first)
  case 3: pass(QuantizedTile<3, vectors>.self, arguments, first: first)
  case 4 where fits(4, vectors): pass(QuantizedTile<4, vectors>.self, arguments, first: first)
  case 5 where fits(5, vectors): pass(QuantizedTile<5, vectors>.self, arguments, first: first)
  case 6 where fits(6, vectors): pass(QuantizedTile<6, vectors>.self, arguments, first: first)
  default: break
  }
}

/// A function for each height, as in the products of floats (FusedTile.swift).
@inline(never)
private func pass<let rows: Int, let vectors: Int>(
  _: QuantizedTile<rows, vectors>.Type, _ arguments: QuantizedTileArguments, first: Int
) {
  let total = arguments.vectors
  let scales = arguments.panel + first &* width
  let starts = scales + total &* width
  let weights = UnsafeRawPointer(arguments.panel + 2 &* total &* width) + first &* width &* quantizedGroup
  let size = KernelBuild.quantizedRowSize(arguments.depth)
  @inline(always) func index(_ row: Int) -> Int { arguments.offsets.map { $0[row] } ?? row }
  var tile = QuantizedTile<rows, vectors>(startingFrom: starts)
  var a = RowPointers(UnsafePointer(arguments.sums))
  unrolled(rows) { r in a[r] = (arguments.a + index(r) &* size).assumingMemoryBound(to: Float.self) }
  tile.add(
    groups: quantizedDepth(arguments.depth) / quantizedGroup, a, weights: weights,
    step: total &* width &* quantizedGroup)
  unrolled(rows) { r in
    let scale = splat(arguments.scales[index(r)])
    unrolled(vectors) { j in
      let slot = first &+ j == 2 ? arguments.thirdSlot : first &+ j
      let target = arguments.sums + (r &* arguments.stride &+ slot &* width)
      store(multiplyAdd(tile.value(r, j), load(scales + j &* width) * scale, load(target)), target)
    }
  }
}

/// One row of a tile: up to four vectors.
private struct IntegerRowSums {
  private var v0 = splatInteger(0)
  private var v1 = splatInteger(0)
  private var v2 = splatInteger(0)
  private var v3 = splatInteger(0)

  @inline(always) init() {}

  @inline(always) subscript(index: Int) -> IntegerVector {
    get {
      switch index {
      case 0: v0
      case 1: v1
      case 2: v2
      default: v3
      }
    }
    set {
      switch index {
      case 0: v0 = newValue
      case 1: v1 = newValue
      case 2: v2 = newValue
      default: v3 = newValue
      }
    }
  }
}

/// Sums of `rows` × (`vectors` · width) elements.
private struct QuantizedTile<let rows: Int, let vectors: Int> {
  private var r0 = IntegerRowSums()
  private var r1 = IntegerRowSums()
  private var r2 = IntegerRowSums()
  private var r3 = IntegerRowSums()
  private var r4 = IntegerRowSums()
  private var r5 = IntegerRowSums()

  /// Every row starts from the same numbers.
  @inline(always) init(startingFrom starts: P) {
    unrolled(vectors) { j in
      let value = bits(load(starts + j &* width))
      unrolled(rows) { r in self[r][j] = value }
    }
  }

  @inline(always) private subscript(row: Int) -> IntegerRowSums {
    get {
      switch row {
      case 0: r0
      case 1: r1
      case 2: r2
      case 3: r3
      case 4: r4
      default: r5
      }
    }
    set {
      switch row {
      case 0: r0 = newValue
      case 1: r1 = newValue
      case 2: r2 = newValue
      case 3: r3 = newValue
      case 4: r4 = newValue
      default: r5 = newValue
      }
    }
  }

  /// A group of a row is 32 bits, whatever the build: four bytes, or two numbers of 16 bits.
  @inline(always) mutating func add(groups: Int, _ a: RowPointers, weights: UnsafeRawPointer, step: Int) {
    var weights = weights
    var group = 0
    var left = groups
    while left > 1 {
      addGroup(a, group, weights)
      addGroup(a, group &+ 1, weights + step)
      weights += 2 &* step
      group &+= 2
      left &-= 2
    }
    if left > 0 { addGroup(a, group, weights) }
  }

  @inline(always) private mutating func addGroup(_ a: RowPointers, _ group: Int, _ weights: UnsafeRawPointer) {
    var b = IntegerRowSums()
    unrolled(vectors) { j in b[j] = loadWeights(weights + j &* width &* quantizedGroup) }
    unrolled(rows) { r in
      let value = bits(splat(a[r][group]))
      unrolled(vectors) { j in self[r][j] = addDot(value, b[j], self[r][j]) }
    }
  }

  /// A vector of sums as floats.
  @inline(always) func value(_ row: Int, _ vector: Int) -> Vector { floats(self[row][vector]) }
}

// MARK: Instructions

#if VNNI
  /// A vector of groups of weights.
  @inline(always) private func loadWeights(_ pointer: UnsafeRawPointer) -> IntegerVector {
    bits(load(pointer.assumingMemoryBound(to: Float.self)))
  }

  /// sum + the products of a group, in each lane.
  @inline(always)
  private func addDot(_ a: IntegerVector, _ weights: IntegerVector, _ sum: IntegerVector) -> IntegerVector {
    unsafeBitCast(_mm512_dpbusd_epi32(words(sum), words(a), words(weights)), to: IntegerVector.self)
  }
#elseif AVX512
  @inline(always) private func loadWeights(_ pointer: UnsafeRawPointer) -> IntegerVector {
    let bytes = _mm256_loadu_ps(pointer.assumingMemoryBound(to: Float.self))
    return unsafeBitCast(_mm512_cvtepi8_epi16(unsafeBitCast(bytes, to: SIMD4<Int64>.self)), to: IntegerVector.self)
  }

  @inline(always)
  private func addDot(_ a: IntegerVector, _ weights: IntegerVector, _ sum: IntegerVector) -> IntegerVector {
    sum &+ unsafeBitCast(_mm512_madd_epi16(words(a), words(weights)), to: IntegerVector.self)
  }
#elseif AVX2
  @inline(always) private func loadWeights(_ pointer: UnsafeRawPointer) -> IntegerVector {
    let bytes = _mm_loadu_ps(pointer.assumingMemoryBound(to: Float.self))
    return unsafeBitCast(_mm256_cvtepi8_epi16(unsafeBitCast(bytes, to: SIMD2<Int64>.self)), to: IntegerVector.self)
  }

  @inline(always)
  private func addDot(_ a: IntegerVector, _ weights: IntegerVector, _ sum: IntegerVector) -> IntegerVector {
    sum &+ unsafeBitCast(_mm256_madd_epi16(words(a), words(weights)), to: IntegerVector.self)
  }
#elseif arch(x86_64) && !PORTABLE
  @inline(always) private func loadWeights(_ pointer: UnsafeRawPointer) -> IntegerVector {
    let bytes = SIMD2<Int64>(pointer.loadUnaligned(as: Int64.self), 0)
    // Each byte twice, and shifted down: its sign goes up.
    return unsafeBitCast(_mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8), to: IntegerVector.self)
  }

  @inline(always)
  private func addDot(_ a: IntegerVector, _ weights: IntegerVector, _ sum: IntegerVector) -> IntegerVector {
    sum &+ unsafeBitCast(_mm_madd_epi16(words(a), words(weights)), to: IntegerVector.self)
  }
#else
  @inline(always) private func loadWeights(_ pointer: UnsafeRawPointer) -> IntegerVector {
    let bytes = pointer.loadUnaligned(as: SIMD8<Int8>.self)
    return unsafeBitCast(SIMD8<Int16>(truncatingIfNeeded: bytes), to: IntegerVector.self)
  }

  @inline(always)
  private func addDot(_ a: IntegerVector, _ weights: IntegerVector, _ sum: IntegerVector) -> IntegerVector {
    // Two products of bytes fit into 16 bits.
    let products = unsafeBitCast(a, to: SIMD8<Int16>.self) &* unsafeBitCast(weights, to: SIMD8<Int16>.self)
    return sum &+ IntegerVector(truncatingIfNeeded: products.evenHalf &+ products.oddHalf)
  }
#endif

#if AVX512
  @inline(always) private func words(_ vector: IntegerVector) -> SIMD8<Int64> {
    unsafeBitCast(vector, to: SIMD8<Int64>.self)
  }
  @inline(always) private func floats(_ vector: IntegerVector) -> Vector { _mm512_cvtepi32_ps(words(vector)) }
#elseif AVX2
  @inline(always) private func words(_ vector: IntegerVector) -> SIMD4<Int64> {
    unsafeBitCast(vector, to: SIMD4<Int64>.self)
  }
  @inline(always) private func floats(_ vector: IntegerVector) -> Vector { _mm256_cvtepi32_ps(words(vector)) }
#elseif arch(x86_64)
  @inline(always) private func words(_ vector: IntegerVector) -> SIMD2<Int64> {
    unsafeBitCast(vector, to: SIMD2<Int64>.self)
  }
  @inline(always) private func floats(_ vector: IntegerVector) -> Vector { _mm_cvtepi32_ps(words(vector)) }
#else
  @inline(always) private func floats(_ vector: IntegerVector) -> Vector { Vector(vector) }
#endif
