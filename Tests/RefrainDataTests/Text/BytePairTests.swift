import Foundation
import RefrainTestSupport
import Testing

@testable import RefrainData

/// What the program `tokenizers` makes of a corpus; see `Tests/Fixtures/text/make_pieces.py`.
private struct Reference: Decodable {
  struct Encoding: Decodable {
    let text: String
    let pieces: [String]
  }
  let corpus: [String]
  let size: Int
  let pieces: [String]
  let merges: [[String]]
  let encodings: [Encoding]

  init() throws {
    self = try JSONDecoder().decode(Self.self, from: Data(try fixture("text/pieces.json")))
  }
}

@Suite("Byte-pair encoding") struct BytePairTests {
  @Test("The pieces, their order and the encodings are those of the program tokenizers")
  func reference() throws {
    let reference = try Reference()
    var counts: [String: Int] = [:]
    for line in reference.corpus { for word in line.split(separator: " ") { counts["▁" + word, default: 0] += 1 } }
    let training = BytePairTraining(counts, size: reference.size - Vocabulary.specials.count)
    #expect(training.pieces == Array(reference.pieces.dropFirst(Vocabulary.specials.count)))
    let pairs = stride(from: 0, to: training.pairs.count, by: 2).map { index in
      training.pairs[index..<index + 2].map { training.pieces[Int($0)] }
    }
    #expect(pairs == reference.merges)
    let tokenizer = Tokenizer(
      learning: reference.corpus, TextOptions(unit: .pieces, vocabularySize: reference.size))
    #expect(Set(tokenizer.vocabulary.tokens) == Set(reference.pieces))
    for encoding in reference.encodings { #expect(tokenizer.tokens(encoding.text) == encoding.pieces) }
  }

  @Test("Texts come together again, with their punctuation, whatever they are written in")
  func roundTrip() {
    let texts = ["Hello, world! It's 3.14.", "你好，世界。天气很好", "größte Straße", "a  b", "👩‍👩‍👧‍👦 ok"]
    let tokenizer = Tokenizer(learning: texts, TextOptions(unit: .pieces, vocabularySize: 200))
    for text in texts {
      #expect(tokenizer.decode(tokenizer.encode(text)) == text.replacing("  ", with: " "))
    }
    #expect(tokenizer.encode("Z").contains(Vocabulary.unknown))
    #expect(tokenizer.encode("") == [] && tokenizer.decode([]) == "")
  }

  @Test("A line of ten thousand letters without a space is cut and encoded at once")
  func longWord() {
    let tokenizer = Tokenizer(learning: ["abab abab"], TextOptions(unit: .pieces, vocabularySize: 12))
    let text = String(repeating: "ab", count: 5000)
    #expect(tokenizer.decode(tokenizer.encode(text)) == text)
  }

  @Test("A vocabulary smaller than the alphabet keeps the most frequent characters")
  func smallAlphabet() {
    let tokenizer = Tokenizer(learning: ["aaaa bbb c"], TextOptions(unit: .pieces, vocabularySize: 7))
    #expect(tokenizer.vocabulary.count == 7 && tokenizer.vocabulary.contains("a"))
    #expect(!tokenizer.vocabulary.contains("c"))
  }
}
