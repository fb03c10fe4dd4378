import ArgumentParser
import RefrainData
import RefrainFormats
import RefrainFoundation

/// Named arrays from files.
struct ArrayOptions {
  /// The arrays that `name=file` texts name: a `.npy` each, or an `.npz` of several.
  ///
  /// - Parameters:
  ///   - texts: what the user gave.
  ///   - names: what an array can be; one without a name is the only one of these.
  ///   - kind: `input` or `expected output`, for messages.
  static func arrays(
    _ texts: [String], names: [String], kind: String, flag: String
  ) throws(DataError) -> [String: NumericArray] {
    var arrays: [String: NumericArray] = [:]
    func add(_ array: NumericArray, _ name: String) throws(DataError) {
      guard arrays.updateValue(array, forKey: name) == nil else {
        throw DataError(.wrongInput, "the \(kind) '\(name)' is given twice")
      }
    }
    for text in texts {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let path = parts[parts.count - 1]
      if path.lowercased().hasSuffix(".npz") && parts.count == 1 {
        let archive = try NumPyArchive(contentsOf: path)
        for name in archive.names { try add(archive.array(name), name) }
      } else if parts.count == 2 {
        try add(NumericArray(npyFile: path), parts[0])
      } else if names.count == 1 {
        try add(NumericArray(npyFile: path), names[0])
      } else {
        throw DataError(
          .wrongInput, "the model has \(names.count) \(kind)s, \(names.map { "'\($0)'" }.joined(separator: ", "))",
          remedy: "give each as \(flag) name=file.npy")
      }
    }
    return arrays
  }
}
