import RefrainFoundation

/// How C writes a number with a fraction.
package enum NumberStyle: String {
  /// With decimals alone: `1250.00`.
  case fixed = "f"
  /// With a power of ten: `1.25e+03`.
  case scientific = "e"
  /// The shorter of the two, with no zeros at its end.
  case general = "g"
}

/// A number as C's `printf` writes it.
///
/// - Parameter digits: The decimals; of the general style, the digits that matter.
package func written(_ value: Double, _ style: NumberStyle, digits: Int) -> String {
  let format = "%.\(max(0, digits))\(style.rawValue)"
  return withVaList([value]) { values in
    // The longest number has 309 digits before its point.
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400 + max(0, digits)) { buffer in
      let count = vsnprintf(buffer.baseAddress, buffer.count, format, values)
      return String(decoding: UnsafeRawBufferPointer(buffer)[..<max(0, Int(count))], as: UTF8.self)
    }
  }
}

/// A number with these decimals and thousands left together, without the sign of a zero: `-12.50`.
package func fixed(_ value: Double, decimals: Int) -> String {
  let text = written(value, .fixed, digits: decimals)
  return text.allSatisfy { "-0.".contains($0) } ? String(text.drop { $0 == "-" }) : text
}
