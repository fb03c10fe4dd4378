// Rows and weights as bfloat16, the upper halves of floats, with sums of floats. They take the places of the rows and
// weights of bytes (QuantizedRows.swift, QuantizedTile.swift), but for the scales, of which they have none.
//
// Two neighbors in k stand in the 32 bits of a float, so that the tile is that of the products of floats (Tile.swift)
// with half as many steps: `tileProduct` is what differs. A product of two of these numbers is exact in a float. What
// is smaller than the smallest normal float counts as zero.

internal import CBFloat16

extension KernelBuild {
  /// The bytes of a row: of whole vectors of numbers, with zeros behind the last.
  public static func quantizedRowSize(_ depth: Int) -> Int { (depth + width - 1) / width * width * 2 }

  /// The floats of a packed B[K, N]: two numbers in each.
  public static func quantizedPackedSize(_ depth: Int, _ columns: Int) -> Int {
    bfloat16Pairs(depth) * ((columns + width - 1) / width * width)
  }

  /// Rounds rows to bfloat16; the two sides do not overlap.
  public static func quantizeRows(_ arguments: QuantizeRowsArguments) {
    let size = quantizedRowSize(arguments.depth)
    for row in 0..<arguments.rows {
      let x = arguments.x + row &* arguments.stride
      let target = arguments.quantized + row &* size
      var vectors = Vectors(arguments.depth)
      while vectors.next() {
        let (index, lanes) = (vectors.index, vectors.lanes)
        let halves = refrain_round_to_bfloat16(load(x + index, lanes))
        let place = (target + index &* 2).assumingMemoryBound(to: InlineArray<4, Int64>.self)
        place.pointee = unsafeBitCast(halves, to: InlineArray<4, Int64>.self)
      }
    }
  }

  /// Packs a vector of columns into a panel: [pair][vector][width][k].
  public static func quantizedPack(_ arguments: QuantizedPackArguments) {
    let (depth, lanes, vectors) = (arguments.depth, arguments.lanes, arguments.vectors)
    let panel = UnsafeMutableRawPointer(arguments.panel).assumingMemoryBound(to: UInt16.self)
    for lane in 0..<width {
      for k in 0..<2 &* bfloat16Pairs(depth) {
        let place = ((k / 2 &* vectors &+ arguments.vector) &* width &+ lane) &* 2 &+ k % 2
        panel[place] = lane < lanes && k < depth ? nearest(arguments.weights[lane &* depth &+ k]) : 0
      }
    }
  }

  /// sums += a · panel for a few rows.
  public static func quantizedTile(_ arguments: QuantizedTileArguments) {
    switch arguments.vectors {
    case 1: tiles1(arguments)
    case 2: tiles2(arguments)
    case 3: tiles3(arguments)
    default: tiles4(arguments)
    }
  }
}

/// The bfloat16 nearest to a value, even in a tie.
@inline(always) private func nearest(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  // What is no number stays none, even when its payload lies in the lower half alone.
  if value != value { return UInt16(truncatingIfNeeded: bits &>> 16) | 0x40 }
  return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits &>> 16 & 1)) &>> 16)
}

// One function for each width, so that none is large.

@inline(never) private func tiles1(_ arguments: QuantizedTileArguments) { pass(Panel<1>.self, arguments) }
@inline(never) private func tiles2(_ arguments: QuantizedTileArguments) { pass(Panel<2>.self, arguments) }
@inline(never) private func tiles3(_ arguments: QuantizedTileArguments) { pass(Panel<3>.self, arguments) }
@inline(never) private func tiles4(_ arguments: QuantizedTileArguments) { pass(Panel<4>.self, arguments) }

@inline(always)
private func pass<let vectors: Int>(_: Panel<vectors>.Type, _ arguments: QuantizedTileArguments) {
  switch arguments.rows {
  case 1: pass(Tile<1, vectors>.self, arguments)
  case 2: pass(Tile<2, vectors>.self, arguments)
  case 3: pass(Tile<3, vectors>.self, arguments)
  case 4: pass(Tile<4, vectors>.self, arguments)
  case 5: pass(Tile<5, vectors>.self, arguments)
  case 6: pass(Tile<6, vectors>.self, arguments)
  default: break
  }
}

@inline(always)
private func pass<let rows: Int, let vectors: Int>(
  _: Tile<rows, vectors>.Type, _ arguments: QuantizedTileArguments
) {
  let size = KernelBuild.quantizedRowSize(arguments.depth)
  var a = RowPointers(P(arguments.sums))
  unrolled(rows) { r in
    let index = arguments.offsets.map { $0[r] } ?? r
    a[r] = P((arguments.a + index &* size).assumingMemoryBound(to: Float.self))
  }
  var tile = Tile<rows, vectors>()
  tile.add(
    depth: bfloat16Pairs(arguments.depth), a, step: 1, panel: arguments.panel, panelStep: vectors &* width,
    count: vectors
  ) { $0 }
  unrolled(rows) { r in
    unrolled(vectors) { j in
      let slot = j == 2 ? arguments.thirdSlot : j
      let target = arguments.sums + (r &* arguments.stride &+ slot &* width)
      store(load(P(target)) + tile.value(r, j), target)
    }
  }
}
