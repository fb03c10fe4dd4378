import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Gates that are watched") struct GateWatchTests {
  private static let units = 6
  private var x: Tensor {
    var generator = RandomGenerator(seed: 2)
    return .normal([20, 12, 2], using: &generator)
  }

  private func model() -> Sequential {
    Sequential(inputSize: 2, seed: 1) {
      Dropout(0.2)
      LSTM(Self.units)
      Dense(1)
    }
  }

  /// A model whose gates begin with these biases: input, forget, candidate, output.
  private func model(biases: [Float]) -> Sequential {
    var model = model()
    model.forEachTensor { name, tensor in
      guard name.contains("bias_ih") else { return }
      tensor = Tensor(biases.flatMap { Array(repeating: $0, count: Self.units) })
    }
    return model
  }

  private func fit(
    _ model: inout Sequential, epochs: Int, _ observers: [any TrainingObserver]
  ) throws {
    var optimizer = Adam(learningRate: 0.001)
    let examples = Batch(x, x.slice(0..<1, axis: 2).sum(axes: [1]))
    try Trainer(epochs: epochs, observers: observers).fit(
      &model, optimizer: &optimizer, examples: examples, batchSize: 10
    ) { model, batch in Loss.meanSquaredError(model(batch.input), batch.target) }
  }

  private func warnings(_ biases: [Float], epochs: Int) throws -> [TrainingAdvice.Warning] {
    let advice = TrainingAdvice { _ in }
    var model = model(biases: biases)
    try fit(&model, epochs: epochs, [advice])
    return advice.warnings.filter { $0.kind == .saturatedGates }
  }

  @Test("are those of the readable step, of the longest rows, step after step") func values() throws {
    var generator = RandomGenerator(seed: 3)
    let layer = Stacked<Bidirectional<GRUCell>>(inputSize: 2, hiddenSizes: [4, 3], using: &generator)
    let lengths = [3, 5, 0, 4, 1, 2]
    let input = Tensor.normal([6, 5, 2], using: &generator)
    let seen = GateValues.seen(in: layer) { _ = layer(input, lengths: lengths) }
    #expect(seen.map(\.level) == ["l0", "l0_reverse", "l1", "l1_reverse"].flatMap { [$0, $0, $0] })
    #expect(seen.prefix(3).map(\.gate) == ["reset", "update", "candidate"])
    #expect(seen.prefix(3).map(\.decidesRetention) == [false, true, false])
    let found = layer.inspections(of: input, steps: Steps(lengths: lengths))
    for (level, inspection) in found.enumerated() where inspection.direction == .forward {
      let own = seen.filter { $0.level == "l\(level / 2)" }
      for (gate, (name, values)) in zip(own, inspection.gates) {
        #expect(gate.gate == name)
        let expected = (0..<5).flatMap { step in
          [1, 3, 0, 5].filter { lengths[$0] > step }.flatMap { row in
            values.at(row, axis: 0).at(step, axis: 0).values
          }
        }
        expectClose(gate.values, Tensor(expected, shape: [14, values.shape[2]]))
      }
    }
    // Nothing is seen where nobody looks, and no cell without gates shows any.
    let plain = RNN(inputSize: 2, hiddenSize: 3)
    #expect(GateValues.seen(in: plain) { _ = plain(input) }.isEmpty)
    #expect(GateWatch.current == nil)
  }

  @Test("change no bit of a training") func bits() throws {
    final class Watch: TrainingObserver {
      var counts: [Int] = []
      var last: TrainingEvent?
      func observe(_ event: TrainingEvent) -> TrainingDecision {
        if case .epoch = event.kind {
          counts.append(event.gates().count)
          last = event
        } else {
          #expect(event.gates().isEmpty)
        }
        return .proceed
      }
    }
    let watch = Watch()
    var (one, other) = (model(), model())
    try fit(&one, epochs: 3, [])
    try fit(&other, epochs: 3, [watch, TrainingAdvice { _ in }])
    expectSameBits(one, other)
    #expect(watch.counts == [4, 4, 4])
    // An event that is kept holds neither model nor batch.
    #expect(watch.last?.gates().count == 4)
  }

  @Test("are said to be saturated where input and output are at their ends, and not where a forget gate remembers")
  func saturation() throws {
    let warning = try #require(try warnings([-9, 0, 0, -9], epochs: 4).first)
    #expect(
      warning.problem.hasPrefix(
        "in epoch 3 the gates (input, output) of '1.l0' are wholly open or closed at 100 % of its units' steps"))
    #expect(try warnings([9, 0, 0, -9], epochs: 4).count == 1)
    for biases: [Float] in [[0, 0, 0, 0], [0, 9, 0, 0], [-9, 9, 0, 0], [0, 9, 0, 9]] {
      #expect(try warnings(biases, epochs: 4).isEmpty, "\(biases)")
    }
    // A state that passes in a few looks is none; of a long training about ten epochs are looked at.
    #expect(try warnings([-9, 0, 0, -9], epochs: 2).isEmpty)
    #expect(try warnings([-9, 0, 0, -9], epochs: 3).count == 1)
    #expect(try warnings([-9, 0, 0, -9], epochs: 30).first?.problem.hasPrefix("in epoch 9 ") == true)
  }

  @Test("are at their ends below a tenth and above nine tenths, and too many where four of five of units' steps are")
  func limits() {
    func gate(_ name: String, _ values: [Float], units: Int = 5) -> GateValues {
      GateValues(
        level: "a", gate: name, values: Tensor(values, shape: [values.count / units, units]), decidesRetention: false)
    }
    func level(_ gates: GateValues...) -> GateSaturation? { GateSaturation.levels(gates).first }
    func some(_ count: Int, at end: Float) -> [Float] { (0..<100).map { $0 < count ? end : 0.5 } }
    let closed = gate("output", some(100, at: 0))
    #expect(level(gate("input", some(80, at: 0.05)), closed).map { $0.isTrouble && $0.share == 0.8 } == true)
    #expect(level(gate("input", some(79, at: 0.05)), closed).map { $0.isTrouble } == false)
    // All gates of a unit are at an end, or it does not count.
    #expect(level(gate("input", some(50, at: 1)), gate("output", some(50, at: 1).reversed()))?.share == 0)
    let (tenth, hundredth): (Float, Float) = (0.1, 0.01)
    for (value, isAtEnd) in [
      (tenth.nextDown, true), (tenth, false), (1 - tenth, false), ((1 - tenth).nextUp, true),
    ] {
      #expect(level(gate("input", some(100, at: value)), closed)?.share == (isAtEnd ? 1 : 0), "\(value)")
    }
    // A gate that is the only one.
    for (value, isAtEnd) in [
      (hundredth.nextDown, true), (hundredth, false), (1 - hundredth, false), ((1 - hundredth).nextUp, true),
    ] {
      #expect(level(gate("update", some(100, at: value)))?.share == (isAtEnd ? 1 : 0), "\(value)")
    }
    // Fewer than sixteen steps say nothing.
    #expect(level(gate("update", Array(repeating: 0, count: 80)))?.isTrouble == true)
    #expect(level(gate("update", Array(repeating: 0, count: 75))).map { $0.isTrouble } == nil)
  }

  @Test("are those of four rows and of 256 of their steps at most") func most() {
    var generator = RandomGenerator(seed: 3)
    let layer = GRU(inputSize: 2, hiddenSize: 3, using: &generator)
    for (rows, steps, count) in [(6, 260, 4 * 256), (3, 257, 3 * 256), (5, 255, 4 * 255)] {
      let seen = GateValues.seen(in: layer) { _ = layer(Tensor.zeros([rows, steps, 2])) }
      #expect(seen.count == 3 && seen.allSatisfy { $0.values.shape == [count, 3] }, "\(rows) rows, \(steps) steps")
    }
  }

  @Test("of cells that have no other gates than one are saturated only where nothing is kept or taken") func single() {
    func levels(_ value: Float, decidesRetention: Bool) -> [GateSaturation] {
      GateSaturation.levels([
        GateValues(
          level: "a", gate: "update", values: Tensor(repeating: value, shape: [40, 8]),
          decidesRetention: decidesRetention)
      ])
    }
    #expect(levels(0.05, decidesRetention: true).map(\.isTrouble) == [false])
    #expect(levels(0.005, decidesRetention: true).map(\.isTrouble) == [true])
    #expect(levels(0.95, decidesRetention: false).map(\.isTrouble) == [false])
    // What is no share of something is no gate that could be open.
    #expect(levels(2, decidesRetention: false).isEmpty)
  }
}
