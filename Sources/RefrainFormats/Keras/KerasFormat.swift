import Refrain
import RefrainData

/// Whole models of Keras: `.keras`, and `.h5` of older ones.
package enum KerasFormat: WritableFormat {
  package static let name = "keras"
  package static let title = "Keras model"
  package static let endings = ["keras"]

  package static func recognizes(_ file: ForeignFile) -> Bool {
    file.isHDF5 ? KerasLegacyFile.hasModel(file.bytes) : file.entries?.contains("config.json") == true
  }

  package static func model(in file: ForeignFile, assuming: StateAssumptions) throws(DataError) -> ImportedModel {
    let read = try KerasFile.readWithNotes(bytes: file.bytes)
    return ImportedModel(.sequential(read.model), notes: read.notes)
  }

  package static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError) {
    let legacy = file.isHDF5 ? try KerasLegacyFile(bytes: file.bytes) : nil
    if let writer = legacy?.writer { information.addFact("Written by", writer) }
    do throws(DataError) {
      let (model, notes) = try KerasFile.readWithNotes(bytes: file.bytes)
      for note in notes { information.addFact("Note", note) }
      information.addLayers(of: model)
      information.addTensors(of: model)
    } catch  where error.code == .unsupportedContent {
      information.addFact("Runs here", "no: \(error.problem)")
      if let legacy { information.addTensors(legacy.arrays) }
    }
  }

  package static func write(_ model: Sequential, _ options: WritingOptions) throws(DataError) -> WrittenModel {
    let bytes = try KerasFile.bytes(of: model)
    return WrittenModel(bytes: bytes, readBack: try KerasFile.read(bytes: bytes))
  }
}

/// HDF5 without a model, such as the weights that Keras saves alone.
package enum KerasWeightsFormat: ForeignFormat {
  package static let name = "kerasWeights"
  package static let title = "HDF5 file, such as Keras' weights"

  package static func recognizes(_ file: ForeignFile) -> Bool {
    file.isHDF5 && !KerasLegacyFile.hasModel(file.bytes)
  }

  package static func model(in file: ForeignFile, assuming: StateAssumptions) throws(DataError) -> ImportedModel {
    throw KerasLegacyFile.withoutModel
  }

  package static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError) {
    let legacy = try KerasLegacyFile(bytes: file.bytes)
    if let writer = legacy.writer { information.addFact("Written by", writer) }
    information.addFact("Layers", "not in the file: \(KerasLegacyFile.withoutModel.remedy ?? "")")
    information.addTensors(legacy.arrays)
  }
}

extension ForeignFile {
  fileprivate var isHDF5: Bool { bytes.starts(with: HDF5Tree.signature.prefix(6)) }
}
