extension LongArray {
  /// Calls `body` with the elements in an order. Where they are in a file, parts that memory holds are sorted, each
  /// into a file of its own, and these are merged.
  ///
  /// - Throws: `diskFull`, `unwritableFile` or `unreadableFile`.
  package func forEachSorted(
    by areInOrder: (Element, Element) -> Bool, _ body: (Element) -> Void
  ) throws(DataError) {
    guard isInFile else { return self[0..<count].sorted(by: areInOrder).forEach(body) }
    var runs: [LongArray] = []
    for start in stride(from: 0, to: count, by: most) {
      var run = LongArray(most: 1)
      run.append(contentsOf: self[start..<min(start + most, count)].sorted(by: areInOrder))
      try run.check()
      runs.append(run)
    }
    try check()
    // A heap of the next element of each run, the first in order at its root.
    var heap = runs.indices.map { (element: runs[$0][0], run: $0, place: 0) }
    func sink(from start: Int) {
      var parent = start
      while true {
        var first = parent
        for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
          if areInOrder(heap[child].element, heap[first].element) { first = child }
        }
        guard first != parent else { return }
        heap.swapAt(first, parent)
        parent = first
      }
    }
    for place in heap.indices.reversed() { sink(from: place) }
    while let (element, run, place) = heap.first {
      body(element)
      if place + 1 < runs[run].count {
        heap[0] = (runs[run][place + 1], run, place + 1)
      } else {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
      }
      sink(from: 0)
    }
    for run in runs { try run.check() }
  }
}
