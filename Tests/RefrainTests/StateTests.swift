import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("States: learned, and looked into")
struct StateTests {
  private let x = ramp([4, 5, 3])
  private let lengths = [3, 5, 0, 1]

  @Test("a learned initial state is a state given to every sequence and every episode, and is learned")
  func learned() {
    func check<L: RecurrentLayer>(_ type: L.Type) {
      var generator = RandomGenerator(seed: 1)
      let fresh = L(4, returning: .everyStep, options: .init(), initial: .learned)
        .built(for: [nil, nil, 3], using: &generator)
      let plain = L(4, returning: .everyStep, options: .init()).built(for: [nil, nil, 3], using: &generator)
      // At first it is the fixed one.
      let same = plain.replacingTensors(
        fresh.namedTensors.filter { !$0.name.contains("initial") }.map(\.tensor))
      expectSameBits(fresh(x, lengths: lengths), same(x, lengths: lengths))
      expectWalkIsComplete(fresh)
      #expect(fresh.namedTensors.count > plain.namedTensors.count)

      let layer = fresh.filledWithRamps()
      let given = layer.initialMemory(batch: 4)
      #expect(given.tensors.allSatisfy { $0.shape[0] == 4 })
      let (found, expected) = (layer.scan(x, lengths: lengths), layer.scan(x, lengths: lengths, from: given))
      expectSameBits(found.outputs, expected.outputs)
      expectSameBits(found.state, expected.state)
      #expect(found.outputs != layer.scan(x, lengths: lengths, from: given.mapTensors { .zeros($0.shape) }).outputs)
      let steps = Steps(lengths: lengths, resets: [[Bool]](repeating: [false, true, false, false, true], count: 4))
      // Each episode begins with it too: that of the last step alone says the same as a sequence of one step.
      let (all, end) = (layer.scan(x, steps: steps), layer.scan(x.slice(4..<5, axis: 1)))
      if !(layer is Bidirectional<GRUCell>) {
        expectClose(all.outputs.at(1, axis: 0).at(4, axis: 0), end.outputs.at(1, axis: 0).at(0, axis: 0))
      }
      expectGradientMatchesDifferences(at: layer, "\(L.kind)") { [$0(x, lengths: lengths), $0(x, steps: steps)] }
    }
    check(LSTM.self)
    check(GRU.self)
    check(Bidirectional<GRUCell>.self)
    check(Stacked<LSTM>.self)
  }

  @Test("its tensors are named beside PyTorch's")
  func names() {
    let stack = Stacked<Bidirectional<LSTMCell>>(inputSize: 3, hiddenSizes: [2, 2], initial: .learned)
    let names = stack.namedTensors.map(\.name).filter { $0.hasPrefix("initial") }
    let places = ["_l0", "_l0_reverse", "_l1", "_l1_reverse"]
    let expected = places.flatMap { place in ["initial_hidden", "initial_cell"].map { $0 + place } }
    #expect(names == expected)
    #expect(stack.tensors.count == 4 * 5)
  }

  @Test(
    "inspection gives the scan's outputs, and states of which each follows from the one before",
    arguments: CellTests.names)
  func states(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 4, time: 5, inputSize: 3, hiddenSize: 6)
      for direction in Direction.allCases {
        let layer = Recurrent(passage.cell, returning: .everyStep, direction: direction)
        let steps = Steps(lengths: lengths)
        let found = layer.inspect(passage.input, steps: steps, from: passage.state)
        let scanned = layer.scan(passage.input, steps: steps, from: passage.state)
        expectClose(found.outputs, scanned.outputs, within: CellScanTests.tolerance)
        for (index, tensor) in found.states.tensors.enumerated() {
          #expect(tensor.shape == [4, 5] + passage.state.tensors[index].shape.dropFirst())
        }
        for (row, length) in lengths.enumerated() {
          var state = passage.state.mapTensors { rows([row], of: $0) }
          for step in direction == .forward ? Array(0..<length) : (0..<length).reversed() {
            let input = passage.input.at(row, axis: 0).slice(step..<step + 1, axis: 0)
            let gates = passage.cell.gates(passage.cell.project(input), state)
            state = passage.cell(input, state)
            let kept = found.states.mapTensors { $0.at(row, axis: 0).slice(step..<step + 1, axis: 0) }
            expectClose(kept, state, "row \(row), step \(step)", within: CellScanTests.tolerance)
            #expect(found.gates.map(\.name) == gates.map(\.name))
            for (all, gate) in zip(found.gates, gates) {
              expectClose(
                all.value.at(row, axis: 0).slice(step..<step + 1, axis: 0), gate.value, gate.name,
                within: CellScanTests.tolerance)
            }
          }
        }
      }
    }
    check(try cellType(name))
  }

  @Test("the gates that are shown are those that make the state")
  func gates() throws {
    let (x, time) = (ramp([2, 6, 3]), 6)
    func before(_ states: Tensor) -> Tensor {
      concatenate([.zeros([2, 1, 4]), states.slice(0..<time - 1, axis: 1)], axis: 1)
    }
    let lstm = LSTM(inputSize: 3, hiddenSize: 4).filledWithRamps(scale: 0.7).inspect(x)
    let names = ["input", "forget", "candidate", "output"]
    #expect(lstm.gates.map(\.name) == names)
    let (i, f, g, o) = (lstm.gates[0].value, lstm.gates[1].value, lstm.gates[2].value, lstm.gates[3].value)
    expectClose(lstm.states.cell, f * before(lstm.states.cell) + i * g)
    expectClose(lstm.states.hidden, o * tanh(lstm.states.cell))

    func checkGRU<Cell: RecurrentCell>(_ layer: Recurrent<Cell>) where Cell.State == HiddenState {
      let found = layer.filledWithRamps(scale: 0.7).inspect(x)
      #expect(found.gates.map(\.name) == ["reset", "update", "candidate"])
      let (z, n) = (found.gates[1].value, found.gates[2].value)
      expectClose(found.states.hidden, (1 - z) * n + z * before(found.states.hidden))
      #expect(found.gate("reset")!.values.allSatisfy { $0 > 0 && $0 < 1 } && found.gate("none") == nil)
    }
    checkGRU(GRU(inputSize: 3, hiddenSize: 4))
    checkGRU(GRUResetBefore(inputSize: 3, hiddenSize: 4))
  }

  /// Cells that have no gates.
  private static let plain = [TanhRNNCell.name, ReLURNNCell.name, GeneralRNNCell.name, IndRNNCell.name]

  @Test(
    "every cell but the plain ones shows its gates: shares of which the memory is made up", arguments: CellTests.names)
  func gatesOfAll(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 3, time: 1, inputSize: 3, hiddenSize: 4)
      // Scores and times are not negative.
      let input = Cell.lastColumn == nil ? passage.input.at(0, axis: 1) : abs(passage.input.at(0, axis: 1))
      let (cell, before) = (passage.cell, passage.state)
      let gates = cell.gates(cell.project(input), before)
      guard !Self.plain.contains(name) else { return #expect(gates.isEmpty) }
      #expect(!gates.isEmpty && Set(gates.map(\.name)).count == gates.count)
      for gate in gates {
        #expect(gate.value.shape == [3, Cell.self == ProjectedLSTMCell.self ? 8 : 4], "\(gate.name)")
        guard !gate.name.hasPrefix("candidate") else { continue }
        #expect(gate.value.values.allSatisfy { (0...1).contains($0) }, "\(gate.name): \(gate.value)")
      }

      let named = Dictionary(uniqueKeysWithValues: gates.map { ($0.name, $0.value) })
      func states(_ state: Cell.State) -> [(name: String, value: Tensor)] {
        state.namedTensors.map { ($0.name, $0.tensor) }
      }
      let after = cell(input, before)
      guard let candidate = named["candidate"], let next = LayerInspection.memory(among: states(after)),
        let last = LayerInspection.memory(among: states(before)),
        let written: Tensor = Self.written(name, named)
      else { return }
      let kept = cell.retention(named).map { $0 * last.value } ?? last.value
      expectClose(next.value, kept + written * candidate, next.name, within: CellScanTests.tolerance)
    }
    check(try cellType(name))
  }

  /// The share of the candidate that comes in; nil of cells whose memory is made up in another way.
  private static func written(_ name: String, _ gates: [String: Tensor]) -> Tensor? {
    switch name {
    case FastGRNNCell.name, TimeAwareLSTMCell.name, DepthGatedLSTMCell.name, MatrixLSTMCell.name: nil
    case SRUCell.name, QRNNCell.name: gates["forget"].map { 1 - $0 }
    case MinimalGatedCell.name: gates["forget"]
    case GRUCell.name, GRUResetBeforeCell.name, GeneralGRUCell.name: gates["update"].map { 1 - $0 }
    case LayerNormGRUCell.name, AttentionGRUCell.name, MinGRUCell.name, GRUDCell.name: gates["update"]
    case PhasedLSTMCell.name: gates["time"].flatMap { time in gates["input"].map { time * $0 } }
    default: gates["input"] ?? Tensor(1)
    }
  }

  @Test("the memory of a state is its cell state, or what is shown")
  func memory() {
    func name<Cell: RecurrentCell>(_ type: Cell.Type) -> String? {
      var generator = RandomGenerator(seed: 1)
      let layer = Recurrent<Cell>(inputSize: 3, hiddenSize: 4, using: &generator)
      return layer.inspections(of: ramp([1, 5, 3]))[0].memory?.name
    }
    #expect(
      [name(LSTMCell.self), name(QRNNCell.self), name(SLSTMCell.self), name(PhasedLSTMCell.self)] == [
        "cell", "cell", "cell", "cell",
      ])
    #expect([name(MatrixLSTMCell.self), name(GRUDCell.self), name(GRUCell.self)] == ["hidden", "hidden", "hidden"])
    #expect(name(DepthGatedLSTMCell.self) == "1.cell")
  }

  @Test("a depth-gated LSTM shows the gates of all its levels")
  func depthGates() {
    let x = ramp([2, 6, 3])
    let layer = DepthGatedLSTM(inputSize: 3, hiddenSize: 4, options: .init(levels: 3)).filledWithRamps(scale: 0.7)
    let found = layer.inspect(x)
    let names = ["input", "forget", "candidate", "output", "depth"]
    #expect(
      found.gates.map(\.name) == names.dropLast() + names.map { $0 + ".1" } + names.map { $0 + ".2" })
    for (level, state) in found.states.levels.enumerated() {
      func gate(_ name: String) -> Tensor { found.gate(level == 0 ? name : "\(name).\(level)")! }
      let before = concatenate([.zeros([2, 1, 4]), state.cell.slice(0..<5, axis: 1)], axis: 1)
      var cell = gate("forget") * before + gate("input") * gate("candidate")
      if level > 0 { cell += gate("depth") * found.states.levels[level - 1].cell }
      expectClose(state.cell, cell, "c of level \(level)")
      expectClose(state.hidden, gate("output") * tanh(state.cell), "h of level \(level)")
    }
  }
}
