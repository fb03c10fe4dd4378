import RefrainTestSupport
import Testing

@testable import Refrain

extension Passage {
  /// The passage by the cell's scan along a schedule of these steps.
  func outcome(_ steps: Steps, _ direction: Direction, byLoop: Bool) -> Outcome<Cell.State> {
    let extent = steps.extent(of: input.shape)
    let schedule = Schedule(batch: extent.batch, time: extent.time, steps: steps, direction: direction)
    let entering = schedule.entering(state, initial: cell.initialState(batch: 1))
    let result =
      byLoop
      ? cell.scanByLoop(input, from: entering, along: schedule) : cell.scan(input, from: entering, along: schedule)
    return Outcome(outputs: result.outputs, state: schedule.leaving(result.state))
  }

  /// The same sequence by sequence and step by step, as the text says it.
  func stepByStep(_ steps: Steps, _ direction: Direction) -> Outcome<Cell.State> {
    let (batch, time) = (input.shape[0], input.shape[1])
    var outputs: [Tensor] = []
    var finals: [[Tensor]] = []
    for sequence in 0..<batch {
      var running = state.mapTensors { rows([sequence], of: $0) }
      var shown = [Tensor](repeating: .zeros([1, cell.hiddenSize]), count: time)
      let length = steps.lengths?[sequence] ?? time
      for step in direction == .forward ? Array(0..<length) : (0..<length).reversed() {
        let isReset = steps.resets?[sequence][step] ?? false
        if isReset, direction == .forward { running = cell.initialState(batch: 1) }
        if steps.present?[sequence][step] ?? true {
          running = cell(input.at(sequence, axis: 0).slice(step..<step + 1, axis: 0), running)
          shown[step] = running.output
        }
        if isReset, direction == .backward, step > 0 { running = cell.initialState(batch: 1) }
      }
      outputs.append(concatenate(shown, axis: 0))
      finals.append(running.tensors)
    }
    let final = state.tensors.indices.map { index in concatenate(finals.map { $0[index] }, axis: 0) }
    return Outcome(outputs: stack(outputs), state: state.replacingTensors(final))
  }

  /// The gradient of the sum of an outcome's tensors times ramps.
  func gradient(_ outcome: (Self) -> Outcome<Cell.State>) -> Self {
    valueAndGradient(at: self) { passage in
      let found = outcome(passage)
      return zip(found.tensors, found.ramps).map { ($0 * $1).sum() }.reduce(Tensor(0), +)
    }.gradient
  }
}

@Suite("Gaps, resets and layouts")
struct StepsTests {
  /// Five sequences of six steps: one whole, one of no step, one all of whose steps are absent, resets at the first and
  /// the last step, at absent ones, and past the end.
  static let present = flags(["111111", "101101", "111111", "000000", "010011"])
  static let resets = flags(["001010", "100001", "111111", "010000", "001101"])
  static let cases: [(name: String, steps: Steps)] = [
    ("gaps", Steps(present: present)),
    ("resets", Steps(resets: resets)),
    ("gaps and lengths", Steps(lengths: [6, 4, 0, 3, 5], present: present)),
    ("all", Steps(lengths: [6, 4, 0, 3, 5], present: present, resets: resets)),
  ]

  static func flags(_ rows: [String]) -> [[Bool]] { rows.map { $0.map { $0 == "1" } } }

  @Test("every cell skips gaps and begins anew at resets, in values and all gradients", arguments: CellTests.names)
  func cells(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 5, time: 6, inputSize: 3, hiddenSize: 5)
      for (what, steps) in Self.cases {
        for direction in Direction.allCases {
          let expected = passage.stepByStep(steps, direction)
          let gradient = passage.gradient { $0.stepByStep(steps, direction) }
          for byLoop in [false, true] {
            let text = "\(what), \(direction), by loop: \(byLoop):"
            let found = passage.outcome(steps, direction, byLoop: byLoop)
            expectClose(found, expected, text, within: CellScanTests.tolerance)
            expectClose(
              passage.gradient { $0.outcome(steps, direction, byLoop: byLoop) }, gradient, "\(text) the gradient by",
              within: CellScanTests.tolerance)
          }
        }
      }
    }
    check(try cellType(name))
  }

  @Test("what stands in a gap has no influence, be it no number", arguments: CellTests.names)
  func garbage(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 5, time: 6, inputSize: 3, hiddenSize: 17)
      for (what, steps) in Self.cases {
        let mask = steps.mask(batch: 5, time: 6).reshaped([5, 6, 1])
        for direction in Direction.allCases {
          var spoiled = passage
          spoiled.input = select(mask, passage.input, Tensor(.nan))
          for byLoop in [false, true] {
            let clean = passage.outcome(steps, direction, byLoop: byLoop)
            expectSameBits(spoiled.outcome(steps, direction, byLoop: byLoop), clean, "\(what), \(direction)")
            let outside = select(mask, Tensor(0), clean.outputs)
            #expect(outside == .zeros(outside.shape))
            expectSameBits(
              spoiled.gradient { $0.outcome(steps, direction, byLoop: byLoop) },
              passage.gradient { $0.outcome(steps, direction, byLoop: byLoop) },
              "\(what), \(direction): the gradient by")
          }
        }
      }
    }
    check(try cellType(name))
  }

  @Test(
    "a gap is a step that was never there: the sequence without it is the same, to the bit", arguments: CellTests.names)
  func shorter(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 5, time: 6, inputSize: 3, hiddenSize: 17)
      for direction in Direction.allCases {
        let layer = Recurrent(passage.cell, returning: .everyStep, direction: direction)
        let whole = layer.scan(passage.input, steps: Steps(present: Self.present), from: passage.state)
        for sequence in 0..<5 {
          let kept = (0..<6).filter { Self.present[sequence][$0] }
          let input = passage.input.at(sequence, axis: 0).gatheringRows(kept).reshaped([1, kept.count, 3])
          let alone = layer.scan(input, from: passage.state.mapTensors { rows([sequence], of: $0) })
          expectSameBits(
            whole.outputs.at(sequence, axis: 0).gatheringRows(kept), alone.outputs.at(0, axis: 0), "\(sequence)")
          expectSameBits(whole.state.mapTensors { rows([sequence], of: $0) }, alone.state, "\(sequence)")
        }
      }
    }
    check(try cellType(name))
  }

  @Test("the time first is the batch first, transposed", arguments: CellTests.names)
  func timeFirst(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 5, time: 6, inputSize: 3, hiddenSize: 5)
      for (what, steps) in Self.cases {
        var turned = steps
        turned.layout = .timeFirst
        for direction in Direction.allCases {
          for byLoop in [false, true] {
            func outcome(_ passage: Passage<Cell>) -> Outcome<Cell.State> {
              var other = passage
              other.input = passage.input.transposed([1, 0, 2])
              var found = other.outcome(turned, direction, byLoop: byLoop)
              found.outputs = found.outputs.transposed([1, 0, 2])
              return found
            }
            expectSameBits(outcome(passage), passage.outcome(steps, direction, byLoop: byLoop), "\(what), \(direction)")
            expectSameBits(
              passage.gradient(outcome), passage.gradient { $0.outcome(steps, direction, byLoop: byLoop) },
              "\(what), \(direction): the gradient by")
          }
        }
      }
    }
    check(try cellType(name))
  }

  @Test("one sequence needs no batch axis", arguments: Steps.Layout.allCases)
  func oneSequence(layout: Steps.Layout) {
    let steps = Steps(lengths: [5], present: [[true, false, true, true, true, true]], layout: layout)
    let (x, batch) = (ramp([6, 3]), ramp([6, 3]).reshaped(layout == .batchFirst ? [1, 6, 3] : [6, 1, 3]))
    func check<L: RecurrentLayer>(_ every: L, _ last: L) {
      let whole = every.scan(batch, steps: steps)
      let alone = every.scan(x, steps: steps)
      expectSameBits(alone.outputs, whole.outputs.reshaped([6] + whole.outputs.shape.dropFirst(2)))
      expectSameBits(alone.state, whole.state)
      expectSameBits(every(x, steps: steps), alone.outputs)
      expectSameBits(last(x, steps: steps), last(batch, steps: steps).at(0, axis: 0))
    }
    var generator = RandomGenerator(seed: 2)
    func built<L: Layer>(_ layer: L) -> L { layer.built(for: [nil, nil, 3], using: &generator) }
    check(built(LSTM(4, returning: .everyStep)), built(LSTM(4)))
    check(built(GRU(4, returning: .everyStep, direction: .backward)), built(GRU(4)))
    for merge in Merge.allCases {
      check(
        built(Bidirectional<LSTMCell>(4, returning: .everyStep, merge: merge)),
        built(Bidirectional<LSTMCell>(4, returning: .lastStep, merge: merge)))
    }
    for connection in Connection.allCases {
      check(
        built(Stacked<LSTM>([4, 4], connection: connection, returning: .everyStep)),
        built(Stacked<LSTM>([4, 4], connection: connection)))
    }
  }

  @Test("a model gives the same whatever stands at steps that are not there, and its weights the same gradient")
  func models() {
    let steps = Self.cases[3].steps
    let mask = steps.mask(batch: 5, time: 6).reshaped([5, 6, 1])
    let x = ramp([5, 6, 3])
    let models = [
      Sequential(inputSize: 3, seed: 1) {
        LSTM(4, returning: .everyStep)
        LayerNorm()
        Bidirectional<GRUCell>(3, returning: .everyStep)
        Dense(2)
      },
      Sequential(inputSize: 3, seed: 1) {
        Dense(4, activation: .tanh)
        Stacked<GRU>([4, 4], connection: .depthWise, returning: .everyStep)
        AttentionPooling()
      },
    ]
    for model in models {
      let spoiled = select(mask, x, Tensor(.nan))
      expectSameBits(model(spoiled, steps: steps), model(x, steps: steps))
      var turned = steps
      turned.layout = .timeFirst
      let found = model(spoiled.transposed([1, 0, 2]), steps: turned)
      expectSameBits(found.rank == 3 ? found.transposed([1, 0, 2]) : found, model(x, steps: steps), "the time first")
      func gradient(_ x: Tensor) -> Sequential {
        valueAndGradient(at: model) { ($0(x, steps: steps) * ramp(model(x, steps: steps).shape)).sum() }.gradient
      }
      let (spoiledGradient, expected) = (gradient(spoiled), gradient(x))
      for (one, other) in zip(spoiledGradient.namedTensors, expected.namedTensors) {
        expectSameBits(one.tensor, other.tensor, one.name)
      }
    }
  }

  @Test("a loss and a step of training do not see absent steps")
  func training() throws {
    let steps = Self.cases[3].steps
    let mask = steps.mask(batch: 5, time: 6).reshaped([5, 6, 1])
    let (x, y) = (ramp([5, 6, 3]), ramp([5, 6, 2], 4))
    func trained(_ batch: Batch) throws -> (Sequential, Float) {
      var model = Sequential(inputSize: 3, seed: 1) {
        LSTM(4, returning: .everyStep)
        Dense(2)
      }
      model.compile(optimizer: SGD(learningRate: 0.1), loss: .meanSquaredError, metrics: [.meanAbsoluteError])
      let history = try model.fit(batches: [batch, batch], trainer: Trainer(epochs: 2))
      #expect(history.epochs[1].metrics["mean absolute error"]!.isFinite)
      return (model, history.losses[1])
    }
    for weights in [nil, ramp([5]).squared, ramp([5, 6]).squared] {
      let clean = try trained(Batch(x, y, steps: steps, weights: weights))
      let spoiled = try trained(
        Batch(select(mask, x, Tensor(.nan)), select(mask, y, Tensor(.nan)), steps: steps, weights: weights))
      for (one, other) in zip(clean.0.tensors, spoiled.0.tensors) { expectSameBits(one, other) }
      #expect(clean.1 == spoiled.1)

      // The loss is the mean over the steps that are there.
      var model = Sequential(inputSize: 3, seed: 1) {
        LSTM(4, returning: .everyStep)
        Dense(2)
      }
      model.compile(optimizer: SGD(), loss: .meanSquaredError)
      let found = model.evaluate(batches: [Batch(x, y, steps: steps, weights: weights)]).loss
      let errors = (model(x, steps: steps) - y).squared
      var (sum, total) = (0.0, 0.0)
      for sequence in 0..<5 {
        for step in 0..<6 where steps.isValid(sequence, step, time: 6) {
          let weight = weights.map { Double($0.rank == 1 ? $0[sequence] : $0[sequence, step]) } ?? 1
          for feature in 0..<2 { sum += weight * Double(errors[sequence, step, feature]) / 2 }
          total += weight
        }
      }
      #expect(abs(Double(found) - sum / total) < 1e-5)
    }
  }

  @Test("a layer that takes lengths alone says so, and flags of another shape are refused")
  func refusals() async {
    await #expect(processExitsWith: .failure) {
      var generator = RandomGenerator(seed: 1)
      let layer = Conv1D(2, kernel: 2).built(for: [nil, 3, 2], using: &generator)
      _ = layer(.zeros([1, 3, 2]), steps: Steps(present: [[true, false, true]]))
    }
    await #expect(processExitsWith: .failure) {
      _ = Schedule(batch: 2, time: 3, steps: Steps(resets: [[true, false, true]]))
    }
  }
}
