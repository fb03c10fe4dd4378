/// How two shapes are combined element by element, as NumPy does it: aligned at the last axis, a size of 1 (or a
/// missing axis) repeats.
struct Broadcast {
  let shape: [Int]
  /// The loops from the outermost to the innermost, with neighboring axes of one kind joined.
  private(set) var loops: [(count: Int, x: Int, y: Int)] = []

  init(_ left: [Int], _ right: [Int]) {
    let rank = Swift.max(left.count, right.count)
    func padded(_ shape: [Int]) -> [Int] { Array(repeating: 1, count: rank - shape.count) + shape }
    let given = (left, right)
    let (left, right) = (padded(left), padded(right))
    shape = zip(left, right).map { a, b in
      require(a == b || a == 1 || b == 1, "the shapes \(given.0) and \(given.1) do not fit together")
      return a == 1 ? b : a
    }
    // There is nothing to go through, and extents whose product no integer holds.
    if shape.contains(0) { return }
    var (xStride, yStride) = (1, 1)
    var inner: [(count: Int, x: Int, y: Int)] = []
    for axis in shape.indices.reversed() where shape[axis] != 1 {
      let x = left[axis] == 1 ? 0 : xStride
      let y = right[axis] == 1 ? 0 : yStride
      xStride *= left[axis]
      yStride *= right[axis]
      if let last = inner.last, x == last.x * last.count, y == last.y * last.count, (x == 0) == (last.x == 0),
        (y == 0) == (last.y == 0)
      {
        inner[inner.count - 1].count *= shape[axis]
      } else {
        inner.append((shape[axis], x, y))
      }
    }
    loops = inner.reversed()
  }

  /// Calls `body` for each innermost run: its length, the steps (0 or 1) and the offsets of both operands and the
  /// result.
  func forEachRun(
    _ body: (_ count: Int, _ x: (offset: Int, step: Int), _ y: (offset: Int, step: Int), _ z: Int) -> Void
  ) {
    guard shape.product > 0 else { return }
    guard let inner = loops.last else { return body(1, (0, 1), (0, 1), 0) }
    forEachIndex(loops.dropLast().map { ($0.count, [$0.x, $0.y]) }) { run, offsets in
      body(inner.count, (offsets[0], inner.x), (offsets[1], inner.y), run * inner.count)
    }
  }
}

/// Counts through nested loops, the last one fastest, and keeps for each operand the offset that its strides add up to.
func forEachIndex(_ loops: [(count: Int, strides: [Int])], _ body: (_ index: Int, _ offsets: [Int]) -> Void) {
  let operands = loops.first?.strides.count ?? 2
  var counters = [Int](repeating: 0, count: loops.count)
  var offsets = [Int](repeating: 0, count: operands)
  let total = loops.reduce(1) { $0 * $1.count }
  for index in 0..<total {
    body(index, offsets)
    var axis = loops.count - 1
    while axis >= 0 {
      counters[axis] += 1
      for operand in 0..<operands { offsets[operand] += loops[axis].strides[operand] }
      if counters[axis] < loops[axis].count { break }
      for operand in 0..<operands { offsets[operand] -= loops[axis].strides[operand] * loops[axis].count }
      counters[axis] = 0
      axis -= 1
    }
  }
}
