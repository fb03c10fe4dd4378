/// The types of numbers in files; a raw value is the name that safetensors has for the type.
public enum ElementType: String, CaseIterable, Sendable {
  /// A truth value in a byte.
  case bool = "BOOL"
  /// A whole number of 8 bits from 0 on.
  case uint8 = "U8"
  /// A whole number of 8 bits with a sign.
  case int8 = "I8"
  /// A whole number of 16 bits from 0 on.
  case uint16 = "U16"
  /// A whole number of 16 bits with a sign.
  case int16 = "I16"
  /// A whole number of 32 bits from 0 on.
  case uint32 = "U32"
  /// A whole number of 32 bits with a sign.
  case int32 = "I32"
  /// A whole number of 64 bits with a sign.
  case int64 = "I64"
  /// An IEEE 754 number of 16 bits.
  case float16 = "F16"
  /// The upper half of a number of 32 bits.
  case bfloat16 = "BF16"
  /// An IEEE 754 number of 32 bits.
  case float32 = "F32"
  /// An IEEE 754 number of 64 bits.
  case float64 = "F64"

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .bool, .uint8, .int8: 1
    case .uint16, .int16, .float16, .bfloat16: 2
    case .uint32, .int32, .float32: 4
    case .int64, .float64: 8
    }
  }

  /// Whether its values are ``NumericArray/Values/floats(_:)``.
  public var isFloat: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    case .bool, .uint8, .int8, .uint16, .int16, .uint32, .int32, .int64: false
    }
  }

  /// Bytes that an element takes in a ``NumericArray``.
  package var sizeInMemory: Int { self == .bool ? 1 : isFloat ? 4 : 8 }

  /// The whole numbers that the type has; nil for truth values and floats.
  package var range: ClosedRange<Int>? {
    switch self {
    case .uint8: 0...255
    case .int8: -128...127
    case .uint16: 0...65_535
    case .int16: -32_768...32_767
    case .uint32: 0...4_294_967_295
    case .int32: Int(Int32.min)...Int(Int32.max)
    case .int64: Int.min...Int.max
    case .bool, .float16, .bfloat16, .float32, .float64: nil
    }
  }

  /// The elements, each as the nearest Float.
  package func floats(in bytes: ArraySlice<UInt8>) -> [Float] { bytes.withUnsafeBytes { floats(in: $0) } }

  /// The elements, each as the nearest Float.
  func floats(in bytes: UnsafeRawBufferPointer) -> [Float] {
    switch self {
    case .bool: bytes.map { $0 == 0 ? 0 : 1 }
    case .uint8: bytes.map { Float($0) }
    case .int8: bytes.map { Float(Int8(bitPattern: $0)) }
    case .uint16: bytes.numbers(of: UInt16.self) { Float($0) }
    case .int16: bytes.numbers(of: UInt16.self) { Float(Int16(bitPattern: $0)) }
    case .uint32: bytes.numbers(of: UInt32.self) { Float($0) }
    case .int32: bytes.numbers(of: UInt32.self) { Float(Int32(bitPattern: $0)) }
    case .int64: bytes.numbers(of: UInt64.self) { Float(Int64(bitPattern: $0)) }
    case .float16: bytes.numbers(of: UInt16.self) { float(half: $0) }
    case .bfloat16: bytes.numbers(of: UInt16.self) { float(bfloat16: $0) }
    case .float32: bytes.numbers(of: UInt32.self) { Float(bitPattern: $0) }
    case .float64: bytes.numbers(of: UInt64.self) { Float(Double(bitPattern: $0)) }
    }
  }
}

extension UnsafeRawBufferPointer {
  /// A number for each whole number of the type `Stored`, stored lowest byte first.
  @inline(__always)
  func numbers<Stored: FixedWidthInteger, Number>(
    of type: Stored.Type, _ number: (Stored) -> Number
  ) -> [Number] {
    stride(from: 0, to: count, by: Stored.bitWidth / 8).map { offset in
      number(Stored(littleEndian: loadUnaligned(fromByteOffset: offset, as: Stored.self)))
    }
  }
}
