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
  /// What was compared with what, in words: the two sides.
  public let compared: String
  /// How far the model is from the outputs of the program that it comes from, where these were given.
  public let proof: OutputComparison?
  /// What was assumed or left behind, in words.
  public let notes: [String]

  /// Converts a model.
  ///
  /// - Parameters:
  ///   - source: the model.
  ///   - target: the format.
  ///   - path: the name that the file will have, whose ending may say more: a state dictionary of PyTorch's goes into
  ///     safetensors where it ends so.
  ///   - options: what inputs and outputs a graph of ONNX has.
  ///   - sample: inputs, and what the program that the model comes from gives for them. Only these prove that the model
  ///     was read as it was meant.
  ///   - tolerance: the greatest difference from the sample that is let pass.
  /// - Throws: `unsupportedContent` when the format has not what the model has, `inexactConversion` when the two sides
  ///   differ by more than ``tolerance``, or the converted model from the sample.
  public init(
    _ source: LoadedModel, to target: Target, path: String = "", options: ONNXExportOptions = ONNXExportOptions(),
    sample: ModelSample? = nil, tolerance: Float = Conversion.tolerance
  ) throws(DataError) {
    var original = try source.runnable()
    let writing = WritingOptions(
      ending: Self.ending(of: path), naming: source.naming, cells: source.cells, onnx: options)
    var notes = source.notes
    var isSwapped = false
    let written: WrittenModel
    if case .task(let task) = source.model, let format = target.format {
      let network = try task.runnable()
      written = try format.write(network, writing)
      compared = "between the network and what was written, read back"
      notes.append("the network takes and gives numbers in its own unit, scaled, not those of the data")
    } else {
      let model: Sequential
      if case .graph(let graph) = source.model {
        let found = try graph.layersBatchFirst()
        (model, original, isSwapped) = (found.layers, found.graph, found.isSwapped)
        compared = "between the graph of ONNX and the layers found in it, written and read back"
        notes += found.notes
      } else {
        model = try source.sequential()
        // Refrain cannot run the other program: a model read wrong agrees with itself.
        compared =
          source.format == .refrain
          ? "between the model and what was written, read back"
          : "between the model as Refrain reads it and what was written, read back"
      }
      if let format = target.format {
        written = try format.write(model, writing)
      } else {
        let bytes = try model.fileContents().bytes()
        written = WrittenModel(bytes: bytes, readBack: try Sequential(SafeTensorsFile(bytes: bytes)))
      }
    }
    (bytes, self.notes) = (written.bytes, notes + written.notes)
    let converted = written.readBack
    let trial = try ConversionTrial(original, converted).run()
    (difference, comparisons) = (trial.difference, trial.count)
    guard difference <= Self.tolerance else {
      throw DataError(
        .inexactConversion, "the converted model's output differs by \(difference), more than \(Self.tolerance)",
        remedy: "nothing was written; please report the model's layers")
    }
    proof = try sample.map { (sample) throws(DataError) in
      // A graph with the time first is given the sample as it is: its layers were compared with it above.
      if isSwapped { return try OutputComparison(source.runnable().run(sample.inputs), expected: sample.expected) }
      let given = sample.renamed(from: original, to: converted)
      return try OutputComparison(converted.run(given.inputs), expected: given.expected)
    }
    if let proof, !(proof.difference <= tolerance) {
      throw DataError(
        .inexactConversion,
        "the converted model's output differs from what is expected by \(proof.difference), more than \(tolerance)",
        remedy: "nothing was written; look at the notes of 'info', and settle what the file does not say")
    }
  }
}
