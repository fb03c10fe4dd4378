import Foundation
import Refrain
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainData
@testable import RefrainTasks

@Suite("Checkpoints of tasks") struct TaskCheckpointTests {
  private func contents(_ model: some TaskModel) throws -> [String: [Float]] {
    let file = try model.modelFile()
    return Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0.values) })
  }

  /// Trains, is killed after so many updates, and goes on until it comes to the end; gives how many runs there were.
  private func resume<Task: TaskModel>(
    afterUpdates updates: Int, in folder: String, _ train: (TrainingContext) throws -> Task
  ) throws -> (model: Task, runs: Int) {
    var context = TrainingContext()
    context.checkpoints = CheckpointFolder(folder, every: .steps(updates % 3 + 1), keeping: 2)
    let killer = Killer(updates)
    context.observers = { [killer] _ in [killer] }
    var (runs, model) = (0, Task?.none)
    while model == nil, runs < 60 {
      model = try? train(context)
      runs += 1
      context.checkpoints?.resumes = true
      killer.updates.withLock { $0 = updates + 3 }
    }
    return (try #require(model), runs)
  }

  private static let sentences: [TaggedSentence] = (0..<40).map { index in
    let name = ["Ada", "Noor", "Linus"][index % 3]
    return index % 2 == 0
      ? TaggedSentence(words: [name, "sings", "."], tags: ["B-PER", "O", "O"])
      : TaggedSentence(words: ["today", name, "sleeps", "in", "Oslo"], tags: ["O", "B-PER", "O", "O", "B-LOC"])
  }

  private static let tagging: TagConfiguration = {
    var configuration = TagConfiguration()
    (configuration.hiddenSize, configuration.wordSize, configuration.epochs) = (4, 4, 4)
    configuration.batchSize = 8
    configuration.refits = true
    return configuration
  }()

  @Test("a tagger goes on to the same bits, whenever it is killed", arguments: [1, 3, 5, 6, 9, 14])
  func tagger(updates: Int) throws {
    let examples = try TagExamples(Self.sentences)
    let whole = try Tagger.train(on: examples, configuration: Self.tagging)
    try withTemporaryFolder { folder in
      let (resumed, runs) = try resume(afterUpdates: updates, in: folder) { context in
        try Tagger.train(on: examples, configuration: Self.tagging, context)
      }
      #expect(runs > 1 && resumed.isComplete)
      #expect(try contents(resumed) == contents(whole))
      #expect(resumed.evaluation == whole.evaluation && resumed.training.epochs == whole.training.epochs)
      // Every file that was left is a model that can answer.
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
        #expect(try Tagger(contentsOf: folder + "/" + name).predict([["Ada", "sings"]]).count == 1)
      }
    }
  }

  @Test("a detector goes on to the same bits, whenever it is killed", arguments: [1, 2, 5, 8, 11])
  func detector(updates: Int) throws {
    var generator = RandomGenerator(seed: 2)
    let values = (0..<300).map { 5 * sin(Double($0) / 6) + 0.2 * Double(generator.normal()) }
    let rows = ObservedRows(channels: [ObservedRows.Channel(name: "load", values: values)], stamps: nil)
    var configuration = Detector.Configuration()
    (configuration.epochs, configuration.hiddenSize) = (2, 4)
    let whole = try Detector.train(on: rows, configuration: configuration)
    try withTemporaryFolder { folder in
      let (resumed, runs) = try resume(afterUpdates: updates, in: folder) { context in
        try Detector.train(on: rows, configuration: configuration, context)
      }
      #expect(runs > 1 && resumed.isComplete)
      #expect(try contents(resumed) == contents(whole))
      #expect(resumed.detections(in: rows) == whole.detections(in: rows))
      // Those of the first network answer by it alone, and all have judged the rows.
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
        let saved = try Detector(contentsOf: folder + "/" + name)
        #expect(!saved.isComplete && saved.notes.contains { $0.contains("this is a checkpoint") })
        #expect(saved.end.state.rows == rows.count && saved.detections(in: rows).count == rows.count)
        #expect(saved.plan.method == (name.hasPrefix("prediction") ? .prediction : .both))
      }
    }
  }

  private static let table: DataSource = {
    let lines = (0..<300).map { row in
      "\(row % 2 == 0 ? "good fine" : "bad grey") day \(row % 7),\(row % 5),\(row % 2 == 0 ? "yes" : "no")"
    }
    return DataSource([.bytes(Array((["text,stars,kind"] + lines).joined(separator: "\n").utf8), name: "rows.csv")])
  }()

  private static let columns: [String: [String]] = ["members": ["2"], "embedding": ["4"], "refit": []]
  private static let shared: SharedOptions = {
    var options = SharedOptions()
    (options.hidden, options.epochs) = (4, 1)
    return options
  }()

  @Test("a classifier goes on to the same bits, and whatever a kill leaves answers", arguments: [4, 20, 50, 100])
  func classifier(updates: Int) throws {
    var configuration = try ClassifierConfiguration(Self.columns.merging(["target": ["kind"]]) { $1 })
    try configuration.choose(Self.shared)
    let examples = try Classifier.examples(from: Self.table, configuration)
    let whole = try Classifier.train(on: examples, configuration, TrainingContext())
    try withTemporaryFolder { folder in
      let (resumed, runs) = try resume(afterUpdates: updates, in: folder) { context in
        try Classifier.train(on: examples, configuration, context)
      }
      #expect(runs > 1 && resumed.isComplete)
      #expect(try contents(resumed) == contents(whole))
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(Set(names.map { $0.prefix { $0 != "-" } }) == ["member1", "member2", "whole1", "whole2"])
      for name in names {
        let saved = try Classifier(contentsOf: folder + "/" + name)
        let answers = try saved.predict(saved.examples(from: Self.table))
        #expect(answers.count == 300 && answers.allSatisfy { 0.5...1 ~= $0.probability })
        #expect(saved.calibration.examples == whole.calibration.examples && whole.calibration.examples > 0)
        #expect(!saved.isComplete && saved.networks.count == (name.hasPrefix("member1") ? 1 : 2))
        #expect(saved.facts.contains { $0.name == "Note" && $0.value.contains("this is a checkpoint") })
        // What was found on rows that the networks had not seen stays with those that learn all rows.
        #expect((saved.baseline == nil) == name.hasPrefix("member"))
      }
    }
  }

  @Test("a regressor goes on to the same bits, and whatever a kill leaves answers", arguments: [5, 60, 110])
  func regressor(updates: Int) throws {
    var configuration = try RegressorConfiguration(Self.columns.merging(["target": ["stars"]]) { $1 })
    try configuration.choose(Self.shared)
    let examples = try Regressor.examples(from: Self.table, configuration)
    let whole = try Regressor.train(on: examples, configuration, TrainingContext())
    try withTemporaryFolder { folder in
      let (resumed, runs) = try resume(afterUpdates: updates, in: folder) { context in
        try Regressor.train(on: examples, configuration, context)
      }
      #expect(runs > 1 && resumed.isComplete)
      #expect(try contents(resumed) == contents(whole))
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
        let saved = try Regressor(contentsOf: folder + "/" + name)
        let answers = try saved.predict(saved.examples(from: Self.table))
        #expect(!saved.isComplete && answers.count == 300 && answers.allSatisfy { $0.value.isFinite })
        #expect(saved.residuals.count == whole.residuals.count)
      }
    }
  }

  @Test("a tagger whose training is to stop is saved, and goes on from there") func stopped() throws {
    let examples = try TagExamples(Self.sentences)
    let whole = try Tagger.train(on: examples, configuration: Self.tagging)
    try withTemporaryFolder { folder in
      let count = Mutex(0)
      var context = TrainingContext(shouldStop: {
        count.withLock { count in
          count += 1
          return count > 9
        }
      })
      context.checkpoints = CheckpointFolder(folder)
      let stopped = try Tagger.train(on: examples, configuration: Self.tagging, context)
      #expect(!stopped.isComplete)
      context = TrainingContext()
      context.checkpoints = CheckpointFolder(folder, resumes: true)
      let resumed = try Tagger.train(on: examples, configuration: Self.tagging, context)
      #expect(try contents(resumed) == contents(whole))
    }
  }
}
