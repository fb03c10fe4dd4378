// The Swift of Guides/Text.md, so that it compiles and does what the text says. DocumentationTests holds the text to
// it, word for word.
import Foundation
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Testing

@Suite("The code of the guide to text runs")
struct TextGuideTests {
  @Test("a tokenizer")
  func tokenizer() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/corpus.txt"
      try Data("Where it all began.\nIt began there.\n".utf8).write(to: URL(filePath: path))

      let tokenizer = Tokenizer(
        learning: try TextLines(paths: [path]), TextOptions(unit: .pieces, vocabularySize: 2000))
      let tokens = tokenizer.encode("Where it all began.")
      let text = tokenizer.decode(tokens)

      #expect(text == "Where it all began." && tokens.count < text.count)
    }
  }

  @Test("a classifier")
  func classifier() throws {
    try withTemporaryFolder { folder in
      let (path, newPath) = (folder + "/reviews.csv", folder + "/new.csv")
      let rows = (0..<120).map { $0 % 2 == 0 ? "a good film \($0 % 7),1" : "a bad film \($0 % 5),0" }
      try Data(("text,label\n" + rows.joined(separator: "\n")).utf8).write(to: URL(filePath: path))
      try Data("text\ngood\n".utf8).write(to: URL(filePath: newPath))

      let reviews = try Classifier.examples(from: DataSource(paths: [path]), ClassifierConfiguration())
      let classifier = try Classifier.train(on: reviews)
      let answers = try classifier.predict(classifier.examples(from: DataSource(paths: [newPath])))
      for answer in answers { print(answer.label ?? "none", answer.probability) }

      #expect(answers.map(\.label) == ["1"])
    }
  }
}
