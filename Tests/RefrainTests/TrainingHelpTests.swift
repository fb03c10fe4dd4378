import Testing

@testable import Refrain

@Suite("Help for training") struct TrainingHelpTests {
  private func loss(_ line: Line, _ batch: Batch) -> Tensor { (line(batch.input) - batch.target).squared.mean() }
  private let batch = Batch(Tensor([1, 2, 3, 4], shape: [4, 1]), Tensor([3, 5, 7, 9], shape: [4, 1]))

  @Test("finds a learning rate and leaves model and optimizer as they were") func rates() throws {
    let (x, y) = series(40)
    var generator = RandomGenerator(seed: 11)
    let model = Stacked<LSTM>(inputSize: 2, hiddenSizes: [6], using: &generator)
    let head = Dense(inputSize: 6, outputSize: 1, using: &generator)
    let before = model.tensors
    let optimizer = Adam(learningRate: 0.5)
    let search = try Trainer(seed: 3).searchLearningRate(for: model, optimizer: optimizer, in: 1e-5...10) {
      trainer, model, optimizer throws(TrainingError) in
      try trainer.fit(&model, optimizer: &optimizer, examples: Batch(x, y), batchSize: 8) { model, batch in
        Loss.meanSquaredError(head(model(batch.input)), batch.target)
      }
    }
    #expect(model.tensors == before && optimizer.state.step == 0 && optimizer.learningRate == 0.5)
    #expect(search.trials.count > 20 && search.trials[0].rate == 1e-5)
    #expect(zip(search.trials, search.trials.dropFirst()).allSatisfy { $0.rate < $1.rate })
    let rate = try #require(search.suggestion)
    #expect((1e-4...0.5).contains(rate), "\(rate)")
  }

  @Test("tries all rates, one an update, where gradients are accumulated over batches") func accumulatedRates() throws {
    let (x, y) = series(40)
    let trainer = Trainer(seed: 3, accumulation: 4)
    let search = try trainer.searchLearningRate(
      for: Line(), optimizer: SGD(), in: 1e-6...1e-4, steps: 12
    ) { trainer, line, optimizer throws(TrainingError) in
      // Five batches: an update after four, and one at the end of the epoch.
      try trainer.fit(&line, optimizer: &optimizer, examples: Batch(x, y), batchSize: 8) { line, batch in
        (line(batch.input) - 1).squared.mean()
      }
    }
    #expect(search.trials.count == 12)
    #expect(zip(search.trials, search.trials.dropFirst()).allSatisfy { $0.rate < $1.rate })
    #expect(search.trials.first?.rate == 1e-6 && abs((search.trials.last?.rate ?? 0) - 1e-4) < 1e-8)
  }

  @Test("is not ended by a first batch that is easier than all others") func easyBeginning() throws {
    var updates = 0
    let search = try Trainer().searchLearningRate(for: Line(), optimizer: SGD(), in: 1e-7...1e-5, steps: 40) {
      trainer, line, optimizer throws(TrainingError) in
      try trainer.fit(&line, optimizer: &optimizer, batches: Batches(batch, size: 2)) { line, batch in
        updates += 1
        return loss(line, batch) * (updates <= 2 ? 0.001 : 1)
      }
    }
    #expect(search.trials.count == 40)
  }

  @Test("ends the search of a rate where numbers go astray") func divergence() throws {
    let search = try Trainer().searchLearningRate(for: Line(), optimizer: SGD(), in: 1e-4...1e4) {
      trainer, line, optimizer throws(TrainingError) in
      try trainer.fit(&line, optimizer: &optimizer, batches: Batches(batch, size: 2), loss: loss)
    }
    #expect(search.trials.count < 120 && search.trials.allSatisfy { $0.loss.isFinite })
    #expect((0.001...0.3).contains(try #require(search.suggestion)))
  }

  @Test("says when the loss explodes, when nothing is learned, and when units are dead") func advice() throws {
    func warnings(_ rate: Float, epochs: Int, start: Line = Line()) -> [TrainingAdvice.Warning.Kind] {
      var (line, optimizer) = (start, SGD(learningRate: rate))
      let advice = TrainingAdvice { _ in }
      _ = try? Trainer(epochs: epochs, exchanges: [advice], observers: [advice]).fit(
        &line, optimizer: &optimizer, batches: Batches(batch, size: 2), loss: loss)
      return advice.warnings.map(\.kind)
    }
    #expect(warnings(0.02, epochs: 20) == [])
    #expect(warnings(1, epochs: 20).contains(.diverging))
    #expect(warnings(0, epochs: 8) == [.learningNothing])

    var generator = RandomGenerator(seed: 1)
    var model = Sequential(inputSize: 2, seed: 1) {
      Dense(8, activation: .relu)
      Dense(1)
    }
    var tensors = model.tensors
    // Half of the units never rise above zero.
    tensors[1] = Tensor([0, 0, 0, 0, -100, -100, -100, -100], shape: [8])
    model = model.replacingTensors(tensors)
    var said: [String] = []
    let advice = TrainingAdvice { said.append($0.description) }
    var optimizer = SGD(learningRate: 0.001)
    let x = Tensor.normal([40, 2], using: &generator)
    try Trainer(epochs: 2, exchanges: [advice], observers: [advice]).fit(
      &model, optimizer: &optimizer, examples: Batch(x, x.slice(0..<1, axis: 1)), batchSize: 10
    ) { model, batch in Loss.meanSquaredError(model(batch.input), batch.target) }
    #expect(advice.warnings.map(\.kind) == [.deadUnits])
    #expect(said.first?.hasPrefix("4 of 8 rows of '0.weight' had no gradient in 4 updates; ") == true)
  }

  @Test("looks at short epochs together: at first nothing before a layer of zeros has a gradient") func shortEpochs()
    throws
  {
    var generator = RandomGenerator(seed: 1)
    var model = Sequential(inputSize: 2, seed: 1) {
      Dense(8, activation: .tanh)
      Dense(1)
    }
    var tensors = model.tensors
    tensors[2] = .zeros(tensors[2].shape)
    model = model.replacingTensors(tensors)
    let advice = TrainingAdvice { _ in }
    var optimizer = SGD(learningRate: 0.01)
    let x = Tensor.normal([10, 2], using: &generator)
    // An update an epoch.
    try Trainer(epochs: 4, exchanges: [advice], observers: [advice]).fit(
      &model, optimizer: &optimizer, examples: Batch(x, x.slice(0..<1, axis: 1)), batchSize: 10
    ) { model, batch in Loss.meanSquaredError(model(batch.input), batch.target) }
    #expect(advice.warnings.isEmpty)
  }

  @Test("proposes no rate at which the loss only goes up and down with the batches") func noisyBeginning() throws {
    var updates = 0
    let search = try Trainer().searchLearningRate(for: Line(), optimizer: SGD(), in: 1e-7...1) {
      trainer, line, optimizer throws(TrainingError) in
      try trainer.fit(&line, optimizer: &optimizer, batches: Batches(batch, size: 4)) { line, batch in
        updates += 1
        // Eight hard batches, then easier ones, at rates that change nothing.
        return loss(line, batch) * (updates <= 8 ? 4 : 1)
      }
    }
    #expect(try #require(search.suggestion) > 1e-3)
  }

  @Test("says nothing of what is not learned, such as the statistics of a layer") func statistics() throws {
    var generator = RandomGenerator(seed: 1)
    var model = Sequential(inputSize: 2, seed: 1) {
      BatchNorm()
      Dense(4, activation: .tanh)
      Dense(1)
    }
    let advice = TrainingAdvice { _ in }
    var optimizer = SGD(learningRate: 0.01)
    let x = Tensor.normal([120, 2], using: &generator)
    // 30 updates an epoch.
    try Trainer(epochs: 2, exchanges: [advice], observers: [advice]).fit(
      &model, optimizer: &optimizer, examples: Batch(x, x.slice(0..<1, axis: 1)), batchSize: 4
    ) { model, batch in Loss.meanSquaredError(model(batch.input), batch.target) }
    #expect(advice.warnings == [])
  }

  @Test("says when a gradient is far greater than it used to be") func exploding() {
    let advice = TrainingAdvice { _ in }
    func update(_ norm: Float) {
      var (gradient, step) = (
        Line(weight: Tensor(norm)), GradientStep(weight: 1, step: 0, generator: RandomGenerator(seed: 1))
      )
      advice.exchange(&gradient, in: &step)
    }
    for _ in 0..<50 { update(2) }
    update(1900)
    #expect(advice.warnings.isEmpty)
    update(2100)
    #expect(advice.warnings.map(\.kind) == [.exploding])
  }

  @Test("says when the loss rises again to far above the least it was, and nothing of noise near 0 and single batches")
  func rising() {
    func warnings(_ losses: [Float]) -> [TrainingAdvice.Warning.Kind] {
      let advice = TrainingAdvice { _ in }
      for (index, loss) in losses.enumerated() {
        let step = TrainingStep(
          epoch: 1, batch: index + 1, step: index + 1, loss: loss, meanLoss: loss, learningRate: 0.1, examples: 1)
        _ = advice.observe(TrainingEvent(.step(step), epochs: 1, batches: nil, history: History()))
      }
      return advice.warnings.map(\.kind)
    }
    func steps(_ loss: Float) -> [Float] { Array(repeating: loss, count: 100) }
    #expect(warnings(steps(100) + steps(0.01) + steps(50)) == [.diverging])
    #expect(warnings(steps(100) + steps(0.01) + steps(0.9)) == [])
    #expect(warnings(steps(100) + steps(0.01) + [50, 60, 0.01] + steps(0.02) + [50]) == [])
    #expect(warnings([1, 11]) == [.diverging])
  }

  @Test("says when a validation loss rises while the loss falls") func overfitting() {
    let advice = TrainingAdvice { _ in }
    var history = History()
    for number in 1...12 {
      history.epochs.append(
        History.Epoch(
          number: number, loss: 1 / Float(number), validationLoss: 1 + 0.1 * abs(Float(number) - 3), metrics: [:],
          validationMetrics: [:], learningRate: 0.1, seconds: 1))
      let event = TrainingEvent(.epoch(history.epochs.last!), epochs: 20, batches: 1, history: history)
      _ = advice.observe(event)
    }
    #expect(advice.warnings.map(\.kind) == [.overfitting])
  }

  @Test("keeps the norm of every gradient") func norms() throws {
    let norms = GradientNorms()
    var (line, optimizer) = (Line(), SGD(learningRate: 0))
    try Trainer(exchanges: [norms]).fit(&line, optimizer: &optimizer, batches: Batches(batch, size: 4), loss: loss)
    // d/dw of the mean of (w x + b − y)² at 0 is −2 mean(x y), d/db is −2 mean(y).
    #expect(norms.norms.map(\.name) == ["weight", "bias"])
    #expect(norms.norms.map(\.norm) == [35, 12])
    #expect(abs(try #require(norms.total) - 37) < 1e-4)
  }
}
