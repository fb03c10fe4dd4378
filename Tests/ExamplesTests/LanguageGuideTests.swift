// The Swift of Guides/Language.md and Guides/Translation.md, so that it compiles and does what the text says.
// DocumentationTests holds the texts to it, word for word.
import Foundation
import Refrain
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Testing

/// A decoder of one's own: the next token follows from the last alone.
struct Bigrams: SteppingDecoder {
  var table: Tensor  // [V, V]: the logits of the token after each
  var vocabulary: Int { table.shape[1] }
  func step(_ tokens: [Int], _ state: inout NoMemory, context: NoMemory) -> DecoderOutput {
    DecoderOutput(logits: table.gatheringRows(tokens))
  }
}

@Suite("The code of the guides to language and translation runs")
struct LanguageGuideTests {
  @Test("A language model learns, goes on, and says how likely lines are")
  func language() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/corpus.txt"
      let text = (0..<300).map { ["the dog barks", "the cat sleeps", "a bird sings"][$0 * 7 % 3] }
      try Data(text.joined(separator: "\n").utf8).write(to: URL(filePath: path))

      var configuration = LanguageModel.Configuration()
      configuration.corpus.unit = .words
      configuration.hidden = 32
      configuration.epochs = 4
      let model = try LanguageModel.train(
        on: LanguageExamples(try TextLines(paths: [path])), configuration: configuration)
      var request = LanguageRequest()
      request.temperature = 0.7
      request.topP = 0.9
      request.length = 20
      for part in model.stream(after: "the", request) { print(part, terminator: "") }
      let lines = LanguageExamples(try TextLines(paths: [path]))
      let first = try model.predict(lines)[0]
      print(first.logProbability, first.perplexity)

      #expect(first.text == text[0] && first.logProbability < 0)
      #expect(try model.evaluate(on: lines).baselines[0].name == "unigram")
    }
  }

  @Test("Any model that goes step by step is decoded")
  func decoding() throws {
    let model = Sequential(seed: 1) {
      Embedding(12, 16)
      LSTM(32, returning: .everyStep)
      Dense(12)
    }
    let decoder = try StreamDecoder(model)
    let start = decoder.start([[4, 8], [5]])  // two prompts
    let rules = DecodingRules(ends: [0], minimumLength: 2, maximumLength: 20)
    let drawn = decoder.generate(from: start, rules: rules, sampling: Sampling(temperature: 0.8, topK: 5, seed: 1))
    let best = BeamSearch(width: 6, count: 3, lengthPenalty: 0.6, rules: rules)(decoder, from: start)
    print(drawn[0].tokens, best[0].map(\.score))

    #expect(drawn.count == 2 && best[1].count == 3 && best[0][0].score >= best[0][1].score)
    let bigrams = Bigrams(table: random([4, 4]))
    let rule = DecodingRules(maximumLength: 3)
    #expect(bigrams.generate(from: DecodingStart(tokens: [1]), rules: rule)[0].tokens.count == 3)
  }

  @Test("A translator learns of pairs, and says what it made each word of")
  func translation() throws {
    func pairs(_ numbers: [String], _ animals: [String]) -> [String] {
      (0..<200).map { "\(numbers[$0 % 3]) \(animals[$0 % 2])" }
    }
    let english = pairs(["one", "two", "three"], ["dogs", "cats"])
    let german = pairs(["ein", "zwei", "drei"], ["Hunde", "Katzen"])

    var configuration = Translator.Configuration()
    configuration.corpus.unit = .words
    configuration.hidden = 32
    configuration.epochs = 30
    let pairs = TranslationExamples(.init(.values(english), .values(german)))
    let translator = try Translator.train(on: pairs, configuration: configuration)
    var request = TranslationRequest()
    request.best = 3
    request.saysAlignment = true
    let answer = try translator.predict(TranslationExamples(.init(.values(["two dogs"]))), request)[0]
    print(answer.text, answer.alternatives ?? [], answer.alignment ?? [])

    #expect(answer.alternatives?.count == 2 && !answer.text.isEmpty)
    let score = BLEU(["zwei Hunde laufen ."], references: ["zwei Hunde laufen ."], tokens: .none).score
    #expect(abs(score - 100) < 1e-9)
  }
}
