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
  /// - Throws: `wrongFormat` when it is none of these, with what it is instead where that can be told.
  public static func format(of file: ForeignFile) throws(DataError) -> any ForeignFormat.Type {
    if let other = OtherFile(file.bytes) { throw unknown(other.title, file.path, remedy: other.remedy) }
    for format in all where try format.recognizes(file) { return format }
    guard let names = file.entries else { throw unknown("of no kind that is known", file.path) }
    let shown = names.prefix(4).map(\.quoted).joined(separator: ", ")
    throw unknown(
      names.isEmpty ? "an empty archive" : "an archive that holds no model: it has \(shown)", file.path,
      remedy: "unpack it, and name the model in it")
  }

  private static func unknown(_ what: String, _ file: String?, remedy: String? = nil) -> DataError {
    DataError(
      .wrongFormat, file: file, "the file is \(what)",
      remedy: remedy ?? "name a model of Refrain, PyTorch, Keras or ONNX, or arrays of NumPy")
  }
}
