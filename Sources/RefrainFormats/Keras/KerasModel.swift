import Refrain
import RefrainData

/// What a Keras model's config says: its layers, as Refrain's without weights, and where their weights are.
struct KerasModel {
  /// A layer and where its arrays are.
  struct Entry {
    var part: KerasPart
    /// The group of the arrays, as Keras 3 counts layers by their classes, and as it is by their names.
    var path: String
    var namedPath: String
    /// The names of the models around it, from the outermost but one, and its own.
    var names: [String]
  }

  /// More elements than an input, or what a layer gives, ever has for one example.
  static let largest = 1 << 40
  /// What the weights say of the size of the input.
  private let inputSize: Int?
  /// The deepest that models lie in each other.
  private static let deepest = 16

  /// The shape of the input with the batch.
  private var inputShape: [Int?]?
  private(set) var entries: [Entry] = []
  private var problems: [String] = []
  /// The shape of what the layers so far give; nil where it is not known.
  private var shape: [Int?]?
  /// Whether some steps may be masked where the layers so far end.
  private var isMasked = false
  /// The first number of the version of Keras.
  private let version: Int
  /// What is to be said of the model, though it is read.
  private(set) var notes: [String] = []

  /// - Parameters:
  ///   - config: the config.
  ///   - version: the first number of the version of Keras that wrote it.
  ///   - inputSize: what the weights say of the size of the input at one step, where the config says nothing.
  /// - Throws: `unsupportedContent`, naming everything that Refrain has no counterpart for; `damagedFile`.
  init(config: JSONValue, version: Int = 3, inputSize: Int? = nil) throws(DataError) {
    self.version = version
    self.inputSize = inputSize
    add(config, under: "", named: "", names: [])
    if inputShape == nil { problems.append("the model does not say the shape of its input") }
    guard problems.isEmpty else {
      throw DataError(
        .unsupportedContent, "the Keras model has what Refrain has not: \(listed(problems))",
        remedy:
          "change these layers in Keras, or convert the model to ONNX with tf2onnx, and give that to 'refrain run'")
    }
  }

  /// The model with its weights.
  ///
  /// - Throws: `damagedFile` when arrays are missing, misshapen or left over.
  func sequential(_ tree: HDF5Tree) throws(DataError) -> Sequential {
    let weights = KerasWeights(tree)
    let usesNames = usesNames(weights)
    var layers: [any Layer] = []
    var shape = inputShape ?? []
    for entry in entries {
      var layer = entry.part.layer
      if var own = layer as? any KerasLayer {
        own.take(
          KerasGroup(
            weights: weights, path: usesNames ? entry.namedPath : entry.path, hasBias: entry.part.hasBias,
            hasGain: entry.part.hasGain, isCell: entry.part.isCell), inputShape: shape)
        layer = own
      }
      layers.append(layer)
      // What it gives is known: it was asked when the config was read.
      if let next = try? layer.outputShape(for: shape) { shape = next }
    }
    try weights.finish()
    return Sequential(inputShape: inputShape ?? [], builtLayers: layers)
  }

  /// Whether the groups of layers have the layers' names, as in some versions, and not those of their classes.
  private func usesNames(_ weights: KerasWeights) -> Bool {
    let owners = entries.filter { entry in
      guard let layer = entry.part.layer as? any KerasLayer else { return false }
      return !layer.kerasNames(hasBias: entry.part.hasBias, hasGain: entry.part.hasGain).isEmpty
    }
    return !owners.allSatisfy { weights.hasGroup($0.path) } && owners.allSatisfy { weights.hasGroup($0.namedPath) }
  }

  // MARK: - Reading

  /// Adds the layers of a model, which lies in another one where `prefix` is not empty.
  private mutating func add(_ model: JSONValue, under prefix: String, named namedPrefix: String, names: [String]) {
    // A Sequential of before Keras 2.2.3 is a list alone.
    var layers = model["config"].array ?? model["config"]["layers"].array ?? []
    let kind = model["class_name"].string ?? "?"
    guard names.count < Self.deepest else { return problems.append("models lie more than \(Self.deepest) deep") }
    switch kind {
    case "Sequential": break
    case "Functional", "Model":
      let finders = Self.maskFinders(in: layers)
      layers.removeAll { finders.contains($0["name"].string ?? "") }
      layers = Self.ordered(layers, model["config"])
      checkChain(layers, model["config"])
    default: return problems.append("the model is of the class \(kind.quoted), not Sequential or Functional")
    }
    var counts = KerasNames()
    if layers.first?["class_name"].string != "InputLayer" { setInput(ofFirst: layers.first ?? .null, model) }
    for (index, layer) in layers.enumerated() {
      let (kerasClass, config) = renewedKeras(layer, version: version)
      let name = config["name"].string ?? layer["name"].string ?? "?"
      let path = prefix + "layers/" + counts.next(kerasClass)
      let namedPath = namedPrefix + "layers/" + name
      switch kerasClass {
      case "InputLayer" where index == 0: setInput(kerasInputShape(kerasClass, config))
      case "Sequential", "Functional", "Model":
        add(layer, under: path + "/", named: namedPath + "/", names: names + [name])
      default:
        add(
          kerasClass, config,
          Entry(part: KerasPart(layer: Flatten()), path: path, namedPath: namedPath, names: names + [name]))
      }
    }
  }

  /// Takes the shape of the input from the first layer, the model or the weights.
  private mutating func setInput(ofFirst layer: JSONValue, _ model: JSONValue) {
    let (kerasClass, config) = renewedKeras(layer, version: version)
    if ["Sequential", "Functional", "Model"].contains(kerasClass) { return }
    let candidates = [
      kerasInputShape(kerasClass, config), model["config"]["build_input_shape"], layer["build_config"]["input_shape"],
      model["build_config"]["input_shape"],
    ]
    if let shape = candidates.first(where: { $0.array?.isEmpty == false }) { return setInput(shape) }
    guard let inputSize else { return }
    setInput(
      kerasClass == "Dense" ? [nil, .init(integerLiteral: inputSize)] : [nil, nil, .init(integerLiteral: inputSize)])
  }

  /// Takes the shape of the input, unless it is known already.
  private mutating func setInput(_ batchShape: JSONValue) {
    guard inputShape == nil, let sizes = batchShape.array else { return }
    let known = sizes.dropFirst().filter { $0 != .null }.map { $0.integer ?? 0 }
    guard (2...6).contains(sizes.count), known.allSatisfy({ $0 > 0 }), (elementCount(of: known) ?? .max) <= Self.largest
    else { return problems.append("the input has the shape \(String(batchShape.text.prefix(60)).onOneLine)") }
    inputShape = [nil] + sizes.dropFirst().map(\.integer)
    shape = inputShape
  }

  private mutating func add(_ kerasClass: String, _ config: JSONValue, _ place: Entry) {
    var options = KerasOptions(kerasClass, config, version: version)
    let parts = options.makeParts(kerasClass, shape: shape)
    if parts == nil && options.problems.isEmpty { options.note("Refrain has no such layer") }
    notes += options.remarks
    guard let parts, options.problems.isEmpty else {
      problems += options.problems
      shape = nil
      return
    }
    for part in parts {
      checkMask(part.layer, options)
      follow(part.layer, options)
      var entry = place
      entry.part = part
      if !part.path.isEmpty {
        entry.path += "/" + part.path
        entry.namedPath += "/" + part.path
      }
      entries.append(entry)
    }
  }

  /// Finds the shape that the layer gives.
  private mutating func follow(_ layer: any Layer, _ options: KerasOptions) {
    guard let before = shape else { return }
    shape = nil
    do throws(LayerError) {
      let after = try layer.outputShape(for: before)
      guard let count = elementCount(of: after.compactMap(\.self)), count <= Self.largest else {
        return problems.append("\(options.layer): its output is too large")
      }
      shape = after
    } catch {
      problems.append("\(options.layer): \(error.description)")
    }
  }

  /// Keeps account of whether there may be masked steps, which layers must know of that read more than one.
  private mutating func checkMask(_ layer: any Layer, _ options: KerasOptions) {
    switch layer {
    case is Masking: isMasked = true
    case let embedding as Embedding: isMasked = isMasked || embedding.configuration.maskZero == true
    case let recurrent as any RecurrentLayer: isMasked = isMasked && recurrent.returning == .everyStep
    case is Dense, is Dropout, is LayerNorm, is BatchNorm, is GaussianNoise: break
    case let activate as Activate where ![.softmax, .logSoftmax].contains(activate.configuration.activation): break
    case let pooling as GlobalPooling1D where pooling.configuration.function == .average: isMasked = false
    default:
      if isMasked { problems.append("\(options.layer): it follows a mask, of which it takes no account in Refrain") }
    }
  }

  /// Every layer of a functional model must read the one before it, and nothing else.
  private mutating func checkChain(_ layers: [JSONValue], _ config: JSONValue) {
    var previous: String?
    for layer in layers {
      let name = layer["name"].string ?? "?"
      let nodes = layer["inbound_nodes"].array ?? []
      if let previous {
        let inputs = nodes.flatMap { Self.inputs(of: $0) }
        if nodes.count != 1 || inputs != [previous] {
          problems.append("the layer \(name.quoted) does not read the layer before it alone; only chains are read")
        }
      } else if !nodes.isEmpty {
        problems.append("the first layer \(name.quoted) reads another one")
      }
      previous = name
    }
    let outputs = Self.ends(config["output_layers"])
    if outputs != [previous ?? ""] || Self.ends(config["input_layers"]).count != 1 {
      problems.append("the model does not have one input and one output, that of its last layer")
    }
  }

  /// The names of the operations by which a functional model finds the steps that `Masking` and `Embedding` mask:
  /// Refrain's layers find them by themselves.
  private static func maskFinders(in layers: [JSONValue]) -> Set<String> {
    struct Mask: Hashable {
      var source: [String]
      var value: Double
    }
    func source(_ layer: JSONValue) -> [String] { inputs(of: layer["inbound_nodes"].array?.first ?? .null) }
    var masks: Set<Mask> = []
    for layer in layers {
      switch layer["class_name"].string {
      case "Masking": masks.insert(Mask(source: source(layer), value: layer["config"]["mask_value"].number ?? 0))
      case "Embedding" where layer["config"]["mask_zero"] == true: masks.insert(Mask(source: source(layer), value: 0))
      default: break
      }
    }
    var names: Set<String> = []
    for layer in layers {
      let name = layer["name"].string ?? ""
      let value = layer["inbound_nodes"].array?.first?["args"].array?.last?.number
      switch layer["class_name"].string {
      case "NotEqual": if let value, masks.contains(Mask(source: source(layer), value: value)) { names.insert(name) }
      case "Any": if source(layer).allSatisfy(names.contains) { names.insert(name) }
      default: break
      }
    }
    return names
  }

  /// The layers of a functional model in the order in which they follow each other, where that is one chain.
  private static func ordered(_ layers: [JSONValue], _ config: JSONValue) -> [JSONValue] {
    var readers: [String: [Int]] = [:]
    for (index, layer) in layers.enumerated() {
      for name in Set((layer["inbound_nodes"].array ?? []).flatMap { inputs(of: $0) }) {
        readers[name, default: []].append(index)
      }
    }
    let firsts = layers.filter { ($0["inbound_nodes"].array ?? []).isEmpty }
    guard firsts.count == 1, var last = firsts.first else { return layers }
    var chain = [last]
    while let next = readers[last["name"].string ?? "?"], next.count == 1, chain.count < layers.count {
      last = layers[next[0]]
      chain.append(last)
    }
    return chain.count == layers.count ? chain : layers
  }

  /// The names of the layers that a node reads; an array of tensors counts for all of them. A mask is no input: Refrain
  /// finds masked steps itself.
  private static func inputs(of node: JSONValue) -> [String] {
    // Before Keras 3 a node is a list of layers' names, each with two numbers, and what else the layer was called with.
    if let tensors = node.array {
      if let name = tensors.first?.string { return [name] }
      return tensors.map { $0.array?.first?.string ?? "?" }
    }
    var found: [String] = []
    func collect(_ value: JSONValue) {
      switch value {
      case .array(let elements):
        for element in elements { collect(element) }
      case .object(let members):
        if members["class_name"]?.string == "__keras_tensor__" {
          let history = value["config"]["keras_history"].array ?? []
          found.append(history.first?.string ?? "?")
        } else {
          for (name, member) in members.sorted(by: { $0.key < $1.key }) where name != "mask" { collect(member) }
        }
      default: break
      }
    }
    collect(node["args"])
    collect(node["kwargs"])
    return found
  }

  /// The layers at which a model begins or ends: `["name", 0, 0]` or a list of these.
  private static func ends(_ value: JSONValue) -> [String] {
    guard let elements = value.array, let first = elements.first else { return [] }
    return first.string.map { [$0] } ?? elements.map { $0.array?.first?.string ?? "?" }
  }
}
