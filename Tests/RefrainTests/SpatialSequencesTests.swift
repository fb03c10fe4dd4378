import RefrainTestSupport
import Testing

@testable import Refrain

/// A layer that goes through time, with its input and the state before it.
private struct Passing<L: Module, State: TensorGroup>: Module {
  var layer: L
  var input: Tensor
  var state: State

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try layer.forEachTensor(under: "layer", body)
    try input.forEachTensor(under: "input", body)
    try state.forEachTensor(under: "state", body)
  }

  /// The gradient of the sum of an outcome's tensors times ramps.
  func gradient(_ outcome: (Self) -> Outcome<State>) -> Self {
    valueAndGradient(at: self) { point in
      let found = outcome(point)
      return zip(found.tensors, found.ramps).map { ($0 * $1).sum() }.reduce(Tensor(0), +)
    }.gradient
  }
}

/// Loss and metric of a compiled model over windows, without learning: those of whole sequences where the state is
/// carried.
private func expectCarriesState(
  _ layers: [any Layer], inputShape: [Int?], x: Tensor, y: Tensor, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  var model = Sequential(exampleShape: inputShape, seed: 1) { layers }
  model.compile(optimizer: SGD(learningRate: 0), loss: .meanSquaredError)
  let steps = Steps(lengths: [6, 5, 0, 6, 3], present: StepsTests.present, resets: StepsTests.resets)
  let whole = model.evaluate(x, y, steps: steps)
  for size in [1, 4] {
    let history = try model.fit(x, y, steps: steps, shuffle: false, truncation: size)
    #expect(
      abs(history.losses[0] - whole.loss) < 1e-5 * whole.loss, "windows of \(size)", sourceLocation: sourceLocation)
  }
  var learning = model
  learning.compile(optimizer: SGD(learningRate: 0.1), loss: .meanSquaredError)
  let losses = try learning.fit(x, y, steps: steps, epochs: 4, truncation: 3).losses
  #expect(losses[3] < losses[0], sourceLocation: sourceLocation)
}

@Suite("Sequences of lines, images and volumes")
struct ConvolutionalSequencesTests {
  struct Space: Sendable, CustomTestStringConvertible {
    var size: [Int]
    var kernel: [Int]
    var strides: [Int]?
    var padding: Padding
    var testDescription: String { "\(size) by \(kernel)" }
  }

  static let spaces = [
    Space(size: [5], kernel: [3], strides: [2], padding: .same),
    Space(size: [3, 4], kernel: [2, 3], strides: nil, padding: .valid),
    Space(size: [2, 3, 2], kernel: [2, 2, 1], strides: nil, padding: .same),
  ]

  private func layer<Map: ConvolutionMap>(
    _ space: Space, returning: Returning = .everyStep, direction: Direction = .forward, initial: InitialState = .fixed
  ) -> ConvolutionalLSTM<Map> {
    var generator = RandomGenerator(seed: 3)
    return ConvolutionalLSTM<Map>(
      3, kernel: space.kernel, strides: space.strides, padding: space.padding, returning: returning,
      direction: direction, initial: initial
    ).built(for: [nil, nil] + space.size.map(Optional.init) + [2], using: &generator).filledWithRamps(scale: 0.6)
  }

  private func input(_ space: Space) -> Tensor { ramp([5, 6] + space.size + [2], 0.3) }

  @Test("the steps are those of a loop over sequences and steps, in values and all gradients", arguments: spaces)
  func steps(space: Space) {
    func check<Map: ConvolutionMap>(_ map: Map.Type) {
      for direction in Direction.allCases {
        let layer: ConvolutionalLSTM<Map> = layer(space, direction: direction)
        let x = input(space)
        let state = layer.cell.initialState(batch: 5).filledWithRamps(5, scale: 0.8)
        let point = Passing(layer: layer, input: x, state: state)
        for (what, steps) in StepsTests.cases {
          func expected(_ point: Passing<ConvolutionalLSTM<Map>, LSTMCell.State>) -> Outcome<LSTMCell.State> {
            let rows = point.input.reshaped([5, 6, layer.cell.inputSize])
            var found = Passage(cell: point.layer.cell, input: rows, state: point.state).stepByStep(steps, direction)
            found.outputs = found.outputs.reshaped([5, 6] + layer(x).shape.dropFirst(2))
            return found
          }
          func found(_ point: Passing<ConvolutionalLSTM<Map>, LSTMCell.State>) -> Outcome<LSTMCell.State> {
            let result = point.layer.scan(point.input, steps: steps, from: point.state)
            return Outcome(outputs: result.outputs, state: result.state)
          }
          expectClose(found(point), expected(point), "\(Map.name), \(what), \(direction):")
          expectClose(
            point.gradient(found), point.gradient(expected), "\(Map.name), \(what), \(direction): the gradient by")
        }
      }
    }
    check(FullConvolution.self)
    check(SeparableConvolution.self)
  }

  @Test("what stands at steps that are not there has no influence, and the time may come first", arguments: spaces)
  func garbage(space: Space) {
    func check<Map: ConvolutionMap>(_ map: Map.Type) {
      for direction in Direction.allCases {
        let layer: ConvolutionalLSTM<Map> = layer(space, direction: direction)
        let x = input(space)
        for (what, steps) in StepsTests.cases {
          let mask = steps.mask(batch: 5, time: 6).reshaped([5, 6] + Array(repeating: 1, count: x.rank - 2))
          let spoiled = select(mask, x, Tensor(.nan))
          let clean = layer.scan(x, steps: steps)
          let found = layer.scan(spoiled, steps: steps)
          expectSameBits(found.outputs, clean.outputs, "\(what), \(direction)")
          expectSameBits(found.state, clean.state, "\(what), \(direction)")
          func gradient(_ x: Tensor) -> ConvolutionalLSTM<Map> {
            valueAndGradient(at: layer) { ($0(x, steps: steps) * ramp(clean.outputs.shape)).sum() }.gradient
          }
          expectSameBits(gradient(spoiled), gradient(x), "\(what), \(direction): the gradient by")

          var turned = steps
          turned.layout = .timeFirst
          let order = [1, 0] + Array(2..<x.rank)
          let other = layer.scan(spoiled.transposed(order), steps: turned)
          expectSameBits(other.outputs.transposed(order), clean.outputs, "\(what), \(direction), the time first")
          expectSameBits(other.state, clean.state, "\(what), \(direction), the time first")
        }
      }
    }
    check(FullConvolution.self)
    check(SeparableConvolution.self)
  }

  @Test("one sequence needs no batch axis, and the last step is that of the valid ones", arguments: spaces)
  func oneSequence(space: Space) {
    let (every, last): (ConvLSTM, ConvLSTM) = (layer(space), layer(space, returning: .lastStep))
    let (x, steps) = (input(space), StepsTests.cases[3].steps)
    let whole = every.scan(x, steps: steps)
    for sequence in 0..<5 {
      let (one, own) = (x.at(sequence, axis: 0), steps.selecting([sequence]))
      expectSameBits(every(one, steps: own), whole.outputs.at(sequence, axis: 0))
      expectSameBits(every.scan(one, steps: own).state, whole.state.mapTensors { rows([sequence], of: $0) })
      expectSameBits(last(one, steps: own), last(x, steps: steps).at(sequence, axis: 0))
    }
    #expect(last(x, steps: steps).shape == [5] + every(x).shape.dropFirst(2))
    // Of the first sequence all steps are there.
    expectSameBits(last(x, steps: steps).at(0, axis: 0), whole.outputs.at(0, axis: 0).at(5, axis: 0))
  }

  @Test("a learned state begins every sequence and every episode, and is learned", arguments: spaces)
  func learnedState(space: Space) {
    let layer: ConvLSTM = layer(space, initial: .learned)
    expectWalkIsComplete(layer)
    #expect(layer.namedTensors.map(\.name).suffix(2) == ["initial_hidden_l0", "initial_cell_l0"])
    let x = input(space)
    for (_, steps) in StepsTests.cases {
      let found = layer.scan(x, steps: steps)
      let given = layer.scan(x, steps: steps, from: layer.initialMemory(batch: 5))
      expectSameBits(found.outputs, given.outputs)
    }
    var plain: ConvLSTM = self.layer(space)
    plain.cell = layer.cell
    #expect(layer(x) != plain(x))
    expectSameBits(
      layer(x), plain.scan(x, from: layer.learnedState!.mapTensors { $0.expanded(to: [5, $0.shape[1]]) }).outputs)
    if space.size.count == 1 {
      let short = x.slice(0..<2, axis: 1)
      let steps = Steps(lengths: [2, 1, 0, 2, 2], resets: StepsTests.resets.map { Array($0[..<2]) })
      expectGradientMatchesDifferences(at: layer) { [$0(short, steps: steps)] }
    }
  }

  @Test("steps pushed one by one give the batch's outputs, to the bit", arguments: spaces)
  func streams(space: Space) throws {
    func check<Map: ConvolutionMap>(_ map: Map.Type) throws {
      for initial in InitialState.allCases {
        let layer: ConvolutionalLSTM<Map> = layer(space, initial: initial)
        let x = input(space)
        let (outputs, state) = layer.scan(x)
        var streams = try Streams(layer, count: 5)
        var fork = streams
        for step in 0..<6 {
          if step == 3 { fork = streams }
          expectSameBits(streams.push(x.at(step, axis: 1)), outputs.at(step, axis: 1), "step \(step)")
        }
        expectSameBits(streams.memory, state)
        for step in 3..<6 { expectSameBits(fork.push(x.at(step, axis: 1)), outputs.at(step, axis: 1)) }
        fork.restart(at: 2)
        expectSameBits(fork.push(x.at(0, axis: 1)).at(2, axis: 0), outputs.at(0, axis: 1).at(2, axis: 0))
      }
    }
    try check(FullConvolution.self)
    try check(SeparableConvolution.self)
    #expect(throws: LayerError.self) { try Streams(layer(space, direction: .backward) as ConvLSTM) }
  }

  @Test("windows of sequences carry the state, and learn")
  func truncation() throws {
    try expectCarriesState(
      [
        ConvLSTM(3, kernel: [3], returning: .everyStep, initial: .learned),
        DepthwiseLSTM(2, kernel: [3], returning: .everyStep),
      ], inputShape: [nil, 4, 2], x: ramp([5, 6, 4, 2]), y: ramp([5, 6, 4, 2], 3, scale: 0.5))
  }

  @Test("a model of images skips what is not there, in streams as in batches")
  func model() throws {
    let model = Sequential(exampleShape: [nil, 3, 4, 2], seed: 1) {
      ConvLSTM(3, kernel: [2, 2], returning: .everyStep)
      DepthwiseLSTM(2, kernel: [3, 2], strides: [3, 2])
      Flatten()
      Dense(2)
    }
    let x = ramp([5, 6, 3, 4, 2])
    for (_, steps) in StepsTests.cases {
      let mask = steps.mask(batch: 5, time: 6).reshaped([5, 6, 1, 1, 1])
      expectSameBits(model(select(mask, x, Tensor(.nan)), steps: steps), model(x, steps: steps))
    }
    let every = Sequential(exampleShape: [nil, 3, 4, 2], seed: 1) {
      ConvLSTM(3, kernel: [2, 2], returning: .everyStep)
      DepthwiseLSTM(2, kernel: [3, 2], strides: [3, 2], returning: .everyStep)
      Dense(2)
    }
    let outputs = every(x)
    var streams = try Streams(every, count: 5)
    for step in 0..<6 { expectSameBits(streams.push(x.at(step, axis: 1)), outputs.at(step, axis: 1)) }
  }
}

@Suite("Grids whose rows are steps")
struct GridSequencesTests {
  private let columns = 4

  private func layer(_ direction: Direction = .forward, initial: InitialState = .fixed) -> GridLSTM {
    var generator = RandomGenerator(seed: 3)
    return GridLSTM(3, direction: direction, initial: initial)
      .built(for: [nil, nil, columns, 2], using: &generator).filledWithRamps(scale: 0.6)
  }

  private var x: Tensor { ramp([5, 6, columns, 2], 0.3) }
  private var state: GridLSTM.State {
    GridLSTM.State(hidden: ramp([5, columns, 3], 5, scale: 0.8), cell: ramp([5, columns, 3], 6, scale: 0.8))
  }

  /// The same grid by grid and place by place, as the text says it.
  private func placeByPlace(
    _ layer: GridLSTM, _ x: Tensor, _ state: GridLSTM.State, _ steps: Steps
  ) -> Outcome<GridLSTM.State> {
    let direction = layer.configuration.direction ?? .forward
    let size = 3
    func initial() -> [(Tensor, Tensor)] {
      let given = layer.learnedState ?? GridLSTM.State(hidden: .zeros([1, 1, size]), cell: .zeros([1, 1, size]))
      return (0..<columns).map { _ in (given.hidden.reshaped([1, size]), given.cell.reshaped([1, size])) }
    }
    var (outputs, finals): ([Tensor], [(Tensor, Tensor)]) = ([], [])
    for grid in 0..<5 {
      var above = (0..<columns).map { column in
        (
          state.hidden.at(grid, axis: 0).slice(column..<column + 1, axis: 0),
          state.cell.at(grid, axis: 0).slice(column..<column + 1, axis: 0)
        )
      }
      var shown = [Tensor](repeating: .zeros([columns, 2 * size]), count: 6)
      let length = steps.lengths?[grid] ?? 6
      for step in direction == .forward ? Array(0..<length) : (0..<length).reversed() {
        let isReset = steps.resets?[grid][step] ?? false
        if isReset, direction == .forward { above = initial() }
        if steps.present?[grid][step] ?? true {
          var left = (Tensor.zeros([1, size]), Tensor.zeros([1, size]))
          var row: [Tensor] = []
          for column in 0..<columns {
            let input = x.at(grid, axis: 0).at(step, axis: 0).slice(column..<column + 1, axis: 0)
            let sums =
              input.linear(weight: layer.weightInput, bias: layer.bias)
              + concatenate([above[column].0, left.0], axis: 1).matrixProduct(
                layer.weightHidden, transposingOther: true)
            func moved(_ first: Int, _ cell: Tensor) -> (Tensor, Tensor) {
              func gate(_ index: Int) -> Tensor {
                sums.slice(first + index * size..<first + (index + 1) * size, axis: 1)
              }
              let next = sigmoid(gate(1)) * cell + sigmoid(gate(0)) * tanh(gate(2))
              return (sigmoid(gate(3)) * tanh(next), next)
            }
            above[column] = moved(0, above[column].1)
            left = moved(4 * size, left.1)
            row.append(concatenate([above[column].0, left.0], axis: 1))
          }
          shown[step] = concatenate(row, axis: 0)
        }
        if isReset, direction == .backward, step > 0 { above = initial() }
      }
      outputs.append(stack(shown))
      finals.append((concatenate(above.map(\.0), axis: 0), concatenate(above.map(\.1), axis: 0)))
    }
    return Outcome(
      outputs: stack(outputs),
      state: GridLSTM.State(hidden: stack(finals.map(\.0)), cell: stack(finals.map(\.1))))
  }

  @Test("rows are those of a loop over the places, in values and all gradients", arguments: Direction.allCases)
  func steps(direction: Direction) {
    for initial in InitialState.allCases {
      let point = Passing(layer: layer(direction, initial: initial), input: x, state: state)
      for (what, steps) in [("whole", Steps())] + StepsTests.cases {
        func found(_ point: Passing<GridLSTM, GridLSTM.State>) -> Outcome<GridLSTM.State> {
          let result = point.layer.scan(point.input, steps: steps, from: point.state)
          return Outcome(outputs: result.outputs, state: result.state)
        }
        func expected(_ point: Passing<GridLSTM, GridLSTM.State>) -> Outcome<GridLSTM.State> {
          placeByPlace(point.layer, point.input, point.state, steps)
        }
        expectClose(found(point), expected(point), "\(what), \(direction):")
        expectClose(point.gradient(found), point.gradient(expected), "\(what), \(direction): the gradient by")
      }
    }
  }

  @Test("without a state they begin with zeros, or what is learned")
  func initialStates() {
    for initial in InitialState.allCases {
      let layer = layer(initial: initial)
      expectWalkIsComplete(layer)
      let given = layer.learnedState ?? GridLSTM.State(hidden: .zeros([1, 1, 3]), cell: .zeros([1, 1, 3]))
      let (found, expected) = (
        layer.scan(x), layer.scan(x, from: given.mapTensors { $0.expanded(to: [5, columns, 3]) })
      )
      expectSameBits(found.outputs, expected.outputs)
      expectSameBits(found.state, expected.state)
    }
    #expect(layer(initial: .learned).namedTensors.map(\.name).suffix(2) == ["initial_hidden", "initial_cell"])
    let small = Steps(lengths: [2, 1, 0, 2, 2], resets: StepsTests.resets.map { Array($0[..<2]) })
    let part = x.slice(0..<2, axis: 1)
    expectGradientMatchesDifferences(at: layer(initial: .learned)) { [$0(part, steps: small)] }
    let empty = layer().scan(.zeros([5, 6, columns, 2]), steps: Steps(lengths: [0, 0, 0, 0, 0]), from: state)
    #expect(empty.outputs == .zeros([5, 6, columns, 6]))
    expectSameBits(empty.state, state)
  }

  @Test("what stands in rows that are not there has no influence, and the rows may come first")
  func garbage() {
    for direction in Direction.allCases {
      let layer = layer(direction)
      for (what, steps) in StepsTests.cases {
        let spoiled = select(steps.mask(batch: 5, time: 6).reshaped([5, 6, 1, 1]), x, Tensor(.nan))
        let clean = layer.scan(x, steps: steps)
        expectSameBits(layer.scan(spoiled, steps: steps).outputs, clean.outputs, "\(what), \(direction)")
        func gradient(_ x: Tensor) -> GridLSTM {
          valueAndGradient(at: layer) { ($0(x, steps: steps) * ramp(clean.outputs.shape)).sum() }.gradient
        }
        expectSameBits(gradient(spoiled), gradient(x), "\(what), \(direction): the gradient by")
        var turned = steps
        turned.layout = .timeFirst
        let other = layer.scan(spoiled.transposed([1, 0, 2, 3]), steps: turned)
        expectSameBits(other.outputs.transposed([1, 0, 2, 3]), clean.outputs, "\(what), \(direction)")
        expectSameBits(other.state, clean.state, "\(what), \(direction)")
        for grid in 0..<5 {
          let one = layer.scan(x.at(grid, axis: 0), steps: steps.selecting([grid]))
          expectSameBits(one.outputs, clean.outputs.at(grid, axis: 0), "\(what), \(direction), grid \(grid) alone")
          expectSameBits(one.state, clean.state.mapTensors { rows([grid], of: $0) })
        }
      }
    }
  }

  @Test("rows pushed one by one give the batch's outputs, to the bit")
  func streams() throws {
    for initial in InitialState.allCases {
      let layer = layer(initial: initial)
      let (outputs, state) = layer.scan(x)
      var streams = try Streams(layer, count: 5)
      for row in 0..<6 { expectSameBits(streams.push(x.at(row, axis: 1)), outputs.at(row, axis: 1), "row \(row)") }
      expectSameBits(streams.memory, state)
      streams.restart(at: 1)
      streams.append(count: 1)
      let first = streams.push(concatenate([x.at(0, axis: 1), x.at(0, axis: 1).slice(3..<4, axis: 0)], axis: 0))
      for (place, grid) in [(1, 1), (5, 3)] {
        expectSameBits(first.at(place, axis: 0), outputs.at(0, axis: 1).at(grid, axis: 0))
      }
    }
  }

  @Test("streams want the number of columns, and no backward direction")
  func refusals() {
    func problem(_ layer: GridLSTM, _ columns: Int?) -> String {
      var generator = RandomGenerator(seed: 3)
      do throws(LayerError) {
        _ = try Streams(layer.built(for: [nil, nil, columns, 2], using: &generator))
        return ""
      } catch { return error.description }
    }
    #expect(problem(GridLSTM(3), 4).isEmpty)
    #expect(problem(GridLSTM(3), nil).contains("number of columns"))
    #expect(problem(GridLSTM(3, direction: .backward), 4).contains("going backward"))
  }

  @Test("windows of grids carry the state, and learn")
  func truncation() throws {
    try expectCarriesState(
      [GridLSTM(3, initial: .learned), GridLSTM(2)], inputShape: [nil, 4, 2], x: x,
      y: ramp([5, 6, 4, 4], 3, scale: 0.5))
  }
}
