/// What a field of a table holds when it is read as a number.
enum Field: Equatable {
  case number(Double)
  /// Nothing, or a word or sign for nothing, in letters of either case: NA, null, n.a., -, a spreadsheet's error.
  case missing
  /// An infinity, or a number too large for a Double.
  case infinite
  /// Anything else.
  case text

  /// Reads a field. White space around it does not count.
  ///
  /// - Parameter notation: How the column writes its numbers.
  init(_ field: UnsafeBufferPointer<UInt8>, _ notation: NumberNotation) {
    var bytes = field[...]
    while let first = bytes.first, isBlank(first) { bytes.removeFirst() }
    while let last = bytes.last, isBlank(last) { bytes.removeLast() }
    if let number = Self.number(bytes, mark: notation.decimal.rawValue) {
      self = number.isFinite ? .number(number) : .infinite
    } else if bytes.isEmpty {
      self = .missing
    } else if let word = Self.word(bytes) {
      self = word
    } else if bytes.count <= 60, let number = notation.read(Array(bytes)) {
      self = number.isFinite ? .number(number) : .infinite
    } else {
      self = .text
    }
  }

  private static func word(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Field? {
    guard bytes.count <= 9 else { return nil }
    let word = String(decoding: bytes, as: UTF8.self).lowercased()
    return missingWords.contains(word) ? .missing : infiniteWords.contains(word) ? .infinite : nil
  }

  private static let missingWords: Set = [
    "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none", "nil", "-", "--", "—", "–", "?", "\\n", "#n/a n/a",
    "1.#ind", "-nan", "+nan", "n.a.", "n.a", "n/d", "n.d.", "nd", "k.a.", "missing", "(null)", ".", "..", "...", "…",
    ":",
    "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!", "#nv", "#n/v", "#wert!", "#bezug!", "#zahl!", "#n/d",
    "#valeur!",
  ]
  private static let infiniteWords: Set = [
    "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "∞", "+∞", "-∞",
  ]

  /// The number that the bytes spell in decimal, with or without an exponent; nil when they spell none.
  ///
  /// Up to 19 digits are gathered in an integer. When it is below 2⁵³ and the power of ten is exact too, one
  /// multiplication or division rounds correctly (Clinger 1990); anything else is left to the standard library.
  ///
  /// - Parameter mark: What stands before the decimals.
  static func number<Bytes: RandomAccessCollection<UInt8>>(_ bytes: Bytes, mark: UInt8) -> Double?
  where Bytes.Index == Int {
    var index = bytes.startIndex
    let end = bytes.endIndex
    var isNegative = false
    if index < end, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
      isNegative = bytes[index] == UInt8(ascii: "-")
      index += 1
    }
    var digits = 0
    var decimals = 0
    var mantissa: UInt64 = 0
    var seenMark = false
    scan: while index < end {
      switch bytes[index] {
      case let byte where isDigit(byte):
        digits += 1
        if digits <= 19 { mantissa = mantissa &* 10 &+ UInt64(byte &- 48) }
        if seenMark { decimals += 1 }
      case mark where !seenMark: seenMark = true
      default: break scan
      }
      index += 1
    }
    guard digits > 0 else { return nil }
    var exponent = 0
    if index < end, bytes[index] | 0x20 == UInt8(ascii: "e") {
      index += 1
      var isNegativeExponent = false
      if index < end, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
        isNegativeExponent = bytes[index] == UInt8(ascii: "-")
        index += 1
      }
      guard index < end else { return nil }
      while index < end, isDigit(bytes[index]) {
        exponent = min(exponent * 10 + Int(bytes[index] - 48), 100_000)
        index += 1
      }
      if isNegativeExponent { exponent = -exponent }
    }
    guard index == end else { return nil }
    let power = exponent - decimals
    if digits <= 19, mantissa < 1 << 53, abs(power) <= 22 {
      let scale = powersOfTen[abs(power)]
      let magnitude = power < 0 ? Double(mantissa) / scale : Double(mantissa) * scale
      return isNegative ? -magnitude : magnitude
    }
    let text = String(decoding: bytes, as: UTF8.self)
    return Double(mark == UInt8(ascii: ",") ? text.replacing(",", with: ".") : text)
  }

  /// The powers of ten that a Double holds exactly.
  private static let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]
}

/// Whether a byte is one of the digits 0–9.
func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }
