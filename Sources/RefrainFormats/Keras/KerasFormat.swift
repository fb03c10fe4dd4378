import Refrain
import RefrainData

/// Whole models of Keras 3, `.keras`.
package enum KerasFormat: WritableFormat {
  package static let name = "keras"
  package static let title = "Keras 3 model"
  package static let endings = ["keras"]

  package static func recognizes(_ file: ForeignFile) -> Bool { file.entries?.contains("config.json") == true }

  package static func model(in file: ForeignFile, assuming: StateAssumptions) throws(DataError) -> ImportedModel {
    ImportedModel(.sequential(try KerasFile.read(bytes: file.bytes)))
  }

  package static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError) {
    let model = try KerasFile.read(bytes: file.bytes)
    information.addLayers(of: model)
    information.addTensors(of: model)
  }

  package static func write(_ model: Sequential, _ options: WritingOptions) throws(DataError) -> WrittenModel {
    let bytes = try KerasFile.bytes(of: model)
    return WrittenModel(bytes: bytes, readBack: try KerasFile.read(bytes: bytes))
  }
}

/// HDF5, such as the weights that Keras saves alone.
package enum KerasWeightsFormat: ForeignFormat {
  package static let name = "kerasWeights"
  package static let title = "HDF5 file, such as Keras' weights"

  package static func recognizes(_ file: ForeignFile) -> Bool { file.bytes.starts(with: HDF5Tree.signature.prefix(6)) }

  package static func model(in file: ForeignFile, assuming: StateAssumptions) throws(DataError) -> ImportedModel {
    throw DataError(
      .wrongFormat, "these are weights without a model", remedy: "save the whole model with Keras 3, as .keras")
  }

  package static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError) {
    let arrays = try HDF5Tree(bytes: file.bytes, below: "layers").arrays
    information.addTensors(arrays.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
  }
}
