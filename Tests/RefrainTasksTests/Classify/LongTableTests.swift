import Foundation
import Refrain
import RefrainTestSupport
import Testing

@testable import RefrainData
@testable import RefrainTasks

/// Rows that say "good" or "bad" among other words, with a number and a category.
private func table(_ count: Int, separator: String = ",") -> String {
  var generator = RandomGenerator(seed: 3)
  let others = ["the", "film", "was", "and", "room", "food", "a", "really", "place"]
  let rows = (0..<count).map { row in
    var words = (0..<6).map { _ in others[generator.integer(below: others.count)] }
    words.insert(row % 3 == 0 ? "bad" : "good", at: generator.integer(below: words.count))
    let stars = 1 + generator.integer(below: 3) + (row % 3 == 0 ? 0 : 2)
    return [words.joined(separator: " "), "\(stars)", row % 2 == 0 ? "Rom" : "Ulm", row % 3 == 0 ? "no" : "yes"]
  }
  return ([["review", "stars", "city", "label"]] + rows).map { $0.joined(separator: separator) + "\n" }.joined()
}

private let small: SharedOptions = {
  var options = SharedOptions()
  (options.hidden, options.epochs, options.dropout) = (8, 2, 0.1)
  return options
}()

/// What holds where long arrays hold next to nothing in memory.
private let onDisk: LongArraySettings = {
  var settings = LongArraySettings()
  settings.bytes = 256
  return settings
}()

@Suite("Tables longer than memory") struct LongTableTests {
  private func classifier(_ source: DataSource) throws -> Classifier {
    var configuration = ClassifierConfiguration()
    try configuration.choose(small)
    (configuration.columns.embeddingSize, configuration.columns.members) = (8, 1)
    return try Classifier.train(
      on: Classifier.examples(from: source, configuration), configuration, TrainingContext())
  }

  @Test("A table that is too long for memory gives the same classifier and the same answers", arguments: [",", "\t"])
  func classes(separator: String) throws {
    func outcome(_ source: DataSource) throws -> (Classifier, [ClassAnswer], TaskEvaluation) {
      let classifier = try classifier(source)
      let examples = try classifier.examples(from: source)
      return (classifier, try classifier.predict(examples), try classifier.evaluate(on: examples))
    }
    try withTemporaryFolder { folder in
      let path = folder + (separator == "," ? "/t.csv" : "/t.tsv")
      try Data(table(400, separator: separator).utf8).write(to: URL(filePath: path))
      let one = try outcome(DataSource(paths: [path]))
      let other = try LongArraySettings.$current.withValue(onDisk) { try outcome(DataSource(paths: [path])) }
      #expect(one.1 == other.1 && one.2 == other.2 && one.1.count == 400)
      expectSameBits(one.0.networks[0], other.0.networks[0])
      expectSameBits(try #require(one.0.baseline), try #require(other.0.baseline))
    }
  }

  @Test("So it is of a regressor")
  func numbers() throws {
    func answers(_ source: DataSource) throws -> [RegressionAnswer] {
      var configuration = RegressorConfiguration()
      try configuration.choose(small)
      (configuration.columns.embeddingSize, configuration.columns.members) = (8, 1)
      configuration.columns.target = "stars"
      let regressor = try Regressor.train(
        on: Regressor.examples(from: source, configuration), configuration, TrainingContext())
      return try regressor.predict(regressor.examples(from: source))
    }
    let source = DataSource([.bytes(Array(table(300).utf8), name: "t.csv")])
    #expect(try answers(source) == LongArraySettings.$current.withValue(onDisk) { try answers(source) })
  }

  @Test("All rows but some are found by their places")
  func choice() {
    for (total, left) in [(5, []), (5, [0, 1]), (6, [1, 4]), (6, [4, 5]), (4, [0, 1, 2, 3]), (0, [])] {
      let choice = RowChoice(allOf: total, but: left)
      #expect(Array(choice) == (0..<total).filter { !left.contains($0) } && choice.count == total - left.count)
      #expect(Array(RowChoice(left)) == left)
    }
  }

  /// Rows are kept aside as they were when all of their numbers were held.
  @Test("Rows that are kept aside are drawn group by group", arguments: [3, 57, 400])
  func aside(count: Int) throws {
    var configuration = ClassifierConfiguration()
    try configuration.choose(small)
    let source = DataSource([.bytes(Array(table(count).utf8), name: "t.csv")])
    let examples = try Classifier.examples(from: source, configuration)
    let learning = try ColumnLearning(examples, configuration.columns, of: "labels") { column throws(DataError) in
      ClassHead(labels: try Labels(column, separator: nil), classWeights: .balanced)
    }
    var generator = RandomGenerator(seed: configuration.columns.seed ^ 0x5EED_0F_5911)
    var expected: [Int] = []
    for rows in [(0..<count).filter { $0 % 3 == 0 }, (0..<count).filter { $0 % 3 != 0 }] where rows.count >= 4 {
      let part = max(rows.count >= 10 ? 1 : 0, Int((Double(rows.count) * 0.1).rounded()))
      expected += generator.permutation(rows.count).prefix(part).map { rows[$0] }
    }
    #expect(Array(learning.heldOut.places) == expected.sorted())
    #expect(Array(learning.training.places) == (0..<count).filter { !expected.contains($0) })
    #expect(learning.trainingTruths.map { $0[0] } == learning.training.places.map { $0 % 3 == 0 ? 0 : 1 })
    let weights = try #require(learning.training.weights)
    #expect((0..<weights.count).allSatisfy { (weights[$0] > 1) == (learning.training.places[$0] % 3 == 0) })
  }

  @Test("Where there is no room for what is too long for memory, training says so")
  func noRoom() throws {
    var settings = onDisk
    settings.folder = "/nowhere"
    let source = DataSource([.bytes(Array(table(300).utf8), name: "t.csv")])
    #expect(throws: DataError.self) {
      try LongArraySettings.$current.withValue(settings) { try classifier(source) }
    }
    // The fields fit, and the tokens of their words do not.
    settings.bytes = 30_000
    let words = String(repeating: "the film was and the room ", count: 10)
    let rows = (0..<300).map { "\(words)\($0 % 3 == 0 ? "bad" : "good"),\($0 % 3 == 0 ? "no" : "yes")\n" }
    let long = DataSource([.bytes(Array(("review,label\n" + rows.joined()).utf8), name: "t.csv")])
    var configuration = ClassifierConfiguration()
    try configuration.choose(small)
    let error = #expect(throws: TaskError.self) {
      try LongArraySettings.$current.withValue(settings) {
        let examples = try Classifier.examples(from: long, configuration)
        _ = try Classifier.train(on: examples, configuration, TrainingContext())
      }
    }
    #expect(error?.description.contains("TMPDIR") == true)
  }

  @Test("Answers in parts are those of all rows at once")
  func parts() throws {
    let classifier = try classifier(DataSource([.bytes(Array(table(60).utf8), name: "t.csv")]))
    let examples = try classifier.examples(from: DataSource([.bytes(Array(table(12_900).utf8), name: "t.csv")]))
    var parts: [[ClassAnswer]] = []
    try classifier.predictInParts(examples, ClassifierRequest()) { parts.append($0) }
    #expect(parts.map(\.count) == [12_800, 100])
    #expect(try parts.flatMap(\.self) == classifier.predict(examples))
  }
}
