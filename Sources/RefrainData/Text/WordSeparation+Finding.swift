extension WordSeparation {
  /// What is found out of texts that come one after another.
  struct Evidence {
    /// Words between spaces, those that end with punctuation which is not set apart, and bytes.
    private(set) var words = 0
    private(set) var attached = 0
    private(set) var bytes = 0

    /// Enough has been seen after so many words.
    static let enough = 50_000

    var isEnough: Bool { words >= Self.enough || bytes >= 1 << 22 }

    mutating func note(_ text: String) {
      for word in text.split(whereSeparator: \.isWhitespace) {
        words += 1
        bytes += word.utf8.count
        guard let last = word.last, word.count > 1, Self.marks.contains(last) else { continue }
        if word.dropLast().last?.isLetter == true { attached += 1 }
        if isEnough { return }
      }
    }

    /// Commas and their like follow one word in twenty of running text, and none of a text in which punctuation stands
    /// apart. Points do not count: they are parts of abbreviations. Words of a dozen letters on average are no words.
    var separation: WordSeparation {
      words >= 1000 && attached * 500 < words && bytes < 12 * words ? .spaces : .punctuation
    }

    private static let marks: Set<Character> = [
      ",", ";", "!", "?", ")", "\"", "،", "؛", "؟", "।", "，", "。", "！", "？", "、", "»", "”",
    ]
  }
}
