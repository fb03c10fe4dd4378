import Refrain
import RefrainData

/// What flows along an edge of a graph that is being built.
public struct ONNXGraphValue: Sendable, Hashable {
  let name: String
  /// The type of its numbers.
  public let type: ElementType
  /// How many axes it has.
  public let rank: Int
}

/// A graph of ONNX's operators in the making.
///
///     let product = graph.add("MatMul", [input, graph.weight("0.weight", weight.transposed)])
public struct ONNXGraphBuilder {
  /// What is told to an operator besides its inputs.
  public enum Attribute: Sendable, Hashable {
    /// A whole number.
    case integer(Int)
    /// A number.
    case float(Float)
    /// A text.
    case text(String)
    /// Whole numbers.
    case integers([Int])
    /// Numbers.
    case floats([Float])
    /// Texts.
    case texts([String])
    /// A graph of its own.
    case graph(Body)
  }

  /// A graph that an operator runs, made by ``body(of:taking:_:)``.
  public struct Body: Sendable, Hashable {
    let message: ONNXMessage.Graph
  }

  /// An extent of what goes in or comes out.
  public enum Extent: Sendable, Hashable {
    /// Always the same.
    case fixed(Int)
    /// Another from call to call, under a name that other inputs and outputs may share.
    case named(String)

    /// An axis of a layer's input or output: the first is the batch, another of unknown size the time.
    static func axis(_ index: Int, _ size: Int?) -> Extent {
      size.map(Extent.fixed) ?? .named(index == 0 ? "batch" : index == 1 ? "time" : "size\(index)")
    }
  }

  /// What the model is to have.
  public let options: ONNXExportOptions
  /// Which steps of the sequences there are, as the next layer is told; a layer that finds or changes them sets it.
  public var steps = ONNXSteps()
  /// How many steps each sequence has, int64 `[B]`; nil where it is not asked.
  public var lengths: ONNXGraphValue? { steps.lengths }

  /// The model's graph, and within it the bodies that are in the making, each around the next.
  private var graphs = [ONNXMessage.Graph()]
  /// How many graphs stand around the one that a value is of; every name is in use.
  private var depths: [String: Int] = [:]
  private var nodes = 0
  private var shapes: [[Int]: ONNXGraphValue] = [:]
  private var scalars: [UInt32: ONNXGraphValue] = [:]
  /// What operators give that were added: the same again is the same value.
  private var calls: [Call: [ONNXGraphValue]] = [:]
  /// What a value is the transpose of, first two axes swapped.
  private var swaps: [ONNXGraphValue: ONNXGraphValue] = [:]
  /// For truth values of steps, their order without gaps.
  var orders: [ONNXGraphValue: ONNXStepOrder] = [:]
  /// Of which value, and by which order, another has the steps.
  var ordered: [ONNXGraphValue: (value: ONNXGraphValue, order: ONNXGraphValue)] = [:]
  /// What a value is with an axis of size 1 put in.
  private var insertions: [ONNXGraphValue: (value: ONNXGraphValue, axis: Int)] = [:]
  /// The truth values that floats of 1 and 0 stand for.
  private var conditions: [ONNXGraphValue: ONNXGraphValue] = [:]

  /// An operator with what it takes.
  private struct Call: Hashable {
    var operation: String
    var inputs: [ONNXGraphValue?]
    var attributes: [String: Attribute]
  }

  init(_ options: ONNXExportOptions) throws(DataError) {
    let versions = ONNXExportOptions.versions
    guard versions.contains(options.opset) else {
      throw DataError(
        .unsupportedContent, "version \(options.opset) of ONNX's operators cannot be written",
        remedy: "choose one from \(versions.lowerBound) to \(versions.upperBound)")
    }
    self.options = options
  }

  /// Stops an export of what ONNX cannot express.
  static func check(_ obstacles: [String]) throws(DataError) {
    guard !obstacles.isEmpty else { return }
    throw DataError(
      .unsupportedContent, "ONNX cannot express \(obstacles.joined(separator: ", "))",
      remedy: "take other layers in their place")
  }

  // MARK: - Values

  /// Adds an operator with one result. Within a body it goes to the outermost graph that has all that it takes: what is
  /// the same at every step is computed once. The same operator of the same values is added once, and gives the same.
  ///
  /// - Parameters:
  ///   - operation: its name in ONNX.
  ///   - inputs: what it takes; nil is an optional input left out.
  ///   - rank: how many axes the result has; nil is as many as the first input.
  ///   - type: the type of the result; nil is that of the first input.
  ///   - attributes: what it is told besides.
  public mutating func add(
    _ operation: String, _ inputs: [ONNXGraphValue?], rank: Int? = nil, type: ElementType? = nil,
    _ attributes: [String: Attribute] = [:]
  ) -> ONNXGraphValue {
    let (rank, type) = (rank ?? inputs.first??.rank ?? 0, type ?? inputs.first??.type ?? .float32)
    return add(Call(operation: operation, inputs: inputs, attributes: attributes)) { name in
      [ONNXGraphValue(name: name, type: type, rank: rank)]
    }[0]
  }

  /// Adds an operator with several results of one type, given by their ranks.
  public mutating func add(
    _ operation: String, _ inputs: [ONNXGraphValue?], ranks: [Int], _ attributes: [String: Attribute] = [:]
  ) -> [ONNXGraphValue] {
    add(Call(operation: operation, inputs: inputs, attributes: attributes)) { name in
      ranks.enumerated().map { index, rank in
        ONNXGraphValue(name: "\(name).\(index)", type: inputs.first??.type ?? .float32, rank: rank)
      }
    }
  }

  private mutating func add(_ call: Call, _ results: (_ name: String) -> [ONNXGraphValue]) -> [ONNXGraphValue] {
    if let known = calls[call] { return known }
    let results = results(unique(call.operation.lowercased()))
    addNode(call.operation, call.inputs, results, call.attributes)
    calls[call] = results
    return results
  }

  /// A tensor that is stored with the model.
  public mutating func weight(_ name: String, _ tensor: Tensor) -> ONNXGraphValue {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 * tensor.count)
    for value in tensor.values { bytes.append(littleEndian: value.bitPattern) }
    let stored = ONNXMessage.Tensor(
      shape: tensor.shape, type: ONNXMessage.DataType.float.rawValue, name: unique(name), bytes: bytes[...])
    return store(stored, .float32)
  }

  /// A number.
  public mutating func scalar(_ value: Float) -> ONNXGraphValue {
    if let known = scalars[value.bitPattern] { return known }
    let stored = weight("constant", Tensor([value], shape: []))
    scalars[value.bitPattern] = stored
    return stored
  }

  /// A list of whole numbers, such as a shape or axes.
  public mutating func integers(_ values: [Int]) -> ONNXGraphValue {
    if let known = shapes[values] { return known }
    let stored = ONNXMessage.Tensor(
      shape: [values.count], type: ONNXMessage.DataType.int64.rawValue, int64s: values, name: unique("integers"))
    let value = store(stored, .int64)
    shapes[values] = value
    return value
  }

  /// The value with its first two axes, batch and time, swapped. Swapping twice is doing nothing.
  public mutating func swappingBatchAndTime(_ value: ONNXGraphValue) -> ONNXGraphValue {
    if let known = swaps[value] { return known }
    let order = [1, 0] + Array(2..<max(2, value.rank))
    let swapped = add("Transpose", [value], ["perm": .integers(order)])
    swaps[swapped] = value
    return swapped
  }

  /// The value with an axis of size 1 put in.
  mutating func unsqueezed(_ value: ONNXGraphValue, axis: Int) -> ONNXGraphValue {
    let result = add("Unsqueeze", [value, integers([axis])], rank: value.rank + 1)
    insertions[result] = (value, axis)
    return result
  }

  /// The value without an axis of size 1. What was put in before is taken out again by doing nothing.
  mutating func squeezed(_ value: ONNXGraphValue, axis: Int) -> ONNXGraphValue {
    if let known = insertions[value], known.axis == axis { return known.value }
    return add("Squeeze", [value, integers([axis])], rank: value.rank - 1)
  }

  /// Truth values as floats of 1 and 0.
  mutating func number(_ condition: ONNXGraphValue) -> ONNXGraphValue {
    let number = add("Cast", [condition], type: .float32, ["to": .integer(1)])
    conditions[number] = condition
    return number
  }

  /// Whether each value is other than 0.
  mutating func condition(_ number: ONNXGraphValue) -> ONNXGraphValue {
    conditions[number] ?? add("Cast", [number], type: .bool, ["to": .integer(9)])
  }

  // MARK: - Ports

  /// A new input of the model.
  public mutating func addInput(_ name: String, _ type: ElementType, _ shape: [Extent]) -> ONNXGraphValue {
    let value = ONNXGraphValue(name: unique(name), type: type, rank: shape.count)
    graphs[graphs.count - 1].inputs.append(.port(value.name, type, shape))
    return value
  }

  /// A new output of the model, after the others or before them.
  public mutating func addOutput(
    _ name: String, _ value: ONNXGraphValue, _ shape: [Extent], isFirst: Bool = false
  ) {
    let (name, last) = (unique(name), graphs.count - 1)
    graphs[last].outputs.insert(.port(name, value.type, shape), at: isFirst ? 0 : graphs[last].outputs.count)
    // A node of its own: the value may be an input, of a graph around this one, and go to several outputs.
    graphs[last].nodes.append(.node("Identity", name, [value.name], [name], [:]))
  }

  /// Has the model take `lengths` where they are asked for.
  mutating func addLengths() {
    if options.lengths { steps.lengths = addInput("lengths", .int64, [.named("batch")]) }
  }

  // MARK: - Bodies

  /// What goes into a body, or comes out of it, at every step.
  struct Port {
    var type = ElementType.float32
    var shape: [Extent]
  }

  /// A graph that an operator such as Scan runs. All values that there are may be used within it.
  ///
  /// - Parameters:
  ///   - name: what its ports' names begin with.
  ///   - inputs: what it is given.
  ///   - build: takes what it is given; gives what it gives.
  mutating func body(
    of name: String, taking inputs: [Port],
    _ build: (_ graph: inout ONNXGraphBuilder, _ inputs: [ONNXGraphValue]) -> [(value: ONNXGraphValue, shape: [Extent])]
  ) -> Attribute {
    graphs.append(ONNXMessage.Graph())
    let given = inputs.enumerated().map { addInput("\(name).step.in\($0)", $1.type, $1.shape) }
    for (index, output) in build(&self, given).enumerated() {
      addOutput("\(name).step.out\(index)", output.value, output.shape)
    }
    return .graph(Body(message: finished(graphs.removeLast(), name: name)))
  }

  // MARK: - The file

  /// The file, without what nothing depends on.
  func bytes() throws(DataError) -> [UInt8] {
    let model = ONNXMessage.Model(
      formatVersion: options.formatVersion, producerName: "Refrain", graph: finished(graphs[0], name: "refrain"),
      operatorSets: [ONNXMessage.OperatorSet(version: options.opset)])
    let bytes = model.encoded()
    // No reader takes a longer message.
    guard bytes.count <= Int(Int32.max) else {
      throw DataError(.unwritableFile, "the model is too large for an ONNX file")
    }
    return bytes
  }

  private func finished(_ graph: ONNXMessage.Graph, name: String) -> ONNXMessage.Graph {
    var graph = graph
    graph.name = name
    var needed = Set(graph.outputs.map(\.name))
    graph.nodes = graph.nodes.reversed().filter { node in
      let isNeeded = node.outputs.contains { needed.contains($0) }
      if isNeeded { needed.formUnion(node.taken) }
      return isNeeded
    }.reversed()
    // A recurrent operator may leave results out; of others a missing one would be no graph.
    for index in graph.nodes.indices where ["LSTM", "GRU", "RNN"].contains(graph.nodes[index].operation) {
      let unused = graph.nodes[index].outputs.map { needed.contains($0) ? $0 : "" }
      graph.nodes[index].outputs = Array(unused.reversed().drop { $0.isEmpty }.reversed())
    }
    graph.initializers.removeAll { !needed.contains($0.name) }
    graph.inputs.removeAll { $0.name == "lengths" && !needed.contains($0.name) }
    return graph
  }

  private mutating func addNode(
    _ operation: String, _ inputs: [ONNXGraphValue?], _ outputs: [ONNXGraphValue], _ attributes: [String: Attribute]
  ) {
    let hasBody = attributes.values.contains { if case .graph = $0 { true } else { false } }
    // What a body takes from outside is not among the inputs.
    let depth = hasBody ? graphs.count - 1 : inputs.compactMap { $0.flatMap { depths[$0.name] } }.max() ?? 0
    let name = "node_\(nodes)"
    nodes += 1
    graphs[depth].nodes.append(.node(operation, name, inputs.map { $0?.name ?? "" }, outputs.map(\.name), attributes))
    for output in outputs { depths[output.name] = depth }
  }

  private mutating func store(_ tensor: ONNXMessage.Tensor, _ type: ElementType) -> ONNXGraphValue {
    graphs[0].initializers.append(tensor)
    depths[tensor.name] = 0
    return ONNXGraphValue(name: tensor.name, type: type, rank: tensor.shape.count)
  }

  /// The name itself where it is new, else with a number.
  private mutating func unique(_ name: String) -> String {
    var (candidate, count) = (name, 1)
    while depths[candidate] != nil {
      count += 1
      candidate = "\(name)_\(count)"
    }
    depths[candidate] = graphs.count - 1
    return candidate
  }
}
