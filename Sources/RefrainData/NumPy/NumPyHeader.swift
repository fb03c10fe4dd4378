/// What stands before the values in a `.npy` file: a magic word, a version, a length, and the literal of a Python
/// dictionary. Source: NumPy's `numpy.lib.format`.
struct NumPyHeader {
  var type: NumPyType
  var isColumnMajor: Bool
  var shape: [Int]

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// As NumPy itself permits.
  static let mostExtents = 64

  /// Reads the header; also returns the bytes behind it.
  static func read(from bytes: ArraySlice<UInt8>) throws(DataError) -> (header: NumPyHeader, data: ArraySlice<UInt8>) {
    guard bytes.starts(with: magic) else {
      throw DataError(
        .wrongFormat, bytes.isEmpty ? "the file is empty" : "this is no array of NumPy's",
        remedy: "name a file that numpy.save wrote")
    }
    let start = bytes.startIndex + magic.count
    guard let version = bytes.littleEndian(at: start, as: UInt16.self) else { throw .damagedNumPy("it is cut off") }
    guard 1...3 ~= version else {
      throw DataError(
        .unsupportedContent, "the array is in version \(version & 0xFF).\(version >> 8) of NumPy's format",
        remedy: "save it with numpy.save")
    }
    // The length is one of 16 bits in version 1, of 32 bits later.
    let width = version == 1 ? 2 : 4
    let length =
      version == 1
      ? bytes.littleEndian(at: start + 2, as: UInt16.self).map(Int.init)
      : bytes.littleEndian(at: start + 2, as: UInt32.self).map(Int.init)
    let text = bytes[min(start + 2 + width, bytes.endIndex)...]
    guard let length, length <= text.count else { throw .damagedNumPy("its header is cut off") }
    var literal = PythonLiteral(text.prefix(length))
    guard let header = try NumPyHeader(&literal) else {
      throw .damagedNumPy("its header is wrong at byte \(literal.position - bytes.startIndex)")
    }
    return (header, text.dropFirst(length))
  }

  /// Nil when this is no header.
  private init?(_ literal: inout PythonLiteral) throws(DataError) {
    var (name, order, shape): (String?, Bool?, [Int]?)
    guard literal.take("{") else { return nil }
    while !literal.take("}") {
      guard let key = literal.readString(), literal.take(":") else { return nil }
      switch key {
      case "descr" where name == nil:
        guard !literal.take("[") else {
          throw DataError(
            .unsupportedContent, "the array holds records of several fields", remedy: "save each field on its own")
        }
        name = literal.readString()
        if name == nil { return nil }
      case "fortran_order" where order == nil:
        order = literal.take("True") ? true : literal.take("False") ? false : nil
        if order == nil { return nil }
      case "shape" where shape == nil:
        shape = literal.readTuple(atMost: Self.mostExtents)
        if shape == nil { return nil }
      default: return nil
      }
      guard literal.take(",") || literal.isNext("}") else { return nil }
    }
    guard literal.isAtEnd, let name, let order, let shape else { return nil }
    (type, isColumnMajor, self.shape) = (try NumPyType(name), order, shape)
  }

  /// The header of a row-major array, byte for byte as NumPy writes it.
  static func bytes(for type: ElementType, shape: [Int]) -> [UInt8] {
    let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = "{'descr': '\(NumPyType.name(of: type))', 'fortran_order': False, 'shape': (\(extents)), }"
    // Room for the first extent to grow to 21 digits, so that rows can be added in place.
    if let first = shape.first { text += String(repeating: " ", count: max(0, 21 - String(first).count)) }
    var bytes = magic + [1, 0]
    // A line break ends the header; the values begin at a multiple of 64.
    let padding = 64 - (bytes.count + 2 + text.utf8.count + 1) % 64
    bytes.append(littleEndian: UInt16(text.utf8.count + padding + 1))
    return bytes + Array(text.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: padding) + [UInt8(ascii: "\n")]
  }
}

/// Reads the few kinds of Python literals that occur in a header.
private struct PythonLiteral {
  private(set) var position: Int
  private let bytes: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// Whether nothing but blanks follows.
  var isAtEnd: Bool {
    mutating get {
      skipBlanks()
      return position == bytes.endIndex
    }
  }

  mutating func isNext(_ word: StaticString) -> Bool {
    skipBlanks()
    return word.withUTF8Buffer { bytes[position...].starts(with: $0) }
  }

  /// Takes the word if it comes next.
  mutating func take(_ word: StaticString) -> Bool {
    guard isNext(word) else { return false }
    position += word.utf8CodeUnitCount
    return true
  }

  /// Reads a string without escapes.
  mutating func readString() -> String? {
    let quote = take("'") ? UInt8(ascii: "'") : take("\"") ? UInt8(ascii: "\"") : nil
    guard let quote, let end = bytes[position...].firstIndex(of: quote) else { return nil }
    defer { position = end + 1 }
    let text = String(validating: bytes[position..<end], as: UTF8.self)
    return text?.contains("\\") == true ? nil : text
  }

  /// Reads whole numbers in parentheses that are not negative.
  mutating func readTuple(atMost limit: Int) -> [Int]? {
    guard take("(") else { return nil }
    var numbers: [Int] = []
    while !take(")") {
      guard numbers.count < limit, let number = readInteger() else { return nil }
      numbers.append(number)
      guard take(",") || isNext(")") else { return nil }
    }
    return numbers
  }

  private mutating func readInteger() -> Int? {
    skipBlanks()
    let digits = bytes[position...].prefix { 0x30...0x39 ~= $0 }
    guard digits.count <= 20, let number = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
    position = digits.endIndex
    _ = take("L")  // as Python 2 wrote its long numbers
    return number
  }

  private mutating func skipBlanks() {
    while position < bytes.endIndex, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }
}
