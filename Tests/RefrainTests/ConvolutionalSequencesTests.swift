import RefrainTestSupport
import Testing

@testable import Refrain

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
