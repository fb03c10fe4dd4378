/// The bytes of a message of Protocol Buffers, field by field: the few kinds of field that TensorBoard's events have.
struct ProtocolMessage {
  private(set) var bytes: [UInt8] = []

  private enum Wire: UInt64 {
    case varint = 0
    case eightBytes = 1
    case lengthDelimited = 2
    case fourBytes = 5
  }

  mutating func add(_ field: Int, _ value: Int) {
    key(field, .varint)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func add(_ field: Int, _ value: Double) {
    key(field, .eightBytes)
    littleEndian(value.bitPattern)
  }

  mutating func add(_ field: Int, _ value: Float) {
    key(field, .fourBytes)
    littleEndian(value.bitPattern)
  }

  mutating func add(_ field: Int, _ text: String) { add(field, Array(text.utf8)) }
  mutating func add(_ field: Int, _ message: ProtocolMessage) { add(field, message.bytes) }

  mutating func add(_ field: Int, _ content: [UInt8]) {
    key(field, .lengthDelimited)
    varint(UInt64(content.count))
    bytes += content
  }

  /// A packed list of numbers.
  mutating func add(_ field: Int, _ values: [Double]) {
    var packed = ProtocolMessage()
    for value in values { packed.littleEndian(value.bitPattern) }
    add(field, packed.bytes)
  }

  private mutating func key(_ field: Int, _ wire: Wire) { varint(UInt64(field) << 3 | wire.rawValue) }

  private mutating func varint(_ value: UInt64) {
    var value = value
    while value > 0x7F {
      bytes.append(UInt8(value & 0x7F) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  private mutating func littleEndian(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }
}
