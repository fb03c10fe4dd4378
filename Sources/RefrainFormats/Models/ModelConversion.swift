import Refrain
import RefrainData

/// A model in another format, proven: what was written is read back, and both sides run on the same random input.
public struct Conversion: Sendable {
  /// The formats that can be written.
  public enum Target: String, CaseIterable, Sendable {
    case refrain, pytorch, keras, onnx

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
  /// What was assumed or left behind, in words.
  public let notes: [String]

  /// Converts a model.
  ///
  /// - Parameters:
  ///   - source: the model.
  ///   - target: the format.
  ///   - isSafeTensors: for PyTorch, whether the state dictionary goes into safetensors and not into a `.pt` file.
  /// - Throws: `unsupportedContent` when the format has not what the model has, `inexactConversion` when the two sides
  ///   differ by more than ``tolerance``.
  public init(_ source: LoadedModel, to target: Target, isSafeTensors: Bool = false) throws(DataError) {
    var original = try source.runnable()
    let converted: any RunnableModel
    var notes = source.notes
    if case .forecaster(let forecaster) = source.model, target == .onnx {
      bytes = try forecaster.onnx()
      converted = try ONNXModel(bytes: bytes)
      notes.append("the network takes and gives numbers in its own unit, scaled, not those of the series")
    } else {
      let model: Sequential
      if case .graph(let graph) = source.model {
        let layers = try ONNXLayers(graph)
        model = layers.model
        original = BatchFirstGraph(graph, layers)
        if layers.isTimeFirst { notes.append("the graph has the time first; the layers take the batch first") }
      } else {
        model = try source.sequential()
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
        // States that are learned are in the file; others are inputs.
        let isLearned = model.namedTensors.contains { $0.name.contains("initial_") }
        bytes = try model.onnx(ONNXExportOptions(states: !isLearned))
        converted = try ONNXModel(bytes: bytes)
      }
    }
    self.notes = notes
    (difference, comparisons) = try ConversionTrial(original, converted).run()
    guard difference <= Self.tolerance else {
      throw DataError(
        .inexactConversion, "the converted model's output differs by \(difference), more than \(Self.tolerance)",
        remedy: "nothing was written; please report the model's layers")
    }
  }
}
