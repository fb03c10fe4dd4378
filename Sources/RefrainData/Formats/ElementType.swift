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
  package func floats(in bytes: ArraySlice<UInt8>) -> [Float] {
    bytes.withUnsafeBytes { buffer in
      func convert<Stored: FixedWidthInteger>(_ type: Stored.Type, _ float: (Stored) -> Float) -> [Float] {
        stride(from: 0, to: buffer.count, by: size).map { offset in
          float(Stored(littleEndian: buffer.loadUnaligned(fromByteOffset: offset, as: Stored.self)))
        }
      }
      return switch self {
      case .bool: convert(UInt8.self) { $0 == 0 ? 0 : 1 }
      case .uint8: convert(UInt8.self) { Float($0) }
      case .int32: convert(Int32.self) { Float($0) }
      case .int64: convert(Int64.self) { Float($0) }
      case .float16: convert(UInt16.self) { float(half: $0) }
      // The upper half of a Float's bits.
      case .bfloat16: convert(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
      case .float32: convert(UInt32.self) { Float(bitPattern: $0) }
      case .float64: convert(UInt64.self) { Float(Double(bitPattern: $0)) }
      }
    }
  }
}

/// The value of an IEEE 754 half: 1 bit of sign, 5 of exponent, 10 of fraction. Float16 is not there on every platform.
private func float(half bits: UInt16) -> Float {
  let sign: FloatingPointSign = bits >> 15 == 0 ? .plus : .minus
  let exponent = Int(bits >> 10 & 0x1F)
  let fraction = Float(bits & 0x3FF)
  return switch exponent {
  case 0: Float(sign: sign, exponent: -24, significand: fraction)
  case 0x1F: fraction == 0 ? Float(signOf: sign == .plus ? 1 : -1, magnitudeOf: .infinity) : .nan
  default: Float(sign: sign, exponent: exponent - 25, significand: 1024 + fraction)
  }
}
