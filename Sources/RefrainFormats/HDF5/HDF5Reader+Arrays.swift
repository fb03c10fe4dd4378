import RefrainData

// The values of arrays, wherever they are.

extension HDF5Reader {
  /// The array of an object; nil where it holds no numbers.
  mutating func array(_ messages: [Message], _ path: String) throws(DataError) -> NumericArray? {
    guard messages.first(.externalFiles) == nil else { throw .damagedHDF5("\(path.quoted) lies in another file") }
    guard let typeMessage = messages.first(.datatype) else { throw .damagedHDF5("\(path.quoted) has no type") }
    guard let space = messages.first(.dataspace) else { throw .damagedHDF5("\(path.quoted) has no shape") }
    let type = try HDF5Type(in: self, at: typeMessage.place, count: typeMessage.count)
    guard case .number = type.kind else {
      if case .other(let what) = type.kind, !what.hasPrefix("what") {
        throw .unsupportedHDF5("\(path.quoted) holds \(what)")
      }
      return nil
    }
    guard let shape = try shape(at: space.place, count: space.count, path) else { return nil }
    guard let count = elementCount(of: shape), count <= budget / type.size else {
      throw .damagedHDF5("\(path.quoted) has the shape \(shape), more than the file can hold")
    }
    let size = count * type.size
    budget -= max(size, count * MemoryLayout<Float>.size)
    let bytes = try values(messages, path, size: size, shape: shape, elementSize: type.size)
    return type.array(bytes, shape: shape)
  }

  /// The extents that a dataspace message says, none of a single number; nil where there is no value at all.
  func shape(at place: Int, count: Int, _ path: String) throws(DataError) -> [Int]? {
    guard count >= 4 else { throw .damagedHDF5("\(path.quoted) has no shape") }
    try check(place, count: count)
    let (version, rank) = (bytes[place], Int(bytes[place + 1]))
    let start = version == 1 ? 8 : 4
    guard 1...2 ~= version, rank <= 8, count >= start + 8 * rank else {
      throw .damagedHDF5("\(path.quoted) has \(rank) axes")
    }
    if version == 2, bytes[place + 3] == 2 { return nil }
    var shape: [Int] = []
    for axis in 0..<rank { shape.append(try number(UInt64.self, at: place + start + 8 * axis)) }
    return shape
  }

  /// The bytes of an array's values.
  private mutating func values(
    _ messages: [Message], _ path: String, size: Int, shape: [Int], elementSize: Int
  ) throws(DataError) -> ArraySlice<UInt8> {
    guard let message = messages.first(.layout), message.count >= 4 else {
      throw .damagedHDF5("\(path.quoted) has no values")
    }
    let place = message.place
    guard (3...5).contains(bytes[place]) else {
      throw .unsupportedHDF5("\(path.quoted) is laid out as in files of other versions")
    }
    var values: (place: Int, count: Int)
    switch bytes[place + 1] {
    case 0: values = (place + 4, try number(UInt16.self, at: place + 2))
    case 1:
      values = (0, try number(UInt64.self, at: place + 10))
      // What was never written has no place, and is zero.
      if size > 0 {
        guard let address = try address(at: place + 2) else { return [UInt8](repeating: 0, count: size)[...] }
        values.place = address
      }
    case 2:
      let filters = try messages.first(.filters).map { (message) throws(DataError) in try self.filters(message, path) }
      return try chunked(
        HDF5Chunks(in: self, at: place, shape: shape, elementSize: elementSize, path), filters: filters ?? [],
        size: size, path)
    default: throw .unsupportedHDF5("\(path.quoted) lies in other files")
    }
    guard values.count == size else { throw .damagedHDF5("\(path.quoted) has \(values.count) bytes, expected \(size)") }
    try enter(values.place, count: size)
    return bytes[values.place..<values.place + size]
  }
}
