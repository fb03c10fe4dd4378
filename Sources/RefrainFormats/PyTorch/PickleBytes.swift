import RefrainData

/// The bytes of a pickle, read one after another: nothing beyond their end, and no count that they could not fill.
struct PickleBytes {
  private let bytes: ArraySlice<UInt8>
  private(set) var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// How many there are.
  var count: Int { bytes.count }

  /// The next byte.
  mutating func readByte() throws(DataError) -> UInt8 {
    guard position < bytes.endIndex else { throw .damagedPickle("it ends too early") }
    defer { position += 1 }
    return bytes[position]
  }

  /// The next `count` bytes.
  mutating func readSlice(_ count: Int) throws(DataError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.endIndex - position else { throw .damagedPickle("it ends too early") }
    defer { position += count }
    return bytes[position..<position + count]
  }

  /// A little-endian number of at most eight bytes.
  mutating func readUnsigned(width: Int) throws(DataError) -> UInt64 {
    try readSlice(width).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// How many bytes follow: no more than there are.
  mutating func readCount(width: Int) throws(DataError) -> Int {
    let count = try readUnsigned(width: width)
    guard count <= UInt64(bytes.endIndex - position) else { throw .damagedPickle("it ends too early") }
    return Int(count)
  }

  /// Text up to the end of a line.
  mutating func readLine() throws(DataError) -> String {
    let rest = bytes[position...]
    guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { throw .damagedPickle("it ends too early") }
    return try text(readSlice(end + 1 - position).dropLast())
  }

  /// Text of so many bytes.
  mutating func readText(count: Int) throws(DataError) -> String { try text(readSlice(count)) }

  private func text(_ bytes: ArraySlice<UInt8>) throws(DataError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .damagedPickle("a text in it is not UTF-8") }
    return text
  }
}

extension DataError {
  static func damagedPickle(_ problem: String) -> DataError {
    DataError(.damagedFile, "the file's pickle is damaged: \(problem)", remedy: "copy or save it again")
  }

  static func unsupportedPickle(_ problem: String) -> DataError {
    DataError(
      .unsupportedContent, "the file's pickle holds more than tensors: \(problem)",
      remedy: "save the model's state_dict() alone")
  }
}
