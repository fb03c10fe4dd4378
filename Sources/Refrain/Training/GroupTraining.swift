/// The part of a training that is done together with the other processes of a group.
///
/// What it does needs no process to trust another: before the first batch all compare the model, the number of batches
/// and the instructions they compute with, at every batch where they are, after every epoch the weights. A process that
/// has gone another way is named, where otherwise all would wait for one another.
final class GroupTraining {
  let group: any TrainingGroup
  let gradient: GroupGradient
  /// Why the first process wants to stop: all do so after the next batch.
  var wish: History.StopReason?
  /// Why all stop before the next batch.
  private(set) var stops: History.StopReason?
  /// Of the batch on its way, what this process gives to the sums.
  var own = BatchSums()
  private var numbers: GatheredNumbers?
  /// By tensors, whether they are statistics of the data; nil before the first batch.
  private var areStatistics: [Bool]?
  private let shapes: [[Int]]

  init(_ group: any TrainingGroup, model: some TensorGroup) {
    self.group = group
    gradient = GroupGradient(model, in: group)
    shapes = model.tensors.map(\.shape)
  }

  /// What a batch draws from, in this process: not what it draws from in another.
  func generator(_ common: RandomGenerator) -> RandomGenerator {
    var common = common
    return RandomGenerator(seed: common.next() &+ UInt64(group.rank + 1) &* 0xD1B5_4A32_D192_ED03)
  }

  /// Which examples of a batch are this process'.
  func rows(of whole: WholeBatch, generator: RandomGenerator) -> SharedRows {
    SharedRows(group.rank, of: group.count, in: whole, generator: generator)
  }

  // MARK: - Agreement

  private enum Meeting: UInt64 { case start, batch, epoch }

  /// Before the first batch.
  ///
  /// - Returns: why training ends before it has begun, if it does, as the first process has it.
  func meet(
    _ model: some TensorGroup, batches: Int?, trainer: Trainer, at position: TrainingPosition,
    _ reason: History.StopReason?
  ) throws(TrainingError) -> History.StopReason? {
    let all = try group.gather([
      Meeting.start.rawValue, UInt64(InstructionSet.allCases.firstIndex(of: .current) ?? 0),
      UInt64(model.parameterCount), UInt64(batches ?? 0), trainer.seed, UInt64(trainer.epochs), UInt64(position.step),
      UInt64(position.drawn), checksum(model), code(reason),
    ])
    let reasons: [(place: Int, problem: String)] = [
      (0, "is at another point of its program"),
      (
        1,
        "computes with other instructions; set REFRAIN_ISA to what all processors have, such as avx2, on all machines"
      ),
      (2, "has a model of another size; give all machines the same data and options"),
      (3, "has another number of batches; give all machines the same data and options"),
      (4, "has another seed; give all machines the same options"),
      (5, "is to go through the data another number of times; give all machines the same options"),
      (6, "goes on from another checkpoint"), (7, "goes on from another checkpoint"),
      (8, "begins with other weights; give all machines the same data, options and program"),
    ]
    try compare(all, reasons)
    return self.reason(all[0][9])
  }

  /// After an epoch.
  ///
  /// - Returns: why training ends, if it does, as the first process has it.
  func meet(
    afterEpoch epoch: Int, _ model: some TensorGroup, _ reason: History.StopReason?
  ) throws(TrainingError) -> History.StopReason? {
    let all = try group.gather([Meeting.epoch.rawValue, UInt64(epoch), checksum(model), code(reason)])
    try compare(
      all,
      [
        (0, "has another number of batches; give all machines the same data and options"), (1, "is in another epoch"),
        (2, "has come to other weights; are its processor, its program and its data those of the others?"),
      ])
    return self.reason(all[0][3])
  }

  private func compare(_ all: [[UInt64]], _ reasons: [(place: Int, problem: String)]) throws(TrainingError) {
    for (place, problem) in reasons {
      guard let rank = all.indices.first(where: { all[$0][place] != all[0][place] }) else { continue }
      throw TrainingError(.exchangeFailed, "\(group.name(of: rank)) \(problem)")
    }
  }

  private static let stopReasons: [History.StopReason] = [.completed, .earlyStopping, .cancelled, .requested]
  private func code(_ reason: History.StopReason?) -> UInt64 {
    reason.flatMap { Self.stopReasons.firstIndex(of: $0) }.map { UInt64($0 + 1) } ?? 0
  }
  private func reason(_ code: UInt64) -> History.StopReason? {
    Self.stopReasons.indices.contains(Int(code) - 1) ? Self.stopReasons[Int(code) - 1] : nil
  }

  /// A number that changes with every bit of the weights.
  private func checksum(_ model: some TensorGroup) -> UInt64 {
    var print = Fingerprint()
    for tensor in model.tensors {
      tensor.read { values in for index in 0..<tensor.count { print.add(UInt64(values[index].bitPattern)) } }
    }
    return print.value
  }

  // MARK: - A batch

  /// Begins to add up what processes know of a batch, once the loss of this one's share is known.
  func begin(at drawn: Int) {
    let numbers = GatheredNumbers(
      [
        Meeting.batch.rawValue, UInt64(drawn), own.loss.bitPattern, own.lossWeight.bitPattern, own.weight.bitPattern,
        UInt64(own.count), group.isFirst ? code(wish) : 0,
      ], count: group.count)
    numbers.begin(in: group)
    self.numbers = numbers
  }

  /// The sums over all shares, once ``TrainingGroup/finish()`` was called.
  func sums() throws(TrainingError) -> BatchSums {
    guard let all = numbers?.all else { return own }
    numbers = nil
    try compare(
      all,
      [
        (0, "has another number of batches; give all machines the same data and options"),
        (1, "is at another batch; give all machines the same data and options"),
      ])
    stops = reason(all[0][6])
    return all.reduce(into: BatchSums()) { sums, numbers in
      sums.loss += Double(bitPattern: numbers[2])
      sums.lossWeight += Double(bitPattern: numbers[3])
      sums.weight += Double(bitPattern: numbers[4])
      sums.count += Int(numbers[5])
    }
  }

  /// What the place of a fault begins with where the data are at fault.
  static let dataMark = "data: "

  /// The error of numbers that are not finite, the same in all processes.
  ///
  /// - Parameter own: the first place of this process that is not finite; nil where it has none.
  func notFinite(
    _ subject: String, _ own: String?, _ inGradient: String?, epoch: Int, step: Int
  ) throws(TrainingError) -> TrainingError {
    let all = try group.gather(own)
    guard let rank = all.firstIndex(where: { $0 != nil }), let place = all[rank] else {
      return .notFinite(subject, epoch: epoch, step: step, place: inGradient)
    }
    let isData = place.hasPrefix(Self.dataMark)
    return .notFinite(
      subject, epoch: epoch, step: step,
      place: "\(isData ? String(place.dropFirst(Self.dataMark.count)) : place) in \(group.name(of: rank))",
      isData: isData)
  }

  /// The mean of what processes keep of the data, each with its weight.
  func mean(of statistics: KeptStatistics, weight: Double) throws(TrainingError) -> KeptStatistics {
    let areStatistics: [Bool]
    if let known = self.areStatistics {
      areStatistics = known
    } else {
      let all = try group.gather(shapes.indices.map { statistics.values[$0] == nil ? 0 : 1 })
      areStatistics = shapes.indices.map { tensor in all.contains { $0[tensor] == 1 } }
      self.areStatistics = areStatistics
    }
    let places = areStatistics.indices.filter { areStatistics[$0] }
    guard !places.isEmpty else { return statistics }
    let sizes = places.map { shapes[$0].reduce(1, *) }
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: sizes.reduce(1, +))
    defer { values.deallocate() }
    values.initialize(repeating: 0)
    values[values.count - 1] = Float(weight)
    var start = 0
    for (place, size) in zip(places, sizes) {
      if weight > 0, let value = statistics.values[place] {
        value.read { kernels.addScaled(size, Float(weight), $0, values.baseAddress! + start) }
      }
      start += size
    }
    group.beginSum(values)
    try group.finish()
    let total = values[values.count - 1]
    guard total > 0 else { return KeptStatistics() }
    var means: [Int: Tensor] = [:]
    start = 0
    for (place, size) in zip(places, sizes) {
      means[place] = Tensor(values[start..<start + size].map { $0 / total }, shape: shapes[place])
      start += size
    }
    return KeptStatistics(values: means)
  }

  /// The mean of gradients that were gathered over some batches, each process' with its weight.
  func mean<Model: TensorGroup>(
    of own: (gradient: Model, weight: Double)?, like model: Model
  ) throws(TrainingError) -> (gradient: Model, weight: Double)? {
    gradient.begin()
    let sum = try gradient.sum(own?.gradient.tensors, weight: own?.weight ?? 0)
    let weight = try group.gather([(own?.weight ?? 0).bitPattern]).reduce(0.0) { $0 + Double(bitPattern: $1[0]) }
    guard weight > 0 else { return nil }
    return (model.replacingTensors(sum.tensors(Float(1 / weight))), weight)
  }

  // MARK: - Metrics and validation

  /// What metrics have added up, over all processes.
  func sum(_ own: [[Double]?]) throws(TrainingError) -> [[Double]?] {
    guard !own.isEmpty else { return own }
    let counts = try group.gather(own.map { UInt64($0?.count ?? 0) })
    let sizes = own.indices.map { metric in Int(counts.map { $0[metric] }.max() ?? 0) }
    let padded = zip(own, sizes).flatMap { sums, size -> [UInt64] in
      let sums = sums ?? []
      return sums.map(\.bitPattern) + repeatElement(0, count: size - sums.count)
    }
    let all = try group.gather(padded)
    var start = 0
    return sizes.map { size in
      defer { start += size }
      guard size > 0 else { return nil }
      return (start..<start + size).map { place in all.reduce(0) { $0 + Double(bitPattern: $1[place]) } }
    }
  }

  /// The loss and the metrics of a model on batches, of which each process takes every so-manieth.
  func evaluate<Task: TrainingTask>(
    _ task: inout Task, _ model: Task.Model, on batches: any Sequence<Task.Batch>
  ) throws(TrainingError) -> (evaluation: Evaluation, weight: Double) {
    _ = task.takeMetrics()
    var (count, own): (Int, [UInt64]) = (0, [])
    for batch in batches {
      defer { count += 1 }
      guard count % group.count == group.rank else { continue }
      let loss = task.loss(of: model, on: batch, continues: false)
      own += [Double(loss.value.item).bitPattern, loss.weight.bitPattern]
    }
    let rows = (count + group.count - 1) / group.count
    let all = try group.gather(own + repeatElement(0, count: 2 * rows - own.count))
    var losses = WeightedMean()
    for number in 0..<count {
      let (numbers, place) = (all[number % group.count], 2 * (number / group.count))
      losses.add(Double(bitPattern: numbers[place]), weight: Double(bitPattern: numbers[place + 1]))
    }
    task.metricSums = try sum(task.metricSums)
    return (Evaluation(loss: Float(losses.mean), metrics: task.takeMetrics()), losses.weight)
  }
}

/// What is added up of the shares of a batch.
struct BatchSums {
  /// The mean losses, each times its weight.
  var loss = 0.0
  /// What the mean losses divide by.
  var lossWeight = 0.0
  /// The weight in the mean over batches.
  var weight = 0.0
  /// The number of examples.
  var count = 0
}
