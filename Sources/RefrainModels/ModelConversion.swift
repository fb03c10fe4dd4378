import Refrain
import RefrainData
import RefrainFormats

/// A model in another format, proven: what was written is read back, and both sides run on the same random input.
public struct Conversion: Sendable {
  /// A format that can be written.
  public struct Target: Sendable, Hashable {
    /// Its name, such as `onnx`.
    public let name: String
    /// The endings of its files' names, without the dot.
    let endings: [String]
    /// Nil is Refrain's own.
    let format: (any WritableFormat.Type)?

    /// Refrain's own files.
    public static let refrain = Target(name: "refrain", endings: ["safetensors"], format: nil)

    /// All formats.
    public static var all: [Target] {
      [.refrain] + ForeignFormats.writable.map { Target(name: $0.name, endings: $0.endings, format: $0) }
    }

    /// The format of a name.
    public init?(name: String) {
      guard let target = Self.all.first(where: { $0.name == name }) else { return nil }
      self = target
    }

    /// The format that the ending of a file's name stands for.
    public init?(path: String) {
      let ending = Conversion.ending(of: path)
      guard let target = Self.all.first(where: { $0.endings.contains(ending) }) else { return nil }
      self = target
    }

    private init(name: String, endings: [String], format: (any WritableFormat.Type)?) {
      (self.name, self.endings, self.format) = (name, endings, format)
    }

    /// Whether both have one name.
    public static func == (left: Target, right: Target) -> Bool { left.name == right.name }
    /// Takes the name.
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
  }

  /// What the name of a file ends in, after the last dot, in small letters.
  fileprivate static func ending(of path: String) -> String {
    path.split(separator: ".").last.map { $0.lowercased() } ?? ""
  }

  /// The greatest difference between the two sides that is let pass.
  public static let tolerance: Float = 1e-5

  /// The file's bytes.
  public let bytes: [UInt8]
  /// The greatest difference between the outputs, as a share of the output's size where that is above 1.
  public let difference: Float
  /// How many numbers were compared.
  public let comparisons: Int
  /// What was assumed or left behind, in words.
  public let notes: [String]

  /// Converts a model.
  ///
  /// - Parameters:
  ///   - source: the model.
  ///   - target: the format.
  ///   - path: the name that the file will have, whose ending may say more: a state dictionary of PyTorch's goes into
  ///     safetensors where it ends so.
  /// - Throws: `unsupportedContent` when the format has not what the model has, `inexactConversion` when the two sides
  ///   differ by more than ``tolerance``.
  public init(_ source: LoadedModel, to target: Target, path: String = "") throws(DataError) {
    var original = try source.runnable()
    let options = WritingOptions(ending: Self.ending(of: path), naming: source.naming, cells: source.cells)
    var notes = source.notes
    let written: WrittenModel
    if case .task(let task) = source.model, let format = target.format {
      let network = try task.runnable()
      written = try format.write(network, options)
      notes.append("the network takes and gives numbers in its own unit, scaled, not those of the data")
    } else {
      let model: Sequential
      if case .graph(let graph) = source.model {
        let found = try graph.layersBatchFirst()
        (model, original) = (found.layers, found.graph)
        notes += found.notes
      } else {
        model = try source.sequential()
      }
      if let format = target.format {
        written = try format.write(model, options)
      } else {
        let bytes = try model.fileContents().bytes()
        written = WrittenModel(bytes: bytes, readBack: try Sequential(SafeTensorsFile(bytes: bytes)))
      }
    }
    (bytes, notes) = (written.bytes, notes + written.notes)
    let converted = written.readBack
    self.notes = notes
    (difference, comparisons) = try ConversionTrial(original, converted).run()
    guard difference <= Self.tolerance else {
      throw DataError(
        .inexactConversion, "the converted model's output differs by \(difference), more than \(Self.tolerance)",
        remedy: "nothing was written; please report the model's layers")
    }
  }
}
