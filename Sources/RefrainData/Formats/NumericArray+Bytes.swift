extension NumericArray {
  /// An array from its bytes in a file, the lowest of each number first. They must fill the shape.
  ///
  /// Floating-point numbers become the nearest Float; whole numbers stay whole.
  package init(type: ElementType, shape: [Int], littleEndian bytes: ArraySlice<UInt8>) {
    let values: Values =
      switch type {
      case .bool: .booleans(bytes.map { $0 != 0 })
      case .uint8: .integers(bytes.map(Int.init))
      case .int32: .integers(Self.numbers(in: bytes, of: UInt32.self) { Int(Int32(bitPattern: $0)) })
      case .int64: .integers(Self.numbers(in: bytes, of: UInt64.self) { Int(Int64(bitPattern: $0)) })
      case .float16, .bfloat16, .float32, .float64: .floats(type.floats(in: bytes))
      }
    self.init(type: type, shape: shape, values: values)
  }

  private static func numbers<Stored: FixedWidthInteger>(
    in bytes: ArraySlice<UInt8>, of type: Stored.Type, _ number: (Stored) -> Int
  ) -> [Int] {
    bytes.withUnsafeBytes { buffer in
      stride(from: 0, to: buffer.count, by: Stored.bitWidth / 8).map { offset in
        number(Stored(littleEndian: buffer.loadUnaligned(fromByteOffset: offset, as: Stored.self)))
      }
    }
  }

  /// The type in which a file holds these values without loss: they are Floats, Ints or Bools, whatever they came from.
  package var storedType: ElementType {
    switch values {
    case .floats: .float32
    case .integers: .int64
    case .booleans: .bool
    }
  }

  /// Bytes of all values as ``storedType``.
  var storedSize: Int { values.count * storedType.size }

  /// The values as ``storedType``, the lowest byte of each first.
  package var littleEndianBytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(storedSize)
    switch values {
    case .floats(let values): for value in values { bytes.append(littleEndian: value.bitPattern) }
    case .integers(let values): for value in values { bytes.append(littleEndian: Int64(value)) }
    case .booleans(let values): for value in values { bytes.append(value ? 1 : 0) }
    }
    return bytes
  }
}
