import Foundation
import Refrain
import RefrainTestSupport
import Testing

@testable import RefrainData
@testable import RefrainTasks

@Suite("A linear model beside the networks") struct LinearShareTests {
  private func source(_ text: String) -> DataSource { DataSource([.bytes(Array(text.utf8), name: "a.csv")]) }

  private func trained(_ text: String) throws -> Classifier {
    var configuration = ClassifierConfiguration()
    var shared = SharedOptions()
    (shared.hidden, shared.epochs) = (4, 2)
    try configuration.choose(shared)
    configuration.columns.members = 1
    let examples = try Classifier.examples(from: source(text), configuration)
    return try Classifier.train(on: examples, configuration, TrainingContext())
  }

  @Test("A linear model is heard beside the networks as far as it helps, and not by few rows")
  func linearShare() throws {
    let labels = try Labels(Column(try Records(source("label\na\nb\na\n"), columns: ["label"]), 0), separator: nil)
    var generator = RandomGenerator(seed: 3)
    let truths = (0..<400).map { _ in [generator.integer(below: 2)] }
    // Each sees the truth with noise of its own.
    func scores(noise: Float, sees: Float = 1) -> [Float] {
      truths.flatMap { truth -> [Float] in
        let score = (truth[0] == 0 ? 1 : -1) * sees + noise * generator.normal()
        return [score, -score]
      }
    }
    let (network, other, blind) = (scores(noise: 1.2), scores(noise: 1.2), scores(noise: 1, sees: 0))
    let both = LinearShare(network: network, linear: other, labels, truths)
    #expect((0.3...0.7).contains(both.share), "the noise is the same: \(both.share)")
    func right(_ scores: [Float]) -> Int { truths.indices.count { (scores[2 * $0] > 0) == (truths[$0][0] == 0) } }
    #expect(right(both.scores(network: network, linear: other)) > max(right(network), right(other)))
    #expect(LinearShare(network: network, linear: blind, labels, truths).share <= 0.2)
    let few = LinearShare(network: network, linear: other, labels, Array(truths.prefix(99)))
    #expect(few.share == 0 && few.scores(network: network, linear: other) == network)
  }

  @Test("The linear model's share is saved, and answers and explanations heed it")
  func savedLinearShare() throws {
    let text = "text,label\n" + (0..<40).map { "word\($0 % 7) \($0 % 2 == 0 ? "good" : "bad"),\($0 % 2)\n" }.joined()
    let alone = try trained(text)
    #expect(alone.linear.share == 0, "four rows do not tell")
    let json = #"{"share":0.5,"networkTemperature":1.5,"linearTemperature":0.25}"#
    let share = try JSONDecoder().decode(LinearShare.self, from: Data(json.utf8))
    let both = Classifier(
      model: alone.model, labels: alone.labels, calibration: alone.calibration, baseline: alone.baseline,
      linear: share, shares: alone.shares)
    let loaded = try Classifier(modelFile: both.modelFile())
    let rows = try both.examples(from: source("text\nword3 good\nword9 bad\n"), ClassifierRequest())
    let answers = try loaded.predict(rows, ClassifierRequest())
    #expect(
      try answers == both.predict(rows, ClassifierRequest()) && answers != alone.predict(rows, ClassifierRequest()))
    let explained = try loaded.explained(rows, ClassifierRequest(), .first(1))[0]
    let percent = (answers[0].probability * 1000).rounded() / 10
    #expect(explained.title.contains("(\(percent) %)"), "\(explained.title)")
    let forged = try JSONDecoder().decode(
      LinearShare.self, from: Data(json.replacing("0.25", with: "0.0").utf8))
    #expect(!forged.isSound && share.isSound)
  }
}
