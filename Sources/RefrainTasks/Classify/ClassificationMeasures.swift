import RefrainData
import RefrainFoundation

/// How well probabilities foretell classes. Of each row only what it adds is kept, and its scores where they are
/// ranked.
struct ClassificationMeasures {
  private let labels: Labels
  private let shares: [Double]
  private var own: Foretellings
  private var majority: Foretellings
  private var baseline: Foretellings?

  /// No rows yet.
  ///
  /// - Parameters:
  ///   - labels: The classes.
  ///   - shares: How frequent each class was in the training.
  ///   - threshold: How probable a label must be, where an example may have several.
  ///   - hasBaseline: Whether there are probabilities of a logistic regression.
  init(_ labels: Labels, shares: [Double], threshold: Double = 0.5, hasBaseline: Bool) {
    (self.labels, self.shares) = (labels, shares)
    own = Foretellings(labels, threshold, isRanked: true)
    // Where all scores are the same, their ranks say nothing.
    majority = Foretellings(labels, threshold, isRanked: false)
    baseline = hasBaseline ? Foretellings(labels, threshold, isRanked: true) : nil
  }

  /// Those of rows that are all at hand.
  init(
    _ labels: Labels, _ probabilities: [[Double]], truth: [[Int]], baseline: [[Double]]?, shares: [Double],
    threshold: Double = 0.5
  ) {
    self.init(labels, shares: shares, threshold: threshold, hasBaseline: baseline != nil)
    add(probabilities, truth: truth, baseline: baseline)
  }

  /// Takes up rows.
  ///
  /// - Parameters:
  ///   - probabilities: Of each row, class by class.
  ///   - truth: The classes of each row; −1 is one that is not known.
  ///   - baseline: The probabilities of a logistic regression.
  mutating func add(_ probabilities: [[Double]], truth: [[Int]], baseline: [[Double]]?) {
    own.add(probabilities, truth)
    majority.add(Array(repeating: shares, count: truth.count), truth)
    if let baseline { self.baseline?.add(baseline, truth) }
  }

  /// The measures of all rows so far.
  ///
  /// - Throws: `diskFull`, `unwritableFile` or `unreadableFile`, where scores are too many for memory.
  func evaluation() throws(DataError) -> TaskEvaluation {
    var baselines = [TaskEvaluation.Baseline("majority", try majority.measures())]
    if let baseline { baselines.append(.init("bagOfWords", try baseline.measures())) }
    return TaskEvaluation(
      task: Classifier.name, examples: own.counts.examples, measures: try own.measures(), baselines: baselines,
      tables: own.counts.tables)
  }

  /// −log of how probable the truth is.
  static func loss(_ probabilities: [Double], _ truth: [Int], areSeveral: Bool) -> Double {
    let least = 1e-12
    guard areSeveral else { return truth[0] < 0 ? -log(least) : -log(max(probabilities[truth[0]], least)) }
    return probabilities.indices.reduce(0) {
      $0 - log(max(truth.contains($1) ? probabilities[$1] : 1 - probabilities[$1], least))
    }
  }
}

/// What one way foretold of rows: how often it was right, and how it ranks them.
private struct Foretellings {
  private(set) var counts: Counts
  /// Of two classes how well the second is told from the first, whatever the threshold; of several labels a row each
  /// of them. Nil where all scores are the same.
  private var ranked: [RankedRows]?
  private let classes: [Int]

  init(_ labels: Labels, _ threshold: Double, isRanked: Bool) {
    counts = Counts(labels, threshold)
    classes = labels.areSeveral ? Array(labels.names.indices) : labels.names.count == 2 ? [1] : []
    let settings = LongArraySettings.current.shared(by: classes.count)
    ranked = isRanked ? classes.map { _ in RankedRows(most: settings.bytes / RankedRows.size) } : nil
  }

  mutating func add(_ probabilities: [[Double]], _ truth: [[Int]]) {
    for (probabilities, truth) in zip(probabilities, truth) {
      counts.add(probabilities, truth)
      guard ranked != nil else { continue }
      for (place, label) in classes.enumerated() {
        ranked?[place].add(score: probabilities[label], isSo: truth.contains(label))
      }
    }
  }

  /// Where a row may have several labels, the mean over those that some rows have and some have not.
  func measures() throws(DataError) -> [TaskEvaluation.Measure] {
    var all: [RankingMeasures] = []
    for (place, label) in classes.enumerated() {
      let own = try ranked.map { rows throws(DataError) in try rows[place].measures() }
      all.append(own ?? RankingMeasures(tied: counts.so[label], of: counts.examples))
    }
    all.removeAll { !$0.auc.isFinite }
    guard !all.isEmpty else { return counts.measures }
    let count = Double(all.count)
    return counts.measures + [
      .init("auc", all.reduce(0) { $0 + $1.auc } / count),
      .init("averagePrecision", all.reduce(0) { $0 + $1.averagePrecision } / count),
    ]
  }
}

/// What was foretold, and what was so.
private struct Counts {
  private let labels: Labels
  private let threshold: Double
  private(set) var examples = 0
  private var right = 0
  private var loss = 0.0
  /// Of each class: foretold rightly, foretold, and so.
  private var hits: [Int]
  private var foretold: [Int]
  private(set) var so: [Int]
  /// For each class that was so (and the unknown one at the end) how often each was foretold.
  private var confusion: [[Int]]
  /// Of answers that were about equally sure: how many, the sum of their probabilities, how many were right.
  private var bins = [(count: Double, sure: Double, right: Double)](repeating: (0, 0, 0), count: 15)

  init(_ labels: Labels, _ threshold: Double) {
    (self.labels, self.threshold) = (labels, threshold)
    let count = labels.names.count
    hits = [Int](repeating: 0, count: count)
    (foretold, so) = (hits, hits)
    confusion = Array(repeating: hits, count: count + 1)
  }

  /// Takes up a row.
  mutating func add(_ probabilities: [Double], _ truth: [Int]) {
    examples += 1
    let answer = labels.answer(probabilities, threshold: threshold)
    loss += ClassificationMeasures.loss(probabilities, truth, areSeveral: labels.areSeveral)
    let isRight = Set(answer) == Set(truth)
    right += isRight ? 1 : 0
    for place in answer { foretold[place] += 1 }
    for place in truth where place >= 0 { so[place] += 1 }
    for place in answer where truth.contains(place) { hits[place] += 1 }
    guard !labels.areSeveral, let first = answer.first else { return }
    confusion[truth[0] < 0 ? labels.names.count : truth[0]][first] += 1
    // What is not a number is not sure of anything.
    let sure = probabilities[first] > 0 ? min(probabilities[first], 1) : 0
    let bin = min(Int(sure * Double(bins.count)), bins.count - 1)
    bins[bin].count += 1
    bins[bin].sure += sure
    bins[bin].right += isRight ? 1 : 0
  }

  private func precision(_ place: Int) -> Double {
    foretold[place] == 0 ? 0 : Double(hits[place]) / Double(foretold[place])
  }
  private func recall(_ place: Int) -> Double { so[place] == 0 ? 0 : Double(hits[place]) / Double(so[place]) }
  private func f1(_ place: Int) -> Double {
    foretold[place] + so[place] == 0 ? 0 : 2 * Double(hits[place]) / Double(foretold[place] + so[place])
  }

  /// Means over the classes that were so or foretold.
  var measures: [TaskEvaluation.Measure] {
    let there = labels.names.indices.filter { foretold[$0] + so[$0] > 0 }
    func mean(_ value: (Int) -> Double) -> Double { there.map(value).reduce(0, +) / Double(max(1, there.count)) }
    let count = Double(max(1, examples))
    let error = bins.reduce(0) { $0 + abs($1.sure - $1.right) } / count
    var measures: [TaskEvaluation.Measure] = [
      .init("accuracy", Double(right) / count), .init("f1", mean(f1)), .init("precision", mean(precision)),
      .init("recall", mean(recall)), .init("logLoss", loss / count),
    ]
    if labels.areSeveral {
      let (hit, all) = (hits.reduce(0, +), foretold.reduce(0, +) + so.reduce(0, +))
      measures.insert(.init("microF1", all == 0 ? 0 : 2 * Double(hit) / Double(all)), at: 2)
    } else {
      measures.append(.init("calibrationError", error))
    }
    return measures
  }

  var tables: [TaskEvaluation.Table] {
    let classes = TaskEvaluation.Table(
      "classes", columns: ["precision", "recall", "f1", "examples"],
      rows: labels.names.enumerated().map { ($1, [precision($0), recall($0), f1($0), Double(so[$0])]) })
    guard !labels.areSeveral, labels.names.count <= 100 else { return [classes] }
    var rows = zip(labels.names, confusion).map { ($0, $1.map(Double.init)) }
    if let unknown = confusion.last, unknown.contains(where: { $0 > 0 }) {
      rows.append(("(another label)", unknown.map(Double.init)))
    }
    return [classes, TaskEvaluation.Table("confusion", columns: labels.names, rows: rows)]
  }
}

extension Labels {
  /// The classes that probabilities speak for.
  func answer(_ probabilities: [Double], threshold: Double) -> [Int] {
    if areSeveral { return probabilities.indices.filter { probabilities[$0] >= threshold } }
    var best = 0
    for place in probabilities.indices where probabilities[place] > probabilities[best] { best = place }
    return [best]
  }
}
