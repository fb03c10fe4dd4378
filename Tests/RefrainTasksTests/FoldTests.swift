import Refrain
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainData
@testable import RefrainTasks

@Suite("Folds") struct FoldTests {
  @Test("divide all examples once, each class with its share, the same by the same seed") func plan() throws {
    let classes = (0..<50).map { $0 % 5 == 0 ? 1 : 0 }
    let plan = try FoldPlan(classes, count: 5, seed: 3)
    #expect(plan.parts.flatMap(\.self).sorted() == Array(0..<50))
    for part in plan.parts { #expect(part.count == 10 && part.count { classes[$0] == 1 } == 2) }
    #expect(try FoldPlan(classes, count: 5, seed: 3).parts == plan.parts)
    #expect(try FoldPlan(classes, count: 5, seed: 4).parts != plan.parts)
    for fold in plan.folds({ $0 }) {
      #expect(Set(fold.training).isDisjoint(with: fold.held) && fold.training.count + fold.held.count == 50)
    }
    #expect(throws: TaskError.self) { try FoldPlan([0, 0], count: 3, seed: 0) }
  }

  private static let rows =
    "text,label\n" + (0..<60).map { "\($0 % 2 == 0 ? "good" : "bad") film number\($0 % 7),\($0 % 2)\n" }.joined()

  /// What a training told of itself.
  private final class Told: Sendable {
    private let all = Mutex<[String]>([])
    var texts: [String] { all.withLock { $0 } }
    func take(_ text: String) { all.withLock { $0.append(text) } }
  }

  @Test("are stages of their own to observers, and those that were done before an interruption are given")
  func interruption() throws {
    var configuration = ClassifierConfiguration()
    var shared = SharedOptions()
    (shared.hidden, shared.epochs) = (4, 1)
    try configuration.choose(shared)
    (configuration.columns.embeddingSize, configuration.columns.members) = (4, 1)
    let source = DataSource([.bytes(Array(Self.rows.utf8), name: "t.csv")])
    let examples = try Classifier.examples(from: source, configuration)
    let (stages, messages) = (Told(), Told())
    func run(until fold: Int) throws -> FoldEvaluation {
      var context = TrainingContext(
        progress: { messages.take($1) }, shouldStop: { stages.texts.contains("fold\(fold)-member1") })
      context.observers = { stage in
        stages.take(stage)
        return []
      }
      return try FoldEvaluation.run(Classifier.self, on: examples, folds: 4, configuration, context)
    }
    let part = try run(until: 3)
    #expect(part.parts.count == 2 && part.count == 4 && !part.isComplete)
    #expect(stages.texts == ["fold1-member1", "fold2-member1", "fold3-member1"])
    #expect(try JSON(encoding: part).line.hasSuffix(#","of":4}"#))
    #expect(messages.texts.allSatisfy { $0.hasPrefix("fold ") && !$0.hasSuffix(", ") })
    #expect(throws: TaskError.self) { try run(until: 1) }
  }

  /// A task that says nothing of what goes on, as others do of some steps.
  @Test("are told of without a comma where there is nothing to tell") func silence() throws {
    let rows = "the DT\ndog NN\nbarks VB\n\na DT\ncat NN\nsleeps VB\n\n"
    let source = DataSource([.bytes(Array(String(repeating: rows, count: 8).utf8), name: "t.txt")])
    var configuration = TagConfiguration()
    (configuration.hiddenSize, configuration.epochs, configuration.wordSize) = (4, 2, 4)
    let messages = Told()
    _ = try FoldEvaluation.run(
      Tagger.self, on: Tagger.examples(from: source, configuration), folds: 2, configuration,
      TrainingContext(progress: { messages.take($1) }))
    #expect(!messages.texts.isEmpty && !messages.texts.contains { $0.hasSuffix(", ") }, "\(messages.texts)")
  }

  @Test("can be asked of the tasks that divide examples") func tasks() {
    let able = Tasks.all.filter { $0.dividesExamples }.map { $0.name }
    #expect(Set(able) == ["classify", "regress", "tag", "translate", "transcribe"])
  }

  @Test("of a classifier are measured on what each was not trained on") func classifier() throws {
    var configuration = try ClassifierConfiguration([:])
    var shared = SharedOptions()
    (shared.hidden, shared.epochs) = (4, 3)
    try configuration.choose(shared)
    (configuration.columns.embeddingSize, configuration.columns.members) = (4, 1)
    let source = DataSource([.bytes(Array(Self.rows.utf8), name: "t.csv")])
    let examples = try Classifier.examples(from: source, configuration)
    let folds = try #require(try Classifier.folds(of: examples, count: 3, configuration))
    for fold in folds {
      #expect(fold.held.records.count == 20 && fold.training.records.count == 40)
      // A row keeps its place in the file, for messages.
      let text = fold.held.records.text(row: 5, column: 0)
      let place = fold.held.records.place(of: 5).row
      #expect(examples.records.text(row: place - 2, column: 0) == text)
    }
    let evaluation = try FoldEvaluation.run(
      Classifier.self, on: examples, folds: 3, configuration, TrainingContext())
    #expect(evaluation.parts.map(\.examples) == [20, 20, 20] && evaluation.measures[0].name == "accuracy")
    #expect(evaluation.measures[0].values.count == 3 && evaluation.baselines[0].name == "majority")
    let mean = evaluation.measures[0].values.reduce(0, +) / 3
    #expect(abs(evaluation.measures[0].mean - mean) < 1e-12)
    let line = try JSON(encoding: evaluation).line
    #expect(line.hasPrefix(#"{"folds":3,"measures":[{"name":"accuracy","mean":"#), "\(line)")
  }

  @Test("of numbers are measured with the baselines of numbers") func regressor() throws {
    let rows = "x,price\n" + (0..<40).map { "\($0 % 8),\(3 * ($0 % 8) + 1)\n" }.joined()
    var configuration = RegressorConfiguration()
    var shared = SharedOptions()
    (shared.hidden, shared.epochs) = (4, 2)
    try configuration.choose(shared)
    configuration.columns.members = 1
    let source = DataSource([.bytes(Array(rows.utf8), name: "t.csv")])
    let examples = try Regressor.examples(from: source, configuration)
    let evaluation = try FoldEvaluation.run(
      Regressor.self, on: examples, folds: 4, configuration, TrainingContext())
    #expect(evaluation.parts.map(\.examples) == [10, 10, 10, 10])
    #expect(evaluation.measures[0].name == "mae" && evaluation.baselines.map(\.name) == ["mean", "linear"])
  }

  @Test("are refused by tasks whose examples cannot be divided") func refusal() throws {
    let values = (0..<60).map { Double($0 % 9) }
    let rows = ObservedRows(channels: [ObservedRows.Channel(name: "load", values: values)], stamps: nil)
    let error = #expect(throws: TaskError.self) {
      try FoldEvaluation.run(
        Detector.self, on: Detector.Examples([rows]), folds: 3, Detector.Configuration(), TrainingContext())
    }
    #expect(error?.description.contains("cannot be divided into folds") == true)
  }
}
