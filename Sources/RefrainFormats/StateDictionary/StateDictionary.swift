import RefrainData

/// Arrays under names, in an order: what PyTorch calls a `state_dict`, out of a `.safetensors`, `.pt` or `.pth` file or
/// on the way into one.
///
///     let weights = try StateDictionary(contentsOf: "model.pt")
///     try model.load(weights, naming: ["0": "lstm", "1": "fc"])        // into a model that exists
///     let (model, notes) = try weights.inferredModel()                 // or into one that follows from the names
public struct StateDictionary: Hashable, Sendable {
  /// The entries in the order of the file; no name occurs twice.
  public private(set) var entries: [NamedArray] = []
  private var places: [String: Int] = [:]
  /// What is known of the modules, where the file held the model itself and not only its state.
  public internal(set) var modules: [TorchModule] = []
  /// The tensors of types that cannot be read: their names, types and shapes as text.
  public internal(set) var unread: [String] = []

  /// A dictionary without entries.
  public init() {}

  /// The entries in the given order.
  ///
  /// - Throws: `wrongInput` when a name occurs twice.
  public init(_ entries: [NamedArray]) throws(DataError) {
    for entry in entries {
      guard self[entry.name] == nil else {
        throw DataError(.wrongInput, "two arrays are called \(entry.name.quoted)", remedy: "rename one")
      }
      self[entry.name] = entry.array
    }
  }

  /// The array of a name. A new name comes last; nil takes the entry out.
  public subscript(name: String) -> NumericArray? {
    get { places[name].map { entries[$0].array } }
    set {
      switch (places[name], newValue) {
      case (let place?, let array?): entries[place].array = array
      case (nil, let array?):
        places[name] = entries.count
        entries.append(NamedArray(name: name, array: array))
      case (let place?, nil):
        entries.remove(at: place)
        places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
      case (nil, nil): break
      }
    }
  }

  /// The names in order.
  public var names: [String] { entries.map(\.name) }

  /// The entries whose names begin with `prefix` and a dot, without both.
  public func under(_ prefix: String) -> StateDictionary {
    var part = StateDictionary()
    for entry in entries where entry.name.hasPrefix(prefix + ".") {
      part[String(entry.name.dropFirst(prefix.count + 1))] = entry.array
    }
    return part
  }
}

extension String {
  /// A name in a message, whole unless somebody wants to fill the screen with it.
  var inQuotes: String { "'" + (count > 200 ? prefix(199) + "…" : self[...]).description.onOneLine + "'" }
}
