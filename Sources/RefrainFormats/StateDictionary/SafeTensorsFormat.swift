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
    information.addMetadata(try SafeTensorsFile(bytes: file.bytes, file: file.path).metadata)
    information.addState(try StateDictionary(bytes: file.bytes, file: file.path))
  }
}

extension StateDictionary {
  /// The model that the names and shapes speak of.
  func imported(_ assumptions: StateAssumptions) throws(DataError) -> ImportedModel {
    let inferred = try inferredModel(returning: assumptions.returning, function: assumptions.function)
    return ImportedModel(
      .sequential(inferred.model), notes: inferred.notes, naming: inferred.naming, cells: inferred.cells)
  }
}
