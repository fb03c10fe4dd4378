import Refrain
import RefrainData

/// The files of Keras 3: `.keras`, a model with its weights, and `.weights.h5`, weights alone.
///
///     let model = try KerasFile.read("model.keras")
///     try KerasFile.write(model, to: "copy.keras")          // keras.saving.load_model("copy.keras")
///
/// Read are Sequential models, and functional ones in which each layer reads the one before it: LSTM, GRU, SimpleRNN,
/// Bidirectional, ConvLSTM1D to 3D, Conv1D, Dense, TimeDistributed, Embedding, Masking, LayerNormalization, Dropout,
/// SpatialDropout1D, Activation, ReLU, Softmax, Flatten, Reshape. What Refrain has no counterpart for is told, all at
/// once. Initializers, regularizers and constraints, the optimizer and the loss are left behind.
///
/// At a step that `Masking` or an Embedding's `mask_zero` takes away, Keras repeats a recurrent layer's last output and
/// Refrain gives zeros; the outputs at the steps that are there, and last outputs, are the same.
///
/// The weights lie in HDF5, for which the package is built with its trait `HDF5`.
public enum KerasFile {
  private static let weightsName = "model.weights.h5"
  private static let configName = "config.json"
  private static let root = "layers"

  // MARK: - Models

  /// Reads a `.keras` file.
  ///
  /// - Throws: `wrongFormat` when it is none, `damagedFile`, `unsupportedContent` with all that Refrain has not, or
  ///   what reading a file throws.
  public static func read(_ path: String) throws(DataError) -> Sequential {
    do throws(DataError) { return try read(bytes: readFile(path)) } catch { throw error.inFile(path) }
  }

  /// Reads the bytes of a `.keras` file.
  ///
  /// - Throws: `wrongFormat` when it is none, `damagedFile`, `unsupportedContent` with all that Refrain has not.
  public static func read(bytes: [UInt8]) throws(DataError) -> Sequential {
    if bytes.starts(with: HDF5Tree.signature) {
      throw DataError(
        .wrongFormat, "this is HDF5, not a .keras file",
        remedy: "of weights alone read them into a model; save an older whole model as .keras in Keras 3")
    }
    let archive = try ZipArchive(bytes: bytes)
    guard archive.names.contains(configName), archive.names.contains(weightsName) else {
      throw DataError(
        .wrongFormat, "there is no \(configName) with \(weightsName) in it, so this is no .keras file",
        remedy: "save the model with Keras 3, as .keras")
    }
    let model = try KerasModel(config: JSONValue(archive.contents(of: configName), name: configName))
    return try model.sequential(HDF5Tree(bytes: archive.contents(of: weightsName), below: root))
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
    try model.takeKerasWeights(HDF5Tree(bytes: bytes, below: root))
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
