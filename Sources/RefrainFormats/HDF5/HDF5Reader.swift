import RefrainData

/// Reads HDF5 of every format, as far as weights and their descriptions need it. Every offset is checked, and the whole
/// takes no more steps than the file has bytes.
///
/// The names of the parts and what they hold are those of the "HDF5 File Format Specification Version 3.0": superblocks
/// 0 to 3, object headers 1 and 2, groups in symbol tables, in link messages and in fractal heaps, values in one piece,
/// within their header, or in chunks, compressed or not.
struct HDF5Reader {
  let bytes: [UInt8]
  private var tree = HDF5Tree()
  /// How many parts may still be visited: in a sound file none is visited twice, and each is of eight bytes at least.
  private var steps: Int
  /// How many bytes of values may still be read, and how many bytes of chunks and texts may still be looked at.
  var budget: Int
  var work: Int
  /// The collections of texts that were opened: where each of their objects is.
  var collections: [Int: [Int: Range<Int>]] = [:]
  /// The groups at the root that are passed over.
  private let skipped: Set<String>
  private let readsArrays: Bool

  /// The arrays and attributes below the group `root`, of the whole file where it is empty, and the root's attributes.
  ///
  /// - Parameters:
  ///   - skipped: members of the root that are passed over.
  ///   - readsArrays: whether the arrays are read; false reads the attributes of groups alone.
  /// - Throws: `damagedFile`, or `unsupportedContent` for what is not read here.
  static func tree(
    _ bytes: [UInt8], below root: String, skipping skipped: Set<String> = [], withArrays readsArrays: Bool = true
  ) throws(DataError) -> HDF5Tree {
    var reader = HDF5Reader(bytes, skipping: skipped, withArrays: readsArrays)
    let header = try reader.rootHeader()
    let messages = try reader.messages(at: header, "/")
    try reader.readAttributes(messages, path: "")
    if root.isEmpty {
      try reader.visitMembers(of: messages, path: "", depth: 16)
    } else if let group = try reader.members(of: messages, "/").first(where: { $0.name == root }) {
      try reader.visit(group.header, path: root, depth: 16)
    }
    return reader.tree
  }

  private init(_ bytes: [UInt8], skipping skipped: Set<String>, withArrays readsArrays: Bool) {
    self.bytes = bytes
    (self.skipped, self.readsArrays) = (skipped, readsArrays)
    steps = bytes.count / 8
    budget = 8 * bytes.count
    work = 32 * bytes.count + 1 << 20
  }

  // MARK: - Numbers and parts

  /// The whole number of this type at a place.
  func number<Number: FixedWidthInteger & UnsignedInteger>(
    _ type: Number.Type, at place: Int
  ) throws(DataError) -> Int {
    guard let number = bytes.littleEndian(at: place, as: type), let number = Int(exactly: number) else {
      throw .damagedHDF5("something lies beyond the end of the file")
    }
    return number
  }

  /// The whole number of so many bytes, at most eight, at a place.
  func number(ofBytes count: Int, at place: Int) throws(DataError) -> Int {
    guard (1...8).contains(count), place >= 0, place <= bytes.count - count else {
      throw .damagedHDF5("something lies beyond the end of the file")
    }
    let value = bytes[place..<place + count].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    guard let number = Int(exactly: value) else { throw .damagedHDF5("something lies beyond the end of the file") }
    return number
  }

  /// A byte at a place.
  func byte(at place: Int) throws(DataError) -> Int { try number(UInt8.self, at: place) }

  /// Takes a step, and checks that `count` bytes of the file begin at a place; places themselves are below 2⁶².
  mutating func enter(_ place: Int, count: Int) throws(DataError) {
    steps -= 1
    guard steps >= 0 else { throw .damagedHDF5("its parts go in a circle") }
    try check(place, count: count)
  }

  /// Checks that `count` bytes of the file begin at a place.
  func check(_ place: Int, count: Int) throws(DataError) {
    guard place >= 0, count >= 0, place < 1 << 62, count <= bytes.count, place + count <= bytes.count else {
      throw .damagedHDF5("something lies beyond the end of the file")
    }
  }

  /// Enters a part that begins with four letters.
  mutating func enter(_ place: Int, count: Int, signature: StaticString) throws(DataError) {
    try enter(place, count: count)
    guard signature.withUTF8Buffer({ bytes[place...].starts(with: $0) }) else {
      throw .damagedHDF5("there is no \(signature) where one should be")
    }
  }

  /// Where the header of the root group is.
  private mutating func rootHeader() throws(DataError) -> Int {
    try enter(0, count: 48)
    let version = bytes[8]
    guard version <= 3 else { throw .damagedHDF5("there is no format \(version)") }
    let (sizes, start) =
      switch version {
      case 0: (13, 24)
      case 1: (13, 28)
      default: (9, 12)
      }
    guard bytes[sizes] == 8, bytes[sizes + 1] == 8, try number(UInt64.self, at: start) == 0 else {
      throw .unsupportedHDF5("its addresses are of an uncommon kind")
    }
    // Before the root's header: base, extension and end of the file; in older formats also its entry's name.
    return try number(UInt64.self, at: version >= 2 ? start + 24 : start + 40)
  }

  // MARK: - Objects

  private mutating func visit(_ header: Int, path: String, depth: Int) throws(DataError) {
    guard depth > 0 else { throw .damagedHDF5("its groups lie too deep") }
    let messages = try messages(at: header, path)
    try readAttributes(messages, path: path)
    if messages.first(.dataspace) != nil {
      if readsArrays, let array = try array(messages, path) {
        guard tree.arrays.updateValue(array, forKey: path) == nil else {
          throw .damagedHDF5("there are two \(path.quoted)")
        }
      }
      return
    }
    if messages.first(.datatype) != nil { return }
    try visitMembers(of: messages, path: path, depth: depth)
  }

  private mutating func visitMembers(of messages: [Message], path: String, depth: Int) throws(DataError) {
    for member in try members(of: messages, path) where !(path.isEmpty && skipped.contains(member.name)) {
      try visit(member.header, path: path.isEmpty ? member.name : path + "/" + member.name, depth: depth - 1)
    }
  }

  private mutating func readAttributes(_ messages: [Message], path: String) throws(DataError) {
    for (name, value) in try attributes(messages, path) { tree.attributes[path, default: [:]][name] = value }
  }
}
