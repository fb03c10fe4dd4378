extension RandomAccessCollection<UInt8> where Index == Int {
  /// The whole number whose bytes, lowest first, begin at `position`; nil when they do not lie within the bytes.
  ///
  /// Inlinable, as readers in other modules call it for every number of a file: unspecialized, it takes many times as
  /// long.
  @inlinable
  package func littleEndian<Number: FixedWidthInteger & UnsignedInteger>(
    at position: Int, as type: Number.Type = Number.self
  ) -> Number? {
    let (end, overflows) = position.addingReportingOverflow(Number.bitWidth / 8)
    guard !overflows, position >= startIndex, end <= endIndex else { return nil }
    var number: Number = 0
    for place in (position..<end).reversed() { number = number << 8 | Number(truncatingIfNeeded: self[place]) }
    return number
  }
}

extension [UInt8] {
  /// Appends a number's bytes, lowest first.
  package mutating func append(littleEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
