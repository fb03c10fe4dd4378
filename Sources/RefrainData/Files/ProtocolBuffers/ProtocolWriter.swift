/// Appends fields of messages. They are visited twice: a message begins with its length, which the first time finds.
struct ProtocolWriter {
  private(set) var bytes: [UInt8] = []
  private var isMeasuring = true
  /// How many bytes were measured.
  private var size = 0
  /// How long the messages are, in the order in which they begin, and how many of them were written.
  private var lengths: [Int] = []
  private var begun = 0

  /// Ends the measuring.
  mutating func beginWriting() {
    isMeasuring = false
    bytes.reserveCapacity(size)
  }

  /// Begins a message or a run of numbers.
  ///
  /// - Returns: what ``end(_:)`` wants to know.
  mutating func begin(_ field: Int) -> Int {
    key(field, .lengthDelimited)
    if isMeasuring {
      lengths.append(size)
    } else {
      varint(UInt64(lengths[begun]))
      begun += 1
    }
    return lengths.count - 1
  }

  mutating func end(_ place: Int) {
    guard isMeasuring else { return }
    lengths[place] = size - lengths[place]
    varint(UInt64(lengths[place]))
  }

  mutating func text(_ field: Int, _ value: String) {
    key(field, .lengthDelimited)
    varint(UInt64(value.utf8.count))
    if isMeasuring { size += value.utf8.count } else { bytes.append(contentsOf: value.utf8) }
  }

  mutating func content(_ field: Int, _ content: ArraySlice<UInt8>) {
    key(field, .lengthDelimited)
    varint(UInt64(content.count))
    if isMeasuring { size += content.count } else { bytes.append(contentsOf: content) }
  }

  mutating func number<Number: ProtocolNumber>(_ field: Int, _ value: Number) {
    key(field, Number.wire)
    number(value)
  }

  /// A number alone, within a run.
  mutating func number<Number: ProtocolNumber>(_ value: Number) {
    switch Number.wire {
    case .fourBytes: fixed(UInt32(truncatingIfNeeded: value.bits))
    case .eightBytes: fixed(value.bits)
    case .varint, .lengthDelimited: varint(value.bits)
    }
  }

  private mutating func key(_ field: Int, _ wire: ProtocolWire) { varint(UInt64(field) << 3 | UInt64(wire.rawValue)) }

  private mutating func fixed<Bits: FixedWidthInteger>(_ bits: Bits) {
    if isMeasuring { size += Bits.bitWidth / 8 } else { bytes.append(littleEndian: bits) }
  }

  private mutating func varint(_ value: UInt64) {
    // Seven bits a byte.
    guard !isMeasuring else {
      size += max(1, (64 - value.leadingZeroBitCount + 6) / 7)
      return
    }
    var value = value
    while value > 0x7F {
      bytes.append(UInt8(value & 0x7F) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }
}
