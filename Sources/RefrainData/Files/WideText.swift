/// Makes UTF-8 of UTF-16, a part after another.
struct WideText {
  private let isBigEndian: Bool
  private var isFirst = true
  /// The end of the part before that is whole only with the next one: half of a unit, or of a pair.
  private var rest: [UInt8] = []

  /// What is assumed of the file.
  static let note = "read as UTF-16"

  /// Nil where a file is not in UTF-16.
  ///
  /// - Parameters:
  ///   - head: The file's first bytes.
  ///   - size: How many bytes it has.
  /// - Throws: `notUTF8` for half of a unit at the end.
  init?(_ head: [UInt8], size: Int) throws(DataError) {
    guard let isBigEndian = Self.isBigEndian(head) else { return nil }
    self.isBigEndian = isBigEndian
    guard size.isMultiple(of: 2) else { throw Self.isDamaged }
  }

  private static var isDamaged: DataError {
    DataError(.notUTF8, "this looks like UTF-16, but is damaged", remedy: "save it as \"CSV UTF-8\"")
  }

  /// Whether the bytes are UTF-16, and which way round: by the mark, or because every other byte of plain text is zero
  /// and no other is one that text has not, as small numbers of two bytes are.
  static func isBigEndian(_ file: [UInt8]) -> Bool? {
    if file.starts(with: [0xFF, 0xFE]) { return false }
    if file.starts(with: [0xFE, 0xFF]) { return true }
    let sample = file.prefix(4096)
    guard sample.count >= 4 else { return nil }
    let zeros = sample.enumerated().filter { $1 == 0 }
    let odd = zeros.count { $0.offset % 2 == 1 }
    guard zeros.count * 10 >= sample.count * 3, odd * 20 >= zeros.count * 19 || odd * 20 <= zeros.count else {
      return nil
    }
    let isBigEndian = odd * 2 < zeros.count
    let isText = stride(from: 0, to: sample.count - 1, by: 2).allSatisfy { place in
      let (high, low) = isBigEndian ? (sample[place], sample[place + 1]) : (sample[place + 1], sample[place])
      return high > 0 || low >= 0x20 || isBlank(low) || low == 0x0C || low == 0x1A
    }
    return isText ? isBigEndian : nil
  }

  /// The text of the next bytes of the file, without the mark at its beginning.
  ///
  /// - Parameter isLast: Whether the file ends with them.
  /// - Throws: `notUTF8`.
  mutating func text(of bytes: [UInt8], isLast: Bool) throws(DataError) -> [UInt8] {
    let bytes = rest.isEmpty ? bytes : rest + bytes
    var units = [UInt16](unsafeUninitializedCapacity: bytes.count / 2) { buffer, count in
      for place in 0..<bytes.count / 2 {
        let (first, second) = (UInt16(bytes[2 * place]), UInt16(bytes[2 * place + 1]))
        buffer[place] = isBigEndian ? first << 8 | second : second << 8 | first
      }
      count = bytes.count / 2
    }
    if !isLast, let last = units.last, 0xD800..<0xDC00 ~= last { units.removeLast() }
    rest = Array(bytes[(2 * units.count)...])
    if isFirst, let first = units.first {
      isFirst = false
      if first == 0xFEFF { units.removeFirst() }
    }
    guard !isLast || rest.isEmpty, let text = String(validating: units, as: UTF16.self) else { throw Self.isDamaged }
    return Array(text.utf8)
  }
}
