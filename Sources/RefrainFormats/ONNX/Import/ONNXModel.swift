import Refrain
import RefrainData
import RefrainFoundation

/// A model from a file in ONNX, to run and to train further.
///
///     var model = try ONNXModel(contentsOf: "speech.onnx")
///     let scores = try model(features)
///
/// Its tensors are the initializers of floats, under their names, so
/// ``valueAndGradient(at:training:checkpointInterval:of:)`` and every optimizer work on it as on any other model.
/// Graphs of the standard operators run, from operator set 7 on; floats of every precision are computed as 32-bit ones.
///
/// A run checks every shape: nothing that a file or an input holds stops the program.
public struct ONNXModel: Module {
  let graph: ONNXGraph
  /// The values of the initializers of floats, in the order of the graph.
  private var values: [Tensor]
  private var isLearned: [Bool]

  /// The most elements a value may have in between, and places where it has no elements. A run that would make a larger
  /// one throws: graphs can ask for memory without end; all values that are there at a time must fit the memory budget
  /// (`MemoryBudget`). Within loops a sixteenth of this number of nodes may run.
  public var largestValue = 1 << 28
  /// How often all loops of a run together may go around: a condition may stay true for ever.
  var mostIterations = 1 << 22

  /// Reads a file, and files with values beside it.
  ///
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`, or what ``init(bytes:)`` throws.
  public init(contentsOf path: String) throws(DataError) {
    do throws(DataError) {
      let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
      try self.init(ONNXReader.message(readFile(path)), folder: folder)
    } catch {
      throw error.inFile(path)
    }
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: `wrongFormat` when this is another kind of file, `damagedFile` when the graph contradicts itself,
  ///   `unsupportedContent` when it holds what cannot run; all operators that are missing are named at once.
  public init(bytes: [UInt8]) throws(DataError) {
    try self.init(ONNXReader.message(bytes))
  }

  /// Takes the messages of a file.
  ///
  /// - Parameter folder: where the file lies; nil if it may have no files beside it.
  init(_ message: ONNXMessage.Model, folder: String? = nil) throws(DataError) {
    graph = try ONNXReader.read(message, folder: folder)
    values = graph.parameters.map { $0.value.asTensor }
    let constant = graph.constantParameters
    isLearned = graph.parameters.map { !constant.contains($0.name) }
  }

  // MARK: - What is learned

  /// The names of the initializers of floats, in their order.
  public var parameterNames: [String] { graph.parameters.map(\.name) }

  /// The names of those that are learned, the tensors of this group. At first these are all that can be weights: a
  /// single number is none, nor what stands only in the place of running statistics, of bounds or of a state before the
  /// first step.
  public var learnedNames: Set<String> {
    get { Set(zip(graph.parameters, isLearned).filter(\.1).map(\.0.name)) }
    set { isLearned = graph.parameters.map { newValue.contains($0.name) } }
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    for index in values.indices where isLearned[index] { try body(graph.parameters[index].name, &values[index]) }
  }

  /// What lies where before the first node.
  var initializers: [(slot: Int, value: ONNXValue)] { graph.constants + values.indices.map { parameter($0) } }

  /// An initializer of floats and where its value lies.
  private func parameter(_ index: Int) -> (slot: Int, value: ONNXValue) {
    let parameter = graph.parameters[index]
    return (parameter.slot, ONNXValue(values[index], type: parameter.value.type))
  }
}

extension ONNXModel: RunnableModel {
  public var inputs: [ModelPort] { graph.inputs.map(\.port) }
  public var outputs: [ModelPort] { graph.outputs.map(\.port) }

  public func run(_ inputs: [String: NumericArray]) throws(DataError) -> [String: NumericArray] {
    var given: [String: ONNXValue] = [:]
    for (name, array) in inputs { given[name] = ONNXValue(try widened(checked(array, name), name)) }
    return try results(for: given).mapValues(\.array)
  }

  /// The outputs as tensors, through which gradients flow back to the model's tensors and to the inputs.
  ///
  /// - Parameter inputs: for inputs of whole numbers, tensors of these, as Refrain keeps indices.
  /// - Throws: `wrongInput` when an input is missing, unknown, or does not fit.
  public func callAsFunction(_ inputs: [String: Tensor]) throws(DataError) -> [String: Tensor] {
    var given: [String: ONNXValue] = [:]
    for (name, tensor) in inputs {
      let type = self.inputs.first { $0.name == name }?.type ?? .float32
      guard type.isFloat || tensor.values.allSatisfy({ $0 == $0.rounded() && $0.isFinite }) else {
        throw DataError(
          .wrongInput, "the input \(name.quoted) is of type \(type.onnxName), and not all its values are whole numbers")
      }
      given[name] = type.isFloat ? ONNXValue(tensor, type: type) : ONNXValue(tensor).cast(to: type)
    }
    return try results(for: given).mapValues(\.asTensor)
  }

  /// The first output for the first input, for a model that wants no other.
  ///
  /// - Throws: `wrongInput` when the model wants several inputs, or this one does not fit.
  public func callAsFunction(_ input: Tensor) throws(DataError) -> Tensor {
    let wanted = inputs.filter { !$0.isOptional }
    guard wanted.count == 1 else {
      throw DataError(
        .wrongInput, "the model has \(wanted.count) inputs: \(wanted.map(\.name.quoted).joined(separator: ", "))",
        remedy: "give each under its name")
    }
    return try self([wanted[0].name: input])[outputs[0].name] ?? Tensor(0)
  }

  private func checked(_ array: NumericArray, _ name: String) throws(DataError) -> NumericArray {
    let isOfItsType =
      switch array.values {
      case .floats: array.type.isFloat
      case .integers: !array.type.isFloat && array.type != .bool
      case .booleans: array.type == .bool
      }
    guard isBounded(array.shape) else {
      throw DataError(.wrongInput, "the input \(name.quoted) has the impossible shape \(array.shape)")
    }
    guard isOfItsType, elementCount(of: array.shape) == array.values.count else {
      throw DataError(
        .wrongInput, "the input \(name.quoted) has values that are not of its type or do not fill its shape")
    }
    return array
  }

  /// Whole numbers in the type that the model wants of them, where that has them all.
  private func widened(_ array: NumericArray, _ name: String) -> NumericArray {
    guard let type = self.inputs.first(where: { $0.name == name })?.type, type != array.type,
      let own = array.type.range, let wanted = type.range, wanted.contains(own.lowerBound),
      wanted.contains(own.upperBound)
    else { return array }
    return NumericArray(type: type, shape: array.shape, values: array.values)
  }

  /// Runs the graph.
  private func results(for inputs: [String: ONNXValue]) throws(DataError) -> [String: ONNXValue] {
    var places = [ONNXValue?](repeating: nil, count: graph.slots)
    for (slot, value) in graph.constants { places[slot] = value }
    for index in values.indices {
      let (slot, value) = parameter(index)
      places[slot] = value
    }
    try place(inputs, in: &places)
    try graph.run(&places, ONNXLimits(largestValue: largestValue, mostIterations: mostIterations))
    var results: [String: ONNXValue] = [:]
    for output in graph.outputs {
      guard places[output.slot]?.sequence == nil else {
        throw DataError(.unsupportedContent, "the output \(output.port.name.quoted) is a sequence, not an array")
      }
      results[output.port.name] = places[output.slot]
    }
    return results
  }

  /// Checks the inputs against what the model expects.
  private func place(_ inputs: [String: ONNXValue], in places: inout [ONNXValue?]) throws(DataError) {
    let names = Set(graph.inputs.map(\.port.name))
    for name in inputs.keys.sorted() where !names.contains(name) {
      throw DataError(.wrongInput, "the model has no input \(name.quoted)", remedy: "it has \(inputsText)")
    }
    for input in graph.inputs {
      let port = input.port
      guard let value = inputs[port.name] else {
        if port.isOptional { continue }
        throw DataError(.wrongInput, "the input \(port.name.quoted) is missing", remedy: "the model has \(inputsText)")
      }
      let fits = value.rank == port.shape.count && zip(value.shape, port.shape).allSatisfy { $0 == $1 ?? $0 }
      guard value.type == port.type, fits || !input.hasShape else {
        throw DataError(
          .wrongInput,
          "the input \(port.name.quoted) is of type \(value.type.onnxName) and shape \(value.shape)",
          remedy: "the model has \(inputsText)")
      }
      places[input.slot] = value
    }
  }

  private var inputsText: String {
    let texts = graph.inputs.map { input in
      let port = input.port
      let extents = port.shape.map { $0.map(String.init) ?? "?" }.joined(separator: ", ")
      let shape = input.hasShape ? "[\(extents)]" : "of any shape"
      return "\(port.name.quoted): \(port.type.onnxName) \(shape)"
    }
    return texts.isEmpty ? "no inputs" : texts.joined(separator: "; ")
  }
}
