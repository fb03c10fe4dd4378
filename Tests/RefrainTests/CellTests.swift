import RefrainData
import RefrainTestSupport
import Testing

@testable import Refrain

/// What every cell in ``Cells/all`` must do at one step and as a group of tensors. The scan has tests of its own.
@Suite("Every cell")
struct CellTests {
  /// The names of all cells: what the tests are repeated over.
  static let names: [String] = Cells.all.map { $0.name }

  @Test("is found by its own name, and no two share one")
  func uniqueNames() throws {
    #expect(Set(Self.names).count == Cells.all.count)
    for name in Self.names { #expect(try cellType(name).name == name) }
    #expect(Cells.named("no such cell") == nil)
  }

  @Test("gradient agrees with central differences", arguments: names)
  func gradient(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      for direction in Direction.allCases {
        // With this phase no unit of the rectifier stands all but at its kink, where two steps agree on a wrong slope.
        // The same of the phased LSTM's time gates.
        let phase = Cell.self == PhasedLSTMCell.self ? 0.7 : 0.5
        let passage = Passage<Cell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 3, phase: phase)
        let schedule = Schedule(batch: 3, time: 4, lengths: [3, 0, 4], direction: direction)
        expectGradientMatchesDifferences(at: passage, "scan \(direction):") { $0.outcome(schedule).tensors }
        expectGradientMatchesDifferences(at: passage, "loop \(direction):") {
          $0.outcome(schedule, byLoop: true).tensors
        }
      }
    }
    check(try cellType(name))
  }

  @Test("a step called by hand is a scan of one step", arguments: names)
  func step(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 3, time: 1, inputSize: 4, hiddenSize: 5)
      let state = passage.cell(passage.input.at(0, axis: 1), passage.state)
      let outcome = passage.outcome(Schedule(batch: 3, time: 1))
      expectClose(state, outcome.state, "the state")
      expectClose(state.output, outcome.outputs.at(0, axis: 1), "the output")
      #expect(state.output.shape == [3, 5])
    }
    check(try cellType(name))
  }

  @Test("walks over every tensor it stores, once, and over those of its state", arguments: names)
  func walk(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 2, time: 1, inputSize: 3, hiddenSize: 4)
      expectWalkIsComplete(passage.cell)
      expectWalkIsComplete(passage.state)
      #expect(passage.cell.inputSize == 3 && passage.cell.hiddenSize == 4)
      #expect(passage.state.tensors.allSatisfy { $0.shape.first == 2 })
    }
    check(try cellType(name))
  }

  @Test("saved and loaded gives the same bits", arguments: names)
  func saving(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) throws {
      let passage = Passage<Cell>(batch: 2, time: 3, inputSize: 3, hiddenSize: 4)
      let file = SafeTensorsFile(
        tensors: passage.cell.namedTensors.map {
          .init(name: $0.name, shape: $0.tensor.shape, values: $0.tensor.values)
        }
      )
      let read = try SafeTensorsFile(bytes: file.bytes())
      var generator = RandomGenerator(seed: 77)
      var cell = Cell(inputSize: 3, hiddenSize: 4, using: &generator)
      try cell.forEachTensor { (name: String, tensor: inout Tensor) throws in
        let entry = try #require(read[name])
        #expect(entry.shape == tensor.shape)
        tensor = Tensor(entry.values, shape: entry.shape)
      }
      let schedule = Schedule(batch: 2, time: 3)
      let loaded = Passage(cell: cell, input: passage.input, state: passage.state)
      expectSameBits(loaded.outcome(schedule), passage.outcome(schedule))
    }
    try check(cellType(name))
  }

  @Test("starts from zeros unless a state is given", arguments: names)
  func defaultState(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 3, time: 4, inputSize: 2, hiddenSize: 5)
      let zeros = passage.cell.initialState(batch: 3)
      #expect(zeros.output.shape == [3, 5] && zeros.tensors.allSatisfy { $0 == .zeros($0.shape) })
      let layer = Recurrent(passage.cell, returning: .everyStep)
      let without = layer.scan(passage.input)
      let with = layer.scan(passage.input, from: zeros)
      expectSameBits(without.outputs, with.outputs)
      expectSameBits(without.state, with.state)
      #expect(layer.scan(passage.input, from: passage.state).outputs != with.outputs)
    }
    check(try cellType(name))
  }

  /// How the biases of the library's cells start: 0, but a block of `bias_ih` at a value. A cell that is not listed may
  /// start as it likes.
  private static let biasStarts: [String: (block: Int, value: Float)?] = [
    "lstm": (1, 1), "peephole-lstm": (1, 1), "full-peephole-lstm": (1, 1), "lstm-no-input-gate": (0, 1),
    "lstm-no-forget-gate": nil, "lstm-no-output-gate": (1, 1), "lstm-no-input-activation": (1, 1),
    "lstm-no-output-activation": (1, 1), "lstm-coupled-gates": (0, -1), "lstm-full-gate-recurrence": (1, 1),
    "projected-lstm": (1, 1), "layer-norm-lstm": (1, 1), "multiplicative-lstm": (1, 1), "min-lstm": (0, 1),
    "depth-gated-lstm": (1, 1), "slstm": (1, 1), "t-lstm": (1, 1), "phased-lstm": (1, 1), "gru": nil,
    "gru-reset-before": nil, "rnn": nil, "rnn-relu": nil, "layer-norm-gru": nil, "mgu": nil, "indrnn": nil,
    "sru": nil, "qrnn": nil, "min-gru": nil, "mlstm": nil, "gru-d": nil, "augru": nil,
    "general-lstm": (1, 1), "general-gru": nil, "general-rnn": nil,
  ]

  @Test("starts with orthogonal recurrent blocks, evenly drawn input weights and other biases at 0", arguments: names)
  func initialWeights(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) throws {
      let (inputSize, size) = (6, 20)
      var generator = RandomGenerator(seed: 8)
      let cell = Cell(inputSize: inputSize, hiddenSize: size, using: &generator)
      let tensors = Dictionary(uniqueKeysWithValues: cell.namedTensors.map { ($0.name, $0.tensor) })
      guard let start = Self.biasStarts[Cell.name] else { return }
      if let recurrent = tensors["weight_hh"], recurrent.rank == 2 {
        let blocks = recurrent.shape[0] / size
        let identity = Tensor((0..<size * size).map { $0 / size == $0 % size ? Float(1) : 0 }, shape: [size, size])
        let parts = (0..<blocks).map { recurrent.slice($0 * size..<($0 + 1) * size, axis: 0) }
        for part in parts { expectClose(part.matrixProduct(part, transposingOther: true), identity) }
        for index in parts.indices.dropFirst() { #expect(parts[index] != parts[0]) }
      }
      let input = try #require(tensors["weight_ih"])
      let bound = (6 / Float(input.shape[0] + input.shape[1])).squareRoot()
      #expect(input.values.allSatisfy { $0.magnitude <= bound })
      #expect((input.squared.mean().item - bound * bound / 3).magnitude < 0.25 * bound * bound / 3)
      for (name, tensor) in tensors where name.hasPrefix("bias") {
        let open = name.hasPrefix("bias_ih") ? start : nil
        // The blocks of a projected LSTM are as long as its cell state.
        let size = Cell.self == ProjectedLSTMCell.self ? tensor.count / 4 : size
        #expect(tensor.values.enumerated().allSatisfy { $1 == ($0 / size == open?.block ? open?.value : 0) }, "\(name)")
      }
    }
    try check(cellType(name))
  }

  @Test("two cells of one seed are equal, of two seeds not", arguments: names)
  func seeds(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      func cell(_ seed: UInt64) -> Cell {
        var generator = RandomGenerator(seed: seed)
        return Cell(inputSize: 3, hiddenSize: 4, using: &generator)
      }
      #expect(cell(4).tensors == cell(4).tensors)
      for (one, other) in zip(cell(4).namedTensors, cell(5).namedTensors) {
        // The others, such as biases, start from a rule.
        let isDrawn = ["weight_ih", "weight_hh"].contains(one.name)
        #expect(!isDrawn || one.tensor != other.tensor, "\(one.name)")
      }
    }
    check(try cellType(name))
  }

  @Test("the forget gate of an LSTM starts open: its biases, the second block, are 1")
  func forgetBias() {
    let cell = LSTM(inputSize: 2, hiddenSize: 3).cell
    #expect(cell.bias.values == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    #expect(LSTMCell.Gate.forget.rawValue == 1)
  }
}

/// Expects the walk to reach every tensor that `Mirror` finds, and none twice.
func expectWalkIsComplete<Group: TensorGroup>(_ group: Group, sourceLocation: SourceLocation = #_sourceLocation) {
  var count = 0
  let numbered = group.mapTensors { _ in
    count += 1
    return Tensor(Float(count))
  }
  func stored(in value: Any) -> [Float] {
    if let tensor = value as? Tensor { return tensor.values }
    return Mirror(reflecting: value).children.flatMap { stored(in: $0.value) }
  }
  let found = stored(in: numbered)
  #expect(found.sorted() == (1...max(count, 1)).prefix(count).map(Float.init), sourceLocation: sourceLocation)
  let names = group.namedTensors.map(\.name)
  #expect(Set(names).count == names.count, "a name is used twice: \(names)", sourceLocation: sourceLocation)
}
