import Foundation
import Refrain
import RefrainData
import SwiftProtobuf

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
  public enum Attribute: Sendable {
    case integer(Int)
    case float(Float)
    case text(String)
    case integers([Int])
    case floats([Float])
    case texts([String])
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

  private var graph = Onnx_GraphProto()
  private var names: Set<String> = []
  private var shapes: [[Int]: ONNXGraphValue] = [:]
  /// What a value is the transpose of, first two axes swapped.
  private var swaps: [ONNXGraphValue: ONNXGraphValue] = [:]
  /// For truth values of steps, their order without gaps.
  var orders: [ONNXGraphValue: ONNXStepOrder] = [:]
  /// Of which value, and by which order, another has the steps.
  var ordered: [ONNXGraphValue: (value: ONNXGraphValue, order: ONNXGraphValue)] = [:]
  private var results: [(name: String, value: ONNXGraphValue)] = []

  init(_ options: ONNXExportOptions) throws(DataError) {
    let versions = ONNXExportOptions.versions
    guard versions.contains(options.opset) else {
      throw DataError(
        .unsupportedContent, "version \(options.opset) of ONNX's operators cannot be written",
        remedy: "choose one from \(versions.lowerBound) to \(versions.upperBound)")
    }
    self.options = options
  }

  /// Stops an export that ONNX has no operators for.
  static func check(_ obstacles: [String]) throws(DataError) {
    guard !obstacles.isEmpty else { return }
    throw DataError(
      .unsupportedContent, "ONNX has no operator for \(obstacles.joined(separator: ", "))",
      remedy: "export the cells \(exportableCells.joined(separator: ", "))")
  }

  // MARK: - Values

  /// Adds an operator with one result.
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
    let result = ONNXGraphValue(name: unique(operation.lowercased()), type: type, rank: rank)
    addNode(operation, inputs, [result], attributes)
    return result
  }

  /// Adds an operator with several results of one type, given by their ranks.
  public mutating func add(
    _ operation: String, _ inputs: [ONNXGraphValue?], ranks: [Int], _ attributes: [String: Attribute] = [:]
  ) -> [ONNXGraphValue] {
    let name = unique(operation.lowercased())
    let results = ranks.enumerated().map { index, rank in
      ONNXGraphValue(name: "\(name).\(index)", type: inputs.first??.type ?? .float32, rank: rank)
    }
    addNode(operation, inputs, results, attributes)
    return results
  }

  /// A tensor that is stored with the model.
  public mutating func weight(_ name: String, _ tensor: Tensor) -> ONNXGraphValue {
    var stored = Onnx_TensorProto()
    stored.dims = tensor.shape.map(Int64.init)
    stored.dataType = Int32(Onnx_TensorProto.DataType.float.rawValue)
    var bytes = Data(capacity: 4 * tensor.count)
    for value in tensor.values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
    stored.rawData = bytes
    return store(stored, name, .float32, rank: tensor.rank)
  }

  /// A number.
  public mutating func scalar(_ value: Float) -> ONNXGraphValue { weight("constant", Tensor([value], shape: [])) }

  /// A list of whole numbers, such as a shape or axes.
  public mutating func integers(_ values: [Int]) -> ONNXGraphValue {
    if let known = shapes[values] { return known }
    var stored = Onnx_TensorProto()
    stored.dims = [Int64(values.count)]
    stored.dataType = Int32(Onnx_TensorProto.DataType.int64.rawValue)
    stored.int64Data = values.map(Int64.init)
    let value = store(stored, "integers", .int64, rank: 1)
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

  // MARK: - Ports

  /// A new input of the model.
  public mutating func addInput(_ name: String, _ type: ElementType, _ shape: [Extent]) -> ONNXGraphValue {
    let value = ONNXGraphValue(name: unique(name), type: type, rank: shape.count)
    graph.input.append(.port(value.name, type, shape))
    return value
  }

  /// A new output of the model, after the others or before them.
  public mutating func addOutput(
    _ name: String, _ value: ONNXGraphValue, _ shape: [Extent], isFirst: Bool = false
  ) {
    let name = unique(name)
    graph.output.insert(.port(name, value.type, shape), at: isFirst ? 0 : graph.output.count)
    results.append((name, value))
  }

  /// Has the model take `lengths` where they are asked for.
  mutating func addLengths() {
    if options.lengths { steps.lengths = addInput("lengths", .int64, [.named("batch")]) }
  }

  // MARK: - The file

  /// The file, without what nothing depends on.
  func bytes() throws(DataError) -> [UInt8] {
    var model = Onnx_ModelProto()
    model.irVersion = Int64(options.formatVersion)
    model.producerName = "Refrain"
    var operators = Onnx_OperatorSetIdProto()
    operators.version = Int64(options.opset)
    model.opsetImport = [operators]
    model.graph = finished()
    guard let bytes: [UInt8] = try? model.serializedBytes() else {
      throw DataError(.unwritableFile, "the model is too large for an ONNX file")
    }
    return bytes
  }

  private func finished() -> Onnx_GraphProto {
    var graph = graph
    graph.name = "refrain"
    for (name, value) in results {
      // A node of its own: the value may be an input, and go to several outputs.
      graph.node.append(.node("Identity", name, [value.name], [name], [:]))
    }
    var needed = Set(results.map(\.name))
    graph.node = graph.node.reversed().filter { node in
      let isNeeded = node.output.contains { needed.contains($0) }
      if isNeeded { needed.formUnion(node.input) }
      return isNeeded
    }.reversed()
    // A recurrent operator may leave results out; of others a missing one would be no graph.
    for index in graph.node.indices where ["LSTM", "GRU", "RNN"].contains(graph.node[index].opType) {
      let unused = graph.node[index].output.map { needed.contains($0) ? $0 : "" }
      graph.node[index].output = Array(unused.reversed().drop { $0.isEmpty }.reversed())
    }
    graph.initializer.removeAll { !needed.contains($0.name) }
    graph.input.removeAll { $0.name == "lengths" && !needed.contains($0.name) }
    return graph
  }

  private mutating func addNode(
    _ operation: String, _ inputs: [ONNXGraphValue?], _ outputs: [ONNXGraphValue], _ attributes: [String: Attribute]
  ) {
    let name = "node_\(graph.node.count)"
    graph.node.append(.node(operation, name, inputs.map { $0?.name ?? "" }, outputs.map(\.name), attributes))
  }

  private mutating func store(
    _ tensor: Onnx_TensorProto, _ name: String, _ type: ElementType, rank: Int
  ) -> ONNXGraphValue {
    var tensor = tensor
    tensor.name = unique(name)
    graph.initializer.append(tensor)
    return ONNXGraphValue(name: tensor.name, type: type, rank: rank)
  }

  /// The name itself where it is new, else with a number.
  private mutating func unique(_ name: String) -> String {
    var (candidate, count) = (name, 1)
    while !names.insert(candidate).inserted {
      count += 1
      candidate = "\(name)_\(count)"
    }
    return candidate
  }
}
