import RefrainData

// Heaps: the global one, where texts of any length are, and fractal ones, where many links or attributes are.

extension HDF5Reader {
  /// The text of an object of a global heap, at most `length` bytes.
  mutating func text(collection: Int, object: Int, length: Int) throws(DataError) -> String {
    if collections[collection] == nil { collections[collection] = try objects(ofCollection: collection) }
    guard let place = collections[collection]?[object] else { throw .damagedHDF5("a text is missing") }
    let count = min(length, place.count)
    work -= count
    guard work >= 0 else { throw .damagedHDF5("its texts are longer than the file") }
    return String(decoding: bytes[place.prefix(count)].prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The objects of a collection by their numbers.
  private mutating func objects(ofCollection place: Int) throws(DataError) -> [Int: Range<Int>] {
    try enter(place, count: 16, signature: "GCOL")
    let size = try number(UInt64.self, at: place + 8)
    try check(place, count: size)
    var objects: [Int: Range<Int>] = [:]
    var at = place + 16
    while at + 16 <= place + size {
      let (index, count) = (try number(UInt16.self, at: at), try number(UInt64.self, at: at + 8))
      // The object 0 is what is free.
      guard index != 0, count <= place + size - at - 16 else { break }
      objects[index] = at + 16..<at + 16 + count
      at += 16 + (count + 7) / 8 * 8
    }
    return objects
  }

  // MARK: - Fractal heaps

  /// Where the objects of a fractal heap are that a B-tree of the second version lists.
  ///
  /// - Parameter idOffset: where in a record the object's number is.
  mutating func heapObjects(heap: Int, index: Int, idOffset: Int) throws(DataError) -> [Range<Int>] {
    let heap = try FractalHeap(heap, in: &self)
    var objects: [Range<Int>] = []
    for record in try records(of: index) {
      objects.append(try heap.object(record + idOffset, in: &self))
    }
    return objects
  }

  /// The places of the records of a B-tree of the second version, at most two levels high.
  private mutating func records(of header: Int) throws(DataError) -> [Int] {
    try enter(header, count: 38, signature: "BTHD")
    let (nodeSize, recordSize) = (try number(UInt32.self, at: header + 6), try number(UInt16.self, at: header + 10))
    let (depth, count) = (try number(UInt16.self, at: header + 12), try number(UInt16.self, at: header + 24))
    guard recordSize > 4, nodeSize > 16 else { throw .damagedHDF5("an index is not one") }
    guard depth <= 1 else { throw .unsupportedHDF5("one of its groups has very many members") }
    guard count > 0 else { return [] }
    let root = try number(UInt64.self, at: header + 16)
    func places(_ node: Int, _ count: Int) -> [Int] { (0..<count).map { node + 6 + $0 * recordSize } }
    if depth == 0 {
      try enter(root, count: 6 + count * recordSize, signature: "BTLF")
      return places(root, count)
    }
    let width = bytesToHold((nodeSize - 10) / recordSize)
    let children = root + 6 + count * recordSize
    try enter(root, count: children - root + (count + 1) * (8 + width), signature: "BTIN")
    var all = places(root, count)
    for child in 0...count {
      let at = children + child * (8 + width)
      let (node, used) = (try number(UInt64.self, at: at), try number(ofBytes: width, at: at + 8))
      try enter(node, count: 6, signature: "BTLF")
      guard used <= nodeSize / recordSize else { throw .damagedHDF5("an index is not one") }
      try check(node, count: 6 + used * recordSize)
      all += places(node, used)
    }
    return all
  }

  /// How many bytes numbers up to this one take.
  fileprivate func bytesToHold(_ number: Int) -> Int { max(1, (Int.bitWidth - number.leadingZeroBitCount + 7) / 8) }
}

/// A fractal heap: blocks whose sizes double from row to row of a table.
private struct FractalHeap {
  private let idLength: Int
  private let offsetLength: Int
  private let width: Int
  private let firstSize: Int
  private let largestDirect: Int
  private let root: Int
  private let rootRows: Int

  init(_ header: Int, in reader: inout HDF5Reader) throws(DataError) {
    try reader.enter(header, count: 142, signature: "FRHP")
    idLength = try reader.number(UInt16.self, at: header + 5)
    guard try reader.number(UInt16.self, at: header + 7) == 0 else {
      throw .unsupportedHDF5("the names in one of its groups are compressed")
    }
    width = try reader.number(UInt16.self, at: header + 110)
    firstSize = try reader.number(UInt64.self, at: header + 112)
    largestDirect = try reader.number(UInt64.self, at: header + 120)
    offsetLength = (try reader.number(UInt16.self, at: header + 128) + 7) / 8
    root = try reader.number(UInt64.self, at: header + 132)
    rootRows = try reader.number(UInt16.self, at: header + 140)
    let arePowers = [width, firstSize, largestDirect].allSatisfy { $0 > 0 && $0 & ($0 - 1) == 0 }
    guard arePowers, width <= 1 << 16, firstSize <= largestDirect, largestDirect < 1 << 32, (1...8) ~= offsetLength,
      idLength > 1 + offsetLength, rootRows <= 64
    else { throw .damagedHDF5("a heap is not one") }
  }

  /// Where the object is whose number lies at a place.
  func object(_ id: Int, in reader: inout HDF5Reader) throws(DataError) -> Range<Int> {
    guard try reader.byte(at: id) & 0x30 == 0 else { throw .unsupportedHDF5("one of its names or attributes is huge") }
    let offset = try reader.number(ofBytes: offsetLength, at: id + 1)
    let length = try reader.number(ofBytes: min(8, idLength - 1 - offsetLength), at: id + 1 + offsetLength)
    let place = try self.place(of: offset, in: &reader)
    try reader.check(place, count: length)
    return place..<place + length
  }

  /// The place of an offset of the heap.
  private func place(of offset: Int, in reader: inout HDF5Reader) throws(DataError) -> Int {
    if rootRows == 0 {
      guard offset < firstSize else { throw .damagedHDF5("a heap's object lies beyond it") }
      return root + offset
    }
    var (block, rows, offset) = (root, rootRows, offset)
    for _ in 0..<16 {
      try reader.enter(block, count: 13 + offsetLength, signature: "FHIB")
      var (start, size, found) = (0, firstSize, false)
      for row in 0..<rows {
        if row > 1 { size *= 2 }
        guard size < 1 << 40 else { break }
        guard offset - start < size * width else {
          start += size * width
          continue
        }
        let column = (offset - start) / size
        let child = block + 13 + offsetLength + 8 * (row * width + column)
        offset -= start + column * size
        block = try reader.number(UInt64.self, at: child)
        if size <= largestDirect { return block + offset }
        rows = (size / (firstSize * width)).trailingZeroBitCount + 1
        found = true
        break
      }
      guard found else { break }
    }
    throw .damagedHDF5("a heap's object lies beyond it")
  }
}
