/// The types of numbers in files; a raw value is the name that safetensors has for the type.
public enum ElementType: String, CaseIterable, Sendable {
  case bool = "BOOL"
  case uint8 = "U8"
  case int32 = "I32"
  case int64 = "I64"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case float32 = "F32"
  case float64 = "F64"

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .bool, .uint8: 1
    case .float16, .bfloat16: 2
    case .int32, .float32: 4
    case .int64, .float64: 8
    }
  }

  /// The elements, each as the nearest Float.
  package func floats(in bytes: ArraySlice<UInt8>) -> [Float] { bytes.withUnsafeBytes { floats(in: $0) } }

  /// The elements, each as the nearest Float.
  func floats(in bytes: UnsafeRawBufferPointer) -> [Float] {
    switch self {
    case .bool: bytes.map { $0 == 0 ? 0 : 1 }
    case .uint8: bytes.map { Float($0) }
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
