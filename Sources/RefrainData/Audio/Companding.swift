import RefrainFoundation

/// The telephone's logarithmic samples of eight bits (ITU-T G.711), as Floats from −1 to 1.
enum Companding {
  /// The value of each A-law byte.
  static let aLaw: [Float] = (0...255).map { byte in
    let bits = byte ^ 0x55
    let (exponent, mantissa) = (bits >> 4 & 7, bits & 15)
    let magnitude = exponent == 0 ? mantissa << 4 | 8 : (mantissa << 4 | 0x108) << (exponent - 1)
    return Float(bits & 0x80 == 0 ? -magnitude : magnitude) / 32768
  }

  /// The value of each µ-law byte.
  static let muLaw: [Float] = (0...255).map { byte in
    let bits = ~byte & 255
    let magnitude = ((bits & 15) << 3 | 0x84) << (bits >> 4 & 7) - 0x84
    return Float(bits & 0x80 == 0 ? magnitude : -magnitude) / 32768
  }

  /// The byte whose value is nearest.
  static func byte(_ sample: Float, _ table: [Float]) -> UInt8 {
    UInt8(table.indices.min { abs(table[$0] - sample) < abs(table[$1] - sample) } ?? 0)
  }
}
