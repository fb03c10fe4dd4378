import Foundation
import RefrainTestSupport
import Testing

@testable import Refrain

/// What a body draws and computes on a training tape.
private func onTape<Result>(
  training: Bool = true, seed: UInt64 = 1, _ body: (_ tape: Tape) -> Result
) -> Result {
  let tape = Tape(isTraining: training, generator: RandomGenerator(seed: seed))
  return tape.recording { body(tape) }
}

/// A passage's scan under given masks.
private func outcome<Cell: RecurrentCell>(
  _ passage: Passage<Cell>, _ schedule: Schedule, _ masks: StepMasks
) -> Outcome<Cell.State> {
  let result = passage.cell.scan(passage.input, from: passage.state, along: schedule, masks: masks)
  return Outcome(outputs: result.outputs, state: result.state)
}

@Suite("Regularization of recurrent layers")
struct RegularizationTests {
  static let recurrentCells: [String] = Cells.all.filter { hasRecurrentWeights($0) }.map { $0.name }

  private static func hasRecurrentWeights<Cell: RecurrentCell>(_ type: Cell.Type) -> Bool {
    var generator = RandomGenerator(seed: 1)
    let cell = Cell(inputSize: 2, hiddenSize: 4, using: &generator)
    return cell.tensor("weight_hh") != nil && cell.initialState(batch: 1).tensor("hidden") != nil
  }

  @Test(
    "under masks, outputs, states and gradients are those of float64 loops, ragged",
    arguments: ["lstm", "gru_after", "gru_before", "rnn_tanh"], ["recurrent", "zoneout", "both", "expected"])
  func parity(name: String, kind: String) throws {
    let fixture = try Fixture("regularization").under(name)
    let expected = fixture.under(kind)
    func check<Cell: RecurrentCell>(_ type: Cell.Type) throws {
      var passage = Passage<Cell>(batch: 3, time: 5, inputSize: 2, hiddenSize: 4)
      passage.cell = try passage.cell.filled(from: fixture)
      passage.input = try fixture("x")
      passage.state = try passage.state.filled(from: fixture.under("initial"))
      let schedule = Schedule(batch: 3, time: 5, lengths: try fixture.integers("lengths"))
      var masks = StepMasks()
      if kind == "recurrent" || kind == "both" {
        masks.recurrent = try fixture("masks.recurrent").gatheringRows(schedule.order)
      }
      if kind == "zoneout" || kind == "both" {
        masks.keptHidden = try fixture("masks.hidden")
        masks.keptCell = try fixture("masks.cell")
      }
      if kind == "expected" {
        let zoneout = Regularization(zoneoutHidden: 0.25, zoneoutCell: 0.125)
        masks = try #require(zoneout.masks(for: passage.state, along: schedule))
      }
      let found = outcome(passage, schedule, masks)
      let wanted = try found.filled(from: expected)
      expectClose(found, wanted)
      let cotangents = try found.filled(from: expected.under("cotangent")).tensors
      let gradient = valueAndGradient(at: passage) { passage in
        zip(outcome(passage, schedule, masks).tensors, cotangents).map { ($0 * $1).sum() }.reduce(Tensor(0), +)
      }.gradient
      let gradients = expected.under("grad")
      expectClose(gradient.cell, try gradient.cell.filled(from: gradients), "the gradient of")
      expectClose(gradient.input, try gradients("x"), "the gradient of x")
      expectClose(gradient.state, try gradient.state.filled(from: gradients.under("initial")), "the gradient of")
    }
    switch name {
    case "lstm": try check(LSTMCell.self)
    case "gru_after": try check(GRUCell.self)
    case "gru_before": try check(GRUResetBeforeCell.self)
    default: try check(TanhRNNCell.self)
    }
  }

  /// The library's cells that carry the hidden state on past the products, and leave it alone there.
  private static let carryingCells = [
    "gru", "gru-reset-before", "layer-norm-gru", "mgu", "gru-d", "augru", "fast-grnn",
  ]

  @Test(
    "a dropped hidden state is missing in the recurrent products and nowhere else, unless the cell says nothing of it",
    arguments: recurrentCells)
  func onlyProducts(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 3, time: 1, inputSize: 2, hiddenSize: 5)
      let projected = passage.cell.project(passage.input.at(0, axis: 1))
      let hidden = passage.state.tensor("hidden")!
      let dropped = passage.cell.step(projected, passage.state, seeing: .zeros(hidden.shape))
      var cell = passage.cell
      cell.forEachTensor { name, tensor in if name.hasPrefix("weight_hh") { tensor = .zeros(tensor.shape) } }
      var withoutHidden = passage.state
      withoutHidden.forEachTensor { name, tensor in if name == "hidden" { tensor = .zeros(tensor.shape) } }
      let isDefault = dropped.tensors == passage.cell.step(projected, withoutHidden).tensors
      if !isDefault || Self.carryingCells.contains(name) {
        expectClose(dropped, cell.step(projected, passage.state))
      }
      expectSameBits(
        passage.cell.step(projected, passage.state, seeing: hidden), passage.cell.step(projected, passage.state))
    }
    check(try cellType(name))
  }

  @Test("gradient under held masks agrees with central differences", arguments: recurrentCells)
  func gradient(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 3, phase: 0.7)
      let schedule = Schedule(batch: 3, time: 4, lengths: [3, 0, 4], direction: .backward)
      let all = Regularization(recurrentDropout: 0.4, zoneoutHidden: 0.3, zoneoutCell: 0.3)
      let masks = onTape { _ in all.masks(for: passage.state, along: schedule)! }
      expectGradientMatchesDifferences(at: passage) { outcome($0, schedule, masks).tensors }
    }
    check(try cellType(name))
  }

  @Test("masks hold about the given part, in the shapes that scans want, and follow from the seed")
  func statistics() throws {
    let state = LSTMCell.State(hidden: .zeros([200, 100]), cell: .zeros([200, 100]))
    let schedule = Schedule(batch: 200, time: 2, lengths: (0..<200).map { $0 % 2 + 1 })
    let regularization = Regularization(recurrentDropout: 0.25, zoneoutHidden: 0.1, zoneoutCell: 0.4)
    func masks(_ seed: UInt64) throws -> StepMasks {
      try #require(onTape(seed: seed) { _ in regularization.masks(for: state, along: schedule) })
    }
    let drawn = try masks(1)
    let recurrent = try #require(drawn.recurrent)
    #expect(recurrent.shape == [200, 100] && Set(recurrent.values) == [0, 1 / 0.75])
    expectShare(recurrent.values.count { $0 == 0 }, of: 20_000, 0.25)
    for (mask, rate) in [(drawn.keptHidden, 0.1), (drawn.keptCell, 0.4)] as [(Tensor?, Float)] {
      let mask = try #require(mask)
      #expect(mask.shape == [300, 100] && Set(mask.values) == [0, 1])
      expectShare(mask.values.count { $0 == 1 }, of: 30_000, rate)
    }
    #expect(try masks(1).recurrent == recurrent && masks(2).recurrent != recurrent)
    #expect(try masks(1).keptCell == drawn.keptCell && masks(2).keptCell != drawn.keptCell)
    #expect(Set(recurrent.values.chunked(100)).count == 200)
    let expected = try #require(regularization.masks(for: state, along: schedule))
    #expect(expected.recurrent == nil && expected.keptHidden?.item == 0.1 && expected.keptCell?.item == 0.4)
  }

  @Test("input dropout drops the same features of a sequence at every step", arguments: Direction.allCases)
  func inputDropout(direction: Direction) {
    let layer = RNN(inputSize: 40, hiddenSize: 8).cell
    let recurrent = Recurrent(layer, returning: .everyStep, direction: direction)
      .regularized(by: Regularization(inputDropout: 0.3))
    let x = ramp([6, 4, 40])
    let lengths = [4, 2, 3, 4, 1, 4]
    var generator = RandomGenerator(seed: 3)
    let gradient = valueAndGradient(at: x, using: &generator) { recurrent($0, lengths: lengths).sum() }.gradient
    var patterns: Set<[Bool]> = []
    for (row, length) in lengths.enumerated() {
      let dropped = (0..<length).map { gradient.at(row, axis: 0).at($0, axis: 0).values.map { $0 == 0 } }
      #expect(Set(dropped).count == 1)
      patterns.insert(dropped[0])
    }
    #expect(patterns.count == 6)
    expectShare(patterns.reduce(0) { $0 + $1.count { $0 } }, of: 240, 0.3)
  }

  @Test(
    "input and weight dropout are the plain layer at a masked input and masked weights, on its own scan, to the bit")
  func replaced() {
    let (plain, x) = (LSTM(Passage<LSTMCell>(batch: 1, time: 1, inputSize: 3, hiddenSize: 5).cell), ramp([2, 4, 3]))
    let layer = plain.regularized(by: Regularization(inputDropout: 0.4, weightDropout: 0.5))
    var generator = RandomGenerator(seed: 9)
    let (value, gradient) = valueAndGradient(at: [layer], using: &generator) { $0[0](x).squared.sum() }
    let (weightMask, inputMask) = onTape(seed: 9) {
      ($0.dropoutMask([20, 5], rate: 0.5), $0.dropoutMask([2, 3], rate: 0.4))
    }
    expectShare(weightMask.values.count { $0 == 0 }, of: 100, 0.5)
    var masked = plain
    masked.cell.weightHidden *= weightMask
    let input = x * inputMask.reshaped([2, 1, 3])
    let (wantedValue, wanted) = valueAndGradient(at: masked) { $0(input).squared.sum() }
    #expect(value == wantedValue)
    expectSameBits(gradient[0].cell.weightHidden, wanted.cell.weightHidden * weightMask)
    expectSameBits(gradient[0].cell.weightInput, wanted.cell.weightInput)
  }

  @Test("at prediction nothing is dropped, to the bit, with a tape or without", arguments: recurrentCells)
  func prediction(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 5)
      let plain = Recurrent(passage.cell, returning: .everyStep)
      let layer = plain.regularized(
        by: Regularization(inputDropout: 0.5, recurrentDropout: 0.5, weightDropout: 0.5))
      let wanted = plain(passage.input)
      expectSameBits(layer(passage.input), wanted)
      expectSameBits(onTape(training: false) { _ in layer(passage.input) }, wanted)
      #expect(onTape { _ in layer(passage.input) } != wanted)
    }
    check(try cellType(name))
  }

  @Test("zoneout at prediction mixes by its probability, step by step as in a scan")
  func expectation() {
    let passage = Passage<LSTMCell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 5)
    let zoneout = Regularization(zoneoutHidden: 0.25, zoneoutCell: 0.5)
    let layer = Recurrent(passage.cell, returning: .everyStep).regularized(by: zoneout)
    let (outputs, final) = layer.scan(passage.input, from: passage.state)
    var (state, stream) = (passage.state, passage.state)
    for time in 0..<4 {
      let x = passage.input.at(time, axis: 1)
      let new = passage.cell(x, state)
      state = LSTMCell.State(
        hidden: 0.25 * state.hidden + 0.75 * new.hidden, cell: 0.5 * state.cell + 0.5 * new.cell)
      passage.cell.advance(&stream, with: x, regularization: zoneout)
      expectClose(outputs.at(time, axis: 1), state.hidden)
      expectSameBits(stream.hidden, outputs.at(time, axis: 1))
    }
    expectClose(final, state)
  }

  @Test("zoneout's expectation is what inspections show, and what relevance is propagated through")
  func seen() throws {
    let passage = Passage<LSTMCell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 5)
    let plain = Recurrent(passage.cell, returning: .everyStep)
    let layer = plain.regularized(by: Regularization(zoneoutHidden: 0.25, zoneoutCell: 0.5))
    let outputs = layer(passage.input)
    #expect(outputs != plain(passage.input))
    expectClose(layer.inspect(passage.input).outputs, outputs)
    expectClose(layer.relevanceTwin(passage.input), outputs)
    let seen = layer.inspections(of: passage.input)[0]
    let forget = try #require(seen.gates.first { $0.name == "forget" })
    expectClose(try #require(seen.retention), 0.5 + 0.5 * forget.value)
  }

  @Test("reaches every direction and level, each with masks of its own, and is saved with the layer")
  func nested() throws {
    let regularization = Regularization(inputDropout: 0.5, recurrentDropout: 0.25, zoneoutCell: 0.125)
    let stack = Stacked<Bidirectional<LSTMCell>>([4, 3], returning: .everyStep).regularized(by: regularization)
    #expect(stack.levels.allSatisfy { $0.forward.regularization == regularization })
    #expect(stack.levels.allSatisfy { $0.backward.regularization == regularization })
    let data = try JSONEncoder().encode(LayerDescription(stack.masked(by: .sequence)))
    let copy = try #require(
      try JSONDecoder().decode(LayerDescription.self, from: data).layer as? Stacked<Bidirectional<LSTMCell>>)
    #expect(copy.levels[1].backward.regularization == regularization)
    #expect(copy.configuration.dropoutMask == .sequence)
    let old = #"{"kind": "lstm", "configuration": {"hiddenSize": 3, "returning": "lastStep", "direction": "forward"}}"#
    let layer = try JSONDecoder().decode(LayerDescription.self, from: Data(old.utf8)).layer
    #expect((layer as? LSTM)?.regularization == Regularization())

    let both = Bidirectional<LSTMCell>(inputSize: 3, hiddenSize: 4, returning: .everyStep)
    var same = both.regularized(by: Regularization(recurrentDropout: 0.5))
    same.backward.cell = same.forward.cell
    let outputs = onTape { _ in same(Tensor.ones([1, 6, 3])).detached }
    // A sequence that reads the same either way has mirrored halves, unless each half has its own mask.
    #expect(outputs.at(0, axis: 1).slice(0..<4, axis: 1) == outputs.at(5, axis: 1).slice(4..<8, axis: 1))
    #expect(outputs.at(5, axis: 1).slice(0..<4, axis: 1) != outputs.at(0, axis: 1).slice(4..<8, axis: 1))
  }

  @Test("what cannot be is an error that says where and why")
  func errors() {
    func problem(_ layer: some Layer) -> String {
      do throws(LayerError) {
        _ = try layer.outputShape(for: [nil, nil, 3])
        return ""
      } catch { return error.description }
    }
    #expect(problem(LSTM(4).regularized(by: Regularization(zoneoutCell: 0.2))) == "")
    #expect(
      problem(LSTM(4).regularized(by: Regularization(recurrentDropout: 1)))
        == "lstm: the recurrent dropout is 1.0, and must be at least 0 and below 1")
    #expect(
      problem(GRU(4).regularized(by: Regularization(zoneoutCell: 0.2)))
        == "gru: zoneout of c needs a cell with cell state, which gru has not; leave it at 0")
    #expect(
      problem(Stacked<LSTM>([4, 3]).regularized(by: Regularization(weightDropout: -1))).contains("weight dropout"))
  }

  @Test("training is the same bits on any number of threads, and follows from the seed")
  func determinism() throws {
    let (x, y) = series()
    func train(seed: UInt64, threads: Int = 1) throws -> [Tensor] {
      let before = Parallelism.threads
      defer { Parallelism.threads = before }
      Parallelism.threads = threads
      var model = Sequential(inputSize: 2, seed: 1) {
        LSTM(40, returning: .everyStep).regularized(
          by: Regularization(
            inputDropout: 0.2, recurrentDropout: 0.2, zoneoutHidden: 0.1, zoneoutCell: 0.1, weightDropout: 0.3))
        Dropout(0.3, mask: .sequence)
        ActivationPenalty(activation: 1, temporal: 1)
        GRU(30)
        Dense(1)
      }
      model.compile(optimizer: Adam(learningRate: 0.01), loss: .meanSquaredError)
      try model.fit(
        x, y, epochs: 3, batchSize: 4, seed: seed, penalties: [.squares(0.01), .maximumNorm(1, on: "*weight_hh*")],
        gradientNoise: GradientNoise(variance: 0.01))
      return model.tensors
    }
    let first = try train(seed: 1)
    #expect(try train(seed: 1, threads: 3) == first)
    #expect(try train(seed: 2) != first)
  }
}

/// Expects a count of draws to lie within four standard deviations of `count · probability`.
func expectShare(_ found: Int, of count: Int, _ probability: Float, sourceLocation: SourceLocation = #_sourceLocation) {
  let deviation = (Float(count) * probability * (1 - probability)).squareRoot()
  let difference = (Float(found) - Float(count) * probability).magnitude
  #expect(difference < 4 * deviation, "\(found) of \(count), not \(probability)", sourceLocation: sourceLocation)
}

extension [Float] {
  fileprivate func chunked(_ size: Int) -> [[Float]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<$0 + size]) }
  }
}
