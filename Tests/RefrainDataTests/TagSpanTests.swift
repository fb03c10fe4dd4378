import Foundation
import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite("Spans of tags") struct TagSpanTests {
  private struct Case: Decodable {
    struct Span: Decodable {
      let span: TagSpan
      init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        let type = try container.decode(String.self)
        let start = try container.decode(Int.self)
        span = TagSpan(type: type, range: start..<(try container.decode(Int.self)))
      }
    }
    let truth: [[String]]
    let found: [[String]]
    let accuracy: Double
    let scores: [String: [Double]]
    let spans: [[Span]]
  }

  @Test("spans, precision, recall and F1 of all and of each type equal seqeval's, for tags of every scheme and of none")
  func seqeval() throws {
    let cases = try JSONDecoder().decode([Case].self, from: Data(fixture("spans.json")))
    #expect(cases.count == 30)
    for (number, example) in cases.enumerated() {
      for (tags, spans) in zip(example.truth, example.spans) {
        #expect(TagSpan.spans(of: tags) == spans.map(\.span), "\(tags)")
      }
      var scores = SpanScores()
      for (truth, found) in zip(example.truth, example.found) { scores.add(truth: truth, found: found) }
      #expect((scores.accuracy - example.accuracy).magnitude < 1e-12)
      for (name, expected) in example.scores {
        let counts = name == "micro avg" ? scores.all : scores.types[name] ?? .init()
        for (value, wanted) in zip([counts.precision, counts.recall, counts.f1], expected) {
          #expect((value - wanted).magnitude < 1e-12, "\(name) of case \(number)")
        }
      }
    }
  }

  @Test(
    "the baseline that CoNLL-2000 published, the most frequent chunk tag of each part of speech, gives its figures",
    .enabled(if: TextData.has("conll2000/test.txt"), TextData.missing))
  func published() throws {
    func sentences(_ name: String) throws -> [TaggedSentence] {
      try TaggedSentence.all(in: DataSource(paths: [TextData.path(name)]), columns: TaggedColumns(words: "2"))
    }
    var counts: [String: [String: Int]] = [:]
    for sentence in try sentences("conll2000/train.txt") {
      for (word, tag) in zip(sentence.words, sentence.tags) { counts[word, default: [:]][tag, default: 0] += 1 }
    }
    let best = counts.mapValues { $0.max { ($0.value, $1.key) < ($1.value, $0.key) }!.key }
    var scores = SpanScores()
    for sentence in try sentences("conll2000/test.txt") {
      scores.add(truth: sentence.tags, found: sentence.words.map { best[$0] ?? "O" })
    }
    // Tjong Kim Sang and Buchholz 2000, table 2: precision 72.58, recall 82.14, F1 77.07.
    #expect((scores.all.precision * 10_000).rounded() == 7258)
    #expect((scores.all.recall * 10_000).rounded() == 8214)
    #expect((scores.all.f1 * 10_000).rounded() == 7707)
    #expect(scores.all.truth == 23_852)
    #expect(scores.words == 47_377)
  }

  @Test("what is not there has no precision and no recall, and does not divide by zero")
  func nothing() {
    var scores = SpanScores()
    scores.add(truth: ["O", "O"], found: ["O", "O"])
    #expect(scores.all.precision == 0 && scores.all.recall == 0 && scores.all.f1 == 0)
    #expect(scores.accuracy == 1 && SpanScores().accuracy == 0)
  }
}

@Suite("Schemes of tags") struct TagSchemeTests {
  private func sentence(_ tags: String) -> TaggedSentence {
    let tags = tags.split(separator: " ").map { String($0) }
    return TaggedSentence(words: tags.map { _ in "w" }, tags: tags)
  }

  private func found(_ tags: String...) throws -> TagScheme { try TagScheme.found(in: tags.map(sentence)) }

  @Test("schemes are found out")
  func finding() throws {
    #expect(try found("B-A I-A O B-B", "O B-A B-A") == .bio)
    #expect(try found("I-A I-A O I-B", "O I-A B-A") == .iob1)
    #expect(try found("B-A E-A O S-B", "O B-A I-A E-A") == .bioes)
    #expect(try found("B-A L-A O U-B", "O B-A I-A L-A") == .bioes)
    #expect(try found("B M E S", "S B E") == .bioes)
    #expect(try found("B I O", "B") == .bio)
    #expect(try found("NOUN VERB", "PUNCT") == TagScheme.none)
    #expect(try found("O O", "O") == TagScheme.none)
    // Parts of speech may be called I or O among others.
    #expect(try found("N V O N", "B-x N V V") == TagScheme.none)
  }

  @Test("tags that fit no scheme to the end are an error at the place of the first that does not")
  func faults() {
    func message(_ tags: String...) -> String {
      do { return "\(try TagScheme.found(in: tags.map(sentence)))" } catch { return error.description }
    }
    let bio = message("B-A I-A O B-B", "B-B O B-A", "O I-A O")
    #expect(bio.contains("word 2 of 'w w w'") && bio.contains("the tag 'I-A' follows 'O', which BIO does not allow"))
    let iob1 = message("I-A O I-B", "O I-A", "O B-A")
    #expect(iob1.contains("the tag 'B-A' follows 'O', which IOB1 does not allow"))
    let bioes = message("B-A E-A S-A", "B-A O")
    #expect(bioes.contains("'O' follows 'B-A', which BIOES does not allow"))
    #expect(message("S-A B-A E-A", "S-A B-A").contains("ends a sentence"))
    #expect(message("B-A I-A I-A B-A", "NN O").contains("the tag 'NN' says nothing of spans"))
  }

  @Test("tags of one scheme are those of another, and come back")
  func conversion() {
    let bio = ["B-A", "I-A", "B-A", "O", "B-B", "B-A", "I-A", "I-A"]
    let iob1 = ["I-A", "I-A", "B-A", "O", "I-B", "I-A", "I-A", "I-A"]
    let bioes = ["B-A", "E-A", "S-A", "O", "S-B", "B-A", "I-A", "E-A"]
    for tags in [bio, iob1, bioes] {
      #expect(TagScheme.bio.converted(tags) == bio)
      #expect(TagScheme.iob1.converted(tags) == iob1)
      #expect(TagScheme.bioes.converted(tags) == bioes)
    }
    #expect(TagScheme.bioes.converted(["B", "I", "O"]) == ["B", "E", "O"])
  }
}
