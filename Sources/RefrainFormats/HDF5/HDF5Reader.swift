import RefrainData

/// Reads the first format of HDF5. Every offset is checked, and the whole takes no more steps than the file has bytes.
///
/// The names of the parts and what they hold are those of the "HDF5 File Format Specification Version 3.0": superblock
/// version 0, object headers version 1, B-trees version 1 of symbol nodes, local heaps.
struct HDF5Reader {
  private let bytes: [UInt8]
  private var tree = HDF5Tree()
  /// How many parts may still be visited: in a sound file none is visited twice, and each is of eight bytes at least.
  private var steps: Int
  /// How many bytes of values may still be read.
  private var budget: Int

  /// The arrays below the group `root`.
  ///
  /// - Throws: `damagedFile`, or `unsupportedContent` for a file of another form.
  static func tree(_ bytes: [UInt8], below root: String) throws(DataError) -> HDF5Tree {
    var reader = HDF5Reader(bytes)
    let members = try reader.members(of: reader.rootHeader(), "/")
    guard let group = members.first(where: { $0.name == root }) else { return HDF5Tree() }
    try reader.visit(group.header, path: root, depth: 16)
    return reader.tree
  }

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
    steps = bytes.count / 8
    budget = 8 * bytes.count
  }

  // MARK: - Numbers and parts

  /// The whole number of this type at a place.
  private func number<Number: FixedWidthInteger & UnsignedInteger>(
    _ type: Number.Type, at place: Int
  ) throws(DataError) -> Int {
    guard let number = bytes.littleEndian(at: place, as: type), let number = Int(exactly: number) else {
      throw .damagedHDF5("something lies beyond the end of the file")
    }
    return number
  }

  /// Takes a step, and checks that `count` bytes of the file begin at a place; places themselves are below 2⁶².
  private mutating func enter(_ place: Int, count: Int) throws(DataError) {
    steps -= 1
    guard steps >= 0 else { throw .damagedHDF5("its parts go in a circle") }
    guard place >= 0, count >= 0, place < 1 << 62, count <= bytes.count, place + count <= bytes.count else {
      throw .damagedHDF5("something lies beyond the end of the file")
    }
  }

  /// Enters a part that begins with four letters.
  private mutating func enter(_ place: Int, count: Int, signature: StaticString) throws(DataError) {
    try enter(place, count: count)
    guard signature.withUTF8Buffer({ bytes[place...].starts(with: $0) }) else {
      throw .damagedHDF5("there is no \(signature) where one should be")
    }
  }

  /// Where the header of the root group is.
  private mutating func rootHeader() throws(DataError) -> Int {
    try enter(0, count: 96)
    guard bytes[8] <= 3 else { throw .damagedHDF5("there is no format \(bytes[8])") }
    guard bytes[8] == 0, bytes[13] == 8, bytes[14] == 8, try number(UInt64.self, at: 24) == 0 else {
      throw .unsupportedHDF5("the file is of a later format (\(bytes[8]))")
    }
    return try number(UInt64.self, at: 64)
  }

  /// A message of an object header.
  private struct Message {
    var type: Int
    var place: Int
    var count: Int
  }

  private enum MessageType {
    static let dataspace = 0x1
    static let linkInfo = 0x2
    static let datatype = 0x3
    static let link = 0x6
    static let externalFiles = 0x7
    static let layout = 0x8
    static let continuation = 0x10
    static let symbolTable = 0x11
  }

  /// The messages of the object header at a place, the first of each type.
  private mutating func messages(at header: Int, _ path: String) throws(DataError) -> [Int: Message] {
    try enter(header, count: 16)
    if bytes[header...].starts(with: "OHDR".utf8) {
      throw .unsupportedHDF5("the header of \(path.quoted) is of a later format")
    }
    guard bytes[header] == 1 else { throw .damagedHDF5("\(path.quoted) has no header") }
    var messages: [Int: Message] = [:]
    var blocks = [(place: header + 16, count: try number(UInt32.self, at: header + 8))]
    while let (start, count) = blocks.popLast() {
      try enter(start, count: count)
      var place = start
      while place + 8 <= start + count {
        let message = Message(
          type: try number(UInt16.self, at: place), place: place + 8, count: try number(UInt16.self, at: place + 2))
        try enter(message.place, count: message.count)
        if bytes[place + 4] & 2 != 0, message.type == MessageType.dataspace || message.type == MessageType.datatype {
          throw .unsupportedHDF5("\(path.quoted) shares what it says of its type")
        }
        if message.type == MessageType.continuation, message.count >= 16 {
          blocks.append((try number(UInt64.self, at: message.place), try number(UInt64.self, at: message.place + 8)))
        } else if messages[message.type] == nil {
          messages[message.type] = message
        }
        place = message.place + message.count
      }
    }
    return messages
  }

  // MARK: - Groups

  private mutating func visit(_ header: Int, path: String, depth: Int) throws(DataError) {
    guard depth > 0 else { throw .damagedHDF5("its groups lie too deep") }
    let messages = try messages(at: header, path)
    if messages[MessageType.dataspace] != nil { return try readArray(messages, path) }
    for member in try members(of: messages, path) {
      try visit(member.header, path: path + "/" + member.name, depth: depth - 1)
    }
  }

  private struct Member {
    var name: String
    var header: Int
  }

  private mutating func members(of header: Int, _ path: String) throws(DataError) -> [Member] {
    try members(of: messages(at: header, path), path)
  }

  private mutating func members(of messages: [Int: Message], _ path: String) throws(DataError) -> [Member] {
    guard let table = messages[MessageType.symbolTable], table.count >= 16 else {
      if messages[MessageType.linkInfo] != nil || messages[MessageType.link] != nil {
        throw .unsupportedHDF5("the group \(path.quoted) is of a later format")
      }
      throw .damagedHDF5("\(path.quoted) is neither a group nor an array")
    }
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

  /// The name at an offset of a heap, at most 255 bytes and a zero.
  private func name(_ offset: Int, in heap: Range<Int>) throws(DataError) -> String {
    if offset < heap.count {
      let text = bytes[(heap.lowerBound + offset)..<heap.upperBound].prefix(256).prefix { $0 != 0 }
      if 1...255 ~= text.count, text.endIndex < heap.upperBound { return String(decoding: text, as: UTF8.self) }
    }
    throw .damagedHDF5("a name cannot be read")
  }

  // MARK: - Arrays

  private mutating func readArray(_ messages: [Int: Message], _ path: String) throws(DataError) {
    guard messages[MessageType.externalFiles] == nil else { throw .damagedHDF5("\(path.quoted) lies in another file") }
    let (type, shape) = (try type(messages, path), try shape(messages, path))
    guard let count = elementCount(of: shape), count <= budget / type.size else {
      throw .damagedHDF5("\(path.quoted) has the shape \(shape), more than the file can hold")
    }
    let size = count * type.size
    budget -= max(size, count * MemoryLayout<Float>.size)
    let place = try values(messages, path, size: size)
    let floats = type.floats(in: bytes[place..<place + size])
    guard tree.arrays.updateValue(NumericArray(floats, shape: shape), forKey: path) == nil else {
      throw .damagedHDF5("there are two \(path.quoted)")
    }
  }

  /// The extents of an array; none of a single number.
  private func shape(_ messages: [Int: Message], _ path: String) throws(DataError) -> [Int] {
    guard let message = messages[MessageType.dataspace], message.count >= 4 else {
      throw .damagedHDF5("\(path.quoted) has no shape")
    }
    let (version, rank) = (bytes[message.place], Int(bytes[message.place + 1]))
    let start = version == 1 ? 8 : 4
    guard 1...2 ~= version, rank <= 8, message.count >= start + 8 * rank else {
      throw .damagedHDF5("\(path.quoted) has \(rank) axes")
    }
    var shape: [Int] = []
    for axis in 0..<rank { shape.append(try number(UInt64.self, at: message.place + start + 8 * axis)) }
    return shape
  }

  /// The type of the elements: a float of IEEE 754 with the lowest byte first.
  private func type(_ messages: [Int: Message], _ path: String) throws(DataError) -> ElementType {
    guard let message = messages[MessageType.datatype], message.count >= 8 else {
      throw .damagedHDF5("\(path.quoted) has no type")
    }
    let place = message.place
    guard bytes[place] & 0xF == 1, message.count >= 20 else {
      throw DataError(
        .unsupportedContent, "the HDF5 weights: \(path.quoted) does not hold floating-point numbers",
        remedy: "save the model with weights of the type float32")
    }
    // Class and version, order of the bytes and place of the sign; then size, offset, bits, and the fields' places and
    // sizes.
    let fields = bytes[place + 8..<place + 20]
    let types: [(ElementType, sign: UInt8, fields: [UInt8])] = [
      (.float16, 15, [0, 0, 16, 0, 10, 5, 0, 10, 15, 0, 0, 0]),
      (.float32, 31, [0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0]),
      (.float64, 63, [0, 0, 64, 0, 52, 11, 0, 52, 0xFF, 3, 0, 0]),
    ]
    let size = try number(UInt32.self, at: place + 4)
    let found = types.first { $0.0.size == size && $0.sign == bytes[place + 2] && fields.elementsEqual($0.fields) }
    guard let found, bytes[place + 1] & 1 == 0, bytes[place + 1] & 0x40 == 0 else {
      throw .unsupportedHDF5("\(path.quoted) holds floating-point numbers of an uncommon form")
    }
    return found.0
  }

  /// Where the values of an array begin.
  private mutating func values(_ messages: [Int: Message], _ path: String, size: Int) throws(DataError) -> Int {
    guard let message = messages[MessageType.layout], message.count >= 4 else {
      throw .damagedHDF5("\(path.quoted) has no values")
    }
    let place = message.place
    guard bytes[place] == 3 else { throw .unsupportedHDF5("\(path.quoted) is laid out as in other formats") }
    var values: (place: Int, count: Int)
    switch bytes[place + 1] {
    case 0: values = (place + 4, try number(UInt16.self, at: place + 2))
    case 1:
      values = (0, try number(UInt64.self, at: place + 10))
      // An array without elements has no place.
      if size > 0 { values.place = try number(UInt64.self, at: place + 2) }
    default: throw .unsupportedHDF5("\(path.quoted) is stored in chunks")
    }
    guard values.count == size else { throw .damagedHDF5("\(path.quoted) has \(values.count) bytes, expected \(size)") }
    try enter(values.place, count: size)
    return values.place
  }
}
