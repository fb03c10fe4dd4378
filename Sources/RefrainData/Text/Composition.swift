#if canImport(Darwin)
  import Foundation
#else
  @_spi(_Unicode) import Swift
#endif

extension String {
  /// The text in Unicode's normalization form C.
  var composed: String {
    // All below U+0300 is composed already.
    guard utf8.contains(where: { $0 >= 0xCC }) else { return self }
    #if canImport(Darwin)
      return precomposedStringWithCanonicalMapping
    #else
      // What Foundation itself asks of the standard library there.
      var scalars = UnicodeScalarView()
      scalars.append(contentsOf: _nfc)
      return String(scalars)
    #endif
  }
}
