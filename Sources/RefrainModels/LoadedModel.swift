import Refrain
import RefrainData
import RefrainFormats
import RefrainTasks

/// A model read from a file of any format.
public struct LoadedModel: Sendable {
  /// The model itself.
  public enum Model: Sendable {
    /// One layer after another.
    case sequential(Sequential)
    /// A graph of operators.
    case graph(ONNXModel)
    /// A trained task of Refrain.
    case task(any TaskModel)
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
    let file = try ForeignFile(bytes: bytes, path: path)
    format = try ModelFormat(of: file)
    switch format {
    case .refrain:
      let file = try SafeTensorsFile(bytes: bytes, file: path)
      if ModelFile.kind(of: file) == Sequential.kind {
        model = .sequential(try Sequential(file, path: path))
      } else {
        model = .task(try Tasks.model(in: file, path: path))
      }
    case .foreign(let format):
      let imported = try format.model(in: file, assuming: assumptions)
      switch imported.content {
      case .sequential(let layers): model = .sequential(layers)
      case .graph(let graph): model = .graph(graph)
      }
      (notes, openQuestions) = (imported.notes, imported.openQuestions)
      (naming, cells) = (imported.naming, imported.cells)
    }
  }

  /// The model, to run on arrays.
  ///
  /// - Throws: `unsupportedContent` for a task that has no network to run on arrays.
  public func runnable() throws(DataError) -> any RunnableModel {
    switch model {
    case .sequential(let model): model
    case .graph(let model): model
    case .task(let task): try task.runnable()
    }
  }

  /// The layers of the model.
  ///
  /// - Throws: `unsupportedContent` when it is not one layer after another.
  public func sequential() throws(DataError) -> Sequential {
    switch model {
    case .sequential(let model): return model
    case .graph(let model): return try Sequential(onnx: model)
    case .task(let task):
      throw DataError(
        .unsupportedContent, "a model of the task \(task.taskName) is no chain of layers",
        remedy: "convert it to ONNX, with --to onnx")
    }
  }
}

extension TaskModel {
  /// The word for the task, of a model whose type is not known.
  var taskName: String { Self.name }

  /// On arrays a task is its network.
  func runnable() throws(DataError) -> any TracedNetwork {
    if let network { return network }
    throw DataError(
      .unsupportedContent, "a model of the task \(Self.name) has no network to run on arrays", remedy: "use 'predict'")
  }
}
