import Foundation
import RefrainTestSupport
import Testing

@testable import Refrain

/// What the tests over all cells do not see: options, and cells that become another one with some weights.
@Suite("Cells with options, and cells within cells")
struct CellOptionsTests {
  private static let lengths = [3, 6, 0, 5, 1]

  private func passage<Cell: RecurrentCell>(
    _ type: Cell.Type, _ options: Cell.Options = .init(), inputSize: Int = 3, hiddenSize: Int = 5
  ) -> Passage<Cell> {
    var generator = RandomGenerator(seed: 1)
    let cell = Cell(inputSize: inputSize, hiddenSize: hiddenSize, options: options, using: &generator)
      .filledWithRamps(scale: 0.6)
    return Passage(
      cell: cell, input: ramp([5, 6, inputSize], 0.3),
      state: cell.initialState(batch: 5).filledWithRamps(5, scale: 0.8))
  }

  @Test("a QRNN of any window gives the same by the scan and by the loop", arguments: [1, 2, 3, 9])
  func windows(window: Int) {
    let passage = passage(QRNNCell.self, .init(window: window))
    #expect(passage.cell.inputSize == 3 && passage.state.inputs.shape == [5, 3 * (window - 1)])
    for direction in Direction.allCases {
      let schedule = Schedule(batch: 5, time: 6, lengths: Self.lengths, direction: direction)
      let weights = passage.outcome(schedule).ramps
      let scan = passage.differentiated(schedule, weights: weights)
      let loop = passage.differentiated(schedule, byLoop: true, weights: weights)
      expectSameBits(scan.outcome, loop.outcome)
      expectClose(scan.gradient, loop.gradient, "the gradient by")
    }
  }

  @Test("a QRNN that gives its oldest input no weight is one of a narrower window")
  func narrowerWindow() {
    var wide = passage(QRNNCell.self, .init(window: 3))
    var narrow = passage(QRNNCell.self)
    wide.cell.weightInput = concatenate([.zeros([15, 3]), narrow.cell.weightInput], axis: 1)
    wide.cell.bias = narrow.cell.bias
    narrow.state = QRNNCell.State(
      hidden: wide.state.hidden, cell: wide.state.cell, inputs: wide.state.inputs.slice(3..<6, axis: 1))
    let schedule = Schedule(batch: 5, time: 6, lengths: Self.lengths)
    expectClose(wide.outcome(schedule).outputs, narrow.outcome(schedule).outputs)
    // An input that is k steps back has no influence on a window of k.
    var changed = wide
    changed.input = concatenate([wide.input.slice(0..<1, axis: 1) * 9, wide.input.slice(1..<6, axis: 1)], axis: 1)
    #expect(changed.outcome(schedule).outputs != wide.outcome(schedule).outputs)
  }

  @Test("a layer around a cell says the cell's options, with which its tensors fit another one")
  func optionsOfReadyCell() {
    func check<Cell: RecurrentCell>(_ type: Cell.Type, _ options: Cell.Options) {
      var generator = RandomGenerator(seed: 1)
      let cell = Cell(inputSize: 3, hiddenSize: 6, options: options, using: &generator)
      #expect(Recurrent(cell).configuration.options == options)
      let other = Cell(inputSize: 3, hiddenSize: 6, options: cell.options, using: &generator)
      #expect(other.namedTensors.map(\.tensor.shape) == cell.namedTensors.map(\.tensor.shape))
    }
    check(ProjectedLSTMCell.self, .init(cellSize: 5))
    check(QRNNCell.self, .init(window: 4))
    check(SLSTMCell.self, .init(heads: 2, forgetGate: .exponential))
    check(MatrixLSTMCell.self, .init(heads: 3))
    check(PhasedLSTMCell.self, .init(shortestPeriod: 2, leak: 0.5))
    check(DepthGatedLSTMCell.self, .init(levels: 3))
    check(LSTMCell.self, NoOptions())
  }

  @Test("a projected LSTM whose projection changes nothing is an LSTM")
  func projection() {
    let lstm = passage(LSTMCell.self)
    var projected = passage(ProjectedLSTMCell.self, .init(cellSize: 5))
    (projected.cell.weightInput, projected.cell.weightHidden, projected.cell.bias) =
      (lstm.cell.weightInput, lstm.cell.weightHidden, lstm.cell.bias)
    projected.cell.weightProjection = Tensor((0..<25).map { $0 / 5 == $0 % 5 ? 1 : 0 }, shape: [5, 5])
    let schedule = Schedule(batch: 5, time: 6, lengths: Self.lengths)
    expectClose(projected.outcome(schedule), lstm.outcome(schedule))

    let small = passage(ProjectedLSTMCell.self, .init(cellSize: 7), hiddenSize: 4)
    #expect(small.cell.cellSize == 7 && small.state.cell.shape == [5, 7] && small.state.hidden.shape == [5, 4])
    #expect(small.outcome(schedule).outputs.shape == [5, 6, 4])
  }

  @Test("peepholes that see nothing make an LSTM, all gates open its variants")
  func peepholes() {
    let lstm = passage(LSTMCell.self)
    var peephole = passage(PeepholeLSTMCell.self)
    (peephole.cell.weightInput, peephole.cell.weightHidden, peephole.cell.bias) =
      (lstm.cell.weightInput, lstm.cell.weightHidden, lstm.cell.bias)
    (peephole.cell.peepholeInput, peephole.cell.peepholeForget, peephole.cell.peepholeOutput) =
      (.zeros([5]), .zeros([5]), .zeros([5]))
    let schedule = Schedule(batch: 5, time: 6, lengths: Self.lengths)
    expectClose(peephole.outcome(schedule), lstm.outcome(schedule))

    // A forget gate far open is none.
    var open = passage(PeepholeLSTMCell.self)
    open.cell.bias =
      open.cell.bias + concatenate([.zeros([5]), Tensor(repeating: 100, shape: [5]), .zeros([10])], axis: 0)
    var none = passage(NoForgetGateLSTMCell.self)
    func rest(_ tensor: Tensor) -> Tensor {
      concatenate([tensor.slice(0..<5, axis: 0), tensor.slice(10..<20, axis: 0)], axis: 0)
    }
    (none.cell.weightInput, none.cell.weightHidden, none.cell.bias) =
      (rest(open.cell.weightInput), rest(open.cell.weightHidden), rest(open.cell.bias))
    none.cell.peepholes = [open.cell.peepholeInput, open.cell.peepholeOutput]
    none.state = open.state
    expectClose(none.outcome(schedule), open.outcome(schedule))
  }

  @Test("the gates of a minLSTM may both be too small for floats")
  func smallGates() {
    var passage = passage(MinLSTMCell.self, hiddenSize: 2)
    passage.cell.weightInput = .zeros([6, 3])
    passage.cell.bias = Tensor([-200, -300, -200, -200, 4, 4])
    let step = passage.cell.step(passage.cell.project(.zeros([5, 3])), HiddenState(hidden: .zeros([5, 2])))
    for row in 0..<5 { #expect(step.hidden[row, 0] == 2 && step.hidden[row, 1] == 4) }
    let gradient = valueAndGradient(at: passage.cell) {
      $0.step($0.project(.ones([5, 3])), passage.state).hidden.sum()
    }
    #expect(gradient.gradient.tensors.allSatisfy { $0.isFinite })
  }

  @Test("options are saved with the layer; impossible ones are refused in one line")
  func configuration() throws {
    let layer = Stacked<Recurrent<ProjectedLSTMCell>>([4, 3], returning: .everyStep, options: .init(cellSize: 7))
    let data = try JSONEncoder().encode(LayerDescription(layer))
    let copy = try #require(
      try JSONDecoder().decode(LayerDescription.self, from: data).layer as? Stacked<Recurrent<ProjectedLSTMCell>>)
    var generator = RandomGenerator(seed: 1)
    let built = copy.built(for: [nil, nil, 6], using: &generator)
    #expect(built.levels.map(\.cell.cellSize) == [7, 7])
    func problem(_ layer: some Layer) -> String? {
      do throws(LayerError) {
        _ = try layer.outputShape(for: [nil, nil, 6])
        return nil
      } catch { return error.description }
    }
    #expect(problem(layer) == nil)
    #expect(
      problem(Recurrent<ProjectedLSTMCell>(4, options: .init(cellSize: 0)))
        == "projected-lstm: the cell size is 0, and must be positive")
    #expect(
      problem(Bidirectional<QRNNCell>(4, options: .init(window: 0))) == "qrnn: the window is 0, and must be positive")
  }
}
