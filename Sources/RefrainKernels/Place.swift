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
    let p = addresses(pointer, stride)
    return Rows(load(p.0), load(p.1), load(p.2), load(p.3), load(p.4), load(p.5))
  }

  @inline(always) func put(_ values: Rows<rows>, _ pointer: M, _ stride: Int) {
    let p = addresses(P(pointer), stride)
    store(values.v0, M(mutating: p.0))
    if rows > 1 { store(values.v1, M(mutating: p.1)) }
    if rows > 2 { store(values.v2, M(mutating: p.2)) }
    if rows > 3 { store(values.v3, M(mutating: p.3)) }
    if rows > 4 { store(values.v4, M(mutating: p.4)) }
    if rows > 5 { store(values.v5, M(mutating: p.5)) }
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
    getPart(addresses(pointer, stride, positions))
  }

  @inline(always) func putPart(
    _ values: Rows<rows>, _ pointer: M, _ stride: Int, at positions: UnsafePointer<Int>
  ) {
    putPart(values, addresses(P(pointer), stride, positions))
  }

  private typealias Addresses = (P, P, P, P, P, P)

  @inline(always) private func addresses(_ pointer: P, _ stride: Int) -> Addresses {
    let p1 = pointer + (last > 0 ? stride : 0)
    let p2 = p1 + (last > 1 ? stride : 0)
    let p3 = p2 + (last > 2 ? stride : 0)
    let p4 = p3 + (last > 3 ? stride : 0)
    return (pointer, p1, p2, p3, p4, p4 + (last > 4 ? stride : 0))
  }

  @inline(always)
  private func addresses(_ pointer: P, _ stride: Int, _ positions: UnsafePointer<Int>) -> Addresses {
    @inline(always) func address(_ row: Int) -> P { pointer + positions[smaller(row, last)] &* stride }
    return (address(0), address(1), address(2), address(3), address(4), address(5))
  }

  @inline(always) private func getPart(_ p: Addresses) -> Rows<rows> {
    Rows(
      load(p.0, lanes), rows > 1 ? load(p.1, lanes) : splat(0), rows > 2 ? load(p.2, lanes) : splat(0),
      rows > 3 ? load(p.3, lanes) : splat(0), rows > 4 ? load(p.4, lanes) : splat(0),
      rows > 5 ? load(p.5, lanes) : splat(0))
  }

  @inline(always) private func putPart(_ values: Rows<rows>, _ p: Addresses) {
    store(values.v0, M(mutating: p.0), lanes)
    if rows > 1 { store(values.v1, M(mutating: p.1), lanes) }
    if rows > 2 { store(values.v2, M(mutating: p.2), lanes) }
    if rows > 3 { store(values.v3, M(mutating: p.3), lanes) }
    if rows > 4 { store(values.v4, M(mutating: p.4), lanes) }
    if rows > 5 { store(values.v5, M(mutating: p.5), lanes) }
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
