import RefrainData

/// One array of NumPy's, `.npy`.
public enum NumPyFormat: ForeignFormat {
  public static let name = "npy"
  public static let title = "NumPy array"

  public static func recognizes(_ file: ForeignFile) -> Bool {
    file.bytes.starts(with: [0x93] + Array("NUMPY".utf8))
  }

  public static func model(in file: ForeignFile, assuming: StateAssumptions) throws(DataError) -> ImportedModel {
    throw .arraysAreNoModel
  }

  public static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError) {
    information.addTensors([("", try NumericArray(npy: file.bytes, file: file.path))])
  }
}

/// Several arrays of NumPy's by their names, `.npz`.
public enum NumPyArchiveFormat: ForeignFormat {
  public static let name = "npz"
  public static let title = "NumPy archive"

  public static func recognizes(_ file: ForeignFile) -> Bool {
    file.entries.map { !$0.isEmpty && $0.allSatisfy { $0.hasSuffix(".npy") } } ?? false
  }

  public static func model(in file: ForeignFile, assuming: StateAssumptions) throws(DataError) -> ImportedModel {
    throw .arraysAreNoModel
  }

  public static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError) {
    let archive = try NumPyArchive(bytes: file.bytes, file: file.path)
    information.addTensors(try archive.names.map { (name) throws(DataError) in (name, try archive.array(name)) })
  }
}

extension DataError {
  fileprivate static var arraysAreNoModel: DataError {
    DataError(.wrongFormat, "these are arrays, not a model", remedy: "name a model")
  }
}
