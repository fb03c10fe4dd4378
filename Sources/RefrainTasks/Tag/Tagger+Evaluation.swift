import Refrain
import RefrainData

extension Tagger {
  /// What training seeks to make great: the F1 of spans, or the share of right tags, with that of right labels.
  func score(on sentences: TaggedSentences) -> Double {
    var scores = TagScores()
    for part in Self.parts(of: sentences) { scores.add(part.sentences, bestTags(part.sentences) { _, _ in }) }
    let ofTags = scheme == .none ? scores.spans.accuracy : scores.spans.all.f1
    // Those kept aside may have no labels.
    return hasLabels && scores.hasLabels ? (ofTags + scores.labelAccuracy) / 2 : ofTags
  }

  /// The measures on sentences whose tags are known, with those of the baselines.
  ///
  /// - Parameter check: Called with the scores of each batch, `[B, T, K]`, and the valid steps of its sentences.
  func measured<Failure: Error>(
    on sentences: TaggedSentences, byType: Bool,
    check: (_ tags: Tensor, _ lengths: [Int]) throws(Failure) -> Void
  ) throws(Failure) -> TaskEvaluation {
    // What is compared is written in one way: BILOU as BIOES, and loose tags as BIO.
    func written(_ tags: [String]) -> [String] { scheme == .none ? tags : scheme.converted(tags) }
    var (own, frequent, majority) = (TagScores(), TagScores(), TagScores())
    let most = baseline.tags[0]
    for part in Self.parts(of: sentences) {
      let truth = part.sentences.map { sentence in
        var sentence = sentence
        sentence.tags = written(sentence.tags)
        return sentence
      }
      own.add(truth, try bestTags(part.sentences, check: check))
      frequent.add(truth, truth.map { (written(baseline.tags(of: $0.words, encoder)), baseline.label) })
      majority.add(
        truth, truth.map { (written(Array(repeating: most, count: $0.words.count)), baseline.label) })
    }
    func measures(_ scores: TagScores, byType: Bool = false) -> [TaskEvaluation.Measure] {
      scores.measures(hasSpans: scheme != .none, hasLabels: hasLabels, byType: byType)
    }
    return TaskEvaluation(
      task: Self.name, examples: sentences.count, measures: measures(own, byType: byType),
      baselines: [
        .init("mostFrequentTagOfWord", measures(frequent)), .init("majority", measures(majority)),
      ])
  }
}

/// How well tags and labels of sentences were found.
struct TagScores {
  var spans = SpanScores()
  private var (sentences, rightSentences) = (0, 0)
  private var (labeled, rightLabels) = (0, 0)

  /// Adds some sentences.
  ///
  /// - Parameters:
  ///   - truth: Sentences whose tags are known.
  ///   - found: What was found for each.
  mutating func add(_ truth: [TaggedSentence], _ found: [(tags: [String], label: String?)]) {
    for (sentence, answer) in zip(truth, found) {
      spans.add(truth: sentence.tags, found: answer.tags)
      sentences += 1
      var isRight = sentence.tags == answer.tags
      if let label = sentence.label {
        labeled += 1
        if label == answer.label { rightLabels += 1 } else { isRight = false }
      }
      if isRight { rightSentences += 1 }
    }
  }

  /// Whether there are sentences whose label is known.
  var hasLabels: Bool { labeled > 0 }
  /// The share of sentences whose label is right; not a number where none has one.
  var labelAccuracy: Double { Double(rightLabels) / Double(labeled) }

  /// All measures, the most telling first.
  func measures(hasSpans: Bool, hasLabels: Bool, byType: Bool) -> [TaskEvaluation.Measure] {
    var measures: [TaskEvaluation.Measure] = []
    if hasSpans {
      measures = [
        .init("f1", spans.all.f1), .init("precision", spans.all.precision), .init("recall", spans.all.recall),
      ]
    }
    measures.append(.init("accuracy", spans.accuracy))
    if hasLabels, self.hasLabels { measures.append(.init("labelAccuracy", labelAccuracy)) }
    measures.append(.init("sentenceAccuracy", sentences == 0 ? 0 : Double(rightSentences) / Double(sentences)))
    if hasSpans, byType {
      for (type, counts) in spans.types.sorted(by: { $0.key < $1.key }) {
        measures += [
          .init("f1.\(type)", counts.f1), .init("precision.\(type)", counts.precision),
          .init("recall.\(type)", counts.recall),
        ]
      }
    }
    return measures
  }
}
