import Refrain
import RefrainData

/// The files of Keras: `.keras` of Keras 3 and of 2.12 and later, whole models in HDF5 (`.h5`) of Keras 1 to 3,
/// whatever their name, and `.weights.h5`, weights alone.
///
///     let model = try KerasFile.read("model.h5")
///     try KerasFile.write(model, to: "copy.keras")          // keras.saving.load_model("copy.keras")
///
/// Read are Sequential models, and functional ones in which each layer reads the one before it: LSTM, GRU, SimpleRNN
/// with any activations, RNN of their cells, layers for cuDNN, Bidirectional, ConvLSTM1D to 3D, Conv1D, pooling, Dense,
/// TimeDistributed, Embedding, Masking, LayerNormalization, BatchNormalization, dropouts, activations, Flatten,
/// Reshape, Permute, RepeatVector. What Refrain has no counterpart for is told, all at once. Initializers, regularizers
/// and constraints, the optimizer and the loss are left behind. Nothing in a file is run.
///
/// At a step that `Masking` or an Embedding's `mask_zero` takes away, Keras repeats a recurrent layer's last output and
/// Refrain gives zeros; the outputs at the steps that are there, and last outputs, are the same.
public enum KerasFile {
  private static let weightsName = "model.weights.h5"
  private static let configName = "config.json"
  private static let metadataName = "metadata.json"
  private static let root = "layers"

  // MARK: - Models

  /// Reads a `.keras` or `.h5` file that holds a whole model.
  ///
  /// - Throws: `wrongFormat` when it is none, `damagedFile`, `unsupportedContent` with all that Refrain has not, or
  ///   what reading a file throws.
  public static func read(_ path: String) throws(DataError) -> Sequential {
    do throws(DataError) { return try read(bytes: readFile(path)) } catch { throw error.inFile(path) }
  }

  /// Reads the bytes of a `.keras` or `.h5` file that holds a whole model.
  ///
  /// - Throws: `wrongFormat` when it is none, `damagedFile`, `unsupportedContent` with all that Refrain has not.
  public static func read(bytes: [UInt8]) throws(DataError) -> Sequential { try readWithNotes(bytes: bytes).model }

  /// The same, and what is to be said of the model, in words.
  static func readWithNotes(bytes: [UInt8]) throws(DataError) -> (model: Sequential, notes: [String]) {
    if bytes.starts(with: HDF5Tree.signature) { return try KerasLegacyFile(bytes: bytes).model() }
    let archive = try ZipArchive(bytes: bytes)
    guard archive.names.contains(configName), archive.names.contains(weightsName) else {
      throw DataError(
        .wrongFormat, "there is no \(configName) with \(weightsName) in it, so this is no .keras file",
        remedy: "save the model with Keras, as .keras or .h5")
    }
    let metadata = try? JSONValue(archive.contents(of: metadataName), name: metadataName)
    let version = kerasVersion(metadata?["keras_version"].string) ?? 3
    let model = try KerasModel(
      config: JSONValue(archive.contents(of: configName), name: configName), version: version)
    return (try model.sequential(weights(archive.contents(of: weightsName))), model.notes)
  }

  /// The arrays below the layers, under the paths of today: before version 2.13 they are elsewhere, and files from
  /// Windows may have backslashes.
  private static func weights(_ bytes: [UInt8]) throws(DataError) -> HDF5Tree {
    let all = try HDF5Tree(bytes: bytes, below: "", skipping: ["optimizer", "metrics", "_metrics"])
    var tree = HDF5Tree()
    for (path, array) in all.arrays {
      let path = path.replacing("\\", with: "/").replacing("_layer_checkpoint_dependencies/", with: root + "/")
      if path.hasPrefix(root + "/") { tree.arrays[path] = array }
    }
    return tree
  }

  /// Writes a `.keras` file, whole or not at all.
  ///
  /// - Throws: `inexactConversion` with all that Keras has not, or what writing a file throws.
  public static func write(_ model: Sequential, to path: String) throws(DataError) {
    do throws(DataError) { try writeAtomically(bytes(of: model), to: path) } catch { throw error.inFile(path) }
  }

  /// The bytes of a `.keras` file; the same model always gives the same.
  ///
  /// - Throws: `inexactConversion` with all that Keras has not.
  public static func bytes(of model: Sequential) throws(DataError) -> [UInt8] {
    let config = try kerasConfig(of: model)
    var archive = ZipWriter()
    archive.add("metadata.json", Array(#"{"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}"#.utf8))
    archive.add(configName, Array(config.text.utf8))
    archive.add(weightsName, try weightBytes(of: model))
    return archive.bytes()
  }

  // MARK: - Weights alone

  /// Reads a `.weights.h5` file into a model that has the same layers; a Sequential within it counts as its layers.
  ///
  /// - Throws: `wrongFormat` when it is none, `damagedFile` with all that does not fit, or what reading a file throws.
  public static func readWeights(_ path: String, into model: inout Sequential) throws(DataError) {
    do throws(DataError) { try readWeights(bytes: readFile(path), into: &model) } catch { throw error.inFile(path) }
  }

  /// Reads the bytes of a `.weights.h5` file into a model that has the same layers.
  ///
  /// - Throws: `wrongFormat` when it is none, `damagedFile` with all that does not fit.
  public static func readWeights(bytes: [UInt8], into model: inout Sequential) throws(DataError) {
    try model.takeKerasWeights(weights(bytes))
  }

  /// Writes a `.weights.h5` file, whole or not at all.
  ///
  /// - Throws: `inexactConversion` with all that Keras has not, or what writing a file throws.
  public static func writeWeights(of model: Sequential, to path: String) throws(DataError) {
    do throws(DataError) { try writeAtomically(weightBytes(of: model), to: path) } catch { throw error.inFile(path) }
  }

  /// The bytes of a `.weights.h5` file.
  ///
  /// - Throws: `inexactConversion` with all that Keras has not.
  public static func weightBytes(of model: Sequential) throws(DataError) -> [UInt8] {
    try model.kerasTree().bytes()
  }
}

/// The first number of a version such as `2.3.0-tf`.
func kerasVersion(_ text: String?) -> Int? { text.flatMap { Int($0.prefix { $0.isNumber }) } }
