import Refrain
import RefrainData

/// A model of Keras' in one HDF5 file, as versions 1 to 3 write it (`.h5`, `.hdf5`, and before version 2.12 `.keras`).
///
/// The config is an attribute of the root; below `model_weights` there is a group for each layer of the outermost
/// model, whose attribute `weight_names` lists its arrays.
struct KerasLegacyFile {
  private let tree: HDF5Tree
  /// Whether the model is there, and not only its weights.
  let hasModel: Bool
  private let root: String

  /// Reads the bytes of a file.
  init(bytes: [UInt8]) throws(DataError) {
    tree = try HDF5Tree(bytes: bytes, below: "", skipping: ["optimizer_weights", "optimizer"])
    hasModel = tree.attributes[""]?["model_config"] != nil
    root = tree.attributes["model_weights"] == nil ? "" : "model_weights/"
  }

  /// Whether the bytes of an HDF5 file hold a whole model; false where they cannot be read.
  static func hasModel(_ bytes: [UInt8]) -> Bool {
    // Of a group that is not there nothing is read but the root's attributes.
    (try? HDF5Tree(bytes: bytes, below: "/"))?.attributes[""]?["model_config"] != nil
  }

  /// All arrays, by their paths.
  var arrays: [(name: String, array: NumericArray)] {
    tree.arrays.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// The version of Keras and what it computed with.
  var writer: String? {
    let attributes = tree.attributes[""] ?? [:]
    let version = attributes["keras_version"]?.texts.first
    return version.map { "Keras \($0)" + (attributes["backend"]?.texts.first.map { " on \($0)" } ?? "") }
  }

  /// The model, and what is to be said of it.
  func model() throws(DataError) -> (model: Sequential, notes: [String]) {
    guard hasModel, let text = tree.attributes[""]?["model_config"]?.texts.first else { throw Self.withoutModel }
    let config = try JSONValue(Array(text.utf8), name: "model_config")
    // The first versions wrote none.
    let version = kerasVersion(tree.attributes[""]?["keras_version"]?.texts.first) ?? 1
    let model = try KerasModel(config: config, version: version, inputSize: inputSize)
    return (try model.sequential(renewed(model)), model.notes)
  }

  static let withoutModel = DataError(
    .wrongFormat, "these are a Keras model's weights without the model",
    remedy:
      "in Keras build the model, call its load_weights with this file, and save it whole: model.save('model.keras')")

  // MARK: - Arrays

  /// The texts of an attribute, which may be in several parts, since it must fit into a header.
  private func texts(_ name: String, of group: String) -> [String] {
    let attributes = tree.attributes[group] ?? [:]
    if let whole = attributes[name] { return whole.texts }
    var (texts, part) = ([String](), 0)
    while let more = attributes["\(name)\(part)"] {
      texts += more.texts
      part += 1
    }
    return texts
  }

  /// The arrays of a layer, in their order.
  private func arrays(of layer: String) throws(DataError) -> [(name: String, array: NumericArray)] {
    let group = root + layer
    var arrays: [(name: String, array: NumericArray)] = []
    for name in texts("weight_names", of: group) where !name.contains("seed_generator") {
      guard let array = tree.arrays[group + "/" + name] else {
        throw DataError(
          .damagedFile, "the array \(name.quoted) of the layer \(layer.quoted) is missing",
          remedy: "save the model again")
      }
      arrays.append((name, array))
    }
    return arrays
  }

  /// The size of the input at one step, as the first matrix of the weights has it.
  private var inputSize: Int? {
    for layer in texts("layer_names", of: String(root.dropLast())) {
      guard let first = (try? arrays(of: layer))?.first?.array else { continue }
      return first.shape.count == 2 || first.shape.count == 3 ? first.shape[first.shape.count - 2] : nil
    }
    return nil
  }

  /// The arrays under the paths that Keras 3 has for them.
  private func renewed(_ model: KerasModel) throws(DataError) -> HDF5Tree {
    var result = HDF5Tree()
    var left: [String: [(name: String, array: NumericArray)]] = [:]
    for entry in model.entries {
      guard let layer = entry.part.layer as? any KerasLayer, let group = entry.names.first else { continue }
      let names = layer.kerasNames(hasBias: entry.part.hasBias, hasGain: entry.part.hasGain)
      if names.isEmpty { continue }
      var available: [(name: String, array: NumericArray)]
      if let rest = left[group] { available = rest } else { available = try self.arrays(of: group) }
      let isAlone = model.entries.count { $0.names.first == group && !weightNames($0).isEmpty } == 1
      let taken: [(name: String, array: NumericArray)]
      if isAlone {
        (taken, available) = (available, [])
      } else {
        (taken, available) = Self.taking(names.count, of: entry.names, from: available)
      }
      left[group] = available
      var arrays = layer.renewed(taken.map(\.array))
      if backend == "theano" { arrays = Self.flipped(arrays, of: layer) }
      guard arrays.count == names.count else {
        throw DataError(
          .damagedFile,
          "the layer \(entry.names.last?.quoted ?? "") has \(taken.count) arrays, expected \(names.count)",
          remedy: "save the model again, with a later version of Keras")
      }
      for (name, array) in zip(names, arrays) {
        let name = entry.part.isCell && name.hasPrefix("cell/") ? String(name.dropFirst(5)) : name
        result.arrays[entry.path + "/" + name] = array
      }
    }
    if let (group, rest) = left.first(where: { !$0.value.isEmpty }) {
      throw DataError(
        .damagedFile, "the layer \(group.quoted) has \(rest.count) arrays too many", remedy: "save the model again")
    }
    return result
  }

  private func weightNames(_ entry: KerasModel.Entry) -> [String] {
    (entry.part.layer as? any KerasLayer)?.kerasNames(hasBias: entry.part.hasBias, hasGain: entry.part.hasGain) ?? []
  }

  private var backend: String? { tree.attributes[""]?["backend"]?.texts.first }

  /// Takes the arrays of a layer of a model within the outermost one: those whose names have the layer's, else the next
  /// ones.
  private static func taking(
    _ count: Int, of names: [String], from arrays: [(name: String, array: NumericArray)]
  ) -> (taken: [(name: String, array: NumericArray)], left: [(name: String, array: NumericArray)]) {
    var indices = Array(arrays.indices)
    if names.count > 1, let own = names.last {
      let named = indices.filter { index in
        arrays[index].name.split(separator: "/").dropLast().contains { $0 == own }
      }
      if !named.isEmpty { indices = named }
    }
    // More than expected are three for each gate, as Keras 1 has them; those are the layer's own by their names.
    let isNamed = indices.count < arrays.count
    let chosen = Set(isNamed ? indices : Array(indices.prefix(count)))
    return (
      arrays.indices.filter(chosen.contains).map { arrays[$0] },
      arrays.indices.filter { !chosen.contains($0) }.map { arrays[$0] }
    )
  }

  /// Theano convolves where others correlate: kernels stand the other way round.
  private static func flipped(_ arrays: [NumericArray], of layer: any Layer) -> [NumericArray] {
    guard layer is Conv1D, let kernel = arrays.first, kernel.shape.count == 3, kernel.shape[0] > 0 else {
      return arrays
    }
    let tensor = Tensor(kernel.values.floats, shape: kernel.shape)
    let turned = stack((0..<kernel.shape[0]).reversed().map { tensor.at($0, axis: 0) })
    return [turned.numericArray] + arrays.dropFirst()
  }
}
