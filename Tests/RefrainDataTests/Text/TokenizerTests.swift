import Foundation
import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite("Tokenizers") struct TokenizerTests {
  private func words(_ text: String, _ separation: WordSeparation = .punctuation) -> [String] {
    WordScanner(separation: separation).words(text)
  }

  @Test("Words are letters and digits with what joins them; signs stand alone, and a row of one sign is one word")
  func words() {
    #expect(words("Don't panic, it's 3.14 or 1,000!") == ["Don't", "panic", ",", "it's", "3.14", "or", "1,000", "!"])
    #expect(words("wo n't 's up... why?!") == ["wo", "n't", "'s", "up", "...", "why", "?", "!"])
    #expect(words("Größe: 5–7 cm (ca.)") == ["Größe", ":", "5", "–", "7", "cm", "(", "ca", ".", ")"])
    #expect(words("a <unk> b<br />c < d") == ["a", "<unk>", "b", "<br />", "c", "<", "d"])
    #expect(words("l’été naïve cafe\u{301}s") == ["l’été", "naïve", "cafe\u{301}s"])
    #expect(words(" \t\n\u{A0}\u{3000}") == [] && words("") == [])
  }

  @Test("Scripts without spaces are cut into characters, Korean and Latin words among them are not")
  func scripts() {
    #expect(words("我喜欢Swift语言，很好。") == ["我", "喜", "欢", "Swift", "语", "言", "，", "很", "好", "。"])
    #expect(words("これはペンです") == ["こ", "れ", "は", "ペ", "ン", "で", "す"])
    #expect(words("한국어 문장") == ["한국어", "문장"])
    #expect(words("สวัสดี") == ["ส", "วั", "ส", "ดี"])
    #expect(words("हिन्दी है") == ["हिन्दी", "है"])
  }

  @Test("An emoji is one word with all it is composed of")
  func emoji() {
    #expect(words("ok👍🏽 👩‍👩‍👧‍👦❤️ 🇩🇪🇫🇷😀😀") == ["ok", "👍🏽", "👩‍👩‍👧‍👦", "❤️", "🇩🇪", "🇫🇷", "😀", "😀"])
  }

  @Test("A word without an end is cut, and no mark is torn from its letter")
  func endless() {
    let cut = words(String(repeating: "x", count: 1000))
    #expect(cut.allSatisfy { $0.count <= 256 } && cut.joined().count == 1000)
    #expect(words("e" + String(repeating: "\u{301}", count: 1000)).joined().unicodeScalars.count == 1001)
  }

  @Test("In texts whose punctuation stands apart words end at spaces alone")
  func separation() {
    let plain = Array(repeating: "the cat sat on the mat, and mr. dog did n't mind, did he?", count: 200)
    let apart = Array(repeating: "the cat sat on the well-known mat , and mr. dog did n't mind , did he ?", count: 200)
    #expect(Tokenizer(learning: plain).options.separation == .punctuation)
    #expect(Tokenizer(learning: apart).options.separation == .spaces)
    #expect(Tokenizer(learning: apart).tokens("mr. well-known <unk>") == ["mr.", "well-known", "<unk>"])
    #expect(
      Tokenizer(learning: Array(repeating: "我喜欢这个很好的东西。非常不错，下次还来！", count: 300)).options.separation == .punctuation)
  }

  @Test("The vocabulary has the most frequent tokens first, and the same text gives the same vocabulary")
  func vocabulary() throws {
    let tokenizer = Tokenizer(learning: ["b a c", "b c", "b d"], TextOptions(vocabularySize: 7))
    #expect(tokenizer.vocabulary.tokens == ["<pad>", "<unk>", "<s>", "</s>", "b", "c", "a"])
    #expect(tokenizer.vocabulary.counts == [0, 0, 0, 0, 3, 2, 1])
    #expect(tokenizer.encode("a d b") == [6, Vocabulary.unknown, 4])
    #expect(tokenizer.tokens("a d b") == ["a", "d", "b"])
    #expect(Tokenizer(learning: ["x <unk> x"]).encode("<unk> x") == [1, 4])
    #expect(Tokenizer(learning: ["a a b"], TextOptions(minimumCount: 2)).vocabulary.count == 5)
    #expect(Vocabulary(tokens: ["x", "y", "x"]).tokens.count == 6)
  }

  @Test("Two ways to write one character are one token where texts are normalized, and small letters where asked for")
  func normalization() {
    let tokenizer = Tokenizer(learning: ["é É"], TextOptions(lowercased: true))
    #expect(tokenizer.encode("e\u{301} E\u{301} É") == [4, 4, 4])
  }

  @Test("Characters are what people take for one, and come together again as they were")
  func characters() {
    let text = "Grüße, 世界! 👩‍👩‍👧‍👦\nnew line"
    let tokenizer = Tokenizer(learning: [text], TextOptions(unit: .characters))
    #expect(tokenizer.encode(text).count == text.count)
    #expect(tokenizer.decode(tokenizer.encode(text)) == text)
  }

  @Test("Words come together with the spaces that people write")
  func decoding() {
    let texts = ["Hello, world (and more)!", "我喜欢，很好。", "It's 5 % of “all”."]
    let tokenizer = Tokenizer(learning: texts)
    #expect(tokenizer.decode(tokenizer.encode("Hello, world (and more)!")) == "Hello, world (and more)!")
    #expect(tokenizer.decode(tokenizer.encode("我喜欢，很好。")) == "我喜欢，很好。")
    #expect(tokenizer.decode([2] + tokenizer.encode("Hello") + [3, 0, 0, -1]) == "Hello")
    #expect(tokenizer.decode([99]) == "<unk>")
  }

  @Test("Pieces come together with a space for each word's beginning, but for that of the text, and keep every mark")
  func pieces() {
    let mark = String(BytePairs.wordStart)
    let tokenizer = Tokenizer(Vocabulary(tokens: ["a"]), TextOptions(unit: .pieces))
    let cases: [(pieces: [String], text: String)] = [
      ([mark + "a", "b"], "ab"), ([mark, mark + "a"], " a"), (["a", mark, "b"], "a b"), (["a" + mark + "b"], "a b"),
      ([mark], ""), ([" a"], "a"), ([], ""), (["", ""], ""), (["", mark + "a"], "a"), (["a", "", mark + "b"], "a b"),
      (["q", "\u{301}", mark + "a"], "q\u{301} a"),
    ]
    for (pieces, text) in cases {
      #expect(Array(tokenizer.text(of: pieces).unicodeScalars) == Array(text.unicodeScalars), "\(pieces)")
    }
  }

  @Test("Words that are not known are spelled where asked for, and read again as words")
  func spelling() {
    let texts = Array(repeating: "cat and dog", count: 5) + ["cod tag"]
    let tokenizer = Tokenizer(learning: texts, TextOptions(spellsUnknown: true))
    #expect(tokenizer.tokens("dog") == ["dog"])
    #expect(tokenizer.tokens("cod cog").count == 6)
    #expect(tokenizer.decode(tokenizer.encode("cod dog tag")) == "cod dog tag")
  }

  @Test("A tokenizer is the same after it was saved, and one whose parts contradict each other is refused")
  func saving() throws {
    for unit in TextUnit.allCases {
      let tokenizer = Tokenizer(learning: ["größte Straße, kleine Straße", "你好 👍🏽"], TextOptions(unit: unit))
      let data = try JSONEncoder().encode(tokenizer)
      let copy = try JSONDecoder().decode(Tokenizer.self, from: data)
      #expect(copy == tokenizer && copy.encode("Straße 你 x") == tokenizer.encode("Straße 你 x"))
    }
    let twice = #"{"tokens":["a","a"],"counts":[0,0,0,0,1,1]}"#
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(Vocabulary.self, from: Data(twice.utf8)) }
    let missing = #"{"tokens":["a"],"counts":[0,0,0,0]}"#
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(Vocabulary.self, from: Data(missing.utf8)) }
    let pieces = Tokenizer(learning: ["aa aa ab"], TextOptions(unit: .pieces, vocabularySize: 9))
    var text = String(decoding: try JSONEncoder().encode(pieces), as: UTF8.self)
    #expect(text.contains(#""pairs":["#))
    text = text.replacing(#""pairs":["#, with: #""pairs":[99,98,"#)
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(Tokenizer.self, from: Data(text.utf8)) }
  }

  @Test("A million texts are one array")
  func sequences() {
    var sequences = TokenSequences()
    sequences.append([4, 5])
    sequences.append([Int]())
    sequences.append([6])
    #expect(sequences.count == 3 && Array(sequences[0]) == [4, 5])
    #expect(sequences.length(of: 1) == 0 && Array(sequences[2]) == [6])
    let some = sequences.selecting([2, 0])
    #expect(Array(some[0]) == [6] && Array(some[1]) == [4, 5])
    let tokenizer = Tokenizer(learning: ["a b"])
    #expect(tokenizer.encode(contentsOf: ["a", "", "b a"]).length(of: 2) == 2)
  }
}
