import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("The trainer's seams") struct TrainerSeamTests {
  /// A batch of a type of one's own: two inputs, no target.
  private struct Pairs: TrainingBatch {
    var left: Tensor, right: Tensor
    var count: Int { left.shape[0] }
    var firstNotFinite: String? { left.isFinite && right.isFinite ? nil : "one side of a pair" }
  }

  private let numbers = Tensor((0..<24).map { Float($0) / 24 }, shape: [24, 1])

  private func squared(_ line: Line, _ batch: Batch) -> Tensor {
    Loss.meanSquaredError(line(batch.input), batch.target)
  }

  @Test("batches of any type are learned from, and weighed by themselves")
  func anyBatch() throws {
    let batches = [0..<16, 16..<24].map {
      Pairs(left: numbers.slice($0, axis: 0), right: numbers.slice($0, axis: 0) * 3)
    }
    var (line, optimizer) = (Line(), SGD(learningRate: 0.5))
    let history = try Trainer(epochs: 200).fit(&line, optimizer: &optimizer, batches: batches, validation: batches) {
      ($0($1.left) - $1.right).squared.mean()
    }
    #expect(abs(line.weight.item - 3) < 0.05)
    let (first, second) = (
      (line(batches[0].left) - batches[0].right).squared.mean().item,
      (line(batches[1].left) - batches[1].right).squared.mean().item
    )
    #expect(abs(history.validationLosses[199] - (first * 16 + second * 8) / 24) < 1e-6)
    let spoiled = Pairs(left: Tensor([[.nan]]), right: Tensor([[1]]))
    let error = #expect(throws: TrainingError.self) {
      try Trainer().fit(&line, optimizer: &optimizer, batches: [spoiled]) { ($0($1.left) - $1.right).squared.mean() }
    }
    #expect(error?.place == "one side of a pair" && error?.description.contains("replace missing") == true)
  }

  @Test("a batch of weight 0 is exchanged and changes nothing, decay and momentum included")
  func weightless() throws {
    struct Weightless: TrainingBatch {
      var input: Tensor
      var count: Int { input.shape[0] }
      var weight: Double { 0 }
    }
    final class Count: GradientExchange {
      var steps: [Double] = []
      func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) { steps.append(step.weight) }
    }
    let exchange = Count()
    var (line, optimizer) = (Line(), SGD(learningRate: 0.5, momentum: 0.9, weightDecay: 0.1))
    line.weight = Tensor([2], shape: line.weight.shape)
    let before = line.weight
    try Trainer(epochs: 2, exchanges: [exchange]).fit(
      &line, optimizer: &optimizer, batches: [Weightless(input: numbers)]
    ) { $0($1.input).squared.mean() }
    #expect(exchange.steps == [0, 0] && line.weight == before && optimizer.state.step == 0)
  }

  @Test("gradients of several batches added up are those of one large batch, weights and last rest included")
  func accumulation() throws {
    var generator = RandomGenerator(seed: 4)
    let x = Tensor.uniform([22, 5, 2], in: -1..<1, using: &generator)
    let lengths = (0..<22).map { $0 % 5 + 1 }
    let target = Tensor((0..<22 * 5).map { $0 % 3 }, shape: [22, 5])
    func trained(_ size: Int, _ accumulation: Int) throws -> (Sequential, History) {
      var model = Sequential(inputSize: 2, seed: 1) {
        LSTM(4, returning: .everyStep)
        Dense(3)
      }
      model.compile(optimizer: SGD(learningRate: 0.5, momentum: 0.9), loss: .crossEntropy)
      let history = try model.fit(
        x, target, lengths: lengths, epochs: 3, batchSize: size, shuffle: false,
        schedule: .cosine().countingSteps, clipping: .globalNorm(0.3), accumulation: accumulation)
      return (model, history)
    }
    let (large, small) = (try trained(8, 1), try trained(2, 4))
    expectClose(small.0, large.0, "the weights", within: Tolerance(relative: 1e-4))
    #expect(small.0.compiled?.optimizer.state.step == 9 && large.0.compiled?.optimizer.state.step == 9)
    #expect(small.1.epochs.map(\.learningRate) == large.1.epochs.map(\.learningRate))
    #expect(try trained(2, 3).0.tensors != large.0.tensors)
  }

  @Test("sparse gradients stay sparse when they are added up")
  func sparse() throws {
    let table = Embedding(vocabulary: 50, size: 4)
    func gradient(_ tokens: [Int]) -> Embedding {
      valueAndGradient(at: table) { $0(Tensor(tokens)).squared.sum() }.gradient
    }
    var sum = AccumulatedGradient<Embedding>()
    sum.add(gradient([1, 7]), weight: 2)
    sum.add(gradient([7, 30]), weight: 6)
    let mean = try #require(sum.take()?.gradient)
    #expect(mean.weight.sparseRows?.indices == [1, 7, 30])
    let (a, b) = (gradient([1, 7]).weight, gradient([7, 30]).weight)
    expectClose(mean.weight * 1, (a * 2 + b * 6) * (1 / 8))
  }

  @Test("between gradient and update an exchange sees the gradient and its weight, and may change both")
  func exchange() throws {
    struct Halving: GradientExchange {
      let seen: (Double, Int) -> Void
      func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) {
        seen(step.weight, step.step)
        gradient = gradient.mapTensors { $0 * 0.5 }
      }
    }
    let examples = Batch(numbers, numbers * 2)
    func trained(_ rate: Float, _ exchanges: [any GradientExchange]) throws -> Line {
      var (line, optimizer) = (Line(), SGD(learningRate: rate))
      try Trainer(epochs: 2, exchanges: exchanges).fit(
        &line, optimizer: &optimizer, examples: examples, batchSize: 10, loss: squared)
      return line
    }
    var seen: [(weight: Double, step: Int)] = []
    let halved = try trained(0.5, [Halving { seen.append(($0, $1)) }])
    #expect(seen.map(\.weight) == [10, 10, 4, 10, 10, 4] && seen.map(\.step) == [0, 1, 2, 3, 4, 5])
    #expect(try halved.tensors == trained(0.25, []).tensors)

    // Two machines with half of each batch each, exchanged by their weights, learn as one.
    struct Other: GradientExchange {
      let batch: Batch
      func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) {
        let theirs = valueAndGradient(at: Line()) { Loss.meanSquaredError($0(batch.input), batch.target) }.gradient
        let (mine, other) = (Float(step.weight), Float(batch.count))
        var added = theirs.tensors[...]
        gradient = gradient.mapTensors { ($0 * mine + added.removeFirst() * other) * (1 / (mine + other)) }
        step.weight += Double(batch.count)
      }
    }
    var (one, two, optimizer) = (Line(), Line(), SGD(learningRate: 0.1))
    try Trainer().fit(&one, optimizer: &optimizer, batches: [examples], loss: squared)
    try Trainer(exchanges: [Other(batch: examples.slice(9..<24))]).fit(
      &two, optimizer: &optimizer, batches: [examples.slice(0..<9)], loss: squared)
    expectClose(two, one)
    struct Failing: GradientExchange {
      func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) throws(TrainingError) {
        throw TrainingError(.exchangeFailed, "the other machine is gone")
      }
    }
    let error = #expect(throws: TrainingError.self) { try trained(0.1, [Failing()]) }
    #expect(error?.code == .exchangeFailed)
  }

  @Test("observers see every event in order, may end training, and do not change what is learned")
  func observers() throws {
    final class Log: TrainingObserver {
      var lines: [String] = []
      var stopsAt = Int.max
      func observe(_ event: TrainingEvent) -> TrainingDecision {
        switch event.kind {
        case .began: lines.append("began \(event.epochs) × \(event.batches ?? 0)")
        case .step(let step):
          lines.append("step \(step.epoch).\(step.batch) of \(step.examples)")
          if step.step == stopsAt { return .stop() }
        case .epoch(let epoch): lines.append("epoch \(epoch.number)")
        case .ended(let reason): lines.append("ended \(reason?.rawValue ?? "badly")")
        }
        return .proceed
      }
    }
    func trained(_ observers: [any TrainingObserver], rate: Float = 0.1) throws -> (line: Line, history: History) {
      var (line, optimizer) = (Line(), SGD(learningRate: rate))
      let history = try Trainer(epochs: 2, observers: observers).fit(
        &line, optimizer: &optimizer, examples: Batch(numbers, numbers * 2), batchSize: 16, loss: squared)
      return (line, history)
    }
    let log = Log()
    let watched = try trained([log])
    #expect(
      log.lines == [
        "began 2 × 2", "step 1.1 of 16", "step 1.2 of 8", "epoch 1", "step 2.1 of 16", "step 2.2 of 8", "epoch 2",
        "ended completed",
      ])
    #expect(try watched.line.tensors == trained([]).line.tensors)
    let short = Log()
    short.stopsAt = 3
    let stopped = try trained([short])
    #expect(stopped.history.stopReason == .requested && stopped.history.epochs.count == 1)
    #expect(short.lines.suffix(2) == ["step 2.1 of 16", "ended requested"])
    let failing = Log()
    #expect(throws: TrainingError.self) { try trained([failing], rate: 1e30) }
    #expect(failing.lines.last == "ended badly")
  }

  @Test("a table of epochs has a header, the metrics and the validation")
  func table() throws {
    var text = ""
    var model = makeModel()
    let (x, y) = series()
    let history = try model.fit(
      x, y, epochs: 2, validation: .tail(0.2), observers: [EpochTable { text += $0 }])
    let lines = text.split(separator: "\n")
    #expect(
      lines[0]
        == "epoch,loss,validation loss,mean absolute error,validation mean absolute error,learning rate,seconds")
    #expect(lines.count == 3)
    #expect(lines[2].hasPrefix("2,\(history.losses[1]),\(history.validationLosses[1]),"))
  }

  @Test("nothing is printed where no observer is given")
  func silence() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent, \.standardOutputContent]
    ) {
      var model = makeModel()
      let (x, y) = series()
      try model.fit(x, y, epochs: 30)
    }
    let printed = (result?.standardErrorContent ?? []) + (result?.standardOutputContent ?? [])
    #expect(!String(decoding: printed, as: UTF8.self).contains("epoch"))
  }

  @Test("sizes, rates and betas that cannot be are refused by name")
  func options() async {
    func expect(_ result: ExitTest.Result?, says text: String) {
      let message = result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
      #expect(message.contains(text))
    }
    let batch = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var model = makeModel()
      try model.fit(.zeros([3, 4, 2]), .zeros([3, 1]), batchSize: 0)
    }
    expect(batch, says: "the batch size is 0, and must be positive")
    let rate = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Adam(learningRate: -1)
    }
    expect(rate, says: "Adam: the learning rate is -1.0")
    let beta = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { _ = AdamW(beta2: -0.5) }
    expect(beta, says: "beta2 is -0.5, and must be at least 0 and below 1")
    let momentum = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = SGD(momentum: -0.1)
    }
    expect(momentum, says: "SGD: the momentum is -0.1")
    let alpha = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { _ = RMSprop(alpha: 1) }
    expect(alpha, says: "RMSprop: alpha is 1.0")
    let decay = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Adagrad(weightDecay: .nan)
    }
    expect(decay, says: "Adagrad: the weight decay is nan")
    let later = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var (optimizer, line) = (SGD(), Line())
      optimizer.learningRate = -1
      optimizer.update(&line, along: line)
    }
    expect(later, says: "the learning rate is -1.0")
    let both = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Trainer(truncation: 4, accumulation: 2)
    }
    expect(both, says: "not accumulated over windows")
  }

  @Test(
    "validation that diverges on clean data is told of the learning rate, and of the data only where it is to blame")
  func validation() throws {
    func problem(_ validation: Batch, rate: Float) -> TrainingError? {
      var (line, optimizer) = (Line(), SGD(learningRate: rate))
      do throws(TrainingError) {
        try Trainer(epochs: 1).fit(
          &line, optimizer: &optimizer, batches: [Batch(numbers, numbers * 2)], validation: [validation], loss: squared)
        return nil
      } catch {
        return error
      }
    }
    let diverged = problem(Batch(numbers * 1e30, numbers), rate: 100)
    #expect(diverged?.description.contains("lower the learning rate") == true)
    #expect(diverged?.description.contains("validation loss") == true)
    let missing = problem(Batch(Tensor([[.nan]]), Tensor([[1]])), rate: 0.1)
    #expect(missing?.place == "the input of the batch of validation")
    #expect(missing?.description.contains("replace missing or infinite values") == true)
  }
}
