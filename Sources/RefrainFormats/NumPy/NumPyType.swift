import RefrainData

/// A type of elements as NumPy describes it, such as `<f4`: the byte order, a letter for the kind, and a size.
struct NumPyType {
  /// The description.
  let name: String
  /// Bytes of one element.
  let size: Int
  /// The type that the elements become.
  let element: ElementType
  private let kind: Character
  private let isBigEndian: Bool

  /// - Throws: `unsupportedContent`.
  init(_ name: String) throws(DataError) {
    self.name = name
    let kinds: [Substring: (size: Int, element: ElementType)] = [
      "b1": (1, .bool), "i1": (1, .int32), "i2": (2, .int32), "i4": (4, .int32), "i8": (8, .int64),
      "u1": (1, .uint8), "u2": (2, .int32), "u4": (4, .int64), "u8": (8, .int64),
      "f2": (2, .float16), "f4": (4, .float32), "f8": (8, .float64),
    ]
    guard let order = name.first, "<>|=".contains(order), let (size, element) = kinds[name.dropFirst()],
      let kind = name.dropFirst().first
    else {
      if name.hasPrefix("|O") {
        throw DataError(
          .unsupportedContent, "the array holds Python objects, which are never read",
          remedy: "save it with a type of numbers")
      }
      throw DataError(
        .unsupportedContent, "the array's type \(name.quoted) is no type of numbers that can be read",
        remedy: "save it as float32")
    }
    (self.size, self.element, self.kind) = (size, element, kind)
    isBigEndian = order == ">"
  }

  /// How NumPy describes an element of this type, written lowest byte first. It has no bfloat16.
  static func name(of type: ElementType) -> String {
    switch type {
    case .bool: "|b1"
    case .uint8: "|u1"
    case .int32: "<i4"
    case .int64: "<i8"
    case .float16: "<f2"
    case .float32, .bfloat16: "<f4"
    case .float64: "<f8"
    }
  }

  /// The elements in their order.
  ///
  /// - Throws: `inexactConversion`.
  func values(in data: ArraySlice<UInt8>) throws(DataError) -> NumericArray.Values {
    let bytes = isBigEndian && size > 1 ? swapped(data)[...] : data
    // Types that files elsewhere have, too.
    if kind == "f" || kind == "b" || name.hasSuffix("i4") || name.hasSuffix("i8") || size == 1 && kind == "u" {
      return NumericArray(type: element, shape: [bytes.count / size], littleEndian: bytes).values
    }
    var values: [Int] = []
    values.reserveCapacity(bytes.count / size)
    for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: size) {
      let bits = bytes[start..<start + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let shift = UInt64.bitWidth - 8 * size
      if kind == "i" {
        values.append(Int(Int64(bitPattern: bits << shift) >> shift))
      } else {
        guard let value = Int(exactly: bits) else {
          throw DataError(
            .inexactConversion, "the array holds \(bits), beyond the greatest Int", remedy: "save it as int64")
        }
        values.append(value)
      }
    }
    return .integers(values)
  }

  /// The bytes of each element in reverse.
  private func swapped(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result = Array(bytes)
    for start in stride(from: 0, to: result.count, by: size) { result[start..<start + size].reverse() }
    return result
  }
}
