import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Recurrent layers")
struct RecurrentLayerTests {
  private let x = ramp([4, 5, 3])
  private let lengths = [3, 5, 0, 1]

  @Test("return every step or the last valid one")
  func returning() {
    let every = GRU(inputSize: 3, hiddenSize: 4, returning: .everyStep)
    let last = GRU(every.cell, returning: .lastStep)
    let outputs = every(x, lengths: lengths)
    #expect(outputs.shape == [4, 5, 4])
    let ends = last(x, lengths: lengths)
    #expect(ends.shape == [4, 4])
    for (row, length) in lengths.enumerated() {
      let expected = length == 0 ? Tensor.zeros([4]) : outputs.at(row, axis: 0).at(length - 1, axis: 0)
      expectSameBits(ends.at(row, axis: 0), expected, "row \(row)")
      for step in length..<5 { #expect(outputs.at(row, axis: 0).at(step, axis: 0) == .zeros([4])) }
    }
    expectSameBits(last(x), every(x).at(-1, axis: 1))
  }

  @Test("backward goes from each sequence's own last valid step to its first")
  func backward() {
    let forward = LSTM(inputSize: 3, hiddenSize: 4, returning: .everyStep)
    let backward = LSTM(forward.cell, returning: .everyStep, direction: .backward)
    let result = backward.scan(x, lengths: lengths)
    for (row, length) in lengths.enumerated() where length > 0 {
      let steps = (0..<length).map { x.at(row, axis: 0).at(length - 1 - $0, axis: 0) }
      let reversed = forward.scan(stack(steps).reshaped([1, length, 3]))
      for step in 0..<length {
        expectSameBits(
          result.outputs.at(row, axis: 0).at(step, axis: 0),
          reversed.outputs.at(0, axis: 0).at(length - 1 - step, axis: 0))
      }
      expectSameBits(result.state.cell.at(row, axis: 0), reversed.state.cell.at(0, axis: 0))
      expectSameBits(result.state.hidden.at(row, axis: 0), result.outputs.at(row, axis: 0).at(0, axis: 0))
    }
    #expect(result.state.hidden.at(2, axis: 0) == .zeros([4]))
    #expect(result.outputs.at(2, axis: 0) == .zeros([5, 4]))
  }

  @Test("both directions, joined in every way, are two layers joined by hand", arguments: Merge.allCases)
  func bidirectional(merge: Merge) {
    let layer = Bidirectional<LSTMCell>(inputSize: 3, hiddenSize: 4, returning: .everyStep, merge: merge)
    #expect(layer.forward.cell.weightInput != layer.backward.cell.weightInput)
    let ahead = LSTM(layer.forward.cell, returning: .everyStep).scan(x, lengths: lengths)
    let back = LSTM(layer.backward.cell, returning: .everyStep, direction: .backward).scan(x, lengths: lengths)
    func joined(_ a: Tensor, _ b: Tensor) -> Tensor {
      switch merge {
      case .concatenate: return concatenate([a, b], axis: a.rank - 1)
      case .separate: return stack([a, b], axis: a.rank - 1)
      case .sum, .average, .multiply:
        return Tensor(
          zip(a.values, b.values).map { merge == .multiply ? $0 * $1 : ($0 + $1) / (merge == .average ? 2 : 1) },
          shape: a.shape)
      }
    }
    let result = layer.scan(x, lengths: lengths)
    expectSameBits(result.outputs, joined(ahead.outputs, back.outputs))
    expectSameBits(layer(x, lengths: lengths), result.outputs)
    expectSameBits(result.state.forward, ahead.state)
    expectSameBits(result.state.backward, back.state)

    // The last step of each: forward after the last valid step, backward after the first.
    var last = Bidirectional<LSTMCell>(4, returning: .lastStep, merge: merge)
    (last.forward, last.backward) = (layer.forward, layer.backward)
    expectSameBits(last(x, lengths: lengths), joined(ahead.state.hidden, back.state.hidden))
    expectSameBits(layer.lastOutput(result.state), joined(ahead.state.hidden, back.state.hidden))
    let width = merge == .concatenate ? [8] : merge == .separate ? [2, 4] : [4]
    #expect(last(x).shape == [4] + width && layer(x).shape == [4, 5] + width)
    #expect(try! last.outputShape(for: [nil, nil, 3]) == [nil] + width.map(Optional.init))
    #expect(try! layer.outputShape(for: [nil, 5, 3]) == [nil, 5] + width.map(Optional.init))
    expectGradientMatchesDifferences(at: layer, "\(merge)") { [$0(x, lengths: lengths)] }
  }

  @Test("carry the states of both directions")
  func bidirectionalState() {
    let layer = Bidirectional<GRUCell>(inputSize: 3, hiddenSize: 4, returning: .everyStep)
    let state = Bidirectional<GRUCell>.State(
      forward: HiddenState(hidden: ramp([4, 4], 1)), backward: HiddenState(hidden: ramp([4, 4], 2)))
    let result = layer.scan(x, lengths: lengths, from: state)
    let ahead = layer.forward.scan(x, lengths: lengths, from: state.forward)
    let back = layer.backward.scan(x, lengths: lengths, from: state.backward)
    expectSameBits(result.outputs, concatenate([ahead.outputs, back.outputs], axis: 2))
    #expect(state.namedTensors.map(\.name) == ["forward.hidden", "backward.hidden"])
    #expect(ahead.outputs != back.outputs)
  }

  @Test("a stack of different widths is its levels one after another")
  func stacked() {
    let stack = Stacked<GRU>(inputSize: 3, hiddenSizes: [6, 2, 5], returning: .everyStep)
    #expect(stack.levels.map(\.cell.hiddenSize) == [6, 2, 5])
    #expect(stack.levels.map(\.cell.inputSize) == [3, 6, 2])
    var outputs = x
    var states: [HiddenState] = []
    for level in stack.levels {
      let result = level.scan(outputs, lengths: lengths)
      outputs = result.outputs
      states.append(result.state)
    }
    let result = stack.scan(x, lengths: lengths)
    expectSameBits(result.outputs, outputs)
    expectSameBits(result.state, states)
    var last = Stacked<GRU>([6, 2, 5])
    last.levels = stack.levels
    expectSameBits(last(x, lengths: lengths), states[2].hidden)
    expectSameBits(stack(x, lengths: lengths), outputs)

    let given = states.enumerated().map { HiddenState(hidden: ramp($1.hidden.shape, Double($0))) }
    let carried = stack.scan(x, lengths: lengths, from: given)
    let first = stack.levels[0].scan(x, lengths: lengths, from: given[0])
    let second = stack.levels[1].scan(first.outputs, lengths: lengths, from: given[1])
    expectSameBits(carried.state[1], second.state)
    expectSameBits(carried.outputs, stack.levels[2].scan(second.outputs, lengths: lengths, from: given[2]).outputs)
  }

  @Test("a stack of bidirectional layers reads both halves of the level below")
  func stackedBidirectional() {
    let stack = Stacked<Bidirectional<LSTMCell>>(inputSize: 3, hiddenSizes: [4, 2])
    #expect(stack.levels[1].forward.cell.inputSize == 8)
    #expect(stack(x).shape == [4, 4])
    expectGradientMatchesDifferences(at: stack) { [$0(x, lengths: lengths)] }
  }

  @Test("tensors bear PyTorch's names")
  func names() {
    func names(_ group: some TensorGroup) -> [String] { group.namedTensors.map(\.name) }
    let lstm = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"]
    #expect(names(LSTM(inputSize: 3, hiddenSize: 2)) == lstm)
    #expect(names(RNN(inputSize: 3, hiddenSize: 2)) == lstm)
    #expect(names(GRU(inputSize: 3, hiddenSize: 2)) == lstm + ["bias_hn_l0"])
    #expect(
      names(Bidirectional<LSTMCell>(inputSize: 3, hiddenSize: 2)) == lstm + lstm.map { $0 + "_reverse" })
    let levels = ["_l0", "_l0_reverse", "_l1", "_l1_reverse"]
    #expect(
      names(Stacked<Bidirectional<LSTMCell>>(inputSize: 3, hiddenSizes: [2, 2]))
        == levels.flatMap { suffix in ["weight_ih", "weight_hh", "bias_ih"].map { $0 + suffix } })
  }

  @Test("every kind of layer walks over every tensor it stores, once")
  func walks() throws {
    var generator = RandomGenerator(seed: 1)
    func check<L: Layer>(_ type: L.Type) throws {
      let layer = try described(type).built(for: describedInputShape(type), using: &generator)
      expectWalkIsComplete(layer)
    }
    for type in Layers.all { try check(type) }
    expectWalkIsComplete(Sequential(inputSize: 2) { for size in [3, 4] { LSTM(size, returning: .everyStep) } })
  }
}

/// A layer of each kind that fits an input of six features.
func described<L: Layer>(_ type: L.Type) throws -> L {
  func recurrent<R: RecurrentLayer>(_ type: R.Type) -> any Layer { R(4, returning: .everyStep, options: .init()) }
  let layer: any Layer =
    switch type {
    case is Dense.Type: Dense(3, activation: .softplus)
    case is Embedding.Type: Embedding(9, 4)
    case is Dropout.Type: Dropout(0.3)
    case is ActivationPenalty.Type: ActivationPenalty(activation: 2, temporal: 1)
    case is LayerNorm.Type: LayerNorm(epsilon: 1e-3)
    case is Flatten.Type: Flatten()
    case is Reshape.Type: Reshape([2, 3])
    case is Masking.Type: Masking(0.5)
    case is Activate.Type: Activate(.leakyReLU, alpha: 0.3)
    case is BatchNorm.Type: BatchNorm(epsilon: 1e-2)
    case is ParametricReLU.Type: ParametricReLU(sharedAxes: [1])
    case is GaussianNoise.Type: GaussianNoise(0.5)
    case is RepeatVector.Type: RepeatVector(3)
    case is Permute.Type: Permute([2, 1])
    case is TimeReversal.Type: TimeReversal()
    case is LastStep.Type: LastStep()
    case is Pooling1D.Type: Pooling1D(.average, size: 2, stride: 1, padding: .same)
    case is GlobalPooling1D.Type: GlobalPooling1D(.average)
    case is TimeDistributed.Type: TimeDistributed(Conv1D(2, kernel: 2, padding: .valid))
    case is AttentionPooling.Type: AttentionPooling(size: 3)
    case is Conv1D.Type: Conv1D(4, kernel: 2, stride: 2, padding: .causal, activation: .tanh)
    case is Conv2D.Type: Conv2D(4, kernel: [2, 3], strides: [2, 1], padding: .valid, activation: .tanh)
    case is Pooling2D.Type: Pooling2D(.maximum, size: [2, 2], strides: [1, 2], padding: .same)
    case is GlobalPooling2D.Type: GlobalPooling2D(.average)
    case is ConvLSTM.Type: ConvLSTM(2, kernel: [3, 2], strides: [2, 1], padding: .valid, returning: .everyStep)
    case is DepthwiseLSTM.Type: DepthwiseLSTM(2, kernel: [3, 2], direction: .backward)
    case is GridLSTM.Type: GridLSTM(4)
    case is Sequential.Type:
      Sequential(inputSize: 6) {
        LSTM(4, returning: .everyStep)
        Dense(2)
      }
    case let type as any RecurrentLayer.Type: recurrent(type)
    default: throw LayerError("no example of \(type.kind)")
    }
  return try #require(layer as? L)
}

/// The shape of an input that fits it.
func describedInputShape(_ type: any Layer.Type) -> [Int?] {
  if type == Embedding.self { return [nil, nil] }
  if type == Flatten.self || type == Reshape.self { return [nil, 2, 3] }
  if type == ConvLSTM.self || type == DepthwiseLSTM.self { return [nil, nil, 5, 4, 6] }
  if type == Conv2D.self || type == Pooling2D.self || type == GlobalPooling2D.self { return [nil, 5, 4, 6] }
  if type == RepeatVector.self { return [nil, 6] }
  if type == TimeDistributed.self { return [nil, nil, 4, 6] }
  if type == GridLSTM.self { return [nil, nil, nil, 6] }
  return [nil, nil, 6]
}
