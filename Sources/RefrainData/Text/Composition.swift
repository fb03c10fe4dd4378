import RefrainFoundation

extension String {
  /// The text in Unicode's normalization form C.
  var composed: String {
    // All below U+0300 is composed already.
    utf8.contains { $0 >= 0xCC } ? precomposedStringWithCanonicalMapping : self
  }
}
