import RefrainData

/// One array of NumPy's, `.npy`.
package enum NumPyFormat: ForeignFormat {
  package static let name = "npy"
  package static let title = "NumPy array"

  package static func recognizes(_ file: ForeignFile) -> Bool {
    file.bytes.starts(with: [0x93] + Array("NUMPY".utf8))
  }

  package static func model(in file: ForeignFile, assuming: StateAssumptions) throws(DataError) -> ImportedModel {
    throw .arraysAreNoModel
  }

  package static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError) {
    information.addTensors([("", try NumericArray(npy: file.bytes, file: file.path))])
  }
}

/// Several arrays of NumPy's by their names, `.npz`.
package enum NumPyArchiveFormat: ForeignFormat {
  package static let name = "npz"
  package static let title = "NumPy archive"

  package static func recognizes(_ file: ForeignFile) -> Bool {
    file.entries.map { !$0.isEmpty && $0.allSatisfy { $0.hasSuffix(".npy") } } ?? false
  }

  package static func model(in file: ForeignFile, assuming: StateAssumptions) throws(DataError) -> ImportedModel {
    throw .arraysAreNoModel
  }

  package static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError) {
    let archive = try NumPyArchive(bytes: file.bytes, file: file.path)
    information.addTensors(try archive.names.map { (name) throws(DataError) in (name, try archive.array(name)) })
  }
}

extension DataError {
  fileprivate static var arraysAreNoModel: DataError {
    DataError(.wrongFormat, "these are arrays, not a model", remedy: "name a model")
  }
}
