import RefrainData
import RefrainFoundation

/// Turns the messages of a file into a graph, and says everything that is wrong with it or missing here.
struct ONNXReader {
  /// The operator sets and the versions of the format that are understood.
  static let opsets = 7...28
  static let formats = 3...14

  /// The most graphs that may stand within each other.
  private static let deepest = 8

  /// A graph that is being read, and where its values lie.
  private struct Scope {
    var graph = ONNXGraph()
    var places: [String: Int] = [:]
    /// What is the same in every run, of few numbers: enough to choose between branches.
    var known: [Int: ONNXValue] = [:]
    /// The shapes of inputs that have no other.
    var shapes: [Int: [Int]] = [:]

    mutating func newSlot() -> Int {
      graph.slots += 1
      return graph.slots - 1
    }
  }

  /// The graph that is being read, in those around it, of which the first is the model's.
  private var scopes = [Scope()]
  private var opset = 0
  private var external: ONNXExternalData?
  /// The names of the initializers of bodies among the model's.
  private var bodyParameters: Set<String> = []
  /// How many branches that were put in place stand within each other.
  private var inlined = 0
  private static let mostInlined = 8
  /// The operators that are not there, each with a node that wants it.
  private var missing: [String] = []

  /// The graph in the messages of a file.
  ///
  /// - Parameter folder: where the file lies; nil if it may have no files beside it.
  /// - Throws: `damagedFile`, `unsupportedContent`, and for files beside it `missingFile` and `unreadableFile`.
  static func read(_ model: ONNXMessage.Model, folder: String?) throws(DataError) -> ONNXGraph {
    var reader = ONNXReader()
    reader.external = folder.map { ONNXExternalData(folder: $0) }
    try reader.read(model)
    return reader.scopes[0].graph
  }

  /// The messages of a file, whether what they say can run or not.
  static func message(_ bytes: [UInt8]) throws(DataError) -> ONNXMessage.Model {
    guard !bytes.isEmpty else { throw DataError(.wrongFormat, "the file is empty") }
    let model: ONNXMessage.Model
    do throws(DataError) {
      model = try ONNXMessage.Model(encoded: bytes)
    } catch {
      throw notONNX(error.problem)
    }
    guard model.formatVersion != nil, model.graph != nil else { throw notONNX("it has no version or no graph") }
    return model
  }

  private static func notONNX(_ problem: String) -> DataError {
    DataError(
      .wrongFormat, "this is no ONNX model: \(problem)", remedy: "name a file that ends in .onnx, or export it again")
  }

  private mutating func read(_ model: ONNXMessage.Model) throws(DataError) {
    let format = model.formatVersion ?? 0
    guard Self.formats.contains(format) else {
      throw DataError(
        .unsupportedContent, "the model has ONNX's format version \(format), outside of \(Self.formats)",
        remedy: format > Self.formats.upperBound ? "update Refrain" : "convert it with onnx.version_converter")
    }
    for set in model.operatorSets where set.domain.isEmpty || set.domain == "ai.onnx" { opset = set.version ?? 0 }
    guard Self.opsets.contains(opset) else {
      throw DataError(
        .unsupportedContent, "the model is written for operator set \(opset), outside of \(Self.opsets)",
        remedy: opset > Self.opsets.upperBound ? "update Refrain" : "convert it with onnx.version_converter")
    }
    let proto = model.graph ?? ONNXMessage.Graph()
    try readContents(of: proto)
    guard missing.isEmpty else {
      throw DataError(
        .unsupportedContent, "these operators are not supported: \(missing.joined(separator: ", "))",
        remedy: "export the model without them")
    }
    try readOutputs(proto)
    scopes[0].graph.findFinished()
  }

  /// Reads all of a graph but its outputs, which may come from operators that are missing.
  private mutating func readContents(of proto: ONNXMessage.Graph) throws(DataError) {
    guard proto.sparseInitializers.isEmpty else {
      throw DataError(.unsupportedContent, "the model has sparse initializers", remedy: "export them dense")
    }
    try readInitializers(proto)
    try readInputs(proto)
    for (index, node) in proto.nodes.enumerated() { try readNode(node, index) }
  }

  /// A graph that a node runs.
  private mutating func body(_ proto: ONNXMessage.Graph, of node: ONNXNode) throws(DataError) -> ONNXGraph {
    guard scopes.count < Self.deepest else {
      throw node.unsupported("more than \(Self.deepest) graphs stand within each other")
    }
    scopes.append(Scope())
    try readContents(of: proto)
    if missing.isEmpty { try readOutputs(proto) }
    var graph = scopes.removeLast().graph
    graph.findFinished()
    return graph
  }

  // MARK: - Names

  private var graph: ONNXGraph {
    get { scopes[scopes.count - 1].graph }
    _modify { yield &scopes[scopes.count - 1].graph }
  }

  private mutating func define(_ name: String, _ what: String) throws(DataError) -> Int {
    let last = scopes.count - 1
    guard !name.isEmpty, scopes[last].places[name] == nil else {
      throw DataError(.damagedFile, "\(what) \(name.quoted) has no name, or one that something else has too")
    }
    let slot = scopes[last].newSlot()
    scopes[last].places[name] = slot
    return slot
  }

  /// Where the value of this name lies in a graph, once it is taken in from those around it; nil where there is none.
  private mutating func place(of name: String, in scope: Int? = nil) -> Int? {
    let scope = scope ?? scopes.count - 1
    if let known = scopes[scope].places[name] { return known }
    guard scope > 0, let outside = place(of: name, in: scope - 1) else { return nil }
    let slot = takeIn(outside, scope)
    scopes[scope].places[name] = slot
    scopes[scope].known[slot] = scopes[scope - 1].known[outside]
    scopes[scope].shapes[slot] = scopes[scope - 1].shapes[outside]
    return slot
  }

  /// A place in a graph for what lies in the one around it.
  private mutating func takeIn(_ outside: Int, _ scope: Int) -> Int {
    let slot = scopes[scope].newSlot()
    scopes[scope].graph.captures.append((outside, slot))
    return slot
  }

  private mutating func readInitializers(_ proto: ONNXMessage.Graph) throws(DataError) {
    for tensor in proto.initializers {
      let title = "initializer \(tensor.name.quoted)"
      let value = try ONNXValue(tensor, title, external: external)
      if !value.type.isFloat {
        let slot = try define(tensor.name, "the initializer")
        graph.constants.append((slot, value))
        // One that is an input too may be given another value.
        if value.count <= Self.mostKnown, !proto.inputs.contains(where: { $0.name == tensor.name }) {
          scopes[scopes.count - 1].known[slot] = value
        }
      } else if scopes.count == 1 {
        graph.parameters.append((tensor.name, try define(tensor.name, "the initializer"), value))
      } else {
        try addParameter(tensor.name, value)
      }
    }
  }

  /// Makes an initializer of a body one of the model, under a name that none has there.
  private mutating func addParameter(_ name: String, _ value: ONNXValue) throws(DataError) {
    guard !name.isEmpty, scopes[scopes.count - 1].places[name] == nil else {
      throw DataError(.damagedFile, "the initializer \(name.quoted) has no name, or one that something else has too")
    }
    var slot = scopes[0].newSlot()
    var unique = name
    while !bodyParameters.insert(unique).inserted || scopes[0].places[unique] != nil { unique += "_" }
    scopes[0].graph.parameters.append((unique, slot, value))
    for scope in 1..<scopes.count { slot = takeIn(slot, scope) }
    scopes[scopes.count - 1].places[name] = slot
  }

  private mutating func readInputs(_ proto: ONNXMessage.Graph) throws(DataError) {
    let initialized = Set(proto.initializers.map(\.name))
    var seen: Set<String> = []
    for input in proto.inputs {
      let isOptional = initialized.contains(input.name)
      let slot = isOptional ? place(of: input.name) ?? 0 : try define(input.name, "the input")
      guard seen.insert(input.name).inserted else {
        throw DataError(.damagedFile, "there are two inputs \(input.name.quoted)")
      }
      let port = try port(input, isOptional: isOptional, slot)
      graph.inputs.append(port)
      if scopes.count == 1, port.hasShape, port.port.shape.allSatisfy({ $0 != nil }) {
        scopes[0].shapes[slot] = port.port.shape.compactMap(\.self)
      }
    }
  }

  private mutating func readOutputs(_ proto: ONNXMessage.Graph) throws(DataError) {
    var seen: Set<String> = []
    for output in proto.outputs {
      guard let slot = place(of: output.name), seen.insert(output.name).inserted else {
        throw DataError(.damagedFile, "the output \(output.name.quoted) comes from no node, or is named twice")
      }
      graph.outputs.append(try port(output, isOptional: false, slot))
    }
    guard !graph.outputs.isEmpty else { throw DataError(.damagedFile, "the model, or a graph in it, has no outputs") }
  }

  private func port(_ proto: ONNXMessage.ValueInfo, isOptional: Bool, _ slot: Int) throws(DataError) -> ONNXPort {
    let title = "the input or output \(proto.name.quoted)"
    let isUnsaid = proto.type?.tensor == nil && proto.type?.other == nil
    if scopes.count > 1, isUnsaid || proto.type?.other == .sequence {
      // What goes into a body and comes out of it need not be said.
      return ONNXPort(
        port: ModelPort(name: proto.name, type: .float32, shape: []), hasShape: false, slot: slot)
    }
    guard let tensor = proto.type?.tensor else {
      throw DataError(.unsupportedContent, "\(title) is no tensor, or has no type")
    }
    guard let type = ElementType(onnx: tensor.elementType) else {
      throw DataError(
        .unsupportedContent,
        "\(title) is of type \(ElementType.onnxName(of: tensor.elementType)), which is not supported")
    }
    let shape = tensor.shape?.axes.map { axis in axis.size.flatMap { $0 > 0 ? $0 : nil } } ?? []
    return ONNXPort(
      port: ModelPort(name: proto.name, type: type, shape: shape, isOptional: isOptional),
      hasShape: tensor.shape != nil,
      slot: slot)
  }

  // MARK: - Nodes

  private mutating func readNode(_ proto: ONNXMessage.Node, _ index: Int) throws(DataError) {
    let first = proto.outputs.first { !$0.isEmpty } ?? "number \(index)"
    let name = proto.name.isEmpty ? first : proto.name
    let isStandard = proto.domain.isEmpty || proto.domain == "ai.onnx"
    let inputs = try proto.inputs.map { (input) throws(DataError) -> Int? in
      if input.isEmpty { return nil }
      guard let slot = place(of: input) else {
        throw DataError(
          .damagedFile, "node \(name.quoted): nothing before it makes its input \(input.quoted)",
          remedy: "export the model again; nodes must stand in the order in which they run")
      }
      return slot
    }
    if isStandard, proto.operation == "If", inputs.count == 1, let slot = inputs[0], try inline(proto, on: slot) {
      return
    }
    guard isStandard, let implementation = ONNXOperators.all[proto.operation] else {
      // So that the message names every one, and ends.
      if missing.count < 50 {
        let full = (isStandard ? "" : proto.domain.onOneLine + ".") + proto.operation.onOneLine
        let why = ONNXOperators.controlFlow.contains(proto.operation) ? ", which runs a graph of its own" : ""
        missing.append("\(full) (node \(name.quoted)\(why))")
      }
      try defineOutputs(proto)
      return
    }
    var node = ONNXNode(
      name: name, operation: proto.operation, opset: opset, inputs: inputs, outputs: [], attributes: [:],
      implementation: implementation)
    while node.inputs.last == .some(nil) { node.inputs.removeLast() }
    let hasBody = implementation.hasBody
    // What a body takes is made before the node, not by it.
    if hasBody { for attribute in proto.attributes { try readAttribute(attribute, of: &node) } }
    node.outputs = try defineOutputs(proto)
    while node.outputs.last == .some(nil) { node.outputs.removeLast() }
    guard implementation.inputs.contains(node.inputs.count), node.outputs.count <= implementation.outputs else {
      throw node.unsupported("\(node.inputs.count) inputs and \(node.outputs.count) outputs are not what it has")
    }
    if !hasBody { for attribute in proto.attributes { try readAttribute(attribute, of: &node) } }
    // A body with missing operators has no outputs, and will not run.
    if !hasBody || missing.isEmpty { try implementation.check?(node) }
    graph.nodes.append(node)
    note(node)
  }

  // MARK: - What is known before anything runs

  private static let mostKnown = 64
  private static let foldable: Set<String> = [
    "Constant", "Gather", "Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Not", "And", "Or", "Cast",
    "Add",
    "Sub", "Mul", "Div", "Mod", "Concat", "Slice", "Squeeze", "Unsqueeze", "Identity", "Size", "Reshape", "ReduceProd",
  ]

  /// Notes the result of a node that follows from what is known.
  private mutating func note(_ node: ONNXNode) {
    let scope = scopes.count - 1
    guard node.outputs.count == 1, let output = node.outputs[0] else { return }
    if node.operation == "Shape", let slot = node.inputs.first.flatMap({ $0 }), let shape = scopes[scope].shapes[slot] {
      // A part of the shape is left to the run.
      if node.attributes.isEmpty { scopes[scope].known[output] = ONNXValue(shape, shape: [shape.count]) }
      return
    }
    guard Self.foldable.contains(node.operation) else { return }
    let values = node.inputs.map { slot in slot.flatMap { scopes[scope].known[$0] } }
    guard zip(node.inputs, values).allSatisfy({ $0 == nil || $1 != nil }) else { return }
    let call = ONNXCall(node: node, inputs: values, largestValue: Self.mostKnown)
    guard let result = try? node.implementation.run(call).first, result.count <= Self.mostKnown, !result.type.isFloat
    else { return }
    scopes[scope].known[output] = result
  }

  /// Puts the branch of an If in its place where the condition is the same in every run; false where it is not.
  private mutating func inline(_ proto: ONNXMessage.Node, on slot: Int) throws(DataError) -> Bool {
    let scope = scopes.count - 1
    guard let truths = scopes[scope].known[slot]?.booleans, truths.count == 1,
      let branch = proto.attributes.first(where: { $0.name == (truths[0] ? "then_branch" : "else_branch") }),
      let graph = branch.graph, graph.inputs.isEmpty, graph.outputs.count >= proto.outputs.count,
      inlined < Self.mostInlined
    else { return false }
    // Names that both graphs have would be taken for one another.
    let own = graph.initializers.map(\.name) + graph.nodes.flatMap(\.outputs)
    guard own.allSatisfy({ $0.isEmpty || place(of: $0) == nil }) else { return false }
    inlined += 1
    defer { inlined -= 1 }
    try readContents(of: graph)
    for (name, output) in zip(proto.outputs, graph.outputs) where !name.isEmpty {
      guard let value = place(of: output.name) else {
        // It comes from an operator that is missing, or from nowhere.
        guard !missing.isEmpty else {
          throw DataError(.damagedFile, "the output \(output.name.quoted) of a branch comes from no node")
        }
        _ = try define(name, "the result")
        continue
      }
      guard scopes[scope].places[name] ?? value == value else {
        throw DataError(.damagedFile, "the result \(name.quoted) has a name that something else has too")
      }
      scopes[scope].places[name] = value
    }
    return true
  }

  @discardableResult
  private mutating func defineOutputs(_ proto: ONNXMessage.Node) throws(DataError) -> [Int?] {
    try proto.outputs.map { (output) throws(DataError) -> Int? in
      output.isEmpty ? nil : try define(output, "the result")
    }
  }

  private mutating func readAttribute(_ proto: ONNXMessage.Attribute, of node: inout ONNXNode) throws(DataError) {
    guard let kind = node.implementation.attributes[proto.name] else {
      throw node.unsupported("its attribute \(proto.name.quoted) is not supported")
    }
    let value: ONNXAttribute? =
      switch kind {
      case .integer: proto.integer.map { .integer($0) }
      case .float: proto.float.map { .float($0) }
      case .string: proto.text.flatMap { String(validating: $0, as: UTF8.self) }.map { .string($0) }
      case .integers: .integers(proto.integers)
      case .floats: .floats(proto.floats)
      case .strings: .strings(proto.texts.map { String(decoding: $0, as: UTF8.self) })
      case .value:
        try proto.tensor.map { (tensor) throws(DataError) in
          .value(try ONNXValue(tensor, "attribute \(proto.name.quoted) of \(node.title)", external: external))
        }
      case .graph: try proto.graph.map { (graph) throws(DataError) in .graph(try body(graph, of: node)) }
      }
    guard let value else {
      throw node.unsupported("its attribute \(proto.name.quoted) is not of the kind \(kind.rawValue)")
    }
    node.attributes[proto.name] = value
  }
}
