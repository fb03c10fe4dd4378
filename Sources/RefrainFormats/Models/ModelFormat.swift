import RefrainData

/// The kinds of files that hold models or arrays.
public enum ModelFormat: String, CaseIterable, Sendable {
  case refrain, safetensors, pytorch, keras, kerasWeights, onnx, npy, npz

  /// Its name for people.
  public var title: String {
    switch self {
    case .refrain: "Refrain model (safetensors)"
    case .safetensors: "safetensors"
    case .pytorch: "PyTorch file"
    case .keras: "Keras model"
    case .kerasWeights: "HDF5 file, such as Keras' weights"
    case .onnx: "ONNX model"
    case .npy: "NumPy array"
    case .npz: "NumPy archive"
    }
  }

  /// What a file is by its first bytes, and by what an archive holds.
  ///
  /// - Throws: `wrongFormat` when it is none of these; `damagedFile` for an archive that cannot be opened.
  public init(of bytes: [UInt8], file: String? = nil) throws(DataError) {
    if bytes.starts(with: [0x93] + Array("NUMPY".utf8)) {
      self = .npy
    } else if bytes.starts(with: [0x89] + Array("HDF\r\n".utf8)) {
      self = KerasLegacyFile.hasModel(bytes) ? .keras : .kerasWeights
    } else if let other = OtherFile(bytes) {
      throw Self.unknown(other.title, file, remedy: other.remedy)
    } else if bytes.starts(with: Array("PK".utf8)) {
      let names = try ZipArchive(bytes: bytes, file: file).names
      if names.contains("config.json") {
        self = .keras
      } else if names.contains(where: { $0.hasSuffix("data.pkl") }) {
        self = .pytorch
      } else if !names.isEmpty, names.allSatisfy({ $0.hasSuffix(".npy") }) {
        self = .npz
      } else {
        let shown = names.prefix(4).map(\.quoted).joined(separator: ", ")
        throw Self.unknown(
          names.isEmpty ? "an empty archive" : "an archive that holds no model: it has \(shown)", file,
          remedy: "unpack it, and name the model in it")
      }
    } else if TorchFile.isLegacy(bytes) {
      self = .pytorch
    } else if TorchFile.isPickle(bytes) {
      throw try TorchFile.plainPickle(bytes).inFile(file)
    } else if bytes.count > 8, bytes[8] == UInt8(ascii: "{") {
      self = ModelFile.kind(of: try SafeTensorsFile(bytes: bytes, file: file)) == nil ? .safetensors : .refrain
    } else if let first = bytes.first, [0x08, 0x12, 0x1A, 0x22, 0x2A, 0x32, 0x3A].contains(first) {
      // The first field of a message: there is no signature. The reader says whether it is one.
      self = .onnx
    } else {
      throw Self.unknown(bytes.isEmpty ? "empty" : "of no kind that is known", file)
    }
  }

  private static func unknown(_ what: String, _ file: String?, remedy: String? = nil) -> DataError {
    DataError(
      .wrongFormat, file: file, "the file is \(what)",
      remedy: remedy ?? "name a model of Refrain, PyTorch, Keras or ONNX, or arrays of NumPy")
  }
}
