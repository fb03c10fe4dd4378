import Foundation
import Refrain
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainData
@testable import RefrainTasks

@Suite("Checkpoints of a task") struct CheckpointTests {
  private static let configuration: Forecaster.Configuration = {
    var configuration = Forecaster.Configuration()
    (configuration.epochs, configuration.hiddenSize) = (6, 4)
    return configuration
  }()

  private func train(_ context: TrainingContext) throws(TaskError) -> Forecaster {
    try Forecaster.train(on: [.airline], Self.configuration, context)
  }

  /// The tensors and all that was found out, but for how long it took.
  private func contents(_ forecaster: Forecaster) throws -> [String: [Float]] {
    let file = try forecaster.modelFile()
    return Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0.values) })
  }

  @Test("go on to the same bits, whenever the training is killed", arguments: [1, 2, 4, 5, 7, 10, 11, 14, 18, 19])
  func killed(updates: Int) throws {
    try withTemporaryFolder { folder in
      let whole = try train(TrainingContext())
      var context = TrainingContext()
      context.checkpoints = CheckpointFolder(folder, every: .steps(updates % 3 + 1), keeping: 2)
      let killer = Killer(updates)
      context.observers = { [killer] _ in [killer] }
      var runs = 0
      var forecaster: Forecaster?
      while forecaster == nil, runs < 40 {
        forecaster = try? train(context)
        runs += 1
        context.checkpoints?.resumes = true
        // Every file there is can predict, and no half-written one is left.
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
          let points = try Forecaster(contentsOf: folder + "/" + name).forecast().points
          #expect(points.count == whole.horizon)
        }
        // Far enough for another file to be written.
        killer.updates.withLock { $0 = updates + 3 }
      }
      let resumed = try #require(forecaster)
      #expect(runs > 1)
      #expect(try contents(resumed) == contents(whole))
      #expect(resumed.backtest == whole.backtest && resumed.isComplete)
      #expect(resumed.training.epochs == whole.training.epochs)
    }
  }

  @Test("are written when training is to stop, and go on from there") func stopped() throws {
    try withTemporaryFolder { folder in
      let whole = try train(TrainingContext())
      let counter = Counter()
      var context = TrainingContext(shouldStop: { counter.next() > 9 })
      context.checkpoints = CheckpointFolder(folder)
      let stopped = try train(context)
      #expect(!stopped.isComplete)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(!names.isEmpty && names.contains { $0.hasPrefix("backtest-0000000") })
      context = TrainingContext()
      context.checkpoints = CheckpointFolder(folder, resumes: true)
      let resumed = try train(context)
      #expect(try contents(resumed) == contents(whole))
      // All that is left to do is to read the end.
      let again = try train(context)
      #expect(try contents(again) == contents(whole))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 3)
    }
  }

  private final class Counter: Sendable {
    private let count = Mutex(0)
    func next() -> Int {
      count.withLock { count in
        count += 1
        return count
      }
    }
  }

  @Test("are refused where they are of another training, and passed over where they are damaged") func refusals() throws
  {
    try withTemporaryFolder { folder in
      var context = TrainingContext()
      context.checkpoints = CheckpointFolder(folder, every: .steps(1))
      let killer = Killer(14)
      context.observers = { [killer] _ in [killer] }
      #expect(throws: TaskError.self) { try train(context) }
      // Begun anew in a folder that holds a training.
      let anew = #expect(throws: TaskError.self) { try train(context) }
      #expect(anew?.description.contains("there is a training in this folder already") == true)

      context.checkpoints?.resumes = true
      var other = Self.configuration
      other.hiddenSize = 5
      let wrongSize = #expect(throws: TaskError.self) { try Forecaster.train(on: [.airline], other, context) }
      #expect(wrongSize?.description.contains("the training cannot go on") == true)
      other = Self.configuration
      other.seed = 9
      let wrongSeed = #expect(throws: TaskError.self) { try Forecaster.train(on: [.airline], other, context) }
      #expect(wrongSeed?.description.contains("seed") == true)

      // The newest is damaged: the one before it leads to the same bits.
      let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      let newest = folder + "/" + (try #require(names.last))
      try writeAtomically(Array(try readFile(newest).dropLast(100)), to: newest)
      var going = TrainingContext()
      going.checkpoints = context.checkpoints
      let sink = Warnings()
      going.warn = { sink.add($0) }
      #expect(try contents(try train(going)) == contents(try train(TrainingContext())))
      #expect(sink.all.count == 1 && sink.all[0].contains("cannot be read"))
    }
  }

  private final class Warnings: Sendable {
    private let texts = Mutex<[String]>([])
    var all: [String] { texts.withLock { $0 } }
    func add(_ text: String) { texts.withLock { $0.append(text) } }
  }

  @Test("that cannot be written do not end the training") func unwritable() throws {
    let sink = Warnings()
    var context = TrainingContext()
    context.warn = { sink.add($0) }
    context.checkpoints = CheckpointFolder("/nowhere/at/all", every: .epochs(2))
    let forecaster = try train(context)
    #expect(try contents(forecaster) == contents(try train(TrainingContext())))
    #expect(sink.all.count >= 4 && sink.all[0].contains("could not be written"))
  }

  @Test("give way to a search for a learning rate; a rate and an average are the task's then") func rates() throws {
    var context = TrainingContext()
    let search = RateSearch()
    context.rateSearch = search
    #expect(throws: TaskError.self) { try train(context) }
    #expect(try #require(search.result).trials.count > 10)
    context = TrainingContext()
    context.learningRate = 1e-9
    let still = try contents(try train(context))
    context.learningRate = 2e-9
    let other = try contents(try train(context))
    let usual = try contents(try train(TrainingContext()))
    #expect(still != usual && still != other)
    for (name, values) in still {
      #expect(zip(values, try #require(other[name])).allSatisfy { abs($0 - $1) < 1e-5 }, "\(name)")
    }
    context = TrainingContext()
    context.averaging = .exponential()
    #expect(try contents(try train(context)) != usual)
  }
}
