extension NumericArray {
  /// An array from its bytes in a file, the lowest of each number first. They must fill the shape.
  ///
  /// Floating-point numbers become the nearest Float; whole numbers stay whole; a truth value is any byte but 0.
  package init(type: ElementType, shape: [Int], littleEndian bytes: ArraySlice<UInt8>) {
    self = bytes.withUnsafeBytes { NumericArray(type: type, shape: shape, littleEndian: $0) }
  }

  /// An array from its bytes in memory, as from those in an array.
  package init(type: ElementType, shape: [Int], littleEndian bytes: UnsafeRawBufferPointer) {
    let values: Values =
      switch type {
      case .bool: .booleans(bytes.map { $0 != 0 })
      case .uint8: .integers(bytes.map { Int($0) })
      case .int8: .integers(bytes.map { Int(Int8(bitPattern: $0)) })
      case .uint16: .integers(bytes.numbers(of: UInt16.self) { Int($0) })
      case .int16: .integers(bytes.numbers(of: UInt16.self) { Int(Int16(bitPattern: $0)) })
      case .uint32: .integers(bytes.numbers(of: UInt32.self) { Int($0) })
      case .int32: .integers(bytes.numbers(of: UInt32.self) { Int(Int32(bitPattern: $0)) })
      case .int64: .integers(bytes.numbers(of: UInt64.self) { Int(Int64(bitPattern: $0)) })
      case .float16, .bfloat16, .float32, .float64: .floats(type.floats(in: bytes))
      }
    self.init(type: type, shape: shape, values: values)
  }

  /// The values as a file of this type holds them, the lowest byte of each first; Floats are rounded to the nearest.
  ///
  /// - Throws: `invalidTensor` when values do not fill their shape or are of another kind than the type calls for;
  ///   `inexactConversion` when a whole number does not fit into the type.
  package func littleEndianBytes() throws(DataError) -> [UInt8] {
    guard elementCount(of: shape) == values.count else {
      throw DataError(.invalidTensor, "\(values.count) values do not fill an array of \(shape)")
    }
    switch (type, values) {
    case (.bool, .booleans(let values)): return values.map { $0 ? 1 : 0 }
    case (.uint8, .integers(let values)): return try Self.bytes(of: values, as: UInt8.self)
    case (.int8, .integers(let values)): return try Self.bytes(of: values, as: Int8.self)
    case (.uint16, .integers(let values)): return try Self.bytes(of: values, as: UInt16.self)
    case (.int16, .integers(let values)): return try Self.bytes(of: values, as: Int16.self)
    case (.uint32, .integers(let values)): return try Self.bytes(of: values, as: UInt32.self)
    case (.int32, .integers(let values)): return try Self.bytes(of: values, as: Int32.self)
    case (.int64, .integers(let values)): return try Self.bytes(of: values, as: Int64.self)
    case (.float16, .floats(let values)): return Self.bytes(of: values, half)
    case (.bfloat16, .floats(let values)): return Self.bytes(of: values, bfloat16)
    case (.float32, .floats(let values)): return Self.bytes(of: values, \.bitPattern)
    case (.float64, .floats(let values)): return Self.bytes(of: values) { Double($0).bitPattern }
    default:
      throw DataError(.invalidTensor, "the values of an array are of another kind than its type \(type.rawValue)")
    }
  }

  @inline(__always)
  private static func bytes<Stored: FixedWidthInteger>(of values: [Float], _ stored: (Float) -> Stored) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * Stored.bitWidth / 8)
    for value in values { bytes.append(littleEndian: stored(value)) }
    return bytes
  }

  @inline(__always)
  private static func bytes<Stored: FixedWidthInteger>(
    of values: [Int], as type: Stored.Type
  ) throws(DataError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * Stored.bitWidth / 8)
    for value in values {
      guard let stored = Stored(exactly: value) else {
        throw DataError(
          .inexactConversion, "\(value) does not fit into \(Stored.bitWidth) bits", remedy: "choose a wider type")
      }
      bytes.append(littleEndian: stored)
    }
    return bytes
  }
}
