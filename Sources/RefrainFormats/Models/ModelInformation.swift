import Refrain
import RefrainData

/// What is in a file, without running it.
public struct ModelInformation: Sendable {
  /// A table of the file's contents.
  public struct Table: Sendable {
    /// The heading, such as `Tensors`.
    public var title: String
    /// The columns' names.
    public var columns: [String]
    /// As many cells in each as there are columns.
    public var rows: [[Value]]
  }

  /// A cell of a table.
  public enum Value: Sendable, ExpressibleByStringInterpolation {
    /// Words, such as a name.
    case text(String)
    /// A number of things.
    case number(Int)
    /// Extents; one that may change is nil.
    case shape([Int?])
    /// An input or an output: its type, its shape and whether it may be left out.
    case port(ModelPort)

    /// Words.
    public init(stringLiteral text: String) { self = .text(text) }

    /// The value for people.
    public var text: String {
      switch self {
      case .text(let text): text
      case .number(let number): "\(number)"
      case .shape(let shape): ModelPort.text(shape)
      case .port(let port): port.shapeText
      }
    }
  }

  /// The format of the file.
  public let format: ModelFormat
  /// What is said in a line each.
  public private(set) var facts: [(name: String, value: String)] = []
  /// What is said in tables.
  public private(set) var tables: [Table] = []

  /// Reads a file.
  ///
  /// - Throws: `wrongFormat` for a file of another kind, or what reading its format throws. A graph of ONNX need not be
  ///   one that can run.
  public init(contentsOf path: String) throws(DataError) {
    let bytes = try readModelFile(path)
    do throws(DataError) {
      format = try ModelFormat(of: bytes, file: path)
      facts.append(("Format", format.title))
      try read(bytes, path: path)
    } catch {
      throw error.inFile(path)
    }
  }

  private mutating func read(_ bytes: [UInt8], path: String) throws(DataError) {
    switch format {
    case .refrain:
      let file = try SafeTensorsFile(bytes: bytes, file: path)
      addMetadata(file.metadata)
      if case .sequential(let model) = try LoadedModel(contentsOf: path).model { addLayers(of: model) }
      addTensors(file.tensors.map { ($0.name, $0.array) })
    case .safetensors:
      let file = try SafeTensorsFile(bytes: bytes, file: path, listingOthers: true)
      addMetadata(file.metadata)
      if file.others.isEmpty {
        addState(try StateDictionary(bytes: bytes, file: path))
      } else {
        addTensors(file.tensors.map { ($0.name, $0.array) }, others: file.others)
        facts.append(("Layers", "not found: tensors of types that cannot be read are among the arrays"))
      }
    case .pytorch: addState(try StateDictionary(bytes: bytes, file: path))
    case .keras:
      let legacy = bytes.starts(with: HDF5Tree.signature) ? try KerasLegacyFile(bytes: bytes) : nil
      if let writer = legacy?.writer { facts.append(("Written by", writer)) }
      do throws(DataError) {
        let (model, notes) = try KerasFile.readWithNotes(bytes: bytes)
        for note in notes { facts.append(("Note", note)) }
        addLayers(of: model)
        addTensors(model.namedTensors.map { ($0.name, NumericArray($0.tensor.values, shape: $0.tensor.shape)) })
      } catch  where error.code == .unsupportedContent {
        facts.append(("Runs here", "no: \(error.problem)"))
        if let legacy { addTensors(legacy.arrays) }
      }
    case .kerasWeights:
      let file = try KerasLegacyFile(bytes: bytes)
      if let writer = file.writer { facts.append(("Written by", writer)) }
      facts.append(("Layers", "not in the file: \(KerasLegacyFile.withoutModel.remedy ?? "")"))
      addTensors(file.arrays)
    case .onnx: addGraph(try ONNXReader.message(bytes), bytes)
    case .npy: addTensors([("", try NumericArray(npy: bytes, file: path))])
    case .npz:
      let archive = try NumPyArchive(bytes: bytes, file: path)
      addTensors(try archive.names.map { (name) throws(DataError) in (name, try archive.array(name)) })
    }
  }

  private mutating func addMetadata(_ metadata: [String: String]) {
    for (name, text) in metadata.sorted(by: { $0.key < $1.key }) where name != "description" {
      facts.append((name == "format" ? "Written by" : name, text))
    }
  }

  /// - Parameter others: those of types that cannot be read.
  private mutating func addTensors(
    _ tensors: [(name: String, array: NumericArray)], others: [SafeTensorsOther] = []
  ) {
    let count = tensors.reduce(0) { $0 + $1.array.values.count }
    facts.append(("Numbers", "\(count) in \(tensors.count) \(tensors.count == 1 ? "array" : "arrays")"))
    let rows: [[Value]] = tensors.map { [.text($0.name), .text($0.array.type.rawValue), .shape($0.array.shape)] }
    tables.append(
      Table(
        title: "Arrays", columns: ["Name", "Type", "Shape"],
        rows: rows + others.map { [.text($0.name), .text($0.type), .shape($0.shape)] }))
  }

  private mutating func addLayers(of model: Sequential) {
    func kind<L: Layer>(of layer: L) -> String { L.kind }
    facts.append(("Parameters", "\(model.parameterCount)"))
    var shape = model.inputShape
    let rows: [[Value]] = model.layers.enumerated().map { index, layer in
      shape = (try? layer.outputShape(for: shape)) ?? []
      return [.text("\(index) \(kind(of: layer))"), .shape(shape), .number(layer.parameterCount)]
    }
    tables.append(Table(title: "Layers", columns: ["Layer", "Output", "Parameters"], rows: rows))
    addPorts(model)
  }

  /// What is worth knowing of a module of PyTorch's, besides the sizes that its arrays tell.
  private static let moduleOptions: Set<String> = [
    "batch_first", "bidirectional", "dropout", "mode", "nonlinearity", "num_layers", "negative_slope", "alpha", "eps",
    "p",
    "stride", "padding", "dilation", "groups", "approximate",
  ]

  /// The arrays, and the layers where these follow from the names.
  private mutating func addState(_ state: StateDictionary) {
    addTensors(state.entries.map { ($0.name, $0.array) })
    for tensor in state.unread { facts.append(("Not read", tensor)) }
    if !state.modules.isEmpty {
      tables.append(
        Table(
          title: "Modules", columns: ["Name", "Class", "Options"],
          rows: state.modules.prefix(1000).map { module in
            let options = module.attributes.filter { Self.moduleOptions.contains($0.key) }
            return [
              .text(module.name), .text(module.kind),
              .text(options.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")),
            ]
          }))
    }
    do throws(DataError) {
      let inferred = try state.inferredModel()
      for question in inferred.openQuestions { facts.append(("Assumed", question)) }
      addLayers(of: inferred.model)
    } catch {
      facts.append(("Layers", "not found: \(error.problem)"))
    }
  }

  private mutating func addPorts(_ model: some RunnableModel) {
    func rows(_ ports: [ModelPort]) -> [[Value]] { ports.map { [.text($0.name), .port($0)] } }
    tables.append(Table(title: "Inputs", columns: ["Name", "Takes"], rows: rows(model.inputs)))
    tables.append(Table(title: "Outputs", columns: ["Name", "Gives"], rows: rows(model.outputs)))
  }

  private mutating func addGraph(_ message: Onnx_ModelProto, _ bytes: [UInt8]) {
    facts.append(("IR version", "\(message.irVersion)"))
    let opsets = message.opsetImport.map { "\($0.domain.isEmpty ? "ai.onnx" : $0.domain) \($0.version)" }
    facts.append(("Operator set", opsets.joined(separator: ", ")))
    let producer = [message.producerName, message.producerVersion].filter { !$0.isEmpty }
    if !producer.isEmpty { facts.append(("Written by", producer.joined(separator: " "))) }
    for entry in message.metadataProps { facts.append((entry.key, entry.value)) }
    let initializers = message.graph.initializer
    // A hostile file may claim any extents.
    let counts = initializers.map { elementCount(of: $0.dims.map { Int(clamping: $0) }) ?? 0 }
    facts.append(("Parameters", "\(counts.reduce(0) { $0.addingReportingOverflow($1).partialValue })"))
    do throws(DataError) {
      addPorts(try ONNXModel(bytes: bytes))
    } catch  where error.code == .unsupportedContent {
      facts.append(("Runs here", "no: \(error.problem)"))
    } catch {
      facts.append(("Runs here", "not without the files beside it, or not at all: \(error.problem)"))
    }
    var operators: [String: Int] = [:]
    func count(_ nodes: [Onnx_NodeProto]) {
      for node in nodes {
        operators[node.opType, default: 0] += 1
        for attribute in node.attribute where attribute.hasG { count(attribute.g.node) }
      }
    }
    count(message.graph.node)
    tables.append(
      Table(
        title: "Operators", columns: ["Operator", "Nodes"],
        rows: operators.sorted { $0.key < $1.key }.map { [.text($0.key), .number($0.value)] }))
    tables.append(
      Table(
        title: "Initializers", columns: ["Name", "Shape"],
        rows: initializers.map { [.text($0.name), .shape($0.dims.map { Int($0) })] }))
  }
}

extension ModelPort {
  /// Extents as text; one that may change is `?`.
  static func text(_ shape: [Int?]) -> String {
    "[" + shape.map { $0.map(String.init) ?? "?" }.joined(separator: ", ") + "]"
  }
}
