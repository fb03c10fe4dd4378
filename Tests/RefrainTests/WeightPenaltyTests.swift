import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Penalties and noise")
struct WeightPenaltyTests {
  @Test("the penalties of outputs are PyTorch's, whatever the padding holds", arguments: ["full", "ragged"])
  func activations(kind: String) throws {
    let fixture = try Fixture("regularization").under("penalty")
    let lengths = kind == "full" ? nil : try fixture.integers("lengths")
    var outputs = try fixture("outputs")
    for (row, length) in (lengths ?? []).enumerated() {
      for step in length..<5 { outputs[row, step, 1] = .nan }
    }
    func check(_ name: String, _ penalty: (Tensor) -> Tensor) throws {
      let (value, gradient) = valueAndGradient(at: outputs, of: penalty)
      let expected = fixture.under("\(kind).\(name)")
      expectClose(Tensor(value), try expected("value"))
      expectClose(gradient, try expected("grad"))
    }
    try check("activation") { activationPenalty($0, lengths: lengths) }
    try check("temporal") { temporalActivationPenalty($0, lengths: lengths) }
  }

  @Test("without a step, or without two, there is no penalty")
  func noSteps() {
    #expect(activationPenalty(.ones([2, 3, 4]), lengths: [0, 0]).item == 0)
    #expect(temporalActivationPenalty(.ones([2, 3, 4]), lengths: [1, 0]).item == 0)
    #expect(temporalActivationPenalty(.ones([2, 1, 4])).item == 0)
  }

  @Test("a penalty layer adds to the loss in training alone, and passes its input on")
  func layer() throws {
    let (x, y) = (ramp([4, 5, 2]), Tensor.zeros([4, 5, 3]))
    let lengths = [5, 2, 3, 4]
    func model(_ penalty: ActivationPenalty) -> Sequential {
      var model = Sequential(inputSize: 2, seed: 3) {
        LSTM(3, returning: .everyStep)
        penalty
      }
      model.compile(optimizer: SGD(learningRate: 0), loss: .meanSquaredError)
      return model
    }
    func losses(_ penalty: ActivationPenalty) throws -> (training: Float, evaluation: Float) {
      var model = model(penalty)
      let training = try model.fit(x, y, lengths: lengths).losses[0]
      return (training, model.evaluate(x, y, lengths: lengths).loss)
    }
    let plain = model(ActivationPenalty())
    let outputs = plain(x, lengths: lengths)
    let none = try losses(ActivationPenalty())
    let both = try losses(ActivationPenalty(activation: 2, temporal: 3))
    let added =
      2 * activationPenalty(outputs, lengths: lengths) + 3 * temporalActivationPenalty(outputs, lengths: lengths)
    #expect(added.item > 0.01 && (both.training - none.training - added.item).magnitude < 1e-5)
    #expect(both.evaluation == none.evaluation)
    expectSameBits(model(ActivationPenalty(activation: 2))(x), plain(x))

    let explained = valueAndGradient(at: x, training: false) { model(ActivationPenalty(activation: 2))($0).sum() }
    expectSameBits(explained.gradient, valueAndGradient(at: x) { plain($0).sum() }.gradient)
    expectGradientMatchesDifferences(at: outputs) { [temporalActivationPenalty($0, lengths: lengths)] }
  }

  @Test("L1 and L2 add their closed forms to loss and gradient, of the named weights alone")
  func weights() throws {
    let pair = Pair(a: Tensor([[1, -2], [3, 0.5]]), b: Tensor([-4, 0]))
    func change(_ penalty: WeightPenalty) throws -> (loss: Float, pair: Pair) {
      var (copy, optimizer) = (pair, SGD(learningRate: 1))
      let history = try Trainer(penalties: [penalty]).fit(
        &copy, optimizer: &optimizer, examples: Batch(.ones([1, 1]), .ones([1, 1]))
      ) { model, _ in (model.a * 0).sum() + model.b.sum() * 0 }
      return (history.losses[0], Pair(a: pair.a - copy.a, b: pair.b - copy.b))
    }
    let absolute = try change(.absolute(0.5))
    #expect(absolute.loss == 5.25)
    #expect(absolute.pair.a == Tensor([[0.5, -0.5], [0.5, 0.5]]) && absolute.pair.b == Tensor([-0.5, 0]))
    let squares = try change(.squares(0.25, on: "a"))
    #expect(squares.loss == 0.25 * 14.25)
    #expect(squares.pair.a == pair.a * 0.5 && squares.pair.b == .zeros([2]))
  }

  @Test("decay apart from the gradient makes Adam AdamW")
  func decay() throws {
    let (x, y) = series()
    func trained(_ penalties: [WeightPenalty], _ optimizer: some Optimizer) throws -> [Tensor] {
      var (model, optimizer) = (makeModel(), optimizer)
      try Trainer(epochs: 3, penalties: penalties).fit(
        &model, optimizer: &optimizer, examples: Batch(x, y), batchSize: 4
      ) { model, batch in Loss.meanSquaredError(model(batch.input), batch.target) }
      return model.tensors
    }
    let expected = try trained([], AdamW(learningRate: 0.05, weightDecay: 0.2))
    let found = try trained([.decay(0.2)], Adam(learningRate: 0.05))
    for (one, other) in zip(found, expected) { expectClose(one, other) }
    let plain = try trained([], Adam(learningRate: 0.05))
    #expect(zip(plain, expected).contains { abs($0 - $1).maximum().item > 1e-3 })
    #expect(WeightPenalty.decay(1).value(of: makeModel()).item == 0)
  }

  @Test("a greatest norm scales rows as torch.renorm does, after each step")
  func maximumNorm() throws {
    let fixture = try Fixture("regularization").under("maximum_norm")
    var pair = Pair(a: try fixture("before"), b: Tensor([3, 4]))
    let untouched = pair
    WeightPenalty.maximumNorm(1.2, on: "a").limit(&pair)
    expectClose(pair.a, try fixture("after"))
    #expect(pair.b == untouched.b)
    WeightPenalty.maximumNorm(2.5, on: "b").limit(&pair)
    expectClose(pair.b, Tensor([1.5, 2]))
    #expect(WeightPenalty.maximumNorm(1, on: "*").value(of: pair).item == 0)

    let (x, y) = series()
    var model = makeModel()
    try model.fit(x, y * 10, epochs: 3, penalties: [.maximumNorm(0.5, on: "*.weight_*")])
    for (name, tensor) in model.namedTensors where name.contains(".weight_") {
      let norms = tensor.squared.sum(axes: [1]).values.map { $0.squareRoot() }
      #expect(norms.allSatisfy { $0 < 0.50001 } && norms.contains { $0 > 0.49999 })
    }
  }

  @Test("a pattern that fits nothing stops the program and says so")
  func misspelt() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let (x, y) = series()
      var model = makeModel()
      try model.fit(x, y, penalties: [.squares(1, on: "*.wheight*")])
    }
    let message = result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
    #expect(message.contains("the penalty's pattern '*.wheight*' fits none of the weights 0.weight_ih_l0, "))
  }

  @Test(
    "a star in a pattern stands for any characters",
    arguments: [
      ("*", true), ("0.weight_hh_l0", true), ("0.weight_hh", false), ("*.weight_hh*", true), ("*weight*", true),
      ("*_l0", true), ("0.*_l0", true), ("*_ih_*", false), ("*_l1", false), ("0.weight_hh_l0*", true),
      ("*0.weight_hh_l0*", true),
      ("0.*hh*l0", true), ("1.*", false), ("*l0*hh*", false), ("", false), ("0.weight_hh_l0*l0", false), ("**", true),
    ])
  func patterns(pattern: String, fits: Bool) {
    #expect("0.weight_hh_l0".matches(pattern: pattern) == fits)
  }

  @Test("gradient noise is normal, falls with the steps, follows from the seed and leaves sparse gradients sparse")
  func noise() throws {
    let noise = GradientNoise(variance: 0.3)
    #expect((noise.deviation(at: 0) - 0.547_723).magnitude < 1e-6)
    // σ² = 0.3 / 32^0.55
    #expect((noise.deviation(at: 31) - 0.211_176).magnitude < 1e-5)
    func noisy(_ gradient: Tensor, step: Int = 0, seed: UInt64 = 1) -> Tensor {
      var (gradient, generator) = (gradient, RandomGenerator(seed: seed))
      noise.add(to: &gradient, step: step, using: &generator)
      return gradient
    }
    for step in [0, 31] {
      let added = noisy(.ones([100, 200]), step: step) - 1
      let deviation = noise.deviation(at: step)
      #expect(added.mean().item.magnitude < 4 * deviation / Float(20_000).squareRoot())
      #expect((added.squared.mean().item / (deviation * deviation) - 1).magnitude < 0.04)
    }
    #expect(noisy(.zeros([3])) == noisy(.zeros([3])) && noisy(.zeros([3])) != noisy(.zeros([3]), seed: 2))
    // A model without a gradient moves by the noise alone, which falls from step to step.
    var (pair, optimizer) = (Pair(a: .zeros([5000]), b: .zeros([1])), SGD(learningRate: 1))
    var last = pair.a
    for step in 0..<3 {
      try Trainer(seed: UInt64(step), gradientNoise: noise).fit(
        &pair, optimizer: &optimizer, examples: Batch(.ones([1, 1]), .ones([1, 1]))
      ) { model, _ in (model.a * 0).sum() }
      let moved = (pair.a - last).squared.mean().item.squareRoot()
      #expect((moved / noise.deviation(at: step) - 1).magnitude < 0.05)
      last = pair.a
    }
    let table = ramp([50, 3])
    let sparse = noisy(valueAndGradient(at: table) { $0.gatheringRows([7, 2, 7]).sum() }.gradient)
    let rows = try #require(sparse.sparseRows)
    #expect(rows.indices == [2, 7] && rows.values.values.allSatisfy { $0 != 1 && $0 != 2 })
  }
}
