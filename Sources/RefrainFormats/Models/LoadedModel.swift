import Refrain
import RefrainData
import RefrainTasks

/// A model read from a file of any format.
public struct LoadedModel: Sendable {
  /// The model itself.
  public enum Model: Sendable {
    /// Layers one after another.
    case sequential(Sequential)
    /// A forecaster.
    case forecaster(Forecaster)
    /// A graph of ONNX.
    case graph(ONNXModel)
  }

  /// The format of the file.
  public let format: ModelFormat
  /// The model.
  public let model: Model
  /// What was assumed, in words.
  public var notes: [String] = []
  /// Those of the notes on which the model's answers depend, and the flags that settle them.
  public var openQuestions: [String] = []
  /// What the layers of a state dictionary are called there, by their numbers.
  public var naming: [String: String] = [:]
  /// Those of them that are cells there.
  var cells: Set<String> = []

  /// Reads a file.
  ///
  /// - Throws: `wrongFormat` for a file that holds no model, or what reading its format throws.
  public init(contentsOf path: String, assuming assumptions: StateAssumptions = StateAssumptions()) throws(DataError) {
    let bytes = try readModelFile(path)
    do throws(DataError) {
      try self.init(bytes, path: path, assuming: assumptions)
    } catch {
      throw error.inFile(path)
    }
  }

  /// Reads the bytes of a file; `path` is where files beside it are.
  init(_ bytes: [UInt8], path: String?, assuming assumptions: StateAssumptions) throws(DataError) {
    format = try ModelFormat(of: bytes, file: path)
    switch format {
    case .refrain:
      let file = try SafeTensorsFile(bytes: bytes, file: path)
      if ModelFile.kind(of: file) == Sequential.kind {
        model = .sequential(try Sequential(file, path: path))
      } else if let path {
        model = .forecaster(try Forecaster(contentsOf: path))
      } else {
        throw DataError(.notAModel, "there is a model in it that is known by no name")
      }
    case .safetensors, .pytorch:
      let state = try StateDictionary(bytes: bytes, at: assumptions.key, file: path)
      let inferred = try state.inferredModel(assumptions)
      (model, notes) = (.sequential(inferred.model), inferred.notes)
      (naming, cells) = (inferred.naming, inferred.cells)
      openQuestions = inferred.openQuestions
    case .keras:
      let read = try KerasFile.readWithNotes(bytes: bytes)
      (model, notes) = (.sequential(read.model), read.notes)
    case .kerasWeights: throw KerasLegacyFile.withoutModel
    case .onnx:
      if let path {
        model = .graph(try ONNXModel(contentsOf: path))
      } else {
        model = .graph(try ONNXModel(bytes: bytes))
      }
    case .npy, .npz:
      throw DataError(.wrongFormat, "these are arrays, not a model", remedy: "name a model")
    }
  }

  /// The model, to run.
  ///
  /// - Throws: `unsupportedContent` for a forecaster of a cell that ONNX has not.
  public func runnable() throws(DataError) -> any RunnableModel {
    switch model {
    case .sequential(let model): model
    case .graph(let model): model
    // On arrays a forecaster is its network.
    case .forecaster(let forecaster): try ONNXModel(bytes: forecaster.onnx())
    }
  }

  /// The layers of the model.
  ///
  /// - Throws: `unsupportedContent` when it is not one layer after another.
  public func sequential() throws(DataError) -> Sequential {
    switch model {
    case .sequential(let model): return model
    case .graph(let model): return try Sequential(onnx: model)
    case .forecaster:
      throw DataError(
        .unsupportedContent, "a forecaster is no chain of layers", remedy: "convert it to ONNX, with --to onnx")
    }
  }
}
