import Refrain
import RefrainData
import RefrainFormats
import RefrainTestSupport
import Testing

/// Two inputs, two outputs, and a layer that reads what operations make of another.
private struct Blend: TracedNetwork {
  var first = Stacked<Recurrent<LSTMCell>>([3, 3], returning: .everyStep)
  var second = Recurrent<LayerNormGRUCell>(3)
  var gain = Tensor([0.5, -1, 2], shape: [3])
  let inputs = [
    ModelPort(name: "series", type: .float32, shape: [nil, 5, 2]),
    ModelPort(name: "fixed", type: .float32, shape: [nil, 3]),
  ]
  let outputs = [
    ModelPort(name: "mean", type: .float32, shape: [nil, 3]),
    ModelPort(name: "all", type: .float32, shape: [nil, 5, 3]),
  ]

  init(seed: UInt64) {
    var generator = RandomGenerator(seed: seed)
    first.build(for: [nil, 5, 2], using: &generator)
    second.build(for: [nil, 5, 3], using: &generator)
  }

  mutating func forEachTensor<E: Error>(_ body: (String, inout Tensor) throws(E) -> Void) throws(E) {
    try first.forEachTensor(under: "first", body)
    try second.forEachTensor(under: "second", body)
    try body("gain", &gain)
  }

  func callAsFunction(_ inputs: [Tensor], layers: LayerCalls) -> [Tensor] {
    let batch = inputs[0].shape[0]
    let steps = layers(first, named: "first", inputs[0])
    let mixed = tanh(steps * gain) + inputs[1].reshaped([batch, 1, 3])
    let last = layers(second, named: "second", mixed)
    return [last + inputs[1], mixed * steps]
  }
}

/// A layer that ONNX does not know, and a network around it.
private struct Wrapped: TracedNetwork {
  struct Own: Layer {
    static let kind = "own"
    let configuration: Int
    init(_ configuration: Int) { self.configuration = configuration }
    func outputShape(for inputShape: [Int?]) -> [Int?] { inputShape }
    func callAsFunction(_ input: StepValues) -> StepValues { input }
  }

  var inputs = [ModelPort(name: "input", type: .float32, shape: [nil, 2])]
  let outputs = [ModelPort(name: "output", type: .float32, shape: [nil, 2])]
  mutating func forEachTensor<E: Error>(_ body: (String, inout Tensor) throws(E) -> Void) throws(E) {}
  func callAsFunction(_ inputs: [Tensor], layers: LayerCalls) -> [Tensor] { [layers(Own(1), named: "own", inputs[0])] }
}

@Suite struct `A network that is no chain of layers` {
  private func array(_ shape: [Int], _ phase: Double) -> NumericArray {
    NumericArray(ramp(shape, phase).values, shape: shape)
  }

  @Test func `gives in ONNX what it gives here, for any batch`() throws {
    let network = Blend(seed: 3)
    let model = try ONNXModel(bytes: network.onnx())
    #expect(model.inputs == network.inputs && model.outputs == network.outputs)
    for batch in [1, 4] {
      let given = ["series": array([batch, 5, 2], 1), "fixed": array([batch, 3], 2)]
      let (found, wanted) = (try model.run(given), try network.run(given))
      for name in ["mean", "all"] {
        let (one, other) = (try #require(found[name]), try #require(wanted[name]))
        expectClose(
          Tensor(one.values.floats, shape: one.shape), Tensor(other.values.floats, shape: other.shape), name,
          within: .exported)
      }
    }
    #expect(model.parameterNames.contains("gain"))
  }

  @Test func `is refused when a layer has no counterpart`() throws {
    let own = Wrapped()
    let error = dataError { () throws(DataError) in try own.onnx() }
    #expect(error?.code == .unsupportedContent && error?.problem.contains("the network's layer own") == true)
  }

  @Test func `is refused when its inputs are not rows of one size`() {
    var open = Wrapped()
    open.inputs = [ModelPort(name: "input", type: .float32, shape: [nil, nil, 2])]
    #expect(dataError { () throws(DataError) in try open.onnx() }?.problem.contains("'input'") == true)
  }

  @Test func `refuses arrays that do not fit, by their names`() {
    let network = Blend(seed: 3)
    let series = array([2, 5, 2], 1)
    func problem(_ given: [String: NumericArray]) -> String {
      dataError { () throws(DataError) in try network.run(given) }?.problem ?? ""
    }
    #expect(problem(["series": series]).contains("'fixed' is missing"))
    #expect(problem(["series": series, "fixed": array([2, 3], 1), "more": series]).contains("no input 'more'"))
    #expect(problem(["series": series, "fixed": array([3, 3], 1)]).contains("[3, 3]"))
    #expect(problem(["series": array([2, 4, 2], 1), "fixed": array([2, 3], 1)]).contains("[2, 4, 2]"))
  }
}
