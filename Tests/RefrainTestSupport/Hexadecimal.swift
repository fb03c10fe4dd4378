extension [UInt8] {
  /// The bytes that hexadecimal digits say, two each; spaces between them say nothing.
  public init(hexadecimal text: String) {
    let digits = text.compactMap(\.hexDigitValue)
    precondition(digits.count.isMultiple(of: 2), "half of a byte")
    self = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
