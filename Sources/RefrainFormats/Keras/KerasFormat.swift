import Refrain
import RefrainData

/// Whole models of Keras 3, `.keras`.
public enum KerasFormat: WritableFormat {
  public static let name = "keras"
  public static let title = "Keras 3 model"
  public static let endings = ["keras"]

  public static func recognizes(_ file: ForeignFile) -> Bool { file.entries?.contains("config.json") == true }

  public static func model(in file: ForeignFile, assuming: StateAssumptions) throws(DataError) -> ImportedModel {
    ImportedModel(.sequential(try KerasFile.read(bytes: file.bytes)))
  }

  public static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError) {
    let model = try KerasFile.read(bytes: file.bytes)
    information.addLayers(of: model)
    information.addTensors(of: model)
  }

  public static func write(_ model: Sequential, _ options: WritingOptions) throws(DataError) -> WrittenModel {
    let bytes = try KerasFile.bytes(of: model)
    return WrittenModel(bytes: bytes, readBack: try KerasFile.read(bytes: bytes))
  }
}

/// HDF5, such as the weights that Keras saves alone.
public enum KerasWeightsFormat: ForeignFormat {
  public static let name = "kerasWeights"
  public static let title = "HDF5 file, such as Keras' weights"

  public static func recognizes(_ file: ForeignFile) -> Bool { file.bytes.starts(with: HDF5Tree.signature.prefix(6)) }

  public static func model(in file: ForeignFile, assuming: StateAssumptions) throws(DataError) -> ImportedModel {
    throw DataError(
      .wrongFormat, "these are weights without a model", remedy: "save the whole model with Keras 3, as .keras")
  }

  public static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError) {
    let arrays = try HDF5Tree(bytes: file.bytes, below: "layers").arrays
    information.addTensors(arrays.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
  }
}
