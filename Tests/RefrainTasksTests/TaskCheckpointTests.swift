import Foundation
import Refrain
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainData
@testable import RefrainTasks

@Suite("Checkpoints of taggers and detectors") struct TaskCheckpointTests {
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
