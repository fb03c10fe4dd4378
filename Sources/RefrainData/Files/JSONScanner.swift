/// What is wrong with a header.
enum JSONFault: Error {
  /// The text is no JSON, or no JSON of the expected form.
  case syntax(at: Int)
  /// The text is well formed and says something that cannot be.
  case meaning(String)
  /// A tensor's type is unknown.
  case type(String, tensor: String)
}

/// Reads JSON whose form is known beforehand: objects, strings and arrays of whole numbers.
///
/// Nothing is read that was not asked for, so no nesting is deeper than the caller's own, and a name that occurs twice
/// is seen twice (a general parser would drop one).
struct JSONScanner {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// Reads an object; `readValue` is called for every name and must read the value.
  mutating func readObject(
    _ readValue: (_ name: String, inout JSONScanner) throws(JSONFault) -> Void
  ) throws(JSONFault) {
    try require("{")
    if take("}") { return }
    repeat {
      let name = try readString()
      try require(":")
      try readValue(name, &self)
    } while take(",")
    try require("}")
  }

  /// Reads an array of whole numbers that are not negative.
  mutating func readIntegers(atMost limit: Int) throws(JSONFault) -> [Int] {
    try require("[")
    var numbers: [Int] = []
    if take("]") { return numbers }
    repeat {
      guard numbers.count < limit else { throw fault }
      numbers.append(try readInteger())
    } while take(",")
    try require("]")
    return numbers
  }

  /// Reads any value. Arrays and objects may lie `depth` deep in each other; a name that occurs twice is a fault.
  mutating func readValue(depth: Int) throws(JSONFault) -> JSONValue {
    skipBlanks()
    guard position < bytes.endIndex, depth > 0 else { throw fault }
    switch bytes[position] {
    case .quote: return .string(try readString())
    case UInt8(ascii: "{"):
      var members: [String: JSONValue] = [:]
      try readObject { name, scanner throws(JSONFault) in
        guard members.updateValue(try scanner.readValue(depth: depth - 1), forKey: name) == nil else {
          throw .meaning("the name \(name.quoted) occurs twice in an object")
        }
      }
      return .object(members)
    case UInt8(ascii: "["):
      var elements: [JSONValue] = []
      try require("[")
      if take("]") { return .array([]) }
      repeat { elements.append(try readValue(depth: depth - 1)) } while take(",")
      try require("]")
      return .array(elements)
    case UInt8(ascii: "t"): return try read("true", as: true)
    case UInt8(ascii: "f"): return try read("false", as: false)
    case UInt8(ascii: "n"): return try read("null", as: .null)
    default: return try readNumber()
    }
  }

  private mutating func read(_ word: StaticString, as value: JSONValue) throws(JSONFault) -> JSONValue {
    guard word.withUTF8Buffer({ bytes[position...].starts(with: $0) }) else { throw fault }
    position += word.utf8CodeUnitCount
    return value
  }

  /// Reads a number; one that is no Double is a fault, and so are Python's NaN and Infinity.
  private mutating func readNumber() throws(JSONFault) -> JSONValue {
    let text = bytes[position...].prefix { isDigit($0) || "+-.eE".utf8.contains($0) }
    guard text.count <= 64, text.contains(where: isDigit), let number = Double(String(decoding: text, as: UTF8.self)),
      number.isFinite
    else { throw fault }
    position += text.count
    if number >= 0x1p53, text.allSatisfy(isDigit), let whole = UInt64(String(decoding: text, as: UTF8.self)),
      UInt64(exactly: number) != whole
    {
      return .whole(whole)
    }
    return .number(number)
  }

  /// Reads a string and resolves its escapes.
  mutating func readString() throws(JSONFault) -> String {
    try require("\"")
    var text: [UInt8] = []
    while let byte = next() {
      switch byte {
      case .quote: return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text += Array(String(try readEscape()).utf8)
      case ..<0x20: throw fault
      default: text.append(byte)
      }
    }
    throw fault
  }

  /// Nothing but blanks may follow.
  mutating func requireEnd() throws(JSONFault) {
    skipBlanks()
    if position < bytes.endIndex { throw fault }
  }

  private var fault: JSONFault { .syntax(at: position) }

  private mutating func next() -> UInt8? {
    guard position < bytes.endIndex else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func skipBlanks() {
    while position < bytes.endIndex, isBlank(bytes[position]) { position += 1 }
  }

  /// Takes the sign if it comes next.
  private mutating func take(_ sign: UnicodeScalar) -> Bool {
    skipBlanks()
    guard position < bytes.endIndex, bytes[position] == UInt8(ascii: sign) else { return false }
    position += 1
    return true
  }

  private mutating func require(_ sign: UnicodeScalar) throws(JSONFault) {
    guard take(sign) else { throw fault }
  }

  private mutating func readInteger() throws(JSONFault) -> Int {
    skipBlanks()
    let start = position
    var value = 0
    while position < bytes.endIndex, isDigit(bytes[position]) {
      let (product, overflows) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflowsToo) = product.addingReportingOverflow(Int(bytes[position] - 48))
      if overflows || overflowsToo { throw fault }
      value = sum
      position += 1
    }
    if position == start { throw fault }
    return value
  }

  private mutating func readEscape() throws(JSONFault) -> UnicodeScalar {
    switch next() {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default: throw fault
    }
    var code = try readHexadecimal()
    if 0xD800..<0xDC00 ~= code {  // The first of a pair that spells a scalar beyond 16 bits.
      guard next() == UInt8(ascii: "\\"), next() == UInt8(ascii: "u") else { throw fault }
      let low = try readHexadecimal()
      guard 0xDC00..<0xE000 ~= low else { throw fault }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = UnicodeScalar(code) else { throw fault }
    return scalar
  }

  private mutating func readHexadecimal() throws(JSONFault) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next(), let digit = Character(UnicodeScalar(byte)).hexDigitValue else { throw fault }
      value = value << 4 | UInt32(digit)
    }
    return value
  }
}

/// The text as a JSON string, quotes and all.
public func jsonText(_ text: String) -> String {
  // Most texts have nothing that is written otherwise.
  let (quote, backslash) = (UInt8(ascii: "\""), UInt8(ascii: "\\"))
  guard text.utf8.contains(where: { $0 < 32 || $0 == quote || $0 == backslash }) else { return "\"\(text)\"" }
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case ..<" ":
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
