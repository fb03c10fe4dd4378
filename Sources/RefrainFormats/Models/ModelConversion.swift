import Refrain
import RefrainData

/// A model in another format, proven: what was written is read back, and both sides run on the same random input.
public struct Conversion: Sendable {
  /// The formats that can be written.
  public enum Target: String, CaseIterable, Sendable {
    /// A model file of Refrain.
    case refrain
    /// A state dictionary.
    case pytorch
    /// A model of Keras 3.
    case keras
    /// A graph of ONNX.
    case onnx

    /// The format that the ending of a name stands for.
    public init?(path: String) {
      switch path.split(separator: ".").last?.lowercased() {
      case "safetensors": self = .refrain
      case "pt", "pth": self = .pytorch
      case "keras": self = .keras
      case "onnx": self = .onnx
      default: return nil
      }
    }
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
  ///   - isSafeTensors: for PyTorch, whether the state dictionary goes into safetensors and not into a `.pt` file.
  ///   - options: what inputs and outputs a graph of ONNX has.
  ///   - sample: inputs, and what the program that the model comes from gives for them. Only these prove that the model
  ///     was read as it was meant.
  ///   - tolerance: the greatest difference from the sample that is let pass.
  /// - Throws: `unsupportedContent` when the format has not what the model has, `inexactConversion` when the two sides
  ///   differ by more than ``tolerance``, or the converted model from the sample.
  public init(
    _ source: LoadedModel, to target: Target, isSafeTensors: Bool = false,
    options: ONNXExportOptions = ONNXExportOptions(), sample: ModelSample? = nil,
    tolerance: Float = Conversion.tolerance
  ) throws(DataError) {
    var original = try source.runnable()
    let converted: any RunnableModel
    var notes = source.notes
    if case .forecaster(let forecaster) = source.model, target == .onnx {
      bytes = try forecaster.onnx()
      converted = try ONNXModel(bytes: bytes)
      compared = "between Refrain's forecaster as a graph and that graph read back"
      notes.append("the network takes and gives numbers in its own unit, scaled, not those of the series")
    } else {
      let model: Sequential
      if case .graph(let graph) = source.model {
        let layers = try ONNXLayers(graph)
        model = layers.model
        compared = "between the graph of ONNX and the layers found in it, written and read back"
        original = BatchFirstGraph(graph, layers)
        if layers.isTimeFirst { notes.append("the graph has the time first; the layers take the batch first") }
      } else {
        model = try source.sequential()
        // Refrain cannot run the other program: a model read wrong agrees with itself.
        compared =
          source.format == .refrain
          ? "between the model and what was written, read back"
          : "between the model as Refrain reads it and what was written, read back"
      }
      switch target {
      case .refrain:
        bytes = try model.fileContents().bytes()
        converted = try Sequential(SafeTensorsFile(bytes: bytes))
      case .pytorch:
        let state = try StateDictionary(model, naming: source.naming, cells: source.cells)
        bytes = isSafeTensors ? try state.safeTensorsBytes() : try state.torchBytes()
        var copy = model
        // Weights of its own kind, which only what was written can replace.
        copy.forEachTensor { _, tensor in tensor = .zeros(tensor.shape) }
        notes += try copy.load(StateDictionary(bytes: bytes), naming: source.naming)
        converted = copy
        notes.append("a state dictionary holds weights alone; the layers must be built in PyTorch")
      case .keras:
        bytes = try KerasFile.bytes(of: model)
        converted = try KerasFile.read(bytes: bytes)
      case .onnx:
        var options = options
        if options.states, model.namedTensors.contains(where: { $0.name.contains("initial_") }) {
          options.states = false
          notes.append("the states before the first step are learned: they are in the graph, and no inputs")
        }
        bytes = try model.onnx(options)
        converted = try ONNXModel(bytes: bytes)
      }
    }
    self.notes = notes
    let trial = try ConversionTrial(original, converted).run()
    (difference, comparisons) = (trial.difference, trial.count)
    guard difference <= Self.tolerance else {
      throw DataError(
        .inexactConversion, "the converted model's output differs by \(difference), more than \(Self.tolerance)",
        remedy: "nothing was written; please report the model's layers")
    }
    proof = try sample.map { (sample) throws(DataError) in
      // A graph with the time first is given the sample as it is: its layers were compared with it above.
      if case .graph = source.model, let graph = original as? BatchFirstGraph, graph.isSwapped {
        return try OutputComparison(source.runnable().run(sample.inputs), expected: sample.expected)
      }
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
