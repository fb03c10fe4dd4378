import RefrainTestSupport
import Testing

@testable import Refrain

/// Cells to which the last column of the input is the time, or a score, one on another and after other layers.
@Suite("A last column in stacks and models")
struct LastColumnTests {
  static let names = Cells.all.filter { $0.lastColumn != nil }.map { $0.name }

  /// Values, and last a column between 0 and 1.
  private let x = concatenate([ramp([4, 5, 3]), abs(ramp([4, 5, 1], 2))], axis: 2)
  private var column: Tensor { x.slice(3..<4, axis: 2) }
  private let steps = Steps(
    lengths: [5, 3, 0, 4], present: StepsTests.flags(["11011", "01111", "11111", "11111"]),
    resets: StepsTests.flags(["00010", "01000", "00000", "11111"]))

  @Test("every level of a stack is given the column of the stack's input", arguments: names)
  func levels(name: String) throws {
    func check<Cell: RecurrentCell>(_ cell: Cell.Type) throws {
      func check<Level: RecurrentLayer>(_ level: Level.Type) throws {
        #expect(Level.lastColumn == Cell.lastColumn && Stacked<Level>.lastColumn == Cell.lastColumn)
        for connection in Connection.allCases {
          var generator = RandomGenerator(seed: 1)
          let stack = Stacked<Level>([6, 6, 6], connection: connection, returning: .everyStep)
            .built(for: [nil, nil, 4], using: &generator)
          let (outputs, state) = stack.scanLevels(x, steps: steps)
          expectSameBits(state[0], stack.levels[0].scan(x, steps: steps).state)
          for index in 1..<3 {
            let input = concatenate([outputs[index - 1], column], axis: 2)
            expectSameBits(state[index], stack.levels[index].scan(input, steps: steps).state, "level \(index)")
            #expect(outputs[index].shape[2] == outputs[0].shape[2])
          }
          let turned = stack.scanLevels(
            x.transposed([1, 0, 2]),
            steps: Steps(lengths: steps.lengths, present: steps.present, resets: steps.resets, layout: .timeFirst))
          expectSameBits(turned.outputs[2].transposed([1, 0, 2]), outputs[2], "the time first")
          expectSameBits(stack.scanLevels(x.at(3, axis: 0)).outputs[2], stack(x).at(3, axis: 0), "one sequence")
          // The columns above matter, to every level.
          for tensor in valueAndGradient(at: stack, of: { ($0(x, steps: steps) * ramp(outputs[2].shape)).sum() })
            .gradient
            .tensors where tensor.count > 0
          {
            #expect(tensor.isFinite)
          }
        }
      }
      try check(Recurrent<Cell>.self)
      try check(Bidirectional<Cell>.self)

      var generator = RandomGenerator(seed: 1)
      let stack = Stacked<Recurrent<Cell>>([5, 7], connection: .direct, returning: .everyStep)
        .built(for: [nil, nil, 4], using: &generator)
      #expect(stack.levels.map(\.cell.inputSize) == [4, 6])
      let outputs = stack(x)
      var streams = try Streams(stack, count: 4)
      for step in 0..<5 {
        expectSameBits(streams.push(x.at(step, axis: 1)), outputs.at(step, axis: 1), "step \(step)")
      }
      // A stack of stacks hands it on.
      let tower = Stacked<Stacked<Recurrent<Cell>>>([5, 7], returning: .everyStep)
        .built(for: [nil, nil, 4], using: &generator)
      #expect(tower.levels.map { $0.levels[0].cell.inputSize } == [4, 6])
      #expect(tower(x).shape == [4, 5, 7])
    }
    try check(cellType(name))
  }

  @Test("a stack's gradient agrees with differences, and the time goes to the upper level", arguments: names)
  func gradient(name: String) throws {
    func check<Cell: RecurrentCell>(_ cell: Cell.Type) {
      var generator = RandomGenerator(seed: 1)
      let stack = Stacked<Recurrent<Cell>>([3, 3], returning: .everyStep)
        .built(for: [nil, nil, 4], using: &generator)
      expectGradientMatchesDifferences(at: stack, Cell.name) { [$0(x, steps: steps)] }
      // The upper level alone, with another column below.
      let other = concatenate([x.slice(0..<3, axis: 2), column * 3 + 0.5], axis: 2)
      let below = stack.levels[0](x)
      let (mine, others) = (
        concatenate([below, column], axis: 2), concatenate([below, other.slice(3..<4, axis: 2)], axis: 2)
      )
      #expect(stack.levels[1](mine) != stack.levels[1](others))
    }
    check(try cellType(name))
  }

  @Test("dropout of the input, and between levels, leaves the column as it is", arguments: names)
  func dropout(name: String) throws {
    func check<Cell: RecurrentCell>(_ cell: Cell.Type) {
      // With every value dropped or doubled, but for the column.
      let regularization = Regularization(inputDropout: 0.5)
      var generator = RandomGenerator(seed: 1)
      let plain = Recurrent<Cell>(inputSize: 4, hiddenSize: 3, returning: .everyStep, using: &generator)
      let layer = plain.regularized(by: regularization)
      let tape = Tape(isTraining: true, generator: RandomGenerator(seed: 5))
      let found = tape.recording { layer(x).detached }
      let mask = Tape(isTraining: true, generator: RandomGenerator(seed: 5)).dropoutMask([4, 3], rate: 0.5)
      let kept = concatenate([mask, .ones([4, 1])], axis: 1).reshaped([4, 1, 4])
      expectClose(found, plain(x * kept))
    }
    check(try cellType(name))
  }

  @Test("after a recurrent layer in a model such a cell is refused, with what to do; after others it is not")
  func inModels() throws {
    func problem(_ layers: [any Layer]) -> String {
      var generator = RandomGenerator(seed: 1)
      do throws(LayerError) {
        let model = Sequential(inputShape: [nil, nil, 4], builtLayers: layers)
        _ = try model.outputShape(for: [nil, nil, 4])
        _ = model.built(for: [nil, nil, 4], using: &generator)
        return ""
      } catch { return error.description }
    }
    #expect(
      problem([LSTM(4, returning: .everyStep), Dropout(0.1), TimeAwareLSTM(3)])
        == "layer 2: t-lstm: the last column of its input is the time since the step before, which the outputs of the "
        + "recurrent layer before it do not have; stack layers with Stacked, which passes it on, or put a cell without it "
        + "here")
    #expect(!problem([GRUD(4, returning: .everyStep), GRUD(4)]).isEmpty)
    #expect(!problem([LSTM(4, returning: .everyStep), Bidirectional<AttentionGRUCell>(4)]).isEmpty)
    #expect(!problem([LSTM(4, returning: .everyStep), Stacked<PhasedLSTM>([4, 4])]).isEmpty)
    #expect(problem([Masking(), PhasedLSTM(4, returning: .everyStep), LSTM(3)]).isEmpty)
    // A score may be learned.
    #expect(problem([Dense(5, activation: .sigmoid), AttentionGRU(4)]).isEmpty)
    #expect(problem([Stacked<GRUD>([4, 4], returning: .everyStep), GRU(3)]).isEmpty)
  }
}
