/// One vector of units of the rows of a tile at one step: what a gate function works on.
struct Place<let rows: Int> {
  /// The first sorted row, and its packed row.
  let row: Int
  let index: Int
  /// The rows of the caller's matrices, from the first on (nil where they lie one after another); those of the step
  /// before, nil at the first step.
  let positions: UnsafePointer<Int>?
  let previousPositions: UnsafePointer<Int>?
  /// How many rows there are, less one. The others are the last again, so that no step asks how many there are: what is
  /// stored twice is the same.
  let last: Int
  let unit: Int
  /// How many of the vector's units exist.
  let lanes: Int

  /// The vector of every row, the first at `pointer`, the others `stride` apart.
  @inline(always) func get(_ pointer: P, _ stride: Int) -> Rows<rows> {
    get(addresses(pointer, stride))
  }

  @inline(always) func put(_ values: Rows<rows>, _ pointer: M, _ stride: Int) {
    put(values, addresses(P(pointer), stride))
  }

  /// `get` where only `lanes` are there.
  @inline(always) func getPart(_ pointer: P, _ stride: Int) -> Rows<rows> {
    if lanes == width { return get(pointer, stride) }
    return getPart(addresses(pointer, stride))
  }

  @inline(always) func putPart(_ values: Rows<rows>, _ pointer: M, _ stride: Int) {
    if lanes == width { return put(values, pointer, stride) }
    putPart(values, addresses(P(pointer), stride))
  }

  /// `getPart` from rows of the caller's matrix.
  @inline(always) func getPart(_ pointer: P, _ stride: Int, at positions: UnsafePointer<Int>) -> Rows<rows> {
    let addresses = addresses(pointer, stride, positions)
    return lanes == width ? get(addresses) : getPart(addresses)
  }

  @inline(always) func putPart(
    _ values: Rows<rows>, _ pointer: M, _ stride: Int, at positions: UnsafePointer<Int>
  ) {
    let addresses = addresses(P(pointer), stride, positions)
    if lanes == width { return put(values, addresses) }
    putPart(values, addresses)
  }

  private typealias Addresses = (P, P, P, P, P, P)

  @inline(always) private func addresses(_ pointer: P, _ stride: Int) -> Addresses {
    let p1 = pointer + (stride & bitsIfBelow(0, last))
    let p2 = p1 + (stride & bitsIfBelow(1, last))
    let p3 = p2 + (stride & bitsIfBelow(2, last))
    let p4 = p3 + (stride & bitsIfBelow(3, last))
    return (pointer, p1, p2, p3, p4, p4 + (stride & bitsIfBelow(4, last)))
  }

  @inline(always)
  private func addresses(_ pointer: P, _ stride: Int, _ positions: UnsafePointer<Int>) -> Addresses {
    @inline(always) func address(_ row: Int) -> P {
      pointer + positions[last &+ ((row &- last) & bitsIfBelow(row, last))] &* stride
    }
    return (address(0), address(1), address(2), address(3), address(4), address(5))
  }

  @inline(always) private func get(_ p: Addresses) -> Rows<rows> {
    Rows(
      load(p.0), rows > 1 ? load(p.1) : splat(0), rows > 2 ? load(p.2) : splat(0), rows > 3 ? load(p.3) : splat(0),
      rows > 4 ? load(p.4) : splat(0), rows > 5 ? load(p.5) : splat(0))
  }

  @inline(always) private func put(_ values: Rows<rows>, _ p: Addresses) {
    store(values.v0, M(mutating: p.0))
    if rows > 1 { store(values.v1, M(mutating: p.1)) }
    if rows > 2 { store(values.v2, M(mutating: p.2)) }
    if rows > 3 { store(values.v3, M(mutating: p.3)) }
    if rows > 4 { store(values.v4, M(mutating: p.4)) }
    if rows > 5 { store(values.v5, M(mutating: p.5)) }
  }

  @inline(always) private func getPart(_ p: Addresses) -> Rows<rows> {
    Rows(
      loadPart(p.0, lanes), rows > 1 ? loadPart(p.1, lanes) : splat(0), rows > 2 ? loadPart(p.2, lanes) : splat(0),
      rows > 3 ? loadPart(p.3, lanes) : splat(0), rows > 4 ? loadPart(p.4, lanes) : splat(0),
      rows > 5 ? loadPart(p.5, lanes) : splat(0))
  }

  @inline(always) private func putPart(_ values: Rows<rows>, _ p: Addresses) {
    storePart(values.v0, M(mutating: p.0), lanes)
    if rows > 1 { storePart(values.v1, M(mutating: p.1), lanes) }
    if rows > 2 { storePart(values.v2, M(mutating: p.2), lanes) }
    if rows > 3 { storePart(values.v3, M(mutating: p.3), lanes) }
    if rows > 4 { storePart(values.v4, M(mutating: p.4), lanes) }
    if rows > 5 { storePart(values.v5, M(mutating: p.5), lanes) }
  }
}

/// The sums of a tile for one vector of units: [row][gate][width], the rows `stride` apart; or somebody else's, whose
/// gates are `step` apart and end where the units do.
struct Sums {
  let pointer: P
  let stride: Int
  var step = width

  @inline(always) func gate<let rows: Int>(_ number: Int, _ place: Place<rows>) -> Rows<rows> {
    step == width ? place.get(pointer + number &* width, stride) : place.getPart(pointer + number &* step, stride)
  }
}
