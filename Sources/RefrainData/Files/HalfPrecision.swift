/// The value of an IEEE 754 half: 1 bit of sign, 5 of exponent, 10 of fraction. Float16 is not there on every platform.
package func float(half bits: UInt16) -> Float {
  let sign = UInt32(bits >> 15) << 31
  let exponent = UInt32(bits >> 10 & 0x1F)
  let fraction = UInt32(bits & 0x3FF)
  switch exponent {
  case 0:
    let magnitude = Float(fraction) * 0x1p-24
    return Float(bitPattern: sign | magnitude.bitPattern)
  // Infinity, or no number: then its payload stays.
  case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
  default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }
}

/// The half nearest to a value, even in a tie; infinity from 65,520 on.
package func half(_ value: Float) -> UInt16 {
  let sign = UInt16(value.bitPattern >> 16) & 0x8000
  let bits = value.magnitude.bitPattern
  switch bits {
  case 0x7F80_0001...:
    let payload = UInt16(bits >> 13 & 0x3FF)
    return sign | 0x7C00 | (payload == 0 ? 1 : payload)
  case 0x477F_F000...: return sign | 0x7C00
  // From 2⁻¹⁴ on: half of the last place, without a bit in a tie, may carry into the exponent.
  case 0x3880_0000...: return sign | UInt16((bits - 112 << 23 + 0xFFF + bits >> 13 & 1) >> 13)
  default: return sign | UInt16((value.magnitude * 0x1p24).rounded(.toNearestOrEven))
  }
}

/// The value of a bfloat16: the upper half of a Float's bits.
package func float(bfloat16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

/// The bfloat16 nearest to a value, even in a tie.
package func bfloat16(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  let upper = UInt16(bits >> 16)
  // What is no number stays none, even when its payload lay in the lower half alone.
  guard !value.isNaN else { return upper & 0x7F == 0 ? upper | 0x40 : upper }
  return UInt16((bits + 0x7FFF + UInt32(upper & 1)) >> 16)
}
