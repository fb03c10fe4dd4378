import RefrainData

// The members of groups: in symbol tables, as h5py makes them, or as links, in the header or in a heap.

extension HDF5Reader {
  struct Member {
    var name: String
    var header: Int
  }

  mutating func members(of messages: [Message], _ path: String) throws(DataError) -> [Member] {
    if let table = messages.first(.symbolTable), table.count >= 16 { return try symbols(table) }
    guard messages.contains(where: { $0.kind == .linkInfo || $0.kind == .link }) else {
      throw .damagedHDF5("\(path.quoted) is neither a group nor an array")
    }
    var members: [Member] = []
    for message in messages where message.kind == .link {
      members.append(try link(message.place, count: message.count))
    }
    if let info = messages.first(.linkInfo), info.count >= 18 {
      let flags = try byte(at: info.place + 1)
      let start = info.place + 2 + (flags & 1 != 0 ? 8 : 0)
      // Heap and index; where there are neither, all ones.
      if let heap = try address(at: start), let index = try address(at: start + 8) {
        for place in try heapObjects(heap: heap, index: index, idOffset: 4) {
          members.append(try link(place.lowerBound, count: place.count))
        }
      }
    }
    return members
  }

  /// An address, or nil where there is none.
  func address(at place: Int) throws(DataError) -> Int? {
    guard let number = bytes.littleEndian(at: place, as: UInt64.self) else {
      throw .damagedHDF5("something lies beyond the end of the file")
    }
    return number == .max ? nil : try self.number(UInt64.self, at: place)
  }

  /// The member that a link message names.
  private func link(_ place: Int, count: Int) throws(DataError) -> Member {
    try check(place, count: max(count, 4))
    let flags = Int(bytes[place + 1])
    var at = place + 2
    var type = 0
    if flags & 8 != 0 {
      type = try byte(at: at)
      at += 1
    }
    at += (flags & 4 != 0 ? 8 : 0) + (flags & 0x10 != 0 ? 1 : 0)
    let width = 1 << (flags & 3)
    let length = try number(ofBytes: width, at: at)
    at += width
    guard (1...1024).contains(length), at + length <= place + count else { throw .damagedHDF5("a name cannot be read") }
    let name = String(decoding: bytes[at..<at + length], as: UTF8.self)
    guard type == 0 else { throw .damagedHDF5("\(name.quoted) is a link to another place") }
    return Member(name: name, header: try number(UInt64.self, at: at + length))
  }

  // MARK: - Symbol tables

  private mutating func symbols(_ table: Message) throws(DataError) -> [Member] {
    let heap = try number(UInt64.self, at: table.place + 8)
    try enter(heap, count: 32, signature: "HEAP")
    let names = (place: try number(UInt64.self, at: heap + 24), count: try number(UInt64.self, at: heap + 8))
    try enter(names.place, count: names.count)
    var members: [Member] = []
    try collect(
      number(UInt64.self, at: table.place), level: nil, names: names.place..<names.place + names.count, into: &members)
    return members
  }

  /// Collects the members in a node of a group's B-tree and below it.
  private mutating func collect(
    _ node: Int, level: Int?, names: Range<Int>, into members: inout [Member]
  ) throws(DataError) {
    try enter(node, count: 24, signature: "TREE")
    let (own, used) = (Int(bytes[node + 5]), try number(UInt16.self, at: node + 6))
    guard bytes[node + 4] == 0, own < 8, level.map({ $0 == own }) ?? true else {
      throw .damagedHDF5("the tree of a group is not one")
    }
    for index in 0..<used {
      // A key lies before each child.
      let child = try number(UInt64.self, at: node + 32 + 16 * index)
      if own > 0 {
        try collect(child, level: own - 1, names: names, into: &members)
      } else {
        try collectSymbols(child, names: names, into: &members)
      }
    }
  }

  private mutating func collectSymbols(
    _ node: Int, names: Range<Int>, into members: inout [Member]
  ) throws(DataError) {
    try enter(node, count: 8, signature: "SNOD")
    for index in 0..<(try number(UInt16.self, at: node + 6)) {
      let entry = node + 8 + 40 * index
      try enter(entry, count: 40)
      let name = try name(number(UInt64.self, at: entry), in: names)
      guard try number(UInt32.self, at: entry + 16) != 2 else {
        throw .damagedHDF5("\(name.quoted) is a link to another place")
      }
      members.append(Member(name: name, header: try number(UInt64.self, at: entry + 8)))
    }
  }

  /// The name at an offset of a heap, at most 1023 bytes and a zero.
  private func name(_ offset: Int, in heap: Range<Int>) throws(DataError) -> String {
    if offset < heap.count {
      let text = bytes[(heap.lowerBound + offset)..<heap.upperBound].prefix(1024).prefix { $0 != 0 }
      if 1...1023 ~= text.count, text.endIndex < heap.upperBound { return String(decoding: text, as: UTF8.self) }
    }
    throw .damagedHDF5("a name cannot be read")
  }
}
