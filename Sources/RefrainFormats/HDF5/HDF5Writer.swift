import RefrainData

/// Writes the first format of HDF5, which every version of libhdf5 reads: what ``HDF5Reader`` reads, with one symbol
/// node to a group. The same tree always gives the same bytes.
struct HDF5Writer {
  private var bytes: [UInt8] = []
  /// Half of the members that a symbol node has room for, one number for all groups of a file.
  private let halfNode: Int

  /// Half of the children of a tree's node; h5py's number.
  private static let halfTree = 16
  private static let nowhere = UInt64.max
  private static let superblockSize = 96

  /// A group or an array before it is written.
  private enum Object {
    case group([String: Object])
    case array(NumericArray)

    /// Puts an array under a path.
    mutating func insert(_ array: NumericArray, _ path: ArraySlice<String>) {
      guard let name = path.first else {
        self = .array(array)
        return
      }
      guard case .group(var members) = self else { return }
      self = .group([:])
      members[name, default: .group([:])].insert(array, path.dropFirst())
      self = .group(members)
    }

    /// The most members of a group in it.
    var mostMembers: Int {
      guard case .group(let members) = self else { return 0 }
      return max(members.count, members.values.map(\.mostMembers).max() ?? 0)
    }
  }

  /// Where a written group has its parts, or an array its header.
  private struct Place {
    var header: Int
    var tree: Int?
    var heap = 0
  }

  /// The bytes of a file with these arrays.
  ///
  /// - Throws: `unwritableFile` when a group has more members than the format can hold.
  static func bytes(of tree: HDF5Tree) throws(DataError) -> [UInt8] {
    var root = Object.group([:])
    for (path, array) in tree.arrays { root.insert(array, path.split(separator: "/").map(String.init)[...]) }
    guard root.mostMembers <= Int(UInt16.max) else {
      throw DataError(.unwritableFile, "a group of \(root.mostMembers) members is too large for HDF5")
    }
    var writer = HDF5Writer(halfNode: max(4, (root.mostMembers + 1) / 2))
    writer.bytes = Array(repeating: 0, count: superblockSize)
    let place = writer.write(root)
    writer.bytes.replaceSubrange(..<superblockSize, with: writer.superblock(place))
    return writer.bytes
  }

  private init(halfNode: Int) { self.halfNode = halfNode }

  private func superblock(_ root: Place) -> [UInt8] {
    var block = HDF5Tree.signature + [0, 0, 0, 0, 0, 8, 8, 0]
    block.append(littleEndian: UInt16(halfNode))
    block.append(littleEndian: UInt16(Self.halfTree))
    block.append(littleEndian: UInt32(0))
    for address in [0, Self.nowhere, UInt64(bytes.count), Self.nowhere] { block.append(littleEndian: address) }
    return block + Self.entry(name: 0, root)
  }

  /// An entry of a symbol node.
  private static func entry(name: Int, _ place: Place) -> [UInt8] {
    var entry: [UInt8] = []
    entry.append(littleEndian: UInt64(name))
    entry.append(littleEndian: UInt64(place.header))
    // A group's entry says again where its parts are.
    entry.append(littleEndian: UInt64(place.tree == nil ? 0 : 1))
    entry.append(littleEndian: UInt64(place.tree ?? 0))
    entry.append(littleEndian: UInt64(place.heap))
    return entry
  }

  /// Appends a part, which begins at a multiple of eight.
  private mutating func append(_ part: [UInt8]) -> Int {
    bytes += Array(repeating: 0, count: (8 - bytes.count % 8) % 8)
    defer { bytes += part }
    return bytes.count
  }

  private mutating func write(_ object: Object) -> Place {
    switch object {
    case .group(let members): writeGroup(members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
    case .array(let array): writeArray(array)
    }
  }

  private mutating func writeGroup(_ members: [(key: String, value: Object)]) -> Place {
    // The first name of a heap is empty.
    var names = [UInt8](repeating: 0, count: 8)
    var symbols: [UInt8] = Array("SNOD".utf8) + [1, 0]
    symbols.append(littleEndian: UInt16(members.count))
    var lastName = 0
    for (name, object) in members {
      lastName = names.count
      symbols += Self.entry(name: lastName, write(object))
      names += Array(name.utf8) + Array(repeating: 0, count: 8 - name.utf8.count % 8)
    }
    symbols += Array(repeating: 0, count: 40 * (2 * halfNode - members.count))

    var tree: [UInt8] = Array("TREE".utf8) + [0, 0, members.isEmpty ? 0 : 1, 0]
    for address in [Self.nowhere, Self.nowhere, 0, UInt64(append(symbols)), UInt64(lastName)] {
      tree.append(littleEndian: address)
    }
    tree += Array(repeating: 0, count: 24 + 8 * (4 * Self.halfTree + 1) - tree.count)

    var heap: [UInt8] = Array("HEAP".utf8) + [0, 0, 0, 0]
    // No bytes are free, which is said by a 1.
    for number in [names.count, 1, append(names)] { heap.append(littleEndian: UInt64(number)) }

    var place = Place(header: 0, tree: append(tree), heap: append(heap))
    var table: [UInt8] = []
    for address in [place.tree ?? 0, place.heap] { table.append(littleEndian: UInt64(address)) }
    place.header = appendHeader([(0x11, table)])
    return place
  }

  private mutating func writeArray(_ array: NumericArray) -> Place {
    var values: [UInt8] = []
    values.reserveCapacity(4 * array.values.count)
    for value in array.values.floats { values.append(littleEndian: value.bitPattern) }
    let address = values.isEmpty ? Self.nowhere : UInt64(append(values))

    var dataspace: [UInt8] = [1, UInt8(array.shape.count), 0, 0, 0, 0, 0, 0]
    for extent in array.shape { dataspace.append(littleEndian: UInt64(extent)) }
    // A float of four bytes: sign 31, 32 bits, exponent at 23 of 8 bits, fraction at 0 of 23, bias 127.
    let datatype: [UInt8] = [0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0, 0, 0, 0, 0]
    // Zeros where nothing was written.
    let fill: [UInt8] = [2, 2, 2, 1, 0, 0, 0, 0]
    // In one piece.
    var layout: [UInt8] = [3, 1]
    layout.append(littleEndian: address)
    layout.append(littleEndian: UInt64(values.count))
    layout += Array(repeating: 0, count: 6)
    return Place(header: appendHeader([(0x1, dataspace), (0x3, datatype), (0x5, fill), (0x8, layout)]))
  }

  private mutating func appendHeader(_ messages: [(type: UInt16, contents: [UInt8])]) -> Int {
    var body: [UInt8] = []
    for (type, contents) in messages {
      body.append(littleEndian: type)
      body.append(littleEndian: UInt16(contents.count))
      // What never changes is said to be so: the types of values.
      body.append(littleEndian: UInt32(type == 0x3 || type == 0x5 ? 1 : 0))
      body += contents
    }
    var header: [UInt8] = [1, 0]
    header.append(littleEndian: UInt16(messages.count))
    header.append(littleEndian: UInt32(1))
    header.append(littleEndian: UInt64(body.count))
    return append(header + body)
  }
}

extension HDF5Tree {
  /// The bytes of a file with these arrays.
  ///
  /// - Throws: `unwritableFile` when a group has more members than the format can hold.
  func bytes() throws(DataError) -> [UInt8] { try HDF5Writer.bytes(of: self) }
}
