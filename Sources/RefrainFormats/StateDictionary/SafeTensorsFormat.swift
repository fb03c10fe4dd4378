import Refrain
import RefrainData

/// State dictionaries in safetensors, which other programs wrote.
package enum SafeTensorsFormat: ForeignFormat {
  package static let name = "safetensors"
  package static let title = "safetensors"

  package static func recognizes(_ file: ForeignFile) -> Bool {
    file.bytes.count > 8 && file.bytes[8] == UInt8(ascii: "{")
  }

  package static func model(
    in file: ForeignFile, assuming assumptions: StateAssumptions
  ) throws(DataError) -> ImportedModel {
    try StateDictionary(bytes: file.bytes, at: assumptions.key, file: file.path).imported(assumptions)
  }

  package static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError) {
    let contents = try SafeTensorsFile(bytes: file.bytes, file: file.path, listingOthers: true)
    information.addMetadata(contents.metadata)
    if contents.others.isEmpty {
      information.addState(try StateDictionary(bytes: file.bytes, file: file.path))
    } else {
      information.addTensors(contents.tensors.map { ($0.name, $0.array) }, others: contents.others)
      information.addFact("Layers", "not found: tensors of types that cannot be read are among the arrays")
    }
  }
}

extension StateDictionary {
  /// The model that the names and shapes speak of.
  func imported(_ assumptions: StateAssumptions) throws(DataError) -> ImportedModel {
    let inferred = try inferredModel(assumptions)
    return ImportedModel(
      .sequential(inferred.model), notes: inferred.notes, openQuestions: inferred.openQuestions,
      naming: inferred.naming, cells: inferred.cells)
  }
}
