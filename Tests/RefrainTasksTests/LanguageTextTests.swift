import Refrain
import RefrainData
import Testing

@testable import RefrainTasks

/// Texts that language models write, token by token.
@Suite("Texts that are written") struct LanguageTextTests {
  /// A model that has learned nothing.
  private func model(_ tokenizer: Tokenizer) throws -> LanguageModel {
    let count = tokenizer.vocabulary.count
    let architecture = LanguageArchitecture(vocabulary: count, cell: "lstm", embedding: 4, hidden: [6], isTied: false)
    var generator = RandomGenerator(seed: 1)
    return LanguageModel(
      tokenizer: tokenizer, architecture: architecture,
      languageNetwork: try LanguageNetwork(architecture, using: &generator), counts: Array(repeating: 1, count: count),
      held: nil, isComplete: true, training: TrainingReport(epochs: 0, seconds: 0, parameters: 0, seed: 0))
  }

  /// What is compared: a letter and a mark are other scalars than the letter with its mark.
  private func scalars(_ text: some StringProtocol) -> [UnicodeScalar] { Array(text.unicodeScalars) }

  @Test("Marks that are tokens of their own are not lost, at once and piece by piece", arguments: [nil, "nowhere"])
  func marks(stop: String?) throws {
    let mark = "\u{2581}"
    let vocabulary = Vocabulary(tokens: [mark, "q", "\u{301}", "a"])
    let model = try model(Tokenizer(vocabulary, TextOptions(unit: .pieces)))
    for seed in 0..<8 {
      var request = LanguageRequest()
      (request.length, request.seed, request.stop, request.saysProbabilities) = (60, seed, stop, true)
      let answer = try model.predict(LanguageExamples(prompts: ["q"]), request)[0]
      let tokens = try #require(answer.tokens).map(\.token)
      #expect(tokens.count == 60)
      var (expected, begins) = ("", false)
      for token in tokens {
        if !begins || token != mark { expected.unicodeScalars += (token == mark ? " " : token).unicodeScalars }
        begins = token == "\n"
      }
      #expect(expected.unicodeScalars.contains("\u{301}") && expected.count < expected.unicodeScalars.count)
      #expect(scalars(answer.text) == scalars(expected))
      #expect(scalars(model.stream(after: "q", request).joined()) == scalars(expected))
      // As a session has it written.
      var place = LanguagePlace()
      for token in model.tokenizer.encode("q") { place.pass(token) }
      var writer = LanguageWriter(model, from: place, request)
      let start = model.languageNetwork.start([model.promptTokens("q")])
      var (state, token, text) = (start.state, start.tokens, "")
      while !writer.isOver {
        let logits = model.languageNetwork.step(token, &state, context: start.context).logits.values
        guard let next = writer.next(logits) else { break }
        text += next.text
        token = [next.token]
      }
      #expect(scalars(text + writer.rest()) == scalars(expected))
    }
  }

  @Test(
    "A text ends before what it is to stop at, however many tokens that is; what was held back for it comes at the end",
    arguments: TextUnit.allCases)
  func stops(unit: TextUnit) throws {
    let lines = ["the cat, the cat\u{E9}.", "q\u{301}a the end"]
    let options = TextOptions(unit: unit, separation: .punctuation, vocabularySize: unit == .pieces ? 22 : nil)
    let tokenizer = Tokenizer(learning: lines, options)
    let model = try model(tokenizer)
    let tokens = lines.flatMap { tokenizer.encode($0) + [LanguageModel.lineEnd] }
    #expect(!tokens.contains(Vocabulary.unknown))
    let whole = lines.joined(separator: "\n") + "\n"
    func written(_ stop: String?) -> (pieces: [String], rest: String) {
      var continuation = Continuation(model, "", stop: stop)
      let pieces = tokens.map { continuation.take($0) }
      return (pieces, continuation.rest())
    }
    for stop in [nil, ""] {
      let (pieces, rest) = written(stop)
      // The mark of a word adds nothing where a line begins.
      #expect(rest == "" && (unit == .pieces || !pieces.contains("")) && scalars(pieces.joined()) == scalars(whole))
    }
    for stop in [
      "cat\u{E9}", "the cat", " the", "t", "\n", "\u{E9}.\nq\u{301}", "a the e", "end\n", "q\u{301}", "nowhere",
      "end\nmore", "the ca\u{301}", whole, whole + "!",
    ] {
      let end = whole.firstRange(of: stop)?.lowerBound ?? whole.endIndex
      let (pieces, rest) = written(stop)
      #expect(scalars(pieces.joined() + rest) == scalars(whole[..<end]), "\(unit), \(stop.debugDescription)")
    }
  }

  @Test(
    "How a word is written depends on the one before it in the line, which may be the prompt's"
  )
  func beginning() throws {
    let tokenizer = Tokenizer(learning: ["the cat, the dog"], TextOptions(separation: .punctuation))
    let model = try model(tokenizer)
    let (the, comma) = (tokenizer.encode("the")[0], tokenizer.encode(",")[0])
    func first(_ prompt: String, _ token: Int) -> String {
      var continuation = Continuation(model, prompt, stop: nil)
      return continuation.take(token)
    }
    #expect(first("", the) == "the" && first("the\n", the) == "the" && first("the\ncat", the) == " the")
    #expect(first("the cat", the) == " the" && first("the cat", comma) == ",")
    // A token takes as long however many stand before it.
    var (continuation, text) = (Continuation(model, "", stop: "nowhere"), "")
    for _ in 0..<20_000 { text += continuation.take(the) }
    text += continuation.rest()
    #expect(text.utf8.count == 80_000 - 1)
  }
}
