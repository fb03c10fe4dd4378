import Refrain
import RefrainData

/// A kind of files of another program: how one is told from others, read, described and written.
///
/// A new one is a folder with a type of this kind, and a line in ``ForeignFormats/all``.
public protocol ForeignFormat: Sendable {
  /// Its name on the command line and for programs, such as `onnx`.
  static var name: String { get }
  /// Its name for people, such as `ONNX model`.
  static var title: String { get }

  /// Whether a file is of this kind: by its first bytes, and by what an archive holds.
  ///
  /// - Throws: What opening the file throws where its first bytes leave no doubt that it should be of this kind.
  static func recognizes(_ file: ForeignFile) throws(DataError) -> Bool

  /// Reads the model.
  ///
  /// - Throws: `wrongFormat` when there is no model in files of this kind, or what reading throws.
  static func model(in file: ForeignFile, assuming: StateAssumptions) throws(DataError) -> ImportedModel

  /// Adds what is in a file to what is said of it.
  ///
  /// - Throws: What reading throws.
  static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError)
}

/// A format that models can be written in.
public protocol WritableFormat: ForeignFormat {
  /// The endings of its files' names, without the dot.
  static var endings: [String] { get }

  /// Writes layers.
  ///
  /// - Throws: `unsupportedContent` or `inexactConversion` for what the format has not.
  static func write(_ model: Sequential, _ options: WritingOptions) throws(DataError) -> WrittenModel

  /// Writes a network that is no chain of layers, where the format has such.
  ///
  /// - Throws: `unsupportedContent` for what the format has not.
  static func write(_ network: any TracedNetwork, _ options: WritingOptions) throws(DataError) -> WrittenModel
}

extension WritableFormat {
  /// Refuses: most formats hold chains of layers alone.
  public static func write(
    _ network: any TracedNetwork, _ options: WritingOptions
  ) throws(DataError) -> WrittenModel {
    throw DataError(
      .unsupportedContent, "the network is no chain of layers, which is all that the format \(name) holds",
      remedy: "convert it to ONNX, with --to onnx")
  }
}

/// The bytes of a file, and what can be told of them at a glance.
public struct ForeignFile: Sendable {
  /// All of them.
  public let bytes: [UInt8]
  /// Where the file is, for messages and for files beside it; nil when the bytes came from elsewhere.
  public let path: String?
  /// The names in an archive; nil when it is none.
  public let entries: [String]?

  /// Looks at the bytes of a file.
  ///
  /// - Throws: `damagedFile` for an archive that cannot be opened.
  public init(bytes: [UInt8], path: String? = nil) throws(DataError) {
    self.bytes = bytes
    self.path = path
    entries = bytes.starts(with: Array("PK".utf8)) ? try ZipArchive(bytes: bytes, file: path).names : nil
  }
}

/// A model of another program's file.
public struct ImportedModel: Sendable {
  /// How the model is made.
  public enum Content: Sendable {
    /// One layer after another.
    case sequential(Sequential)
    /// A graph of operators.
    case graph(ONNXModel)
  }

  /// The model.
  public var content: Content
  /// What was assumed, in words.
  public var notes: [String]
  /// Those of the notes on which the model's answers depend, and the flags that settle them.
  public var openQuestions: [String]
  /// What the layers of a state dictionary are called there, by their numbers.
  public var naming: [String: String]
  /// Those of them that are cells there.
  public var cells: Set<String>

  /// A model as it was read.
  public init(
    _ content: Content, notes: [String] = [], openQuestions: [String] = [], naming: [String: String] = [:],
    cells: Set<String> = []
  ) {
    self.content = content
    self.notes = notes
    self.openQuestions = openQuestions
    self.naming = naming
    self.cells = cells
  }
}

/// What writing has to know besides the model.
public struct WritingOptions: Sendable {
  /// What the name of the file ends in, without the dot and in small letters, where it has a name.
  public var ending: String?
  /// What the layers are called, by their numbers, in the state dictionary that the model came from.
  public var naming: [String: String]
  /// Those of them that are cells there.
  public var cells: Set<String>
  /// What inputs and outputs a graph of ONNX has.
  public var onnx: ONNXExportOptions

  /// Options for writing.
  public init(
    ending: String? = nil, naming: [String: String] = [:], cells: Set<String> = [],
    onnx: ONNXExportOptions = ONNXExportOptions()
  ) {
    self.ending = ending
    self.naming = naming
    self.cells = cells
    self.onnx = onnx
  }
}

/// What was written, and the proof: what another program finds in it.
public struct WrittenModel: Sendable {
  /// The bytes of the file.
  public var bytes: [UInt8]
  /// The model that these bytes hold.
  public var readBack: any RunnableModel
  /// What was left behind, in words.
  public var notes: [String]

  /// A file's bytes with the model that is read back from them.
  public init(bytes: [UInt8], readBack: any RunnableModel, notes: [String] = []) {
    self.bytes = bytes
    self.readBack = readBack
    self.notes = notes
  }
}
