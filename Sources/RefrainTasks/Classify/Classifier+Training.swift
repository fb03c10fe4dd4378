import Refrain
import RefrainData

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
    do throws(DataError) {
      return try Result { () throws(DataError) in try ClassifierTraining(examples, configuration) }.get().run(context)
    } catch {
      throw TaskError(error.description)
    }
  }
}

/// All that is made of labelled rows before networks are trained on them.
private struct ClassifierTraining {
  let configuration: ClassifierConfiguration
  let labels: Labels
  let columns: InputColumns
  let training: ColumnExamples
  let heldOut: ColumnExamples
  let target: String
  var report = ClassifierReport()

  init(_ examples: LabelledRecords, _ configuration: ClassifierConfiguration) throws(DataError) {
    self.configuration = configuration
    let options = configuration.columns
    let records = examples.records
    guard let place = examples.target else {
      throw DataError(.noSuchColumn, "there is no column of labels to learn", remedy: "name it", setting: .target)
    }
    let column = Column(records, place)
    target = column.name
    let labels = try Labels(column, separator: configuration.separator)
    self.labels = labels
    let places = try labels.places(in: column)
    let split: (training: [Int], heldOut: [Int])
    if examples.validation == nil {
      split = Self.split(places, classes: labels.names.count, seed: options.seed)
    } else {
      split = (Array(0..<records.count), [])
    }
    report.notes = records.notes
    columns = try InputColumns(
      learning: records, examples.choices, rows: split.training, options.settings, notes: &report.notes)
    let rows = try columns.encode(records)
    let weights = Self.weights(configuration.classWeights ?? .none, places, split.training, labels)
    func part(_ rows: EncodedRows, _ chosen: [Int], _ places: [[Int]], weights: [Float]? = nil) -> ColumnExamples {
      ColumnExamples(rows: rows, places: chosen, targets: chosen.map { labels.target(places[$0]) }, weights: weights)
    }
    training = part(rows, split.training, places, weights: weights)
    if let validation = examples.validation {
      let other = try labels.places(in: Column(validation, try validation.column(named: target)))
      let known = other.indices.filter { !other[$0].contains(-1) }
      heldOut = part(try columns.encode(validation), known, other)
      report.hasOwnValidation = true
    } else {
      heldOut = part(rows, split.heldOut, places)
    }
    (report.examples, report.heldOut, report.seed) = (training.count, heldOut.count, options.seed)
    var counts = [Double](repeating: 0, count: labels.names.count)
    for row in split.training { for place in places[row] { counts[place] += 1 } }
    report.shares = counts.map { $0 / Double(max(1, split.training.count)) }
    noteRare(counts)
  }

  /// One row in ten of each class, at most 5000 together; none of a class that has less than four.
  private static func split(_ places: [[Int]], classes: Int, seed: UInt64) -> (training: [Int], heldOut: [Int]) {
    var generator = RandomGenerator(seed: seed ^ 0x5EED_0F_5911)
    var groups: [Int: [Int]] = [:]
    for (row, labels) in places.enumerated() { groups[labels.first ?? -1, default: []].append(row) }
    let part = min(0.1, 5000 / Double(max(1, places.count)))
    var heldOut: [Int] = []
    for (_, rows) in groups.sorted(by: { $0.key < $1.key }) where rows.count >= 4 {
      let count = max(rows.count >= 10 ? 1 : 0, Int((Double(rows.count) * part).rounded()))
      heldOut += generator.permutation(rows.count).prefix(count).map { rows[$0] }
    }
    let chosen = Set(heldOut)
    return (places.indices.filter { !chosen.contains($0) }, heldOut.sorted())
  }

  private static func weights(
    _ way: ClassifierConfiguration.ClassWeights, _ places: [[Int]], _ rows: [Int], _ labels: Labels
  ) -> [Float]? {
    guard way == .balanced, !labels.areSeveral else { return nil }
    var counts = [Float](repeating: 0, count: labels.names.count)
    for row in rows { counts[places[row][0]] += 1 }
    let present = Float(counts.count { $0 > 0 })
    return rows.map { Float(rows.count) / (present * max(1, counts[places[$0][0]])) }
  }

  private mutating func noteRare(_ counts: [Double]) {
    let rare = labels.names.indices.filter { counts[$0] < 2 }
    guard !rare.isEmpty else { return }
    let shown = rare.prefix(5).map { labels.names[$0].quoted }.joined(separator: ", ") + (rare.count > 5 ? ", …" : "")
    report.notes.append("the class\(rare.count == 1 ? "" : "es") \(shown) with one example can hardly be learned")
  }

  func run(_ context: TrainingContext) throws(DataError) -> Classifier {
    do throws(TaskError) {
      return try trained(context)
    } catch {
      throw DataError(.tooFewRows, error.problem, remedy: error.remedy)
    }
  }

  private func trained(_ context: TrainingContext) throws(TaskError) -> Classifier {
    var report = report
    let options = configuration.columns
    let steps = training.places.reduce(0) { $0 + max(1, training.rows.length(of: $1)) }
    let plan = options.plan(columns, examples: training.count)
    guard plan.isSound else {
      throw TaskError(
        "this network cannot be",
        remedy: "choose 1 to 64 layers, 1 to 4096 units, a dropout of at least 0 and below 1, and a cell such as lstm")
    }
    let members = options.memberCount(steps: steps)
    var networks: [JoinedNetwork] = []
    for member in 0..<members {
      let seed = options.seed &+ UInt64(member) &* 0x9E37_79B9
      var generator = RandomGenerator(seed: seed)
      var network = JoinedNetwork(columns, plan, outputSize: labels.names.count, using: &generator)
      let run = ColumnTraining(
        examples: training, heldOut: heldOut, epochs: options.epochs(columns, steps: steps), seed: seed,
        loss: labels.areSeveral ? .binaryCrossEntropy : .crossEntropy, context: context,
        stage: "member\(member + 1)", share: Double(member) / Double(members)..<Double(member + 1) / Double(members))
      do throws(TaskError) {
        let history = try run.run(&network)
        report.epochs.append(history.bestEpoch ?? history.epochs.count)
        if history.stopReason == .cancelled { report.isComplete = false }
      } catch {
        // What was stopped in its first epoch is left out, if there is another.
        guard !networks.isEmpty, context.shouldStop() else { throw error }
        report.isComplete = false
        break
      }
      networks.append(network)
      if !report.isComplete { break }
    }
    report.parameters = networks.reduce(0) { $0 + $1.parameterCount }
    var baseline = LogisticRegression(columns, classes: labels.names.count, areSeveral: labels.areSeveral)
    baseline?.fit(training, heldOut: heldOut, seed: options.seed)
    let scores = try Classifier.scores(networks, heldOut.rows, heldOut.places)
    let calibration = calibration(scores)
    if heldOut.count > 0 {
      report.evaluation = SavedEvaluation(
        measures(scores, calibration, baseline, shares: report.shares).evaluation)
    }
    return Classifier(
      target: target, labels: labels, columns: columns, plan: plan, networks: networks, calibration: calibration,
      baseline: baseline, report: report)
  }

  /// The temperature with which the held-out examples are most probable.
  private func calibration(_ scores: [Float]) -> Calibration {
    let width = labels.names.count
    return Calibration(examples: heldOut.count) { temperature in
      var calibration = Calibration()
      calibration.temperature = temperature
      return heldOut.targets.indices.reduce(0) { sum, example in
        let probabilities = calibration.probabilities(
          scores[example * width..<(example + 1) * width], areSeveral: labels.areSeveral)
        return sum + ClassificationMeasures.loss(probabilities, truth(example), areSeveral: labels.areSeveral)
      }
    }
  }

  private func truth(_ example: Int) -> [Int] {
    let target = heldOut.targets[example]
    return labels.areSeveral ? target.indices.filter { target[$0] > 0 } : [Int(target[0])]
  }

  private func measures(
    _ scores: [Float], _ calibration: Calibration, _ baseline: LogisticRegression?, shares: [Double]
  ) -> ClassificationMeasures {
    ClassificationMeasures(
      labels, Classifier.probabilities(scores, calibration, labels), truth: heldOut.targets.indices.map(truth),
      baseline: baseline?.probabilities(heldOut.rows, heldOut.places).map { $0.map(Double.init) }, shares: shares)
  }
}
