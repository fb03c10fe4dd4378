import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

@Suite("Tasks that several processes train with dropout", .serialized) struct SharedTrainingTests {
  /// Sentences of two to nine words.
  private static let sentences: [[String]] = {
    var generator = RandomGenerator(seed: 6)
    let words = ["the", "dog", "sees", "a", "cat", "in", "Oslo", "and", "sings", "."]
    return (0..<90).map { _ in
      (0..<2 + generator.integer(below: 8)).map { _ in words[generator.integer(below: words.count)] }
    }
  }()

  private static func configured<Configuration: TaskConfiguration>(
    _ configuration: Configuration, layers: Int
  ) throws -> Configuration {
    var (configuration, shared) = (configuration, SharedOptions())
    (shared.hidden, shared.layers, shared.epochs, shared.dropout) = (6, layers, 2, 0.3)
    try configuration.choose(shared)
    return configuration
  }

  /// Expects that two and three processes find the weights that one finds.
  private func expectSame<Task: TaskModel>(
    rate: Float = 3e-4, without ending: String = "-", _ train: @escaping @Sendable (TrainingContext) throws -> Task,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    @Sendable func weights(_ group: LocalGroup?) throws -> [String: Tensor] {
      var context = TrainingContext()
      // In short steps: Adam divides by gradients that are little more than rounding.
      (context.group, context.learningRate) = (group, rate)
      let arrays = try train(context).modelFile().tensors.filter { $0.array.type == .float32 }
      return Dictionary(arrays.map { ($0.name, Tensor($0.array)) }) { first, _ in first }
    }
    let alone = try weights(nil)
    #expect(!alone.isEmpty, sourceLocation: location)
    for count in [2, 3] {
      let together = try LocalGroup.run(count) { try weights($0) }
      for (name, wanted) in alone where !name.hasSuffix(ending) {
        expectClose(
          try #require(together[0][name]), wanted, "\(Task.name), \(name), \(count) processes",
          within: Tolerance(relative: 1e-5, absolute: 1e-5), sourceLocation: location)
      }
    }
  }

  @Test("find what one finds: words that are hidden, values at single steps of sentences of several lengths")
  func tags() throws {
    let tagged = Self.sentences.map { words in
      TaggedSentence(words: words, tags: words.map { $0.first?.isUppercase == true ? "B-LOC" : "O" })
    }
    let (examples, configuration) = (try TagExamples(tagged), try Self.configured(TagConfiguration(), layers: 2))
    try expectSame { try Tagger.train(on: examples, configuration, $0) }
  }

  @Test("find what one finds: sources and targets of several lengths") func translations() throws {
    let texts = Self.sentences.map { $0.joined(separator: " ") }
    let pairs = TranslationExamples(
      .init(.values(texts), .values(Self.sentences.map { $0.reversed().joined(separator: " ") })))
    let configuration = try Self.configured(Translator.Configuration(), layers: 2)
    try expectSame { try Translator.train(on: pairs, configuration, $0) }
  }

  @Test("find what one finds: words and categories of rows, each column by itself") func rows() throws {
    let table =
      "text,size,city,label\n"
      + Self.sentences.enumerated().map { row, words in
        let city = ["Rom", "Ulm", "Oslo"][row % 3]
        return "\(words.joined(separator: " ")),\(row % 13),\(city),\(words.contains("cat") ? "yes" : "no")\n"
      }.joined()
    var configuration = try Self.configured(ClassifierConfiguration(["target": ["label"]]), layers: 2)
    configuration.columns.members = 1
    let chosen = configuration
    let examples = try Classifier.examples(
      from: DataSource([.bytes(Array(table.utf8), name: "t.csv")]), configuration)
    // The bias of the attention's scores changes nothing: its gradient is rounding alone.
    try expectSame(without: "attention.0.bias") { try Classifier.train(on: examples, chosen, $0) }
  }

  @Test("find what one finds: series of several lengths, whose values are dropped at single steps") func series() throws
  {
    var generator = RandomGenerator(seed: 8)
    let rows = (0..<90).map { row in
      let values = (0..<3 + generator.integer(below: 7)).map { step in
        let value = Double(row % 2 == 0 ? step : -step) + Double(generator.normal())
        return "\((value * 100).rounded() / 100)"
      }
      return "\(values.joined(separator: " ")),\(row % 2 == 0 ? "up" : "down")\n"
    }
    let table = "course,label\n" + rows.joined()
    var configuration = try Self.configured(ClassifierConfiguration(["target": ["label"]]), layers: 2)
    configuration.columns.members = 1
    let chosen = configuration
    let examples = try Classifier.examples(
      from: DataSource([.bytes(Array(table.utf8), name: "t.csv")]), configuration)
    try expectSame(without: "attention.0.bias") { context in
      let classifier = try Classifier.train(on: examples, chosen, context)
      #expect(classifier.columns.encoders.map { type(of: $0.encoder).kind } == ["series"])
      return classifier
    }
  }

  @Test("find what one finds: words, weights and what layers pass on, along streams of a text") func texts() throws {
    let text = Self.sentences.map { $0.joined(separator: " ") }.joined(separator: "\n")
    let examples = LanguageExamples(try TextLines(DataSource([.bytes(Array(text.utf8), name: "text")])))
    let configuration = try Self.configured(
      LanguageModel.Configuration(["unit": ["words"], "embedding-dropout": ["0.2"], "weight-dropout": ["0.2"]]),
      layers: 2)
    try expectSame { try LanguageModel.train(on: examples, configuration, $0) }
  }
}
