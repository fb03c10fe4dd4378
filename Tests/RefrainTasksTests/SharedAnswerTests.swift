import Foundation
import RefrainTestSupport
import Synchronization
import Testing

@testable import Refrain
@testable import RefrainData
@testable import RefrainTasks

private func source(_ text: String, _ name: String = "t.csv") -> DataSource {
  DataSource([.bytes(Array(text.utf8), name: name)])
}

/// Expects that the answers of several processes to their shares, one after another, are those of one, to the bit.
private func expectShared<Task: TaskModel>(
  _ model: Task, _ examples: Task.Examples, _ request: Task.Request = Task.Request(),
  at location: SourceLocation = #_sourceLocation
) throws {
  func lines(_ answers: [Task.Answer]) throws -> [String] { try answers.map { try JSON(encoding: $0).line } }
  let whole = try lines(model.predict(examples, request))
  #expect(!whole.isEmpty, sourceLocation: location)
  for count in [1, 2, 3, 8, 70] {
    let shares = try (0..<count).map { rank in
      try #require(try model.predict(examples, request, share: ExampleShare(rank, of: count)))
    }
    #expect(try lines(shares.flatMap(\.self)) == whole, "\(Task.name), \(count) processes", sourceLocation: location)
  }
}

/// Sentences of two to nine words.
private func sentences(_ count: Int) -> [[String]] {
  var generator = RandomGenerator(seed: 6)
  let words = ["the", "dog", "sees", "a", "cat", "in", "Oslo", "and", "sings", "."]
  return (0..<count).map { _ in
    (0..<2 + generator.integer(below: 8)).map { _ in words[generator.integer(below: words.count)] }
  }
}

private func small<Configuration: TaskConfiguration>(_ configuration: Configuration) throws -> Configuration {
  var (configuration, shared) = (configuration, SharedOptions())
  (shared.hidden, shared.epochs) = (6, 2)
  try configuration.choose(shared)
  return configuration
}

/// Months of shops that sell most in summer.
private func shops(_ count: Int) -> String {
  let rows = (0..<count).flatMap { shop in
    (0..<60).map { month in
      let date = "\(2001 + month / 12)-\(month % 12 < 9 ? "0" : "")\(month % 12 + 1)"
      return "s\(shop),\(date),\(100 + 9 * shop + (month * 7 + shop) % 11 + (month % 12 == 6 ? 30 : 0))"
    }
  }
  return (["shop,month,sales"] + rows).joined(separator: "\n") + "\n"
}

@Suite("Answers that several processes share") struct SharedAnswerTests {
  @Test("Shares are as large as each other, one after another, and there is none of a single example")
  func shares() {
    for (total, count) in [(2, 2), (7, 3), (3, 5), (1000, 7)] {
      let places = (0..<count).compactMap { ExampleShare($0, of: count).places(of: total) }
      #expect(places.count == count && places.flatMap(\.self) == Array(0..<total))
      #expect((places.map(\.count).max() ?? 0) - (places.map(\.count).min() ?? 0) <= 1)
    }
    #expect(ExampleShare(1, of: 3).places(of: 1) == nil && ExampleShare(0, of: 3).places(of: 0) == nil)
  }

  @Test("Rows of a table are classified, and their numbers said, as by one process") func rows() throws {
    let table =
      "text,size,label,price\n"
      + sentences(60).enumerated().map { row, words in
        "\(words.joined(separator: " ")),\(row % 13),\(words.contains("cat") ? "yes" : "no"),\(row % 7 * 3)\n"
      }.joined()
    var labels = try small(ClassifierConfiguration(["target": ["label"]]))
    labels.columns.members = 1
    let classifier = try Classifier.train(
      on: Classifier.examples(from: source(table), labels), labels, TrainingContext())
    try expectShared(classifier, classifier.examples(from: source(table)))
    var prices = try small(RegressorConfiguration(["target": ["price"]]))
    prices.columns.members = 1
    let regressor = try Regressor.train(on: Regressor.examples(from: source(table), prices), prices, TrainingContext())
    try expectShared(regressor, regressor.examples(from: source(table)))
    let single = table.split(separator: "\n").prefix(2).joined(separator: "\n")
    let one = try classifier.examples(from: source(single))
    #expect(try classifier.predict(one, ClassifierRequest(), share: ExampleShare(0, of: 2)) == nil)
  }

  @Test("Sentences are tagged, with their numbers, judged and translated as by one process") func texts() throws {
    let all = sentences(60)
    let tagged = all.map { words in
      TaggedSentence(words: words, tags: words.map { $0.first?.isUppercase == true ? "B-LOC" : "O" })
    }
    let tagger = try Tagger.train(on: TagExamples(tagged), configuration: small(TagConfiguration()))
    var words = TagRequest()
    words.unit = .word
    try expectShared(tagger, TagExamples(toAnswer: tagged))
    try expectShared(tagger, TagExamples(toAnswer: tagged), words)

    let text = all.map { $0.joined(separator: " ") }.joined(separator: "\n")
    let lines = LanguageExamples(try TextLines(source(text, "text")))
    let language = try LanguageModel.train(on: lines, small(LanguageModel.Configuration()), TrainingContext())
    try expectShared(language, lines)
    // One prompt goes on as chance will have it, which begins at one seed.
    let prompt = LanguageExamples(prompts: ["the dog"])
    #expect(try language.predict(prompt, LanguageRequest(), share: ExampleShare(0, of: 2)) == nil)

    let pairs = TranslationExamples(
      .init(
        .values(all.map { $0.joined(separator: " ") }), .values(all.map { $0.reversed().joined(separator: " ") })))
    let translator = try Translator.train(on: pairs, small(Translator.Configuration()), TrainingContext())
    try expectShared(translator, pairs)
  }

  @Test("Many series are forecast as by one process, those of the model and newer ones") func series() throws {
    var configuration = try Forecaster.Configuration(["id": ["shop"]])
    (configuration.hiddenSize, configuration.epochs) = (4, 2)
    let all = try Forecaster.examples(from: source(shops(5)), configuration)
    let forecaster = try Forecaster.train(on: all, configuration, TrainingContext())
    var request = ForecastRequest()
    (request.levels, request.samples) = ([95], 3)
    try expectShared(forecaster, all, request)
    try expectShared(forecaster, [], request)
    #expect(try forecaster.predict([all[0]], request, share: ExampleShare(0, of: 2)) == nil)
    request.reading.only = "s2"
    #expect(try forecaster.predict([], request, share: ExampleShare(0, of: 2)) == nil)
  }

  @Test("Processes that train one network for many series choose the ways of a share of them each, as one does of all")
  func choices() throws {
    var configuration = try Forecaster.Configuration(["id": ["shop"]])
    // Nothing is trained, so that nothing is rounded otherwise.
    configuration.isZeroShot = true
    let (all, chosen) = (try Forecaster.examples(from: source(shops(5)), configuration), configuration)
    let alone = try Forecaster.train(on: all, chosen, TrainingContext())
    let together = try LocalGroup.run(3) { group in
      var context = TrainingContext()
      context.group = group
      return try Forecaster.train(on: all, chosen, context)
    }
    let wanted = try alone.predict([]).map { try JSON(encoding: $0).line }
    for one in together {
      #expect(try one.predict([]).map { try JSON(encoding: $0).line } == wanted)
      #expect(one.backtest == alone.backtest)
    }
  }

  @Test("Whether a training is over is what the first process says, whose clock counts") func clocks() throws {
    let said = try LocalGroup.run(3) { group in
      var context = TrainingContext()
      context.group = group
      return [try context.agreed(group.rank == 0), try context.agreed(group.rank == 2)]
    }
    #expect(said == [[true, false], [true, false], [true, false]])
    let shared = try LocalGroup.run(3) { group in
      var context = TrainingContext()
      context.group = group
      return try context.shared(7) { $0 == 3 ? nil : Double($0) / 3 }
    }
    let wanted: [Double?] = (0..<7).map { $0 == 3 ? nil : Double($0) / 3 }
    #expect(shared == [wanted, wanted, wanted])
  }
}
