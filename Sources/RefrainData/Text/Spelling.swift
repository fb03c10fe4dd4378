/// Words as characters where the vocabulary lacks them, and words as text again.
enum Spelling {
  /// What the first character of a spelled word begins with, and what all others do.
  private static let (first, next) = ("\u{2581}", "##")

  /// The characters of a word as tokens.
  static func tokens(_ word: String) -> [String] {
    word.enumerated().map { ($0 == 0 ? first : next) + String($1) }
  }

  /// Words, and the characters of words that are too rare to be among them.
  ///
  /// - Parameter size: The greatest number of tokens, of which at most a quarter are characters.
  static func vocabulary(_ counts: [String: Int], size: Int, minimumCount: Int) -> Vocabulary {
    let words = Vocabulary(counts: counts, size: max(size - size / 4, 1), minimumCount: max(2, minimumCount))
    var all = Dictionary(uniqueKeysWithValues: zip(words.tokens, words.counts))
    for (word, count) in counts where !words.contains(word) {
      for token in tokens(word) { all[token, default: 0] += count }
    }
    return Vocabulary(counts: all, size: size)
  }

  /// What a word adds to a text: with a space before it, but for punctuation that belongs to a neighbor, and in scripts
  /// without spaces.
  static func text(of word: String, after previous: String?, _ separation: WordSeparation) -> String {
    if word.hasPrefix(next), word.count > next.count, previous != nil { return String(word.dropFirst(next.count)) }
    let written = word.hasPrefix(first) && word.count == 2 ? String(word.dropFirst()) : word
    guard let previous, isSpaced(previous, written, separation) else { return written }
    return " " + written
  }

  private static func isSpaced(_ left: String, _ right: String, _ separation: WordSeparation) -> Bool {
    guard separation == .punctuation, let last = left.unicodeScalars.last, let first = right.unicodeScalars.first else {
      return true
    }
    if opening.contains(last) || closing.contains(first) { return false }
    return !isWide(last) || !isWide(first)
  }

  /// Whether a character, or a sign, is of a script without spaces.
  private static func isWide(_ scalar: UnicodeScalar) -> Bool {
    0x3000...0x303F ~= scalar.value || 0xFF00...0xFF65 ~= scalar.value || CharacterClass(scalar) == .ideograph
  }

  private static let opening: Set<UnicodeScalar> = ["(", "[", "{", "¿", "¡", "«", "“", "‘", "「", "『", "（", "《"]
  private static let closing: Set<UnicodeScalar> = [
    ".", ",", ";", ":", "!", "?", ")", "]", "}", "%", "»", "”", "’", "'", "…", "。", "，", "、", "！", "？", "；", "：", "」",
    "』",
    "）", "》",
  ]
}
