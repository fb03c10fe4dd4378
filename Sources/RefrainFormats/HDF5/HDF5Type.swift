import RefrainData

/// The type of an element in HDF5, as far as it is read.
struct HDF5Type {
  enum Kind: Equatable {
    case number(HDF5Number)
    /// A text of as many bytes as the element has.
    case text
    /// A text in a heap.
    case textElsewhere
    /// Something else, in words.
    case other(String)
  }

  var kind: Kind
  /// The bytes of an element.
  var size: Int

  /// Reads a datatype message.
  ///
  /// - Throws: `damagedFile` when it is cut off.
  init(in reader: HDF5Reader, at place: Int, count: Int) throws(DataError) {
    guard count >= 8 else { throw .damagedHDF5("a type is cut off") }
    try reader.check(place, count: count)
    let bytes = reader.bytes
    let (kind, flags) = (bytes[place] & 0xF, bytes[place + 1])
    let size = try reader.number(UInt32.self, at: place + 4)
    self.size = size
    guard size > 0 else { throw .damagedHDF5("a type has elements of 0 bytes") }
    let isBigEndian = flags & 1 != 0
    switch kind {
    case 0 where [1, 2, 4, 8].contains(size):
      self.kind = .number(.integer(bytes: size, isSigned: flags & 8 != 0, isBigEndian: isBigEndian))
    case 1:
      // The place of the sign; then offset, bits, and the fields' places and sizes.
      let fields = bytes[place + 8..<place + min(count, 20)]
      let types: [(ElementType, sign: UInt8, fields: [UInt8])] = [
        (.float16, 15, [0, 0, 16, 0, 10, 5, 0, 10, 15, 0, 0, 0]),
        (.bfloat16, 15, [0, 0, 16, 0, 7, 8, 0, 7, 127, 0, 0, 0]),
        (.float32, 31, [0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0]),
        (.float64, 63, [0, 0, 64, 0, 52, 11, 0, 52, 0xFF, 3, 0, 0]),
      ]
      let found = types.first { $0.0.size == size && $0.sign == bytes[place + 2] && fields.elementsEqual($0.fields) }
      self.kind =
        found.map { .number(.float($0.0, isBigEndian: isBigEndian)) }
        ?? .other("floating-point numbers of an uncommon form")
      if flags & 0x40 != 0 { self.kind = .other("floating-point numbers of an uncommon form") }
    case 3: self.kind = .text
    case 8 where size == 1: self.kind = .number(.truth)
    case 9 where flags & 0xF == 1 && size == 16: self.kind = .textElsewhere
    default: self.kind = .other("what are no numbers")
    }
  }

  /// An array of such elements; nil where they are no numbers.
  func array(_ bytes: ArraySlice<UInt8>, shape: [Int]) -> NumericArray? {
    guard case .number(let number) = kind else { return nil }
    return number.array(bytes, shape: shape)
  }
}

/// A type of numbers in HDF5.
enum HDF5Number: Equatable {
  case integer(bytes: Int, isSigned: Bool, isBigEndian: Bool)
  case float(ElementType, isBigEndian: Bool)
  case truth

  fileprivate func array(_ bytes: ArraySlice<UInt8>, shape: [Int]) -> NumericArray {
    switch self {
    case .truth: return NumericArray(type: .bool, shape: shape, littleEndian: bytes)
    case .float(let type, let isBigEndian):
      let ordered = isBigEndian ? Self.reversed(bytes, size: type.size)[...] : bytes
      return NumericArray(type.floats(in: ordered), shape: shape)
    case .integer(let size, let isSigned, let isBigEndian):
      let ordered = isBigEndian ? Self.reversed(bytes, size: size)[...] : bytes
      let values = stride(from: ordered.startIndex, to: ordered.endIndex, by: size).map { start in
        let number = ordered[start..<start + size].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        let shift = UInt64(64 - 8 * size)
        return isSigned ? Int(Int64(bitPattern: number << shift) >> Int64(shift)) : Int(clamping: number)
      }
      let type: ElementType = size == 1 && !isSigned ? .uint8 : size == 4 && isSigned ? .int32 : .int64
      return NumericArray(type: type, shape: shape, values: .integers(values))
    }
  }

  /// The bytes with those of each number in the other order.
  private static func reversed(_ bytes: ArraySlice<UInt8>, size: Int) -> [UInt8] {
    var result = Array(bytes)
    for start in stride(from: 0, to: result.count, by: size) { result[start..<start + size].reverse() }
    return result
  }
}
