import RefrainData

/// Turns words into numbers: the word itself in small letters, how it begins and ends, its shape, and its characters.
struct TagEncoder: Codable, Sendable, Equatable {
  /// Words in small letters, digits as 0.
  let words: Vocabulary
  /// Characters as they are written.
  let characters: Vocabulary
  /// The first three characters of words in small letters.
  let prefixes: Vocabulary
  /// The last three.
  let suffixes: Vocabulary
  /// Shapes such as `Xxxx`, `d.d`.
  let shapes: Vocabulary

  /// Of a longer word the first and last characters are looked at.
  static let longestWord = 24
  /// A beginning or an end that is rarer says too little.
  private static let leastAffixes = 3

  /// Learns the vocabularies of some sentences.
  init(learning sentences: some Sequence<TaggedSentence>) {
    var distinct: [String: Int] = [:]
    for sentence in sentences { for word in sentence.words { distinct[word, default: 0] += 1 } }
    var counts = (
      words: [String: Int](), characters: [String: Int](), prefixes: [String: Int](), suffixes: [String: Int](),
      shapes: [String: Int]()
    )
    for (word, count) in distinct {
      let forms = WordForms(word)
      counts.words[forms.normal, default: 0] += count
      counts.prefixes[forms.prefix, default: 0] += count
      counts.suffixes[forms.suffix, default: 0] += count
      counts.shapes[forms.shape, default: 0] += count
      for character in forms.characters { counts.characters[character, default: 0] += count }
    }
    words = Vocabulary(counts: counts.words)
    characters = Vocabulary(counts: counts.characters)
    prefixes = Vocabulary(counts: counts.prefixes, minimumCount: Self.leastAffixes)
    suffixes = Vocabulary(counts: counts.suffixes, minimumCount: Self.leastAffixes)
    shapes = Vocabulary(counts: counts.shapes, minimumCount: Self.leastAffixes)
  }
}

/// The forms of a word that a tagger looks at.
struct WordForms {
  /// In small letters, every digit a 0.
  let normal: String
  let prefix: String
  let suffix: String
  /// `X` for capital letters, `x` for small ones, `c` for those that are neither, `d` for digits, signs as they are; of
  /// more than three of a kind in a row three.
  let shape: String
  /// The characters as they are written, of a long word the first and last.
  let characters: [String]

  init(_ word: String) {
    let lowercased = word.lowercased()
    normal = String(lowercased.map { $0.isWholeNumber ? "0" : $0 })
    prefix = String(normal.prefix(3))
    suffix = String(normal.suffix(3))
    var shape = ""
    var (last, run): (Character?, Int) = (nil, 0)
    for character in word {
      let kind: Character =
        character.isWholeNumber
        ? "d" : !character.isLetter ? character : character.isUppercase ? "X" : character.isLowercase ? "x" : "c"
      run = kind == last ? run + 1 : 1
      last = kind
      if run <= 3 { shape.append(kind) }
    }
    self.shape = shape
    let half = TagEncoder.longestWord / 2
    let all = word.count <= TagEncoder.longestWord ? Array(word) : Array(word.prefix(half)) + Array(word.suffix(half))
    characters = all.map { String($0) }
  }
}

/// Sentences as numbers.
struct EncodedSentences: Sendable {
  /// What is known of a word, wherever it stands.
  struct Word: Sendable {
    let word: Int32
    let prefix: Int32
    let suffix: Int32
    let shape: Int32
    let characters: [Int32]
  }

  /// All different words.
  private(set) var words: [Word] = []
  /// The words of each sentence by their numbers among ``words``.
  private(set) var sentences: TokenSequences

  /// The sentences by an encoder.
  ///
  /// - Parameter inMemory: Whether they are few, and never in a file.
  init(_ sentences: some Sequence<TaggedSentence>, _ encoder: TagEncoder, inMemory: Bool = false) {
    self.sentences = inMemory ? TokenSequences(most: .max) : TokenSequences()
    var numbers: [String: Int32] = [:]
    for sentence in sentences {
      self.sentences.append(
        sentence.words.map { word -> Int32 in
          if let number = numbers[word] { return number }
          let forms = WordForms(word)
          func index(_ vocabulary: Vocabulary, _ text: String) -> Int32 { Int32(vocabulary.index(of: text)) }
          words.append(
            Word(
              word: index(encoder.words, forms.normal), prefix: index(encoder.prefixes, forms.prefix),
              suffix: index(encoder.suffixes, forms.suffix), shape: index(encoder.shapes, forms.shape),
              characters: forms.characters.map { index(encoder.characters, $0) }))
          let number = Int32(words.count - 1)
          numbers[word] = number
          return number
        })
    }
  }
}
