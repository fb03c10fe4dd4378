import Refrain
import RefrainData

/// Pairs of texts as tokens: a source, and what is to be made of it.
struct TokenPairs: ExampleSource, Sendable {
  let sources: TokenSequences
  let targets: TokenSequences
  /// Whether they are to be judged by, and not learned from.
  var isValidation = false

  var count: Int { sources.count }

  /// By the length of both: a batch has sources of one length and targets of one length.
  func length(of example: Int) -> Int { sources.length(of: example) + targets.length(of: example) + 1 }

  func share(_ examples: [Int], of batch: [Int]) throws(TrainingError) -> BatchShare<PairBatch> {
    var own = try self.batch(examples)
    own.sourceTime = batch.map(sources.length(of:)).max() ?? 0
    own.targetTime = batch.map(targets.length(of:)).max() ?? 0
    return BatchShare(own, of: WholeBatch(count: batch.count))
  }

  func batch(_ examples: [Int]) throws(TrainingError) -> PairBatch {
    let batch = pairs(examples)
    do throws(DataError) {
      try sources.check()
      try targets.check()
    } catch {
      throw TrainingError(.unreadableData, error.description)
    }
    return batch
  }

  /// Some pairs; where they cannot be read, ``batch(_:)`` tells.
  func pairs(_ examples: [Int]) -> PairBatch {
    PairBatch(
      sources: examples.map { sources[$0].map(Int.init) }, targets: examples.map { targets[$0].map(Int.init) },
      isValidation: isValidation)
  }
}

/// Some pairs to learn from together.
struct PairBatch: TrainingBatch {
  let sources: [[Int]]
  let targets: [[Int]]
  let isValidation: Bool
  /// How many tokens sources and targets are padded to, if none of them has more.
  var sourceTime = 0
  var targetTime = 0

  var count: Int { sources.count }
  /// The tokens of the targets, with their ends.
  var weight: Double { Double(targets.reduce(0) { $0 + $1.count + 1 }) }
}
