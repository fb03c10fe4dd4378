import Refrain
import RefrainData

/// Goes through a graph and says of every value what it is in terms of layers.
struct ONNXLayerImport {
  /// What a value of the graph is.
  enum Meaning {
    case constant(ONNXValue)
    /// Floats that are all 0, in whatever shape.
    case zeros
    /// A constant, the same for every sequence of the batch.
    case repeated(ONNXValue)
    /// What is given besides, or follows from shapes: lengths, states, masks.
    case given
    case stream(ONNXStream)
    /// What is on the way to finding which steps there are.
    case test(StepTest)
    /// Which steps a layer found, or what follows from it.
    case steps
    /// Made by a node that is no layer: the number of the first.
    case unknown(Int)

    /// Whether it says which steps a layer found.
    var isOfSteps: Bool {
      switch self {
      case .steps: true
      case .test(let test): test.isFinished
      default: false
      }
    }
  }

  let graph: ONNXGraph
  var meanings: [Meaning?]
  /// The node that makes a value.
  private var makers: [Int: Int] = [:]
  /// Whether a recurrent operator was found that reads what comes as `[B, T, I]` with the time first.
  private(set) var wantsTimeFirst = false
  /// The tokens that are compared with 0 to find which steps there are, as ``ONNXStream/source``.
  var tokensTested: Set<Int> = []
  /// How many values may still be computed from constants.
  private var budget: Int

  init(_ model: ONNXModel, input: ONNXPort, isTimeFirst: Bool) {
    graph = model.graph
    meanings = Array(repeating: nil, count: graph.slots)
    let initializers = model.initializers
    budget = initializers.reduce(1 << 20) { $0 + 4 * $1.value.count }
    for (slot, value) in initializers { meanings[slot] = .constant(value) }
    for port in graph.inputs where !port.port.isOptional { meanings[port.slot] = .given }
    var axes = [ONNXStream.Axis](repeating: .other, count: input.port.shape.count)
    if !axes.isEmpty { axes[0] = .batch }
    let isFloat = input.port.type.isFloat
    if isFloat, axes.count > 1 { axes[axes.count - 1] = .feature }
    if axes.count == (isFloat ? 3 : 2) { axes[1] = .time }
    if isTimeFirst, axes.count > 1 { axes.swapAt(0, 1) }
    meanings[input.slot] = .stream(ONNXStream(axes: axes, source: input.slot))
  }

  mutating func run() {
    for (index, node) in graph.nodes.enumerated() {
      for slot in node.outputs { if let slot { makers[slot] = index } }
      let results = meaning(of: node, index)
      for (position, slot) in node.outputs.enumerated() {
        if let slot { meanings[slot] = position < results.count ? results[position] : .unknown(index) }
      }
    }
  }

  /// The layers that make an output, and whether the graph has it with the time first.
  func layers(upTo output: ONNXPort) throws(DataError) -> (layers: [ImportedLayer], isTimeFirst: Bool) {
    let remedy = "the graph can still be run"
    switch meanings[output.slot] {
    case .stream(let stream):
      let stream = stream.settled
      guard let stream, !stream.isReversed, stream.axes.first == .batch || stream.axes.prefix(2) == [.time, .batch]
      else {
        throw DataError(
          .unsupportedContent, "the output \(output.port.name.quoted) is no layer's output as it stands", remedy: remedy
        )
      }
      return (stream.layers.all, stream.axes.first == .time)
    case .unknown(let index):
      throw graph.nodes[index].unsupported("it is no layer, nor part of one", remedy: remedy)
    default:
      throw DataError(
        .unsupportedContent, "the output \(output.port.name.quoted) does not come from the first input", remedy: remedy)
    }
  }

  // MARK: - Nodes

  private mutating func meaning(of node: ONNXNode, _ index: Int) -> [Meaning] {
    let inputs = node.inputs.map { $0.flatMap { meanings[$0] } }
    let streams = inputs.compactMap { input -> ONNXStream? in
      if case .stream(let stream) = input { stream } else { nil }
    }
    let unknown = inputs.compactMap { input -> Int? in
      if case .unknown(let index) = input { index } else { nil }
    }
    // What a loop takes from around it does not stand among its inputs.
    if node.implementation.hasBody { return node.outputs.map { _ in .unknown(index) } }
    if node.operation == "Shape" || node.operation == "Size" { return [.given] }
    if let found = gelu(node) ?? exactGelu(node) ?? highway(node) ?? depthWise(node) ?? pooling(node) {
      return [.stream(found)]
    }
    // What a mask says of an unknown value changes nothing, and of a stream nothing that lengths do not say.
    if let first = unknown.min() { return node.outputs.map { _ in .unknown(first) } }
    if let found = stepTest(node, inputs, streams) { return [found] }
    guard !streams.isEmpty else {
      let meaning = withoutStream(node, inputs) ?? .unknown(index)
      // Only the first result of a node was computed.
      if case .constant = meaning { return [meaning] }
      return node.outputs.map { _ in meaning }
    }
    let results = layer(node, inputs, streams)
    return results.isEmpty ? node.outputs.map { _ in .unknown(index) } : results
  }

  /// What follows from constants, shapes and what is given besides; nil where it is not to be understood.
  private mutating func withoutStream(_ node: ONNXNode, _ inputs: [Meaning?]) -> Meaning? {
    let constants = inputs.compactMap { input -> ONNXValue? in
      if case .constant(let value) = input { value } else { nil }
    }
    switch node.operation {
    case "ConstantOfShape":
      let value = node.value("value")
      return value.map(\.isZero) ?? true ? .zeros : .given
    case "Expand":
      guard case .constant(let value) = inputs.first, value.type.isFloat, afford(value.count) else { break }
      return value.isZero ? .zeros : .repeated(value)
    default: break
    }
    if case .zeros = inputs.first { return .zeros }
    var followsFromSteps = false
    for case .some(let input) in inputs {
      if case .test(let test) = input, !test.isFinished { return nil }
      followsFromSteps = followsFromSteps || input.isOfSteps
    }
    if followsFromSteps { return .steps }
    let isConstant = constants.count == inputs.count { $0 != nil } && constants.count == node.inputs.count { $0 != nil }
    guard isConstant, let value = folded(node, inputs, count: constants.reduce(64) { $0 + $1.count }) else {
      return .given
    }
    return .constant(value)
  }

  /// The result of a node all of whose inputs are constant, unless it would be larger than these.
  private mutating func folded(_ node: ONNXNode, _ inputs: [Meaning?], count: Int) -> ONNXValue? {
    guard afford(count) else { return nil }
    let values = inputs.map { input -> ONNXValue? in
      if case .constant(let value) = input { value } else { nil }
    }
    return try? node.implementation.run(ONNXCall(node: node, inputs: values, largestValue: count)).first
  }

  /// Whether so many values more may be made: a small file can ask for the same weights a hundred thousand times.
  mutating func afford(_ count: Int) -> Bool {
    guard count <= budget else { return false }
    budget -= count
    return true
  }

  /// The value of an input, if it is constant.
  func constant(_ node: ONNXNode, _ index: Int) -> ONNXValue? {
    guard index < node.inputs.count, let slot = node.inputs[index], case .constant(let value) = meanings[slot] else {
      return nil
    }
    return value
  }

  /// The whole numbers of an attribute, or of an input that later versions have in its place.
  func integers(_ node: ONNXNode, _ name: String, orInput index: Int) -> [Int]? {
    node.integers(name) ?? constant(node, index)?.integers
  }

  /// The node that makes an input.
  func maker(of node: ONNXNode, _ index: Int) -> ONNXNode? {
    guard index < node.inputs.count, let slot = node.inputs[index] else { return nil }
    return maker(of: slot)
  }

  /// The node that makes a value.
  func maker(of slot: Int) -> ONNXNode? { makers[slot].map { graph.nodes[$0] } }

  /// Where the first result of a node lies, and -1 where nobody wants it.
  func result(of node: ONNXNode) -> Int { node.outputs.first.flatMap { $0 } ?? -1 }

  /// Notes that a recurrent operator reads the value with the batch and the time the other way round.
  mutating func noteOrder(_ axes: [ONNXStream.Axis]) {
    if axes == [.batch, .time, .feature] { wantsTimeFirst = true }
  }
}

extension ONNXValue {
  /// Whether all its values are 0.
  var isZero: Bool { asTensor.values.allSatisfy { $0 == 0 } }
}
