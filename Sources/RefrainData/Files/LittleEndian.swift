extension RandomAccessCollection<UInt8> where Index == Int {
  /// The whole number whose bytes, lowest first, begin at `position`; nil when they do not lie within the bytes.
  package func littleEndian<Number: FixedWidthInteger & UnsignedInteger>(
    at position: Int, as type: Number.Type = Number.self
  ) -> Number? {
    let (end, overflows) = position.addingReportingOverflow(Number.bitWidth / 8)
    guard !overflows, position >= startIndex, end <= endIndex else { return nil }
    return self[position..<end].reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }
}

extension [UInt8] {
  /// Appends a number's bytes, lowest first.
  package mutating func append(littleEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
