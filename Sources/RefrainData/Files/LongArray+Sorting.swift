extension LongArray {
  /// Calls `body` with the elements in an order. Where they are in a file, parts that memory holds are sorted, all into
  /// one other file, and these are merged.
  ///
  /// What is in memory at once grows with the root of their number: as many as make a part, and in merging as many of
  /// all parts together.
  ///
  /// - Throws: `diskFull`, `unwritableFile` or `unreadableFile`.
  package func forEachSorted(
    by areInOrder: (Element, Element) -> Bool, _ body: (Element) -> Void
  ) throws(DataError) {
    guard isInFile else { return self[0..<count].sorted(by: areInOrder).forEach(body) }
    // Of each part 64 elements at least are read at once.
    let length = max(most, Int(Double(64 * count).squareRoot()))
    var sorted = LongArray(most: 1)
    var parts: [SortedPart<Element>] = []
    for start in stride(from: 0, to: count, by: length) {
      let end = min(start + length, count)
      sorted.append(contentsOf: self[start..<end].sorted(by: areInOrder))
      parts.append(SortedPart(next: start, end: end))
    }
    try check()
    try sorted.check()
    let window = max(1, length / parts.count)
    // A heap of the next element of each part, the first in order at its root.
    var heap = parts.indices.compactMap { part in
      parts[part].take(window, of: sorted).map { (element: $0, part: part) }
    }
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
    while let (element, part) = heap.first {
      body(element)
      if let next = parts[part].take(window, of: sorted) {
        heap[0] = (next, part)
      } else {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
      }
      sink(from: 0)
    }
    try sorted.check()
  }
}

/// A sorted part of an array: elements that were read of it, and where the others are.
private struct SortedPart<Element: BitwiseCopyable & Sendable> {
  private var read: ArraySlice<Element> = []
  private var next: Int
  private let end: Int

  init(next: Int, end: Int) { (self.next, self.end) = (next, end) }

  /// The next element; nil behind the last.
  mutating func take(_ window: Int, of array: LongArray<Element>) -> Element? {
    if read.isEmpty, next < end {
      read = array[next..<min(next + window, end)]
      next += read.count
    }
    return read.popFirst()
  }
}
