import Foundation
import RefrainData
import SwiftProtobuf

/// Turns the messages of a file into a graph, and says everything that is wrong with it or missing here.
struct ONNXReader {
  /// The operator sets and the versions of the format that are understood.
  static let opsets = 7...28
  static let formats: ClosedRange<Int64> = 3...14

  private var graph = ONNXGraph()
  private var slots: [String: Int] = [:]
  private var opset = 0
  private var external: ONNXExternalData?
  /// The operators that are not there, each with a node that wants it.
  private var missing: [String] = []

  /// The graph in the bytes of a file.
  ///
  /// - Parameter folder: where the file lies; nil if it may have no files beside it.
  /// - Throws: `wrongFormat`, `damagedFile`, `unsupportedContent`, and for files beside it `missingFile` and
  ///   `unreadableFile`.
  static func read(_ bytes: [UInt8], folder: String?) throws(DataError) -> ONNXGraph {
    var reader = ONNXReader()
    reader.external = folder.map { ONNXExternalData(folder: $0) }
    try reader.read(message(bytes))
    return reader.graph
  }

  /// The messages of a file, whether what they say can run or not.
  static func message(_ bytes: [UInt8]) throws(DataError) -> Onnx_ModelProto {
    guard !bytes.isEmpty else { throw DataError(.wrongFormat, "the file is empty") }
    let checked = bytes.withUnsafeBytes { buffer in
      Result { () throws(DataError) in try ONNXWireCost.check(buffer) }
    }
    try checked.get()
    do {
      let model = try Onnx_ModelProto(serializedBytes: bytes)
      if model.hasIrVersion, model.hasGraph { return model }
    } catch {
      throw .notONNX("its messages cannot be decoded")
    }
    throw .notONNX("it has no version or no graph")
  }

  private mutating func read(_ model: Onnx_ModelProto) throws(DataError) {
    guard Self.formats.contains(model.irVersion) else {
      throw DataError(
        .unsupportedContent, "the model has ONNX's format version \(model.irVersion), outside of \(Self.formats)",
        remedy: model.irVersion > Self.formats.upperBound ? "update Refrain" : "convert it with onnx.version_converter")
    }
    for domain in model.opsetImport where domain.domain.isEmpty || domain.domain == "ai.onnx" {
      opset = Int(domain.version)
    }
    guard Self.opsets.contains(opset) else {
      throw DataError(
        .unsupportedContent, "the model is written for operator set \(opset), outside of \(Self.opsets)",
        remedy: opset > Self.opsets.upperBound ? "update Refrain" : "convert it with onnx.version_converter")
    }
    let proto = model.graph
    guard proto.sparseInitializer.isEmpty else {
      throw DataError(.unsupportedContent, "the model has sparse initializers", remedy: "export them dense")
    }
    try readInitializers(proto)
    try readInputs(proto)
    for (index, node) in proto.node.enumerated() { try readNode(node, index) }
    guard missing.isEmpty else {
      throw DataError(
        .unsupportedContent, "these operators are not supported: \(missing.joined(separator: ", "))",
        remedy: "export the model without them")
    }
    try readOutputs(proto)
    graph.slots = slots.count
    graph.findFinished()
  }

  private mutating func define(_ name: String, _ what: String) throws(DataError) -> Int {
    guard !name.isEmpty, slots[name] == nil else {
      throw DataError(.damagedFile, "\(what) \(name.quoted) has no name, or one that something else has too")
    }
    slots[name] = slots.count
    return slots.count - 1
  }

  private mutating func readInitializers(_ proto: Onnx_GraphProto) throws(DataError) {
    for tensor in proto.initializer {
      let title = "initializer \(tensor.name.quoted)"
      let slot = try define(tensor.name, "the initializer")
      let value = try ONNXValue(tensor, title, external: external)
      if value.type.isFloat {
        graph.parameters.append((tensor.name, slot, value))
      } else {
        graph.constants.append((slot, value))
      }
    }
  }

  private mutating func readInputs(_ proto: Onnx_GraphProto) throws(DataError) {
    let initialized = Set(proto.initializer.map(\.name))
    var seen: Set<String> = []
    for input in proto.input {
      let isOptional = initialized.contains(input.name)
      let slot = isOptional ? slots[input.name] ?? 0 : try define(input.name, "the input")
      guard seen.insert(input.name).inserted else {
        throw DataError(.damagedFile, "there are two inputs \(input.name.quoted)")
      }
      graph.inputs.append(try port(input, isOptional: isOptional, slot))
    }
  }

  private mutating func readOutputs(_ proto: Onnx_GraphProto) throws(DataError) {
    var seen: Set<String> = []
    for output in proto.output {
      guard let slot = slots[output.name], seen.insert(output.name).inserted else {
        throw DataError(.damagedFile, "the output \(output.name.quoted) comes from no node, or is named twice")
      }
      graph.outputs.append(try port(output, isOptional: false, slot))
    }
    guard !graph.outputs.isEmpty else { throw DataError(.damagedFile, "the model has no outputs") }
  }

  private func port(_ proto: Onnx_ValueInfoProto, isOptional: Bool, _ slot: Int) throws(DataError) -> ONNXPort {
    let title = "the input or output \(proto.name.quoted)"
    guard case .tensorType(let tensor) = proto.type.value else {
      throw DataError(.unsupportedContent, "\(title) is no tensor, or has no type")
    }
    guard let type = ElementType(onnx: tensor.elemType) else {
      throw DataError(
        .unsupportedContent, "\(title) is of type \(ElementType.onnxName(of: tensor.elemType)), which is not supported")
    }
    let shape = tensor.shape.dim.map { dimension -> Int? in
      guard case .dimValue(let extent) = dimension.value, extent > 0 else { return nil }
      return Int(extent)
    }
    return ONNXPort(
      port: ModelPort(name: proto.name, type: type, shape: shape, isOptional: isOptional), hasShape: tensor.hasShape,
      slot: slot)
  }

  // MARK: - Nodes

  private mutating func readNode(_ proto: Onnx_NodeProto, _ index: Int) throws(DataError) {
    let first = proto.output.first { !$0.isEmpty } ?? "number \(index)"
    let name = proto.name.isEmpty ? first : proto.name
    let isStandard = proto.domain.isEmpty || proto.domain == "ai.onnx"
    let inputs = try proto.input.map { (input) throws(DataError) -> Int? in
      if input.isEmpty { return nil }
      guard let slot = slots[input] else {
        throw DataError(
          .damagedFile, "node \(name.quoted): nothing before it makes its input \(input.quoted)",
          remedy: "export the model again; nodes must stand in the order in which they run")
      }
      return slot
    }
    let outputs = try proto.output.map { (output) throws(DataError) -> Int? in
      output.isEmpty ? nil : try define(output, "the result")
    }
    guard isStandard, let implementation = ONNXOperators.all[proto.opType] else {
      // So that the message names every one, and ends.
      if missing.count < 50 {
        let full = (isStandard ? "" : proto.domain.onOneLine + ".") + proto.opType.onOneLine
        let why = ONNXOperators.controlFlow.contains(proto.opType) ? ", which runs a graph of its own" : ""
        missing.append("\(full) (node \(name.quoted)\(why))")
      }
      return
    }
    var node = ONNXNode(
      name: name, operation: proto.opType, opset: opset, inputs: inputs, outputs: outputs, attributes: [:],
      implementation: implementation)
    while node.inputs.last == .some(nil) { node.inputs.removeLast() }
    while node.outputs.last == .some(nil) { node.outputs.removeLast() }
    guard implementation.inputs.contains(node.inputs.count), node.outputs.count <= implementation.outputs else {
      throw node.unsupported("\(node.inputs.count) inputs and \(node.outputs.count) outputs are not what it has")
    }
    for attribute in proto.attribute { try readAttribute(attribute, of: &node) }
    try implementation.check?(node)
    graph.nodes.append(node)
  }

  private func readAttribute(_ proto: Onnx_AttributeProto, of node: inout ONNXNode) throws(DataError) {
    guard let kind = node.implementation.attributes[proto.name] else {
      throw node.unsupported("its attribute \(proto.name.quoted) is not supported")
    }
    let value: ONNXAttribute? =
      switch kind {
      case .integer: proto.hasI ? .integer(Int(proto.i)) : nil
      case .float: proto.hasF ? .float(proto.f) : nil
      case .string: proto.hasS ? String(data: proto.s, encoding: .utf8).map { .string($0) } : nil
      case .integers: .integers(proto.ints.map { Int($0) })
      case .floats: .floats(proto.floats)
      case .strings: .strings(proto.strings.map { String(decoding: $0, as: UTF8.self) })
      case .value:
        proto.hasT
          ? .value(try ONNXValue(proto.t, "attribute \(proto.name.quoted) of \(node.title)", external: external)) : nil
      }
    guard let value else {
      throw node.unsupported("its attribute \(proto.name.quoted) is not of the kind \(kind.rawValue)")
    }
    node.attributes[proto.name] = value
  }
}
