// The Swift of Guides/Tagging.md, so that it compiles and does what the text says; and the program Examples/SlotTagger.
import Foundation
import Refrain
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Testing

@testable import SlotTagger

@Suite("The code of the guide to tagging runs") struct TaggingGuideTests {
  @Test("the example program finds the times and days of wishes")
  func example() throws {
    let (history, scores) = try wishTagger()
    #expect(history.losses.last! < 0.1 * history.losses[0])
    #expect(scores.all.f1 > 0.98)
  }

  private var text: String {
    makeWishes(200, seed: 3).map { wish in
      zip(wish.words, wish.tags).map { "\($0) \($1)\n" }.joined() + "\n"
    }.joined()
  }

  @Test("a tagger is trained in the library, and answers")
  func library() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/train.txt"
      try Data(text.utf8).write(to: URL(filePath: path))

      let sentences = try TaggedSentence.all(in: DataSource(paths: [path]))
      var configuration = TagConfiguration()
      configuration.epochs = 10
      let tagger = try Tagger.train(on: TagExamples(sentences), configuration: configuration)
      for answer in tagger.predict([["wake", "me", "at", "half", "past", "six"]]) {
        for span in answer.spans ?? [] { print(span.type, span.text, span.probability) }
      }

      let answer = tagger.predict([["wake", "me", "at", "half", "past", "six"]])[0]
      #expect(answer.spans?.map(\.text) == ["half past six"])
    }
  }

  @Test("a conditional random field is a part of one's own model")
  func field() {
    var generator = RandomGenerator(seed: 1)
    let scores = Tensor.normal([2, 5, 4], using: &generator)
    let tags = Tensor([0, 1, 2, 3, 0, 1, 1, 2, 0, 0], shape: [2, 5])

    let field = ConditionalRandomField(tagCount: 4, using: &generator)
    let loss = field.loss(scores, tags, lengths: [5, 3])  // scores [B, T, K], tags [B, T]
    let best = field.bestPaths(scores, lengths: [5, 3])  // the tags of each sequence
    let several = field.bestPaths(scores, count: 3, lengths: [5, 3])  // with scores and probabilities
    let marginals = field.marginals(scores, lengths: [5, 3])
    let p = marginals[0].probability(of: 2, at: 1)  // of tag 2 at the second step

    #expect(loss.item > 0 && best.map(\.count) == [5, 3] && several[1].count == 3 && (0...1).contains(p))
  }
}
