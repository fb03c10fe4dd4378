/// Values on their way from one process to another: what arrives is what was sent, to the bit, with the kind of every
/// number and the order of every object's keys, which a text of JSON does not keep.
extension JSON {
  private enum Kind: UInt8 { case null, no, yes, signed, unsigned, number, text, array, object }

  /// The value in bytes.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return bytes
  }

  private func append(to bytes: inout [UInt8]) {
    func append(_ kind: Kind) { bytes.append(kind.rawValue) }
    func append(_ word: UInt64) { for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * shift))) } }
    func append(_ text: String) {
      append(UInt64(text.utf8.count))
      bytes += text.utf8
    }
    switch self {
    case .null: append(Kind.null)
    case .bool(let value): append(value ? Kind.yes : .no)
    case .integer(let value):
      if let value = Int64(exactly: value) {
        append(Kind.signed)
        append(UInt64(bitPattern: value))
      } else {
        append(Kind.unsigned)
        append(UInt64(clamping: value))
      }
    case .number(let value):
      append(Kind.number)
      append(value.bitPattern)
    case .text(let text):
      append(Kind.text)
      append(text)
    case .array(let values):
      append(Kind.array)
      append(UInt64(values.count))
      for value in values { value.append(to: &bytes) }
    case .object(let pairs):
      append(Kind.object)
      append(UInt64(pairs.count))
      for pair in pairs {
        append(pair.key)
        pair.value.append(to: &bytes)
      }
    }
  }

  /// The value that ``bytes`` gave; nil for other bytes.
  package init?(bytes: [UInt8]) {
    var rest = bytes[...]
    guard let value = JSON(from: &rest, depth: 0), rest.isEmpty else { return nil }
    self = value
  }

  private init?(from bytes: inout ArraySlice<UInt8>, depth: Int) {
    func word() -> UInt64? {
      guard bytes.count >= 8 else { return nil }
      defer { bytes = bytes.dropFirst(8) }
      return bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    /// How many of something there are, of which each has a byte at least.
    func count() -> Int? { word().flatMap { Int(exactly: $0) }.flatMap { $0 <= bytes.count ? $0 : nil } }
    func text() -> String? {
      guard let count = count() else { return nil }
      defer { bytes = bytes.dropFirst(count) }
      return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
    guard depth < 256, let kind = bytes.popFirst().flatMap(Kind.init(rawValue:)) else { return nil }
    switch kind {
    case .null: self = .null
    case .no: self = .bool(false)
    case .yes: self = .bool(true)
    case .signed:
      guard let word = word() else { return nil }
      self = .integer(Int64(bitPattern: word))
    case .unsigned:
      guard let word = word() else { return nil }
      self = .integer(word)
    case .number:
      guard let word = word() else { return nil }
      self = .number(Double(bitPattern: word))
    case .text:
      guard let text = text() else { return nil }
      self = .text(text)
    case .array:
      guard let count = count() else { return nil }
      var values: [JSON] = []
      for _ in 0..<count {
        guard let value = JSON(from: &bytes, depth: depth + 1) else { return nil }
        values.append(value)
      }
      self = .array(values)
    case .object:
      guard let count = count() else { return nil }
      var pairs: [(key: String, value: JSON)] = []
      for _ in 0..<count {
        guard let key = text(), let value = JSON(from: &bytes, depth: depth + 1) else { return nil }
        pairs.append((key, value))
      }
      self = .object(pairs)
    }
  }
}
