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
      "b1": (1, .bool), "i1": (1, .int8), "i2": (2, .int16), "i4": (4, .int32), "i8": (8, .int64),
      "u1": (1, .uint8), "u2": (2, .uint16), "u4": (4, .uint32), "u8": (8, .int64),
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
    case .int8: "|i1"
    case .uint16: "<u2"
    case .int16: "<i2"
    case .uint32: "<u4"
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
    let values = NumericArray(type: element, shape: [bytes.count / size], littleEndian: bytes).values
    // The only type that files elsewhere have not: its upper half would be negative.
    if kind == "u", size == 8, case .integers(let numbers) = values, let number = numbers.first(where: { $0 < 0 }) {
      throw DataError(
        .inexactConversion, "the array holds \(UInt(bitPattern: number)), beyond the greatest Int",
        remedy: "save it as int64")
    }
    return values
  }

  /// The bytes of each element in reverse.
  private func swapped(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result = Array(bytes)
    for start in stride(from: 0, to: result.count, by: size) { result[start..<start + size].reverse() }
    return result
  }
}
