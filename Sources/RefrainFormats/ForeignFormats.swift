import RefrainData

/// The kinds of files of other programs that are known.
public enum ForeignFormats {
  /// The formats, in the order in which they are asked; a new one is added here, before ONNX, which has no signature.
  public static let all: [any ForeignFormat.Type] = [
    NumPyFormat.self, KerasWeightsFormat.self, KerasFormat.self, TorchFormat.self, NumPyArchiveFormat.self,
    SafeTensorsFormat.self, ONNXFormat.self,
  ]

  /// Those that models can be written in.
  public static var writable: [any WritableFormat.Type] { all.compactMap { $0 as? any WritableFormat.Type } }

  /// What a file is by its first bytes, and by what an archive holds.
  ///
  /// - Throws: `wrongFormat` when it is none of these; `damagedFile` for an archive that cannot be opened.
  public static func format(of file: ForeignFile) throws(DataError) -> any ForeignFormat.Type {
    for format in all where try format.recognizes(file) { return format }
    if file.entries != nil { throw unknown("an archive that holds no model", file.path) }
    throw unknown(file.bytes.isEmpty ? "empty" : "of no kind that is known", file.path)
  }

  private static func unknown(_ what: String, _ file: String?) -> DataError {
    DataError(
      .wrongFormat, file: file, "the file is \(what)",
      remedy: "name a model of Refrain, PyTorch, Keras or ONNX, or arrays of NumPy")
  }
}
