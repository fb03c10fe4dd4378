import RefrainTestSupport
import Testing

@testable import Refrain

/// The tensors of a cell are public. One of a wrong shape stops the program before a kernel reads by it, in every cell,
/// scan and stream; that no case slips through is tested on the check itself, which each of these calls.
@Suite("Weights of wrong shapes")
struct WeightShapeTests {
  /// Shapes that a tensor should not have; the last has as many elements and the same memory.
  private static func wrongShapes(of tensor: Tensor) -> [Tensor] {
    let shape = tensor.shape
    var shapes: [[Int]] = []
    for axis in shape.indices {
      for change in [-1, 1, shape[axis]] {
        var other = shape
        other[axis] += change
        shapes.append(other)
      }
    }
    return shapes.map { Tensor.zeros($0) } + [
      .zeros([]), .zeros(shape + [2]), .zeros(shape.map { $0 + 1 }), tensor.reshaped([1] + shape),
    ]
  }

  @Test(
    "are found in every cell, and named with the shape that is there and the one expected", arguments: CellTests.names)
  func everyCell(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let cell = Passage<Cell>(batch: 1, time: 1, inputSize: 3, hiddenSize: 4).cell
      #expect(cell.weightsFault == nil)
      for (index, (tensorName, tensor)) in cell.namedTensors.enumerated() {
        for wrong in Self.wrongShapes(of: tensor) {
          var changed = cell
          var position = 0
          changed.forEachTensor { _, tensor in
            if position == index { tensor = wrong }
            position += 1
          }
          guard let fault = changed.weightsFault else {
            // Weights of more columns are those of a cell of a larger input, and right.
            if changed.inputSize != cell.inputSize && changed.hiddenSize == cell.hiddenSize { continue }
            Issue.record("\(name): \(tensorName) of shape \(wrong.shape) passes for \(tensor.shape)")
            continue
          }
          #expect(fault.hasPrefix("\(name)"), "\(fault)")
          #expect(fault.contains("expected") || fault.contains("are those of no cell"), "\(fault)")
          #expect(!fault.contains("\n"))
        }
      }
    }
    check(try cellType(name))
  }

  @Test("of cells with kernels: the check of a step finds them all", arguments: CellTests.names)
  func fusedCells(name: String) throws {
    func check<Cell: FusedCell>(_ type: Cell.Type) {
      let cell = Passage<Cell>(batch: 1, time: 1, inputSize: 3, hiddenSize: 4).cell
      #expect(cell.hasFittingWeights)
      for index in cell.tensors.indices {
        for wrong in Self.wrongShapes(of: cell.tensors[index]) {
          var changed = cell
          var position = 0
          changed.forEachTensor { _, tensor in
            if position == index { tensor = wrong }
            position += 1
          }
          let isOther = changed.inputSize != cell.inputSize && changed.hiddenSize == cell.hiddenSize
          #expect(
            !changed.hasFittingWeights || isOther && changed.weightsFault == nil,
            "tensor \(index) of shape \(wrong.shape)")
        }
      }
    }
    guard let type = try cellType(name) as? any FusedCell.Type else { return }
    check(type)
  }

  private func expect(_ result: ExitTest.Result?, says text: String, sourceLocation: SourceLocation = #_sourceLocation)
  {
    let message = result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
    #expect(message.contains(text), "\(message.prefix(400))", sourceLocation: sourceLocation)
  }

  @Test("stop a scan and a stream by a kernel, a compiled step, a loop and a recurrence")
  func stop() async {
    let scan = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var layer = LSTM(inputSize: 3, hiddenSize: 4)
      layer.cell.bias = .zeros([3])
      _ = layer(.zeros([2, 5, 3]))
    }
    expect(scan, says: "lstm of input size 3 and hidden size 4: bias_ih has shape [3], expected [16]")
    let stream = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var cell = GRU(inputSize: 3, hiddenSize: 4).cell
      var state = cell.initialState(batch: 1)
      cell.advance(&state, with: .zeros([1, 3]))
      cell.bias = .zeros([24])
      cell.advance(&state, with: .zeros([1, 3]))
    }
    expect(stream, says: "gru of input size 3 and hidden size 4: bias_ih has shape [24], expected [12]")
    let hidden = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var cell = LSTM(inputSize: 3, hiddenSize: 4).cell
      cell.weightHidden = .zeros([16])
      var state = LSTMCell.State(hidden: .zeros([1, 4]), cell: .zeros([1, 4]))
      cell.advance(&state, with: .zeros([1, 3]))
    }
    expect(hidden, says: "weight_hh has shape [16], expected")
    let compiled = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var layer = Recurrent<LayerNormLSTMCell>(inputSize: 3, hiddenSize: 4)
      layer.cell.bias = .zeros([32])
      _ = layer(.zeros([2, 5, 3]))
    }
    expect(compiled, says: "layer-norm-lstm of input size 3 and hidden size 4: bias_ih has shape [32], expected [16]")
    let loop = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var layer = Recurrent<SLSTMCell>(inputSize: 3, hiddenSize: 4)
      layer.cell.bias = .zeros([32])
      _ = layer(.zeros([2, 5, 3]))
    }
    expect(loop, says: "slstm of input size 3 and hidden size 4: bias_ih has shape [32], expected [16]")
    let recurrence = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var layer = Recurrent<MinGRUCell>(inputSize: 3, hiddenSize: 4)
      layer.cell.weightInput = .zeros([7, 3])
      _ = layer(.zeros([2, 5, 3]))
    }
    expect(recurrence, says: "min-gru of input size 3 and hidden size 4: weight_ih has shape [7, 3], expected [8, 3]")
    let peepholes = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var cell = Recurrent<CoupledGatesLSTMCell>(inputSize: 3, hiddenSize: 4).cell
      cell.peepholes = []
      var state = cell.initialState(batch: 1)
      cell.advance(&state, with: .zeros([1, 3]))
    }
    expect(peepholes, says: "lstm-coupled-gates: there are 0 peepholes, expected 2")
  }

  @Test("a cell of ready weights is the cell that they were taken from", arguments: CellTests.names)
  func readyWeights(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let cell = Passage<Cell>(batch: 1, time: 1, inputSize: 3, hiddenSize: 4).cell
      let weights = Dictionary(uniqueKeysWithValues: cell.namedTensors.map { ($0.name, $0.tensor) })
      let made = Cell(inputSize: 3, hiddenSize: 4, options: cell.options, weights: weights)
      expectSameBits(made, cell)
    }
    check(try cellType(name))
  }

  @Test("a cell is made of its weights by name")
  func initializers() {
    let lstm = LSTM(inputSize: 3, hiddenSize: 4).cell
    let made = LSTMCell(weightInput: lstm.weightInput, weightHidden: lstm.weightHidden, bias: lstm.bias)
    #expect(made.tensors == lstm.tensors)
    let gru = GRU(inputSize: 3, hiddenSize: 4).cell
    let other = GRUCell(
      weightInput: gru.weightInput, weightHidden: gru.weightHidden, bias: gru.bias, biasHidden: gru.biasHidden)
    #expect(other.tensors == gru.tensors)
    let coupled = Recurrent<CoupledGatesLSTMCell>(inputSize: 3, hiddenSize: 4).cell
    let again = CoupledGatesLSTMCell(
      weightInput: coupled.weightInput, weightHidden: coupled.weightHidden, bias: coupled.bias,
      peepholes: coupled.peepholes)
    #expect(again.tensors == coupled.tensors)
  }

  @Test("a cell is not made of weights that do not belong together")
  func wrongInitializers() async {
    let named = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = LSTMCell(weightInput: .zeros([16, 3]), weightHidden: .zeros([16, 4]), bias: .zeros([4]))
    }
    expect(named, says: "lstm of input size 3 and hidden size 4: bias_ih has shape [4], expected [16]")
    let missing = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = TanhRNNCell(inputSize: 3, hiddenSize: 4, weights: ["weight_ih": .zeros([4, 3])])
    }
    expect(
      missing, says: "rnn: the weights given are [\"weight_ih\"], expected [\"weight_ih\", \"weight_hh\", \"bias_ih\"]")
  }

  @Test("are not looked for by drawing new ones: the shapes of a large cell take no time")
  func largeCells() {
    let size = 4096
    let clock = ContinuousClock()
    let time = clock.measure {
      let cell = LSTMCell(
        weightInput: .zeros([4 * size, 1]), weightHidden: .zeros([4 * size, size]), bias: .zeros([4 * size]))
      #expect(cell.hiddenSize == size)
    }
    // Orthogonal matrices of this size take minutes.
    #expect(time < .seconds(10))
  }
}
