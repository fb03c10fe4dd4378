import RefrainData
import RefrainFormats

/// The kind of a file that holds a model or arrays: Refrain's own, or another program's.
public enum ModelFormat: Sendable {
  /// A model that Refrain saved.
  case refrain
  /// A file of another program.
  case foreign(any ForeignFormat.Type)

  /// Its name on the command line and for programs, such as `onnx`.
  public var name: String {
    switch self {
    case .refrain: "refrain"
    case .foreign(let format): format.name
    }
  }

  /// Its name for people.
  public var title: String {
    switch self {
    case .refrain: "Refrain model (safetensors)"
    case .foreign(let format): format.title
    }
  }

  /// What a file is by its first bytes, and by what an archive holds.
  ///
  /// - Throws: `wrongFormat` when it is of no kind that is known; `damagedFile` or `corruptSafeTensors` when what it
  ///   seems to be cannot be opened.
  public init(of file: ForeignFile) throws(DataError) {
    let format = try ForeignFormats.format(of: file)
    guard format == SafeTensorsFormat.self else {
      self = .foreign(format)
      return
    }
    let kind = ModelFile.kind(of: try SafeTensorsFile(bytes: file.bytes, file: file.path, listingOthers: true))
    self = kind == nil ? .foreign(format) : .refrain
  }
}

extension ModelFormat: Equatable {
  /// Whether both are one kind.
  public static func == (left: ModelFormat, right: ModelFormat) -> Bool { left.name == right.name }
}
