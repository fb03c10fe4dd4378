import Refrain
import RefrainData

extension TracedNetwork {
  /// The network as the bytes of an ONNX file, with its ports as inputs and outputs; the batch may change from call to
  /// call.
  ///
  /// Its operations are found by tracing ``callAsFunction(_:layers:)``; the layers that it calls through `layers` are
  /// exported whole.
  ///
  /// - Throws: `unsupportedContent` when ONNX cannot express a layer, when the operations depend on the values given or
  ///   are not known to a trace, or when an extent besides the batch is not fixed.
  public func onnx(opset: Int = ONNXExportOptions().opset) throws(DataError) -> [UInt8] {
    try TracedExport(self).bytes(ONNXExportOptions(lengths: false, states: false, opset: opset))
  }
}

/// A network on its way into a graph: the trace of its operations, in which the result of every layer is one more input
/// and what the layer is given one more output.
private struct TracedExport<Network: TracedNetwork> {
  private struct Call {
    var name: String
    var layer: any Layer
    /// Of its result, without the batch.
    var rowShape: [Int]
  }

  private let network: Network
  private let calls: [Call]
  private let inputShapes: [[Int]]

  init(_ network: Network) throws(DataError) {
    self.network = network
    inputShapes = try network.inputs.map { (port) throws(DataError) in
      guard port.type == .float32, port.shape.first == .some(nil), let row = port.rowShape else {
        throw DataError(
          .unsupportedContent,
          "the input \(port.name.quoted) takes \(port.shapeText), and only rows of Floats of one "
            + "size can be traced")
      }
      return row
    }
    // A first run finds out which layers are called, and what they give.
    var calls: [Call] = []
    let layers = LayerCalls { layer, name, input in
      let output = layer(input)
      calls.append(Call(name: name, layer: layer, rowShape: Array(output.shape.dropFirst())))
      return output
    }
    _ = network(inputShapes.map { .zeros([2] + $0) }, layers: layers)
    self.calls = calls
  }

  func bytes(_ options: ONNXExportOptions) throws(DataError) -> [UInt8] {
    try ONNXGraphBuilder.check(
      calls.flatMap { ($0.layer as? any ONNXExportable)?.onnxObstacles ?? ["the network's layer \($0.name)"] })
    let weights = network.namedTensors.filter { tensor in
      !calls.contains { tensor.name.hasPrefix($0.name + ".") }
    }
    let trace: Trace
    do throws(Trace.Refusal) {
      trace = try self.trace(weights.map(\.name), weights.map(\.tensor))
      try trace.checkONNX()
    } catch {
      throw DataError(
        .unsupportedContent, "the network's operations cannot be written: \(error)",
        remedy: "it runs in Refrain alone")
    }
    var graph = try ONNXGraphBuilder(options)
    var inputs: [ONNXGraphValue] = []
    for port in network.inputs { inputs.append(graph.addInput(port.name, port.type, extents(port))) }
    let batch = graph.extent(inputs[0], axis: 0)
    var tracing = ONNXTracing(trace, inputs: inputs)
    for (index, weight) in weights.enumerated() {
      tracing[inputs.count + calls.count + index] = graph.weight(weight.name, weight.tensor)
    }
    var done: Set<Int> = []
    func add(needed output: Int) {
      let nodes = trace.nodes(needed: trace.outputs[output], besides: done)
      done.formUnion(nodes)
      tracing.add(nodes, batch: batch, to: &graph)
    }
    for (index, call) in calls.enumerated() {
      let output = network.outputs.count + index
      add(needed: output)
      guard let layer = call.layer as? any ONNXExportable else { continue }
      let input = tracing.output(output, batch: batch, to: &graph)
      tracing[inputs.count + index] = layer.export(input, named: call.name, to: &graph)
      graph.steps = ONNXSteps()
    }
    for (index, port) in network.outputs.enumerated() {
      add(needed: index)
      graph.addOutput(port.name, tracing.output(index, batch: batch, to: &graph), extents(port))
    }
    return try graph.bytes()
  }

  /// The operations between the layers: of the inputs, the layers' results and the weights.
  private func trace(_ names: [String], _ weights: [Tensor]) throws(Trace.Refusal) -> Trace {
    let rows = inputShapes + calls.map(\.rowShape)
    return try Trace.ofRows(rows, shared: weights) { values in
      var network = network
      let weights = Dictionary(zip(names, values[rows.count...])) { first, _ in first }
      network.forEachTensor { name, tensor in if let weight = weights[name] { tensor = weight } }
      var given: [Tensor] = []
      let layers = LayerCalls { _, _, input in
        given.append(input)
        return values[inputShapes.count + given.count - 1]
      }
      let results = network(Array(values[..<inputShapes.count]), layers: layers)
      return results + given
    }
  }

  private func extents(_ port: ModelPort) -> [ONNXGraphBuilder.Extent] {
    port.shape.enumerated().map { .axis($0, $1) }
  }
}

extension ModelPort {
  /// The extents besides the first; nil where one is not fixed.
  fileprivate var rowShape: [Int]? {
    let sizes = shape.dropFirst().compactMap(\.self)
    return sizes.count == shape.count - 1 ? sizes : nil
  }
}

extension Trace {
  /// The numbers of the operations that a value follows from, in rising order, besides those that are done.
  fileprivate func nodes(needed output: Operand, besides done: Set<Int>) -> [Int] {
    var wanted: Set<Int> = []
    func want(_ operand: Operand) { if case .value(let number) = operand { wanted.insert(number) } }
    want(output)
    var needed: [Int] = []
    for (index, node) in nodes.enumerated().reversed() where node.results.contains(where: wanted.contains) {
      node.operands.forEach(want)
      if !done.contains(index) { needed.append(index) }
    }
    return needed.reversed()
  }
}
