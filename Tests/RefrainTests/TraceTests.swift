import RefrainTestSupport
import Testing

@testable import Refrain

/// What a trace says a function does, done again at other values and with another number of rows.
@Suite("Traces")
struct TraceTests {
  @Test("a cell's traced step is its step, to the bit", arguments: CellTests.names)
  func steps(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) throws {
      let passage = Passage<Cell>(batch: 5, time: 1, inputSize: 3, hiddenSize: 8)
      let (cell, state) = (passage.cell, passage.state)
      let input = passage.input.at(0, axis: 1)
      let trace = try cell.tracedStep()
      let found = trace([input] + state.tensors + cell.tensors)
      let next = cell.step(cell.project(input), state)
      expectSameBits(found, [next.output] + next.tensors)
    }
    try check(try cellType(name))
  }

  @Test("convolutions are traced", arguments: [Padding.same, .valid])
  func convolutions(padding: Padding) throws {
    func check<Map: ConvolutionMap>(_: Map.Type) throws {
      var generator = RandomGenerator(seed: 5)
      let options = ConvolutionalLSTMCell<Map>.Options(
        shape: [5, 4], kernel: [3, 2], strides: [2, 1], padding: padding)
      let size = options.outputShape.product * 2
      let cell = ConvolutionalLSTMCell<Map>(inputSize: 60, hiddenSize: size, options: options, using: &generator)
      let (input, hidden) = (Tensor.normal([4, 60], using: &generator), Tensor.normal([4, size], using: &generator))
      let state = LSTMCell.State(hidden: hidden, cell: .normal([4, size], using: &generator))
      let trace = try cell.tracedStep()
      let next = cell.step(cell.project(input), state)
      expectSameBits(trace([input] + state.tensors + cell.tensors), [next.output] + next.tensors)
      let shown = try cell.tracedOutput()
      #expect(shown(state.tensors) == [hidden])
    }
    try check(FullConvolution.self)
    try check(SeparableConvolution.self)
  }

  @Test("masks are part of a traced step")
  func masks() throws {
    let passage = Passage<LSTMCell>(batch: 5, time: 1, inputSize: 3, hiddenSize: 8)
    let (cell, state, input) = (passage.cell, passage.state, passage.input.at(0, axis: 1))
    var generator = RandomGenerator(seed: 3)
    var masks = StepMasks()
    for kind in StepMasks.Kind.allCases { masks[kind] = .uniform([5, 8], using: &generator) }
    let trace = try cell.tracedStep(masks: StepMasks.Kind.allCases.map { ($0, isShared: false) })
    let found = trace(
      [input] + state.tensors + StepMasks.Kind.allCases.compactMap { masks[$0] } + cell.tensors)
    let next = cell.step(cell.project(input), state, under: masks, rows: 0..<5)
    expectSameBits(found, [next.output] + next.tensors)
  }

  @Test("a function whose operations depend on the values has no trace")
  func refused() {
    #expect(throws: Trace.Refusal.dependsOnValues) {
      try Trace.ofRows([[3]], shared: []) { [$0[0] * Tensor($0[0].values.reduce(0, +))] }
    }
    #expect(throws: Trace.Refusal.dependsOnValues) {
      try Trace.ofRows([[3]], shared: []) { [Tensor($0[0].values.map { $0 * 2 }, shape: $0[0].shape)] }
    }
  }

  @Test("a function that looks at a value is refused, though what it did then may be the same at others")
  func looking() {
    for look: (Tensor) -> Bool in [
      { $0[0, 0] > 1000 }, { $0.values[0] > 1000 }, { $0.sum().item > 1000 }, { $0.withUnsafeValues { $0[0] > 1000 } },
    ] {
      #expect(throws: Trace.Refusal.dependsOnValues) {
        try Trace.ofRows([[3]], shared: []) { [look($0[0]) ? tanh($0[0]) : $0[0] * 2] }
      }
    }
  }

  @Test("what is made of weights is no constant, and refused where the operation is unknown")
  func weights() throws {
    let (input, weight) = (Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2]), Tensor([3, 4]))
    let trace = try Trace.ofRows([[2]], shared: [Tensor([1, 1])]) { [$0[0] * ($0[1] / $0[1].squared.sum())] }
    #expect(trace([input, weight])[0] == input * (weight / weight.squared.sum()))
    #expect(throws: Trace.Refusal.dependsOnValues) {
      try Trace.ofRows([[2]], shared: [weight]) { [$0[0] * Tensor($0[1].values)] }
    }
  }

  @Test("what is as long as the batch follows it")
  func batch() throws {
    let trace = try Trace.ofRows([[4]], shared: [Tensor([1, 2])]) { values in
      let rows = values[0].shape[0]
      let halves = values[0].reshaped([rows, 2, 2]) * values[1]
      return [(halves.reshaped([rows, 4]) + Tensor.ones([rows, 4])).sum(axes: [1])]
    }
    let input = Tensor((0..<20).map(Float.init), shape: [5, 4])
    #expect(trace([input, Tensor([1, 2])])[0] == Tensor([14, 38, 62, 86, 110]))
  }

  @Test("an operation that a trace cannot do again is refused by its name")
  func refusedByName() {
    #expect(throws: Trace.Refusal.operation("map")) {
      try Trace.ofRows([[3]], shared: []) { [$0[0].map(derivative: nil) { $0 + 1 }] }
    }
    #expect(throws: Trace.Refusal.operation("refusedByName()")) {
      try Trace.ofRows([[3]], shared: []) { [$0[0].detached.recording(($0[0], { $0 }))] }
    }
    #expect("\(Trace.Refusal.operation("map"))" == "the operation 'map'")
  }

  @Test("what has a formula stands in a trace as that")
  func formulas() throws {
    let trace = try Trace.ofRows([[4]], shared: []) { [$0[0].apart.flipped(axis: 1)] }
    #expect(!trace.nodes.contains { $0.operation is Operations.Flip || $0.operation is Operations.Apart })
    #expect(trace([ramp([2, 4])]) == [ramp([2, 4]).flipped(axis: 1)])
    let x = ramp([2, 3, 4])
    for axis in 0..<3 { #expect(Operations.Flip(axis: axis).formula([x]) == [x.flipped(axis: axis)]) }
    #expect(
      Operations.ScatterRows(indices: [3, 1], count: 5).formula([x]) == [x.scatteringRows(to: [3, 1], count: 5)])
  }
}
