import Refrain
import RefrainData
import RefrainFoundation

extension Tagger {
  /// The most probable tags of sentences, with how probable they are.
  ///
  /// - Parameters:
  ///   - sentences: The words of each.
  ///   - count: How many ways to tag each sentence are given; nil gives the best alone.
  public func predict(_ sentences: [[String]], best count: Int? = nil) -> [TaggedText] {
    texts(sentences.map { TaggedSentence(words: $0) }, best: count) { _, _ in }
  }

  /// The most probable tags of sentences, with how probable they are.
  ///
  /// - Parameter check: Called after the network has read a batch, with the scores of the tags, `[B, T, K]`, and the
  ///   valid steps of each sentence; what it throws ends it all.
  func texts<Failure: Error>(
    _ sentences: [TaggedSentence], best count: Int?, check: (_ tags: Tensor, _ lengths: [Int]) throws(Failure) -> Void
  ) throws(Failure) -> [TaggedText] {
    var results = [TaggedText?](repeating: nil, count: sentences.count)
    let constraints = labels.constraints
    let field = tagNetwork.field
    try forEachBatch(sentences) { examples, tags, scores, lengths throws(Failure) in
      try check(tags, lengths)
      let paths = field.bestPaths(tags, lengths: lengths, constraints: constraints)
      let marginals = field.marginals(tags, lengths: lengths, constraints: constraints)
      let best = count.map { field.bestPaths(tags, count: $0, lengths: lengths, constraints: constraints) }
      let shares = scores?.softmax()
      let winners = shares?.argmax()
      for (row, example) in examples.enumerated() {
        let winner = winners?[row]
        results[example] = text(
          sentences[example].words, paths[row], marginals[row], alternatives: best?[row],
          label: winner.map { labels.labels[$0] },
          labelProbability: winner.flatMap { winner in shares.map { Double($0[row, winner]) } })
      }
    }
    return results.enumerated().map { place, result in
      result
        ?? TaggedText(
          words: sentences[place].words, tags: [], probabilities: [], spans: nil, label: nil, labelProbability: nil,
          alternatives: nil)
    }
  }

  private func text(
    _ words: [String], _ path: [Int], _ marginals: ChainMarginals, alternatives: [TagPath]?, label: String?,
    labelProbability: Double?
  ) -> TaggedText {
    let tags = labels.written(path)
    let spans = TagSpan.spans(of: tags).map { span in
      TaggedText.Span(
        type: span.type, start: span.range.lowerBound, end: span.range.upperBound,
        text: words[span.range].joined(separator: " "),
        // A span that ends is not gone on with by the word after it.
        probability: rounded(
          marginals.probability(ofTags: Array(path[span.range]), from: span.range.lowerBound) {
            !labels.continues($0, span.type)
          }))
    }
    return TaggedText(
      words: words, tags: tags,
      probabilities: path.enumerated().map { rounded(marginals.probability(of: $1, at: $0)) },
      spans: scheme == .none ? nil : spans, label: label, labelProbability: labelProbability.map(rounded),
      alternatives: alternatives.map { all in
        all.map { .init(tags: labels.written($0.tags), probability: rounded(exp($0.logProbability))) }
      })
  }
}

extension Tagger {
  /// Makes sure that there is a best path: that what the network says, and what the field adds to it, are numbers.
  ///
  /// - Parameters:
  ///   - tags: The scores, `[B, T, K]`.
  ///   - lengths: The valid steps of each sentence.
  func checkScores(_ tags: Tensor, _ lengths: [Int]) throws(TaskError) {
    let (time, count) = (tags.shape[1], tags.shape[2])
    let isFinite = tags.withUnsafeValues { scores in
      lengths.enumerated().allSatisfy { row, length in
        (row * time * count..<(row * time + length) * count).allSatisfy { scores[$0].isFinite }
      }
    }
    guard isFinite else {
      throw TaskError(
        "the tagger's scores are infinite or no numbers, as its weights or its input are too great",
        remedy: "train the model again")
    }
  }
}

/// A probability to six digits: more say nothing.
private func rounded(_ probability: Double) -> Double { (min(1, probability) * 1e6).rounded() / 1e6 }
