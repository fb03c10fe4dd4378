import Refrain
import Synchronization
import Testing

@Suite("Training") struct TrainingTests {
  @Test("a compiled model learns, and its history tells how")
  func learning() throws {
    let (x, y) = series(40)
    var model = makeModel()
    let history = try model.fit(x, y, epochs: 60, batchSize: 8, validation: .fraction(0.2))
    #expect(history.epochs.count == 60 && history.stopReason == .completed)
    #expect(history.losses[59] < 0.1 * history.losses[0])
    #expect(history.validationLosses[59] < 0.3 * history.validationLosses[0])
    #expect(history.metric("mean absolute error").count == 60)
    #expect(history.validationMetric("mean absolute error")[59] < history.validationMetric("mean absolute error")[0])
    #expect(history.epochs.map(\.number) == Array(1...60))
    let best = try #require(history.bestEpoch)
    #expect(history.validationLosses[best - 1] == history.validationLosses.min())
    #expect(history.seconds > 0)
  }

  @Test("a model of one's own learns with a closure for its loss, on arrays and on batches")
  func ownModule() throws {
    let x = Tensor((0..<20).map { Float($0) / 10 - 1 }, shape: [20, 1])
    let y = x * 3 - 0.5
    var (first, second) = (Line(), Line())
    var (optimizer, other) = (SGD(learningRate: 0.1, momentum: 0.5), SGD(learningRate: 0.1, momentum: 0.5))
    let trainer = Trainer(epochs: 100, clipping: .globalNorm(1))
    func loss(_ model: Line, _ batch: Batch) -> Tensor { Loss.meanSquaredError(model(batch.input), batch.target) }
    let history = try trainer.fit(
      &first, optimizer: &optimizer, examples: Batch(x, y), batchSize: 5, shuffle: false, loss: loss)
    try trainer.fit(&second, optimizer: &other, batches: Batches(Batch(x, y), size: 5), loss: loss)
    #expect(abs(first.weight.item - 3) < 0.01 && abs(first.bias.item + 0.5) < 0.01)
    #expect(history.losses[99] < 1e-4)
    #expect(first.weight == second.weight && first.bias == second.bias)
    #expect(optimizer.state.step == 400 && optimizer.learningRate == 0.1)
  }

  @Test("the memory of the optimizer stays from one fit to the next")
  func optimizerMemory() throws {
    let (x, y) = series()
    var (once, twice) = (makeModel(), makeModel())
    try once.fit(x, y, epochs: 4, shuffle: false)
    try twice.fit(x, y, epochs: 2, shuffle: false)
    try twice.fit(x, y, epochs: 2, shuffle: false)
    #expect(once.tensors == twice.tensors)
  }

  @Test("other shuffling comes from another seed; without shuffling the seed does not matter")
  func seeds() throws {
    let (x, y) = series()
    func weights(_ seed: UInt64, shuffle: Bool) throws -> [Tensor] {
      var model = makeModel()
      try model.fit(x, y, epochs: 2, batchSize: 3, shuffle: shuffle, seed: seed)
      return model.tensors
    }
    #expect(try weights(1, shuffle: true) == weights(1, shuffle: true))
    #expect(try weights(1, shuffle: true) != weights(2, shuffle: true))
    #expect(try weights(1, shuffle: false) == weights(2, shuffle: false))
  }

  @Test("dropout follows from the seed, and differs from step to step")
  func dropout() throws {
    let (x, y) = series()
    func losses(_ seed: UInt64) throws -> [Float] {
      var model = makeModel(dropout: 0.5)
      model.compile(optimizer: SGD(learningRate: 0), loss: .meanSquaredError)
      return try model.fit(x, y, epochs: 3, shuffle: false, seed: seed).losses
    }
    let first = try losses(1)
    #expect(try first == losses(1))
    #expect(try first != losses(2))
    #expect(Set(first).count == 3)
  }

  @Test("a validation tail is the end, in order; a random part follows from the seed; both are held out")
  func validation() throws {
    let x = Tensor((0..<10).map(Float.init), shape: [10, 1])
    func parts(_ validation: Validation, seed: UInt64 = 0) throws -> (trained: Set<Float>, held: [Float]) {
      var (trained, held): (Set<Float>, [Float]) = ([], [])
      var (line, optimizer) = (Line(), SGD(learningRate: 0))
      try Trainer(seed: seed)
        .fit(&line, optimizer: &optimizer, examples: Batch(x, x), batchSize: 3, validation: validation) {
          model, batch in
          let loss = Loss.meanSquaredError(model(batch.input), batch.target)
          // Only a step that learns has something to differentiate.
          if Self.isLearning(model) {
            trained.formUnion(batch.input.values)
          } else {
            held += batch.input.values
          }
          return loss
        }
      return (trained, held)
    }
    let tail = try parts(.tail(0.2))
    #expect(tail.held == [8, 9] && tail.trained == Set((0..<8).map(Float.init)))
    let random = try parts(.fraction(0.3), seed: 4)
    #expect(random.held.count == 3 && random.trained.count == 7 && random.trained.isDisjoint(with: random.held))
    #expect(try random.held == parts(.fraction(0.3), seed: 4).held)
    #expect(try Set((0..<5).map { try parts(.fraction(0.3), seed: $0).held }).count > 1)
    #expect(try parts(.data(Tensor([[42]]), Tensor([[42]]))) == (Set(x.values), [42]))
  }

  /// Whether a tape runs: dropout acts then.
  private static func isLearning(_ model: Line) -> Bool {
    (0..<4).contains { _ in Refrain.dropout(.ones([16]), rate: 0.5) != .ones([16]) }
  }

  @Test("early stopping ends training after the patience, and brings the best weights back")
  func earlyStopping() throws {
    // Learns y = x while it is judged by y = −x: the validation loss is best after the first epoch.
    let x = Tensor((0..<8).map { Float($0) - 3.5 }, shape: [8, 1])
    func run(_ stopping: EarlyStopping?, epochs: Int = 50) throws -> (Line, History) {
      var (line, optimizer) = (Line(), SGD(learningRate: 0.01))
      let history = try Trainer(epochs: epochs, earlyStopping: stopping).fit(
        &line, optimizer: &optimizer, examples: Batch(x, x), validation: .data(x, -x)
      ) { Loss.meanSquaredError($0($1.input), $1.target) }
      return (line, history)
    }
    let (stopped, history) = try run(EarlyStopping(patience: 3))
    let (one, _) = try run(nil, epochs: 1)
    #expect(history.stopReason == .earlyStopping && history.epochs.count == 4 && history.bestEpoch == 1)
    #expect(stopped.weight == one.weight && stopped.bias == one.bias)
    let (unstopped, whole) = try run(nil)
    #expect(whole.epochs.count == 50 && unstopped.weight != one.weight)
    let (short, shortHistory) = try run(EarlyStopping(patience: 10), epochs: 5)
    #expect(shortHistory.stopReason == .completed && short.weight == one.weight)
  }

  @Test("an improvement smaller than asked for is none")
  func minimumImprovement() throws {
    let (x, y) = series()
    var model = makeModel()
    let history = try model.fit(
      x, y, epochs: 20, earlyStopping: EarlyStopping(patience: 2, minimumImprovement: 10))
    #expect(history.epochs.count == 3 && history.bestEpoch == 1)
  }

  @Test("cancelled training returns the best result so far")
  func cancellation() throws {
    let (x, y) = series()
    let steps = Mutex(0)
    var model = makeModel()
    let start = model.tensors
    let untouched = try model.fit(x, y, epochs: 5, shouldStop: { true })
    #expect(untouched.stopReason == .cancelled && untouched.epochs.isEmpty && untouched.bestEpoch == nil)
    #expect(model.tensors == start)

    var reference = makeModel()
    try reference.fit(x, y, epochs: 2, batchSize: 5)
    let history = try model.fit(
      x, y, epochs: 5, batchSize: 5,
      shouldStop: {
        steps.withLock {
          $0 += 1
          return $0 > 5
        }
      })
    #expect(history.stopReason == .cancelled && history.epochs.count == 2)
    let best = history.bestEpoch == 2
    #expect(best && model.tensors == reference.tensors, "the half-done third epoch is taken back")
  }

  @Test("a closure after each epoch may end training")
  func requestedStop() throws {
    let (x, y) = series()
    var model = makeModel()
    var seen: [Int] = []
    let history = try model.fit(x, y, epochs: 9) { epoch in
      seen.append(epoch.number)
      return epoch.number < 3
    }
    #expect(seen == [1, 2, 3] && history.stopReason == .requested && history.epochs.count == 3)
  }

  @Test("a schedule changes the rate by epochs or by steps, and leaves the optimizer's own as it was")
  func schedules() throws {
    let (x, y) = series()
    var model = makeModel()
    let byEpochs = try model.fit(
      x, y, epochs: 4, batchSize: 5, schedule: .step(every: 2, factor: 0.5))
    #expect(byEpochs.epochs.map(\.learningRate) == [0.02, 0.02, 0.01, 0.01])
    let bySteps = try model.fit(
      x, y, epochs: 2, batchSize: 5, schedule: .step(every: 1, factor: 0.5).countingSteps)
    #expect(bySteps.epochs.map(\.learningRate) == [0.01, 0.0025])
    let cycle = try model.fit(x, y, epochs: 5, batchSize: 5, schedule: .oneCycle())
    #expect(cycle.epochs[0].learningRate > 0.01 && cycle.epochs[4].learningRate < 1e-6)
    // What is learned makes the validation loss grow from the second epoch on.
    let line = Tensor((0..<8).map { Float($0) - 3.5 }, shape: [8, 1])
    var (other, optimizer) = (Line(), SGD(learningRate: 0.01))
    let trainer = Trainer(epochs: 6, schedule: .reduceOnPlateau(factor: 0.5, patience: 1))
    let plateau = try trainer.fit(
      &other, optimizer: &optimizer, examples: Batch(line, line), validation: .data(line, -line)
    ) { Loss.meanSquaredError($0($1.input), $1.target) }
    #expect(agree(plateau.epochs.map(\.learningRate), [0.01, 0.01, 0.01, 0.005, 0.005, 0.0025]))
  }

  @Test("clipping bounds what a step can do")
  func clipping() throws {
    let (x, y) = series()
    func moved(_ clipping: Clipping?) throws -> (norm: Float, largest: Float) {
      var model = makeModel()
      model.compile(optimizer: SGD(learningRate: 1), loss: .meanSquaredError)
      let before = model.tensors
      try model.fit(x, y, clipping: clipping)
      let steps = zip(model.tensors, before).map { $0 - $1 }
      return (steps.globalNorm, steps.flatMap(\.values).reduce(0) { max($0, abs($1)) })
    }
    #expect(try moved(nil).norm > 0.02)
    #expect(try abs(moved(.globalNorm(0.01)).norm - 0.01) < 1e-5)
    #expect(try abs(moved(.value(0.001)).largest - 0.001) < 1e-5)
  }

  @Test("evaluation and prediction in batches equal those on all examples at once")
  func evaluation() throws {
    let (x, y) = series(11)
    let lengths = (0..<11).map { $0 % 4 + 1 }
    var model = Sequential(inputSize: 2, seed: 3) {
      LSTM(5, returning: .everyStep)
      Dense(1)
    }
    let targets = y.reshaped([11, 1, 1]).expanded(to: [11, 4, 1])
    model.compile(optimizer: Adam(), loss: .huber(), metrics: [.rootMeanSquaredError])
    let whole = model.evaluate(x, targets, lengths: lengths)
    let parts = model.evaluate(x, targets, lengths: lengths, batchSize: 3)
    #expect(agree([parts.loss], [whole.loss], within: 1e-6))
    #expect(
      agree([parts.metrics["root mean squared error"]!], [whole.metrics["root mean squared error"]!], within: 1e-6))
    #expect(agree([whole.loss], [Loss.huber()(model(x, lengths: lengths), targets, lengths: lengths).item]))
    #expect(agree(model.predict(x, lengths: lengths, batchSize: 3), model.predict(x, lengths: lengths), within: 1e-6))
    #expect(model.predict(x, lengths: lengths).shape == [11, 4, 1])
  }

  @Test("lengths hold for the loss only where the output has steps")
  func lengthsOfOutputs() throws {
    let (x, y) = series()
    let lengths = (0..<10).map { $0 % 3 + 2 }
    var lastStep = makeModel()
    let history = try lastStep.fit(x, y, lengths: lengths, epochs: 1)
    #expect(agree([history.losses[0]], [Loss.meanSquaredError(makeModel()(x, lengths: lengths), y).item]))
    var horizon = Sequential(inputSize: 2, seed: 3) {
      LSTM(5)
      Dense(6)
      Reshape([2, 3])
    }
    horizon.compile(optimizer: Adam(), loss: .quantile([0.1, 0.5, 0.9]))
    try horizon.fit(x, y.expanded(to: [10, 2]), lengths: lengths)
  }

  @Test("batches cut and reorder examples with all that belongs to them")
  func batches() {
    let examples = Batch(
      Tensor((0..<10).map(Float.init), shape: [5, 2]), Tensor([0, 1, 2, 3, 4]), lengths: [5, 4, 3, 2, 1],
      weights: Tensor([0, 10, 20, 30, 40]))
    let plain = Array(Batches(examples, size: 2))
    #expect(plain.map(\.count) == [2, 2, 1])
    #expect(plain[1].input.values == [4, 5, 6, 7] && plain[2].lengths == [1])
    let ordered = Batches(examples, size: 3, order: [4, 0, 2, 1])
    #expect(ordered.count == 2)
    #expect(ordered.map { $0.target.values } == [[4, 0, 2], [1]])
    #expect(ordered.map { $0.lengths } == [[1, 5, 3], [4]])
    #expect(ordered.map { $0.weights?.values } == [[40, 0, 20], [10]])
    #expect(Array(ordered).first?.input.values == [8, 9, 0, 1, 4, 5])
  }

  @Test("weights of 0 take examples out of training")
  func weights() throws {
    let (x, y) = series()
    var spoiled = y
    spoiled[3, 0] = .nan
    var (first, second) = (makeModel(), makeModel())
    let weights = Tensor((0..<10).map { $0 == 3 ? 0 : 1 as Float })
    try first.fit(x, y, weights: weights, epochs: 3)
    try second.fit(x, spoiled, weights: weights, epochs: 3)
    #expect(first.tensors == second.tensors)
  }

  @Test("nothing to learn from is an error")
  func noExamples() {
    var model = makeModel()
    #expect(throws: TrainingError.self) { try model.fit(.zeros([0, 4, 2]), .zeros([0, 1])) }
    #expect(throws: TrainingError.self) { try model.fit(batches: [Batch](), trainer: Trainer()) }
    #expect(throws: TrainingError.self) {
      try model.fit(.zeros([1, 4, 2]), .zeros([1, 1]), validation: .tail(0.2))
    }
    let (x, y) = series()
    var iterator = Batches(Batch(x, y), size: 5).makeIterator()
    let error = #expect(throws: TrainingError.self) {
      try model.fit(
        batches: AnySequence { AnyIterator { iterator.next() } }, trainer: Trainer(epochs: 2))
    }
    #expect(error?.code == .noExamples && error?.epoch == 2)
  }
}
