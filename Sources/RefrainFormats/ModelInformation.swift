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

    /// A table under a heading.
    public init(title: String, columns: [String], rows: [[Value]]) {
      (self.title, self.columns, self.rows) = (title, columns, rows)
    }
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

  /// What is said in a line each.
  public private(set) var facts: [(name: String, value: String)]
  /// What is said in tables.
  public private(set) var tables: [Table] = []

  /// Says of what kind the file is; the format adds the rest.
  public init(format title: String) { facts = [("Format", title)] }

  /// Adds a line.
  public mutating func addFact(_ name: String, _ value: String) { facts.append((name, value)) }

  /// Adds a table.
  public mutating func addTable(_ table: Table) { tables.append(table) }

  /// Adds the notes that a safetensors file has.
  package mutating func addMetadata(_ metadata: [String: String]) {
    for (name, text) in metadata.sorted(by: { $0.key < $1.key }) where name != "description" {
      facts.append((name == "format" ? "Written by" : name, text))
    }
  }

  /// Adds the names, types and shapes of arrays.
  ///
  /// - Parameter others: those of types that cannot be read.
  package mutating func addTensors(
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

  /// Adds the tensors of a model.
  package mutating func addTensors(of model: some TensorGroup) {
    addTensors(model.namedTensors.map { ($0.name, NumericArray($0.tensor.values, shape: $0.tensor.shape)) })
  }

  /// Adds the layers of a model, and what goes in and comes out.
  package mutating func addLayers(of model: Sequential) {
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
  mutating func addState(_ state: StateDictionary) {
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
      let parts = state.parts
      let choice = parts.isEmpty ? "" : "; for run and convert " + StateDictionary.choice(among: parts)
      facts.append(("Layers", "not found: \(error.problem)\(choice)"))
    }
  }

  /// Adds what goes into a model and comes out of it.
  package mutating func addPorts(_ model: some RunnableModel) {
    func rows(_ ports: [ModelPort]) -> [[Value]] { ports.map { [.text($0.name), .port($0)] } }
    tables.append(Table(title: "Inputs", columns: ["Name", "Takes"], rows: rows(model.inputs)))
    tables.append(Table(title: "Outputs", columns: ["Name", "Gives"], rows: rows(model.outputs)))
  }

  /// Adds what a graph of ONNX is made of.
  mutating func addGraph(_ message: ONNXMessage.Model) {
    facts.append(("IR version", "\(message.formatVersion ?? 0)"))
    let opsets = message.operatorSets.map { "\($0.domain.isEmpty ? "ai.onnx" : $0.domain) \($0.version ?? 0)" }
    facts.append(("Operator set", opsets.joined(separator: ", ")))
    let producer = [message.producerName, message.producerVersion].filter { !$0.isEmpty }
    if !producer.isEmpty { facts.append(("Written by", producer.joined(separator: " "))) }
    for entry in message.metadata { facts.append((entry.key, entry.value)) }
    let graph = message.graph ?? ONNXMessage.Graph()
    let initializers = graph.initializers
    // A hostile file may claim any extents.
    let counts = initializers.map { elementCount(of: $0.shape) ?? 0 }
    facts.append(("Parameters", "\(counts.reduce(0) { $0.addingReportingOverflow($1).partialValue })"))
    do throws(DataError) {
      addPorts(try ONNXModel(message))
    } catch  where error.code == .unsupportedContent {
      facts.append(("Runs here", "no: \(error.problem)"))
    } catch {
      facts.append(("Runs here", "not without the files beside it, or not at all: \(error.problem)"))
    }
    var operators: [String: Int] = [:]
    func count(_ nodes: [ONNXMessage.Node]) {
      for node in nodes {
        operators[node.operation, default: 0] += 1
        for attribute in node.attributes { count(attribute.graph?.nodes ?? []) }
      }
    }
    count(graph.nodes)
    tables.append(
      Table(
        title: "Operators", columns: ["Operator", "Nodes"],
        rows: operators.sorted { $0.key < $1.key }.map { [.text($0.key), .number($0.value)] }))
    tables.append(
      Table(
        title: "Initializers", columns: ["Name", "Shape"],
        rows: initializers.map { [.text($0.name), .shape($0.shape)] }))
  }
}
