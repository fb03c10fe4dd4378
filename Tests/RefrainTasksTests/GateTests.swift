import Foundation
import Refrain
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainData
@testable import RefrainTasks

@Suite("Gates of tasks in training") struct GateTests {
  /// Takes down what gates each stage shows at the ends of its epochs.
  private final class Seen: Sendable {
    private let found = Mutex<[String: Set<String>]>([:])
    var stages: [String: Set<String>] { found.withLock { $0 } }

    var context: TrainingContext {
      var context = TrainingContext()
      context.observers = { [self] stage in [Watch(seen: self, stage: stage)] }
      return context
    }

    struct Watch: TrainingObserver {
      let seen: Seen
      let stage: String

      func observe(_ event: TrainingEvent) -> TrainingDecision {
        guard case .epoch = event.kind else { return .proceed }
        let gates = event.gates()
        #expect(gates.allSatisfy { $0.values.rank == 2 && $0.values.shape[0] > 0 && $0.values.isFinite })
        seen.found.withLock { $0[stage, default: []].formUnion(gates.map { "\($0.level) \($0.gate)" }) }
        return .proceed
      }
    }
  }

  private func source(_ text: String, _ name: String) -> DataSource {
    DataSource([.bytes(Array(text.utf8), name: name)])
  }

  private func shared(cell: String? = nil) -> SharedOptions {
    var options = SharedOptions()
    (options.epochs, options.hidden, options.cell) = (1, 4, cell)
    return options
  }

  private func stages<Task: TaskModel>(
    _ task: Task.Type, _ source: DataSource, _ given: [String: [String]] = [:], cell: String? = nil
  ) throws -> [String: Set<String>] {
    var configuration = try Task.Configuration(given)
    try configuration.choose(shared(cell: cell))
    let seen = Seen()
    _ = try Task.train(on: Task.examples(from: source, configuration), configuration, seen.context)
    return seen.stages
  }

  @Test("are shown by every stage of every task") func all() throws {
    let rows = (0..<120).map { "\($0 % 2 == 0 ? "good fine" : "bad grey") day number \($0),\($0 % 5)" }
    let table = source((["text,stars"] + rows).joined(separator: "\n"), "t.csv")
    let series = source(
      (["load"] + (0..<200).map { "\(5 + sin(Double($0) / 4))" }).joined(separator: "\n"), "s.csv")
    let words = source(Array(repeating: "Ada B\nsings O\nOslo B\n\n", count: 20).joined(), "w.txt")
    let lines = source(Array(repeating: "to be or not to be", count: 40).joined(separator: "\n"), "l.txt")
    let pairs = source(Array(repeating: "one two\teins zwei", count: 40).joined(separator: "\n"), "p.tsv")
    try withTemporaryFolder { folder in
      try MadeSpeech.write(12, seed: 3, to: folder, table: "train.csv")
      try MadeClips.write(12, seed: 3, to: folder + "/train.npy")
      let found: [(name: String, stages: [String: Set<String>])] = [
        ("classify", try stages(Classifier.self, table, ["target": ["stars"], "members": ["1"], "refit": []])),
        ("regress", try stages(Regressor.self, table, ["target": ["stars"], "members": ["1"]], cell: "gru")),
        ("detect", try stages(Detector.self, series)), ("forecast", try stages(Forecaster.self, series)),
        ("tag", try stages(Tagger.self, words, ["refit": []])), ("language", try stages(LanguageModel.self, lines)),
        ("translate", try stages(Translator.self, pairs)),
        ("transcribe", try stages(Transcriber.self, DataSource(paths: [folder + "/train.csv"]))),
        ("frames", try stages(FramePredictor.self, DataSource(paths: [folder + "/train.npy"]))),
      ]
      for (name, stages) in found {
        #expect(!stages.isEmpty && stages.values.allSatisfy { !$0.isEmpty }, "\(name): \(stages)")
      }
      let classify = try #require(found[0].stages["member1"])
      #expect(classify.contains { $0.hasPrefix("columns.0.") && $0.hasSuffix("_reverse forget") })
      #expect(found[0].stages["whole1"] == classify)
      #expect(found[1].stages["member1"]?.contains { $0.hasSuffix(" update") } == true)
      #expect(found[2].stages.keys.sorted() == ["prediction", "reconstruction"])
    }
  }
}
