import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Layers over images")
struct ImageLayerTests {
  /// What a layer is differentiated by: its weights and its input.
  private struct Point<L: Layer>: TensorGroup {
    var layer: L
    var x: Tensor

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try layer.forEachTensor(body)
      try body("x", &x)
    }
  }

  private func check<L: Layer>(_ layer: L, _ fixture: Fixture, _ tensors: [String]) throws {
    let x = try fixture("x")
    let point = Point(layer: layer, x: x)
    expectClose(layer(x), try fixture("output"))
    let cotangent = try fixture("cotangent")
    let gradient = valueAndGradient(at: point) { ($0.layer($0.x) * cotangent).sum() }.gradient
    for (name, tensor) in zip(tensors + ["x"], gradient.tensors) {
      expectClose(tensor, try fixture("grad." + name), "the gradient by \(name)", within: Tolerance(absolute: 2e-5))
    }
  }

  @Test(
    "convolutions and their gradients are PyTorch's",
    arguments: ["small", "wide", "even", "valid", "points", "strides", "apart"])
  func convolution(name: String) throws {
    let fixture = try Fixture("convolutions").under("conv").under(name)
    let weight = try fixture("weight")
    var layer = Conv2D(
      weight.shape[0], kernel: Array(weight.shape[1...2]), strides: try fixture.integers("strides"),
      padding: try fixture.integers("valid") == [1] ? .valid : .same)
    (layer.weight, layer.bias) = (weight, try fixture("bias"))
    try check(layer, fixture, ["weight", "bias"])
  }

  @Test("pooling and its gradient are PyTorch's", arguments: ["halves", "overlapping", "same", "wide"])
  func pooling(name: String) throws {
    for function in PoolingFunction.allCases {
      let fixture = try Fixture("convolutions").under("pool").under(function.rawValue).under(name)
      try check(
        Pooling2D(
          function, size: try fixture.integers("size"), strides: try fixture.integers("strides"),
          padding: try fixture.integers("valid") == [1] ? .valid : .same), fixture, [])
    }
  }

  @Test("sequences of images are taken image by image, and what is not there stays nothing")
  func sequences() {
    let model = Sequential(exampleShape: [nil, 8, 6, 2], seed: 1) {
      Conv2D(5, kernel: [3, 3], activation: .relu)
      Pooling2D(.maximum, size: [2, 2])
      GlobalPooling2D(.average)
      LSTM(4)
      Dense(1)
    }
    #expect(model(ramp([2, 3, 8, 6, 2])).shape == [2, 1])
    let layer = Conv2D(channels: 2, filters: 3, kernel: [3, 3])
    let x = ramp([2, 3, 4, 5, 2])
    let output = layer(x, lengths: [2, 3])
    expectSameBits(output.at(1, axis: 0), layer(x.at(1, axis: 0)))
    #expect(output.at(0, axis: 0).at(2, axis: 0) == .zeros([4, 5, 3]))
    let image = Tensor([1, 5, 2, 7, 3, 4], shape: [1, 2, 3, 1])
    #expect(GlobalPooling2D(.maximum)(image).values == [7])
    #expect(GlobalPooling2D(.average)(image).values == [22.0 / 6])
    #expect(Pooling2D(.maximum, size: [2, 2])(image).values == [7])
    #expect(Pooling2D(.average, size: [2, 2], padding: .same)(image).values == [4, 3])
  }

  @Test("what does not fit is an error that says what to do")
  func errors() {
    func problem(_ layer: some Layer, _ shape: [Int?]) -> String {
      do throws(LayerError) {
        _ = try layer.outputShape(for: shape)
        return ""
      } catch { return error.description }
    }
    #expect(problem(Conv2D(2, kernel: [3, 3]), [nil, 4, 3]).contains("expected [B, rows, columns, C]"))
    #expect(problem(Conv2D(2, kernel: [3]), [nil, 4, 3, 1]).contains("two positive sizes"))
    #expect(problem(Conv2D(0, kernel: [3, 3]), [nil, 4, 3, 1]).contains("number of filters is 0"))
    #expect(problem(Conv2D(2, kernel: [5, 5], padding: .valid), [nil, 4, 6, 1]).contains("leaves nothing"))
    #expect(problem(Pooling2D(.maximum, size: [2, 0]), [nil, 4, 6, 1]).contains("two positive sizes"))
    #expect(problem(Conv2D(2, kernel: [3, 3]), [nil, 4, 3, nil]).contains("no known size"))
  }
}

@Suite("Convolutional memories line by line")
struct LineScanTests {
  private struct Passage: TensorGroup {
    var cell: ConvLSTMCell
    var input: Tensor
    var state: LSTMCell.State

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try cell.forEachTensor(body)
      try body("input", &input)
      try state.forEachTensor(body)
    }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var shape: [Int]
    var kernel: [Int]
    var channels: Int
    var filters: Int
    var padding = Padding.same
    var testDescription: String { "\(shape) by \(kernel), \(channels) to \(filters), \(padding)" }
  }

  static let cases = [
    Case(shape: [5, 6], kernel: [3, 3], channels: 1, filters: 16),
    Case(shape: [4, 7], kernel: [2, 3], channels: 3, filters: 5),
    Case(shape: [6, 5], kernel: [3, 2], channels: 2, filters: 18, padding: .valid),
    Case(shape: [9], kernel: [4], channels: 2, filters: 3, padding: .valid),
    Case(shape: [3, 4, 3], kernel: [2, 3, 2], channels: 2, filters: 4),
  ]

  @Test("outputs, states and every gradient are those of the loop, of ragged rows too", arguments: cases)
  func loop(_ test: Case) {
    var generator = RandomGenerator(seed: 3)
    let options = ConvLSTMCell.Options(shape: test.shape, kernel: test.kernel, padding: test.padding)
    let places = test.shape.reduce(1, *)
    let cell = ConvLSTMCell(
      inputSize: places * test.channels, hiddenSize: options.outputShape.reduce(1, *) * test.filters, options: options,
      using: &generator)
    var state = cell.initialState(batch: 3)
    state = state.mapTensors { .normal($0.shape, deviation: 0.5, using: &generator) }
    let point = Passage(cell: cell, input: .normal([3, 4, cell.inputSize], using: &generator), state: state)
    let weights = Tensor.normal([3, 4, cell.hiddenSize], using: &generator)
    for direction in Direction.allCases {
      let schedule = Schedule(batch: 3, time: 4, lengths: [3, 0, 4], direction: direction)
      func results(_ point: Passage, byLoop: Bool) -> (outputs: Tensor, state: LSTMCell.State) {
        byLoop
          ? point.cell.scanByLoop(point.input, from: point.state, along: schedule)
          : point.cell.scan(point.input, from: point.state, along: schedule)
      }
      let (own, loop) = (results(point, byLoop: false), results(point, byLoop: true))
      expectClose(own.outputs, loop.outputs)
      expectClose(own.state, loop.state)
      func gradient(byLoop: Bool) -> Passage {
        valueAndGradient(at: point) { point in
          let result = results(point, byLoop: byLoop)
          return (result.outputs * weights).sum() + (result.state.hidden * 0.3).sum()
            + (result.state.cell.squared * 0.2).sum()
        }.gradient
      }
      expectClose(gradient(byLoop: false), gradient(byLoop: true), "\(direction): the gradient by")
    }
  }

  @Test("is the same to the bit on one thread and on several")
  func threads() {
    var generator = RandomGenerator(seed: 3)
    let layer = ConvLSTM(
      stepShape: [16, 16, 3], filters: 20, kernel: [3, 3], returning: .everyStep, using: &generator)
    let x = Tensor.normal([2, 3, 16, 16, 3], using: &generator)
    func run(_ threads: Int) -> (Tensor, ConvLSTM) {
      let before = Parallelism.threads
      defer { Parallelism.threads = before }
      Parallelism.threads = threads
      return (layer(x), valueAndGradient(at: layer) { $0(x).squared.sum() }.gradient)
    }
    let (one, several) = (run(1), run(3))
    expectSameBits(one.0, several.0)
    for (first, second) in zip(one.1.tensors, several.1.tensors) { expectSameBits(first, second) }
  }
}
