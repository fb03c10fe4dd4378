/// Cuts a text into words, by classes of characters.
///
/// A word is a run of letters and digits; an apostrophe or a point between letters or digits belongs to it (`don't`,
/// `3.14`), as does a clitic's (`'s`). Everything else that is no white space is a word of its own: a sign, signs of a
/// kind in a row (`...`), a tag (`<unk>`), an emoji with all it is composed of, a character of a script that is written
/// without spaces.
struct WordScanner {
  var separation: WordSeparation
  /// Whether characters of scripts without spaces stay together, for pieces to be found among them.
  var joinsIdeographs = false

  /// The longest word; what is longer is cut.
  private static let longest = 256

  /// The words of a text from left to right.
  ///
  /// - Parameter body: Is given where the word's bytes are, and whether white space, or nothing, stands before it.
  func scan(_ bytes: UnsafeBufferPointer<UInt8>, _ body: (_ word: Range<Int>, _ followsSpace: Bool) -> Void) {
    let reader = ScalarReader(bytes: bytes)
    var position = 0
    var followsSpace = true
    while position < bytes.count {
      let (scalar, length) = reader.scalar(at: position)
      let found = CharacterClass(scalar)
      if found == .space {
        position += length
        followsSpace = true
        continue
      }
      let start = position
      position += length
      let end = end(of: found, scalar, from: position, startedAt: start, followsSpace, reader)
      position = max(position, end)
      body(start..<position, followsSpace)
      followsSpace = false
    }
  }

  /// Where the word ends that begins with a scalar, which ends at `position`.
  private func end(
    of found: CharacterClass, _ scalar: UnicodeScalar, from position: Int, startedAt start: Int, _ followsSpace: Bool,
    _ reader: ScalarReader
  ) -> Int {
    let limit = start + Self.longest
    if separation == .spaces {
      return run(from: position, limit, reader) { kind, _ in kind != .space }
    }
    switch found {
    case .letter, .digit, .mark: return wordEnd(from: position, limit, reader)
    case .ideograph:
      return run(from: position, joinsIdeographs ? limit : .max, reader) { kind, _ in
        kind == .mark || joinsIdeographs && kind == .ideograph
      }
    case .space, .sign: return signEnd(scalar, from: position, limit, reader)
    }
  }

  /// Goes on while scalars fulfill a condition, marks always: none is torn from its letter.
  @inline(__always)
  private func run(
    from start: Int, _ limit: Int, _ reader: ScalarReader, while goesOn: (CharacterClass, UnicodeScalar) -> Bool
  ) -> Int {
    var position = start
    while position < reader.bytes.count {
      let (scalar, length) = reader.scalar(at: position)
      let kind = CharacterClass(scalar)
      guard goesOn(kind, scalar), position < limit || kind == .mark && position < limit + 64 else { break }
      position += length
    }
    return position
  }

  private func isWord(_ kind: CharacterClass) -> Bool { kind == .letter || kind == .digit || kind == .mark }

  private func wordEnd(from start: Int, _ limit: Int, _ reader: ScalarReader) -> Int {
    var position = start
    while true {
      position = run(from: position, limit, reader) { kind, _ in isWord(kind) }
      guard position < reader.bytes.count, position < limit else { return position }
      let (joint, length) = reader.scalar(at: position)
      guard position + length < reader.bytes.count, joins(joint) else { return position }
      let next = CharacterClass(reader.scalar(at: position + length).0)
      let isNumber = next == .digit && isDigit(reader.bytes[position - 1])
      let isApostrophe = joint == "'" || joint == "\u{2019}"
      guard isNumber && !isApostrophe || next == .letter && isApostrophe else { return position }
      position += length
    }
  }

  /// Whether a sign may stand within a word or a number.
  private func joins(_ scalar: UnicodeScalar) -> Bool {
    switch scalar {
    case "'", "\u{2019}", ".", ",", ":": true
    default: false
    }
  }

  private func signEnd(_ scalar: UnicodeScalar, from start: Int, _ limit: Int, _ reader: ScalarReader) -> Int {
    if scalar == "<", let end = tagEnd(from: start, reader) { return end }
    if scalar == "'" || scalar == "\u{2019}", let end = cliticEnd(from: start, reader) { return end }
    if scalar.value < 0x2190 {
      return run(from: start, limit, reader) { kind, next in next == scalar || kind == .mark }
    }
    return emojiEnd(scalar, from: start, limit, reader)
  }

  /// The end of `<unk>`, `<br />` or `</b>`, of which the first sign is read.
  private func tagEnd(from start: Int, _ reader: ScalarReader) -> Int? {
    var letters = 0
    for position in start..<min(start + 24, reader.bytes.count) {
      switch reader.bytes[position] {
      case UInt8(ascii: ">"): return letters > 0 ? position + 1 : nil
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): letters += 1
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"): break
      case UInt8(ascii: "/"), UInt8(ascii: " "): break
      default: return nil
      }
    }
    return nil
  }

  /// The end of `'s`, `'re` and their like, of which the apostrophe is read.
  private func cliticEnd(from start: Int, _ reader: ScalarReader) -> Int? {
    var position = start
    while position < reader.bytes.count, position - start < 3 {
      let (scalar, length) = reader.scalar(at: position)
      guard CharacterClass(scalar) == .letter else { break }
      position += length
    }
    guard 1...2 ~= position - start else { return nil }
    if position < reader.bytes.count, isWord(CharacterClass(reader.scalar(at: position).0)) { return nil }
    return position
  }

  /// The end of an emoji: with its variation, skin, flag and what is joined to it.
  private func emojiEnd(_ first: UnicodeScalar, from start: Int, _ limit: Int, _ reader: ScalarReader) -> Int {
    var position = start
    var previous = first
    var flags = isFlag(first) ? 1 : 0
    while position < reader.bytes.count, position < limit {
      let (scalar, length) = reader.scalar(at: position)
      let isPart =
        CharacterClass(scalar) == .mark || 0x1F3FB...0x1F3FF ~= scalar.value || previous == "\u{200D}"
        || isFlag(scalar) && flags == 1
      guard isPart else { break }
      if isFlag(scalar) { flags += 1 }
      previous = scalar
      position += length
    }
    return position
  }

  private func isFlag(_ scalar: UnicodeScalar) -> Bool { 0x1F1E6...0x1F1FF ~= scalar.value }
}

extension WordScanner {
  /// The words of a text.
  func words(_ text: String) -> [String] {
    var text = text
    var words: [String] = []
    text.withUTF8 { bytes in
      scan(bytes) { range, _ in words.append(String(decoding: bytes[range], as: UTF8.self)) }
    }
    return words
  }
}
