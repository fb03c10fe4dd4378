import RefrainData

/// What an attribute says.
enum HDF5Attribute: Equatable {
  /// Texts; one where the attribute is a single text.
  case texts([String])
  case numbers(NumericArray)

  /// The texts, of numbers none.
  var texts: [String] { if case .texts(let texts) = self { texts } else { [] } }
}

extension HDF5Reader {
  /// The attributes of an object. Those of kinds that describe no weights are left out.
  mutating func attributes(
    _ messages: [Message], _ path: String
  ) throws(DataError) -> [(name: String, value: HDF5Attribute)] {
    var places = messages.filter { $0.kind == .attribute && !$0.isShared }.map { $0.place..<$0.place + $0.count }
    if let info = messages.first(.attributeInfo), info.count >= 18 {
      let start = info.place + 2 + (try byte(at: info.place + 1) & 1 != 0 ? 2 : 0)
      if let heap = try address(at: start), let index = try address(at: start + 8) {
        places += try heapObjects(heap: heap, index: index, idOffset: 0)
      }
    }
    var attributes: [(name: String, value: HDF5Attribute)] = []
    for place in places {
      if let attribute = try attribute(place, path) { attributes.append(attribute) }
    }
    return attributes
  }

  private mutating func attribute(
    _ part: Range<Int>, _ path: String
  ) throws(DataError) -> (name: String, value: HDF5Attribute)? {
    try enter(part.lowerBound, count: max(9, part.count))
    let version = bytes[part.lowerBound]
    guard (1...3).contains(version) else { return nil }
    // Versions 1 and 2 have no byte for the letters' encoding; in version 1 each part is filled up to eight bytes.
    let flags = version == 1 ? 0 : bytes[part.lowerBound + 1]
    func padded(_ count: Int) -> Int { version == 1 ? (count + 7) / 8 * 8 : count }
    let sizes = [
      try number(UInt16.self, at: part.lowerBound + 2), try number(UInt16.self, at: part.lowerBound + 4),
      try number(UInt16.self, at: part.lowerBound + 6),
    ]
    let nameStart = part.lowerBound + (version == 3 ? 9 : 8)
    let typeStart = nameStart + padded(sizes[0])
    let spaceStart = typeStart + padded(sizes[1])
    let valueStart = spaceStart + padded(sizes[2])
    guard valueStart <= part.upperBound else { throw .damagedHDF5("an attribute of \(path.quoted) is cut off") }
    let name = String(decoding: bytes[nameStart..<nameStart + sizes[0]].prefix { $0 != 0 }, as: UTF8.self)
    // What is shared with other objects is elsewhere, and no attribute of Keras'.
    guard flags & 3 == 0 else { return nil }
    let type = try HDF5Type(in: self, at: typeStart, count: sizes[1])
    guard let shape = try shape(at: spaceStart, count: sizes[2], path), let count = elementCount(of: shape) else {
      return nil
    }
    let (size, overflows) = count.multipliedReportingOverflow(by: type.size)
    guard !overflows, size <= part.upperBound - valueStart else {
      throw .damagedHDF5("the attribute \(name.quoted) of \(path.quoted) is cut off")
    }
    switch type.kind {
    case .text:
      // Filled up with zeros or blanks.
      return (
        name,
        .texts(
          (0..<count).map { index in
            let letters = bytes[valueStart + index * type.size..<valueStart + (index + 1) * type.size]
            return String(decoding: letters.prefix { $0 != 0 }, as: UTF8.self)
          })
      )
    case .textElsewhere:
      var texts: [String] = []
      for index in 0..<count {
        let at = valueStart + index * type.size
        let length = try number(UInt32.self, at: at)
        texts.append(
          length == 0
            ? ""
            : try text(
              collection: number(UInt64.self, at: at + 4), object: number(UInt32.self, at: at + 12), length: length))
      }
      return (name, .texts(texts))
    case .number:
      guard let array = type.array(bytes[valueStart..<valueStart + size], shape: shape) else { return nil }
      return (name, .numbers(array))
    case .other: return nil
    }
  }
}
