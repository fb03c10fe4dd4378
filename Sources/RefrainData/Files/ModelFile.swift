import Refrain
import RefrainFoundation

/// A model in one `.safetensors` file: the weights under the names of its walk, and in the metadata what is needed to
/// rebuild it without user code: the kind of model, the version of the format, and a description in JSON.
public enum ModelFile {
  /// The newest version of the format that this library writes and reads.
  public static let version = 1

  private static let format = "refrain"

  /// Writes a model; the file appears whole or not at all.
  ///
  /// - Parameters:
  ///   - model: The tensors.
  ///   - kind: What it is, such as `sequential`.
  ///   - description: What else is needed to rebuild it.
  ///   - path: Where to; an existing file is replaced.
  /// - Throws: What ``SafeTensorsFile/write(to:)`` throws.
  public static func write<Model: TensorGroup, Description: Codable>(
    _ model: Model, kind: String, description: Description, to path: String
  ) throws(DataError) {
    do throws(DataError) {
      try contents(of: model, kind: kind, description: description).write(to: path)
    } catch {
      throw error.inFile(path)
    }
  }

  /// What ``write(_:kind:description:to:)`` writes.
  ///
  /// - Throws: `unwritableFile` when the description is nothing that JSON can say.
  public static func contents<Model: TensorGroup, Description: Codable>(
    of model: Model, kind: String, description: Description
  ) throws(DataError) -> SafeTensorsFile {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let text = try? encoder.encode(description) else {
      throw DataError(.unwritableFile, "the model's description cannot be written as JSON")
    }
    let entries = model.namedTensors.flatMap { NamedArray.arrays(of: $0.tensor, named: $0.name) }
    return SafeTensorsFile(
      tensors: entries, metadata: metadata(kind: kind, description: String(decoding: text, as: UTF8.self)))
  }

  /// The names of what ``metadata(kind:description:)`` gives.
  static let metadataNames: Set<String> = ["format", "kind", "version", "description"]

  /// Whether a tensor of this name is there to train on with: an optimizer's moments, or a whole training. Whoever
  /// wants the model alone passes over them.
  static func isOfTraining(_ name: String) -> Bool {
    name.hasPrefix(Sequential.optimizerPrefix) || Checkpoint.holds(name)
  }

  /// What a file says of a model besides its tensors.
  static func metadata(kind: String, description: String) -> [String: String] {
    ["format": format, "kind": kind, "version": String(version), "description": description]
  }

  /// What kind of model a file holds; nil when another program wrote it.
  package static func kind(of file: SafeTensorsFile) -> String? {
    file.metadata["format"] == format ? file.metadata["kind"] : nil
  }

  /// A model file that was read, before its tensors are taken.
  public struct Contents<Description: Codable> {
    /// What the file says of the model.
    public let description: Description
    let file: SafeTensorsFile
    let path: String?

    /// Puts the file's tensors into `model`, which has the same names and shapes.
    ///
    /// - Throws: `damagedModel` when a tensor is missing, has another shape, is left over or holds what is no finite
    ///   number.
    public func load<Model: TensorGroup>(into model: inout Model) throws(DataError) {
      try load(into: &model, checkingValues: true)
    }

    /// The same; where values are not checked they may be infinite or no numbers, as what a stream remembers of such an
    /// input is, or what an optimizer remembers of great gradients.
    package func load<Model: TensorGroup>(into model: inout Model, checkingValues: Bool) throws(DataError) {
      var remaining = Dictionary(file.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      try model.forEachTensor { (name: String, tensor: inout Tensor) throws(DataError) in
        guard let entry = remaining.removeValue(forKey: name) else {
          throw damaged("the tensor \(name.quoted) is missing")
        }
        guard entry.shape == tensor.shape else {
          throw damaged("the tensor \(name.quoted) has shape \(entry.shape), expected \(tensor.shape)")
        }
        let scales = entry.array.type == .int8 ? remaining.removeValue(forKey: entry.scaleName) : nil
        do throws(DataError) { tensor = try entry.tensor(scales: scales) } catch { throw error.inFile(path) }
        // Scales were checked, of which whole numbers are multiples.
        guard !checkingValues || scales != nil || tensor.isFinite else {
          throw damaged("the tensor \(name.quoted) holds a value that is not a number, or infinite")
        }
      }
      let others = remaining.keys.filter { !ModelFile.isOfTraining($0) }
      if let name = others.min() { throw damaged("there is a tensor \(name.quoted) too many") }
    }

    /// The shapes of the tensors `name.0`, `name.1` and so on, of which there may be any number.
    func shapes(under name: String) -> [[Int]] {
      let shapes = Dictionary(file.tensors.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
      return Array(sequence(first: 0) { $0 + 1 }.lazy.map { shapes["\(name).\($0)"] }.prefix { $0 != nil })
        .compactMap(\.self)
    }

    /// How many numbers the file's tensors hold together.
    package var elementCount: Int { file.tensors.reduce(0) { $0 + $1.array.values.count } }

    /// Holds the number of weights that the description calls for against the file, before they are made.
    ///
    /// - Parameter expected: about how many; nil when one of the sizes is impossible.
    /// - Throws: `damagedModel`.
    package func checkSize(_ expected: Double?) throws(DataError) {
      guard let expected, expected <= 4 * Double(elementCount) + 4096 else {
        throw damaged(
          "its layers would need \(expected.map { "about \(Int(min($0.rounded(), 1e18)))" } ?? "more") "
            + "weights, and it holds \(elementCount)")
      }
    }

    package func damaged(_ problem: String) -> DataError {
      DataError(.damagedModel, file: path, problem, remedy: "save the model again")
    }
  }

  /// Reads a model file of the given kind.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - kind: What it must be.
  ///   - description: The type of what was written besides the tensors.
  ///   - layers: Kinds of layers that may occur besides those of `Layers.all`.
  /// - Throws: What reading safetensors throws; `notAModel` for a file of another program or kind, `newerModel` for one
  ///   of a later version, `damagedModel` for one whose description cannot be understood.
  public static func read<Description: Codable>(
    _ path: String, kind: String, description: Description.Type, layers: [any Layer.Type] = []
  ) throws(DataError) -> Contents<Description> {
    try read(
      SafeTensorsFile(contentsOf: path), path: path, kind: kind, description: description, layers: layers)
  }

  /// The same of a file that was read already; `path` is where it was, for messages. `formerly` has the words that
  /// stand for the kind in older files.
  public static func read<Description: Codable>(
    _ file: SafeTensorsFile, path: String?, kind: String, formerly: [String] = [], description: Description.Type,
    layers: [any Layer.Type] = []
  ) throws(DataError) -> Contents<Description> {
    guard file.metadata["format"] == format, let found = file.metadata["kind"] else {
      throw DataError(
        .notAModel, file: path, "this safetensors file was not written by Refrain", remedy: "choose another")
    }
    let text = file.metadata["version"] ?? ""
    guard let version = Int(text), version >= 1 else {
      throw DataError(
        .damagedModel, file: path, "the model's format version is \(text.quoted), and must be a number from 1 on",
        remedy: "save the model again")
    }
    guard version <= Self.version else {
      throw DataError(
        .newerModel, file: path, "the model has format version \(version), newer than \(Self.version)",
        remedy: "update Refrain")
    }
    guard found == kind || formerly.contains(found) else {
      throw DataError(.notAModel, file: path, "this is a model of the kind \(found.quoted), not \(kind.quoted)")
    }
    do {
      let text = Data((file.metadata["description"] ?? "").utf8)
      let decoder = JSONDecoder()
      decoder.userInfo[Layers.decodingKey] = layers
      return Contents(description: try decoder.decode(Description.self, from: text), file: file, path: path)
    } catch {
      var problem = "the model's description cannot be understood"
      // What Refrain itself says of it, such as which kind of layer is not known.
      if case DecodingError.dataCorrupted(let context) = error { problem += ": " + context.debugDescription }
      throw DataError(.damagedModel, file: path, problem, remedy: "save the model again")
    }
  }
}

extension Sequential {
  /// The longest description that is read: one of some ten thousand layers.
  private static let longestDescription = 1 << 20

  /// Writes architecture and weights to a `.safetensors` file.
  ///
  /// - Throws: What ``ModelFile/write(_:kind:description:to:)`` throws.
  public func save(to path: String) throws(DataError) {
    try ModelFile.write(self, kind: Self.kind, description: configuration, to: path)
  }

  /// What ``save(to:)`` writes.
  package func fileContents() throws(DataError) -> SafeTensorsFile {
    try ModelFile.contents(of: self, kind: Self.kind, description: configuration)
  }

  /// Rebuilds a model from a file that ``save(to:)`` wrote.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - layers: Kinds of layers that may occur besides those of `Layers.all`: `Layers.layers(of:)` of a cell of one's
  ///     own.
  /// - Throws: What ``ModelFile/read(_:kind:description:layers:)`` throws; `damagedModel` when the parts do not fit
  ///   together.
  public init(contentsOf path: String, layers: [any Layer.Type] = []) throws(DataError) {
    try self.init(SafeTensorsFile(contentsOf: path), path: path, layers: layers)
  }

  /// Rebuilds a model from what ``fileContents()`` gave.
  package init(_ file: SafeTensorsFile, path: String? = nil, layers: [any Layer.Type] = []) throws(DataError) {
    let length = file.metadata["description"]?.utf8.count ?? 0
    guard length <= Self.longestDescription else {
      throw DataError(
        .damagedModel, file: path,
        "the model's description has \(length) bytes, more than \(Self.longestDescription)",
        remedy: "save the model again")
    }
    let contents = try ModelFile.read(
      file, path: path, kind: Self.kind, description: Configuration.self, layers: layers)
    self.init(contents.description)
    var generator = RandomGenerator(seed: 0)
    do throws(LayerError) {
      guard inputShape.count >= 2, inputShape.count <= 64,
        inputShape.allSatisfy({ $0.map { (1...1 << 32).contains($0) } ?? true })
      else { throw LayerError("the input's shape \(inputShape.map { $0.map(String.init) ?? "?" }) cannot be") }
      _ = try outputShape(for: inputShape)
    } catch {
      throw contents.damaged(error.description)
    }
    try contents.checkSize(weightCount(for: inputShape, atMost: contents.elementCount))
    build(for: inputShape, using: &generator)
    try contents.load(into: &self)
  }
}
