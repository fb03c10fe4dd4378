import RefrainData

/// How an array is cut into chunks, all of one shape, and where their list is.
struct HDF5Chunks {
  enum Index {
    /// A B-tree of the first version.
    case tree
    /// One chunk, and its bytes where it is compressed.
    case single(size: Int?)
    /// All chunks one after another.
    case sequence
    /// A list of places.
    case list
  }

  let index: Index
  /// Where the index, or the only chunk, is; nil where no value was written.
  let address: Int?
  let shape: [Int]
  /// The extents of a chunk.
  let extents: [Int]
  let elementSize: Int
  /// The bytes of a chunk.
  let size: Int

  /// Reads a layout message.
  init(
    in reader: HDF5Reader, at place: Int, shape: [Int], elementSize: Int, _ path: String
  ) throws(DataError) {
    self.shape = shape
    self.elementSize = elementSize
    var extents: [Int] = []
    let rank: Int
    if reader.bytes[place] == 3 {
      rank = try reader.byte(at: place + 2) - 1
      index = .tree
      address = try reader.address(at: place + 3)
      for axis in 0..<max(rank, 0) { extents.append(try reader.number(UInt32.self, at: place + 11 + 4 * axis)) }
    } else {
      let (flags, width) = (try reader.byte(at: place + 2), try reader.byte(at: place + 4))
      rank = try reader.byte(at: place + 3) - 1
      for axis in 0..<max(rank, 0) { extents.append(try reader.number(ofBytes: width, at: place + 5 + width * axis)) }
      let at = place + 5 + width * (rank + 1)
      switch try reader.byte(at: at) {
      case 1 where flags & 2 != 0:
        index = .single(size: try reader.number(UInt64.self, at: at + 1))
        address = try reader.address(at: at + 13)
      case 1:
        index = .single(size: nil)
        address = try reader.address(at: at + 1)
      case 2:
        index = .sequence
        address = try reader.address(at: at + 1)
      case 3:
        index = .list
        address = try reader.address(at: at + 2)
      default: throw .unsupportedHDF5("\(path.quoted) is stored in chunks of a list that grows")
      }
    }
    guard rank == shape.count, rank > 0, extents.allSatisfy({ $0 > 0 }),
      let count = elementCount(of: extents), count <= 1 << 40
    else { throw .damagedHDF5("the chunks of \(path.quoted) do not fit its shape") }
    self.extents = extents
    size = count * elementSize
  }

  /// How many chunks there are along each axis.
  var counts: [Int] { zip(shape, extents).map { ($0 - 1) / $1 + 1 } }

  /// Copies a chunk's elements, which begin at `origin`, to where they belong; what lies past the ends is left out.
  func copy(_ chunk: ArraySlice<UInt8>, from origin: [Int], to values: inout [UInt8]) {
    let rank = shape.count
    let kept = (0..<rank).map { min(extents[$0], shape[$0] - origin[$0]) }
    guard zip(origin, shape).allSatisfy({ $0 >= 0 && $0 < $1 }), kept.allSatisfy({ $0 > 0 }) else { return }
    let run = kept[rank - 1] * elementSize
    var place = [Int](repeating: 0, count: rank - 1)
    while true {
      var (source, target) = (0, 0)
      for axis in 0..<rank {
        let offset = axis < rank - 1 ? place[axis] : 0
        source = source * extents[axis] + offset
        target = target * shape[axis] + origin[axis] + offset
      }
      let start = chunk.startIndex + source * elementSize
      values.replaceSubrange(target * elementSize..<target * elementSize + run, with: chunk[start..<start + run])
      // The next row, as an odometer turns.
      var axis = rank - 2
      while axis >= 0 {
        place[axis] += 1
        if place[axis] < kept[axis] { break }
        place[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}

/// What was done to the bytes of a chunk before they were written.
enum HDF5Filter {
  case deflate
  case lzf
  /// The first bytes of all elements, then the second ones, ….
  case shuffle
  /// Four bytes of a checksum at the end.
  case checksum

  /// What is said of an array that went through the filter of a number.
  static func title(_ id: Int) -> String {
    let names = [
      4: "szip", 5: "N-bit", 6: "scale-offset", 307: "bzip2", 32000: "LZF", 32001: "Blosc", 32004: "LZ4",
      32008: "bitshuffle", 32013: "ZFP", 32015: "Zstandard", 32026: "Blosc2",
    ]
    return "is compressed by " + (names[id].map { "\($0) (\(id))" } ?? "the filter \(id)")
  }
}

extension HDF5Reader {
  /// The filters of a message, in the order in which they were applied.
  func filters(_ message: Message, _ path: String) throws(DataError) -> [HDF5Filter] {
    let (version, count) = (try byte(at: message.place), try byte(at: message.place + 1))
    var at = message.place + (version == 1 ? 8 : 2)
    var filters: [HDF5Filter] = []
    for _ in 0..<count {
      let id = try number(UInt16.self, at: at)
      let hasName = version == 1 || id >= 256
      let nameLength = hasName ? try number(UInt16.self, at: at + 2) : 0
      at += hasName ? 4 : 2
      let values = try number(UInt16.self, at: at + 2)
      at += 4 + (version == 1 ? (nameLength + 7) / 8 * 8 : nameLength) + 4 * values
      if version == 1, values % 2 == 1 { at += 4 }
      switch id {
      case 1: filters.append(.deflate)
      case 2: filters.append(.shuffle)
      case 3: filters.append(.checksum)
      case 32000: filters.append(.lzf)
      // Those from 256 on are no part of libhdf5.
      case 256...: throw .missingHDF5Filter(id, path)
      default: throw .unsupportedHDF5("\(path.quoted) \(HDF5Filter.title(id))")
      }
    }
    return filters
  }

  /// The values of an array in chunks.
  mutating func chunked(
    _ chunks: HDF5Chunks, filters: [HDF5Filter], size: Int, _ path: String
  ) throws(DataError) -> ArraySlice<UInt8> {
    var values = [UInt8](repeating: 0, count: size)
    guard let address = chunks.address, size > 0 else { return values[...] }
    func add(_ place: Int, _ stored: Int, _ origin: [Int], mask: Int) throws(DataError) {
      work -= chunks.size
      guard work >= 0 else { throw .damagedHDF5("the chunks of \(path.quoted) are more than the file can hold") }
      try enter(place, count: stored)
      let used = filters.enumerated().filter { mask >> $0.offset & 1 == 0 }.map(\.element)
      guard
        let chunk = Self.undone(
          used, bytes[place..<place + stored], size: chunks.size, elementSize: chunks.elementSize),
        chunk.count == chunks.size
      else { throw .damagedHDF5("a chunk of \(path.quoted) cannot be read") }
      chunks.copy(chunk, from: origin, to: &values)
    }
    let counts = chunks.counts
    /// Where the chunk of a number begins.
    func origin(_ number: Int) -> [Int] {
      var (rest, place) = (number, [Int](repeating: 0, count: counts.count))
      for axis in counts.indices.reversed() {
        place[axis] = rest % counts[axis] * chunks.extents[axis]
        rest /= counts[axis]
      }
      return place
    }
    guard let count = elementCount(of: counts) else { throw .damagedHDF5("the chunks of \(path.quoted) are too many") }
    switch chunks.index {
    case .single(let stored):
      try add(address, stored ?? chunks.size, counts.map { _ in 0 }, mask: 0)
    case .sequence:
      for number in 0..<count { try add(address + number * chunks.size, chunks.size, origin(number), mask: 0) }
    case .list:
      try enter(address, count: 24, signature: "FAHD")
      let (client, entry) = (try byte(at: address + 5), try byte(at: address + 6))
      guard count <= 1 << (try byte(at: address + 7)), entry == 8 || client == 1 && entry > 12 else {
        throw .unsupportedHDF5("\(path.quoted) is stored in very many chunks")
      }
      let block = try number(UInt64.self, at: address + 16)
      try enter(block, count: 14 + count * entry, signature: "FADB")
      for number in 0..<count {
        let at = block + 14 + number * entry
        guard let place = try self.address(at: at) else { continue }
        let stored = client == 1 ? try self.number(ofBytes: min(8, entry - 12), at: at + 8) : chunks.size
        let mask = client == 1 ? try self.number(UInt32.self, at: at + entry - 4) : 0
        try add(place, stored, origin(number), mask: mask)
      }
    case .tree:
      var nodes = [(address, level: Int?.none)]
      while let (node, level) = nodes.popLast() {
        try enter(node, count: 24, signature: "TREE")
        let (own, used) = (Int(bytes[node + 5]), try number(UInt16.self, at: node + 6))
        guard bytes[node + 4] == 1, own < 8, level.map({ $0 == own }) ?? true else {
          throw .damagedHDF5("the tree of the chunks of \(path.quoted) is not one")
        }
        // A key has the bytes, the filters left out, and the first element's place, with one axis more.
        let key = 8 + 8 * (counts.count + 1)
        for entry in 0..<used {
          let at = node + 24 + entry * (key + 8)
          let child = try number(UInt64.self, at: at + key)
          if own > 0 {
            nodes.append((child, own - 1))
            continue
          }
          var origin: [Int] = []
          for axis in counts.indices { origin.append(try number(UInt64.self, at: at + 8 + 8 * axis)) }
          try add(child, number(UInt32.self, at: at), origin, mask: number(UInt32.self, at: at + 4))
        }
      }
    }
    return values[...]
  }

  /// The bytes of a chunk before the filters were applied; nil where they are damaged.
  private static func undone(
    _ filters: [HDF5Filter], _ bytes: ArraySlice<UInt8>, size: Int, elementSize: Int
  ) -> ArraySlice<UInt8>? {
    var bytes = bytes
    for filter in filters.reversed() {
      switch filter {
      case .checksum: bytes = bytes.dropLast(4)
      case .deflate:
        // Two bytes before and a checksum of four after what zip archives have.
        guard bytes.count > 6, let inflated = Deflate.inflate(bytes.dropFirst(2).dropLast(4), count: size) else {
          return nil
        }
        bytes = inflated[...]
      case .lzf:
        guard let expanded = LZF.expand(bytes, atMost: size + 4) else { return nil }
        bytes = expanded[...]
      case .shuffle:
        guard bytes.count == size, size % elementSize == 0 else { return nil }
        let (count, source) = (size / elementSize, Array(bytes))
        var result = [UInt8](repeating: 0, count: size)
        for byte in 0..<elementSize {
          for element in 0..<count { result[element * elementSize + byte] = source[byte * count + element] }
        }
        bytes = result[...]
      }
    }
    return bytes
  }
}
