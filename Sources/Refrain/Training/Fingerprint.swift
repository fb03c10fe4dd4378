/// A number that changes with every word that goes in, by which processes know that they have the same.
package struct Fingerprint: Sendable {
  /// The number.
  package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  /// The fingerprint of nothing.
  package init() {}

  /// Takes a word: as FNV-1a takes a byte, and then so that the high bits count for the low ones too. Without that two
  /// changed signs of numbers would cancel each other.
  package mutating func add(_ word: UInt64) {
    value = (value ^ word) &* 0x0100_0000_01B3
    value ^= value >> 29
  }
}
