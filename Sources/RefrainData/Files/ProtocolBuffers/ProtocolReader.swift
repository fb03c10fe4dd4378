/// How the content of a field is stored. Groups (3 and 4), which nobody writes any more, are not read.
enum ProtocolWire: UInt8 {
  case varint = 0
  case eightBytes = 1
  case lengthDelimited = 2
  case fourBytes = 5
}

/// A number as a field holds it.
protocol ProtocolNumber {
  static var wire: ProtocolWire { get }
  init(bits: UInt64)
  var bits: UInt64 { get }
}

extension Int: ProtocolNumber {
  static var wire: ProtocolWire { .varint }
  init(bits: UInt64) { self = Int(truncatingIfNeeded: bits) }
  var bits: UInt64 { UInt64(bitPattern: Int64(self)) }
}

extension Int32: ProtocolNumber {
  static var wire: ProtocolWire { .varint }
  init(bits: UInt64) { self = Int32(truncatingIfNeeded: bits) }
  /// Negative ones are written in 64 bits.
  var bits: UInt64 { UInt64(bitPattern: Int64(self)) }
}

extension UInt64: ProtocolNumber {
  static var wire: ProtocolWire { .varint }
  init(bits: UInt64) { self = bits }
  var bits: UInt64 { self }
}

extension Float: ProtocolNumber {
  static var wire: ProtocolWire { .fourBytes }
  init(bits: UInt64) { self = Float(bitPattern: UInt32(truncatingIfNeeded: bits)) }
  var bits: UInt64 { UInt64(bitPattern) }
}

extension Double: ProtocolNumber {
  static var wire: ProtocolWire { .eightBytes }
  init(bits: UInt64) { self = Double(bitPattern: bits) }
  var bits: UInt64 { bitPattern }
}

/// Goes through the fields of messages, and counts what those cost that are taken.
struct ProtocolReader {
  private let bytes: [UInt8]
  /// Where the next field begins.
  var position = 0
  /// The first thing that is wrong.
  private(set) var problem: String?

  /// The field that is read: its number, 0 once it is taken; how it is stored; and its number or where its content is.
  private var field = 0
  private var wire = ProtocolWire.varint
  private var value: UInt64 = 0
  private var range = 0..<0

  private var cost = 0
  private let budget: Int
  /// What is allowed at least, so that small files of nothing but messages pass.
  private static let floor = 32 << 20
  /// About what a message, and a text or a run of numbers, cost besides their bytes.
  private static let costOfMessage = 256
  private static let costOfText = 24
  private static let highestField: UInt64 = 1 << 29 - 1

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    budget = max(Self.floor, 10 * bytes.count)
  }

  /// Notes what is wrong; then there are no more fields.
  mutating func fail(_ problem: String) {
    if self.problem == nil { self.problem = problem }
    field = 0
  }

  /// Goes to the next field of a message that ends at `end`; false where there is none.
  mutating func readField(upTo end: Int) -> Bool {
    // What nobody took within a message is no field of the one around it.
    field = 0
    guard position < end, problem == nil else { return false }
    let start = position
    guard let key = varint(upTo: end) else { return false }
    guard let wire = ProtocolWire(rawValue: UInt8(key & 7)), 1...Self.highestField ~= key >> 3 else {
      fail("byte \(start) begins no field")
      return false
    }
    (field, self.wire) = (Int(key >> 3), wire)
    switch wire {
    case .varint:
      guard let value = varint(upTo: end) else { return false }
      self.value = value
    case .eightBytes, .fourBytes:
      guard end - position >= wire.size else {
        fail("it ends within a field")
        return false
      }
      value = fixed(wire, at: position)
      position += wire.size
    case .lengthDelimited:
      guard let length = varint(upTo: end) else { return false }
      guard length <= UInt64(end - position) else {
        fail("a field reaches beyond its end")
        return false
      }
      range = position..<position + Int(length)
      position = range.upperBound
    }
    return true
  }

  // MARK: - What is taken

  /// The content of the field where it is that of a message.
  mutating func message(_ number: Int) -> Range<Int>? {
    take(number, .lengthDelimited, Self.costOfMessage) ? range : nil
  }

  /// The bytes of the field.
  mutating func content(_ number: Int) -> ArraySlice<UInt8>? {
    take(number, .lengthDelimited, Self.costOfText + range.count) ? bytes[range] : nil
  }

  mutating func text(_ number: Int) -> String? {
    guard let content = content(number) else { return nil }
    let text = String(validating: content, as: UTF8.self)
    if text == nil { fail("its messages cannot be decoded") }
    return text
  }

  mutating func number<Number: ProtocolNumber>(_ number: Int) -> Number? {
    take(number, Number.wire, Number.wire.size) ? Number(bits: value) : nil
  }

  /// Appends the number of the field, or the run of numbers in it.
  mutating func numbers<Number: ProtocolNumber>(_ number: Int, _ values: inout [Number]) {
    if let one: Number = self.number(number) { return values.append(one) }
    // A number takes a byte or more there, and up to eight in memory.
    guard take(number, .lengthDelimited, Self.costOfText + 8 * range.count) else { return }
    if Number.wire == .varint {
      let end = position
      position = range.lowerBound
      // Reserving more and more would copy what is there every time.
      if values.isEmpty { values.reserveCapacity(bytes[range].reduce(0) { $0 + ($1 < 0x80 ? 1 : 0) }) }
      while position < end, let bits = varint(upTo: end) { values.append(Number(bits: bits)) }
    } else {
      let size = Number.wire.size
      guard range.count.isMultiple(of: size) else { return fail("its messages cannot be decoded") }
      if values.isEmpty { values.reserveCapacity(range.count / size) }
      for place in stride(from: range.lowerBound, to: range.upperBound, by: size) {
        values.append(Number(bits: fixed(Number.wire, at: place)))
      }
    }
  }

  /// Whether the field is this one, and what it costs is left: then it is taken.
  private mutating func take(_ number: Int, _ wire: ProtocolWire, _ cost: Int) -> Bool {
    guard field == number, self.wire == wire else { return false }
    field = 0
    self.cost += cost
    guard self.cost <= budget else {
      fail("its messages would need more than ten times its size in memory")
      return false
    }
    return true
  }

  // MARK: - Bytes

  private mutating func varint(upTo end: Int) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard position < end else {
        fail("it ends within a field")
        return nil
      }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    fail("a number is longer than ten bytes")
    return nil
  }

  /// The bits of a number of four or eight bytes, which must be there.
  private func fixed(_ wire: ProtocolWire, at place: Int) -> UInt64 {
    bytes.withUnsafeBytes { buffer in
      wire == .fourBytes
        ? UInt64(UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
        : UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: place, as: UInt64.self))
    }
  }
}

extension ProtocolWire {
  /// The bytes that a number takes; of one whose length varies, in memory.
  fileprivate var size: Int { self == .fourBytes ? 4 : 8 }
}
