import Refrain
import RefrainData

/// Gives every word of a sentence a tag: names of persons and places, phrases, parts of speech, the slots of a wish;
/// and where it has learned such, the sentence a label.
///
///     let tagger = try Tagger.train(on: TagExamples(sentences))
///     for answer in try tagger.predict([["Ada", "lives", "in", "London"]]) { print(answer.spans) }
///
/// It learns from words, their parts and their characters (``TagNetwork``), finds the most probable tags that the tags'
/// scheme allows, and says how probable each tag and each span is.
public struct Tagger: Sendable {
  let encoder: TagEncoder
  let labels: TagLabels
  let baseline: TagBaseline
  let columns: TaggedColumns
  var tagNetwork: TagNetwork

  /// False when training was stopped before its end.
  public let isComplete: Bool
  /// What training cost.
  public let training: TrainingReport
  /// How many sentences and words there were to learn from.
  public let sentenceCount, wordCount: Int
  /// How good the tagger is on the sentences that said when training was at its best.
  public internal(set) var evaluation: TaskEvaluation?

  /// The scheme of the tags in files and answers.
  public var scheme: TagScheme { labels.scheme }
  /// Whether sentences get a label.
  public var hasLabels: Bool { !labels.labels.isEmpty }

  /// How many sentences are sorted by their lengths together.
  private static let pool = 1 << 14

  /// Sentences in parts of which each is answered by itself, and as it is among all: as many as are sorted together.
  ///
  /// - Parameter places: which of them; nil means all.
  static func parts(
    of sentences: TaggedSentences, at places: Range<Int>? = nil
  ) -> some Sequence<(first: Int, sentences: [TaggedSentence])> {
    let places = places ?? 0..<sentences.count
    return stride(from: places.lowerBound, to: places.upperBound, by: pool).lazy.map { start in
      (first: start, sentences: Array(sentences[start..<min(start + pool, places.upperBound)]))
    }
  }

  /// What the network says of sentences; `body` is called with their numbers, in no certain order.
  func forEachBatch<Failure: Error>(
    _ sentences: [TaggedSentence],
    _ body: (_ examples: [Int], _ tags: Tensor, _ labels: Tensor?, _ lengths: [Int]) throws(Failure) -> Void
  ) throws(Failure) {
    for start in stride(from: 0, to: sentences.count, by: Self.pool) {
      let part = sentences[start..<min(start + Self.pool, sentences.count)]
      let batches = TagBatches(encoded: EncodedSentences(part, encoder, inMemory: true))
      try batches.run { examples, batch throws(Failure) in
        let (tags, labels) = tagNetwork(batch)
        try body(examples.map { start + $0 }, tags, labels, batch.lengths)
      }
    }
  }

  /// The most probable tags of sentences, and their labels where there are such.
  ///
  /// - Parameter check: Called with the scores of each batch, `[B, T, K]`, and the valid steps of its sentences.
  func bestTags<Failure: Error>(
    _ sentences: [TaggedSentence], check: (_ tags: Tensor, _ lengths: [Int]) throws(Failure) -> Void
  ) throws(Failure) -> [(tags: [String], label: String?)] {
    var results = [(tags: [String], label: String?)](repeating: ([], nil), count: sentences.count)
    let constraints = labels.constraints
    try forEachBatch(sentences) { examples, tags, scores, lengths throws(Failure) in
      try check(tags, lengths)
      let paths = tagNetwork.field.bestPaths(tags, lengths: lengths, constraints: constraints)
      let best = scores?.argmax()
      for (row, example) in examples.enumerated() {
        results[example] = (labels.written(paths[row]), best.map { labels.labels[$0[row]] })
      }
    }
    return results
  }
}

/// Sentences that are in memory, in batches of about one length.
struct TagBatches {
  let encoded: EncodedSentences
  /// How many words a batch has at most, padding counted, unless a sentence is longer.
  private static let most = 2048

  /// Calls `body` for all batches, with the numbers of their sentences.
  func run<Failure: Error>(
    _ body: (_ examples: [Int], _ batch: TagBatch) throws(Failure) -> Void
  ) throws(Failure) {
    let source = TagSource(encoded: encoded, tags: nil, labels: nil)
    let order = (0..<source.count).sorted { (source.length(of: $0), $0) < (source.length(of: $1), $1) }
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, (end + 1 - start) * source.length(of: order[end]) <= Self.most { end += 1 }
      let examples = Array(order[start..<end])
      try body(examples, TagBatch(examples, of: source))
      start = end
    }
  }
}
