/// What a Unicode scalar is to whoever looks for words.
enum CharacterClass {
  /// White space, and what is not shown.
  case space
  /// Letters, and the marks on them.
  case letter
  case digit
  /// What is written without spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
  case ideograph
  /// A mark, which belongs to what stands before it.
  case mark
  /// Punctuation, signs, emoji.
  case sign

  init(_ scalar: UnicodeScalar) {
    self = scalar.value < 128 ? Self.ascii[Int(scalar.value)] : Self(wide: scalar)
  }

  private static let ascii: [CharacterClass] = (0..<128).map { value -> CharacterClass in
    switch UInt8(value) {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): .letter
    case UInt8(ascii: "0")...UInt8(ascii: "9"): .digit
    case 0...32, 127: .space
    default: .sign
    }
  }

  private init(wide scalar: UnicodeScalar) {
    switch scalar.value {
    case 0xC0...0x2AF where scalar.value != 0xD7 && scalar.value != 0xF7: self = .letter
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x3041...0x3096, 0x3099...0x30FA, 0x30FC...0x30FF, 0x3005...0x3007,
      0x31F0...0x31FF, 0xF900...0xFAFF, 0xFF66...0xFF9F, 0x20000...0x3FFFF:
      self = .ideograph
    case 0x0E00...0x0EFF, 0x1000...0x109F, 0x1780...0x17FF: self = Self(unspaced: scalar)
    default: self = Self(scalar.properties.generalCategory)
    }
  }

  /// Of a script without spaces, whose vowel signs and tone marks belong to the letter before them.
  private init(unspaced scalar: UnicodeScalar) {
    let known = Self(scalar.properties.generalCategory)
    self = known == .letter ? .ideograph : known
  }

  private init(_ category: Unicode.GeneralCategory) {
    switch category {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
    case .nonspacingMark, .spacingMark, .enclosingMark: self = .mark
    case .decimalNumber, .letterNumber, .otherNumber: self = .digit
    case .spaceSeparator, .lineSeparator, .paragraphSeparator, .control, .surrogate, .unassigned: self = .space
    // Joiners and soft hyphens stand within words.
    case .format: self = .mark
    default: self = .sign
    }
  }
}

/// The scalars of UTF-8 that is known to be valid.
struct ScalarReader {
  let bytes: UnsafeBufferPointer<UInt8>

  /// The scalar that begins at `position`, and how many bytes it has.
  @inline(__always)
  func scalar(at position: Int) -> (UnicodeScalar, Int) {
    let first = bytes[position]
    if first < 0x80 { return (UnicodeScalar(first), 1) }
    let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    guard position + length <= bytes.count else { return ("\u{FFFD}", bytes.count - position) }
    var value = UInt32(first) & (0x7F >> UInt32(length))
    for offset in 1..<length { value = value << 6 | UInt32(bytes[position + offset] & 0x3F) }
    return (UnicodeScalar(value) ?? "\u{FFFD}", length)
  }
}
