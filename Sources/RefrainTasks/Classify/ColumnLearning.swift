import Refrain
import RefrainData

/// What is said of a row: how it stands in a column, and what networks are to say for it.
protocol ColumnHead: Sendable {
  /// What is true of rows.
  associatedtype Truths: RowTruths
  /// What is true of a row.
  typealias Truth = Truths.Truth

  /// How many values a network says of a row.
  var outputSize: Int { get }
  /// How far these are from the truth.
  ///
  /// - Parameter truths: Those of all rows that are learned of.
  func loss(for truths: ChosenTruths<Truths>) -> Loss

  /// What is true of each row.
  ///
  /// - Throws: ``DataError`` at the row where it cannot be told.
  func truths(in column: Column) throws(DataError) -> Truths

  /// Whether it is something that can be said.
  func isKnown(_ truth: Truth) -> Bool

  /// What networks are to say.
  func target(_ truth: Truth) -> [Float]

  /// How much each row counts in the training; nil is 1 each.
  func weights(_ truths: ChosenTruths<Truths>) -> LongArray<Float>?

  /// A part of each group of rows is kept aside.
  func group(_ truth: Truth) -> Int
}

extension ColumnHead {
  func isKnown(_ truth: Truth) -> Bool { true }
  func weights(_ truths: ChosenTruths<Truths>) -> LongArray<Float>? { nil }
  func group(_ truth: Truth) -> Int { 0 }
}

/// All that is made of rows before networks are trained on them.
struct ColumnLearning<Head: ColumnHead>: Sendable {
  let options: ColumnOptions
  let head: Head
  let columns: InputColumns
  let training: ColumnExamples
  let heldOut: ColumnExamples
  let trainingTruths: ChosenTruths<Head.Truths>
  let heldOutTruths: [Head.Truth]
  /// All rows, where networks are to be trained again on them and some were kept aside; nil elsewhere.
  private let whole: (examples: ColumnExamples, truths: ChosenTruths<Head.Truths>)?
  let target: String
  var report = ColumnReport()

  /// - Parameters:
  ///   - what: What stands in the column that is to be learned, such as `labels`.
  ///   - makeHead: Finds out what that column can say.
  init(
    _ examples: LabelledRecords, _ options: ColumnOptions, of what: String,
    makeHead: (Column) throws(DataError) -> Head
  ) throws(DataError) {
    self.options = options
    let records = examples.records
    guard let place = examples.target else {
      throw DataError(.noSuchColumn, "there is no column of \(what) to learn", remedy: "name it", setting: .target)
    }
    let column = Column(records, place)
    target = column.name
    let head = try makeHead(column)
    self.head = head
    let truths = try head.truths(in: column)
    try truths.check()
    let aside = examples.validation == nil ? Self.aside(truths, head, seed: options.seed) : []
    let kept = RowChoice(allOf: records.count, but: aside)
    report.notes = records.notes
    var columns = try InputColumns(
      learning: records, examples.choices, rows: kept, options.settings, notes: &report.notes)
    columns.layout = examples.layout
    columns.decimal = examples.decimal
    self.columns = columns
    let rows = try columns.encode(records)
    report.notes += rows.notes.prefix(20)
    trainingTruths = ChosenTruths(truths, kept)
    training = ColumnExamples(
      rows: rows, places: kept, targets: trainingTruths.lazy.map(head.target), weights: head.weights(trainingTruths))
    if let validation = examples.validation {
      let others = try head.truths(in: Column(validation, try validation.column(named: target)))
      try others.check()
      let known = (0..<others.count).filter { head.isKnown(others[$0]) }
      heldOutTruths = known.map { others[$0] }
      heldOut = ColumnExamples(
        rows: try columns.encode(validation), places: RowChoice(known), targets: heldOutTruths.lazy.map(head.target),
        weights: nil)
      report.hasOwnValidation = true
    } else {
      heldOutTruths = aside.map { truths[$0] }
      heldOut = ColumnExamples(
        rows: rows, places: RowChoice(aside), targets: heldOutTruths.lazy.map(head.target), weights: nil)
    }
    if options.refits == true, report.hasOwnValidation {
      throw DataError(
        .wrongInput, file: options.validation,
        "beside a validation file nothing is kept aside that could be learned too",
        remedy: "leave out the file, or the option 'refit'")
    }
    if options.refits == true, heldOut.count > 0 {
      let all = RowChoice(allOf: records.count, but: [])
      let allTruths = ChosenTruths(truths, all)
      whole = (
        ColumnExamples(
          rows: rows, places: all, targets: allTruths.lazy.map(head.target), weights: head.weights(allTruths)),
        allTruths
      )
    } else {
      whole = nil
    }
    (report.examples, report.heldOut, report.seed) = (training.count, heldOut.count, options.seed)
  }

  /// The rows that are kept aside, in their order: one in ten of each group, at most 5000 together; none of a group
  /// that has less than four.
  private static func aside(_ truths: Head.Truths, _ head: Head, seed: UInt64) -> [Int] {
    var generator = RandomGenerator(seed: seed ^ 0x5EED_0F_5911)
    let part = min(0.1, 5000 / Double(max(1, truths.count)))
    var sizes: [Int: Int] = [:]
    for row in 0..<truths.count { sizes[head.group(truths[row]), default: 0] += 1 }
    // Of each group which of its rows, the last one first.
    var chosen: [Int: [Int]] = [:]
    for (group, size) in sizes.sorted(by: { $0.key < $1.key }) where size >= 4 {
      let count = max(size >= 10 ? 1 : 0, Int((Double(size) * part).rounded()))
      chosen[group] = generator.permutation(prefix: count, of: size).sorted(by: >)
    }
    var (passed, aside) = ([Int: Int](), [Int]())
    for row in 0..<truths.count {
      let group = head.group(truths[row])
      let number = passed[group, default: 0]
      passed[group] = number + 1
      guard chosen[group]?.last == number else { continue }
      chosen[group]?.removeLast()
      aside.append(row)
    }
    return aside
  }

  /// Makes sure that all rows that were asked for could be read.
  func requireWhole() throws(TaskError) {
    try training.requireWhole()
    try heldOut.requireWhole()
    try whole?.examples.requireWhole()
  }

  /// Trains networks.
  ///
  /// - Parameter task: What answers with the networks there are so far, for checkpoints: what is calibrated is so for
  ///   the rows kept aside as they are answered then.
  /// - Throws: ``TaskError`` when the network cannot be, or training was stopped before there was a result.
  func model<Task: TaskModel>(
    _ context: TrainingContext, task: @escaping (ColumnModel) throws(TaskError) -> Task
  ) throws(TaskError) -> ColumnModel {
    var report = report
    let steps = training.places.reduce(0) { $0 + max(1, training.rows.length(of: $1)) }
    var plan = options.plan(columns, examples: training.count)
    plan.regularizers = try regularizers(of: plan, context)
    guard plan.isSound else {
      throw TaskError(
        "this network cannot be",
        remedy: "choose 1 to 64 layers, 1 to 4096 units, a dropout of at least 0 and below 1, and a cell such as lstm")
    }
    guard !plan.readsTime || columns.readsSeries else {
      throw TaskError(
        "the cell \(plan.cell) reads the times of series, and no column is a series",
        remedy: "choose another cell, such as gru")
    }
    let augmentation = try ColumnAugmentation(context.regularization, columns, for: Task.self)
    let members = options.memberCount(steps: steps)
    let size = try batchSize(plan, context)
    report.plannedEpochs = options.epochs(columns, steps: steps, batches: (training.count + size - 1) / size)
    // The second half of the work is to train again.
    let part = (whole == nil ? 1 : 0.5) / Double(members)
    var networks: [JoinedNetwork] = []
    for member in 0..<members {
      let (seed, before) = (seed(of: member), networks)
      var generator = RandomGenerator(seed: seed)
      var network = JoinedNetwork(columns, plan, outputSize: head.outputSize, using: &generator)
      let run = ColumnTraining(
        examples: training, heldOut: heldOut, epochs: report.plannedEpochs, seed: seed,
        loss: head.loss(for: trainingTruths), augmentation: augmentation, context: context,
        stage: "member\(member + 1)", batchSize: size,
        share: part * Double(member)..<part * Double(member + 1))
      (report.batchSize, report.learningRate) = (run.batchSize, run.learningRate)
      do throws(TaskError) {
        let unfinished = report.unfinished(
          "\(before.count + 1) of \(members) networks answer, without a linear model beside them")
        let history = try run.run(&network) { network in
          var so = ColumnModel(
            target: target, columns: columns, plan: plan, networks: before + [network], report: unfinished)
          so.report.parameters = so.parameterCount
          return try? task(so)
        }
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
    var model = ColumnModel(target: target, columns: columns, plan: plan, networks: networks, report: report)
    model.report.parameters = model.parameterCount
    return model
  }

  /// How recurrent layers are regularized, where a column is read by some.
  private func regularizers(
    of plan: NetworkPlan, _ context: TrainingContext
  ) throws(TaskError) -> RecurrentRegularizers? {
    let single: [Augmentation.Content?] = [.numbers, .categories]
    guard columns.encoders.contains(where: { !single.contains($0.encoder.content) }) else {
      try context.regularization.requireNoRecurrent("numbers and categories are read by no recurrent layer")
      return nil
    }
    return try context.regularization.recurrent(of: plan.cell, showsSteps: plan.pooling != .last)
  }

  /// How many rows are learned from together.
  private func batchSize(_ plan: NetworkPlan, _ context: TrainingContext) throws(TaskError) -> Int {
    let usual = ColumnTraining.batchSize(examples: training.count)
    guard options.batch != nil else { return usual }
    var generator = RandomGenerator(seed: options.seed)
    let network = JoinedNetwork(columns, plan, outputSize: head.outputSize, using: &generator)
    let loss = head.loss(for: trainingTruths)
    return try context.batchSize(options.batch, usually: usual, source: training, model: network) { size, longest in
      max(longest, min(size * longest, ColumnTraining.maximumSteps(size, examples: training.count)))
    } loss: { network, batch in
      loss(network(batch.inputs), batch.target, weights: batch.weights)
    }
  }

  private func seed(of member: Int) -> UInt64 { options.seed &+ UInt64(member) &* 0x9E37_79B9 }

  /// Trains the networks of a model again on all rows, each as many epochs as were best, where that is asked for. What
  /// was calibrated and measured stays as it is: it was found on rows that the networks of before had not seen.
  ///
  /// - Parameter task: What answers with the networks there are so far, for checkpoints.
  /// - Returns: The model as it was where there was no time.
  /// - Throws: ``TaskError`` when numbers went astray.
  func refitted<Task: TaskModel>(
    _ model: ColumnModel, _ context: TrainingContext, task: @escaping (ColumnModel) -> Task
  ) throws(TaskError) -> ColumnModel {
    guard let whole, model.report.isComplete else { return model }
    var again = model
    let augmentation = try ColumnAugmentation(context.regularization, columns, for: Task.self)
    let part = 0.5 / Double(model.networks.count)
    for (member, epochs) in model.report.epochs.enumerated() {
      let seed = seed(of: member)
      var generator = RandomGenerator(seed: seed)
      var network = JoinedNetwork(columns, model.plan, outputSize: head.outputSize, using: &generator)
      let run = ColumnTraining(
        examples: whole.examples, heldOut: nil, epochs: max(1, epochs), seed: seed, loss: head.loss(for: whole.truths),
        augmentation: augmentation, context: context, stage: "whole\(member + 1)",
        batchSize: options.batch == nil
          ? ColumnTraining.batchSize(examples: whole.examples.count) : model.report.batchSize,
        share: 0.5 + part * Double(member)..<0.5 + part * Double(member + 1))
      var unfinished = again
      unfinished.report = model.report.unfinished(
        "network \(member + 1) of \(model.networks.count) was learning all rows")
      do throws(TaskError) {
        let history = try run.run(&network) { [unfinished] network in
          var so = unfinished
          so.networks[member] = network
          return task(so)
        }
        guard history.stopReason != .cancelled else { return model }
      } catch {
        guard context.shouldStop() else { throw error }
        return model
      }
      again.networks[member] = network
    }
    again.report.refitted = whole.examples.count
    return again
  }
}
