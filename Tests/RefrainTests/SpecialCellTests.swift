import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("xLSTM")
struct ExtendedLSTMTests {
  @Test("the matrix memory's steps side by side are the loop, over more than one chunk of them")
  func chunks() {
    let passage = Passage<MatrixLSTMCell>(batch: 3, time: 300, inputSize: 3, hiddenSize: 8)
    let schedule = Schedule(batch: 3, time: 300, lengths: [300, 129, 128])
    let weights = passage.outcome(schedule).ramps
    let (outcome, gradient) = passage.differentiated(schedule, weights: weights)
    let loop = passage.differentiated(schedule, byLoop: true, weights: weights)
    expectClose(outcome, loop.outcome, within: Tolerance(relative: 1e-4))
    expectClose(gradient, loop.gradient, "the gradient by", within: Tolerance(relative: 1e-4))
  }

  @Test("gates of any size neither overflow nor vanish", arguments: [-400, -90, 90, 400] as [Float])
  func largeGates(size: Float) {
    func check<Cell: RecurrentCell>(_ cell: Cell) {
      let passage = Passage(
        cell: cell, input: ramp([2, 9, 3]), state: cell.initialState(batch: 2))
      let schedule = Schedule(batch: 2, time: 9)
      for byLoop in [false, true] {
        let weights = passage.outcome(schedule).tensors.indices.map { $0 == 0 ? ramp([2, 9, 4]) : nil }
        let (outcome, gradient) = passage.differentiated(schedule, byLoop: byLoop, weights: weights)
        #expect(outcome.tensors.allSatisfy { $0.isFinite } && gradient.tensors.allSatisfy { $0.isFinite })
        #expect(outcome.outputs.values.allSatisfy { $0.magnitude <= 3 })
      }
    }
    var generator = RandomGenerator(seed: 4)
    for gate in 0..<2 {
      for forgetGate in SLSTMCell.Options.ForgetGate.allCases {
        var small = SLSTMCell(
          inputSize: 3, hiddenSize: 4, options: .init(forgetGate: forgetGate), using: &generator)
        for unit in 0..<4 { small.bias[gate * 4 + unit] = size }
        check(small)
      }
      var matrix = MatrixLSTMCell(inputSize: 3, hiddenSize: 4, options: .init(heads: 2), using: &generator)
      for head in 0..<2 { matrix.biasGates[gate * 2 + head] = size }
      check(matrix)
    }
  }

  @Test("a head of an sLSTM does not see the units of another")
  func heads() {
    var generator = RandomGenerator(seed: 5)
    let cell = SLSTMCell(inputSize: 2, hiddenSize: 6, options: .init(heads: 2), using: &generator)
    #expect(cell.weightHidden.shape == [2, 12, 3])
    for head in 0..<2 {
      for gate in 0..<4 {
        let block = cell.weightHidden.at(head, axis: 0).slice(3 * gate..<3 * gate + 3, axis: 0)
        expectClose(block.matrixProduct(block, transposingOther: true), Tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1]]))
      }
    }
    var state = cell.initialState(batch: 1)
    state.hidden = ramp([1, 6])
    let one = cell(ramp([1, 2]), state)
    for unit in 3..<6 { state.hidden[0, unit] += 1 }
    let other = cell(ramp([1, 2]), state)
    expectSameBits(one.hidden.slice(0..<3, axis: 1), other.hidden.slice(0..<3, axis: 1))
    for unit in 3..<6 { #expect(one.hidden[0, unit] != other.hidden[0, unit]) }
  }

  @Test("heads that do not divide the units are an error; the default is the greatest divisor up to 4")
  func headCounts() {
    func problem<Cell: RecurrentCell>(_ layer: Recurrent<Cell>) -> String {
      do throws(LayerError) {
        _ = try layer.outputShape(for: [nil, nil, 3])
        return ""
      } catch { return error.description }
    }
    let expected = "6 hidden units cannot be divided into 4 heads; give a number that divides 6"
    #expect(problem(SLSTM(6, options: .init(heads: 4))) == "slstm: " + expected)
    #expect(problem(MatrixLSTM(6, options: .init(heads: 4))) == "mlstm: " + expected)
    #expect(problem(MatrixLSTM(6, options: .init(heads: 0))).contains("0 heads"))
    #expect(problem(SLSTM(6, options: .init(heads: 3))).isEmpty)
    for (size, heads) in [(1, 1), (5, 1), (6, 3), (8, 4), (50, 2)] {
      #expect(MatrixLSTM(inputSize: 3, hiddenSize: size).cell.heads == heads)
      #expect(SLSTM(inputSize: 3, hiddenSize: size).cell.weightHidden.shape[0] == heads)
    }
  }
}

/// Cells that are told the time, or a score, in the last column.
@Suite("Irregular steps, missing values and scores")
struct IrregularTests {
  private func expectNeedsValues<Cell: RecurrentCell>(_ type: Cell.Type) {
    #expect(Cell.lastColumn != nil)
    #expect(throws: LayerError.self) { try Recurrent<Cell>(4).outputShape(for: [nil, nil, 1]) }
    #expect(throws: Never.self) { try Recurrent<Cell>(4).outputShape(for: [nil, nil, 2]) }
  }

  @Test("a last column that is no value needs a value before it, and the message says so")
  func columns() {
    expectNeedsValues(TimeAwareLSTMCell.self)
    expectNeedsValues(PhasedLSTMCell.self)
    expectNeedsValues(GRUDCell.self)
    expectNeedsValues(AttentionGRUCell.self)
    do throws(LayerError) {
      _ = try GRUD(4).outputShape(for: [nil, nil, 1])
    } catch {
      #expect(
        error.description
          == "gru-d: the input has 1 column, which is the time since the step before; put values before it")
    }
    #expect(LSTMCell.lastColumn == nil)
  }

  @Test("a T-LSTM without elapsed time is an LSTM")
  func timeAware() {
    let layer = TimeAwareLSTM(inputSize: 4, hiddenSize: 5, returning: .everyStep)
    let values = ramp([2, 6, 3])
    let at0 = layer(concatenate([values, .zeros([2, 6, 1])], axis: 2))
    expectClose(at0, LSTM(layer.cell.lstm, returning: .everyStep)(values))
    let later = layer(concatenate([values, .ones([2, 6, 1])], axis: 2))
    #expect(later != at0)
    // At the first step there is nothing that could fade: the decay acts on tanh(b_d), which is 0 here.
    expectSameBits(later.at(0, axis: 1), at0.at(0, axis: 1))
  }

  @Test("a phased LSTM keeps its state while its gates are closed, and the time goes on")
  func phased() {
    var generator = RandomGenerator(seed: 6)
    var cell = PhasedLSTMCell(inputSize: 3, hiddenSize: 2, options: .init(leak: 0), using: &generator)
    cell.logPeriod = log(Tensor([10, 10]))
    cell.shift = Tensor([0, 5])
    cell.ratioLogit = log(Tensor([0.4 / 0.6, 0.4 / 0.6]))
    var state = cell.initialState(batch: 1)
    state.hidden = Tensor([[0.5, 0.5]])
    state.cell = Tensor([[1, 1]])
    // At 12 the phase of the first unit is 0.2, wide open, and of the second 0.7, closed.
    let next = cell(Tensor([[1, -1, 12]]), state)
    let proposed = cell.lstm(Tensor([[1, -1]]), LSTMCell.State(hidden: state.hidden, cell: state.cell))
    expectClose(next.cell, Tensor([[proposed.cell[0, 0], 1]]))
    expectClose(next.hidden, Tensor([[proposed.hidden[0, 0], 0.5]]))
    #expect(next.time.values == [12])
    // At 13 the gate of the first is half closed.
    let later = cell(Tensor([[1, -1, 1]]), next)
    let after = cell.lstm(Tensor([[1, -1]]), LSTMCell.State(hidden: next.hidden, cell: next.cell))
    expectClose(later.cell, Tensor([[0.5 * (after.cell[0, 0] + next.cell[0, 0]), 1]]))
    #expect(later.time.values == [13])
  }

  @Test("periods, ratios and leaks that make no sense are errors")
  func phasedOptions() {
    func isRefused(_ options: PhasedLSTMCell.Options) -> Bool {
      (try? PhasedLSTM(4, options: options).outputShape(for: [nil, nil, 3])) == nil
    }
    #expect(!isRefused(.init()))
    #expect(isRefused(.init(shortestPeriod: 0)))
    #expect(isRefused(.init(shortestPeriod: 5, longestPeriod: 4)))
    #expect(isRefused(.init(openRatio: 1)))
    #expect(isRefused(.init(leak: -0.1)))
    let periods = exp(PhasedLSTM(inputSize: 2, hiddenSize: 200).cell.logPeriod).values
    #expect(
      periods.allSatisfy { $0 >= 0.99 && $0 <= 1001 } && periods.contains { $0 < 5 } && periods.contains { $0 > 300 })
  }

  @Test("GRU-D: what is missing has no influence, and its gradient is 0")
  func missing() {
    var layer = GRUD(inputSize: 4, hiddenSize: 5, returning: .everyStep)
    layer.cell = layer.cell.filledWithRamps(0.3, scale: 0.6)
    let flags = (0..<2 * 6 * 4).map { (index: Int) -> Float in index % 4 < 3 && index % 5 < 2 ? 1 : 0 }
    let missing = Tensor(flags, shape: [2, 6, 4])
    let x = select(missing, Tensor(.nan), abs(ramp([2, 6, 4])))
    let (value, gradient) = valueAndGradient(at: [x]) { (layer($0[0]) * ramp([2, 6, 5], 3)).sum() }
    #expect(value.isFinite && gradient[0].isFinite)
    #expect((gradient[0] * missing) == .zeros([2, 6, 4]))
    #expect(gradient[0].values.count { $0 == 0 } == Int(missing.sum().item))
    let weights = valueAndGradient(at: layer) { ($0(x) * ramp([2, 6, 5], 3)).sum() }.gradient
    #expect(weights.tensors.allSatisfy { $0.isFinite && $0.values.contains { $0 != 0 } })
  }

  @Test("GRU-D: a value fades from its last observation to its mean")
  func fading() {
    var generator = RandomGenerator(seed: 7)
    var cell = GRUDCell(inputSize: 2, hiddenSize: 3, using: &generator)
    (cell.mean, cell.inputDecay) = (Tensor([2]), Tensor([0.5]))
    var state = cell(Tensor([[5, 1]]), cell.initialState(batch: 1))
    #expect(state.deviation.values == [3] && state.since.values == [0])
    state = cell(Tensor([[.nan, 1.5]]), state)
    #expect(state.deviation.values == [3] && state.since.values == [1.5])
    let (h, since) = (state.hidden, Tensor([[2]]))
    let found = cell(Tensor([[.nan, 0.5]]), state)
    #expect(found.since.values == [2])
    // The same step as if the faded value had been observed, but for the mask.
    let faded = exp(-since * 0.5) * 3 + 2
    var observing = cell
    observing.weightMask = .zeros(cell.weightMask.shape)
    var unmasked = observing
    unmasked.hiddenDecay = cell.hiddenDecay
    let expected = unmasked(
      concatenate([faded, Tensor([[0.5]])], axis: 1),
      GRUDCell.State(
        hidden: h, deviation: state.deviation, since: state.since))
    expectClose(observing(Tensor([[.nan, 0.5]]), state).hidden, expected.hidden)
    #expect(found.hidden == observing(Tensor([[.nan, 0.5]]), state).hidden)
  }

  @Test("AUGRU: a step without attention leaves the state as it is")
  func attention() {
    let layer = AttentionGRU(inputSize: 4, hiddenSize: 5)
    let state = HiddenState(hidden: ramp([2, 5]))
    let ignored = concatenate([ramp([2, 3, 3]), .zeros([2, 3, 1])], axis: 2)
    expectSameBits(layer.scan(ignored, from: state).state, state)
  }
}
