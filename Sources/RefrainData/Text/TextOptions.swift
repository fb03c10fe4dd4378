/// What a text is cut into.
public enum TextUnit: String, Codable, Sendable, CaseIterable {
  /// Words, numbers and signs. Chinese, Japanese, Thai and others that are written without spaces are cut into
  /// characters.
  case words
  /// Characters as people count them: an emoji, or a letter with its accents, is one.
  case characters
  /// Subwords, learned by byte-pair encoding (Sennrich, Haddow and Birch 2016): frequent words stay whole, rare ones
  /// become pieces.
  case pieces
}

/// Where words end.
public enum WordSeparation: String, Codable, Sendable, CaseIterable {
  /// At white space, and at punctuation, which makes words of its own.
  case punctuation
  /// At white space alone: for texts in which punctuation has been set apart already.
  case spaces
}

/// How texts are turned into tokens.
public struct TextOptions: Codable, Sendable, Equatable {
  /// What a text is cut into.
  public var unit: TextUnit
  /// Whether capital letters become small ones.
  public var lowercased: Bool
  /// Whether the ways to write one character are made the same (Unicode's NFC).
  public var normalized: Bool
  /// Where words end; nil is found from the texts: at spaces where punctuation stands apart already.
  public var separation: WordSeparation?
  /// The greatest number of tokens, special ones counted; nil is 50,000 words, 8,000 pieces, 20,000 characters.
  public var vocabularySize: Int?
  /// How often a word or character has to occur in order not to be unknown.
  public var minimumCount: Int
  /// Whether words that are not in the vocabulary are spelled, by characters, instead of being unknown.
  public var spellsUnknown: Bool

  /// Words as they are written, unless said otherwise.
  public init(
    unit: TextUnit = .words, lowercased: Bool = false, normalized: Bool = true, separation: WordSeparation? = nil,
    vocabularySize: Int? = nil, minimumCount: Int = 1, spellsUnknown: Bool = false
  ) {
    self.unit = unit
    self.lowercased = lowercased
    self.normalized = normalized
    self.separation = separation
    self.vocabularySize = vocabularySize
    self.minimumCount = minimumCount
    self.spellsUnknown = spellsUnknown
  }

  /// The greatest number of tokens, special ones counted.
  var size: Int {
    max(
      Vocabulary.specials.count + 1,
      vocabularySize
        ?? {
          switch unit {
          case .words: 50_000
          case .characters: 20_000
          case .pieces: 8_000
          }
        }())
  }

  /// The text in the form that is cut into tokens.
  func prepared(_ text: String) -> String {
    let text = normalized ? text.composed : text
    return lowercased ? text.lowercased() : text
  }
}
