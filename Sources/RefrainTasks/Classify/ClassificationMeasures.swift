import Foundation
import RefrainData

/// How well probabilities foretell classes.
struct ClassificationMeasures {
  let evaluation: TaskEvaluation

  /// - Parameters:
  ///   - labels: The classes.
  ///   - probabilities: Of each example, class by class.
  ///   - truth: The classes of each example; −1 is one that is not known.
  ///   - baseline: The probabilities of a logistic regression.
  ///   - shares: How frequent each class was in the training.
  ///   - threshold: How probable a label must be, where an example may have several.
  init(
    _ labels: Labels, _ probabilities: [[Double]], truth: [[Int]], baseline: [[Double]]?, shares: [Double],
    threshold: Double = 0.5
  ) {
    func measures(_ probabilities: [[Double]], _ counts: Counts) -> [TaskEvaluation.Measure] {
      counts.measures + Self.ranking(labels, probabilities, truth)
    }
    let measured = Counts(labels, probabilities, truth, threshold)
    var baselines: [TaskEvaluation.Baseline] = []
    let majority = Array(repeating: shares, count: truth.count)
    baselines.append(.init("majority", measures(majority, Counts(labels, majority, truth, threshold))))
    if let baseline {
      baselines.append(.init("bagOfWords", measures(baseline, Counts(labels, baseline, truth, threshold))))
    }
    evaluation = TaskEvaluation(
      task: Classifier.name, examples: truth.count, measures: measures(probabilities, measured),
      baselines: baselines, tables: measured.tables)
  }

  /// Of two classes: how well the second is told from the first, whatever the threshold; of several labels a row the
  /// mean over those that some rows have and some have not.
  private static func ranking(
    _ labels: Labels, _ probabilities: [[Double]], _ truth: [[Int]]
  ) -> [TaskEvaluation.Measure] {
    guard labels.areSeveral || labels.names.count == 2 else { return [] }
    let ranked = (labels.areSeveral ? Array(labels.names.indices) : [1]).map { label in
      RankingMeasures(probabilities.map { $0[label] }, truth.map { $0.contains(label) })
    }.filter { $0.auc.isFinite }
    guard !ranked.isEmpty else { return [] }
    let count = Double(ranked.count)
    return [
      .init("auc", ranked.reduce(0) { $0 + $1.auc } / count),
      .init("averagePrecision", ranked.reduce(0) { $0 + $1.averagePrecision } / count),
    ]
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

/// What was foretold, and what was so.
private struct Counts {
  private let labels: Labels
  private let examples: Int
  private var right = 0
  private var loss = 0.0
  /// Of each class: foretold rightly, foretold, and so.
  private var hits: [Int]
  private var foretold: [Int]
  private var so: [Int]
  /// For each class that was so (and the unknown one at the end) how often each was foretold.
  private var confusion: [[Int]]
  /// Of answers that were about equally sure: how many, the sum of their probabilities, how many were right.
  private var bins = [(count: Double, sure: Double, right: Double)](repeating: (0, 0, 0), count: 15)

  init(_ labels: Labels, _ probabilities: [[Double]], _ truth: [[Int]], _ threshold: Double) {
    self.labels = labels
    let count = labels.names.count
    examples = truth.count
    (hits, foretold, so) = ([Int](repeating: 0, count: count), [Int](repeating: 0, count: count), [])
    so = hits
    confusion = Array(repeating: hits, count: count + 1)
    for (probabilities, truth) in zip(probabilities, truth) {
      let answer = labels.answer(probabilities, threshold: threshold)
      loss += ClassificationMeasures.loss(probabilities, truth, areSeveral: labels.areSeveral)
      let isRight = Set(answer) == Set(truth)
      right += isRight ? 1 : 0
      for place in answer { foretold[place] += 1 }
      for place in truth where place >= 0 { so[place] += 1 }
      for place in answer where truth.contains(place) { hits[place] += 1 }
      guard !labels.areSeveral, let first = answer.first else { continue }
      confusion[truth[0] < 0 ? count : truth[0]][first] += 1
      // What is not a number is not sure of anything.
      let sure = probabilities[first] > 0 ? min(probabilities[first], 1) : 0
      let bin = min(Int(sure * Double(bins.count)), bins.count - 1)
      bins[bin].count += 1
      bins[bin].sure += sure
      bins[bin].right += isRight ? 1 : 0
    }
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
