import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Truncated backpropagation through time")
struct TruncationTests {
  private let x = ramp([4, 11, 3])
  private let y = ramp([4, 11, 2], 2)

  private func model(_ optimizer: some Optimizer = SGD(learningRate: 0.3)) -> Sequential {
    var model = Sequential(inputSize: 3, seed: 1) {
      Dense(4)
      Stacked<LSTM>([4, 4], connection: .residual, returning: .everyStep)
      GRU(5, returning: .everyStep, initial: .learned)
      Dense(2)
    }
    model.compile(optimizer: optimizer, loss: .meanSquaredError, metrics: [.meanAbsoluteError])
    return model
  }

  private let steps: [Steps] = [
    Steps(), Steps(lengths: [11, 3, 7, 0]),
    Steps(
      lengths: [11, 10, 7, 4],
      present: StepsTests.flags(["11011101111", "11110000011", "11111111111", "01111111111"]),
      resets: StepsTests.flags(["00000100000", "00000000000", "10001000000", "00010000000"])),
  ]

  @Test("is the loop by hand: a step of the optimizer a window, the state carried as a constant", arguments: 0..<3)
  func equalsLoop(index: Int) throws {
    let (steps, rate) = (steps[index], Float(0.3))
    var trained = model()
    let history = try trained.fit(
      batches: [Batch(x, y, steps: steps)], trainer: Trainer(epochs: 2, truncation: 4))

    var byHand = model()
    var (sum, weight) = (0.0, 0.0)
    for _ in 0..<2 {
      var states: (Stacked<LSTM>.State?, GRU.State?)
      (sum, weight) = (0, 0)
      for start in [0, 4, 8] {
        let range = start..<min(start + 4, 11)
        let part = steps.window(range)
        let mask = part.mask(batch: 4, time: range.count)
        let valid = mask.sum().item
        if valid == 0 { continue }
        var next = states
        let (loss, gradient) = valueAndGradient(at: byHand) { model in
          let layers = model.layers
          let stack = (layers[1] as! Stacked<LSTM>).scan(
            (layers[0] as! Dense)(x.slice(range, axis: 1)), steps: part, from: states.0)
          let gru = (layers[2] as! GRU).scan(stack.outputs, steps: part, from: states.1)
          next = (stack.state, gru.state)
          let error = ((layers[3] as! Dense)(gru.outputs) - y.slice(range, axis: 1)).squared
          return (error * mask.reshaped([4, range.count, 1])).sum() * (1 / (2 * valid))
        }
        states = next
        var remaining = gradient.tensors[...]
        byHand.forEachTensor { _, tensor in tensor -= rate * remaining.removeFirst() }
        sum += Double(loss * valid)
        weight += Double(valid)
      }
    }
    for (one, other) in zip(trained.namedTensors, byHand.namedTensors) {
      expectClose(one.tensor, other.tensor, one.name)
    }
    #expect(abs(Double(history.losses[1]) - sum / weight) < 1e-5)
    #expect(trained.tensors != model().tensors)
  }

  @Test("windows as long as the sequences change nothing, shorter ones do, and the seed still decides")
  func wholeSequences() throws {
    func trained(_ truncation: Int?) throws -> (tensors: [Tensor], history: History) {
      var model = model(Adam(learningRate: 0.01))
      let history = try model.fit(
        x, y, lengths: [11, 3, 7, 9], epochs: 3, batchSize: 3, validation: .data(x, y), seed: 4, truncation: truncation)
      return (model.tensors, history)
    }
    let whole = try trained(nil)
    for size in [11, 12, 1000] {
      let found = try trained(size)
      #expect(found.tensors == whole.tensors)
      #expect(found.history.losses == whole.history.losses)
      #expect(found.history.validationLosses == whole.history.validationLosses)
    }
    let short = try trained(4)
    #expect(short.tensors != whole.tensors)
    #expect(try trained(4).tensors == short.tensors)
  }

  @Test("without learning, the loss over windows is that of the whole sequences: the state is carried")
  func carriedState() throws {
    var model = model(SGD(learningRate: 0))
    let lengths = [11, 3, 7, 9]
    let whole = model.evaluate(x, y, lengths: lengths)
    for size in [1, 4, 10] {
      let history = try model.fit(x, y, lengths: lengths, shuffle: false, truncation: size)
      #expect(abs(history.losses[0] - whole.loss) < 1e-5 * whole.loss, "windows of \(size)")
      let metric = "mean absolute error"
      #expect(abs(history.epochs[0].metrics[metric]! - whole.metrics[metric]!) < 1e-5)
    }
  }

  @Test("a schedule that counts steps knows how many windows there are")
  func schedules() throws {
    var rates: [Float] = []
    var model = model(SGD(learningRate: 0.1))
    try model.fit(
      x, y, epochs: 2, batchSize: 2, schedule: .cosine().countingSteps, truncation: 4,
      onEpoch: {
        rates.append($0.learningRate)
        return true
      })
    // Two batches of three windows an epoch: the rates of steps 6 and 12 of 12.
    let expected = [5, 11].map { LearningRateSchedule.cosine(count: 12).rate(at: $0, initial: 0.1) }
    #expect(rates == expected)
  }

  /// What the closures below train, and its state.
  private struct Net: Module {
    var lstm: LSTM
    var dense: Dense

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try lstm.forEachTensor(under: "lstm", body)
      try dense.forEachTensor(under: "dense", body)
    }
  }

  @Test("a loss of one's own carries its state, and trains as a model of the same layers does", arguments: 0..<3)
  func ownLoss(index: Int) throws {
    let batch = Batch(x, y, steps: steps[index])
    let trainer = Trainer(epochs: 3, clipping: .globalNorm(1), truncation: 4)
    var model = Sequential(inputSize: 3, seed: 1) {
      LSTM(5, returning: .everyStep, initial: .learned)
      Dense(2)
    }
    let start = Net(lstm: model.layers[0] as! LSTM, dense: model.layers[1] as! Dense)
    model.compile(optimizer: Adam(learningRate: 0.01), loss: .meanSquaredError)
    let expected = try model.fit(batches: [batch], validation: [batch], trainer: trainer)

    var (net, optimizer) = (start, Adam(learningRate: 0.01))
    nonisolated(unsafe) var begun = 0
    let history = try trainer.fit(
      &net, optimizer: &optimizer, batches: [batch], validation: [batch], carrying: LSTM.State.self
    ) { net, window, state in
      if state == nil { begun += 1 }
      let (outputs, next) = net.lstm.scan(window.input, steps: window.steps, from: state)
      state = next
      return Loss.meanSquaredError(
        net.dense(outputs), window.target, weights: window.stepWeights, lengths: window.lengths)
    }
    // Once an epoch to learn, once to validate.
    #expect(begun == 6)
    for (one, other) in zip(net.tensors, model.tensors) { expectClose(one, other) }
    for (one, other) in zip(history.losses, expected.losses) { #expect(abs(one - other) < 1e-5) }
    for (one, other) in zip(history.validationLosses, expected.validationLosses) { #expect(abs(one - other) < 1e-5) }
    #expect(net.tensors != start.tensors)
  }

  @Test("examples in memory are carried batch by batch, and not from one batch to the next")
  func ownLossOfExamples() throws {
    var (pair, optimizer) = (Pair(a: Tensor(0), b: Tensor(0)), SGD(learningRate: 0))
    nonisolated(unsafe) var seen: [[Int]] = []
    let trainer = Trainer(truncation: 4)
    let history = try trainer.fit(
      &pair, optimizer: &optimizer, examples: Batch(x, y, lengths: [11, 3, 3, 2]), batchSize: 2, shuffle: false,
      carrying: Int.self
    ) { pair, window, carried in
      carried = (carried ?? 0) + 1
      seen.append([window.count, carried!])
      return pair.a * 0 + Float(seen.count)
    }
    // The second batch has no step past the first window.
    #expect(seen == [[2, 1], [2, 2], [2, 3], [2, 1]])
    // Weighted by the valid steps: 7, 4, 3 and 5.
    #expect(abs(history.losses[0] - (7 * 1 + 4 * 2 + 3 * 3 + 5 * 4) / 19) < 1e-6)
  }

  @Test("without windows, what a loss carries is nil at every batch")
  func ownLossOfWholes() throws {
    var (pair, optimizer) = (Pair(a: Tensor(0), b: Tensor(0)), SGD(learningRate: 0))
    nonisolated(unsafe) var counts: [Int] = []
    let history = try Trainer(epochs: 2).fit(
      &pair, optimizer: &optimizer, batches: [Batch(x, y), Batch(x, y)], carrying: Int.self
    ) { pair, batch, carried in
      counts.append(carried ?? 0)
      carried = 7
      return pair.a * 0 + Float(batch.input.shape[1])
    }
    #expect(counts == [0, 0, 0, 0] && history.losses == [11, 11])
  }

  @Test("steps beside the examples are those of batches")
  func stepsOfExamples() throws {
    let steps = steps[2]
    func trained(_ body: (inout Sequential) throws -> History) throws -> ([Tensor], History) {
      var model = model()
      let history = try body(&model)
      return (model.tensors, history)
    }
    let narrow = Steps(present: steps.present, resets: steps.resets)
    let expected = try trained {
      try $0.fit(
        batches: Batches(Batch(x, y, steps: steps), size: 2), validation: [Batch(x, y, steps: steps)],
        trainer: Trainer(epochs: 2))
    }
    for (given, lengths) in [(steps, nil), (narrow, steps.lengths)] {
      let found = try trained {
        try $0.fit(
          x, y, lengths: lengths, steps: given, epochs: 2, batchSize: 2,
          validation: .data(x, y, lengths: lengths, steps: given), shuffle: false)
      }
      #expect(found.0 == expected.0 && found.1.losses == expected.1.losses)
      for (one, other) in zip(found.1.validationLosses, expected.1.validationLosses) {
        #expect(abs(one - other) < 1e-6)
      }
      let model = model()
      #expect(
        model.evaluate(x, y, lengths: lengths, steps: given) == model.evaluate(batches: [Batch(x, y, steps: steps)]))
      for size in [3, 100] {
        expectSameBits(model.predict(x, lengths: lengths, steps: given, batchSize: size), model(x, steps: steps))
      }
    }
  }

  @Test("a model that cannot be cut is refused, with the reason")
  func refusals() async {
    func expect(_ result: ExitTest.Result?, says text: String) {
      let message = result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
      #expect(message.contains(text))
    }
    let bidirectional = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var model = Sequential(inputSize: 3) { Bidirectional<LSTMCell>(2, returning: .everyStep) }
      model.compile(optimizer: Adam(), loss: .meanSquaredError)
      try model.fit(.zeros([2, 6, 3]), .zeros([2, 6, 4]), truncation: 2)
    }
    expect(bidirectional, says: "no truncated training: layer 0: bidirectional-lstm: its backward direction begins at")
    let last = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var model = Sequential(inputSize: 3) { LSTM(2) }
      model.compile(optimizer: Adam(), loss: .meanSquaredError)
      try model.fit(.zeros([2, 6, 3]), .zeros([2, 2]), truncation: 2)
    }
    expect(last, says: "truncated training wants an output at every step")
    let closure = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var (pair, optimizer) = (Pair(a: Tensor(0), b: Tensor(0)), SGD())
      try Trainer(truncation: 2).fit(
        &pair, optimizer: &optimizer, batches: [Batch(.zeros([2, 6, 3]), .zeros([2, 6, 4]))]
      ) { pair, _ in pair.a }
    }
    expect(closure, says: "take the fit with 'carrying:', whose loss is given it")
    let twice = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var model = Sequential(inputSize: 3) { LSTM(2) }
      model.compile(optimizer: Adam(), loss: .meanSquaredError)
      try model.fit(.zeros([2, 6, 3]), .zeros([2, 2]), lengths: [1, 2], steps: Steps(lengths: [1, 2]))
    }
    expect(twice, says: "lengths are given twice")
  }
}
