import Refrain
import RefrainData

/// What a Keras model's `config.json` says: its layers, as Refrain's without weights, and where their weights are.
struct KerasModel {
  /// A layer and the group of its arrays.
  fileprivate struct Entry {
    var layer: any Layer
    var path: String
    var options: KerasOptions
  }

  /// More elements than an input, or what a layer gives, ever has for one example.
  static let largest = 1 << 40

  /// The shape of the input with the batch.
  private var inputShape: [Int?]?
  private var entries: [Entry] = []
  private var problems: [String] = []
  /// The shape of what the layers so far give; nil where it is not known.
  private var shape: [Int?]?
  /// Whether some steps may be masked where the layers so far end.
  private var isMasked = false

  /// - Throws: `unsupportedContent`, naming everything that Refrain has no counterpart for; `damagedFile`.
  init(config: JSONValue) throws(DataError) {
    add(config, under: "")
    if inputShape == nil { problems.append("the model does not say the shape of its input") }
    guard problems.isEmpty else {
      throw DataError(
        .unsupportedContent, "the Keras model has what Refrain has not: \(listed(problems))",
        remedy: "change these layers in Keras and save the model again")
    }
  }

  /// The model with its weights.
  ///
  /// - Throws: `damagedFile` when arrays are missing, misshapen or left over.
  func sequential(_ tree: HDF5Tree) throws(DataError) -> Sequential {
    let weights = KerasWeights(tree)
    var layers: [any Layer] = []
    var shape = inputShape ?? []
    for entry in entries {
      var layer = entry.layer
      if var own = layer as? any KerasLayer {
        let hasGain = entry.options.flag("scale", default: true)
        own.take(
          KerasGroup(weights: weights, path: entry.path, hasBias: entry.hasBias, hasGain: hasGain), inputShape: shape)
        layer = own
      }
      layers.append(layer)
      // What it gives is known: it was asked when the config was read.
      if let next = try? layer.outputShape(for: shape) { shape = next }
    }
    try weights.finish()
    return Sequential(inputShape: inputShape ?? [], builtLayers: layers)
  }

  // MARK: - Reading

  /// Adds the layers of a model, which lies in another one where `prefix` is not empty.
  private mutating func add(_ model: JSONValue, under prefix: String) {
    var layers = model["config"]["layers"].array ?? []
    let kind = model["class_name"].string ?? "?"
    switch kind {
    case "Sequential": break
    case "Functional", "Model":
      let finders = Self.maskFinders(in: layers)
      layers.removeAll { finders.contains($0["name"].string ?? "") }
      checkChain(layers, model["config"])
    default: return problems.append("the model is of the class \(kind.quoted), not Sequential or Functional")
    }
    var names = KerasNames()
    if layers.first?["class_name"].string != "InputLayer" { setInput(model["config"]["build_input_shape"]) }
    for (index, layer) in layers.enumerated() {
      let kerasClass = layer["class_name"].string ?? "?"
      let path = prefix + "layers/" + names.next(kerasClass)
      switch kerasClass {
      case "InputLayer" where index == 0:
        setInput(
          layer["config"]["batch_shape"] == .null
            ? layer["config"]["batch_input_shape"] : layer["config"]["batch_shape"])
      case "Sequential", "Functional": add(layer, under: path + "/")
      default: add(kerasClass, layer["config"], at: path)
      }
    }
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

  private mutating func add(_ kerasClass: String, _ config: JSONValue, at path: String) {
    var (kerasClass, path) = (kerasClass, path)
    var options = KerasOptions(kerasClass, config)
    let layer: (any Layer)?
    if kerasClass == "TimeDistributed" {
      kerasClass = config["layer"]["class_name"].string ?? "?"
      path += "/layer"
      options = KerasOptions("TimeDistributed \(kerasClass)", config["layer"]["config"])
      // Of the shape of one step the time is taken away.
      layer = options.makePointwise(kerasClass, rank: shape.map { $0.count - 1 })
    } else {
      layer = options.makeLayer(kerasClass, shape: shape)
    }
    if layer == nil && options.problems.isEmpty { options.note("Refrain has no such layer") }
    guard let layer, options.problems.isEmpty else {
      problems += options.problems
      shape = nil
      return
    }
    checkMask(layer, options)
    follow(layer, options)
    entries.append(Entry(layer: layer, path: path, options: options))
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
    case is Dense, is Dropout, is LayerNorm: break
    case let activate as Activate where activate.configuration.activation != .softmax: break
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

  /// The names of the layers that a node reads; an array of tensors counts for all of them. A mask is no input: Refrain
  /// finds masked steps itself.
  private static func inputs(of node: JSONValue) -> [String] {
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

extension KerasModel.Entry {
  /// What the config says of a bias: for layer normalization under another name, for both directions in the inner
  /// layer.
  fileprivate var hasBias: Bool {
    if layer is LayerNorm { return options.flag("center", default: true) }
    let inner = options["layer"]["config"]["use_bias"].bool
    return inner ?? options.flag("use_bias", default: true)
  }
}
