// The register tile under every product: a few rows of A times one panel of B, the sums held in registers throughout.
//
// Everything in it is inlined and indexed by constants, or the sums would live in memory, at a third of the speed. The
// structures spell their elements out: an InlineArray's initializers are library generics, which stay functions.

#if BFLOAT16
  internal import CBFloat16
#endif

/// sum + a · b in each lane: of floats, or of the pairs of bfloat16 in the places of floats.
@inline(always) private func tileProduct(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
  #if BFLOAT16
    refrain_add_bfloat16_pairs(sum, a, b)
  #else
    multiplyAdd(a, b, sum)
  #endif
}

/// The floats that K numbers of 16 bits take.
@inline(always) func bfloat16Pairs(_ depth: Int) -> Int { (depth &+ 1) / 2 }

/// The name of a panel's width, in vectors.
enum Panel<let vectors: Int> {}

/// One row of a tile: four vectors, of which a narrower panel leaves some unused.
private struct RowSums {
  private var v0 = Vector(repeating: 0)
  private var v1 = Vector(repeating: 0)
  private var v2 = Vector(repeating: 0)
  private var v3 = Vector(repeating: 0)

  @inline(always) init() {}

  @inline(always) subscript(index: Int) -> Vector {
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

/// Where the rows of A begin that a tile multiplies.
struct RowPointers {
  private var p0: P
  private var p1: P
  private var p2: P
  private var p3: P
  private var p4: P
  private var p5: P

  @inline(always) init(_ pointer: P) {
    (p0, p1, p2, p3, p4, p5) = (pointer, pointer, pointer, pointer, pointer, pointer)
  }

  @inline(always) subscript(index: Int) -> P {
    get {
      switch index {
      case 0: p0
      case 1: p1
      case 2: p2
      case 3: p3
      case 4: p4
      default: p5
      }
    }
    set {
      switch index {
      case 0: p0 = newValue
      case 1: p1 = newValue
      case 2: p2 = newValue
      case 3: p3 = newValue
      case 4: p4 = newValue
      default: p5 = newValue
      }
    }
  }
}

/// Sums of `rows` × (`vectors` · width) elements.
struct Tile<let rows: Int, let vectors: Int> {
  private var r0 = RowSums()
  private var r1 = RowSums()
  private var r2 = RowSums()
  private var r3 = RowSums()
  private var r4 = RowSums()
  private var r5 = RowSums()

  /// All zero.
  @inline(always) init() {}

  /// Every row starts from the same `vectors` · width floats.
  @inline(always) init(startingFrom bias: P) {
    unrolled(vectors) { j in
      let value = load(bias + j &* width)
      unrolled(rows) { r in self[r][j] = value }
    }
  }

  /// The rows start from `vectors` · width floats each, `apart` from one to the next.
  @inline(always) init(startingFrom bias: P, apart: Int) {
    unrolled(rows) { r in
      unrolled(vectors) { j in self[r][j] = load(bias + (r &* apart &+ j &* width)) }
    }
  }

  @inline(always) private subscript(row: Int) -> RowSums {
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

  /// Adds the product of `rows` rows with a panel: for k in 0..<depth, in this order, self[r][slot(j)] += a[r][k ·
  /// step] · panel[k · panelStep + j · width] for `count` vectors j.
  @inline(always)
  mutating func add(
    depth: Int, _ a: RowPointers, step: Int, panel: P, panelStep: Int, count: Int, slot: (Int) -> Int
  ) {
    var panel = panel
    var offset = 0
    var k = depth
    let steps = Self.stepsAtATime
    while k >= steps {
      addStep(a, offset, panel, count, slot)
      if steps == 2 { addStep(a, offset &+ step, panel + panelStep, count, slot) }
      panel += steps &* panelStep
      offset &+= steps &* step
      k &-= steps
    }
    if k > 0 { addStep(a, offset, panel, count, slot) }
  }

  /// Two: the loop's own instructions cost a twelfth otherwise. But one where there are 16 registers and a product
  /// takes one of its own before it is added: from step to step the sums of the largest tiles would change their
  /// registers, and some would be in memory.
  @inline(always) private static var stepsAtATime: Int {
    #if AVX512 || AVX2 || arch(arm64)
      2
    #else
      rows &* vectors > 8 ? 1 : 2
    #endif
  }

  /// Adds the products of one row with as many panels as the tile has rows, `apart` floats from one to the next: for k
  /// in 0..<depth, in this order, self[p][slot(j)] += a[k · step] · panel[p · apart + k · panelStep + j · width].
  @inline(always)
  mutating func addPanels(
    depth: Int, _ a: P, step: Int, panel: P, apart: Int, panelStep: Int, count: Int, slot: (Int) -> Int
  ) {
    for k in 0..<depth {
      let value = Vector(repeating: a[k &* step])
      let b = panel + k &* panelStep
      unrolled(rows) { p in
        unrolled(count) { j in
          self[p][slot(j)] = tileProduct(value, load(b + (p &* apart &+ j &* width)), self[p][slot(j)])
        }
      }
    }
  }

  @inline(always)
  private mutating func addStep(_ a: RowPointers, _ offset: Int, _ panel: P, _ count: Int, _ slot: (Int) -> Int) {
    if wideRows < tileRows, rows > 2, count > 2 {
      // Sixteen registers hold twelve sums, the rows' values and one vector of the panel.
      var values = RowSums()
      unrolled(rows) { r in values[r] = Vector(repeating: a[r][offset]) }
      unrolled(count) { j in
        let b = load(panel + j &* width)
        unrolled(rows) { r in self[r][slot(j)] = tileProduct(values[r], b, self[r][slot(j)]) }
      }
      return
    }
    var b = RowSums()
    unrolled(count) { j in b[j] = load(panel + j &* width) }
    unrolled(rows) { r in
      let value = Vector(repeating: a[r][offset])
      unrolled(count) { j in self[r][slot(j)] = tileProduct(value, b[j], self[r][slot(j)]) }
    }
  }

  /// A vector of the sums.
  @inline(always) func value(_ row: Int, _ vector: Int) -> Vector { self[row][vector] }

  /// Writes the sums to `target`, rows `rowStep` apart: what is done with them is then compiled once and not for every
  /// tile.
  @inline(always) func write(to target: M, rowStep: Int) {
    unrolled(rows) { r in
      unrolled(vectors) { j in store(self[r][j], target + (r &* rowStep &+ j &* width)) }
    }
  }
}

/// Memory on the stack for the sums of the largest tile.
struct TileSums {
  private var r0 = RowSums()
  private var r1 = RowSums()
  private var r2 = RowSums()
  private var r3 = RowSums()
  private var r4 = RowSums()
  private var r5 = RowSums()

  @inline(always) init() {}

  /// Hands `body` the memory. (It should only call one function: a closure may be compiled as a weak function.)
  @inline(always) mutating func with(_ body: (M) -> Void) {
    withUnsafeMutablePointer(to: &self) { pointer in
      body(UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Float.self))
    }
  }
}

/// Cuts a range of rows into as few tiles of at most `tileRows` rows as possible, all of nearly the same height (20
/// rows are 5, 5, 5, 5 and not 6, 6, 6, 2); but on AVX2 without tiles of four (8 rows are 5 and 3).
struct Tiles {
  /// The first row of the tile at hand.
  private(set) var row: Int
  /// Its height.
  private(set) var rows: Int
  private let end: Int
  private var left: Int

  @inline(always) init(_ first: Int, _ end: Int) {
    row = first
    rows = 0
    self.end = end
    left = end > first ? (end &- first &+ tileRows &- 1) / tileRows : 0
  }

  /// Goes on to the next tile, unless there is none.
  @inline(always) mutating func next() -> Bool {
    row &+= rows
    guard left > 0 else { return false }
    let rest = end &- row
    rows = (rest &+ left &- 1) / left
    // Two rows or three take a whole panel at a time, five have ten sums of two vectors; four have but eight.
    if wideRows == 3, left == 2, rest < 10 { rows = (rest &+ 3) / 2 }
    left &-= 1
    return true
  }
}
