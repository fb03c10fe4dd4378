import RefrainTestSupport
import Testing

@testable import Refrain

/// Convolutions against sums written out.
@Suite("Convolutions")
struct ConvolutionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var size: [Int]
    var kernel: [Int]
    var strides: [Int]
    var padding: Padding
    var testDescription: String { "\(size) by \(kernel), strides \(strides), \(padding)" }
  }

  static let cases: [Case] = [
    Case(size: [7], kernel: [3], strides: [1], padding: .same),
    Case(size: [7], kernel: [4], strides: [3], padding: .same),
    Case(size: [7], kernel: [4], strides: [2], padding: .valid),
    Case(size: [2], kernel: [5], strides: [1], padding: .same),
    Case(size: [4, 5], kernel: [3, 2], strides: [1, 1], padding: .same),
    Case(size: [4, 5], kernel: [3, 2], strides: [2, 1], padding: .valid),
    Case(size: [5, 4], kernel: [1, 1], strides: [2, 3], padding: .same),
    Case(size: [2, 3, 4], kernel: [2, 3, 2], strides: [1, 2, 1], padding: .same),
    Case(size: [3, 3, 4], kernel: [2, 3, 2], strides: [1, 1, 2], padding: .valid),
  ]

  /// The sum over taps and channels at each place, or with a kernel a channel over taps alone.
  private func reference(_ x: Tensor, _ weight: Tensor, _ test: Case, depthwise: Bool) -> Tensor {
    let axes = test.size.count
    let channels = x.shape[axes + 1]
    let outputs = depthwise ? channels : weight.shape[0]
    let taps = test.kernel.reduce(1, *)
    var (size, before): ([Int], [Int]) = ([], [])
    for axis in 0..<axes {
      let (length, kernel, stride) = (test.size[axis], test.kernel[axis], test.strides[axis])
      size.append(test.padding == .same ? (length + stride - 1) / stride : (length - kernel) / stride + 1)
      before.append(test.padding == .same ? max(0, (size[axis] - 1) * stride + kernel - length) / 2 : 0)
    }
    let shape = [x.shape[0]] + size + [outputs]
    let (input, factors) = (x.values, weight.values)
    func term(_ at: [Int], _ tap: Int) -> Double {
      let step = place(tap, in: test.kernel)
      var offset = at[0]
      for axis in 0..<axes {
        let source = at[axis + 1] * test.strides[axis] - before[axis] + step[axis]
        guard source >= 0, source < test.size[axis] else { return 0 }
        offset = offset * test.size[axis] + source
      }
      let output = at[axes + 1]
      if depthwise { return Double(input[offset * channels + output]) * Double(factors[tap * channels + output]) }
      var sum = 0.0
      for channel in 0..<channels {
        sum += Double(input[offset * channels + channel]) * Double(factors[(output * taps + tap) * channels + channel])
      }
      return sum
    }
    var values: [Float] = []
    for element in 0..<shape.reduce(1, *) {
      let at = place(element, in: shape)
      values.append(Float((0..<taps).reduce(0.0) { $0 + term(at, $1) }))
    }
    return Tensor(values, shape: shape)
  }

  @Test("are sums over the kernel, with gradients that agree with differences", arguments: cases)
  func full(_ test: Case) {
    let operands = [ramp([2] + test.size + [3]), ramp([4] + test.kernel + [3], 2)]
    func convolve(_ operands: [Tensor]) -> Tensor {
      operands[0].convolution(weight: operands[1], strides: test.strides, padding: test.padding)
    }
    expectClose(convolve(operands), reference(operands[0], operands[1], test, depthwise: false))
    expectGradientMatchesDifferences(at: operands) { [convolve($0)] }
  }

  @Test("of each channel alone are sums over the kernel, with gradients that agree with differences", arguments: cases)
  func depthwise(_ test: Case) {
    let operands = [ramp([2] + test.size + [3]), ramp(test.kernel + [3], 2)]
    func convolve(_ operands: [Tensor]) -> Tensor {
      operands[0].depthwiseConvolution(weight: operands[1], strides: test.strides, padding: test.padding)
    }
    expectClose(convolve(operands), reference(operands[0], operands[1], test, depthwise: true))
    expectGradientMatchesDifferences(at: operands) { [convolve($0)] }
  }

  @Test("of many blocks are those of their samples, forward and back")
  func blocks() {
    // 5 · 5 · 32 values a patch: 327 patches a block, which ends within a sample of 30 · 30 places.
    let operands = [random([3, 30, 30, 32]), random([16, 5, 5, 32], seed: 2), random([5, 5, 32], seed: 3)]
    let cotangents = [random([3, 30, 30, 16], seed: 4), random([3, 30, 30, 32], seed: 5)]
    func gradient(_ samples: Range<Int>) -> (outputs: [Tensor], gradient: [Tensor]) {
      func outputs(_ operands: [Tensor]) -> [Tensor] {
        [operands[0].convolution(weight: operands[1]), operands[0].depthwiseConvolution(weight: operands[2])]
      }
      let point = [operands[0].slice(samples, axis: 0), operands[1], operands[2]]
      let gradient = valueAndGradient(at: point) { point in
        zip(outputs(point), cotangents).map { ($0 * $1.slice(samples, axis: 0)).sum() }.reduce(Tensor(0), +)
      }.gradient
      return (outputs(point), gradient)
    }
    let whole = gradient(0..<3)
    let single = (0..<3).map { gradient($0..<$0 + 1) }
    for index in 0..<2 {
      expectSameBits(whole.outputs[index], concatenate(single.map { $0.outputs[index] }, axis: 0))
      let sum = single.map { $0.gradient[index + 1] }.reduce(Tensor(0), +)
      expectClose(whole.gradient[index + 1], sum, within: Tolerance(absolute: 1e-3))
    }
    expectSameBits(whole.gradient[0], concatenate(single.map { $0.gradient[0] }, axis: 0))
  }

  @Test("of nothing give nothing")
  func nothing() {
    let x = Tensor.zeros([0, 4, 2])
    #expect(x.convolution(weight: ramp([3, 3, 2])).shape == [0, 4, 3])
    #expect(x.depthwiseConvolution(weight: ramp([3, 2])).shape == [0, 4, 2])
  }
}

/// Cells whose products are convolutions. They have no meaning at any sizes, so ``Cells/all`` does not hold them.
@Suite("Convolutional cells")
struct ConvolutionalCellTests {
  @Test(
    "outputs, final states and every gradient are those of Keras and of PyTorch's convolutions",
    arguments: ["1d_same", "1d_valid", "2d_same", "2d_valid", "2d_strides", "3d_same", "3d_valid"])
  func parity(name: String) throws {
    try check(FullConvolution.self, name)
    try check(SeparableConvolution.self, name)
  }

  private struct Whole<Map: ConvolutionMap>: TensorGroup {
    var cell: ConvolutionalLSTMCell<Map>
    var input: Tensor
    var state: LSTMCell.State

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try cell.forEachTensor(body)
      try input.forEachTensor(under: "x", body)
      try state.forEachTensor(under: "initial", body)
    }
  }

  private func check<Map: ConvolutionMap>(_ map: Map.Type, _ name: String) throws {
    let fixture = try Fixture("conv_lstm").under(Map.name).under(name)
    let (x, outputs) = try (fixture("x"), fixture("outputs"))
    let batch = x.shape[0]
    let description = ConvolutionalLSTM<Map>(
      outputs.shape[outputs.rank - 1], kernel: try fixture.integers("kernel"), strides: try fixture.integers("strides"),
      padding: name.hasSuffix("valid") ? .valid : .same, returning: .everyStep)
    var generator = RandomGenerator(seed: 1)
    var layer = description.built(for: [nil, nil] + x.shape.dropFirst(2).map(Optional.init), using: &generator)
    layer.cell = try layer.cell.filled(from: fixture)
    func state(_ prefix: String) throws -> LSTMCell.State {
      try LSTMCell.State(
        hidden: fixture(prefix + "hidden").reshaped([batch, -1]), cell: fixture(prefix + "cell").reshaped([batch, -1]))
    }
    let point = Whole(cell: layer.cell, input: x, state: try state("initial."))
    let (cotangent, final) = try (fixture("cotangent.outputs"), state("cotangent.final."))
    let found = layer.scan(x, from: point.state)
    expectClose(found.outputs, outputs, "\(Map.name): the outputs")
    expectClose(found.state, try state("final."), "\(Map.name): the state")
    let gradient = valueAndGradient(at: point) { point in
      var moved = layer
      moved.cell = point.cell
      let result = moved.scan(point.input, from: point.state)
      return (result.outputs * cotangent).sum() + (result.state.hidden * final.hidden).sum()
        + (result.state.cell * final.cell).sum()
    }.gradient
    let expected = Whole(
      cell: try layer.cell.filled(from: fixture) { "grad." + $0 }, input: try fixture("grad.x"),
      state: try state("grad.initial."))
    expectClose(gradient, expected, "\(Map.name): the gradient by")
  }

  /// The tests of every cell, for one of two channels at four places and of two filters at two.
  private func cell<Map: ConvolutionMap>(_ map: Map.Type) -> ConvolutionalLSTMCell<Map> {
    var generator = RandomGenerator(seed: 2)
    return ConvolutionalLSTMCell<Map>(
      inputSize: 8, hiddenSize: 4, options: .init(shape: [4], kernel: [3], strides: [2]), using: &generator
    ).filledWithRamps(0.5, scale: 0.6)
  }

  @Test("the scan is the loop, and its gradient agrees with differences")
  func gradient() {
    func check<Map: ConvolutionMap>(_ map: Map.Type) {
      let cell = cell(map)
      let passage = Passage(
        cell: cell, input: ramp([3, 4, 8], 0.3), state: cell.initialState(batch: 3).filledWithRamps(5, scale: 0.8))
      for direction in Direction.allCases {
        let schedule = Schedule(batch: 3, time: 4, lengths: [3, 0, 4], direction: direction)
        expectGradientMatchesDifferences(at: passage, "\(Map.name) \(direction):") { $0.outcome(schedule).tensors }
        expectSameBits(passage.outcome(schedule), passage.outcome(schedule, byLoop: true))
      }
      let state = cell(passage.input.at(0, axis: 1), passage.state)
      expectClose(state, passage.outcome(Schedule(batch: 3, time: 4, lengths: [1, 1, 1])).state)
      expectWalkIsComplete(cell)
      #expect(cell.inputSize == 8 && cell.hiddenSize == 4)
    }
    check(FullConvolution.self)
    check(SeparableConvolution.self)
  }

  @Test("a row in a ragged batch is the same as alone, to the bit, whatever stands in the padding")
  func rowsAlone() {
    func check<Map: ConvolutionMap>(_ map: Map.Type) {
      var layer = ConvolutionalLSTM<Map>(2, kernel: [3, 2], returning: .everyStep)
      var generator = RandomGenerator(seed: 3)
      layer = layer.built(for: [nil, nil, 3, 4, 2], using: &generator)
      let lengths = [3, 5, 0, 1]
      let isValid = Tensor((0..<20).map { $0 % 5 < lengths[$0 / 5] ? Float(1) : 0 }, shape: [4, 5, 1, 1, 1])
      let x = select(isValid, ramp([4, 5, 3, 4, 2]), Tensor(.nan))
      let result = layer.scan(x, lengths: lengths)
      for (row, length) in lengths.enumerated() {
        let alone = layer.scan(rows([row], of: x).slice(0..<length, axis: 1))
        expectSameBits(rows([row], of: result.outputs).slice(0..<length, axis: 1), alone.outputs)
        expectSameBits(result.state.mapTensors { rows([row], of: $0) }, alone.state)
        let padding = rows([row], of: result.outputs).slice(length..<5, axis: 1)
        #expect(padding == .zeros(padding.shape))
      }
      let gradient = valueAndGradient(at: layer) { ($0(x, lengths: lengths) * ramp([4, 5, 3, 4, 2], 2)).sum() }.gradient
      #expect(gradient.tensors.allSatisfy { $0.isFinite })
    }
    check(FullConvolution.self)
    check(SeparableConvolution.self)
  }

  @Test("a layer goes backward from each sequence's own last valid step")
  func backward() {
    var generator = RandomGenerator(seed: 5)
    let forward = ConvLSTM(2, kernel: [3], returning: .everyStep).built(for: [nil, nil, 4, 2], using: &generator)
    var backward = ConvLSTM(2, kernel: [3], returning: .everyStep, direction: .backward)
    backward.cell = forward.cell
    let x = ramp([2, 3, 4, 2])
    let reversed = stack([2, 1, 0].map { x.at($0, axis: 1) }, axis: 1)
    let ahead = forward.scan(reversed)
    let back = backward.scan(x)
    expectSameBits(back.state, ahead.state)
    expectSameBits(back.outputs, stack([2, 1, 0].map { ahead.outputs.at($0, axis: 1) }, axis: 1))
    let short = backward.scan(x, lengths: [3, 1])
    expectSameBits(rows([1], of: short.outputs).at(0, axis: 1), rows([1], of: forward(x)).at(0, axis: 1))
  }

  @Test("a layer is made ready to call, from the shape of a step or from a cell")
  func ready() {
    var (generator, same) = (RandomGenerator(seed: 5), RandomGenerator(seed: 5))
    let layer = ConvLSTM(
      stepShape: [4, 3, 2], filters: 5, kernel: [3, 3], strides: [2, 1], returning: .everyStep, using: &generator)
    let built = ConvLSTM(5, kernel: [3, 3], strides: [2, 1], returning: .everyStep)
      .built(for: [nil, nil, 4, 3, 2], using: &same)
    let x = ramp([2, 3, 4, 3, 2])
    expectSameBits(layer(x), built(x))
    #expect(layer(x).shape == [2, 3, 2, 3, 5])
    expectSameBits(ConvLSTM(layer.cell, returning: .everyStep)(x), built(x))
    #expect(DepthwiseLSTM(stepShape: [7, 2], filters: 3, kernel: [3])(ramp([2, 4, 7, 2])).shape == [2, 7, 3])
  }

  @Test("a convolution over one place is an LSTM")
  func onePlace() {
    var generator = RandomGenerator(seed: 4)
    let cell = ConvLSTMCell(inputSize: 3, hiddenSize: 5, using: &generator)
    var plain = LSTMCell(inputSize: 3, hiddenSize: 5, using: &generator)
    plain = plain.replacingTensors(
      [cell.inputMap.weight.reshaped([20, 3]), cell.hiddenMap.weight.reshaped([20, 5]), cell.bias])
    let x = ramp([2, 4, 3])
    expectClose(
      Recurrent(cell, returning: .everyStep)(x), LSTM(plain, returning: .everyStep)(x))
    #expect(cell.bias.slice(5..<10, axis: 0) == .ones([5]) && cell.bias.sum().item == 5)
  }

  @Test("within Sequential shapes follow, errors say what to do, and the last step is that of the valid ones")
  func layer() throws {
    let model = Sequential(exampleShape: [nil, 6, 5, 2], seed: 1) {
      ConvLSTM(4, kernel: [3, 3], returning: .everyStep)
      DepthwiseLSTM(3, kernel: [2, 2], strides: [2, 2])
      Flatten()
      Dense(1)
    }
    #expect(model(ramp([2, 3, 6, 5, 2])).shape == [2, 1])
    var generator = RandomGenerator(seed: 1)
    let every = ConvLSTM(2, kernel: [2], padding: .valid, returning: .everyStep)
      .built(for: [nil, nil, 4, 3], using: &generator)
    let x = ramp([2, 3, 4, 3])
    let outputs = every(x, lengths: [2, 3])
    var last = ConvLSTM(2, kernel: [2], padding: .valid)
    last.cell = every.cell
    expectSameBits(last(x, lengths: [2, 3]).at(0, axis: 0), outputs.at(0, axis: 0).at(1, axis: 0))
    #expect(outputs.shape == [2, 3, 3, 2])

    func problem(_ layer: some Layer, _ shape: [Int?]) -> String {
      do throws(LayerError) {
        _ = try layer.outputShape(for: shape)
        return ""
      } catch { return error.description }
    }
    #expect(
      problem(ConvLSTM(2, kernel: [3, 3]), [nil, nil, 4, 3])
        == "conv-lstm: the input has shape [B, T, 4, 3], expected [B, T, size 1, size 2, C]")
    #expect(problem(ConvLSTM(2, kernel: [5], padding: .valid), [nil, nil, 4, 3]).contains("leaves nothing"))
    #expect(
      problem(ConvLSTM(2, kernel: [5], strides: [3], padding: .valid), [nil, nil, 4, 3]).contains("leaves nothing"))
    #expect(problem(ConvLSTM(2, kernel: [3], strides: [1, 1]), [nil, nil, 4, 3]).contains("each as many sizes"))
    #expect(problem(ConvLSTM(0, kernel: [3]), [nil, nil, 4, 3]).contains("number of filters"))
    #expect(
      problem(Recurrent<ConvLSTMCell>(5, options: .init(shape: [2], kernel: [3])), [nil, nil, 4])
        .contains("give multiples"))
  }
}

@Suite("The grid LSTM")
struct GridLSTMTests {
  @Test("outputs and every gradient are those of a loop over the places", arguments: ["wide", "high", "line"])
  func parity(name: String) throws {
    let fixture = try Fixture("grid_lstm").under(name)
    let x = try fixture("x")
    var generator = RandomGenerator(seed: 1)
    let layer = try GridLSTM(3).built(for: [nil, nil, nil, x.shape[3]], using: &generator).filled(from: fixture)
    let cotangent = try fixture("cotangent.outputs")
    expectClose(layer(x), try fixture("outputs"))
    let gradient = valueAndGradient(at: layer) { ($0(x) * cotangent).sum() }.gradient
    expectClose(gradient, try layer.filled(from: fixture) { "grad." + $0 }, "the gradient by")
    expectClose(valueAndGradient(at: x) { (layer($0) * cotangent).sum() }.gradient, try fixture("grad.x"))
  }

  @Test("begins with open forget gates, orthogonal blocks and shapes that follow")
  func start() throws {
    var generator = RandomGenerator(seed: 2)
    let layer = GridLSTM(3).built(for: [nil, nil, nil, 2], using: &generator)
    let gates: [Float] = [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    #expect(layer.bias.values == gates + gates)
    #expect(layer.weightHidden.shape == [24, 6] && layer(ramp([2, 3, 4, 2])).shape == [2, 3, 4, 6])
    #expect(layer(.zeros([0, 3, 4, 2])).shape == [0, 3, 4, 6])
    #expect(throws: LayerError.self) { try layer.outputShape(for: [nil, nil, 2]) }
    let model = Sequential(exampleShape: [3, 4, 2], seed: 1) {
      GridLSTM(3)
      Flatten()
      Dense(2)
    }
    #expect(model(ramp([2, 3, 4, 2])).shape == [2, 2])
  }
}
