/// How a column writes its numbers: the mark before decimals, and what groups thousands.
struct NumberNotation: Hashable, Sendable {
  /// What stands before the decimals.
  var decimal = DecimalMark.point
  /// Whether the other of point and comma may group thousands.
  var groups = false

  /// The number of a field that is not a plain one: with grouped thousands, a currency sign, a percent sign, in
  /// parentheses or with the sign behind (both negative). Nil when it is none.
  func read(_ field: [UInt8]) -> Double? {
    guard let parts = NumberParts(field) else { return nil }
    var core: [UInt8] = []
    var sinceGroup = -1
    var groupSign: UInt8?
    var isInDecimals = false
    let other = UInt8(ascii: decimal == .point ? "," : ".")
    for (index, byte) in parts.core.enumerated() {
      switch byte {
      case _ where isDigit(byte):
        if !isInDecimals, sinceGroup >= 0 { sinceGroup += 1 }
        core.append(byte)
      case UInt8(ascii: "d"), UInt8(ascii: "D"):
        // Fortran's exponent, which has a sign: 1.5D+03.
        let next = parts.core[(index + 1)...].prefix(2)
        guard index > 0, next.count == 2, next.first == UInt8(ascii: "-") || next.first == UInt8(ascii: "+"),
          sinceGroup < 0 || sinceGroup == 3 || isInDecimals
        else { return nil }
        core.append(UInt8(ascii: "e"))
      case decimal.rawValue where !isInDecimals, UInt8(ascii: "e"), UInt8(ascii: "E"):
        guard sinceGroup < 0 || sinceGroup == 3 || isInDecimals else { return nil }
        if byte == decimal.rawValue { isInDecimals = true }
        core.append(byte)
      case UInt8(ascii: "-"), UInt8(ascii: "+"):
        core.append(byte)
      case NumberParts.space, UInt8(ascii: "'"), other:
        // Groups of three (of two before the last in India), all with one sign, after one to three digits.
        guard byte != other || groups, !isInDecimals, groupSign == nil || groupSign == byte, index > 0 else {
          return nil
        }
        guard sinceGroup < 0 ? core.count <= 3 : sinceGroup == 3 || sinceGroup == 2 && byte == UInt8(ascii: ",") else {
          return nil
        }
        groupSign = byte
        sinceGroup = 0
      default: return nil
      }
    }
    guard sinceGroup < 0 || sinceGroup == 3 || isInDecimals, !core.isEmpty else { return nil }
    return Field.number(core, mark: decimal.rawValue).map { parts.isNegative ? -$0 : $0 }
  }

  /// A number as it is written with a point before decimals and nothing between thousands; nil for one that is so
  /// already, for one with more about it, such as a currency, and for what is none.
  func plain(_ field: [UInt8]) -> [UInt8]? {
    let number = field.compactMap { byte -> UInt8? in
      switch byte {
      case decimal.rawValue: UInt8(ascii: ".")
      case DecimalMark.point.rawValue, DecimalMark.comma.rawValue, UInt8(ascii: "'"), .space: nil
      default: byte
      }
    }
    guard number != field, let value = read(field), Double(String(decoding: number, as: UTF8.self)) == value else {
      return nil
    }
    return number
  }

  /// Whether a field is a number in some notation.
  static func isNumber(_ field: ArraySlice<UInt8>) -> Bool {
    let bytes = Array(field)
    return DecimalMark.allCases.contains { mark in
      bytes.withUnsafeBufferPointer {
        switch Field($0, NumberNotation(decimal: mark, groups: true)) {
        case .number, .infinite: true
        case .missing, .text: false
        }
      }
    }
  }
}

/// What stands before the decimals of a number.
public enum DecimalMark: UInt8, Hashable, Sendable, Codable, CaseIterable {
  /// 1.5
  case point = 0x2E
  /// 1,5
  case comma = 0x2C
}

/// A written number without what is around it.
struct NumberParts {
  /// Digits, marks and signs; every kind of space is ``space``, every kind of apostrophe `'`.
  var core: [UInt8] = []
  /// Whether parentheses or a minus sign that is not the first character say so.
  var isNegative = false
  /// A currency sign or code, or %; empty for none.
  var unit = ""
  /// Whether the mark of a note stood behind it: `12*`, `12 [1]`, `12 (p)`.
  var hasMark = false

  static let space = UInt8.space

  /// Nil when the field cannot be a number in any notation.
  init?(_ field: [UInt8]) {
    guard field.contains(where: isDigit) else { return nil }
    var text = Substring(String(decoding: field, as: UTF8.self))
    text = text.trimmingSpaces
    if text.first == "(", text.last == ")" {
      isNegative = true
      text = text.dropFirst().dropLast().trimmingSpaces
    }
    if let plain = Self.withoutMark(text) { (text, hasMark) = (plain, true) }
    var signs = 0
    func takeSign(_ text: inout Substring) -> Bool? {
      guard let first = text.first, let isMinus = Self.sign(first) else { return nil }
      text = text.dropFirst().trimmingSpaces
      return isMinus
    }
    if let isMinus = takeSign(&text) {
      signs += 1
      isNegative = isNegative != isMinus
    }
    // A unit before or behind, and a sign between it and the digits or at the very end.
    let head = text.prefix { !$0.isNumberCharacter && Self.sign($0) == nil }
    if !head.isEmpty {
      guard let unit = Self.unit(head) else { return nil }
      self.unit = unit
      text = text.dropFirst(head.count).trimmingSpaces
      // The point of an abbreviation: Rs. 5.
      if text.first == ".", text.dropFirst().first?.isWhitespace == true { text = text.dropFirst().trimmingSpaces }
      if let isMinus = takeSign(&text) {
        signs += 1
        isNegative = isNegative != isMinus
      }
    }
    if let last = text.last, let isMinus = Self.sign(last) {
      signs += 1
      isNegative = isNegative != isMinus
      text = text.dropLast().trimmingSpaces
    }
    let tail = text.reversed().prefix { !$0.isNumberCharacter }
    if !tail.isEmpty {
      guard unit.isEmpty, let unit = Self.unit(Substring(String(tail.reversed()))) else { return nil }
      self.unit = unit
      text = text.dropLast(tail.count).trimmingSpaces
    }
    guard signs <= 1 else { return nil }
    for character in text {
      switch character {
      case "'", "’", "‘", "´", "ʼ": core.append(UInt8(ascii: "'"))
      case " ", "\u{A0}", "\u{202F}", "\u{2009}", "\u{2007}": core.append(Self.space)
      case "−": core.append(UInt8(ascii: "-"))
      default:
        guard let byte = character.asciiValue else { return nil }
        core.append(byte)
      }
    }
    guard let first = core.first, isDigit(first) || first == UInt8(ascii: ".") || first == UInt8(ascii: ","),
      isDigit(core.last!) || core.last == UInt8(ascii: ".") || core.last == UInt8(ascii: ",")
    else { return nil }
  }

  /// A number without the mark of a note behind it; nil for one that has none.
  private static func withoutMark(_ text: Substring) -> Substring? {
    var text = text
    let count = text.count
    for (open, close, isNote) in [("[", "]", isNumberOfNote), ("(", ")", isFlag)]
      as [(Character, Character, (Substring) -> Bool)]
    where text.last == close {
      guard let start = text.lastIndex(of: open), isNote(text[text.index(after: start)...].dropLast()) else { continue }
      text = text[..<start].trimmingSpaces
    }
    while let last = text.last, "*†‡§¹²³⁴⁵⁶⁷⁸⁹⁰".contains(last) { text = text.dropLast().trimmingSpaces }
    return text.count < count && text.contains(where: \.isNumberCharacter) ? text : nil
  }

  private static func isNumberOfNote(_ text: Substring) -> Bool {
    (1...2).contains(text.count) && text.utf8.allSatisfy(isDigit)
  }
  /// Provisional, revised, estimated, forecast, a break, or a note by its letter.
  private static func isFlag(_ text: Substring) -> Bool { text.count == 1 && "abefprABEFPR".contains(text.first!) }

  /// True for minus, false for plus, nil for anything else.
  private static func sign(_ character: Character) -> Bool? {
    switch character {
    case "-", "−", "–": true
    case "+": false
    default: nil
    }
  }

  private static func unit(_ text: Substring) -> String? {
    let text = text.trimmingSpaces
    if text == "%" || text == "％" { return "%" }
    if text.unicodeScalars.allSatisfy({ $0.properties.generalCategory == .currencySymbol }) { return String(text) }
    return currencies.contains(text.lowercased()) ? String(text) : nil
  }

  private static let currencies: Set = [
    "eur", "usd", "gbp", "chf", "jpy", "cny", "rmb", "inr", "aud", "cad", "nzd", "sek", "nok", "dkk", "pln", "czk",
    "huf", "ron", "bgn", "rub", "try", "brl", "mxn", "zar", "krw", "sgd", "hkd", "ils", "thb", "kr", "kr.", "zł", "kč",
    "ft", "lei", "lv", "fr.", "sfr.", "us$", "a$", "c$", "r$", "hk$", "nz$", "s$", "rs", "rs.", "руб", "руб.", "р.",
    "tl", "元", "円",
  ]
}

extension Character {
  /// Whether this may be within a number: a digit, a mark, a space or an apostrophe before or after digits.
  fileprivate var isNumberCharacter: Bool { isASCII && isNumber || self == "." || self == "," }
}

extension Substring {
  fileprivate var trimmingSpaces: Substring {
    var text = self
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }
}

/// The number of a text that can be read in one way only, whatever stands in other rows: plain, or with a currency or
/// percent sign, thousands in groups, a minus sign of any kind, in parentheses (negative) or with the mark of a note.
/// Nil for what is none, or in doubt, such as `1,234`; and for a plain decimal comma, which is to be told.
package func certainNumber(_ text: String) -> Double? {
  let field = Array(text.utf8)
  guard field.count <= 60, let parts = NumberParts(field) else { return nil }
  var evidence = NumberEvidence()
  field.withUnsafeBufferPointer { evidence.note($0, row: 0) }
  guard evidence.doubtfulPoint == nil, evidence.doubtfulComma == nil else { return nil }
  let hasComma = evidence.hasComma || evidence.hasGroupingPoint
  guard !hasComma || evidence.grouped != nil || !parts.unit.isEmpty else { return nil }
  let number = NumberNotation(decimal: hasComma ? .comma : .point, groups: true).read(field)
  return number.flatMap { $0.isFinite ? $0 : nil }
}
