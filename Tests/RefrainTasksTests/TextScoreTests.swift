import Foundation
import RefrainTasks
import RefrainTestSupport
import Testing

/// What `Tests/Fixtures/make_text.py` wrote.
private struct Scores: Decodable {
  struct Score: Decodable {
    let score: Double
    let precisions: [Double]
    let brevityPenalty: Double
    let length: Int
    let referenceLength: Int
  }
  struct Case: Decodable {
    let texts: [String]
    let references: [String]
    let bleu: [String: Score]
    let rouge: [Double]
  }
  let cases: [String: Case]

  init() throws {
    self = try JSONDecoder().decode(Self.self, from: Data(fixture("text_scores.json")))
  }

  init(from decoder: any Decoder) throws {
    enum Key: CodingKey { case cases }
    cases = try decoder.container(keyedBy: Key.self).decode([String: Case].self, forKey: .cases)
  }
}

@Suite("Scores of texts") struct TextScoreTests {
  @Test("BLEU is sacrebleu's, on hundreds of lines and at the edges, by all three tokenizers")
  func bleu() throws {
    let cases = try Scores().cases
    #expect(cases.count == 8 && cases["all"]?.texts.count == 400)
    for (name, example) in cases {
      for tokens in BLEU.Tokens.allCases {
        let found = BLEU(example.texts, references: example.references, tokens: tokens)
        let wanted = try #require(example.bleu[tokens.rawValue])
        let place: Comment = "\(name), \(tokens.rawValue)"
        #expect(found.length == wanted.length && found.referenceLength == wanted.referenceLength, place)
        #expect(abs(found.score - wanted.score) < 1e-9, "\(name), \(tokens.rawValue): \(found.score) \(wanted.score)")
        #expect(abs(found.brevityPenalty - wanted.brevityPenalty) < 1e-12, place)
        // Of a text in which nothing fits sacrebleu gives no precisions.
        if wanted.score > 0 {
          #expect(zip(found.precisions, wanted.precisions).allSatisfy { abs($0 - $1) < 1e-9 }, place)
        }
      }
    }
  }

  @Test("ROUGE is that of the program rouge-score")
  func rouge() throws {
    for (name, example) in try Scores().cases {
      let found = ROUGE(example.texts, references: example.references, tokens: .none)
      for (one, other) in zip([found.one, found.two, found.longest], example.rouge) {
        #expect(abs(one - other) < 1e-9, "\(name)")
      }
    }
  }
}
