import Refrain
import RefrainData

/// The classes of rows.
struct ClassHead: ColumnHead {
  let labels: Labels
  let classWeights: ClassifierConfiguration.ClassWeights

  var outputSize: Int { labels.names.count }

  func loss(for truths: ChosenTruths<ClassSets>) -> Loss {
    guard labels.areSeveral else { return .crossEntropy }
    guard classWeights == .balanced else { return .binaryCrossEntropy }
    return balancedLoss(truths)
  }

  /// The places of the classes of each row; −1 is one that is not known.
  func truths(in column: Column) throws(DataError) -> ClassSets { try labels.sets(in: column) }
  func isKnown(_ truth: [Int]) -> Bool { !truth.contains(-1) }
  func target(_ truth: [Int]) -> [Float] { labels.target(truth) }
  func group(_ truth: [Int]) -> Int { truth.first ?? -1 }

  func weights(_ truths: ChosenTruths<ClassSets>) -> LongArray<Float>? {
    guard classWeights == .balanced, !labels.areSeveral else { return nil }
    var counts = [Float](repeating: 0, count: labels.names.count)
    for truth in truths { counts[truth[0]] += 1 }
    let present = Float(counts.count { $0 > 0 })
    var weights = LongArray<Float>()
    for truth in truths { weights.append(Float(truths.count) / (present * max(1, counts[truth[0]]))) }
    return weights
  }

  /// Binary cross entropy in which the rows that have a label count as much, together, as those that have not.
  private func balancedLoss(_ truths: ChosenTruths<ClassSets>) -> Loss {
    var counts = [Float](repeating: 0, count: labels.names.count)
    for truth in truths { for place in truth where place >= 0 { counts[place] += 1 } }
    let half = Float(truths.count) / 2
    let having = Tensor(counts.map { half / max(1, $0) })
    let lacking = Tensor(counts.map { half / max(1, Float(truths.count) - $0) })
    return Loss("balanced binary cross entropy", prediction: .logits) { logits, target in
      let weights = target * having + (1 - target) * lacking
      return weights * (relu(logits) - logits * target + softplus(-abs(logits)))
    }
  }
}

extension Classifier {
  /// Learns of labelled rows, with everything left to the data.
  public static func train(on examples: LabelledRecords) throws(TaskError) -> Classifier {
    try train(on: examples, ClassifierConfiguration(), TrainingContext())
  }

  /// Learns of labelled rows.
  ///
  /// - Throws: ``TaskError`` when there is too little to learn from, or training was stopped before there was a result.
  public static func train(
    on examples: LabelledRecords, _ configuration: ClassifierConfiguration, _ context: TrainingContext
  ) throws(TaskError) -> Classifier {
    var learning: ColumnLearning<ClassHead>
    do throws(DataError) {
      learning = try ColumnLearning(examples, configuration.columns, of: "labels") { column throws(DataError) in
        ClassHead(
          labels: try Labels(column, separator: configuration.separator),
          classWeights: configuration.classWeights ?? .none)
      }
    } catch {
      throw TaskError(error)
    }
    let labels = learning.head.labels
    var counts = [Double](repeating: 0, count: labels.names.count)
    for truth in learning.trainingTruths { for place in truth { counts[place] += 1 } }
    learning.report.notes += rareNote(labels, counts)
    if configuration.classWeights == .balanced {
      learning.report.notes.append(
        "class weights are balanced: rare classes are found more often, and probabilities are as if none were rare")
    }
    let shares = counts.map { $0 / Double(max(1, learning.training.count)) }
    let heldOut = (rows: learning.heldOut, truths: learning.heldOutTruths)
    var model = try learning.model(context) { model throws(TaskError) in
      let scores = try model.scores(heldOut.rows.rows, heldOut.rows.places)
      return Classifier(
        model: model, labels: labels, calibration: Calibration(scores, labels, heldOut.truths), baseline: nil,
        linear: LinearShare(), shares: shares)
    }
    var baseline = LogisticRegression(model.columns, classes: labels.names.count, areSeveral: labels.areSeveral)
    try baseline?.fit(learning.training, heldOut: learning.heldOut, seed: configuration.columns.seed)
    var scores = try model.scores(heldOut.rows.rows, heldOut.rows.places)
    var linear = LinearShare()
    // It does not know of balanced weights.
    if configuration.classWeights != .balanced, model.columns.readsSeries,
      let other = baseline?.scores(heldOut.rows.rows, heldOut.rows.places)
    {
      linear = LinearShare(network: scores, linear: other, labels, heldOut.truths)
      scores = linear.scores(network: scores, linear: other)
    }
    let calibration = Calibration(scores, labels, heldOut.truths)
    if !heldOut.truths.isEmpty {
      let measures = ClassificationMeasures(
        labels, probabilities(scores, calibration, labels), truth: heldOut.truths,
        baseline: baseline?.probabilities(heldOut.rows.rows, heldOut.rows.places).map { $0.map(Double.init) },
        shares: shares)
      do throws(DataError) {
        model.report.evaluation = SavedEvaluation(try measures.evaluation())
      } catch {
        throw TaskError(error)
      }
    }
    let finished = { [baseline, linear] (model: ColumnModel) in
      Classifier(
        model: model, labels: labels, calibration: calibration, baseline: baseline, linear: linear, shares: shares)
    }
    model = try learning.refitted(model, context, task: finished)
    try learning.requireWhole()
    return finished(model)
  }

  private static func rareNote(_ labels: Labels, _ counts: [Double]) -> [String] {
    let rare = labels.names.indices.filter { counts[$0] < 2 }
    guard !rare.isEmpty else { return [] }
    let shown = rare.prefix(5).map { labels.names[$0].quoted }.joined(separator: ", ") + (rare.count > 5 ? ", …" : "")
    return ["the class\(rare.count == 1 ? "" : "es") \(shown) with one example can hardly be learned"]
  }
}
