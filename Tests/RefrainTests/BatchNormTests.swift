import RefrainTestSupport
import Testing

@testable import Refrain

@Suite struct BatchNormTests {
  /// The model of the fixture, as it is before the first batch.
  private func model(_ numbers: Fixture, momentum: Float, isFrozen: Bool = false) throws -> Sequential {
    var model = Sequential(inputSize: 3, seed: 1) {
      BatchNorm(momentum: momentum, isFrozen: isFrozen)
      Dense(2)
    }
    for (name, _) in model.namedTensors where !name.contains("running") {
      let value = try numbers.under("before")(name)
      model.forEachTensor { if $0 == name { $1 = value } }
    }
    return model
  }

  private func batches(_ numbers: Fixture) throws -> [Batch] {
    try (0..<6).map { step in
      let batch = numbers.under("\(step)")
      return try Batch(batch("x"), batch("y"), lengths: batch("lengths").values.map { Int($0) })
    }
  }

  private func optimizer() -> SGD { SGD(learningRate: 0.1, momentum: 0.9, weightDecay: 0.02) }

  @Test(
    "training moves weights and statistics as PyTorch's does, ragged",
    arguments: [("usual", Float(0.1)), ("fast", 0.4)])
  func training(label: String, momentum: Float) throws {
    let numbers = try Fixture("batch_norm").under(label)
    var model = try model(numbers, momentum: momentum)
    let batches = try batches(numbers)
    let losses = try numbers("losses").values
    model.compile(optimizer: optimizer(), loss: .meanSquaredError)
    for (step, batch) in batches.enumerated() {
      let history = try model.fit(batches: [batch])
      #expect(abs(history.losses[0] - losses[step]) < 2e-5 * losses[step], "step \(step)")
      let norm = try #require(model.layers[0] as? BatchNorm)
      try expectClose(norm.mean, numbers.under("\(step)")("mean"), "mean after step \(step)")
      try expectClose(norm.variance, numbers.under("\(step)")("variance"), "variance after step \(step)")
    }
    for (name, tensor) in model.namedTensors where !name.contains("running") {
      try expectClose(tensor, numbers.under("after")(name), "\(name)", within: Tolerance(absolute: 2e-5))
    }
    try expectClose(model(batches[0].input), numbers("output"), within: Tolerance(absolute: 5e-5))
  }

  @Test("a loop of one's own moves the statistics as the trainer does, to the same bits")
  func ownLoop() throws {
    let numbers = try Fixture("batch_norm").under("usual")
    var (model, trained) = try (model(numbers, momentum: 0.1), model(numbers, momentum: 0.1))
    let batches = try batches(numbers)
    var own = optimizer()
    try Trainer(epochs: 1).fit(&trained, optimizer: &own, batches: batches) { model, batch in
      Loss.meanSquaredError(model(batch.input, lengths: batch.lengths), batch.target, lengths: batch.lengths)
    }
    var (other, generator, statistics) = (optimizer(), RandomGenerator(seed: 1), KeptStatistics())
    for batch in batches {
      let gradient = valueAndGradient(at: model, keeping: &statistics, using: &generator) { model in
        Loss.meanSquaredError(model(batch.input, lengths: batch.lengths), batch.target, lengths: batch.lengths)
      }.gradient
      other.update(&model, along: gradient)
      model.take(statistics)
    }
    for (left, right) in zip(model.tensors, trained.tensors) { expectSameBits(left, right) }
  }

  @Test("a frozen layer keeps its statistics, whatever decays; batches that are accumulated all move them")
  func frozenAndAccumulated() throws {
    let numbers = try Fixture("batch_norm").under("usual")
    let batches = try batches(numbers)
    var frozen = try model(numbers, momentum: 0.1, isFrozen: true)
    frozen.compile(optimizer: optimizer(), loss: .meanSquaredError)
    try frozen.fit(batches: batches)
    let kept = try #require(frozen.layers[0] as? BatchNorm)
    #expect(kept.mean == .zeros([3]) && kept.variance == .ones([3]))
    var accumulated = try model(numbers, momentum: 0.1)
    accumulated.compile(optimizer: optimizer(), loss: .meanSquaredError)
    try accumulated.fit(batches: batches, trainer: Trainer(epochs: 1, accumulation: 4))
    // What goes into the layer does not depend on weights.
    let norm = try #require(accumulated.layers[0] as? BatchNorm)
    try expectClose(norm.mean, numbers.under("5")("mean"))
    try expectClose(norm.variance, numbers.under("5")("variance"))
  }

  @Test("it trains with the batch's statistics, or frozen with its own, and can be measured afterwards")
  func statistics() throws {
    var generator = RandomGenerator(seed: 2)
    let input = Tensor.normal([8, 5, 3], using: &generator) * 3 + 7
    let lengths = [5, 4, 3, 2, 1, 5, 5, 5]
    for isFrozen in [false, true] {
      let model = Sequential(inputSize: 3, seed: 1) { BatchNorm(isFrozen: isFrozen) }
      var seen = Tensor(0)
      let gradient = valueAndGradient(at: model, training: true, using: &generator) { model in
        let output = model(input, lengths: lengths)
        seen = output.detached
        return (output * ramp(output.shape)).sum()
      }.gradient
      let places = Steps(lengths: lengths).episodes(batch: 8, time: 5).flatMap { $0 }
      let rows = seen.reshaped([40, 3]).gatheringRows(places)
      let tolerance = Tolerance(absolute: isFrozen ? 1.5 : 1e-4)
      expectClose(rows.mean(axes: [0]), isFrozen ? Tensor([7, 7, 7]) : .zeros([3]), within: tolerance)
      let own = try #require(gradient.layers[0] as? BatchNorm)
      #expect(own.mean == .zeros([3]) && own.variance == .zeros([3]) && own.weight != .zeros([3]))
      // A finished model uses its own.
      expectClose(model(input), input * (1 / Float(1 + 1e-5).squareRoot()))
    }
    let model = Sequential(inputSize: 3, seed: 1) {
      BatchNorm()
      Dense(2)
      BatchNorm()
    }.calibrated(on: input)
    let rows = model(input).reshaped([40, 2])
    expectClose(rows.mean(axes: [0]), .zeros([2]), within: Tolerance(absolute: 1e-4))
    expectClose(rows.squared.mean(axes: [0]), .ones([2]), within: Tolerance(absolute: 1e-3))
  }
}
